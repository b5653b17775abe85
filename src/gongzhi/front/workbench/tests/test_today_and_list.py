"""The morning page and the list: right numbers, filters that stay in the address, few statements."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.front.clock_words import due_words, span_words
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case
from gongzhi.understand.cases.tree import category_by_code

pytestmark = pytest.mark.django_db


def figures(client):
    """The numbers on the morning page, by list."""
    answer = client.get("/staff/")
    assert answer.status_code == 200
    return {section.name: section.total for section in answer.context["sections"]}


def listed(client, **query):
    answer = client.get("/staff/cases/", query)
    assert answer.status_code == 200, answer.content.decode()
    return [row.number for row in answer.context["rows"]]


def test_the_numbers_and_the_lists_agree(town, report, assigned, as_user, moment, deliver):
    _m, late = assigned()
    _m, today = assigned()
    _m, fresh = report()
    _m, paused = assigned()
    cases.pause_case(
        case_id=paused.pk,
        reason="等配件",
        review_on=(moment.now + timedelta(days=1)).date(),
        by=town.clerk,
        now=moment.now,
    )
    _m, promised = assigned()
    moment.now += timedelta(days=1)
    Case.objects.filter(pk=late.pk).update(due_at=moment.now - timedelta(hours=1))
    Case.objects.filter(pk=today.pk).update(due_at=moment.now + timedelta(hours=2))
    Case.objects.filter(pk=promised.pk).update(due_at=moment.now + timedelta(hours=3), extensions=1)
    Case.objects.filter(pk=fresh.pk).update(due_at=moment.now + timedelta(days=2))
    client = as_user(town.clerk)
    found = figures(client)
    assert (found["late"], found["due"], found["promised"], found["review"], found["new"]) == (1, 2, 1, 1, 1)
    assert listed(client, clock="late") == [late.number]
    assert listed(client, clock="today") == [today.number, promised.number]
    assert listed(client, clock="promised") == [promised.number]
    assert listed(client, clock="review") == [paused.number]
    assert listed(client, state="new") == [fresh.number]
    text = client.get("/staff/").content.decode()
    assert "1 hour late" in text
    assert "due in 2 hours" in text
    # Another community's clerk has none of these.
    assert set(figures(as_user(town.other_clerk)).values()) == {0}


def test_hands_begin_with_their_work_orders(town, assigned, as_user, moment, deliver):
    _m, case = assigned()
    names = list(figures(as_user(town.worker)))
    assert names[0] == "tasks"
    assert "new" not in names
    assert figures(as_user(town.worker))["tasks"] == 1
    assert figures(as_user(town.other_worker))["tasks"] == 0
    assert list(figures(as_user(town.clerk)))[:3] == ["late", "due", "new"]
    tasks.report_done(task_id=Task.objects.get(case=case).pk, words="清走了", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    assert figures(as_user(town.worker))["tasks"] == 0


def test_officers_see_their_own_and_administrators_their_doors(town, assigned, as_user, moment, deliver):
    _m, case = assigned()
    assert figures(as_user(town.officer))["tasks"] == 0
    cases.assign_case(
        case_id=case.pk, role="department_officer", place_id=town.county.pk, by=town.clerk, now=moment.now
    )
    deliver(now=moment.now)
    assert figures(as_user(town.officer))["tasks"] == 1
    assert listed(as_user(town.officer)) == [case.number]
    assert figures(as_user(town.audit)) == {}


def test_checks_wait_for_somebody_else(town, assigned, as_user, moment, deliver):
    _m, case = assigned(answer_by="none")
    tasks.report_done(task_id=Task.objects.get(case=case).pk, words="清走了", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    assert figures(as_user(town.clerk))["checks"] == 1
    assert figures(as_user(town.worker))["checks"] == 0  # their own work


def test_filters_mean_what_they_say(town, report, assigned, as_user, moment, deliver):
    _m, litter = assigned(channel="phone")
    _m, adverts = report(category="environment.adverts", text="电线杆上贴满小广告，影响市容。")
    _m, elsewhere = report(place=town.other_grid)
    street = as_user(town.street_clerk)
    every = {litter.number, adverts.number, elsewhere.number}
    assert set(listed(street)) == every
    assert set(listed(street, place=town.community.path)) == every - {elsewhere.number}
    assert listed(street, place=town.other_grid.path) == [elsewhere.number]
    assert listed(street, category="environment.adverts") == [adverts.number]
    assert set(listed(street, category="environment")) == every
    assert listed(street, channel="phone") == [litter.number]
    assert listed(street, lead="mine") == []
    assert listed(as_user(town.worker), lead="mine") == [litter.number]
    street = as_user(town.street_clerk)
    assert set(listed(street, lead="nobody")) == {adverts.number, elsewhere.number}
    assert listed(street, q="小广告") == [adverts.number]
    assert listed(street, q=litter.number) == [litter.number]
    assert listed(street, q="100%") == []
    assert set(listed(street, **{"from": "2026-11-18", "to": "2026-11-18"})) == every
    assert listed(street, **{"from": "2026-11-19"}) == []
    assert listed(street, state="closed") == []
    assert set(listed(street, state="all", clock="green")) == every
    assert set(listed(as_user(town.other_clerk), place=town.community.path)) == set()  # never beyond the reach


def test_filters_stay_in_the_address(town, report, as_user):
    report()
    answer = as_user(town.clerk).get(
        "/staff/cases/", {"state": "new", "q": "东门", "category": "environment.litter", "from": "2026-11-01"}
    )
    text = answer.content.decode()
    assert '<option value="new" selected>' in text
    assert '<option value="environment.litter" selected>' in text
    assert 'value="东门"' in text
    assert 'value="2026-11-01"' in text
    # Paper keeps the filters.
    assert "/staff/cases/print/?state=new&amp;q=" in text
    paper = as_user(town.clerk).get("/staff/cases/print/", {"state": "new"}).content.decode()
    assert "sheet-list" in paper
    assert Case.objects.get().number in paper


@pytest.mark.parametrize(
    "query",
    [
        {"state": "nothing"},
        {"clock": "'"},
        {"place": "中国"},
        {"place": "999999999"},
        {"place": "1" * 31},
        {"category": "no.such"},
        {"from": "2026-13-01"},
        {"from": "yesterday"},
        {"from": "0001-01-01"},
        {"from": "2026-11-20", "to": "2026-11-01"},
        {"q": "长" * 101},
        {"page": "0"},
        {"page": "99999999999999999999"},
        {"page": "-1"},
        {"page": "²"},
        {"sort": "x"},
        {"lead": "7"},
        {"channel": "web'"},
    ],
)
def test_filters_that_mean_nothing(town, report, as_user, query):
    report()
    answer = as_user(town.clerk).get("/staff/cases/", query)
    assert answer.status_code == 400
    assert "Please look at this again" in answer.content.decode()
    assert answer.context["rows"] == []


def test_a_null_byte_in_the_address_is_refused(town, as_user):
    assert as_user(town.clerk).get("/staff/cases/", {"category": "a\x00"}).status_code == 400


def many(town, count, moment):
    """Cases as an import puts them in."""
    category = category_by_code("environment.litter")
    Case.objects.bulk_create(
        Case(
            version=0,
            number=f"261117-{index:07d}",
            summary=f"第{index}件事：楼道堆物",
            channel="import",
            state="assigned" if index % 3 else "new",
            category=category,
            place=town.grid,
            place_path=town.grid.path,
            lead_role="grid_worker" if index % 3 else "community_clerk",
            lead_place=town.grid if index % 3 else town.community,
            opened_at=moment.now - timedelta(hours=index),
            due_at=moment.now + timedelta(hours=index - 60),
            yellow_at=moment.now + timedelta(hours=index - 70),
        )
        for index in range(count)
    )


def test_pages_of_a_long_list(town, as_user, moment, django_assert_max_num_queries):
    many(town, 200, moment)
    client = as_user(town.clerk)
    first = client.get("/staff/cases/")
    assert len(first.context["rows"]) == 50
    assert first.context["caption"] == "200 cases"
    assert first.context["rows"][0].number == "261117-0000000"  # the earliest deadline
    with django_assert_max_num_queries(8):
        second = client.get("/staff/cases/", {"page": "2", "state": "all", "sort": "oldest"})
    assert "page=3&amp;state=all" in second.content.decode() or "state=all&amp;sort=oldest&amp;page=3" in (
        second.content.decode()
    )
    assert second.context["rows"][0].number == "261117-0000149"
    last = client.get("/staff/cases/", {"page": "4"})
    assert last.context["caption"] == "200 cases"
    assert 'rel="next"' not in last.content.decode()
    assert client.get("/staff/cases/", {"page": "5"}).context["caption"] == "200 cases"
    with django_assert_max_num_queries(12):  # one for each section that the person's posts have
        page = client.get("/staff/")
    assert all(len(section.rows) <= 5 for section in page.context["sections"])
    with django_assert_max_num_queries(8):
        client.get("/staff/cases/print/")


def test_nobody_counts_beyond_a_thousand(town, as_user, moment):
    many(town, 1003, moment)
    assert as_user(town.clerk).get("/staff/cases/").context["caption"] == "More than 1000 cases"


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0.5, "due in 30 minutes"),
        (2, "due in 2 hours"),
        (13, "due in 13 hours"),
        (20, "due tomorrow"),
        (72, "due in 3 days"),
        (-0.01, "1 minute late"),
        (-5, "5 hours late"),
        (-49, "2 days late"),
    ],
)
def test_deadlines_in_words(now, hours, words):
    assert due_words(now + timedelta(hours=hours), now) == words


def test_a_length_of_time_never_disappears():
    assert span_words(0) == "1 minute"
    assert span_words(59.9 * 60) == "60 minutes"


# --- entering for somebody else --------------------------------------------------------------------


def entering(**fields):
    return {
        "channel": "phone",
        "text": "三号楼电梯停了，老人下不来。",
        "category": "",
        "place": "",
        "address": "三号楼",
        "name": "欧阳小敏",
        "phone": "13800001234",
        "answer_by": "phone",
        "key": "k1",
        **fields,
    }


def test_a_caller_is_entered_with_the_agents_name_and_post(town, as_user, deliver, moment):
    client = as_user(town.desk)
    assert "Enter a report for somebody" in client.get("/staff/enter/").content.decode()
    answer = client.post("/staff/enter/", entering(place=town.grid.path))
    message = Message.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/enter/{message.number}/")
    assert (message.channel, message.entered_by, message.answer_by) == ("phone", town.desk, "phone")
    deliver(now=moment.now)
    case = Case.objects.get(voices__message=message)
    story = client.get(f"/staff/cases/{case.number}/").content.decode()
    assert "钱热线 (Hotline desk, 清华园街道)" in story
    assert "13800001234" not in story
    # The same form sent twice is one report.
    assert client.post("/staff/enter/", entering(place=town.grid.path))["Location"] == answer["Location"]
    assert Message.objects.count() == 1


def test_the_follow_link_is_shown_to_the_agent_only_and_that_day(town, as_user, moment):
    client = as_user(town.desk)
    url = client.post("/staff/enter/", entering(place=town.grid.path))["Location"]
    page = client.get(url)
    assert "/follow/" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert as_user(town.street_clerk).get(url).status_code == 404
    moment.now += timedelta(days=1)
    assert as_user(town.desk).get(url).status_code == 404


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"text": ""}, "Tell us in a few words"),
        ({"text": "长" * 4001}, "at most 4000"),
        ({"channel": "import"}, "Say how it came."),
        ({"channel": ""}, "Say how it came."),
        ({"category": "no.such"}, "There is no such category"),
        ({"place": "110101"}, "We do not know this place"),
        ({"phone": "abc"}, "does not look like a telephone number"),
        ({"phone": ""}, "To call them back, we need the number"),
        ({"lon": "116.3", "lat": ""}, "This point is not on the map"),
        ({"lon": "999", "lat": "40"}, "This point is not on the map"),
        ({"lon": "nan", "lat": "40"}, "Enter a number"),
    ],
)
def test_what_cannot_be_entered_stays_beside_the_field(town, as_user, fields, beside):
    answer = as_user(town.desk).post("/staff/enter/", entering(**fields))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert beside in text
    assert "欧阳小敏" in text
    assert Message.objects.count() == 0


def test_what_somebody_saw_themselves_asks_nobody(town, as_user):
    as_user(town.worker).post("/staff/enter/", entering(channel="field", name="", phone="", place=town.grid.path))
    assert Message.objects.get().answer_by == "none"


def test_a_worker_cannot_enter_for_another_grid_by_name(town, as_user):
    answer = as_user(town.worker).post("/staff/enter/", entering(place=town.other_grid.path))
    assert answer.status_code == 422
    assert Message.objects.count() == 0
