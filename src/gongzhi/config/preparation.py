"""What must be in place before the platform serves: the newest database, collected static files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from gongzhi.config.terminal import say
from gongzhi.understand.cases.loading import load_categories

MIGRATING = 0x676F6E67  # any number that nobody else locks


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Only one process of this installation at a time does what is inside; the others wait."""
    import fcntl

    settings.HOME.mkdir(parents=True, exist_ok=True)
    with (settings.HOME / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def unapplied() -> list[str]:
    """The migrations that this database still lacks."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


@contextmanager
def alone_in_database(number: int) -> Iterator[None]:
    """The same across all machines of one PostgreSQL database."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def migrate() -> None:
    """Bring the database and the packaged category tree up to date. Safe to start from several processes at once."""
    with alone("migrate"), alone_in_database(MIGRATING):
        missing = unapplied()
        if not missing:
            return
        say(f"Bringing the database up to date: {len(missing)} migrations …")
        call_command("migrate", interactive=False, verbosity=0)
        if not settings.DEMO:  # the demonstration loads them at the beginning of its own story
            load_categories(now=timezone.now())


def static_fingerprint() -> str:
    from django.contrib.staticfiles.finders import get_finders

    sums = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            whole = Path(storage.path(path))
            facts = whole.stat()
            sums.update(f"{path}\0{whole}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return sums.hexdigest()


def collect_static() -> None:
    """Gather style sheets, scripts and pictures for serving, when any of them has changed."""
    with alone("static"):
        root = Path(settings.STATIC_ROOT)
        stamp = root / ".collected"
        fingerprint = static_fingerprint()
        if stamp.exists() and stamp.read_text() == fingerprint:
            return
        say("Gathering style sheets, scripts and pictures …")
        stamp.unlink(missing_ok=True)
        call_command("collectstatic", interactive=False, verbosity=0, stdout=io.StringIO())
        stamp.write_text(fingerprint)


def prepare(*, with_database: bool = True) -> None:
    if with_database:
        migrate()
    collect_static()
