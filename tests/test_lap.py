"""One full lap of the loop, and the ways in which it may not be left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import AnswerBy, Channel
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(town, deliver, now):
    def report(by=None, **fields):
        draft = Draft(
            **{
                "text": "东门路口堆了一堆垃圾，三天没人清。",
                "category": "environment.litter",
                "place": town.grid,
                **fields,
            }
        )
        message = receive_message(draft, by=by, now=now)
        deliver(now=now)
        return message, Case.objects.get(voices__message=message)

    return report


@pytest.fixture
def assigned(report, town, deliver, now):
    message, case = report()
    cases.dispatch_case(case_id=case.pk, category="environment.litter", by=town.clerk, now=now)
    deliver(now=now)
    return message, Case.objects.get(pk=case.pk), Task.objects.get(case=case)


def test_a_report_becomes_a_case_with_a_deadline(report, town):
    message, case = report()
    assert case.number == message.number
    assert (case.state, case.place_id) == ("new", town.grid.pk)
    assert case.opened_at < case.yellow_at < case.due_at


def test_the_whole_lap(assigned, town, deliver, now):
    message, case, task = assigned
    assert (case.state, case.lead_role, case.lead_place_id) == ("assigned", "grid_worker", town.grid.pk)
    later = now + timedelta(hours=1)
    tasks.accept_task(task_id=task.pk, by=town.worker, now=later)
    tasks.report_done(task_id=task.pk, words="垃圾已清走。", by=town.worker, now=later)
    deliver(now=later)
    case.refresh_from_db()
    assert case.state == "to_check"
    checks.answer_by_link(message=message, helped=True, words="谢谢", now=later)
    deliver(now=later)
    case.refresh_from_db()
    assert (case.state, case.closed_as) == ("closed", "helped")


def test_a_failed_check_reopens_and_writes_a_new_order(assigned, town, deliver, now):
    message, case, task = assigned
    tasks.report_done(task_id=task.pk, words="垃圾已清走。", by=town.worker, now=now)
    deliver(now=now)
    with pytest.raises(Refusal):
        checks.answer_by_link(message=message, helped=False, words="  ", now=now)
    checks.answer_by_link(message=message, helped=False, words="还是松的", now=now)
    deliver(now=now)
    case.refresh_from_db()
    assert (case.state, case.reopened) == ("assigned", 1)
    assert list(case.tasks.order_by("round").values_list("state", flat=True)) == ["done", "open"]


def test_nobody_checks_their_own_work(report, town, deliver, now):
    # The worker entered the report, did the work, and tries every door to close it alone.
    message, case = report(by=town.worker, channel=Channel.FIELD, answer_by=AnswerBy.LINK)
    assert message.entered_by_id == town.worker.pk
    cases.dispatch_case(case_id=case.pk, category="environment.litter", by=town.clerk, now=now)
    deliver(now=now)
    task = Task.objects.get(case=case)
    tasks.report_done(task_id=task.pk, words="垃圾已清走。", by=town.worker, now=now)
    deliver(now=now)
    check = Check.objects.get(case=case)
    assert check.state == "at_desk"
    with pytest.raises(Refusal):
        checks.answer_by_link(message=message, helped=True, words="", now=now)
    with pytest.raises(Refusal):
        checks.conclude_check(check_id=check.pk, result="seen_done", method="site", words="", by=town.worker, now=now)
    with pytest.raises(Refusal):  # a second worker of the same grid is the same post
        checks.conclude_check(
            check_id=check.pk, result="seen_done", method="site", words="", by=town.second_worker, now=now
        )
    checks.conclude_check(check_id=check.pk, result="seen_done", method="site", words="", by=town.clerk, now=now)
    deliver(now=now)
    case.refresh_from_db()
    assert (case.state, case.closed_as) == ("closed", "verified")


def test_not_mine_goes_back_to_the_desk(assigned, town, deliver, now):
    _message, case, task = assigned
    tasks.return_task(task_id=task.pk, reason="属于市政井，产权单位是水务", by=town.worker, now=now)
    deliver(now=now)
    case.refresh_from_db()
    assert (case.state, case.lead_role, case.lead_place) == ("new", "community_clerk", town.community)


def test_withdrawing_ends_everything(assigned, deliver, now):
    message, case, task = assigned
    cases.withdraw_case(message=message, now=now)
    deliver(now=now)
    case.refresh_from_db()
    task.refresh_from_db()
    assert (case.state, task.state) == ("withdrawn", "cancelled")


def test_a_stranger_sees_no_case(assigned, town):
    _message, case, _task = assigned
    assert not Case.objects.visible_to(town.stranger).filter(pk=case.pk).exists()
    assert Case.objects.visible_to(town.clerk).filter(pk=case.pk).exists()
