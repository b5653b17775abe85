"""What the command line says to a person, and to a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click


class Report(Protocol):
    """Long work says how far it is: what is being done, how many are done, and how many there are when known."""

    def __call__(self, what: str, done: int, total: int | None = None) -> None: ...


def say(words: str) -> None:
    click.echo(words, err=True)


@contextmanager
def progress() -> Iterator[Report]:
    """A bar on a terminal; elsewhere one plain line when a piece of work starts and one when it ends."""
    if sys.stderr.isatty():
        yield from _bars()
    else:
        yield from _lines()


def _bars() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        known = {}

        def report(what: str, done: int, total: int | None = None) -> None:
            if what not in known:
                known[what] = bars.add_task(what, total=total)
            bars.update(known[what], completed=done, total=total)

        yield report


def _lines() -> Iterator[Report]:
    began: dict[str, float] = {}

    def report(what: str, done: int, total: int | None = None) -> None:
        if what not in began:
            began[what] = time.monotonic()
            say(f"{what} …" if total is None else f"{what}: {total} …")
        if total is not None and done >= total and began[what] >= 0:
            say(f"{what}: done, {time.monotonic() - began[what]:.1f} s")
            began[what] = -1

    yield report
