"""One book of everything in force: packs and overrides together, kept in the process and cheap to ask.

The book is read from the database once and checked against it at most every few seconds, with one statement.
Whoever changes a rule sees the change at once: inside the changing transaction the book is read afresh, and on
commit the kept one is thrown away.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from time import monotonic
from typing import Any

from django.db import connection, transaction

from gongzhi.ground.places import profiles as place_profiles
from gongzhi.ground.places.models import Profile
from gongzhi.ground.places.paths import ancestors
from gongzhi.ground.rules.models import CalendarDay, RuleOverride
from gongzhi.ground.rules.packs import Dated, Packs, Text, packs

FRESH_SECONDS = 3.0
RECENT_SECONDS = 60.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """The value that holds, and where it comes from: a pack, the pack of a profile, or an override at a place."""

    value: Any
    plain: Any
    since: date
    article: Text
    source: Text
    verified: bool
    place_path: str
    pack: str | None = None
    override_id: int | None = None


@dataclass(frozen=True)
class Override:
    id: int
    valid_from: date
    valid_to: date | None
    value: Any
    plain: Any


@dataclass(frozen=True)
class SpecialDay:
    date: date
    kind: str
    name: str
    place_path: str = ""
    day_id: int | None = None  # None: it stands in the holiday pack


@dataclass(frozen=True)
class Book:
    """What holds where and when. ``overrides[key][place path]`` is newest first; ``days[date]`` by place path.

    ``profiles`` are the places that say their own profile: packs that are bound to a profile follow it.
    """

    packs: Packs
    overrides: Mapping[str, Mapping[str, Sequence[Override]]] = field(default_factory=dict)
    days: Mapping[date, Mapping[str, SpecialDay]] = field(default_factory=dict)
    day_paths: frozenset[str] = frozenset()  # places that have days of their own
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    stamp: int = 0
    turn: int = 0  # how many profiles this process had set when the book was read
    kept: dict[Any, Any] = field(default_factory=dict)  # what others compute from this book (year tables)

    def look_up(self, key: str, path: str, on: date) -> Found:
        """The nearest override at or above the place, else the nearest pack of a place, else the pack of the place's
        profile, else the general pack. KeyError for a key no pack knows.

        Before the first date of a general rule its oldest value counts, so that old cases can be read in.
        """
        by_place = self.packs.values[key]
        if changed := self.overrides.get(key):
            for place_path in _upwards(path):
                for override in changed.get(place_path, ()):
                    if override.valid_from <= on and (override.valid_to is None or on < override.valid_to):
                        return Found(
                            value=override.value,
                            plain=override.plain,
                            since=override.valid_from,
                            article=Text(),
                            source=Text(),
                            verified=True,
                            place_path=place_path,
                            override_id=override.id,
                        )
        for place_path in ancestors(path):
            for dated in by_place.get(place_path, ()):
                if dated.since <= on:
                    return _from_pack(dated, place_path)
        if bound := self.packs.bound.get(key):
            profile, said_at = self.profile_at(path)
            for dated in bound.get(profile, ()) if profile is not None else ():
                if dated.since <= on:
                    return _from_pack(dated, said_at)
        general = by_place[""]  # read_packs() refuses a rule without one
        return _from_pack(next((dated for dated in general if dated.since <= on), general[-1]), "")

    def profile_at(self, path: str) -> tuple[Profile | None, str]:
        """The profile that holds at a place, and the path of the place that says it."""
        return place_profiles.nearest(path, self.profiles)

    def special_day(self, day: date, path: str) -> SpecialDay | None:
        """The nearest thing said about a day: by the place, by one above it, else by the holiday pack."""
        if said := self.days.get(day):
            for place_path in _upwards(path):
                if place_path in said:
                    return said[place_path]
        known = self.packs.days.get(day)
        return SpecialDay(known.date, known.kind, known.name) if known is not None else None

    def calendar_path(self, path: str) -> str:
        """The nearest place at or above this one whose calendar may differ: places below it share its tables."""
        for place_path in _upwards(path):
            if place_path in self.day_paths or any(
                place_path in self.overrides.get(key, ())
                or place_path in self.packs.values[key]
                or (key in self.packs.bound and place_path in self.profiles)
                for key in ("calendar.working_hours", "calendar.zone")
            ):
                return place_path
        return ""


def _from_pack(dated: Dated, place_path: str) -> Found:
    return Found(
        value=dated.value,
        plain=dated.plain,
        since=dated.since,
        article=dated.article,
        source=dated.source,
        verified=dated.verified,
        place_path=place_path,
        pack=dated.pack,
    )


def _upwards(path: str) -> Sequence[str]:
    """The place, every place above it, and everywhere."""
    return [*ancestors(path), ""]


_kept: tuple[Book, float] | None = None
# What a transaction that changes rules has read for itself: with the changes that it waits to commit.
_own = threading.local()


def book() -> Book:
    """The book of this moment. Usually no statement; one every few seconds; four after somebody changed a rule."""
    global _kept
    if waiting := _waiting():
        return _own_book(waiting)
    kept, moment, turn = _kept, monotonic(), place_profiles.turn()
    if kept is not None and kept[0].turn == turn and moment - kept[1] < FRESH_SECONDS:
        return kept[0]
    stamp = _stamp()
    if kept is not None and (kept[0].stamp, kept[0].turn) == (stamp, turn):
        fresh = kept[0]
    else:
        fresh = dataclasses.replace(_read(), stamp=stamp, turn=turn)
    _kept = (fresh, moment)
    return fresh


def recent() -> Book:
    """The kept book even when it was not compared for a minute, for what every page shows, such as its menu.

    What this process changed itself is in it; what others changed, as soon as anybody here asks for a rule.
    """
    kept = _kept
    if kept is None or _waiting() or kept[0].turn != place_profiles.turn() or monotonic() - kept[1] > RECENT_SECONDS:
        return book()
    return kept[0]


def forget() -> None:
    """Throw the kept book away; the next question reads the database."""
    global _kept
    _kept = None


def changed() -> None:
    """Called by every action that changed a rule or a day, inside its transaction."""
    transaction.on_commit(forget)


def _waiting() -> list[tuple[Any, ...]]:
    """The changes that wait for this transaction's commit. A rollback, even of a savepoint, takes them away again."""
    return [entry for entry in connection.run_on_commit if entry[1] in (forget, place_profiles.changed)]


