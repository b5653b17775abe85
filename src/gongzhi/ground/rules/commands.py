"""The command line of this room. ``config`` hangs these commands into ``gongzhi``."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gongzhi.ground.accounts.models import User
    from gongzhi.ground.places.models import Place


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


@click.group(invoke_without_command=True)
@click.pass_context
@click.option(
    "--place", "path", default="", metavar="PATH", help="Path of a place, for example 110108. Default: everywhere."
)
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day. Default: today.")
@click.option("--beginning", default="", metavar="WORDS", help="Only rules whose key begins like this.")
def rules(context: click.Context, path: str, on: datetime | None, beginning: str) -> None:
    """Show the rules in force at a place on a day, where each comes from and whether its source was read.

    The commands below change them: each change is an entry in the ledger.
    """
    if context.invoked_subcommand is not None:
        return
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


A_DAY = click.DateTime(["%Y-%m-%d"])
BY = click.option("--by", "username", default="", metavar="USER", help="Who decided it: a user name.")


@rules.command("set")
@click.argument("key")
@click.argument("value")
@click.option(
    "--place", "path", default="", metavar="PATH", help="Where it holds, with everything below. Default: everywhere."
)
@click.option("--from", "since", type=A_DAY, required=True, help="The first day with this value.")
@click.option("--until", type=A_DAY, help="The first day without it. Default: until somebody ends it.")
@click.option("--reason", required=True, help="Why the rule is changed. Shown beside the rule.")
@BY
def set_rule(
    key: str, value: str, path: str, since: datetime, until: datetime | None, reason: str, username: str
) -> None:
    """Give a rule another value at a place.

    VALUE is written as in the packs: "3 working_days", 0.3, true, [["09:00", "12:00"], ["13:00", "17:00"]].
    """
    from django.utils import timezone
    from django.utils.translation import gettext as _

    from gongzhi.ground.refusals import Refusal
    from gongzhi.ground.rules.actions import override

    try:
        plain = json.loads(value)
    except ValueError:
        plain = value
    try:
        row = override(
            place=_place(path),
            key=key,
            value=plain,
            valid_from=since.date(),
            valid_to=until.date() if until is not None else None,
            reason=reason,
            by=_user(username),
            now=timezone.now(),
        )
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    click.echo(_("Change %(id)s is entered.") % {"id": row.pk})


@rules.command("end")
@click.argument("change", type=int)
@click.option("--on", type=A_DAY, help="The first day without it. Default: today.")
@BY
def end_rule(change: int, on: datetime | None, username: str) -> None:
    """Let a change of a rule stop holding. CHANGE is its number, as "gongzhi rules" shows it."""
    from django.utils import timezone
    from django.utils.translation import gettext as _

    from gongzhi.ground.refusals import NotThere, Refusal
    from gongzhi.ground.rules.actions import end_override

    now = timezone.now()
    day = on.date() if on is not None else timezone.localdate(now)
    try:
        row = end_override(override_id=change, valid_to=day, by=_user(username), now=now)
    except NotThere as missing:
        raise click.ClickException(_("There is no change %(id)s.") % {"id": change}) from missing
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    click.echo(_("Change %(id)s ends on %(day)s.") % {"id": row.pk, "day": row.valid_to})


@rules.command("day")
@click.argument("day", type=A_DAY)
@click.argument("kind", type=click.Choice(["holiday", "workday", "forget"]))
@click.option(
    "--place", "path", default="", metavar="PATH", help="Where it holds, with everything below. Default: everywhere."
)
@click.option("--name", default="", help="What the day is called.")
@BY
def set_day(day: datetime, kind: str, path: str, name: str, username: str) -> None:
    """Say that a day is off or worked at a place, or take back what was said there."""
    from django.utils import timezone
    from django.utils.translation import gettext as _

    from gongzhi.ground.refusals import Refusal
    from gongzhi.ground.rules.actions import add_day, remove_day
    from gongzhi.ground.rules.models import CalendarDay

    place, by, now = _place(path), _user(username), timezone.now()
    if kind == "forget":
        row = CalendarDay.objects.standing().filter(date=day.date(), place=place).first()
        if row is None:
            raise click.ClickException(_("Nothing was entered for this day at this place."))
        remove_day(day_id=row.pk, by=by, now=now)
        click.echo(_("The day is taken out."))
        return
    try:
        add_day(day=day.date(), kind=kind, name=name, place=place, by=by, now=now)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    click.echo(_("The day is entered."))


def _place(path: str) -> Place | None:
    from gongzhi.ground.places.models import Place

    if not path:
        return None
    place = Place.objects.filter(path=path).first()
    if place is None:
        raise click.BadParameter(f"there is no place with the path {path}", param_hint="--place")
    return place


def _user(username: str) -> User | None:
    from gongzhi.ground.accounts.models import User

    if not username:
        return None
    user = User.objects.filter(username=username).first()
    if user is None:
        raise click.BadParameter(f"there is no user {username}", param_hint="--by")
    return user
