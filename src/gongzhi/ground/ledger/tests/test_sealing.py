"""Sealing, the witness file, proofs."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connections, transaction

from gongzhi.ground.ledger import actions, merkle, witness
from gongzhi.ground.ledger.actions import record_many, seal
from gongzhi.ground.ledger.jobs import seal_entries
from gongzhi.ground.ledger.models import Entry, Leaf, Seal
from gongzhi.ground.ledger.proofs import chain, check_proof, prove
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.places.events import PlaceAdded
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

LATER = NOW + timedelta(minutes=1)


def test_seals_are_chained_roots_over_the_entries(add):
    for number in range(10, 20):
        add(str(number))
    assert seal(now=LATER, limit=7).number == 1
    assert seal(now=LATER).number == 2
    assert seal(now=LATER) is None
    first, second = Seal.objects.order_by("number")
    assert (first.size, second.size) == (7, 3)
    assert bytes(first.previous) == bytes(32)
    assert bytes(second.previous) == bytes(first.chained)
    entries = list(Entry.objects.order_by("id"))
    assert bytes(first.root) == merkle.root([merkle.leaf_hash(entry.canonical()) for entry in entries[:7]])
    assert (second.first_entry, second.last_entry) == (entries[7].pk, entries[9].pk)
    for one in (first, second):
        assert bytes(one.chained) == chain(
            previous=bytes(one.previous), root=bytes(one.root), number=one.number, size=one.size, at=LATER
        )


def test_nothing_to_seal(db):
    assert seal(now=NOW) is None
    assert seal_entries(now=NOW) == 0


def test_the_job_seals_everything_in_portions(add, monkeypatch):
    monkeypatch.setattr(actions, "SEAL_LIMIT", 3)
    for number in range(10, 18):
        add(str(number))
    assert seal_entries(now=LATER) == 3
    assert list(Seal.objects.order_by("number").values_list("size", flat=True)) == [3, 3, 2]
    assert not Entry.objects.unsealed().exists()


@pytest.mark.parametrize("days", [0, 3])
def test_an_entry_that_commits_late_is_sealed_too(add, burn, days):
    """``days`` 3: so late that only the first seal of a day, which looks through everything, meets it."""
    add("11")
    early_id = burn()
    add("12")
    assert seal(now=NOW).size == 2
    for day in range(days):
        add(str(20 + day))
        seal(now=NOW + timedelta(days=day + 1))
    Entry.objects.create(
        pk=early_id, event="x.Y", noun="x.Z", object_id=1, seq=1, at=NOW, data={}, fingerprint=bytes(32)
    )
    add("13")
    assert seal(now=NOW + timedelta(days=days + 1 if days else 0, minutes=1)).size == 2
    assert Leaf.objects.filter(entry_id=early_id).exists()
    assert not Entry.objects.unsealed().exists()


def test_the_usual_look_up_goes_back_one_hour_only(add, django_assert_num_queries):
    for step in range(4):
        add(str(10 + step))
        seal(now=NOW + timedelta(minutes=40 * step))
    add("30")
    with django_assert_num_queries(3) as queries:  # the newest seal, the one an hour ago, entries since then
        actions._waiting(Seal.objects.order_by("-number").first(), NOW + timedelta(minutes=121))[:5].exists()
    horizon = Seal.objects.get(number=2).last_entry  # 80 minutes before the newest
    assert f'"id" > {horizon}' in queries.captured_queries[-1]["sql"]


def test_the_second_of_two_sealers_changes_nothing(add, monkeypatch):
    """Both read the same waiting entries; the number of the seal is taken only once."""
    add("11")
    add("12")
    real_root = merkle.root
    nested = []

    def somebody_else_first(hashes):
        monkeypatch.setattr(merkle, "root", real_root)
        nested.append(seal(now=LATER))
        return real_root(hashes)

    monkeypatch.setattr(merkle, "root", somebody_else_first)
    assert seal(now=LATER) is None
    assert [one.number for one in nested] == [1]
    assert Seal.objects.count() == 1
    assert Leaf.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_many_sealers_at_once(tmp_path, witness_path):
    with transaction.atomic():
        places = Place.objects.bulk_create(
            Place(path=f"{n:04}", code=f"{n:04}", level="city", name="x") for n in range(1000, 1300)
        )
        record_many([(PlaceAdded(place_id=place.pk, path=place.path), place) for place in places], by=None, now=NOW)
    start = threading.Barrier(4)
    faults = []

    def work():
        try:
            start.wait()
            for _ in range(20):
                seal(now=LATER, limit=20)
        except Exception as fault:  # seen by the main thread
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    seal_entries(now=LATER)
    seals = list(Seal.objects.order_by("number"))
    assert [one.number for one in seals] == list(range(1, len(seals) + 1))
    assert sum(one.size for one in seals) == Leaf.objects.count() == Entry.objects.count() == 300
    for before, after in pairwise(seals):
        assert bytes(after.previous) == bytes(before.chained)
    assert verify(now=LATER, witness=witness_path) == []
    numbers = [json.loads(line)["number"] for line in witness_path.read_text().splitlines()]
    assert numbers == [one.number for one in seals]


# The witness


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def test_each_seal_is_witnessed_after_its_commit(add, witness_path, django_capture_on_commit_callbacks):
    add("11")
    with django_capture_on_commit_callbacks(execute=True):
        seal(now=LATER)
        assert not witness_path.exists()
    assert lines(witness_path) == [Seal.objects.get().facts()]


def test_what_a_crash_left_out_is_written_by_the_next_run(add, witness_path):
    for number in range(11, 15):
        add(str(number))
        seal(now=LATER)  # on_commit does not run in this test: as if the process had died
    assert not witness_path.exists()
    assert seal_entries(now=LATER) == 0
    assert [line["number"] for line in lines(witness_path)] == [1, 2, 3, 4]
    assert witness.catch_up() == 0


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_torn_line_is_written_again_whole(add, witness_path, kept):
    for number in range(11, 14):
        add(str(number))
        seal(now=LATER)
    witness.catch_up()
    whole = witness_path.read_bytes()
    first_two, last = whole[: whole.rindex(b"\n", 0, -1) + 1], whole.splitlines()[-1]
    witness_path.write_bytes(first_two + last[:kept])
    assert verify(now=LATER, witness=witness_path) == []
    assert witness.catch_up() == 1
    assert witness_path.read_bytes().startswith(first_two + last[:kept])  # only ever appended
    assert [facts["number"] for _line, facts in witness.read_lines(witness_path)] == [1, 2, 3]
    assert verify(now=LATER, witness=witness_path) == []
    assert witness.catch_up() == 0


def test_the_end_of_a_long_witness_is_found(db, witness_path):
    good = json.dumps({"number": 7, "root": "00", "chained": "00"}).encode()
    witness_path.write_bytes(good + b"\n" + b"x" * 400_000 + b"\n")
    with witness_path.open("rb") as file:
        assert witness._end_of(file) == (7, False)


def test_a_database_that_lost_seals_is_said_aloud(add, witness_path, caplog):
    witness_path.write_text(json.dumps({"number": 9, "root": "00", "chained": "00"}) + "\n")
    add("11")
    seal(now=LATER)
    assert witness.catch_up() == 0
    assert "knows seal 9" in caplog.text


# Proofs


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_every_entry_can_be_proved(add, size):
    for number in range(size):
        add(str(20 + number))
    seal(now=LATER)
    contents = {entry.pk: entry.canonical() for entry in Entry.objects.all()}
    for entry in Entry.objects.all():
        proof = prove(entry)
        assert check_proof(contents[entry.pk], proof)
        for other, content in contents.items():
            assert check_proof(content, proof) == (other == entry.pk)


def test_no_proof_before_the_seal(add):
    add("11")
    with pytest.raises(Refusal, match="sealed"):
        prove(Entry.objects.get())
