"""Somebody with all rights on the database, and no scruples. Each deed must be found and named."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import import_module

import pytest
from django.db import connection, transaction

from gongzhi.ground.ledger import merkle, witness
from gongzhi.ground.ledger.actions import record_brought, seal
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Entry, Leaf, Seal
from gongzhi.ground.ledger.proofs import chain
from gongzhi.ground.ledger.verify import LISTED, Kind, recorded_models, verify
from gongzhi.ground.places.models import Boundary, Place

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

GUARD = import_module("gongzhi.ground.ledger.migrations.0002_append_only")
AFTER = NOW + timedelta(minutes=30)


class PlaceErased(Event):
    label = "erased"
    ends_row = True


@contextmanager
def unguarded():
    """What an attacker with the owner's rights does first: triggers and foreign keys out of the way, and back."""
    with connection.cursor() as cursor:
        for statement in GUARD.removals(connection.vendor):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute("PRAGMA defer_foreign_keys = ON")
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        yield cursor
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")
        else:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
        for statement in GUARD.statements(connection.vendor):
            cursor.execute(statement)


def put(sql: str, *values) -> None:
    with unguarded() as cursor:
        cursor.execute(sql, values)
        assert cursor.rowcount > 0


class World:
    """Nine places with two entries each, under four seals five minutes apart; a tenth with two entries unsealed."""

    def __init__(self, add, change, burn, witness_path):
        self.add = add
        self.witness = witness_path
        self.places = []
        add("09")
        self.free_id = burn()
        for batch in range(3):
            for number in range(3):
                self.places.append(add(str(10 + batch * 3 + number), now=NOW + timedelta(minutes=5 * batch)))
            seal(now=NOW + timedelta(minutes=5 * batch + 1))
        for place in self.places:
            change(place, now=NOW + timedelta(minutes=16))
        seal(now=NOW + timedelta(minutes=17))
        self.unsealed = add("31", now=NOW + timedelta(minutes=18))
        change(self.unsealed, now=NOW + timedelta(minutes=19))
        self.publish()

    def publish(self) -> None:
        witness.catch_up()
        self.saved = self.witness.with_name("saved.json")
        self.saved.write_text(json.dumps({"seals": [one.facts() for one in Seal.objects.order_by("number")]}))

    def go_on(self) -> None:
        """Three hours pass, and the record goes on."""
        for hour in range(1, 4):
            self.add(str(70 + hour), now=NOW + timedelta(hours=hour))
            seal(now=NOW + timedelta(hours=hour))
        self.publish()

    def entry(self, place: int, seq: int = 1) -> Entry:
        row = self.places[place] if place >= 0 else self.unsealed
        return Entry.objects.get(noun="places.Place", object_id=row.pk, seq=seq)

    def found(self, **more):
        with_files = {"witness": self.witness, "roots": self.saved}
        return [(finding.kind, finding.subject) for finding in verify(now=AFTER, **(with_files | more))]

    def reseal(self, number: int) -> None:
        """Make seal ``number`` and all after it fit what the entries say now, as a careful attacker would."""
        with unguarded():
            previous = bytes(Seal.objects.get(number=number - 1).chained) if number > 1 else bytes(32)
            for one in Seal.objects.filter(number__gte=number).order_by("number"):
                hashes = []
                for leaf in Leaf.objects.filter(seal=one).select_related("entry").order_by("position"):
                    hashes.append(merkle.leaf_hash(leaf.entry.canonical()))
                    Leaf.objects.filter(pk=leaf.pk).update(hash=hashes[-1])
                root = merkle.root(hashes)
                chained = chain(previous=previous, root=root, number=one.number, size=len(hashes), at=one.sealed_at)
                Seal.objects.filter(pk=one.pk).update(root=root, previous=previous, chained=chained, size=len(hashes))
                previous = chained


@pytest.fixture
def world(add, change, burn, witness_path):
    made = World(add, change, burn, witness_path)
    assert made.found() == []
    yield made
    transaction.set_rollback(True)  # or Django would look for the foreign keys that the deed left dangling


# Each deed returns what verify must say: exactly these findings.


