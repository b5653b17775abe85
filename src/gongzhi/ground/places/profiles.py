"""Which places have a profile of their own: a short list, and how a process notices that it has changed.

Rules follow profiles (``ground/rules``), and rules are asked far too often to ask the database each time. Whoever keeps
the list asks ``turn()`` and ``stamp_sql()`` whether it still holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.events import ProfileSet
from gongzhi.ground.places.models import Place, Profile
from gongzhi.ground.places.paths import ancestors

_turn = 0


def changed() -> None:
    """Called on commit by the action that sets a profile. While it waits, only that transaction sees the switch."""
    global _turn
    _turn += 1


def turn() -> int:
    """Counts the profiles that this process has set."""
    return _turn


def stamp_sql() -> str:
    """A part of a statement that grows with every profile that anybody sets: entries are never deleted."""
    table = connection.ops.quote_name(Entry._meta.db_table)
    return f"(SELECT COUNT(*) FROM {table} WHERE event = '{ProfileSet.name}')"  # noqa: S608


def own_profiles() -> Mapping[str, Profile]:
    """Every place that says its own profile, by path. Found by an index; a handful in any installation."""
    rows = Place.objects.exclude(profile="").values_list("path", "profile")
    return {path: Profile(profile) for path, profile in rows}


def nearest(path: str, known: Mapping[str, Profile]) -> tuple[Profile | None, str]:
    """The profile that holds at a path, and the path of the place that says it."""
    for place_path in ancestors(path):
        if (found := known.get(place_path)) is not None:
            return found, place_path
    return None, ""
