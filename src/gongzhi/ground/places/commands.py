"""The command line of this room. ``config`` hangs these commands into ``gongzhi import``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

PATH = click.Path(exists=True, path_type=Path)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error: how far the work is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def _refusals() -> Iterator[None]:
    """A refusal ends the command with exit code 1, its reasons on standard error."""
    from gongzhi.ground.places.refused import FileRefused
    from gongzhi.ground.refusals import Refusal

    try:
        yield
    except FileRefused as refusal:
        for fault in refusal.faults[1:]:
            click.echo(f"  {fault.row}: {fault.reason}", err=True)
        raise click.ClickException(str(refusal)) from refusal
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal


@click.command()
@click.argument("sources", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--edition", type=click.DateTime(["%Y-%m-%d"]), help="The day the table describes. Default: today.")
@click.option(
    "--complete",
    metavar="PATH",
    help="The table speaks for everything below this path (all: the whole country), so that what it lacks has "
    "ended. Default: all when the table has 31 provinces or more, otherwise none.",
)
@click.option("--close-many", is_flag=True, help="Even if that ends more than a fifth of the known places.")
def divisions(sources: tuple[Path, ...], edition: datetime | None, complete: str | None, close_many: bool) -> None:
    """Read administrative divisions from CSV tables (columns code and name; .gz too) or from a folder of them.

    Everything is taken over, or nothing. Reading the same table again changes nothing.
    """
    from django.utils import timezone
    from django.utils.translation import gettext as _

    from gongzhi.ground.places.actions import import_divisions
    from gongzhi.ground.places.divisions import read_tables, tables_in
    from gongzhi.ground.places.paths import is_path

    if complete not in (None, "all", "none") and not is_path(complete or ""):
        raise click.BadParameter(f"{complete} is no path of a place", param_hint="--complete")
    files = [file for source in sources for file in (tables_in(source) if source.is_dir() else [source])]
    if not files:
        raise click.BadParameter("the folder holds no table such as streets.csv", param_hint="FILE")
    now = timezone.now()
    with _refusals(), _bar(_("Divisions")) as progress:
        rows = read_tables(files)
        if complete is None:
            complete = "all" if sum(len(row.path) == 2 for row in rows) >= 31 else "none"
        done = import_divisions(
            rows=rows,
            edition=edition.date() if edition is not None else timezone.localdate(now),
            complete=None if complete == "none" else "" if complete == "all" else complete,
            close_many=close_many,
            by=None,
            now=now,
            progress=progress,
        )
    click.echo(
        _(
            "%(rows)s rows: %(added)s added, %(renamed)s renamed, %(closed)s ended, %(reopened)s back again, "
            "%(unchanged)s as before."
        )
        % {
            "rows": done.rows,
            "added": done.added,
            "renamed": done.renamed,
            "closed": done.closed,
            "reopened": done.reopened,
            "unchanged": done.unchanged,
        }
    )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="Who drew the boundaries; shown beside the map.")
@click.option("--licence", default="", help="Under which licence, when there is one.")
@click.option(
    "--system",
    type=click.Choice(["wgs84", "gcj02", "bd09"]),
    default="wgs84",
    show_default=True,
    help="The coordinate system of the file. Boundaries are kept in WGS-84.",
)
@click.option("--demonstration", is_flag=True, help="Mark all of them as invented.")
def grids(file: Path, source: str, licence: str, system: str, demonstration: bool) -> None:
    """Read grids from a GeoJSON file: polygons with the properties code, name, village and perhaps kind.

    Everything is taken over, or nothing. Reading the same file again changes nothing.
    """
    from django.utils import timezone
    from django.utils.translation import gettext as _

    from gongzhi.ground.places.actions import import_grids
    from gongzhi.ground.places.shapes import MOST_BYTES

    with _refusals(), _bar(_("Grids")) as progress:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        done = import_grids(
            data=data,
            source=source,
            licence=licence,
            system=system,
            demonstration=demonstration,
            by=None,
            now=timezone.now(),
            progress=progress,
        )
    click.echo(
        _("%(features)s grids: %(added)s added, %(redrawn)s redrawn, %(unchanged)s as before.")
        % {"features": done.features, "added": done.added, "redrawn": done.redrawn, "unchanged": done.unchanged}
    )