def alter_entry(w):
    entry = w.entry(4)
    put("UPDATE ledger_entry SET by_id = 77 WHERE id = %s", entry.pk)
    return [(Kind.ENTRY_ALTERED, f"entry {entry.pk}")]


def alter_time_of_entry(w):
    entry = w.entry(0)
    moved = {"postgresql": "at - interval '1 second'", "sqlite": "datetime(at, '-1 second')"}[connection.vendor]
    put(f"UPDATE ledger_entry SET at = {moved} WHERE id = %s", entry.pk)
    return [(Kind.ENTRY_ALTERED, f"entry {entry.pk}")]


def alter_entry_data(w):
    entry = w.entry(4)
    put("UPDATE ledger_entry SET data = %s WHERE id = %s", '{"path": "99", "place_id": 1}', entry.pk)
    return [(Kind.ENTRY_ALTERED, f"entry {entry.pk}")]


def swap_two_entries(w):
    """Who did it and who did not."""
    one, two = w.entry(0, 2), w.entry(1, 2)
    put("UPDATE ledger_entry SET data = %s WHERE id = %s", json.dumps(two.data), one.pk)
    put("UPDATE ledger_entry SET data = %s WHERE id = %s", json.dumps(one.data), two.pk)
    return [(Kind.ENTRY_ALTERED, f"entry {one.pk}"), (Kind.ENTRY_ALTERED, f"entry {two.pk}")]


def reorder_steps(w):
    """The second step becomes the first."""
    one, two = w.entry(4, 1), w.entry(4, 2)
    with unguarded() as cursor:
        for seq, pk in ((3, one.pk), (1, two.pk), (2, one.pk)):
            cursor.execute("UPDATE ledger_entry SET seq = %s WHERE id = %s", [seq, pk])
    return [
        (Kind.ENTRY_ALTERED, f"entry {one.pk}"),
        (Kind.ENTRY_ALTERED, f"entry {two.pk}"),
        (Kind.ENTRY_REORDERED, f"entry {one.pk}"),
        (Kind.ROW_ALTERED, f"places.Place {w.places[4].pk}"),
    ]


def delete_sealed_entry(w):
    entry = w.entry(4, 2)
    put("DELETE FROM ledger_entry WHERE id = %s", entry.pk)
    return [
        (Kind.ENTRY_DELETED, f"entry {entry.pk}"),
        (Kind.ENTRY_MISSING, f"places.Place {w.places[4].pk}, step 2"),
    ]


def delete_first_entry(w):
    entry = w.entry(4, 1)
    put("DELETE FROM ledger_entry WHERE id = %s", entry.pk)
    return [
        (Kind.ENTRY_DELETED, f"entry {entry.pk}"),
        (Kind.ENTRY_MISSING, f"places.Place {w.places[4].pk}, step 1"),
    ]


def delete_unsealed_entry(w):
    put("DELETE FROM ledger_entry WHERE id = %s", w.entry(-1, 2).pk)
    return [(Kind.ENTRY_MISSING, f"places.Place {w.unsealed.pk}, step 2")]


def delete_all_about_a_new_row(w):
    put("DELETE FROM ledger_entry WHERE object_id = %s", w.unsealed.pk)
    return [(Kind.ROW_UNRECORDED, f"places.Place {w.unsealed.pk}")]


def delete_entry_with_its_leaf(w):
    entry = w.entry(4)
    leaf = entry.leaf
    put("DELETE FROM ledger_leaf WHERE entry_id = %s", entry.pk)
    put("DELETE FROM ledger_entry WHERE id = %s", entry.pk)
    return [
        (Kind.LEAF_DELETED, f"seal {leaf.seal_id}, position {leaf.position}"),
        (Kind.ENTRY_MISSING, f"places.Place {w.places[4].pk}, step 1"),
    ]


def alter_leaf(w):
    entry = w.entry(4)
    put("UPDATE ledger_leaf SET hash = %s WHERE entry_id = %s", bytes(32), entry.pk)
    return [(Kind.LEAF_ALTERED, f"entry {entry.pk}")]


