"""Two addresses for whoever watches the machine: is it alive, and can it do its work?"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Min
from django.http import HttpRequest, JsonResponse

from gongzhi.config.preparation import unapplied
from gongzhi.ground.access.guard import Guarded
from gongzhi.loop.models import Job

LATE = 300  # seconds: a due job that waits longer than this means that no worker is running
ROOM = 200 * 1024 * 1024  # bytes of free disk below which photos and records are in danger


class Alive(Guarded):
    """The process answers. Touches nothing else, so that a slow database does not get it restarted."""

    verb: ClassVar[str] = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> JsonResponse:
        return uncached(JsonResponse({"alive": True}))


class Ready(Guarded):
    """Everything that a report needs is there: 200, else 503 and which part is missing.

    Late jobs are shown and do not count: a web server that is taken out of service would not make them quicker.
    """

    verb: ClassVar[str] = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> JsonResponse:
        state = recent_state(self.now)
        good = state.database and state.migrations and state.disk
        return uncached(JsonResponse({"ready": good, **asdict(state)}, status=200 if good else 503))


def uncached(response: JsonResponse) -> JsonResponse:
    response["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True)
class State:
    database: bool
    migrations: bool
    disk: bool
    jobs: bool
    oldest_due_job_seconds: int


_remembered: tuple[float, State] | None = None
_migrated = False


def recent_state(now: datetime) -> State:
    """Looked up at most once in two seconds, because anybody may ask."""
    global _remembered
    if _remembered is None or time.monotonic() - _remembered[0] > 2:
        _remembered = (time.monotonic(), look(now))
    return _remembered[1]


def look(now: datetime) -> State:
    database = database_is_writable()
    late = seconds_late(now) if database else 0
    return State(
        database=database,
        migrations=database and migrations_are_applied(),
        disk=disk_has_room(),
        jobs=late < LATE,
        oldest_due_job_seconds=late,
    )


def database_is_writable() -> bool:
    try:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SHOW transaction_read_only")
                return bool(cursor.fetchone()[0] == "off")
        with transaction.atomic():  # takes SQLite's write lock and gives it back
            return True
    except DatabaseError:
        return False


def migrations_are_applied() -> bool:
    global _migrated
    if not _migrated:  # once true it stays true: the code on disk is the code that runs
        try:
            _migrated = not unapplied()
        except DatabaseError:
            return False
    return _migrated


def seconds_late(now: datetime) -> int:
    """For how long the job that waits longest has been due."""
    try:
        due = Job.objects.filter(due__lt=now).aggregate(first=Min("due"))["first"]
    except DatabaseError:
        return 0  # the line about the database says it
    return int((now - due).total_seconds()) if due else 0


def disk_has_room() -> bool:
    return shutil.disk_usage(settings.HOME).free > ROOM
