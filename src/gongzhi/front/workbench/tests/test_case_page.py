"""The page of one case: moves through its addresses, stale edits, the reporter's data, hostile input."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy.models import Reveal
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case, Note
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check

pytestmark = pytest.mark.django_db


@pytest.fixture
def move(as_user):
    """Post a move; gives the answer and the case as it is then."""

    def move(user, case, name, **fields):
        fields = {"version": Case.objects.get(pk=case.pk).version, **fields}
        answer = as_user(user).post(f"/staff/cases/{case.number}/{name}/", fields)
        case.refresh_from_db()
        return answer

    return move


def test_pause_and_resume(town, assigned, move, moment, deliver):
    _m, case = assigned()
    review = (moment.now + timedelta(days=5)).date()
    answer = move(town.clerk, case, "pause", reason="等物业配件", review_on=review.isoformat())
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/cases/{case.number}/")
    assert (case.state, case.pause_reason, case.review_on) == ("paused", "等物业配件", review)
    page = move(town.clerk, case, "resume")
    assert (page.status_code, case.state, case.pause_reason) == (303, "assigned", "")


def test_hand_over(town, assigned, move, as_user, deliver, moment):
    _m, case = assigned()
    page = as_user(town.clerk).get(f"/staff/cases/{case.number}/hand-over/").content.decode()
    assert "Property manager, 东区社区" in page
    assert f"grid_worker@{town.grid.pk}" not in page  # it lies there already
    answer = move(town.clerk, case, "hand-over", position=f"property_manager@{town.community.pk}")
    assert answer.status_code == 303
    deliver(now=moment.now)
    assert list(Task.objects.filter(case=case).order_by("round").values_list("state", "role")) == [
        ("cancelled", "grid_worker"),
        ("open", "property_manager"),
    ]


def test_extend_needs_the_verb(town, assigned, move):
    _m, case = assigned()
    due = case.due_at
    assert move(town.clerk, case, "extend", amount="2", reason="要等市政").status_code == 403
    assert case.due_at == due
    assert move(town.secretary, case, "extend", amount="2", reason="要等市政").status_code == 303
    assert case.due_at > due
    assert (case.extensions, case.extension_reason) == (1, "要等市政")


def test_note_and_reopen(town, assigned, move, deliver, moment, as_user):
    message, case = assigned()
    assert move(town.worker, case, "note", text="今天去看过").status_code == 303
    assert Note.objects.get(case=case).post.role == "grid_worker"
    assert move(town.clerk, case, "reopen", reason="又来了").status_code == 409  # it is not closed
    task = Task.objects.get(case=case)
    tasks.report_done(task_id=task.pk, words="清走了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    page = as_user(town.clerk).get(f"/staff/cases/{case.number}/").content.decode()
    assert "The reporter is asked whether it helped" in page
    checks.answer_by_link(message=message, helped=True, words="谢谢", now=moment.now)
    deliver(now=moment.now)
    page = as_user(town.clerk).get(f"/staff/cases/{case.number}/").content.decode()
    assert "Take it up again" in page
    assert "谢谢" in page
    assert move(town.clerk, case, "reopen", reason="").status_code == 422
    assert move(town.clerk, case, "reopen", reason="又堆起来了").status_code == 303
    assert (case.state, case.reopened) == ("assigned", 1)


def test_what_is_next_depends_on_state_and_post(town, report, assigned, as_user, deliver, moment):
    _m, new = report()
    page = f"/staff/cases/{new.number}/"
    assert "Sort and assign" in as_user(town.clerk).get(page).content.decode()
    assert "Sort and assign" not in as_user(town.worker).get(page).content.decode()
    _m, case = assigned()
    page = f"/staff/cases/{case.number}/"
    assert "It is yours" in as_user(town.worker).get(page).content.decode()
    text = as_user(town.clerk).get(page).content.decode()
    assert "Grid worker, 东区第一网格 takes care of it" in text
    assert "hand-over" in text
    assert text.count("button--primary") <= 1


@pytest.mark.parametrize(
    ("name", "fields", "beside"),
    [
        ("pause", {"reason": "", "review_on": "2026-11-25"}, "the reporter reads it"),
        ("pause", {"reason": "长" * 201, "review_on": "2026-11-25"}, "at most 200"),
        ("pause", {"reason": "等", "review_on": "2026-11-18"}, "must lie ahead"),
        ("pause", {"reason": "等", "review_on": "2026-02-30"}, "This is not a day"),
        ("pause", {"reason": "等", "review_on": "9999-12-31"}, "At most one year ahead"),
        ("pause", {"reason": "等", "review_on": "明天"}, "This is not a day"),
        ("extend", {"amount": "0", "reason": "等"}, "Between 1 and 60"),
        ("extend", {"amount": "9" * 40, "reason": "等"}, "Between 1 and 60"),
        ("extend", {"amount": "2"}, "the reporter reads it"),
        ("note", {"text": " "}, "The note is empty."),
        ("note", {"text": "长" * 2001}, "at most 2000"),
        ("note", {"text": "空\x00字"}, "Null characters"),
        ("hand-over", {"position": ""}, "Choose who leads"),
        ("hand-over", {"position": "grid_worker@0"}, "Nobody holds this post today."),
        ("resume", {"version": "x"}, "whole number"),
        ("reveal", {"field": "text", "reason": "好奇心", "message": "1"}, "valid choice"),
        ("reveal", {"field": "reporter_phone", "reason": "x", "message": "1"}, "at least 4"),
    ],
)
def test_wrong_input_stays_beside_the_field_and_changes_nothing(town, assigned, move, name, fields, beside):
    _m, case = assigned(phone="13800000000")
    version, entries = case.version, Entry.objects.count()
    answer = move(town.secretary, case, name, **fields)
    assert answer.status_code == 422
    assert beside in answer.content.decode()
    assert case.version == version
    assert Entry.objects.count() == entries


def test_the_second_hand_sees_what_changed_and_keeps_the_words(town, assigned, move, moment):
    _m, case = assigned()
    seen = case.version
    cases.extend_deadline(case_id=case.pk, amount=1, reason="市政施工", by=town.secretary, now=moment.now)
    answer = move(town.clerk, case, "pause", version=seen, reason="等配件到货", review_on="2026-11-30")
    text = answer.content.decode()
    assert answer.status_code == 409
    changed = text[text.index("Somebody else changed this case") : text.index("<form", text.index("Somebody else"))]
    assert "Deadline extended" in changed
    assert "张书记" in changed
    assert "Assigned" not in changed  # that was known before
    assert "等配件到货" in text
    assert f'name="version" value="{case.version}"' in text
    assert case.state == "assigned"
    answer = move(town.clerk, case, "hand-over", version=seen, position=f"property_manager@{town.community.pk}")
    assert answer.status_code == 409
    assert "Deadline extended" in answer.content.decode()


def test_the_reporter_is_masked_until_somebody_says_why(town, assigned, move, as_user, client):
    message, case = assigned(name="欧阳小敏", phone="13800001234")
    page = f"/staff/cases/{case.number}/"
    text = as_user(town.clerk).get(page).content.decode()
    assert "13800001234" not in text
    assert "欧阳小敏" not in text
    fields = {"message": message.pk, "field": "reporter_phone"}
    assert move(town.clerk, case, "reveal", **fields, reason="").status_code == 422
    assert Reveal.objects.count() == 0
    answer = move(town.clerk, case, "reveal", **fields, reason="约上门时间")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "13800001234" in text
    assert "欧阳小敏" not in text
    assert "no-store" in answer["Cache-Control"]
    look = Reveal.objects.get()
    assert (look.by, look.post.role, look.reason, look.object_id) == (
        town.clerk,
        "community_clerk",
        "约上门时间",
        message.pk,
    )
    text = as_user(town.clerk).get(page).content.decode()
    assert "13800001234" not in text
    text = as_user(town.clerk).get(f"{page}reveal/").content.decode()
    assert "13800001234" not in text  # once
    assert "约上门时间" in text  # who looked, for every colleague
    # The reporter reads it too: the post, and not the name.
    from gongzhi.sense.channels.follow import token_of

    told = client.get(f"/follow/{token_of(message)}/").content.decode()
    assert "约上门时间" in told
    assert "Community worker, 东区社区" in told
    assert "李社工" not in told


def test_nobody_reveals_through_a_foreign_message(town, assigned, move):
    message, _case = assigned(phone="13800001234")
    _m, other = assigned(phone="13800005678")
    answer = move(town.clerk, other, "reveal", message=message.pk, field="reporter_phone", reason="约上门时间")
    assert answer.status_code == 404
    assert Reveal.objects.count() == 0


def test_a_message_without_a_place_is_revealed_where_its_case_lies(town, report, move):
    message, case = report(place=None, phone="13800001234")
    fields = {"message": message.pk, "field": "reporter_phone", "reason": "问清地点"}
    answer = move(town.street_clerk, case, "reveal", **fields)
    assert answer.status_code == 200
    assert "13800001234" in answer.content.decode()


def test_a_move_has_a_page_while_it_is_possible(town, assigned, as_user):
    _m, case = assigned()
    possible = {"pause", "extend", "note", "reveal", "hand-over"}
    for name in ("pause", "resume", "extend", "note", "reopen", "reveal", "hand-over"):
        answer = as_user(town.secretary).get(f"/staff/cases/{case.number}/{name}/")
        assert answer.status_code == (200 if name in possible else 302), name
        if name not in possible:
            assert answer["Location"] == f"/staff/cases/{case.number}/"


def test_the_page_costs_no_more_with_a_long_story(
    town, assigned, move, as_user, moment, deliver, django_assert_max_num_queries
):
    message, case = assigned(name="欧阳小敏", phone="13800001234")
    for index in range(8):
        move(town.clerk if index % 2 else town.worker, case, "note", text=f"第{index}次跟进")
    tasks.report_done(task_id=Task.objects.get(case=case).pk, words="清走了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    checks.answer_by_link(message=message, helped=False, words="没有", now=moment.now)
    deliver(now=moment.now)
    move(town.clerk, case, "reveal", message=message.pk, field="reporter_phone", reason="约上门时间")
    assert Check.objects.filter(case=case).exists()
    client = as_user(town.clerk)
    client.get("/staff/")  # what is written every two minutes only
    with django_assert_max_num_queries(12):
        answer = client.get(f"/staff/cases/{case.number}/")
    assert answer.status_code == 200


def test_what_people_write_is_never_markup(town, assigned, as_user, move):
    _m, case = assigned(text="<script>alert(1)</script> 井盖坏了", address="<b>楼</b>")
    move(town.clerk, case, "note", text="<img src=x onerror=alert(2)>")
    text = as_user(town.clerk).get(f"/staff/cases/{case.number}/").content.decode()
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "<b>楼</b>" not in text
    listed = as_user(town.clerk).get("/staff/cases/").content.decode()
    assert "<script>alert" not in listed


def test_the_story_tells_of_rulings_parts_slips_and_whistles(town, assigned, as_user, moment, deliver):
    from gongzhi.act.whistles.actions import Called, blow_whistle
    from gongzhi.understand.cases import escalation, parts, rulings

    _m, case = assigned()
    parts.ask_part(
        case_id=case.pk, role="property_manager", place_id=town.community.pk, need="打开地下室的门", by=town.clerk,
        now=moment.now,
    )  # fmt: skip
    tasks.return_task(
        task_id=case.tasks.get(part_id__isnull=True).pk, reason="树是园林的", by=town.worker, now=moment.now
    )
    deliver(now=moment.now)
    seat = {"role": "grid_worker", "place_id": town.grid.pk}
    rulings.decide(ruling_id=case.rulings.get().pk, **seat, words="是网格的", by=town.leader, now=moment.now)
    deliver(now=moment.now)
    whistle = blow_whistle(
        place=town.street, kind="joint", need="请城管到场", site="东门", cases=[case], by=town.street_clerk,
        units=[Called("property_manager", town.community.pk)], lead=0, now=moment.now,
    )  # fmt: skip
    case.refresh_from_db()
    escalation.escalate(now=case.escalate_at)
    slip = case.slips.get()
    escalation.answer_slip(slip_id=slip.pk, answer="今天下午清运", by=town.worker, now=case.escalate_at)
    page = as_user(town.street_clerk).get(f"/staff/cases/{case.number}/").content.decode()
    story = page[page.index('<ol class="story">') : page.index("</ol>", page.index('<ol class="story">'))]
    for words in (
        "打开地下室的门",
        "树是园林的",
        "是网格的",
        "请城管到场",
        whistle.number,
        slip.number,
        "今天下午清运",
    ):
        assert words in story, words
    assert f'href="/staff/slips/{slip.pk}/"' in story
    # Who was not called does not read of the whistle here either.
    page = as_user(town.worker).get(f"/staff/cases/{case.number}/").content.decode()
    assert "打开地下室的门" in page
    assert whistle.number not in page


def test_weak_likenesses_are_folded_away(town, assigned, as_user, moment, monkeypatch):
    from gongzhi.front.workbench.views import voices

    _m, case = assigned(text="东门口堆了一堆垃圾，三天没人清，味道很大。")
    assigned(text="东门口堆了一堆垃圾，三天没有人清理，味道很大。")
    page = as_user(town.clerk).get(f"/staff/cases/{case.number}/similar/").content.decode()
    assert "May be the same matter" in page
    assert "a little alike" not in page
    monkeypatch.setattr(voices, "folded", lambda found: {"strong": [], "weak": found})
    page = as_user(town.clerk).get(f"/staff/cases/{case.number}/similar/").content.decode()
    assert "1 other is a little alike" in page
    assert "May be the same matter" not in page


def test_the_slips_print_as_a_list(town, assigned, as_user, moment):
    from gongzhi.understand.cases import escalation

    _m, case = assigned()
    escalation.escalate(now=case.escalate_at)
    number = case.slips.get().number
    worker = as_user(town.worker)
    assert "/staff/slips/print/?show=mine" in worker.get("/staff/slips/").content.decode()
    assert number in worker.get("/staff/slips/print/?show=mine").content.decode()
    assert number not in as_user(town.other_clerk).get("/staff/slips/print/?show=all").content.decode()
