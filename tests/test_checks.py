"""Checks: by the reporter, by another post, never by whoever did the work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from gongzhi.act.tasks import actions as tasks
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.loop.schedule import SCHEDULES
from gongzhi.understand.cases import actions as cases
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check
from tests.scenes import LITTER
from tests.town import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def conclude(moment):
    def conclude(check, result="seen_done", method="site", words="", *, by):
        return checks.conclude_check(
            check_id=check.pk, result=result, method=method, words=words, by=by, now=moment.now
        )

    return conclude


# --- who is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer_by", "state"), [("link", "asked"), ("phone", "at_desk"), ("none", "at_desk")])
def test_the_reporter_is_asked_as_they_wished(done, moment, answer_by, state):
    _message, case = done(answer_by=answer_by, phone="13800000000")
    check = case.checks.get()
    assert check.state == state
    assert (check.answer_until is None) == (state == "at_desk")
    assert (check.due_at is None) == (state == "asked")


def test_without_an_answer_the_desk_looks_by_schedule(done, moment, town, conclude):
    _message, case = done()
    check = case.checks.get()
    days = rule("checks.answer_days", path=check.place_path, on=moment.now.date())
    assert check.answer_until > moment.now + timedelta(days=int(str(days).split()[0]) - 1)
    assert checks.move_unanswered(now=check.answer_until - timedelta(seconds=1)) == 0
    assert checks.move_unanswered(now=check.answer_until) == 1
    assert checks.move_unanswered(now=check.answer_until) == 0
    check.refresh_from_db()
    assert check.state == "at_desk"
    assert check.due_at > check.answer_until
    assert Entry.objects.filter(event="checks.CheckMovedToDesk", object_id=check.pk).count() == 1
    assert any(one.run.endswith("checks.jobs.move_unanswered") for one in SCHEDULES)


def test_the_reporter_may_still_answer_while_it_lies_at_the_desk(done, moment, deliver, town, conclude):
    message, case = done()
    check = case.checks.get()
    moment.now = check.answer_until
    checks.move_unanswered(now=moment.now)
    checks.answer_by_link(message=message, helped=True, words="好", now=moment.now)
    with pytest.raises(Refusal):
        conclude(check, by=town.clerk)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.closed_as) == ("closed", "helped")


def test_an_answer_counts_once(done, moment):
    message, _case = done()
    checks.answer_by_link(message=message, helped=True, words="", now=moment.now)
    with pytest.raises(Refusal):
        checks.answer_by_link(message=message, helped=False, words="不行", now=moment.now)
    assert Check.objects.get().result == "helped"


# --- who may not ----------------------------------------------------------------------------------------------------


def test_a_worker_who_reported_it_cannot_answer_by_link(report, town, moment, deliver, client):
    from gongzhi.sense.channels.follow import token_of

    message, case = report(by=town.worker, channel="field", answer_by="link")
    cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    check = case.checks.get()
    assert check.state == "at_desk"  # not even asked
    with pytest.raises(Refusal) as refusal:
        checks.answer_by_link(message=message, helped=True, words="", now=moment.now)
    assert refusal.value.status == 403
    assert client.post(f"/follow/{token_of(message)}/answer/", {"helped": "yes"}).status_code == 403
    check.refresh_from_db()
    assert check.state == "at_desk"


def test_a_colleague_who_reported_it_may_answer_for_the_reporter(report, town, moment, deliver):
    message, case = report(by=town.clerk, channel="phone", answer_by="link")
    cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    assert checks.answer_by_link(message=message, helped=True, words="", now=moment.now).state == "passed"


def test_neither_the_worker_nor_the_workers_post(done, town, conclude, moment):
    _message, case = done()
    check = case.checks.get()
    for user, status in ((town.worker, 403), (town.second_worker, 403), (town.other_worker, 404), (town.stranger, 404)):
        with pytest.raises(Refusal) as refusal:
            conclude(check, by=user)
        assert refusal.value.status == status
        with pytest.raises(Refusal):
            checks.call_failed(check_id=check.pk, by=user, now=moment.now)
    # A person with the worker's post and another one acts through the other.
    both = make_user("both", "两职", ("grid_worker", town.grid), ("community_clerk", town.community))
    assert conclude(check, by=both).state == "passed"
    entry = Entry.objects.get(event="checks.CheckPassed")
    assert both.posts.get(pk=entry.post_id).role == "community_clerk"


def test_the_worker_with_a_second_post_is_still_the_worker(assigned, town, conclude, moment, deliver):
    busy = make_user("busy", "两职", ("grid_worker", town.grid), ("community_clerk", town.community))
    _message, case = assigned()
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=busy, now=moment.now)
    deliver(now=moment.now)
    with pytest.raises(Refusal) as refusal:
        conclude(case.checks.get(), by=busy)
    assert refusal.value.status == 403


def test_the_database_itself_refuses_the_workers_own_check(done, town, moment):
    _message, case = done()
    passed = {"state": "passed", "result": "seen_done", "method": "site", "concluded_at": moment.now}
    for wrong in (
        {**passed, "by": town.worker},
        {**passed, "by": None},
        {**passed, "by": town.clerk, "result": ""},
        {**passed, "by": town.clerk, "concluded_at": None},
        {"state": "nonsense"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Check.objects.filter(case=case).update(**wrong)


# --- what is found --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "method"),
    [("helped", "site"), ("helped", "link"), ("seen_done", "phone"), ("unreachable", "phone"), ("", ""), ("x", "y")],
)
def test_what_cannot_be_found_that_way(done, town, conclude, result, method):
    _message, case = done()
    with pytest.raises(Refusal) as refusal:
        conclude(case.checks.get(), result, method, "x", by=town.clerk)
    assert refusal.value.status == 422


@pytest.mark.parametrize(("result", "method"), [("not_helped", "phone"), ("seen_not_done", "site")])
def test_a_failed_check_says_what_is_wrong_and_reopens(done, town, conclude, moment, deliver, result, method):
    _message, case = done()
    check = case.checks.get()
    with pytest.raises(Refusal) as refusal:
        conclude(check, result, method, " ", by=town.clerk)
    assert refusal.value.field == "words"
    moment.now += timedelta(hours=2)
    conclude(check, result, method, "还是不行", by=town.clerk)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.reopened, case.worker, case.done_at) == ("assigned", 1, None, None)
    assert case.tasks.waiting().get().round == 2
    assert case.due_at > moment.now


def test_unreachable_needs_calls_and_eyes(done, town, conclude, moment, deliver):
    _message, case = done(answer_by="phone", phone="13800000000")
    check = case.checks.get()
    needed = int(rule("checks.call_attempts", path=check.place_path, on=moment.now.date()))
    assert needed >= 2
    for made in range(needed):
        with pytest.raises(Refusal) as refusal:
            conclude(check, "unreachable", by=town.clerk)
        assert str(needed) in str(refusal.value.reason)
        assert checks.call_failed(check_id=check.pk, by=town.clerk, now=moment.now).attempts == made + 1
    conclude(check, "unreachable", by=town.clerk)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.closed_as) == ("closed", "unreachable")
    assert Entry.objects.filter(event="checks.CallFailed").count() == needed


def test_a_withdrawn_case_is_not_asked_about(assigned, town, moment, deliver):
    message, case = assigned()
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    cases.withdraw_case(message=message, now=moment.now)
    deliver(now=moment.now)
    assert case.checks.get().state == "dropped"
    assert not Check.objects.unanswered(moment.now + timedelta(days=99)).exists()
    with pytest.raises(Refusal):
        checks.answer_by_link(message=message, helped=True, words="", now=moment.now)


def test_a_question_that_comes_after_the_withdrawal_is_not_put(assigned, town, moment):
    """The reporter withdraws between the report of the work and the question about it."""
    from gongzhi.loop import delivery
    from gongzhi.loop.models import Job

    message, case = assigned()
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=town.worker, now=moment.now)
    delivery.perform(Job.objects.get(task="wire:cases.await_check"), now=moment.now)
    cases.withdraw_case(message=message, now=moment.now)
    for name in ("checks.drop_for_case", "checks.ask_whether_it_helped"):
        delivery.perform(Job.objects.get(task=f"wire:{name}"), now=moment.now)
    assert not Check.objects.filter(case=case, state__in=["asked", "at_desk"]).exists()


def test_lists(done, town):
    _message, case = done(answer_by="none")
    check = case.checks.get()
    assert check in Check.objects.for_hands_of(town.clerk)
    assert check not in Check.objects.for_hands_of(town.worker)
    assert check not in Check.objects.for_hands_of(town.other_clerk)
    with pytest.raises(NotThere):
        checks.call_failed(check_id=0, by=town.clerk, now=case.opened_at)
