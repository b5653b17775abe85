"""One book of everything in force: packs and overrides together, kept in the process and cheap to ask.

The book is read from the database once and checked against it at most every few seconds, with one statement.
Whoever changes a rule sees the change at once: inside the changing transaction the book is read afresh, and on
commit the kept one is thrown away.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from time import monotonic
from typing import Any

from django.db import connection, transaction

from gongzhi.ground.places.paths import ancestors
from gongzhi.ground.rules.models import CalendarDay, RuleOverride
from gongzhi.ground.rules.packs import Packs, Text, packs

FRESH_SECONDS = 3.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """The value that holds, and where it comes from: a pack, or an override at a place."""

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
    """What holds where and when. ``overrides[key][place path]`` is newest first; ``days[date]`` by place path."""

    packs: Packs
    overrides: Mapping[str, Mapping[str, Sequence[Override]]] = field(default_factory=dict)
    days: Mapping[date, Mapping[str, SpecialDay]] = field(default_factory=dict)
    day_paths: frozenset[str] = frozenset()  # places that have days of their own
    stamp: int = 0
    kept: dict[Any, Any] = field(default_factory=dict)  # what others compute from this book (year tables)

    def look_up(self, key: str, path: str, on: date) -> Found:
        """The nearest override at or above the place, else the nearest pack. KeyError for a key no pack knows.

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
        for place_path in _upwards(path):
            for dated in by_place.get(place_path, ()):
                if dated.since <= on or (place_path == "" and dated is by_place[""][-1]):
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
        raise AssertionError(f"{key} has no value that holds everywhere")  # read_packs() refuses such a pack

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
                place_path in self.overrides.get(key, ()) or place_path in self.packs.values[key]
                for key in ("calendar.working_hours", "calendar.zone")
            ):
                return place_path
        return ""


def _upwards(path: str) -> Sequence[str]:
    """The place, every place above it, and everywhere."""
    return [*ancestors(path), ""]


_kept: tuple[Book, float] | None = None


def book() -> Book:
    """The book of this moment. Usually no statement; one every few seconds; three after somebody changed a rule."""
    global _kept
    if _changed_in_this_transaction():
        return _read()
    kept, moment = _kept, monotonic()
    if kept is not None and moment - kept[1] < FRESH_SECONDS:
        return kept[0]
    stamp = _stamp()
    fresh = kept[0] if kept is not None and kept[0].stamp == stamp else dataclasses.replace(_read(), stamp=stamp)
    _kept = (fresh, moment)
    return fresh


def forget() -> None:
    """Throw the kept book away; the next question reads the database."""
    global _kept
    _kept = None


def changed() -> None:
    """Called by every action that changed a rule or a day, inside its transaction."""
    transaction.on_commit(forget)


def _changed_in_this_transaction() -> bool:
    """Whether forget() waits for this transaction's commit. A rollback, even of a savepoint, takes it away again."""
    return any(entry[1] is forget for entry in connection.run_on_commit)


def _stamp() -> int:
    """Grows with every change: rows are never deleted, and each change adds one to a row's version."""
    tables = (RuleOverride._meta.db_table, CalendarDay._meta.db_table)
    sums = [f"COALESCE((SELECT SUM(version) FROM {connection.ops.quote_name(name)}), 0)" for name in tables]  # noqa: S608
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
    return Book(packs=known, overrides=overrides, days=days, day_paths=frozenset(paths))
