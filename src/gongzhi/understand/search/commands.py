"""What the command line does with the search."""

from __future__ import annotations

import click


@click.group()
def search() -> None:
    """The full-text index of cases."""


@search.command("rebuild")
@click.option("--batch", default=500, show_default=True, type=click.IntRange(1, 10_000), help="Cases a transaction.")
def rebuild_index(batch: int) -> None:
    """Write the full-text index of all cases anew.

    Needed once after an upgrade from a release without it, and after a release that changes how words are cut. It may
    run while people work, and may be stopped and started again.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gongzhi.understand.cases.models import Case
    from gongzhi.understand.search.actions import rebuild

    done = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("cases", total=Case.objects.count())
        for done in rebuild(batch=batch):
            bars.update(task, completed=done)
    click.echo(f"{done:,} cases indexed.")
