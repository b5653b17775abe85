"""Bells for the loop's tests: events, reactions, and what the tests' other processes do (``main``)."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from gongzhi.ground.ledger.actions import record, record_many
from gongzhi.ground.ledger.events import Event
from gongzhi.loop.wires import When


class Rang(Event):
    bell: int


class Echoed(Event):
    bell: int


@dataclass
class Bell:
    """Looks like a recorded row; nothing is kept of it but its entries."""

    pk: int
    version: int = 1
    place_path: str = ""

    @staticmethod
    def noun() -> str:
        return "tests.Bell"

    @staticmethod
    def fingerprint() -> bytes:
        return bytes(32)


def ring(bell: int, *, now):
    with transaction.atomic():
        return record(Rang(bell=bell), about=Bell(bell), by=None, now=now)


def ring_many(bells, *, now):
    with transaction.atomic():
        return record_many([(Rang(bell=bell), Bell(bell)) for bell in bells], by=None, now=now)


# --- reactions in the other processes -----------------------------------------------------------------------------


def note(event, *, entry, now):
    """An effect that can be counted: one row, with nothing that would keep a second one out."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO effect (bell, what) VALUES (%s, 'note')", [event.bell])


def hang_once(event, *, entry, now):
    """The first time: write the effect, tell the test, and hang (so that it can be killed before the commit)."""
    note(event, entry=entry, now=now)
    flag = os.environ["CREW_FLAG"]
    if not os.path.exists(flag):
        with open(flag, "w") as file:
            file.write(str(os.getpid()))
        time.sleep(120)


def poison(event, *, entry, now):
    raise ValueError("this wire is broken")


WIRES = {
    "note": When(Rang, then=note),
    "hang_once": When(Rang, then=hang_once),
    "poison": When(Rang, then=poison),
}


def main(command: str, *words: str) -> None:
    from gongzhi.loop import delivery, schedule, worker

    schedule.SCHEDULES = tuple(schedule.Every(name, "gongzhi.loop.queue.clean", seconds=3600) for name in "abc")
    delivery.connect([WIRES[name] for name in os.environ.get("CREW_WIRES", "note").split(",")])
    if command == "prepare":
        call_command("migrate", "loop", verbosity=0)
        call_command("migrate", "webhooks", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE effect (bell integer, what varchar(20))")
    elif command == "ring":
        first, last = map(int, words)
        for bell in range(first, last):
            ring(bell, now=timezone.now())
    elif command == "work":
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        worker.run(threads=int(words[0]) if words else 1, stop=stop)
    elif command == "once":
        sys.stdout.write(f"{worker.run_once()}\n")
    elif command == "tick":
        taken = sum(schedule.tick(now=timezone.now()) for _ in range(50))
        sys.stdout.write(f"{taken}\n")
    else:
        raise SystemExit(f"what is {command}?")
