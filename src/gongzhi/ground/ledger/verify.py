"""Checking the whole record: nothing changed, nothing removed, nothing slipped in, and if so, what."""

from __future__ import annotations

import enum
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _

from gongzhi.ground.ledger import merkle, witness
from gongzhi.ground.ledger.actions import LATE, START_OF_CHAIN
from gongzhi.ground.ledger.events import event_type
from gongzhi.ground.ledger.models import FACTS, SPELT, WORDS_MARK, Entry, Leaf, Recorded, Seal, words_mark
from gongzhi.ground.ledger.reading import (
    PAGE,
    LeafRow,
    SealRow,
    as_bytes,
    find_brought,
    fingerprint_of,
    hash_of,
    pages,
    read_brought,
    read_leaves,
    read_seals,
    read_steps,
)

# How many findings of one kind are listed one by one.
LISTED = 1000

Progress = Callable[[str, int, int], None]  # (what is being read, done, total)


class Kind(enum.StrEnum):
    """What can have been done to the record. The words are stable: scripts may rely on them."""

    ENTRY_ALTERED = "entry-altered"
    ENTRY_DELETED = "entry-deleted"
    ENTRY_MISSING = "entry-missing"  # a step that is not there, sealed or not
    ENTRY_INSERTED = "entry-inserted"
    ENTRY_REORDERED = "entry-reordered"
    ENTRY_BACKDATED = "entry-backdated"
    LEAF_ALTERED = "leaf-altered"
    LEAF_DELETED = "leaf-deleted"
    LEAF_REORDERED = "leaf-reordered"
    SEAL_ALTERED = "seal-altered"
    SEAL_DELETED = "seal-deleted"
    ROW_ALTERED = "row-altered"
    ROW_DELETED = "row-deleted"
    ROW_UNRECORDED = "row-unrecorded"
    NOUN_UNKNOWN = "noun-unknown"
    GUARD_MISSING = "guard-missing"
    WITNESS_BEHIND = "witness-behind"
    WITNESS_UNREADABLE = "witness-unreadable"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: what was done (``kind``), to what (``subject``: "entry 12"), and in words."""

    kind: Kind
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.text}"


def verify(
    *,
    now: datetime,
    witness: Path | None = None,
    roots: Path | None = None,
    progress: Progress | None = None,
) -> list[Finding]:
    """Check the whole record against itself, the rows it speaks of, the witness file and roots saved earlier.

    An empty list means: as far as anybody can tell from these, nothing was altered, removed or slipped in.
    Reads one consistent moment of the database in pages; the system may go on working.
    """
    with _one_moment():
        return _Check(now, progress or (lambda step, done, total: None)).run(witness, roots)


@contextmanager
def _one_moment() -> Iterator[None]:
    """See the database as it is now until the end, without holding anybody up."""
    connection = transaction.get_connection()
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Not atomic(): its BEGIN IMMEDIATE would keep all writers waiting.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def recorded_models() -> dict[str, type[Recorded]]:
    """Every table whose rows stand in the record, by noun."""
    found = [
        kind for kind in apps.get_models() if issubclass(kind, Recorded) and kind._meta.managed and not kind._meta.proxy
    ]
    return {kind.noun(): kind for kind in sorted(found, key=lambda kind: kind.noun())}


@dataclass
class _History:
    """What the entries say about one row, without keeping them."""

    object_id: int
    seq: int = 0
    entry: int | None = None
    at: datetime | None = None
    event: str = ""
    fingerprint: bytes = b""


T = TypeVar("T")


class _Walk(Generic[T]):
    """A sorted stream that is asked only for what comes next."""

    def __init__(self, items: Iterator[T], key: Callable[[T], int]) -> None:
        self.items = items
        self.key = key
        self.item = next(items, None)

    def before(self, key: int | None) -> Iterator[T]:
        """What stands before this key (None: the rest)."""
        while self.item is not None and (key is None or self.key(self.item) < key):
            yield self.item
            self.item = next(self.items, None)

    def at(self, key: int) -> T | None:
        """What stands at this key, which is thereby done with."""
        item = self.item
        if item is None or self.key(item) != key:
            return None
        self.item = next(self.items, None)
        return item


class _Check:
    def __init__(self, now: datetime, progress: Progress) -> None:
        self.now = now
        self.progress = progress
        self.findings: list[Finding] = []
        self.counts: Counter[Kind] = Counter()
        self.seen: set[tuple[Kind, str]] = set()
        self.altered_seals: set[int] = set()
        # Per seal, in order: number, highest entry id sealed so far, time in microseconds.
        self.numbers = array("q")
        self.horizon = array("q")
        self.sealed_at = array("q")
        self.differs: set[int] = set()  # entries whose content no longer has the hash in their leaf
        self.unreadable: set[int] = set()
        self.without_leaf: list[int] = []  # entries without a leaf though later ones are sealed
        self.done = self.total = 0  # of the last pass
        self.brought: dict[str, list[tuple[int, int]]] = {}
        self.secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)

    def run(self, witness_path: Path | None, roots_path: Path | None) -> list[Finding]:
        self.check_guard()
        self.check_chain()
        if witness_path is not None:
            self.check_witness(witness_path)
        if roots_path is not None:
            self.check_roots(roots_path)
        self.check_entries()
        self.check_leaves()
        for entry in self.without_leaf:
            if self.came_late(entry, len(self.numbers)):
                self.slipped_in(entry)
        self.check_rows()
        for kind, count in self.counts.items():
            if count > LISTED:
                more = _("%(count)d more findings of this kind are not listed.") % {"count": count - LISTED}
                self.findings.append(Finding(kind, _("more"), more))
        return self.findings

    def report(self, kind: Kind, subject: str, text: str) -> None:
        if (kind, subject) in self.seen:
            return
        self.counts[kind] += 1
        if self.counts[kind] <= LISTED:
            self.seen.add((kind, subject))
            self.findings.append(Finding(kind, subject, text))

    # The database's own guard

    def check_guard(self) -> None:
        connection = transaction.get_connection()
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
                )
            else:
                cursor.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
            standing = set(cursor.fetchall())
        for kind in (Entry, Leaf, Seal):
            table = kind._meta.db_table
            for verb in ("update", "delete"):
                name = f"{table}_stays_{verb}"
                if (table, name) not in standing:
                    self.report(
                        Kind.GUARD_MISSING,
                        name,
                        _("The trigger that refuses changes to %(table)s was removed.") % {"table": table},
                    )

    # Seals

    def check_chain(self) -> None:
        """Numbers without a gap, each seal true to itself and tied to the one before."""
        before: tuple[int, bytes, bool] | None = None
        # A link that does not fit says only that one of two seals is wrong. The link after it tells which.
        suspect: int | None = None
        done, total = 0, Seal.objects.count()
        for seal in read_seals(self.seal_unreadable):
            done += 1
            expected = before[0] + 1 if before else 1
            if seal.number > expected:
                self.seals_gone(expected, seal.number - 1)
            sound = seal.holds_together()
            if not sound:
                self.seal_altered(seal.number, _("Its chained root does not follow from what it says."))
            if before is None:
                if sound and seal.number == 1 and seal.previous != START_OF_CHAIN:
                    self.seal_altered(1, _("It claims a seal before the first one."))
            elif seal.number == expected and sound and before[2]:
                fits = seal.previous == before[1]
                if not fits and suspect is not None:
                    self.seal_altered(before[0], _("It fits neither the seal before nor the seal after."))
                    suspect = None
                elif not fits:
                    suspect = before[0]
                elif suspect is not None:
                    self.seal_altered(suspect, _("The next seal was made after a different one."))
                    suspect = None
            before = (seal.number, seal.chained, sound)
            self.numbers.append(seal.number)
            self.horizon.append(max(seal.last_entry, self.horizon[-1]) if self.horizon else seal.last_entry)
            self.sealed_at.append(_microseconds(seal.sealed_at))
            if done % PAGE == 0:
                self.progress("seals", done, total)
        if suspect is not None:
            self.seal_altered(
                suspect,
                _("It and seal %(next)d do not fit together: one of the two was altered.") % {"next": suspect + 1},
            )
        self.progress("seals", done, total)

    def seal_unreadable(self, number: int) -> None:
        self.seal_altered(number, _("What it says cannot be read."))

    def seal_altered(self, number: int, why: str) -> None:
        self.altered_seals.add(number)
        self.report(
            Kind.SEAL_ALTERED,
            _("seal %(number)d") % {"number": number},
            _("The seal was altered. %(why)s") % {"why": why},
        )

    def seals_gone(self, first: int, last: int) -> None:
        """Name each deleted seal, or the range when there are very many."""
        if last - first < LISTED:
            for number in range(first, last + 1):
                if number in self.altered_seals:  # it is there, but what it says cannot be read
                    continue
                self.report(Kind.SEAL_DELETED, _("seal %(number)d") % {"number": number}, _("The seal was deleted."))
        else:
            self.report(
                Kind.SEAL_DELETED,
                _("seals %(first)d to %(last)d") % {"first": first, "last": last},
                _("The seals were deleted."),
            )

    # Seals against what lies outside the database

    def check_witness(self, path: Path) -> None:
        newest = 0
        if path.exists():
            newest = self.compare(witness.read_lines(path), _("the witness file"))
        elif not self.numbers:
            return
        overdue = _microseconds(self.now - LATE)
        for number, sealed_at in zip(self.numbers, self.sealed_at, strict=True):
            if number > newest and sealed_at < overdue:
                self.report(
                    Kind.WITNESS_BEHIND,
                    _("seal %(number)d") % {"number": number},
                    _("The seal is in the database but not in the witness file %(path)s, nor are those after it.")
                    % {"path": path},
                )
                break

    def check_roots(self, path: Path) -> None:
        self.compare(witness.read_published(path), _("the published roots"))

    def compare(self, lines: Iterator[tuple[int, dict[str, Any] | None]], source: str) -> int:
        """Hold the seals against a list of roots; returns the highest number in the list."""
        newest = 0
        batch: list[dict[str, Any]] = []
        for line, facts in lines:
            if facts is None:
                self.report(
                    Kind.WITNESS_UNREADABLE,
                    _("line %(line)d") % {"line": line},
                    _("This line of %(source)s does not hold a seal.") % {"source": source},
                )
                continue
            newest = max(newest, facts["number"])
            batch.append(facts)
            if len(batch) == 500:
                self.compare_batch(batch, source)
                batch = []
        self.compare_batch(batch, source)
        return newest

    def compare_batch(self, batch: list[dict[str, Any]], source: str) -> None:
        wanted = [facts["number"] for facts in batch]
        rows = Seal.objects.filter(number__in=wanted).values_list("number", "root", "chained")
        kept = {number: (as_bytes(root).hex(), as_bytes(chained).hex()) for number, root, chained in rows}
        for facts in batch:
            number = facts["number"]
            if number not in kept:
                self.report(
                    Kind.SEAL_DELETED,
                    _("seal %(number)d") % {"number": number},
                    _("The seal was deleted: it stands in %(source)s.") % {"source": source},
                )
            elif kept[number] != (facts["root"].lower(), facts["chained"].lower()):
                self.seal_altered(number, _("Its roots differ from %(source)s.") % {"source": source})

    # Entries against leaves, leaves against seals

    def check_entries(self) -> None:
        done, total = 0, Entry.objects.count()
        sealed_up_to = self.horizon[-1] if self.horizon else None
        for row in pages(Entry.objects.all(), (*SPELT, "leaf__hash"), self.entry_unreadable):
            done += 1
            if row[-1] is None:
                if sealed_up_to is not None and row[0] <= sealed_up_to:
                    self.without_leaf.append(row[0])
            elif hash_of(row[:-1]) != as_bytes(row[-1]):
                self.differs.add(row[0])
            if done % PAGE == 0:
                self.progress("entries", done, total)
        self.progress("entries", done, total)

    def entry_unreadable(self, entry: int) -> None:
        self.differs.add(entry)
        self.unreadable.add(entry)
        if not Leaf.objects.filter(entry_id=entry).exists():
            self.entry_altered(entry)

    def entry_altered(self, entry: int) -> None:
        text = _("The entry cannot be read any more.") if entry in self.unreadable else _("The entry was altered.")
        self.report(Kind.ENTRY_ALTERED, _("entry %(id)d") % {"id": entry}, text)

    def entry_deleted(self, leaf: LeafRow) -> None:
        self.report(
            Kind.ENTRY_DELETED,
            _("entry %(id)d") % {"id": leaf.entry},
            _("The entry was deleted after seal %(seal)d had sealed it.") % {"seal": leaf.seal},
        )

    def slipped_in(self, entry: int) -> None:
        self.report(
            Kind.ENTRY_INSERTED,
            _("entry %(id)d") % {"id": entry},
            _("The entry was slipped into a time that had long been sealed."),
        )

    def came_late(self, entry: int, index: int) -> bool:
        """Whether an entry in the index-th seal (or none yet) was not there long after its time had been sealed.

        Ids are given in the order of writing. The first seal that reaches behind an id says when it was due; the
        seal before its own says until when it was still absent.
        """
        due = bisect_left(self.horizon, entry)
        last_absent = index - 1
        if due > last_absent:
            return False
        return self.sealed_at[last_absent] - self.sealed_at[due] > LATE // timedelta(microseconds=1)

    def check_leaves(self) -> None:
        done, total = 0, Leaf.objects.count()
        orphans = Leaf.objects.filter(~models.Exists(Entry.objects.filter(pk=models.OuterRef("entry_id"))))
        gone = set(orphans.values_list("entry_id", flat=True))
        seals = read_seals(lambda number: None)
        seal = next(seals, None)
        index = 0
        for number, group in groupby(read_leaves(), key=lambda leaf: leaf.seal):
            leaves = list(group)
            while seal is not None and seal.number < number:
                self.judge(seal, index, [], gone)
                seal, index = next(seals, None), index + 1
            if seal is None or seal.number > number:
                self.seals_gone(number, number)
            else:
                self.judge(seal, index, leaves, gone)
                seal, index = next(seals, None), index + 1
            done += len(leaves)
            self.progress("leaves", done, total)
        while seal is not None:
            self.judge(seal, index, [], gone)
            seal, index = next(seals, None), index + 1
        self.progress("leaves", done, total)

    def judge(self, seal: SealRow, index: int, leaves: Sequence[LeafRow], gone: set[int]) -> None:
        """Find out what is wrong with one seal's leaves and entries, if anything is."""
        hashes = [leaf.hash for leaf in leaves]
        in_order = all(leaf.position == place for place, leaf in enumerate(leaves)) and all(
            left.entry < right.entry for left, right in pairwise(leaves)
        )
        if in_order and len(leaves) == seal.size and merkle.root(hashes) == seal.root:
            self.leaves_are_true(index, leaves, gone)
            if (seal.first_entry, seal.last_entry) != (leaves[0].entry, leaves[-1].entry):
                self.seal_altered(seal.number, _("Its first and last entry are not those it was made of."))
            return
        by_entry = sorted(leaves, key=lambda leaf: leaf.entry)
        if len(leaves) == seal.size and merkle.root([leaf.hash for leaf in by_entry]) == seal.root:
            for place, leaf in enumerate(by_entry):
                if leaf.position != place:
                    self.leaf_reordered(leaf)
            self.leaves_are_true(index, by_entry, gone)
            return
        if (added := _added(seal, leaves)) is not None:
            for leaf in added:
                self.report(
                    Kind.ENTRY_INSERTED,
                    _("entry %(id)d") % {"id": leaf.entry},
                    _("The entry was slipped into seal %(seal)d after the sealing.") % {"seal": seal.number},
                )
            self.leaves_are_true(index, [leaf for leaf in leaves if leaf not in added], gone)
            return
        if not self.rebuilt_from_entries(seal, by_entry):
            self.beyond_repair(seal, by_entry, gone)

    def leaves_are_true(self, index: int, leaves: Sequence[LeafRow], gone: set[int]) -> None:
        """The seal vouches for these leaves, so whatever differs from them was done to the entries."""
        sealed_before = self.horizon[index - 1] if index else None
        for leaf in leaves:
            if leaf.entry in gone:
                self.entry_deleted(leaf)
            elif leaf.entry in self.differs:
                self.entry_altered(leaf.entry)
            if sealed_before is not None and leaf.entry <= sealed_before and self.came_late(leaf.entry, index):
                self.slipped_in(leaf.entry)

    def rebuilt_from_entries(self, seal: SealRow, leaves: Sequence[LeafRow]) -> bool:
        """Try whether the entries still give the root; then it is the leaves that were tampered with."""
        low = bisect_left(self.without_leaf, seal.first_entry)
        high = bisect_left(self.without_leaf, seal.last_entry + 1)
        bare = self.without_leaf[low:high]
        wanted = sorted({leaf.entry for leaf in leaves} | set(bare))
        if len(wanted) != seal.size:
            return False
        rows = Entry.objects.filter(pk__gte=wanted[0], pk__lte=wanted[-1])
        hashes: dict[int, bytes] = {}
        among = set(wanted)
        for row in pages(rows, SPELT, lambda entry: None):
            if row[0] in among:
                hashes[row[0]] = hash_of(row)
        if len(hashes) != len(wanted) or merkle.root([hashes[entry] for entry in wanted]) != seal.root:
            return False
        present = {leaf.entry: leaf for leaf in leaves}
        for place, entry in enumerate(wanted):
            leaf = present.get(entry)
            if leaf is None:
                self.leaf_deleted(seal.number, place, _("entry %(id)d") % {"id": entry})
            elif leaf.hash != hashes[entry]:
                self.report(
                    Kind.LEAF_ALTERED,
                    _("entry %(id)d") % {"id": entry},
                    _("The leaf of this entry in seal %(seal)d was altered.") % {"seal": seal.number},
                )
            elif leaf.position != place:
                self.leaf_reordered(leaf)
        if bare:
            claimed = set(bare)
            self.without_leaf = [entry for entry in self.without_leaf if entry not in claimed]
        return True

    def leaf_deleted(self, seal: int, position: int, subject: str) -> None:
        self.report(
            Kind.LEAF_DELETED,
            subject,
            _("Leaf %(position)d of seal %(seal)d was deleted.") % {"position": position, "seal": seal},
        )

    def leaf_reordered(self, leaf: LeafRow) -> None:
        self.report(
            Kind.LEAF_REORDERED,
            _("entry %(id)d") % {"id": leaf.entry},
            _("The leaf of this entry in seal %(seal)d was moved to another position.") % {"seal": leaf.seal},
        )

    def beyond_repair(self, seal: SealRow, leaves: Sequence[LeafRow], gone: set[int]) -> None:
        """Neither leaves nor entries give the root. Name what can be named."""
        something = seal.number in self.altered_seals
        for leaf in leaves:
            if leaf.entry in gone:
                self.entry_deleted(leaf)
                something = True
            elif leaf.entry in self.differs:
                self.report(
                    Kind.LEAF_ALTERED,
                    _("entry %(id)d") % {"id": leaf.entry},
                    _("The entry and its leaf in seal %(seal)d contradict each other.") % {"seal": seal.number},
                )
                something = True
        if seal.number in self.altered_seals:
            return
        taken = {leaf.position for leaf in leaves}
        for position in range(seal.size):
            if position not in taken:
                subject = _("seal %(seal)d, position %(position)d") % {"seal": seal.number, "position": position}
                self.leaf_deleted(seal.number, position, subject)
                something = True
        subject = _("seal %(seal)d") % {"seal": seal.number}
        if len(leaves) > seal.size:
            text = _("The seal holds more leaves than were sealed: %(count)d too many.")
            self.report(Kind.ENTRY_INSERTED, subject, text % {"count": len(leaves) - seal.size})
        elif not something:
            text = _("Entries from %(first)d to %(last)d and their leaves no longer give the root of their seal.")
            self.report(Kind.ENTRY_ALTERED, subject, text % {"first": seal.first_entry, "last": seal.last_entry})

    # The rows that the entries speak of

    def check_rows(self) -> None:
        kinds = recorded_models()
        self.brought = find_brought()
        spoken_of = set(Entry.objects.order_by().values_list("noun", flat=True).distinct())
        self.done, self.total = 0, Entry.objects.count()
        for noun in sorted(spoken_of | set(kinds)):
            kind = kinds.get(noun)
            if kind is None:
                self.report(Kind.NOUN_UNKNOWN, noun, _("Entries speak of a kind of row that nobody keeps."))
                for _history in self.histories(noun):
                    pass  # reading them checks their order
            else:
                self.check_table(noun, kind)
        self.progress("rows", self.done, self.total)

    def check_table(self, noun: str, kind: type[Recorded]) -> None:
        """Walk rows, entries and bulk imports side by side, all in the order of the row's id."""
        histories = _Walk(self.histories(noun), lambda history: history.object_id)
        brought = _Walk(read_brought(self.brought.get(noun, ())), lambda share: share[0])
        broken: set[int] = set()

        def unreadable(pk: int) -> None:
            broken.add(pk)
            self.row_altered(f"{noun} {pk}", _("The row cannot be read any more."))

        def gone_before(pk: int | None) -> None:
            """Entries and imports that speak of rows between the last one and this one."""
            with_entries = set()
            for history in histories.before(pk):
                with_entries.add(history.object_id)
                if history.object_id not in broken:
                    self.row_is_gone(noun, history)
            for object_id, _digests in brought.before(pk):
                if object_id not in with_entries and object_id not in broken:
                    self.brought_row_is_gone(noun, object_id)

        columns = (kind._meta.pk.attname, "version", *kind.RECORDED, *kind.WORDS)
        facts = len(kind.RECORDED)
        for pk, version, *found in pages(kind._base_manager.all(), columns, unreadable):
            values, words = found[:facts], found[facts:]
            gone_before(pk)
            history, share = histories.at(pk), brought.at(pk)
            subject = f"{noun} {pk}"
            if history is not None:
                if self.compare_row(subject, history, version, fingerprint_of(kind, values)):
                    self.compare_words(subject, noun, kind.WORDS, words, history.fingerprint[FACTS:])
            elif share is not None:
                fingerprint = fingerprint_of(kind, values)
                as_brought = fingerprint if fingerprint[:16] in share[1] else b"another"
                self.compare_row(subject, _History(pk, fingerprint=as_brought), version, fingerprint)
            else:
                self.report(
                    Kind.ROW_UNRECORDED,
                    subject,
                    _("The row has no entry at all: it was put in behind the record's back."),
                )
        gone_before(None)

    def compare_row(self, subject: str, history: _History, version: int, fingerprint: bytes) -> bool:
        """Whether the row's facts are those of its newest entry."""
        if version > history.seq:
            self.steps_missing(subject, history.seq + 1, version)
        elif version < history.seq:
            self.row_altered(
                subject,
                _("The row was set back to step %(version)d; the record knows %(seq)d.")
                % {"version": version, "seq": history.seq},
            )
        elif fingerprint != history.fingerprint[:FACTS]:
            self.row_altered(subject, _("The row was altered behind the record's back."))
        else:
            return True
        return False

    def compare_words(self, subject: str, noun: str, names: Sequence[str], words: Sequence[str], marks: bytes) -> None:
        """What people wrote is still what they wrote, or was erased (erasures stand in the record themselves)."""
        for index, (name, said) in enumerate(zip(names, words, strict=True)):
            mark = marks[index * WORDS_MARK : (index + 1) * WORDS_MARK]
            if said and mark and all(words_mark(noun, name, said, secret) != mark for secret in self.secrets):
                self.row_altered(
                    subject, _("The words in “%(field)s” were altered behind the record's back.") % {"field": name}
                )

    def row_altered(self, subject: str, text: str) -> None:
        self.report(Kind.ROW_ALTERED, subject, text)

    def brought_row_is_gone(self, noun: str, object_id: int) -> None:
        self.report(
            Kind.ROW_DELETED,
            f"{noun} {object_id}",
            _("The row, which an import had brought, was deleted behind the record's back."),
        )

    def row_is_gone(self, noun: str, history: _History) -> None:
        try:
            ended = event_type(history.event).ends_row
        except KeyError:
            ended = False
        if not ended:
            self.report(
                Kind.ROW_DELETED,
                f"{noun} {history.object_id}",
                _("The row was deleted behind the record's back; its last entry is %(entry)d (%(event)s).")
                % {"entry": history.entry, "event": history.event},
            )

    def steps_missing(self, subject: str, first: int, last: int) -> None:
        steps = str(first) if first == last else f"{first}–{last}"
        self.report(
            Kind.ENTRY_MISSING,
            _("%(row)s, step %(steps)s") % {"row": subject, "steps": steps},
            _("The entry about this step is missing."),
        )

    def histories(self, noun: str) -> Iterator[_History]:
        """One summary per row, in the order of its id; the steps are checked on the way."""
        history: _History | None = None
        for object_id, seq, entry, at, event, fingerprint in read_steps(noun):
            if history is None or history.object_id != object_id:
                if history is not None:
                    yield history
                history = _History(object_id)
            self.check_step(noun, history, seq, entry, at)
            history.seq, history.entry, history.at = seq, entry, at or history.at
            history.event, history.fingerprint = event, fingerprint
            self.done += 1
            if self.done % PAGE == 0:
                self.progress("rows", self.done, self.total)
        if history is not None:
            yield history

    def check_step(self, noun: str, history: _History, seq: int, entry: int, at: datetime | None) -> None:
        subject = f"{noun} {history.object_id}"
        if seq > history.seq + 1:
            self.steps_missing(subject, history.seq + 1, seq - 1)
        if history.entry is None:
            return
        values = {"row": subject, "seq": seq}
        if seq == history.seq:
            text = _("There are two entries about step %(seq)d of %(row)s.") % values
            self.report(Kind.ENTRY_INSERTED, _("entry %(id)d") % {"id": entry}, text)
        if entry < history.entry:
            text = _("Step %(seq)d of %(row)s was recorded before the step that precedes it.") % values
            self.report(Kind.ENTRY_REORDERED, _("entry %(id)d") % {"id": entry}, text)
        if at is not None and history.at is not None and at < history.at - LATE:
            text = _("Step %(seq)d of %(row)s bears an earlier time than the step before.") % values
            self.report(Kind.ENTRY_BACKDATED, _("entry %(id)d") % {"id": entry}, text)


def _microseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _added(seal: SealRow, leaves: Sequence[LeafRow]) -> Sequence[LeafRow] | None:
    """The leaves without which the others give the root: all behind the end, or a single one anywhere."""
    if len(leaves) <= seal.size:
        return None
    if merkle.root([leaf.hash for leaf in leaves[: seal.size]]) == seal.root:
        return leaves[seal.size :]
    if len(leaves) == seal.size + 1:
        hashes = [leaf.hash for leaf in leaves]
        for place, leaf in enumerate(leaves):
            if merkle.root(hashes[:place] + hashes[place + 1 :]) == seal.root:
                return [leaf]
    return None