def _own_book(waiting: list[tuple[Any, ...]]) -> Book:
    """The book with this transaction's own changes, read anew after each of them and after a rollback."""
    known: tuple[list[tuple[Any, ...]], Book, float] | None = getattr(_own, "kept", None)
    if (
        known is not None
        and len(known[0]) == len(waiting)
        and all(one is other for one, other in zip(known[0], waiting, strict=True))
        and monotonic() - known[2] < FRESH_SECONDS
    ):
        return known[1]
    fresh = _read()
    _own.kept = (waiting, fresh, monotonic())
    return fresh


def _stamp() -> int:
    """Grows with every change: rows are never deleted, a change adds one to a row's version, profiles are counted."""
    tables = (RuleOverride._meta.db_table, CalendarDay._meta.db_table)
    sums = [f"COALESCE((SELECT SUM(version) FROM {connection.ops.quote_name(name)}), 0)" for name in tables]  # noqa: S608
    sums.append(place_profiles.stamp_sql())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' + '.join(sums)}")
        return int(cursor.fetchone()[0])


def _read() -> Book:
    known = packs()
    overrides: dict[str, dict[str, list[Override]]] = {}
    for row in RuleOverride.objects.order_by("-valid_from", "-id"):
        rule = known.rules.get(row.key)
        if rule is None or row.valid_to == row.valid_from:
            continue  # a rule that this version no longer has, or an override taken back before it began
        try:
            value = rule.ready(row.value)
        except ValueError as problem:
            # Entered under an older version's idea of the rule. One such row must not stop the house.
            logger.error("override %s of %s is passed over: %s", row.pk, row.key, problem)
            continue
        overrides.setdefault(row.key, {}).setdefault(row.place_path, []).append(
            Override(row.pk, row.valid_from, row.valid_to, value, row.value)
        )
    days: dict[date, dict[str, SpecialDay]] = {}
    paths: set[str] = set()
    for day in CalendarDay.objects.standing():
        days.setdefault(day.date, {})[day.place_path] = SpecialDay(day.date, day.kind, day.name, day.place_path, day.pk)
        paths.add(day.place_path)
    return Book(
        packs=known,
        overrides=overrides,
        days=days,
        day_paths=frozenset(paths),
        profiles=place_profiles.own_profiles(),
    )
