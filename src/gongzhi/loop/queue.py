"""The queue: jobs as rows of the same database, so that work is promised in the transaction that wants it.

Taking a job is a lease: one UPDATE moves ``due`` ahead. Whoever dies loses the job when the lease ends; whoever was
only slow finds ``attempts`` changed and may not finish. No broker, no second store, the same on both databases.
"""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import time
import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar, cast

from django.core import checks
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task, TaskContext, TaskError, TaskResult, TaskResultStatus
from django_tasks.exceptions import TaskResultDoesNotExist
from django_tasks.signals import task_enqueued, task_finished, task_started
from django_tasks.utils import normalize_json

from gongzhi.ground.refusals import Refusal
from gongzhi.loop.models import Job

P = ParamSpec("P")
T = TypeVar("T")

LEASE = timedelta(seconds=10)
KEEP_FINISHED = timedelta(days=3)
CHANNEL = "gongzhi_jobs"
MORE_ATTEMPTS = 5  # when a person sends a failed job again
LONGEST_WAIT = 900  # seconds between two attempts, at most
OPEN = (Job.State.WAITING, Job.State.RUNNING)

_TABLE = Job._meta.db_table
_CLAIM = (
    f"UPDATE {_TABLE} SET state = 'running', attempts = attempts + 1, worker = %s, due = %s,"  # noqa: S608
    " started = COALESCE(started, %s) WHERE id {among} RETURNING *"
)
_NEXT = f"SELECT id FROM {_TABLE} WHERE due <= %s ORDER BY priority DESC, due, id LIMIT %s"  # noqa: S608
_OURS = (
    f"SELECT id FROM {_TABLE} WHERE due IS NOT NULL AND (due <= %s OR worker = %s)"  # noqa: S608
    " ORDER BY priority DESC, due, id LIMIT %s"
)


class LeaseLost(Exception):
    """Somebody else has taken the job meanwhile. Whatever was done here must not be committed."""


# --- who we are ---------------------------------------------------------------------------------------------------

_names: dict[int, str] = {}


def this_process() -> str:
    """A name for this process that no other one has, also after a fork."""
    pid = os.getpid()
    if pid not in _names:
        _names[pid] = f"{socket.gethostname()[:40]}:{pid}:{secrets.token_hex(4)}"
    return _names[pid]


# --- putting in ---------------------------------------------------------------------------------------------------


def enqueue_many(jobs: Sequence[Job]) -> None:
    """Add the jobs with one INSERT, in the caller's transaction: they exist exactly when its effects do."""
    if jobs:
        Job.objects.bulk_create(jobs, batch_size=1000)
        if any(job.state == Job.State.WAITING for job in jobs):
            wake_workers()


def enqueue_once(key: str, *, task: str, args: Any, due: datetime, now: datetime, max_attempts: int = 8) -> Job:
    """Add a job unless an open one carries this key; either way, return the open one."""
    while True:
        job = Job(task=task, args=args, due=due, key=key, created=now, max_attempts=max_attempts)
        Job.objects.bulk_create([job], ignore_conflicts=True)
        if (found := Job.objects.filter(key=key, due__isnull=False).first()) is not None:
            wake_workers()
            return found


_last_call = -1.0


def wake_workers() -> None:
    """Tell idle workers at commit (PostgreSQL). A few times a second are enough: a busy worker looks by itself."""
    global _last_call
    if connection.vendor == "postgresql" and time.monotonic() - _last_call > 0.2:
        _last_call = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


# --- taking, keeping, giving back ---------------------------------------------------------------------------------


