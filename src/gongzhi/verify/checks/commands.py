"""``gongzhi rates``: the three rates, and counting them anew from the record."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
from django.utils import timezone


@click.group()
def rates() -> None:
    """The three rates: response, resolution, satisfaction."""


@rates.command()
@click.option("--place", default="", metavar="PATH", help="Path of a place, for example 110108. Default: everywhere.")
@click.option("--from", "since", type=click.DateTime(["%Y-%m-%d"]), help="First day; a year ago unless given.")
@click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), help="Last day; today unless given.")
def verify(place: str, since: datetime | None, until: datetime | None) -> None:
    """Count the rates anew, entry by entry, and compare. Exits with 1 when a number differs."""
    from gongzhi.verify.checks.rates import Period, Scope, count_rates, recount, total

    now = timezone.now()
    today = timezone.localdate(now)
    period = Period(since.date() if since else today - timedelta(days=365), until.date() if until else today)
    counted = total(count_rates(period, Scope(path=place), now=now).values()).as_numbers()
    anew = recount(period, Scope(path=place), now=now).as_numbers()
    for name, number in counted.items():
        mark = "ok" if number == anew[name] else f"but {anew[name]} in the record"
        click.echo(f"{name:16} {number:>9}  {mark}")
    raise SystemExit(0 if counted == anew else 1)
