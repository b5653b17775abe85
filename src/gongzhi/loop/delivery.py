"""Delivery: every recorded entry reaches every wire of its event, once in effect.

``hear`` writes one job per wire in the transaction that records the entry. ``deliver`` reacts and writes the
``Delivery`` row in one transaction. See ``docs/explanation/the-circuit.md``.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone, translation
from django_tasks import task_backends

from gongzhi.ground.filling import among, build
from gongzhi.ground.ledger import actions as ledger
from gongzhi.ground.ledger import events
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import Refusal, Stale
from gongzhi.loop import queue, schedule
from gongzhi.loop.models import Delivery, Job
from gongzhi.loop.wires import When

log = logging.getLogger(__name__)

PREFIX = "wire:"
MAX_ATTEMPTS = 12  # about three quarters of an hour; then a person has to look
TOGETHER = 500  # entries that a batch wire gets at once, at most
# A commit is followed by so many deliveries in the same process, for so many seconds; a worker does the rest.
INLINE_JOBS, INLINE_SECONDS = 100, 2.0

_by_event: dict[str, tuple[When, ...]] = {}
_by_name: dict[str, When] = {}


def connect(circuit: Sequence[When]) -> None:
    """Use these wires from now on, and listen to the ledger."""
    _by_event.clear()
    _by_name.clear()
    for wire in circuit:
        _by_event[wire.event.name] = (*_by_event.get(wire.event.name, ()), wire)
        _by_name[wire.name] = wire
    ledger.listen(hear)


@contextmanager
def connected(*circuit: When) -> Iterator[None]:
    """Only these wires, for a while (tests and drills)."""
    before = [wire for wires in _by_event.values() for wire in wires]
    connect(circuit)
    try:
        yield
    finally:
        connect(before)


# --- recording: one job per wire, in the same transaction ---------------------------------------------------------


def hear(entries: Sequence[Entry]) -> None:
    """Promise the deliveries of these entries: one INSERT in the transaction that records them."""
    jobs: list[Job] = []
    now = timezone.now()
    for name in dict.fromkeys(entry.event for entry in entries):
        for wire in _by_event.get(name, ()):
            same = [entry for entry in entries if entry.event == name and _lets_through(wire, entry)]
            size = TOGETHER if wire.batch else 1
            jobs += [_job(wire, same[start : start + size], now) for start in range(0, len(same), size)]
    if not jobs:
        return
    if settings.GONGZHI_DELIVERY == "inline" and _promised() + len(jobs) <= INLINE_JOBS:
        # Written as already taken by this process, so that no worker takes them before the commit's own delivery;
        # if the process dies first, the lease ends and a worker does.
        for job in jobs:
            job.state, job.worker, job.due = Job.State.RUNNING, queue.this_process(), now + queue.LEASE
            job.attempts, job.started = 1, now
        queue.enqueue_many(jobs)
        transaction.on_commit(partial(_after_commit, jobs))
    else:
        queue.enqueue_many(jobs)


def _promised() -> int:
    """How many jobs this transaction has promised for right after its commit."""
    hooks = (hook[1] for hook in connection.run_on_commit[-INLINE_JOBS:])
    return sum(len(hook.args[0]) for hook in hooks if isinstance(hook, partial) and hook.func is _after_commit)


def _said(entry: Entry) -> events.Event:
    """What the entry says, read once for all the wires in this process that are told."""
    said: events.Event | None = entry.__dict__.get("said")
    if said is None:
        said = entry.__dict__["said"] = events.read(entry.event, entry.data)
    return said


def _lets_through(wire: When, entry: Entry) -> bool:
    return wire.only is None or wire.only(_said(entry))


def _job(wire: When, entries: Sequence[Entry], now: datetime) -> Job:
    # An action may be told another time than the clock's (imports, drills); its reactions are due at once all the same.
    job = Job(
        task=PREFIX + wire.name,
        args=[entry.pk for entry in entries],
        due=min(now, entries[0].at),
        max_attempts=MAX_ATTEMPTS,
        created=now,
    )
    job.entries = {entry.pk: entry for entry in entries}
    return job


# --- in process, right after the commit ---------------------------------------------------------------------------


_ENTRY = tuple(field.attname for field in Entry._meta.concrete_fields)


class _Mine(threading.local):
    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.delivering = False


_mine = _Mine()


def _after_commit(jobs: Sequence[Job]) -> None:
    """Deliver what this transaction promised, and what those deliveries promise in turn. Never raises."""
    _mine.waiting.extend(jobs)
    if _mine.delivering:
        return  # a reaction has just committed: the loop below takes its jobs
    _mine.delivering = True
    try:
        started, done = time.monotonic(), 0
        while _mine.waiting and done < INLINE_JOBS and time.monotonic() - started < INLINE_SECONDS:
            attempt(_mine.waiting.popleft(), now=timezone.now())
            done += 1
        if _mine.waiting:
            queue.release(_mine.waiting, now=timezone.now())
            queue.wake_workers()
    except Exception:
        log.exception("delivery after commit broke off; a worker goes on")
    finally:
        _mine.waiting.clear()
        _mine.delivering = False


# --- doing a job --------------------------------------------------------------------------------------------------


def deliver(entries: Sequence[Entry], wire: When, *, now: datetime) -> int:
    """React to the entries, inside the caller's transaction. Those delivered before are left out; returns the others.

    The language is the installation's and not the visitor's, so that a reaction says the same in every process.
    """
    new = _mark([entry.pk for entry in entries], wire.name, now)
    entries = [entry for entry in entries if entry.pk in new]
    if entries:
        # What an entry says is plain JSON from the start: memory and database do not differ.
        told = [_said(entry) for entry in entries]
        with translation.override(settings.LANGUAGE_CODE):
            if wire.batch:
                wire.then(told, entries=entries, now=now)
            else:
                wire.then(told[0], entry=entries[0], now=now)
    return len(entries)


def _mark(ids: Sequence[int], wire: str, now: datetime) -> set[int]:
    """Write the Delivery rows; the ids that were not there before."""
    at = connection.ops.adapt_datetimefield_value(now)
    # One parameter for all of them: a placeholder for each of a thousand costs more than the rows.
    given = (
        ("unnest(%s::bigint[]) AS given (value)", list(ids))
        if connection.vendor == "postgresql"
        else ("json_each(%s) AS given", json.dumps(list(ids)))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Delivery._meta.db_table} (entry_id, wire, at) "  # noqa: S608 - names of ours
            f"SELECT value, %s, %s FROM {given[0]} WHERE true "
            "ON CONFLICT (entry_id, wire) DO NOTHING RETURNING entry_id",
            [wire, at, given[1]],
        )
        return {row[0] for row in cursor.fetchall()}


def fetch_entries(jobs: Iterable[Job]) -> None:
    """Read the entries of all these deliveries with one SELECT. Entries never change, so an early read is as good."""
    deliveries = [job for job in jobs if job.task.startswith(PREFIX) and job.entries is None]
    if deliveries:
        wanted = {pk for job in deliveries for pk in job.args}
        alias = connection.alias
        rows = Entry.objects.filter(among("pk", wanted)).values_list(*_ENTRY)
        found = {row[0]: build(Entry, dict(zip(_ENTRY, row, strict=True))) for row in rows}
        for entry in found.values():
            entry._state.adding, entry._state.db = False, alias
        for job in deliveries:
            job.entries = {pk: found[pk] for pk in job.args if pk in found}


def perform(job: Job, *, now: datetime) -> None:
    """Do a job that this process has taken. What it did and that it is done are committed together (deliveries)."""
    if job.task.startswith(schedule.PREFIX):
        schedule.run(job, now=now)
    elif job.task.startswith(PREFIX):
        fetch_entries([job])
        entries = [(job.entries or {})[pk] for pk in job.args]
        wire = _by_name.get(job.task.removeprefix(PREFIX))
        if wire is None:
            raise LookupError(f"the circuit has no {job.task}")
        with transaction.atomic():
            deliver(entries, wire, now=now)
            queue.remove(job)
    else:
        backend = task_backends["default"]
        assert isinstance(backend, queue.LeaseBackend)  # noqa: S101
        backend.run(job, now=now)


def attempt(job: Job, *, now: datetime) -> Exception | None:
    """Do a job; an error is noted, logged and returned. Raises only when the database cannot be reached.

    An error is tried again later. A Refusal is the house's answer and not a mishap: it waits for a person, except
    Stale, which only says that somebody was quicker.
    """
    try:
        if job.attempts > job.max_attempts:
            raise RuntimeError("every worker that took this job died")
        perform(job, now=now)
    except queue.LeaseLost:
        log.warning("%s took longer than its lease; somebody else has it", job)
    except Exception as error:
        refused = isinstance(error, Refusal) and not isinstance(error, Stale)
        if queue.fail(job, error, now=max(now, timezone.now()), again=not refused):
            log.warning("%s failed and will be tried again", job, exc_info=error)
        else:
            log.error("%s failed and waits for a person: gongzhi jobs failed", job, exc_info=error)
        return error
    return None


def run_until_quiet(*, now: datetime | None = None, forgiving: bool = False, limit: int = 10_000) -> int:
    """Do everything that is due, here and now, until nothing is; returns how many jobs that were.

    For tests and for ``gongzhi worker --once``. Reactions are told ``now``. Raises the first error unless
    ``forgiving``; the job is left as a worker would leave it.
    """
    done = 0
    worker = queue.this_process()
    while done < limit:
        clock = timezone.now()
        jobs = queue.claim(worker=worker, now=max(clock, now or clock), limit=50, ours=worker)
        if not jobs:
            return done
        fetch_entries(jobs)
        for position, job in enumerate(jobs):
            error = attempt(job, now=now or timezone.now())
            done += 1
            if error is not None and not forgiving:
                queue.release(jobs[position + 1 :], now=timezone.now())
                raise error
    raise RuntimeError(f"still not quiet after {limit} jobs; do two wires chase each other?")
