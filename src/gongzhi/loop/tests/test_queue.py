"""Leases, fences and waiting times of the queue, and the django_tasks interface on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks import task
from django_tasks.base import TaskResultStatus
from django_tasks.exceptions import TaskResultDoesNotExist
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.loop import delivery, queue
from gongzhi.loop.models import Job

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LATER = NOW + queue.LEASE
calls: list[object] = []


@pytest.fixture(autouse=True)
def _fresh():
    calls.clear()


@task
def add(left, right):
    calls.append((left, right))
    return left + right


@task(priority=5, max_attempts=2)
def urgent():
    calls.append("urgent")
    raise OSError("the line is dead")


@task(takes_context=True)
def which_attempt(context):
    calls.append(context.attempt)


def jobs(count, **values):
    return Job.objects.bulk_create([Job(**({"task": "x", "due": NOW, "created": NOW} | values)) for _ in range(count)])


def test_a_job_is_taken_once():
    jobs(3)
    first = queue.claim(worker="a", now=NOW, limit=2)
    second = queue.claim(worker="b", now=NOW, limit=2)
    assert len(first) == 2
    assert len(second) == 1
    assert not {job.pk for job in first} & {job.pk for job in second}
    assert {(job.state, job.attempts, job.worker, job.due) for job in first} == {("running", 1, "a", LATER)}


def test_nobody_takes_a_job_before_it_is_due():
    jobs(1, due=NOW + timedelta(seconds=1))
    assert queue.claim(worker="a", now=NOW, limit=9) == []
    assert not queue.anything_due(NOW)
    assert queue.anything_due(LATER)


def test_the_more_urgent_and_then_the_earlier_job_comes_first():
    jobs(1, task="late")
    jobs(1, task="early", due=NOW - timedelta(hours=1))
    jobs(1, task="urgent", priority=9)
    order = [queue.claim(worker="a", now=NOW)[0].task for _ in range(3)]
    assert order == ["urgent", "early", "late"]


def test_a_lease_that_ends_lets_somebody_else_take_over():
    jobs(1)
    queue.claim(worker="a", now=NOW)
    assert queue.claim(worker="b", now=LATER - timedelta(microseconds=1)) == []
    [job] = queue.claim(worker="b", now=LATER)
    assert (job.worker, job.attempts) == ("b", 2)


def test_a_heartbeat_keeps_the_lease():
    [row] = jobs(1)
    queue.claim(worker="a", now=NOW)
    queue.extend([row.pk], worker="a", now=NOW + timedelta(seconds=9))
    assert queue.claim(worker="b", now=LATER) == []
    assert queue.claim(worker="b", now=NOW + timedelta(seconds=9) + queue.LEASE)


def test_a_slow_worker_that_lost_its_lease_can_neither_finish_nor_fail_nor_keep_nor_give_back():
    jobs(1)
    [slow] = queue.claim(worker="a", now=NOW)
    [quick] = queue.claim(worker="b", now=LATER)
    for finish in (lambda: queue.remove(slow), lambda: queue.finish(slow, None, now=LATER)):
        with pytest.raises(queue.LeaseLost):
            finish()
    queue.fail(slow, ValueError(), now=LATER, again=False)
    queue.extend([slow.pk], worker="a", now=LATER + timedelta(hours=1))
    queue.release([slow], now=LATER)
    row = Job.objects.get()
    assert (row.state, row.worker, row.attempts, row.due) == ("running", "b", 2, quick.due)
    queue.remove(quick)
    assert not Job.objects.exists()


def test_jobs_that_were_not_begun_are_given_back_untouched():
    jobs(2)
    queue.release(queue.claim(worker="a", now=NOW, limit=2), now=NOW)
    assert set(Job.objects.values_list("state", "attempts", "worker")) == {("waiting", 0, "")}
    assert len(queue.claim(worker="b", now=NOW, limit=2)) == 2


@given(st.integers(1, 40), st.integers(1, 2**63 - 1))
def test_waiting_times_double_up_to_a_limit_and_spread_by_a_quarter(attempts, number):
    plain = min(2.0**attempts, queue.LONGEST_WAIT)
    wait = queue.backoff(attempts, number).total_seconds()
    assert plain * 0.75 <= wait <= plain * 1.25
    assert queue.backoff(attempts, number).total_seconds() == wait


def test_jobs_that_fail_together_do_not_come_back_together():
    assert len({queue.backoff(3, number) for number in range(100)}) == 100


def test_one_open_job_per_key():
    first = queue.enqueue_once("k", task="x", args=[], due=NOW, now=NOW)
    assert queue.enqueue_once("k", task="x", args=[], due=NOW, now=NOW) == first
    assert queue.enqueue_once("other", task="x", args=[], due=NOW, now=NOW) != first
    with pytest.raises(IntegrityError), transaction.atomic():
        jobs(1, key="k")
    [taken] = [job for job in queue.claim(worker="a", now=NOW, limit=9) if job.key == "k"]
    queue.remove(taken)
    assert queue.enqueue_once("k", task="x", args=[], due=NOW, now=NOW) != first
    assert len(jobs(2, key="")) == 2


@pytest.mark.parametrize(("state", "due"), [("waiting", None), ("running", None), ("done", NOW), ("failed", NOW)])
def test_only_open_jobs_are_due(state, due):
    with pytest.raises(IntegrityError), transaction.atomic():
        jobs(1, state=state, due=due)


def test_a_task_is_done_and_its_answer_kept_for_a_while():
    result = add.enqueue(2, right=3)
    assert result.status == TaskResultStatus.READY
    delivery.run_until_quiet()
    result.refresh()
    assert (result.status, result.return_value, result.attempts) == (TaskResultStatus.SUCCESSFUL, 5, 1)
    assert add.get_result(result.id).args == [2]
    assert queue.clean(now=timezone.now()) == 0
    assert queue.clean(now=timezone.now() + queue.KEEP_FINISHED + timedelta(seconds=1)) == 1
    with pytest.raises(TaskResultDoesNotExist):
        add.get_result(result.id)
    with pytest.raises(TaskResultDoesNotExist):
        add.get_result("no number")


def test_a_task_is_forgotten_with_the_transaction_that_wanted_it(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(queue, "wake_workers", lambda: None)
    with transaction.atomic():
        with django_assert_num_queries(1):
            add.enqueue(1, 1)
        transaction.set_rollback(True)
    assert delivery.run_until_quiet() == 0


def test_a_task_can_be_deferred():
    add.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1, 1)
    assert delivery.run_until_quiet() == 0
    assert delivery.run_until_quiet(now=timezone.now() + timedelta(hours=2)) == 1


def test_a_failing_task_is_tried_as_often_as_it_says():
    result = urgent.enqueue()
    later = timezone.now()
    for _ in range(5):
        delivery.run_until_quiet(now=later, forgiving=True)
        later += timedelta(hours=1)
    assert calls == ["urgent", "urgent"]
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 2)
    assert result.errors[0].exception_class is OSError
    assert "dead" not in result.errors[0].traceback


def test_a_task_may_ask_which_attempt_this_is():
    which_attempt.enqueue()
    delivery.run_until_quiet()
    assert calls == [1]


def test_a_job_that_kills_every_worker_is_put_aside():
    result = urgent.enqueue()
    moment = timezone.now()
    for _ in range(2):  # taken, and the worker died
        queue.claim(worker="a", now=moment)
        moment += queue.LEASE
    delivery.run_until_quiet(now=moment, forgiving=True)
    assert calls == []
    result.refresh()
    assert result.status == TaskResultStatus.FAILED


def test_a_job_without_a_task_behind_it_fails_readably():
    Job.objects.create(task="gongzhi.loop.queue.backoff", args=[[], {}], due=NOW, created=NOW, max_attempts=1)
    Job.objects.create(task="gongzhi.no.such", args=[[], {}], due=NOW, created=NOW, max_attempts=1)
    delivery.run_until_quiet(forgiving=True)
    assert {job.error.partition("\n")[0] for job in queue.list_failed()} == {
        "builtins.LookupError",
        "builtins.ModuleNotFoundError",
    }
