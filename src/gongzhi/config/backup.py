"""Copying what an installation keeps, while it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from gongzhi.ground.refusals import Refusal


def make(target: Path | None, *, now: datetime) -> Iterator[str]:
    """Write database and files into an empty folder; yields what was written."""
    folder = target or settings.HOME / "backups" / f"{now:%Y-%m-%d-%H%M%S}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise Refusal(f"{folder} is not empty; a backup needs a folder of its own.")
    yield copy_sqlite(folder) if connection.vendor == "sqlite" else dump_postgresql(folder)
    # The files come after the database: a photo is stored before the row that names it, so none is missed.
    files = settings.HOME / "files"
    if files.is_dir():
        shutil.copytree(files, folder / "files")
        yield f"{folder / 'files'}"
    yield f"Not copied, keep them in another safe place: the keys in {settings.HOME / 'secrets'}"


def copy_sqlite(folder: Path) -> str:
    copy = folder / "gongzhi.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    return str(copy)


def dump_postgresql(folder: Path) -> str:
    copy = folder / "gongzhi.dump"
    database = settings.DATABASES["default"]
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    access = {name: str(database[key]) for name, key in names.items() if database[key]}
    program = shutil.which("pg_dump")
    if program is None:
        shown = " ".join(f"{name}={value}" for name, value in access.items() if name != "PGPASSWORD")
        raise Refusal(f"pg_dump is not here. Where it is: {shown} pg_dump --format=custom --file=gongzhi.dump")
    command = [program, "--format=custom", "--no-password", f"--file={copy}"]
    done = subprocess.run(  # noqa: S603
        command, env={**os.environ, **access}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refusal(f"pg_dump failed: {done.stderr.strip()}")
    return str(copy)
