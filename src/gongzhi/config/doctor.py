"""What is here and what is missing, line by line."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from gongzhi import __version__
from gongzhi.config import health, preparation
from gongzhi.ground.access.models import Post


@dataclass(frozen=True)
class Finding:
    what: str
    detail: str
    mark: str = "ok"  # ok, note, BAD

    @property
    def is_bad(self) -> bool:
        return self.mark == "BAD"


def judge(what: str, good: bool, detail: str, otherwise: str) -> Finding:
    return Finding(what, detail) if good else Finding(what, otherwise, "BAD")


def examine(now: datetime) -> Iterator[Finding]:
    yield Finding("Gongzhi", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    home = Path(settings.HOME)
    free = shutil.disk_usage(home).free // 2**20 if home.is_dir() else 0
    yield judge("Home", os.access(home, os.W_OK), f"{home}, {free} MiB free", f"{home} cannot be written")
    yield judge("Disk", health.disk_has_room(), "enough room", f"only {free} MiB free")
    yield from examine_database(now)
    catalogues = list(preparation_catalogues())
    stale = [path for path in catalogues if not path.with_suffix(".mo").exists()]
    yield judge("Translations", not stale, f"{len(catalogues)} compiled", f"not compiled: {len(stale)}")
    collected = (Path(settings.STATIC_ROOT) / ".collected").exists()
    yield Finding("Static files", "collected" if collected else "not yet collected; the next start does it")
    if settings.DEMO:
        yield Finding("Mode", "demonstration", "note")
    if settings.DEBUG:
        yield Finding("Debugging", "switched on: never on the open network", "note")
    if not settings.SECURE:
        yield Finding("HTTPS", "not required (GONGZHI_HTTPS); right only on this machine", "note")
    if not os.environ.get("GONGZHI_DATA_KEYS"):
        yield Finding("Keys", f"kept in {home / 'secrets'}; keep a copy in another safe place", "note")


def preparation_catalogues() -> Iterator[Path]:
    return Path(settings.PACKAGE).glob("**/locale/*/LC_MESSAGES/*.po")


def examine_database(now: datetime) -> Iterator[Finding]:
    engine = settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]
    try:
        connection.ensure_connection()
        version = ".".join(str(part) for part in connection.get_database_version())
    except DatabaseError as error:
        yield Finding("Database", f"{engine} does not answer: {error}".strip(), "BAD")
        return
    yield judge("Database", health.database_is_writable(), f"{engine} {version}", f"{engine} cannot be written")
    missing = preparation.unapplied()
    yield judge("Migrations", not missing, "all applied", f"{len(missing)} missing: gongzhi migrate")
    if missing:
        return
    late = health.seconds_late(now)
    yield judge("Jobs", late < health.LATE, "none is late", f"one has waited {late} s: is a worker running?")
    posts = Post.objects.count()
    if not posts:
        yield Finding("Posts", "nobody has one yet: gongzhi user create, gongzhi user grant", "note")
