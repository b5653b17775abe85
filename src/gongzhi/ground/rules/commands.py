"""The command line of this room. ``config`` hangs these commands into ``gongzhi``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def holidays(file: Path) -> None:
    """Read a table of holidays and make-up working days: CSV with the columns date, kind, name.

    kind is "holiday" or "workday" (休 or 班). All lines are entered, or none. Reading a file again changes nothing.
    """
    from django.utils import timezone
    from django.utils.translation import gettext as _

    from gongzhi.ground.refusals import Refusal
    from gongzhi.ground.rules.actions import import_days
    from gongzhi.ground.rules.holiday_file import read_holidays

    try:
        added, known = import_days(read_holidays(file.read_bytes()), by=None, now=timezone.now())
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    click.echo(_("%(added)s days entered, %(known)s known already.") % {"added": added, "known": known})


@click.command()
@click.option(
    "--place", "path", default="", metavar="PATH", help="Path of a place, for example 110108. Default: everywhere."
)
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day. Default: today.")
@click.option("--beginning", default="", metavar="WORDS", help="Only rules whose key begins like this.")
def rules(path: str, on: datetime | None, beginning: str) -> None:
    """Show the rules in force at a place on a day, where each comes from and whether its source was read."""
    from django.utils import timezone
    from django.utils.translation import gettext as _
    from rich.console import Console
    from rich.table import Table

    from gongzhi.ground.places.paths import is_path
    from gongzhi.ground.rules.actions import rules_in_force
    from gongzhi.ground.rules.working_days import calendar_gaps

    if path and not is_path(path):
        raise click.BadParameter(f"{path} is no path of a place", param_hint="--place")
    day = on.date() if on is not None else timezone.localdate()
    everywhere = _("everywhere")
    table = Table(
        title=_("Rules in force on %(day)s at %(place)s") % {"day": day.isoformat(), "place": path or everywhere}
    )
    for heading in (_("Rule"), _("Value"), _("Decided by"), _("Source"), _("Source was read")):
        table.add_column(heading, overflow="fold")
    for line in rules_in_force(path, day):
        if line.key.startswith(beginning):
            where = _("change %(id)s at %(place)s") % {"id": line.override_id, "place": line.place_path or everywhere}
            table.add_row(
                line.key,
                line.in_words,
                str(line.pack_name) if line.pack else where,
                " · ".join(text for text in (str(line.article), str(line.source)) if text),
                _("yes") if line.verified else _("no"),
            )
    console = Console()
    console.print(table)
    for gap in calendar_gaps(day):
        console.print(f"[yellow]{gap}[/yellow]")
