"""Lists people live in: views they keep, columns they choose, one step for many cases, the next one in the queue."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.front.workbench.models import SavedView
from gongzhi.ground.ledger.models import Entry
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case

pytestmark = pytest.mark.django_db


def keep(client, name="Late here", over="cases", **fields):
    return client.post(
        "/staff/views/", {"over": over, "name": name, "query": "clock=late&q=&page=3&state=&x=1", **fields}
    )


def bulk(client, deed, *found, **fields):
    """The ticks as the list makes them, and what the form of the step asks."""
    ticks = [case if isinstance(case, str) else f"{case.number}:{case.version}" for case in found]
    given = {"deed": deed, "case": ticks, "over": "cases", "query": "state=new", "key": "k1", "do": "1", **fields}
    return client.post("/staff/cases/bulk/", {key: value for key, value in given.items() if value is not None})


def result(client, answer):
    assert (answer.status_code, answer["Location"]) == (303, "/staff/cases/bulk/done/"), answer.content.decode()
    return client.get(answer["Location"]).content.decode()


# --- views ----------------------------------------------------------------------------------------------------------


def test_a_view_is_kept_found_changed_and_deleted(town, report, as_user):
    _m, case = report()
    client = as_user(town.clerk)
    answer = keep(client)
    assert (answer.status_code, answer["Location"]) == (303, "/staff/cases/?clock=late")
    view = SavedView.objects.get()
    assert (view.query, view.user, view.pinned) == ("clock=late", town.clerk, True)
    page = client.get("/staff/cases/?clock=late").content.decode()
    assert 'href="/staff/cases/?clock=late" aria-current="page">Late here' in page
    assert "Late here" not in as_user(town.street_clerk).get("/staff/cases/").content.decode()
    assert as_user(town.street_clerk).get(f"/staff/views/{view.pk}/").status_code == 404
    client = as_user(town.clerk)
    # The same name again holds the newer filters; another list has names of its own.
    keep(client, query="state=new")
    keep(client, over="inbox", query="urgency=urgent")
    assert sorted(SavedView.objects.values_list("over", "query")) == [
        ("cases", "state=new"),
        ("inbox", "urgency=urgent"),
    ]
    assert "Late here" in client.get("/staff/inbox/").content.decode()
    shown = client.get("/staff/views/").content.decode()
    assert shown.count("Late here") >= 2
    change = {"name": "Fresh", "position": "7", "opens": "on"}
    assert client.post(f"/staff/views/{view.pk}/", change).status_code == 303
    view.refresh_from_db()
    assert (view.name, view.position, view.opens, view.pinned) == ("Fresh", 7, True, False)
    client.post(f"/staff/views/{view.pk}/", {"do": "delete"})
    assert SavedView.objects.filter(over="cases").count() == 0
    assert case.number in client.get("/staff/cases/").content.decode()


def test_one_view_opens_first(town, report, as_user):
    _m, _case = report()
    client = as_user(town.clerk)
    keep(client, opens="on")
    assert client.get("/staff/cases/")["Location"] == "/staff/cases/?clock=late"
    assert client.get("/staff/cases/?state=").status_code == 200  # "All open" is still there
    keep(client, name="Other", query="state=closed", opens="on")
    assert client.get("/staff/cases/")["Location"] == "/staff/cases/?state=closed"
    assert SavedView.objects.filter(opens=True).count() == 1


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"name": "長" * 41}, {"over": "elsewhere"}, {"query": "q=" + "a" * 2000}]
)
def test_what_is_no_view(town, as_user, fields):
    assert keep(as_user(town.clerk), **fields).status_code == 422
    assert SavedView.objects.count() == 0


def test_nobody_keeps_more_than_thirty(town, as_user):
    client = as_user(town.clerk)
    for number in range(31):
        answer = keep(client, name=f"V{number}")
    assert answer.status_code == 409
    assert SavedView.objects.count() == 30


def test_numbers_come_only_when_asked(town, report, as_user, django_assert_max_num_queries):
    report()
    client = as_user(town.clerk)
    keep(client, name="New ones", query="state=new")
    assert "tabs__count" not in client.get("/staff/cases/").content.decode()
    assert '<span class="tabs__count">1</span>' in client.get("/staff/cases/?counts=1").content.decode()
    with django_assert_max_num_queries(8):
        client.get("/staff/cases/?state=new")


def test_columns_are_remembered(town, report, as_user):
    report()
    client = as_user(town.clerk)
    assert 'data-label="Channel"' not in client.get("/staff/cases/").content.decode()
    client.post("/staff/cases/columns/", {"column": ["matter", "channel", "voices", "<b>"], "query": "state=new"})
    page = client.get("/staff/cases/").content.decode()
    assert 'data-label="Channel"' in page
    assert 'data-label="Deadline"' not in page
    client.post("/staff/cases/columns/", {})
    assert 'data-label="Deadline"' in client.get("/staff/cases/").content.decode()


# --- one step for many -----------------------------------------------------------------------------------------------


def test_many_are_sorted_and_assigned_and_the_rest_is_told(town, report, assigned, as_user, moment):
    found = [report(text=f"第{number}件：垃圾没人清。")[1] for number in range(3)]
    _m, elsewhere = report(place=town.other_grid)
    stale = found[1]
    seen = f"{stale.number}:{stale.version}"
    cases.sort_case(case_id=stale.pk, category="environment.adverts", by=town.street_clerk, now=moment.now)
    client = as_user(town.clerk)
    answer = bulk(client, "sort", found[0], seen, found[2], elsewhere, category="environment.litter", assign="on")
    page = result(client, answer)
    assert "2 done, 2 refused" in page
    assert "Somebody else changed this case" in page
    assert f'value="{stale.number}:{stale.version + 1}" data-tick checked' in page  # still ticked, as it is now
    assert "not within your reach" in page
    states = {case.pk: case.state for case in Case.objects.all()}
    assert [states[case.pk] for case in (*found, elsewhere)] == ["assigned", "new", "assigned", "new"]
    stale.refresh_from_db()
    assert stale.category.code == "environment.adverts"
    # Each has its own entries, with the person and the post.
    entries = Entry.objects.about(found[0]).filter(event__in=["cases.CaseSorted", "cases.CaseAssigned"])
    assert [entry.by_id for entry in entries] == [town.clerk.pk] * 2
    # The same form again does nothing again.
    before = Entry.objects.count()
    assert "2 done" in result(client, bulk(client, "sort", found[0], category="environment.litter"))
    assert Entry.objects.count() == before


def test_every_step(town, report, assigned, as_user, moment):
    client = as_user(town.clerk)
    _m, first = report()
    _m, second = assigned(text="西门堆了纸箱，没人清。")
    day = (moment.now + timedelta(days=3)).date().isoformat()
    assert "1 done" in result(client, bulk(client, "matrix", first, do=None, key="a"))
    first.refresh_from_db()
    assert (first.state, first.lead_role) == ("assigned", "grid_worker")
    seat = f"property_manager@{town.community.pk}"
    assert "2 done" in result(client, bulk(client, "give", first, second, position=seat, key="b"))
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.lead_role == second.lead_role == "property_manager"
    assert "2 done" in result(client, bulk(client, "note", first, second, text="一起看", key="c"))
    assert "2 done" in result(client, bulk(client, "urgency", first, second, urgency="danger", key="d"))
    first.refresh_from_db()
    assert first.urgency == "danger"
    second.refresh_from_db()
    page = result(client, bulk(client, "pause", first, second, reason="等配件", review_on=day, key="e"))
    assert "2 done" in page
    assert set(Case.objects.values_list("state", flat=True)) == {"paused"}
    first.refresh_from_db()
    page = result(client, bulk(client, "pause", first, reason="等配件", review_on=day, key="f"))
    assert "0 done, 1 refused" in page
    assert "is not possible while the case is" in page


def test_a_step_that_asks_shows_its_form_first(town, report, as_user):
    _m, case = report()
    client = as_user(town.clerk)
    answer = bulk(client, "pause", case, do=None)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert case.number in text
    assert 'name="review_on"' in text
    answer = bulk(client, "pause", case, reason="", review_on="yesterday")
    assert answer.status_code == 422
    assert f"{case.number}:{case.version}" in answer.content.decode()
    assert Case.objects.get().state == "new"


@pytest.mark.parametrize(
    ("deed", "ticks"),
    [
        ("sort", []),
        ("sort", ["x"]),
        ("sort", ["261118-0000001:²"]),
        ("fly", ["261118-0000001:1"]),
        ("sort", [f"261118-{number:07d}:1" for number in range(201)]),
    ],
)
def test_what_is_no_step_does_nothing(town, report, as_user, deed, ticks):
    report()
    before = Entry.objects.count()
    answer = bulk(as_user(town.clerk), deed, *ticks, category="environment.litter")
    assert answer.status_code == 422
    assert "Nothing was done" in answer.content.decode()
    assert Entry.objects.count() == before


def test_a_worker_is_offered_what_a_worker_may_do(town, assigned, as_user):
    _m, case = assigned()
    page = as_user(town.worker).get("/staff/cases/").content.decode()
    assert '<option value="note">' in page
    assert '<option value="sort">' not in page
    assert bulk(as_user(town.worker), "give", case, position=f"grid_worker@{town.grid.pk}").status_code == 422


def test_many_are_merged_into_one(town, report, as_user):
    found = [report(text=f"第{number}人说东门垃圾没人清。")[1] for number in range(3)]
    client = as_user(town.clerk)
    page = result(client, bulk(client, "merge", *found, into=found[1].number))
    assert "3 done" in page
    assert [case.state for case in Case.objects.order_by("pk")] == ["merged", "new", "merged"]
    assert Case.objects.get(pk=found[1].pk).voices.count() == 3
    # Into one that was not ticked: not offered.
    _m, other = report(text="西门也堆了垃圾，没人清。")
    assert bulk(client, "merge", found[1], into=other.number, key="k2").status_code == 422


def test_the_last_one_can_be_undone(town, report, as_user, moment, deliver):
    _m, case = report()
    client = as_user(town.clerk)
    given = {
        "version": case.version, "category": "environment.litter", "place": case.place.path, "summary": "东门垃圾",
        "position": "matrix", "urgency": "normal",
    }  # fmt: skip
    assert client.post(f"/staff/inbox/{case.number}/", given).status_code == 303
    deliver(now=moment.now)
    case.refresh_from_db()
    order = case.tasks.get()
    assert (case.state, order.state) == ("assigned", "open")
    page = client.get("/staff/inbox/").content.decode()
    assert f'action="/staff/inbox/{case.number}/undo/"' in page
    assert (
        as_user(town.street_clerk).post(f"/staff/inbox/{case.number}/undo/", {"version": case.version}).status_code
        == 409
    )
    client = as_user(town.clerk)
    assert client.post(f"/staff/inbox/{case.number}/undo/", {"version": "x"}).status_code == 422
    answer = client.post(f"/staff/inbox/{case.number}/undo/", {"version": case.version})
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/inbox/{case.number}/")
    deliver(now=moment.now)
    case.refresh_from_db()
    order.refresh_from_db()
    assert (case.state, case.lead_role, order.state) == ("new", "community_clerk", "cancelled")
    assert case.category.code == "environment.litter"
    # Half an hour later it is no slip of the finger any more.
    cases.assign_case(case_id=case.pk, by=town.clerk, now=moment.now)
    client.logout()
    moment.now += timedelta(minutes=31)
    case.refresh_from_db()
    client = as_user(town.clerk)
    assert client.post(f"/staff/inbox/{case.number}/undo/", {"version": case.version}).status_code == 409


# --- the inbox -------------------------------------------------------------------------------------------------------


def test_the_inbox_begins_with_what_is_urgent_and_keeps_its_filter(town, report, as_user, moment):
    _m, first = report()
    moment.now += timedelta(minutes=5)
    _m, second = report(text="西门路灯不亮了，晚上很黑。")
    moment.now += timedelta(minutes=5)
    _m, third = report(text="南门有人在烧东西，很危险。", category="environment.adverts")
    cases.mark_urgency(case_id=third.pk, urgency="danger", by=town.clerk, now=moment.now)
    client = as_user(town.clerk)
    page = client.get("/staff/inbox/")
    assert [row.number for row, _box in page.context["queue"]] == [third.number, first.number, second.number]
    filtered = "category=environment.litter"
    page = client.get(f"/staff/inbox/?{filtered}")
    assert [row.number for row, _box in page.context["queue"]] == [first.number, second.number]
    opened = client.get(f"/staff/inbox/{first.number}/?{filtered}").content.decode()
    assert f'/staff/inbox/{second.number}/?{filtered}" data-key="n"' in opened
    given = {
        "version": first.version,
        "category": "environment.litter",
        "place": first.place.path,
        "summary": "东门垃圾",
        "position": "matrix",
    }
    answer = client.post(f"/staff/inbox/{first.number}/?{filtered}", given)
    assert answer["Location"] == f"/staff/inbox/{second.number}/?{filtered}"
    assert client.get("/staff/inbox/?category=no.such").status_code == 400


def test_urgency_is_a_step_like_any_other(town, report, moment):
    from gongzhi.ground.refusals import Refusal

    _m, case = report()
    for urgency in ("normal", "very"):
        with pytest.raises(Refusal):
            cases.mark_urgency(case_id=case.pk, urgency=urgency, by=town.clerk, now=moment.now)
    cases.mark_urgency(case_id=case.pk, urgency="urgent", by=town.clerk, now=moment.now)
    assert Entry.objects.about(case).filter(event="cases.UrgencyMarked").count() == 1


def test_the_keys_stand_on_a_page(town, as_user):
    assert "<kbd>x</kbd>" in as_user(town.clerk).get("/staff/keys/").content.decode()
