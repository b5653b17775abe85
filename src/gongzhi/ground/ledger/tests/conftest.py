from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.events import PlaceAdded, ProfileSet
from gongzhi.ground.places.models import Place

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def witness_path(settings, tmp_path):
    settings.GONGZHI_LEDGER_WITNESS = str(tmp_path / "roots.jsonl")
    return tmp_path / "roots.jsonl"


@pytest.fixture
def add(db):
    """Add a place, recorded as it should be."""

    def add_place(path: str, *, now=NOW, by=None) -> Place:
        levels = {2: "province", 4: "city", 6: "county", 9: "town", 12: "village"}
        with transaction.atomic():
            place = Place.objects.create(path=path, code=path, level=levels[len(path)], name=f"Place {path}")
            record(PlaceAdded(place_id=place.pk, path=path), about=place, by=by, now=now, place=path)
        return place

    return add_place


@pytest.fixture
def change(db):
    """Change a place, recorded as it should be."""

    def change_place(place: Place, profile: str = "rich_low_urban", *, now=NOW):
        with transaction.atomic():
            place.profile = profile
            event = ProfileSet(place_id=place.pk, path=place.path, profile=profile)
            return record(event, about=place, by=None, now=now, place=place.path, save=["profile"])

    return change_place


@pytest.fixture
def burn(db):
    """Take the next entry id without using it, as an action does that is refused at its end (or commits late)."""

    def burn_id() -> int:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT nextval(pg_get_serial_sequence('ledger_entry', 'id'))")
            else:
                cursor.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'ledger_entry'")
                cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'ledger_entry'")
            return cursor.fetchone()[0]

    return burn_id
