"""Marks: what is indexed beside the words, so that the index alone can tell far from near and old from new."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from django.utils import timezone

from gongzhi.ground.access.reach import positions_of, posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.paths import ancestors
from gongzhi.understand.search.models import MARK

MOST_ALTERNATIVES: Final = 80  # more than these narrow nothing
MOST_MONTHS: Final = 36
Marks = tuple[str, ...]


def of_case(
    *, place_path: str, category_id: int | None, opened_at: datetime, lead_role: str, lead_place_id: int | None
) -> list[str]:
    """The marks that a case carries."""
    found = list(_of_path(place_path))
    found.append(_month(timezone.localdate(opened_at)))
    if category_id is not None:
        found.append(f"{MARK}c{category_id}")
    if lead_role and lead_place_id is not None:
        found.append(_lead(lead_role, lead_place_id))
    return found


@lru_cache(maxsize=4096)
def _of_path(place_path: str) -> tuple[str, ...]:
    return tuple(f"{MARK}p{path}" for path in ancestors(place_path))


def _month(on: date) -> str:
    return f"{MARK}m{on:%y%m}"


def _lead(role: str, place_id: int) -> str:
    return f"{MARK}l{role}.{place_id}"


def of_reach(user: User) -> Marks:
    """One of these is on every case that the person may see (``CaseQuerySet.visible_to``)."""
    paths = sorted({post.place_path for post in posts_with(user, "cases.read")})
    return _few([*(f"{MARK}p{path}" for path in paths), *(_lead(*position) for position in sorted(positions_of(user)))])


def of_place(path: str) -> Marks:
    return (f"{MARK}p{path}",) if path.isascii() and path.isdigit() else ()


def of_categories(ids: Iterable[int]) -> Marks:
    return _few([f"{MARK}c{pk}" for pk in ids])


def of_days(since: date | None, until: date) -> Marks:
    """The months from a day to another, when they are not too many."""
    if since is None or (until - since).days > 31 * MOST_MONTHS:
        return ()
    found, month = [], since.replace(day=1)
    while month <= until:
        found.append(_month(month))
        month = (month + timedelta(days=32)).replace(day=1)
    return tuple(found)


def of_late(now: datetime, *, months: int = 2) -> Marks:
    """This month and those just before it."""
    today = timezone.localdate(now)
    return of_days((today.replace(day=1) - timedelta(days=31 * (months - 1))).replace(day=1), today + timedelta(days=1))


def _few(marks: list[str]) -> Marks:
    return tuple(marks) if len(marks) <= MOST_ALTERNATIVES else ()