def alter_entry_and_leaf(w):
    entry = w.entry(4)
    put("UPDATE ledger_entry SET by_id = 77 WHERE id = %s", entry.pk)
    entry.by_id = 77
    put("UPDATE ledger_leaf SET hash = %s WHERE entry_id = %s", merkle.leaf_hash(entry.canonical()), entry.pk)
    return [(Kind.ENTRY_ALTERED, "seal 2")]


def delete_leaf(w):
    entry = w.entry(4)
    put("DELETE FROM ledger_leaf WHERE entry_id = %s", entry.pk)
    return [(Kind.LEAF_DELETED, f"entry {entry.pk}")]


def delete_two_leaves(w):
    one, two = w.entry(3), w.entry(5)
    put("DELETE FROM ledger_leaf WHERE entry_id IN (%s, %s)", one.pk, two.pk)
    return [(Kind.LEAF_DELETED, f"entry {one.pk}"), (Kind.LEAF_DELETED, f"entry {two.pk}")]


def reorder_leaves(w):
    one, two = w.entry(3), w.entry(5)
    with unguarded() as cursor:
        for position, pk in ((9, one.pk), (0, two.pk), (2, one.pk)):
            cursor.execute("UPDATE ledger_leaf SET position = %s WHERE entry_id = %s", [position, pk])
    return [(Kind.LEAF_REORDERED, f"entry {one.pk}"), (Kind.LEAF_REORDERED, f"entry {two.pk}")]


def alter_seal_root(w):
    put("UPDATE ledger_seal SET root = %s WHERE number = 2", bytes(32))
    return [(Kind.SEAL_ALTERED, "seal 2")]


def alter_seal_time(w):
    moved = {"postgresql": "sealed_at - interval '1 hour'", "sqlite": "datetime(sealed_at, '-1 hour')"}
    put(f"UPDATE ledger_seal SET sealed_at = {moved[connection.vendor]} WHERE number = 3")
    return [(Kind.SEAL_ALTERED, "seal 3")]


def alter_seal_size(w):
    put("UPDATE ledger_seal SET size = 2 WHERE number = 2")
    return [(Kind.SEAL_ALTERED, "seal 2")]


def alter_seal_range(w):
    put("UPDATE ledger_seal SET first_entry = first_entry - 1 WHERE number = 2")
    return [(Kind.SEAL_ALTERED, "seal 2")]


def alter_last_seal(w):
    put("UPDATE ledger_seal SET chained = %s WHERE number = 4", bytes(32))
    return [(Kind.SEAL_ALTERED, "seal 4")]


def delete_seal(w):
    put("DELETE FROM ledger_seal WHERE number = 2")
    return [(Kind.SEAL_DELETED, "seal 2")]


def delete_first_seal(w):
    put("DELETE FROM ledger_seal WHERE number = 1")
    return [(Kind.SEAL_DELETED, "seal 1")]


def delete_last_seal(w):
    put("DELETE FROM ledger_seal WHERE number = 4")
    return [(Kind.SEAL_DELETED, "seal 4")]


def delete_last_seal_with_its_leaves(w):
    put("DELETE FROM ledger_leaf WHERE seal_id = 4")
    put("DELETE FROM ledger_seal WHERE number = 4")
    return [(Kind.SEAL_DELETED, "seal 4")]


def delete_all_seals(w):
    put("DELETE FROM ledger_leaf")
    put("DELETE FROM ledger_seal")
    return [(Kind.SEAL_DELETED, f"seal {number}") for number in (1, 2, 3, 4)]


def rewrite_history(w):
    """Alter an old entry, and make its leaf, its seal and all seals since fit. Only the witness knows better."""
    put("UPDATE ledger_entry SET by_id = 77 WHERE id = %s", w.entry(4).pk)
    w.reseal(2)
    return [(Kind.SEAL_ALTERED, f"seal {number}") for number in (2, 3, 4)]


def slip_in(w, **more) -> int:
    """A whole new matter, complete with row and entry, under an id from before the first seal."""
    place = Place.objects.create(path="41", code="41", level="province", name="Never decided")
    facts = {"event": "places.PlaceAdded", "noun": "places.Place", "object_id": place.pk, "seq": 1, "at": NOW}
    data = {"place_id": place.pk, "path": "41"}
    Entry.objects.create(pk=w.free_id, place_path="41", data=data, fingerprint=place.fingerprint(), **(facts | more))
    return w.free_id


