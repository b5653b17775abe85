"""Jobs and events that do nothing, for ``bench/background.py``."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import count

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.events import Event
from gongzhi.loop import delivery, schedule
from gongzhi.loop.wires import When

_numbers = count(1)


class Rang(Event):
    bell: int


@dataclass
class Bell:
    pk: int
    version: int = 1

    @staticmethod
    def noun() -> str:
        return "bench.Bell"

    @staticmethod
    def fingerprint() -> bytes:
        return bytes(32)


@task
def nothing() -> None: ...


@task
def hang_once() -> None:
    with open(os.environ["BENCH_FLAG"], "a+") as flag:
        flag.seek(0)
        first = not flag.read()
        flag.write(f"{os.getpid()}\n")
    if first:
        time.sleep(300)


def hear(event: Rang, *, entry: object, now: object) -> None: ...


def connect() -> None:
    schedule.SCHEDULES = ()
    delivery.connect([When(Rang, then=hear)])


def put_jobs(number: int) -> None:
    for _ in range(number):
        with transaction.atomic():
            nothing.enqueue()


def put_deliveries(number: int) -> None:
    for _ in range(number):
        with transaction.atomic():
            record(Rang(bell=1), about=Bell(next(_numbers)), by=None, now=timezone.now())


def put_hangs(number: int) -> None:
    hang_once.enqueue()
