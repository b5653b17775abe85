"""Loading the demonstration: places, rules of who is responsible, people, and a year of demands played through.

All of it in one transaction: a loading that is broken off, by whatever, leaves an empty database and starts again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from django.db import transaction

from gongzhi.config.demonstration.cast import engage
from gongzhi.config.demonstration.catalogue import categories
from gongzhi.config.demonstration.chance import dice
from gongzhi.config.demonstration.generate import ZONE, DemoCase, Outcome, Stage, cases, significant, staff
from gongzhi.config.demonstration.ground import DemoPlace, at_the_edge, beyond, places
from gongzhi.config.demonstration.pictures import motif_for
from gongzhi.config.demonstration.play import play
from gongzhi.config.demonstration.writing import texts, under
from gongzhi.config.terminal import Report
from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.jobs import seal_entries
from gongzhi.ground.places.demonstration import load_demonstration
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.learn.bulletins.actions import make_missing
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.loading import load_categories, load_responsibilities

SEED = 2026
COUNT, DAYS = 1000, 365
COUNTY = "110108"
# The newest demands came in so many minutes ago; every third of them from just outside the grids.
FRESH = (4, 9, 17, 31, 48, 76, 115, 150)
WANTED = (Stage.ASSIGNED, Stage.SENT_BACK, Stage.ACCEPTED, Stage.REPORTED_DONE, Stage.REOPENED)


def load_demo(*, now: datetime, progress: Report, count: int = COUNT, days: int = DAYS, seed: int = SEED) -> None:
    """Fill an empty database with the demonstration as it stands at ``now``. Loaded before: nothing happens.

    Raises Refusal in a database that somebody uses already.
    """
    if User.objects.filter(is_demo=True).exists():
        return
    if User.objects.exists() or Post.objects.exists() or Message.objects.exists():
        raise Refusal(
            "This database already holds people or cases. The demonstration needs one of its own: "
            "set GONGZHI_HOME or DATABASE_URL."
        )
    now = now.astimezone(ZONE)
    opening = datetime.combine((now - timedelta(days=days + 14)).date(), time(9), ZONE)
    with transaction.atomic():
        progress("Places, categories and people", 0, 4)
        load_demonstration(now=opening)
        progress("Places, categories and people", 1, 4)
        load_categories(now=opening)
        rural = {significant(place.town_code) for place in places() if not place.urban}
        load_responsibilities(
            everywhere=Place.objects.get(path=COUNTY),
            rural=list(Place.objects.filter(path__in=rural)),
            now=opening,
        )
        progress("Places, categories and people", 2, 4)
        cast = engage(staff(seed), starts_on=opening.date(), now=opening + timedelta(hours=1))
        progress("Places, categories and people", 3, 4)
        told = told_cases(seed, now=now, count=count, days=days)
        progress("Places, categories and people", 4, 4)
        deadlines = {one.code: one.deadline for one in categories()}
        play(
            told,
            cast,
            seed=seed,
            now=now,
            deadline_of=lambda code: deadlines[code],
            progress=lambda done, total: progress("A year of cases, step by step", done, total),
        )
        make_missing(now=now)
        progress("Sealing the record", 0, 1)
        seal_entries(now=now)
        progress("Sealing the record", 1, 1)


def told_cases(seed: int, *, now: datetime, count: int, days: int) -> list[DemoCase]:
    """The demands of the year, with more of the last days where the people of the sign-in page work."""
    shown = [next(place for place in places() if place.urban), next(place for place in places() if not place.urban)]
    year = list(cases(seed, now=now, days=days, count=count))
    busy = _busy(seed, now, shown, max(24, count * 4 // 100), min(days, 12))
    return sorted([*year, *busy, *_fresh(seed, now, shown)], key=lambda one: (one.received_at, one.key))


def _busy(seed: int, now: datetime, where: Sequence[DemoPlace], count: int, days: int) -> list[DemoCase]:
    """Demands of the last days, so that every stage is there to be seen whatever the day is."""
    found: list[DemoCase] = []
    for attempt in range(1, 40):
        found = list(cases(seed + attempt, now=now, days=days, count=count, where=where))
        if {one.stage for one in found} >= set(WANTED):
            break
    return found


def _fresh(seed: int, now: datetime, where: Sequence[DemoPlace]) -> list[DemoCase]:
    """What nobody has looked at yet: a few minutes old, by web form or telephone."""
    die = dice(seed, "fresh")
    inside = _drawn(seed + 50, now, where)
    edges = {place.code: place for place in places() if at_the_edge(place)}
    outside = _drawn(seed + 51, now, list(edges.values()))
    pictured = (
        one for one in _drawn(seed + 52, now, where[:1]) if one.channel == "web" and motif_for(one.category, one.text)
    )
    found = []
    for index, minutes in enumerate(FRESH):
        one = next(outside if index % 3 == 2 else inside)
        if index == 0:
            one = next(pictured, one)
        at = now - timedelta(minutes=minutes, seconds=die.randrange(50))
        one = dataclasses.replace(one, received_at=at, steps=(), outcome=Outcome.OPEN)
        if index % 3 == 2:
            one = dataclasses.replace(one, point=beyond(die, edges[one.community_code]), grid_code="")
        found.append(one)
    return found


def _drawn(seed: int, now: datetime, where: Sequence[DemoPlace]) -> Iterator[DemoCase]:
    """Demands that may come in at any hour and have a point on a map."""
    for one in cases(seed, now=now, days=30, count=200, where=where):
        if one.channel in ("web", "phone") and one.grid_code and not under(one.category, texts()["counters"]):
            yield one