def insert_into_the_past(w):
    w.go_on()
    return [(Kind.ENTRY_INSERTED, f"entry {slip_in(w)}")]


def insert_into_the_past_and_have_it_sealed(w):
    """The regular sealing takes it, as it takes everything."""
    found = insert_into_the_past(w)
    w.add("81")
    assert seal(now=NOW + timedelta(days=1)).first_entry == w.free_id
    w.publish()
    return found


def insert_into_a_seal(w):
    pk = slip_in(w)
    hashed = merkle.leaf_hash(Entry.objects.get(pk=pk).canonical())
    Leaf.objects.create(entry_id=pk, seal_id=1, position=Seal.objects.get(number=1).size, hash=hashed)
    return [(Kind.ENTRY_INSERTED, f"entry {pk}")]


def insert_into_the_middle_of_a_seal(w):
    pk = slip_in(w)
    hashed = merkle.leaf_hash(Entry.objects.get(pk=pk).canonical())
    with unguarded():
        for leaf in Leaf.objects.filter(seal=1, position__gte=1).order_by("-position"):
            Leaf.objects.filter(pk=leaf.pk).update(position=leaf.position + 1)
    Leaf.objects.create(entry_id=pk, seal_id=1, position=1, hash=hashed)
    return [(Kind.ENTRY_INSERTED, f"entry {pk}")]


def insert_step_between(w):
    """A second entry about the first step, which the unique constraint would refuse."""
    entry = w.entry(-1, 2)
    entry.pk, entry.seq, entry.at = None, 4, NOW - timedelta(days=1)
    entry.save(force_insert=True)
    return [
        (Kind.ENTRY_BACKDATED, f"entry {entry.pk}"),
        (Kind.ENTRY_MISSING, f"places.Place {w.unsealed.pk}, step 3"),
        (Kind.ROW_ALTERED, f"places.Place {w.unsealed.pk}"),
    ]


def alter_row(w):
    put("UPDATE places_place SET name = 'Other' WHERE id = %s", w.places[4].pk)
    return [(Kind.ROW_ALTERED, f"places.Place {w.places[4].pk}")]


def alter_row_and_its_version(w):
    put("UPDATE places_place SET name = 'Other', version = 3 WHERE id = %s", w.places[4].pk)
    return [(Kind.ENTRY_MISSING, f"places.Place {w.places[4].pk}, step 3")]


def set_row_back(w):
    put("UPDATE places_place SET profile = '', version = 1 WHERE id = %s", w.places[4].pk)
    return [(Kind.ROW_ALTERED, f"places.Place {w.places[4].pk}")]


def delete_row(w):
    put("DELETE FROM places_place WHERE id = %s", w.places[4].pk)
    return [(Kind.ROW_DELETED, f"places.Place {w.places[4].pk}")]


def delete_last_row(w):
    put("DELETE FROM places_place WHERE id = %s", w.unsealed.pk)
    return [(Kind.ROW_DELETED, f"places.Place {w.unsealed.pk}")]


def insert_row(w):
    place = Place.objects.create(path="51", code="51", level="province", name="Out of nowhere")
    return [(Kind.ROW_UNRECORDED, f"places.Place {place.pk}")]


def insert_row_as_if_imported(w):
    place = Place.objects.create(path="51", code="51", level="province", name="Out of nowhere", version=0)
    return [(Kind.ROW_UNRECORDED, f"places.Place {place.pk}")]


def insert_row_of_another_kind(w):
    box = {"minx": 1, "miny": 1, "maxx": 2, "maxy": 2}
    row = Boundary.objects.create(place=w.places[0], geometry=b"x", valid_from=NOW.date(), source="x", **box)
    return [(Kind.ROW_UNRECORDED, f"places.Boundary {row.pk}")]


def speak_of_unknown_rows(w):
    Entry.objects.create(event="x.Y", noun="x.Z", object_id=1, seq=1, at=NOW, data={}, fingerprint=bytes(32))
    return [(Kind.NOUN_UNKNOWN, "x.Z")]