def claim(*, worker: str, now: datetime, limit: int = 1, ours: str = "") -> list[Job]:
    """Take up to ``limit`` due jobs; nobody else gets them before the lease ends. One statement.

    ``ours`` also takes the open jobs which that worker holds, due or not.
    """
    adapt = connection.ops.adapt_datetimefield_value
    inner, asked = (_OURS, [adapt(now), ours, limit]) if ours else (_NEXT, [adapt(now), limit])
    # ARRAY(…) is worked out once; IN (…) may be planned as a join that runs the LIMIT again and takes more.
    among = f"= ANY(ARRAY({inner} FOR UPDATE SKIP LOCKED))" if connection.vendor == "postgresql" else f"IN ({inner})"
    jobs = list(Job.objects.raw(_CLAIM.format(among=among), [worker, adapt(now + LEASE), adapt(now), *asked]))
    return sorted(jobs, key=lambda job: (-job.priority, job.pk))


def anything_due(now: datetime) -> bool:
    """A read, which asks for no lock: worth a look before claiming on SQLite."""
    return Job.objects.filter(due__lte=now).exists()


def extend(ids: Collection[int], *, worker: str, now: datetime) -> None:
    """Keep the lease of the jobs that this worker is still busy with."""
    Job.objects.filter(pk__in=ids, worker=worker, state=Job.State.RUNNING).update(due=now + LEASE)


def release(jobs: Iterable[Job], *, now: datetime) -> None:
    """Give back jobs that were taken but not begun, as if nobody had taken them."""
    for attempts, group in itertools.groupby(sorted(jobs, key=lambda job: job.attempts), lambda job: job.attempts):
        mine = Job.objects.filter(pk__in=[job.pk for job in group], attempts=attempts, state=Job.State.RUNNING)
        mine.update(state=Job.State.WAITING, due=now, attempts=F("attempts") - 1, worker="")


