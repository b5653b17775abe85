"""``gongzhi privacy``: what personal data there is, erasing what is due, sealing anew after a change of keys."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gongzhi.ground.privacy import actions, inventory
from gongzhi.ground.privacy.declarations import problems, undeclared


@click.group()
def privacy() -> None:
    """Personal data: what there is, how long it stays, and the keys that seal it."""


@privacy.command(name="inventory")
@click.option("--markdown", is_flag=True, help="Print docs/reference/personal-data.md.")
def show_inventory(markdown: bool) -> None:
    """List all personal fields: class, purpose, basis, retention.

    Ends with exit code 1 when a field is declared wrongly or not at all.
    """
    _complain(problems())
    if markdown:
        click.echo(inventory.as_markdown(), nl=False)
    else:
        table = Table("field", "class", "sealed", "purpose", "basis", "kept")
        for line in inventory.lines():
            table.add_row(line.label, line.data_class, "yes" if line.sealed else "", line.why, line.basis, line.kept)
        Console().print(table)
    _complain([f"{label} is not declared." for label in undeclared()])


def _complain(wrong: list[str]) -> None:
    for problem in wrong:
        click.echo(problem, err=True)
    if wrong:
        sys.exit(1)


@privacy.command()
@click.option("--dry-run", is_flag=True, help="Only say what is due.")
def erase(dry_run: bool) -> None:
    """Erase the personal data whose time is over. A scheduled job does the same every day."""
    with _progress() as report:
        found = actions.erase_due(now=timezone.now(), dry_run=dry_run, report=report)
    table = Table("field", "due" if dry_run else "erased")
    for due in found:
        if due.rows:
            table.add_row(due.personal.label, str(due.rows))
    if table.row_count:
        Console().print(table)
    else:
        click.echo("Nothing is due.")


@privacy.command()
def rotate() -> None:
    """Seal everything anew with the first key of GONGZHI_DATA_KEYS, and renew the blind indexes.

    May be stopped and started again, and may run while people work. Afterwards the old keys can be taken out.
    """
    with _progress() as report:
        changed = actions.reseal_everything(report=report)
    click.echo(f"{changed} rows sealed anew.")


@contextmanager
def _progress() -> Iterator[actions.Report]:
    """A bar for each piece of work, on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        known = {}

        def report(what: str, done: int, total: int | None = None) -> None:
            if what not in known:
                known[what] = bars.add_task(what, total=total)
            bars.update(known[what], completed=done, total=total)

        yield report