def take_the_guard_down(w):
    with connection.cursor() as cursor:
        place = " ON ledger_entry" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER ledger_entry_stays_delete{place}")
    return [(Kind.GUARD_MISSING, "ledger_entry_stays_delete")]


DEEDS = [
    alter_entry,
    alter_time_of_entry,
    alter_entry_data,
    swap_two_entries,
    reorder_steps,
    delete_sealed_entry,
    delete_first_entry,
    delete_unsealed_entry,
    delete_all_about_a_new_row,
    delete_entry_with_its_leaf,
    alter_leaf,
    alter_entry_and_leaf,
    delete_leaf,
    delete_two_leaves,
    reorder_leaves,
    alter_seal_root,
    alter_seal_time,
    alter_seal_size,
    alter_seal_range,
    alter_last_seal,
    delete_seal,
    delete_first_seal,
    delete_last_seal,
    delete_last_seal_with_its_leaves,
    delete_all_seals,
    rewrite_history,
    insert_into_the_past,
    insert_into_the_past_and_have_it_sealed,
    insert_into_a_seal,
    insert_into_the_middle_of_a_seal,
    insert_step_between,
    alter_row,
    alter_row_and_its_version,
    set_row_back,
    delete_row,
    delete_last_row,
    insert_row,
    insert_row_as_if_imported,
    insert_row_of_another_kind,
    speak_of_unknown_rows,
    take_the_guard_down,
]


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_the_deed_is_named(world, deed):
    expected = deed(world)
    assert sorted(world.found()) == sorted(expected)


# What the witness adds, and what it does not need.
ONLY_THE_WITNESS_SEES = {
    delete_last_seal_with_its_leaves,
    delete_all_seals,
    rewrite_history,
}


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_without_witness_only_a_rewritten_end_goes_unseen(world, deed):
    expected = deed(world)
    found = world.found(witness=None, roots=None)
    if deed in ONLY_THE_WITNESS_SEES:
        assert found == []
    else:
        assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("deed", sorted(ONLY_THE_WITNESS_SEES, key=lambda deed: deed.__name__))
@pytest.mark.parametrize("source", ["witness", "roots"])
def test_either_copy_of_the_roots_is_enough(world, deed, source):
    expected = deed(world)
    other = {"witness": "roots", "roots": "witness"}[source]
    assert sorted(world.found(**{other: None})) == sorted(expected)


def test_an_entry_that_committed_a_little_late_is_no_finding(world):
    """Its id lies below sealed ones, but the next seal holds it."""
    slip_in(world)
    assert world.found() == []
    assert seal(now=NOW + timedelta(minutes=20)).first_entry == world.free_id
    world.publish()
    world.go_on()
    assert world.found() == []


def test_sealing_that_stood_still_for_hours_makes_nobody_late(world):
    slip_in(world)
    seal(now=NOW + timedelta(hours=9))
    world.publish()
    assert world.found() == []


def test_nonsense_in_a_field_is_named_too(world):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL checks types")
    entry, place = world.entry(4), world.places[7]
    put("UPDATE ledger_entry SET at = 'yesterday' WHERE id = %s", entry.pk)
    put("UPDATE ledger_seal SET sealed_at = 'now' WHERE number = 3")
    put("UPDATE places_place SET lon = 'east', lat = 'north' WHERE id = %s", place.pk)
    assert {
        (Kind.ENTRY_ALTERED, f"entry {entry.pk}"),
        (Kind.SEAL_ALTERED, "seal 3"),
        (Kind.ROW_ALTERED, f"places.Place {place.pk}"),
    } == set(world.found())


def test_a_row_may_go_when_its_last_event_says_so(world, change):
    from gongzhi.ground.ledger.actions import record

    place = world.places[4]
    with transaction.atomic():
        place.name = "-"
        record(PlaceErased(), about=place, by=None, now=AFTER, save=["name"])
    put("DELETE FROM places_place WHERE id = %s", place.pk)
    assert world.found() == []


# Rows that an import brought


