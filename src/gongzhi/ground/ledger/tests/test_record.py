"""Appending: in a transaction, in step with the row, and never again changed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from gongzhi.ground.ledger import events, models
from gongzhi.ground.ledger.actions import record, record_many, seal
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Entry, Leaf, Seal, canonical
from gongzhi.ground.places.events import PlaceAdded, ProfileSet
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Everything(Event):
    number: int
    code: str = "x"
    due: datetime | None = None
    day: date | None = None
    amount: Decimal | None = None
    several: list[int] | None = None


def test_event_survives_the_record():
    event = Everything(number=1, due=NOW, day=NOW.date(), amount=Decimal("1.50"), several=[1, 2])
    data = event.data()
    assert data["due"] == "2026-03-02T08:00:00.000000+00:00"
    assert events.read(event.name, data) == event
    assert events.read(event.name, {"number": 2, "field_of_an_older_version": 3}) == Everything(number=2)
    assert events.event_type("tests.Everything") is Everything
    with pytest.raises(KeyError):
        events.event_type("tests.Nothing")


def test_canonical_has_one_spelling():
    assert canonical({"b": 1, "a": "共"}) == '{"a":"共","b":1}'.encode()
    shanghai = datetime.fromisoformat("2026-03-02T16:00:00+08:00")
    assert canonical(shanghai) == canonical(NOW) == b'"2026-03-02T08:00:00.000000+00:00"'
    assert canonical(b"\x01\xff") == b'"01ff"'
    with pytest.raises(TypeError):
        canonical(object())
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


@pytest.mark.parametrize(
    "value",
    [
        {"b": [1, 2.5, -0.0, 1e300], "a": {"y": None, "x": True}, "": '\u2028\x00"\\/é共😀'},
        [],
        {},
        [[], {}, "", 10**30],
        "text",
        3,
        {1: "a", 2: [Decimal("1.10"), NOW, NOW.date(), b"\x00"]},
    ],
)
def test_the_prepared_writer_spells_as_the_library_does(value):
    plainly = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=models._plain
    )
    assert canonical(value) == plainly.encode()


def test_entry_from_the_database_spells_the_same(add):
    place = add("33")
    with transaction.atomic():
        place.lon, place.lat = -0.0, 30
        entry = record(
            ProfileSet(place_id=place.pk, path="33", profile=""), about=place, by=None, now=NOW, save=["lon", "lat"]
        )
    again = Entry.objects.get(pk=entry.pk)
    assert again.canonical() == entry.canonical()
    assert bytes(again.fingerprint) == Place.objects.get(pk=place.pk).fingerprint() == place.fingerprint()


@pytest.mark.django_db(transaction=True)
def test_record_outside_a_transaction_is_a_bug():
    place = Place.objects.create(path="33", code="33", level="province", name="x")
    event = PlaceAdded(place_id=place.pk, path="33")
    with pytest.raises(RuntimeError, match="transaction"):
        record(event, about=place, by=None, now=NOW)
    with pytest.raises(RuntimeError, match="transaction"):
        record_many([(event, place)], by=None, now=NOW)
    assert not Entry.objects.exists()


def test_stale_edit_is_refused_and_changes_nothing(add, change):
    place = add("33")
    first, second = Place.objects.get(pk=place.pk), Place.objects.get(pk=place.pk)
    change(first, "rich_low_urban")
    with pytest.raises(Refusal) as refused:
        change(second, "scarce_low_rural")
    assert refused.value.status == 409
    assert second.version == 1
    kept = Place.objects.get(pk=place.pk)
    assert (kept.profile, kept.version) == ("rich_low_urban", 2)
    assert Entry.objects.about(place).count() == 2


def test_second_first_entry_is_impossible(add):
    place = add("33")
    with pytest.raises(IntegrityError), transaction.atomic():
        record(PlaceAdded(place_id=place.pk, path="33"), about=place, by=None, now=NOW)


def test_a_path_is_digits(add):
    place = add("33")
    with pytest.raises(ValueError, match="digits"), transaction.atomic():
        record(PlaceAdded(place_id=place.pk, path="33"), about=place, by=None, now=NOW, place="33%", save=())


def test_record_costs_two_statements(add, django_assert_num_queries):
    place = add("33")
    with transaction.atomic(), django_assert_num_queries(2):
        place.name = "Other"
        record(PlaceAdded(place_id=place.pk, path="33"), about=place, by=None, now=NOW, save=["name"])


TABLES = [Entry, Leaf, Seal]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
@pytest.mark.parametrize("verb", ["update", "delete", "truncate"])
def test_the_database_refuses(table, verb, add):
    add("33")
    seal(now=NOW + timedelta(minutes=1))
    name = table._meta.db_table
    column = {"entry": "event", "leaf": "hash", "seal": "root"}[table._meta.model_name]
    statement = {
        "update": f"UPDATE {name} SET {column} = {column}",
        "delete": f"DELETE FROM {name}",
        "truncate": f"TRUNCATE {name} CASCADE",
    }[verb]
    if verb == "truncate" and connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    connection.check_constraints()  # or PostgreSQL refuses because of what this test has not committed
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert table.objects.count() == 1


def test_the_orm_is_refused_too(add):
    entry = Entry.objects.about(add("33")).get()
    entry.event = "places.Other"
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.delete()


def test_now_is_the_callers(add):
    long_ago = datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC)
    assert Entry.objects.about(add("33", now=long_ago)).get().at == long_ago
