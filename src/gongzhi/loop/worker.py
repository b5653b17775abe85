"""The worker: takes jobs and does them until it is told to stop. Any number may run, on any number of machines."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import psycopg
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from gongzhi.loop import delivery, queue, schedule
from gongzhi.loop.models import Job

log = logging.getLogger(__name__)

SHORTEST_LOOK, LONGEST_LOOK = 0.2, 2.0  # seconds between two looks at an empty queue
BEAT = 3.0  # the lease is kept this often; it must be well below queue.LEASE
TICK = 2.0  # schedules are looked at this often
AT_ONCE = 8  # jobs taken with one statement
LONGEST_HOLD = 3.0  # jobs taken but not begun for so long are given back: this worker is stuck on another
LAST_WORDS = 30.0  # a stopping worker waits so long for the jobs it has begun


class Worker:
    """One process's worker: some threads that do jobs, and one that keeps their leases and ticks the schedules."""

    def __init__(self, *, threads: int = 1, stop: threading.Event | None = None) -> None:
        self.name = queue.this_process()
        self.stop = stop or threading.Event()
        self.done = 0
        self._threads = max(1, threads)
        self._lock = threading.Lock()  # guards the three below
        self._waiting: deque[Job] = deque()
        self._taken_at = 0.0
        self._held: set[int] = set()
        self._claiming = threading.Lock()
        self._wake = threading.Event()
        self._idle = False

    def run(self) -> None:
        """Work until ``stop`` is set; then finish what is begun, give back the rest, and return."""
        helpers = [threading.Thread(target=self._guarded, args=(self._keep,), name="keeper", daemon=True)]
        if connection.vendor == "postgresql":
            helpers.append(threading.Thread(target=self._guarded, args=(self._listen,), name="listener", daemon=True))
        hands = [
            threading.Thread(target=self._guarded, args=(self._work,), name=f"hand-{number}", daemon=True)
            for number in range(self._threads)
        ]
        log.info("worker %s: %s thread(s)", self.name, self._threads)
        for thread in (*helpers, *hands):
            thread.start()
        # Waking now and then lets the main thread see signals on every platform.
        while not self.stop.wait(1.0):
            pass
        self._wake.set()
        until = time.monotonic() + LAST_WORDS
        for thread in hands:
            thread.join(max(0.0, until - time.monotonic()))
        self._give_back()
        log.info("worker %s: stopped after %s job(s)", self.name, self.done)

    # --- threads ----------------------------------------------------------------------------------------------

    def _guarded(self, body: Callable[[], None]) -> None:
        """Run a thread's body; when the database goes away, come back with growing patience."""
        patience = 0.5
        while not self.stop.is_set():
            try:
                body()
                return
            except (DatabaseError, InterfaceError, psycopg.Error) as error:
                log.warning("database: %s; again in %.1f s", str(error).strip() or type(error).__name__, patience)
            except Exception:
                log.exception("worker thread; again in %.1f s", patience)
            finally:
                connection.close()
            self.stop.wait(patience)
            patience = min(patience * 2, 10.0)

    def _work(self) -> None:
        look = SHORTEST_LOOK
        while not self.stop.is_set():
            job = self._take()
            if job is None:
                self._idle = True
                self._wake.wait(look)
                self._wake.clear()
                look = min(look * 1.5, LONGEST_LOOK)
                continue
            look = SHORTEST_LOOK
            try:
                delivery.attempt(job, now=timezone.now())
            finally:
                with self._lock:
                    self._held.discard(job.pk)
                    self.done += 1

    def _take(self) -> Job | None:
        with self._claiming:
            with self._lock:
                if self._waiting:
                    return self._waiting.popleft()
            now = timezone.now()
            if self._idle and connection.vendor == "sqlite" and not queue.anything_due(now):
                return None  # claiming would ask for the write lock
            jobs = queue.claim(worker=self.name, now=now, limit=AT_ONCE)
            self._idle = not jobs
            if not jobs:
                return None
            with self._lock:
                self._held.update(job.pk for job in jobs)
                self._waiting.extend(jobs)
                self._taken_at = time.monotonic()
            delivery.fetch_entries(jobs)
            with self._lock:
                return self._waiting.popleft() if self._waiting else None

    def _keep(self) -> None:
        """Keep the leases of the jobs in hand, give back what would wait too long, tick the schedules."""
        schedule.prepare(now=timezone.now())
        beat = tick = time.monotonic()
        while not self.stop.wait(0.5):
            with self._lock:
                held, late = list(self._held), time.monotonic() - self._taken_at > LONGEST_HOLD
            if late:
                self._give_back()
            if held and time.monotonic() - beat >= BEAT:
                beat = time.monotonic()
                queue.extend(held, worker=self.name, now=timezone.now())
            if time.monotonic() - tick >= TICK:
                tick = time.monotonic()
                if schedule.tick(now=timezone.now()):
                    self._wake.set()

    def _listen(self) -> None:
        """Wake the hands when somebody adds a job (PostgreSQL). Looking now and then works without it, slower."""
        parameters = connection.get_connection_params()
        for unwanted in ("cursor_factory", "context"):
            parameters.pop(unwanted, None)
        with psycopg.connect(**parameters, autocommit=True) as wire:
            wire.execute(f"LISTEN {queue.CHANNEL}")
            while not self.stop.is_set():
                for _notice in wire.notifies(timeout=1.0, stop_after=1):
                    self._wake.set()

    def _give_back(self) -> None:
        with self._lock:
            jobs = list(self._waiting)
            self._waiting.clear()
            self._held.difference_update(job.pk for job in jobs)
        if jobs:
            queue.release(jobs, now=timezone.now())


def run(*, threads: int = 1, stop: threading.Event | None = None) -> int:
    """Be a worker until ``stop`` is set. Returns how many jobs were done."""
    worker = Worker(threads=threads, stop=stop)
    worker.run()
    return worker.done


def run_once() -> int:
    """Do what is due now, schedules included, and return how many jobs that were."""
    now = timezone.now()
    schedule.prepare(now=now)
    schedule.tick(now=now)
    return delivery.run_until_quiet(forgiving=True, limit=1_000_000)