@pytest.fixture
def brought(world, monkeypatch):
    from gongzhi.ground.ledger import actions

    monkeypatch.setattr(actions, "BROUGHT_SHARE", 4)
    rows = [Place(path=f"40{n:02}", code=f"40{n:02}", level="city", name=f"City {n}", version=0) for n in range(10)]
    with transaction.atomic():
        Place.objects.bulk_create(rows)
        about = world.unsealed
        record_brought(Place.objects.filter(version=0), about=about, by=None, now=AFTER)
    assert Entry.objects.filter(event="ledger.RowsBrought").count() == 3
    assert world.found() == []
    return list(Place.objects.filter(version=0).order_by("pk"))


def test_brought_row_is_guarded(world, brought):
    put("UPDATE places_place SET name = 'x' WHERE id = %s", brought[3].pk)
    put("DELETE FROM places_place WHERE id = %s", brought[5].pk)
    put("UPDATE places_place SET version = 1 WHERE id = %s", brought[9].pk)
    assert sorted(world.found()) == [
        (Kind.ENTRY_MISSING, f"places.Place {brought[9].pk}, step 1"),
        (Kind.ROW_ALTERED, f"places.Place {brought[3].pk}"),
        (Kind.ROW_DELETED, f"places.Place {brought[5].pk}"),
    ]


def test_brought_row_may_change_as_recorded(world, brought, change):
    change(brought[0], now=AFTER)
    change(brought[7], now=AFTER)
    assert brought[0].version == 1
    assert world.found() == []


# Files


def test_missing_witness_is_a_finding_when_it_should_be_there(world):
    world.witness.unlink()
    assert world.found() == []  # the seals are young: the next sealing writes it
    late = verify(now=NOW + timedelta(days=1), witness=world.witness)
    assert [(finding.kind, finding.subject) for finding in late] == [(Kind.WITNESS_BEHIND, "seal 1")]


def test_garbage_in_the_witness_is_named(world):
    whole = world.witness.read_text().splitlines()
    whole.insert(2, '{"number": "two"}')
    world.witness.write_text("\n".join(whole) + "\n")
    assert world.found() == [(Kind.WITNESS_UNREADABLE, "line 3")]


@pytest.mark.parametrize("form", ["lines", "page", "list", "one"])
def test_roots_saved_in_any_form(world, form):
    facts = [one.facts() for one in Seal.objects.order_by("number")]
    text = {
        "lines": "\n".join(json.dumps(one) for one in facts),
        "page": json.dumps({"seals": facts, "next": None}, indent=1),
        "list": json.dumps(facts, indent=1),
        "one": json.dumps(facts[2], indent=1),
    }[form]
    world.saved.write_text(text)
    assert world.found(witness=None) == []
    put("UPDATE ledger_seal SET root = %s WHERE number = 3", sha256(b"x").digest())
    assert (Kind.SEAL_ALTERED, "seal 3") in world.found(witness=None)


def test_roots_that_are_none(world):
    world.saved.write_text("<html>")
    assert world.found() == []


# Size


def test_many_findings_are_counted_not_listed(world, monkeypatch):
    monkeypatch.setattr("gongzhi.ground.ledger.verify.LISTED", 3)
    put("UPDATE ledger_entry SET by_id = 77 WHERE event = 'places.PlaceAdded'")
    found = verify(now=AFTER)
    assert len(found) == 4
    assert "6 more" in found[-1].text or "7 more" in found[-1].text
    assert LISTED > 3


def test_pages_change_nothing(world, brought, monkeypatch):
    for module in ("reading", "verify"):
        monkeypatch.setattr(f"gongzhi.ground.ledger.{module}.PAGE", 2)
    steps = []
    assert verify(now=AFTER, witness=world.witness, progress=lambda *step: steps.append(step)) == []
    assert {step for step, _done, _total in steps} == {"seals", "entries", "leaves", "rows"}
    assert all(done <= total for _step, done, total in steps)
    put("DELETE FROM ledger_entry WHERE id = %s", world.entry(8).pk)
    assert len(verify(now=AFTER, witness=world.witness)) == 2


def test_every_recorded_table_is_looked_at():
    assert {"places.Place", "places.Boundary", "access.Post"} <= set(recorded_models())