def remove(job: Job) -> None:
    """Finish by deleting, in the transaction of the effect: both are committed, or neither. LeaseLost if too late."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {_TABLE} WHERE id = %s AND attempts = %s", [job.pk, job.attempts])  # noqa: S608
        if not cursor.rowcount:
            raise LeaseLost(str(job))


def finish(job: Job, result: Any, *, now: datetime) -> None:
    """Finish and keep the answer for some days. LeaseLost if too late."""
    held = Job.objects.filter(pk=job.pk, attempts=job.attempts, state=Job.State.RUNNING)
    if not held.update(state=Job.State.DONE, due=None, result=result, finished=now, error=""):
        raise LeaseLost(str(job))


def backoff(attempts: int, job_id: int) -> timedelta:
    """How long to wait after so many attempts: 2, 4, 8 … seconds, at most a quarter of an hour.

    A quarter more or less, by the job's number, keeps jobs that failed together from coming back together.
    """
    spread = (job_id * 2654435761 % 2**32) / 2**32
    return timedelta(seconds=min(2.0**attempts, LONGEST_WAIT) * (0.75 + spread / 2))


def fail(job: Job, error: BaseException, *, now: datetime, again: bool = True) -> bool:
    """Note what went wrong. True when the job will be tried again, False when it now waits for a person."""
    again = again and job.attempts < job.max_attempts
    held = Job.objects.filter(pk=job.pk, attempts=job.attempts, state=Job.State.RUNNING)
    if again:
        held.update(state=Job.State.WAITING, due=now + backoff(job.attempts, job.pk), worker="", error=describe(error))
    else:
        held.update(state=Job.State.FAILED, due=None, finished=now, error=describe(error))
    return again


def describe(error: BaseException) -> str:
    """The kind of the error and where it happened. Not its message, which may quote personal data; the log has it.

    A Refusal's reason is a sentence of ours and is kept.
    """
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, Refusal):
        return f"{kind}\n{error.reason}"
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return "\n".join([kind, *(f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)])


# --- what an operator asks ----------------------------------------------------------------------------------------


def list_failed() -> list[Job]:
    """The jobs that wait for a person, oldest first."""
    return list(Job.objects.filter(state=Job.State.FAILED).order_by("finished", "pk"))


def retry(job: Job, *, now: datetime) -> bool:
    """Put a failed job back, for some more attempts. False when it is not failed any more.

    ``attempts`` goes on counting: it is the fence, and a worker lost long ago may still hold a low number.
    """
    with transaction.atomic():
        failed = Job.objects.filter(pk=job.pk, state=Job.State.FAILED)
        more = {"max_attempts": F("attempts") + MORE_ATTEMPTS, "finished": None, "worker": ""}
        changed = failed.update(state=Job.State.WAITING, due=now, **more)
        wake_workers()
    return bool(changed)


def clean(*, now: datetime) -> int:
    """Forget finished jobs after some days. A failed one stays until a person has dealt with it."""
    done, _ = Job.objects.filter(state=Job.State.DONE, finished__lt=now - KEEP_FINISHED).delete()
    return done


# --- the django_tasks interface -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTask(Task[P, T]):
    """A task that also says how often it may be tried: ``@task(max_attempts=3)``."""

    max_attempts: int = 8


class LeaseBackend(BaseTaskBackend):
    """The ``django_tasks`` interface on the lease queue. A task runs at least once: make it safe to run again."""

    task_class = LeaseTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Task[P, T], args: Any, kwargs: Any) -> TaskResult[T]:
        self.validate_task(task)
        now = timezone.now()
        job = Job(
            task=task.module_path,
            args=[normalize_json(args), normalize_json(kwargs)],
            priority=task.priority,
            due=task.run_after or now,
            max_attempts=task.max_attempts if isinstance(task, LeaseTask) else 8,
            created=now,
        )
        job.save(force_insert=True)
        if job.due == now:
            wake_workers()
        result = self._result(job, task)
        task_enqueued.send(type(self), task_result=result)
        return cast("TaskResult[T]", result)

    def get_result(self, result_id: str) -> TaskResult[Any]:
        job = Job.objects.filter(pk=result_id).first() if str(result_id).isdecimal() else None
        if job is None or ":" in job.task:
            raise TaskResultDoesNotExist(result_id)
        return self._result(job, import_string(job.task))

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        if not connection.features.can_return_columns_from_insert:
            yield checks.Error("The queue needs SQLite 3.35 or newer.", id="loop.E001")

    def run(self, job: Job, *, now: datetime) -> None:
        """Call the task of a job that was taken, and keep its answer."""
        task = import_string(job.task)
        if not isinstance(task, Task):
            raise LookupError(f"{job.task} is not a task")
        args, kwargs = job.args
        result = self._result(job, task)
        task_started.send(type(self), task_result=result)
        if task.takes_context:
            answer = task.call(TaskContext(task_result=result), *args, **kwargs)
        else:
            answer = task.call(*args, **kwargs)
        finish(job, normalize_json(answer), now=timezone.now())
        object.__setattr__(result, "status", TaskResultStatus.SUCCESSFUL)
        task_finished.send(type(self), task_result=result)

    def _result(self, job: Job, task: Task[Any, Any]) -> TaskResult[Any]:
        args, kwargs = cast("tuple[list[Any], Mapping[str, Any]]", job.args)
        kind, _, where = job.error.partition("\n")
        result: TaskResult[Any] = TaskResult(
            task=task,
            id=str(job.pk),
            status=_STATUS[Job.State(job.state)],
            enqueued_at=job.created,
            started_at=job.started,
            finished_at=job.finished,
            last_attempted_at=job.started,
            args=list(args),
            kwargs=dict(kwargs),
            backend=self.alias,
            errors=[TaskError(exception_class_path=kind, traceback=where)] if kind else [],
            worker_ids=[job.worker] * job.attempts,
        )
        object.__setattr__(result, "_return_value", job.result)
        return result


_STATUS = {
    Job.State.WAITING: TaskResultStatus.READY,
    Job.State.RUNNING: TaskResultStatus.RUNNING,
    Job.State.DONE: TaskResultStatus.SUCCESSFUL,
    Job.State.FAILED: TaskResultStatus.FAILED,
}
