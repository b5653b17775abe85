"""Work orders: who may take them, what they ask, and how they end."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from PIL import Image

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import MOVES, WAITING, State, Task
from gongzhi.ground.access.actions import end_post
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import forget_posts
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import rulings

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(assigned):
    _message, case = assigned()
    return case.tasks.get()


def events(task):
    return [name.removeprefix("tasks.Task") for name in Entry.objects.about(task).values_list("event", flat=True)]


def test_an_order_is_written_for_the_position_that_leads(order, town):
    case = order.case
    assert (order.role, order.place_id, order.round) == (case.lead_role, case.lead_place_id, 1)
    assert (order.due_at, order.yellow_at, order.place_path) == (case.due_at, case.yellow_at, case.place_path)
    assert events(order) == ["Opened"]


def test_accepting_reporting_and_who_did_it(order, town, moment):
    tasks.accept_task(task_id=order.pk, by=town.worker, now=moment.now)
    moment.now += timedelta(hours=1)
    tasks.report_done(task_id=order.pk, words=" 修好了。\x00 ", by=town.second_worker, now=moment.now)
    order.refresh_from_db()
    assert (order.state, order.words) == ("done", "修好了。")
    assert (order.accepted_by, order.ended_by, order.ended_at) == (town.worker, town.second_worker, moment.now)
    assert events(order) == ["Opened", "Accepted", "Reported"]


def test_reporting_at_once_accepts_it(order, town, moment):
    tasks.report_done(task_id=order.pk, words="顺手清了。", by=town.worker, now=moment.now)
    order.refresh_from_db()
    assert (order.accepted_by, order.accepted_at) == (town.worker, moment.now)


@pytest.mark.parametrize("words", ["", " ", "\x00", "长" * 501])
def test_what_was_done_is_said_in_a_sentence(order, town, moment, words):
    with pytest.raises(Refusal) as refusal:
        tasks.report_done(task_id=order.pk, words=words, by=town.worker, now=moment.now)
    assert (refusal.value.field, refusal.value.status) == ("words", 422)
    assert events(order) == ["Opened"]


@pytest.mark.parametrize("reason", ["", "no", " x  "])
def test_not_ours_needs_a_reason(order, town, moment, reason):
    with pytest.raises(Refusal) as refusal:
        tasks.return_task(task_id=order.pk, reason=reason, by=town.worker, now=moment.now)
    assert refusal.value.field == "reason"


def test_a_returned_order_brings_the_case_to_the_desk(order, town, moment, deliver):
    tasks.return_task(task_id=order.pk, reason="不归我们管，是物业的", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    case = order.case
    case.refresh_from_db()
    assert (case.state, case.lead_role, case.lead_place) == ("new", "community_clerk", town.community)
    seat = {"role": "property_manager", "place_id": town.community.pk}
    ruling = case.rulings.get()
    rulings.decide(ruling_id=ruling.pk, **seat, words="物业的设施", by=town.street_clerk, now=moment.now)
    deliver(now=moment.now)
    assert list(case.tasks.order_by("round").values_list("round", "state")) == [(1, "returned"), (2, "open")]


def test_an_order_of_another_post(order, town, moment):
    for user, status in ((town.clerk, 403), (town.street_clerk, 403), (town.other_worker, 404), (town.stranger, 404)):
        for act in (
            lambda by: tasks.accept_task(task_id=order.pk, by=by, now=moment.now),
            lambda by: tasks.report_done(task_id=order.pk, words="好了。", by=by, now=moment.now),
            lambda by: tasks.return_task(task_id=order.pk, reason="不归我们管", by=by, now=moment.now),
        ):
            with pytest.raises(Refusal) as refusal:
                act(user)
            assert refusal.value.status == status
    with pytest.raises(NotThere):
        tasks.accept_task(task_id=0, by=town.worker, now=moment.now)


def test_whoever_lost_the_post_lost_the_order(order, town, moment):
    end_post(post_id=Post.objects.get(user=town.worker).pk, by=None, now=moment.now)
    forget_posts(town.worker)
    with pytest.raises(NotThere):
        tasks.accept_task(task_id=order.pk, by=town.worker, now=moment.now)
    tasks.accept_task(task_id=order.pk, by=town.second_worker, now=moment.now)


def test_only_one_of_two_colleagues_reports_it(order, town, moment):
    tasks.report_done(task_id=order.pk, words="好了。", by=town.worker, now=moment.now)
    for act in (
        lambda: tasks.report_done(task_id=order.pk, words="我也好了。", by=town.second_worker, now=moment.now),
        lambda: tasks.return_task(task_id=order.pk, reason="不归我们管", by=town.second_worker, now=moment.now),
        lambda: tasks.accept_task(task_id=order.pk, by=town.second_worker, now=moment.now),
    ):
        with pytest.raises(Refusal) as refusal:
            act()
        assert refusal.value.status == 409


def test_handing_over_cancels_and_writes_anew(order, town, moment, deliver):
    case = order.case
    seat = {"role": "property_manager", "place_id": town.community.pk}
    cases.assign_case(case_id=case.pk, **seat, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    order.refresh_from_db()
    newer = case.tasks.waiting().get()
    assert (order.state, order.ended_by, newer.role, newer.round) == ("cancelled", None, "property_manager", 2)
    with pytest.raises(Refusal):
        tasks.report_done(task_id=order.pk, words="好了。", by=town.worker, now=moment.now)


def test_no_order_waits_while_a_case_is_checked(order, town, moment, deliver):
    """Reported by one post in the moment in which the desk gave it to another."""
    case = order.case
    tasks.report_done(task_id=order.pk, words="好了。", by=town.worker, now=moment.now)
    seat = {"role": "property_manager", "place_id": town.community.pk}
    cases.assign_case(case_id=case.pk, **seat, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert case.state == "to_check"
    assert not case.tasks.waiting().exists()


def test_photos_of_the_result_are_clean_copies(order, town, moment):
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Telephone of somebody"
    Image.new("RGB", (50, 20), "teal").save(out, "JPEG", exif=exif)
    photos = [SimpleUploadedFile("a.jpg", out.getvalue()) for _ in range(2)]
    tasks.report_done(task_id=order.pk, words="好了。", photos=photos, by=town.worker, now=moment.now)
    assert order.photos.count() == 2
    with order.photos.first().large.open() as file:
        data = file.read()
    assert b"somebody" not in data
    assert Image.open(io.BytesIO(data)).format == "WEBP"
    assert Entry.objects.get(event="tasks.TaskReported").data["photos"] == 2


def test_lists(order, town, moment):
    assert order in Task.objects.visible_to(town.clerk)
    assert order not in Task.objects.for_hands_of(town.clerk)
    assert order in Task.objects.for_hands_of(town.second_worker)
    assert order not in Task.objects.late(moment.now)
    assert order in Task.objects.late(order.due_at + timedelta(seconds=1))


def test_every_end_is_an_end():
    ends = {state for state in State if state not in WAITING}
    assert all(not (sources & ends) for sources, _target in MOVES.values())
    assert {target for _sources, target in MOVES.values()} == ends | {State.ACCEPTED}


def test_the_database_refuses_impossible_orders(order, town, moment):
    for wrong in (
        {"state": "done"},
        {"state": "returned"},
        {"state": "nonsense"},
        {"state": "done", "words": "x", "ended_at": moment.now},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Task.objects.filter(pk=order.pk).update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.create(
            case=order.case,
            round=2,
            role=order.role,
            place=order.place,
            place_path=order.place_path,
            opened_at=moment.now,
        )
