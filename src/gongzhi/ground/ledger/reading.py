"""Reading the record in pages, so that memory stays small whatever its size. Nonsense in a field must not stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from itertools import groupby
from typing import Any

from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, models
from django.db.models import Q

from gongzhi.ground.ledger import merkle
from gongzhi.ground.ledger.events import RowsBrought, read
from gongzhi.ground.ledger.models import Entry, Leaf, Recorded, Seal, spell
from gongzhi.ground.ledger.proofs import chain

PAGE = 5000


@dataclass(frozen=True)
class SealRow:
    number: int
    size: int
    root: bytes
    previous: bytes
    chained: bytes
    first_entry: int
    last_entry: int
    sealed_at: datetime

    def holds_together(self) -> bool:
        try:
            own = chain(previous=self.previous, root=self.root, number=self.number, size=self.size, at=self.sealed_at)
        except OverflowError:  # a number that no seal has
            return False
        return own == self.chained


@dataclass(frozen=True)
class LeafRow:
    seal: int
    position: int
    entry: int
    hash: bytes


def pages(
    queryset: models.QuerySet[Any], columns: Sequence[str], unreadable: Callable[[int], None]
) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of the first column (the primary key). A row that cannot be read goes to ``unreadable``."""
    key = columns[0]
    queryset = queryset.order_by(key)
    page = queryset
    while True:
        try:
            rows = list(page.values_list(*columns)[:PAGE])
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # Somebody put nonsense into a field. Read one by one to learn where.
            keys = list(page.values_list(key, flat=True)[:PAGE])
            for one in keys:
                try:
                    found = list(queryset.filter(**{key: one}).values_list(*columns))
                except (OperationalError, InterfaceError):
                    raise
                except Exception:
                    unreadable(one)
                else:
                    yield from found
            if not keys:
                return
            page = queryset.filter(**{f"{key}__gt": keys[-1]})
            continue
        yield from rows
        if len(rows) < PAGE:
            return
        page = queryset.filter(**{f"{key}__gt": rows[-1][0]})


def read_seals(unreadable: Callable[[int], None]) -> Iterator[SealRow]:
    columns = ("number", "size", "root", "previous", "chained", "first_entry", "last_entry", "sealed_at")
    for number, size, root, previous, chained, first, last, at in pages(Seal.objects.all(), columns, unreadable):
        if at is None:  # how SQLite reads a time that is none
            unreadable(number)
            continue
        yield SealRow(number, size, as_bytes(root), as_bytes(previous), as_bytes(chained), first, last, at)


def read_leaves() -> Iterator[LeafRow]:
    rows = Leaf.objects.order_by("seal_id", "position", "entry_id").values_list(
        "seal_id", "position", "entry_id", "hash"
    )
    page = rows
    while batch := list(page[:PAGE]):
        for seal, position, entry, hashed in batch:
            yield LeafRow(seal, position, entry, as_bytes(hashed))
        seal, position, entry, _hash = batch[-1]
        behind = Q(seal_id__gt=seal) | Q(position__gt=position) | Q(position=position, entry_id__gt=entry)
        page = rows.filter(behind, seal_id__gte=seal)


def read_steps(noun: str) -> Iterator[tuple[int, int, int, datetime | None, str, bytes]]:
    """(row, seq, entry, at, event, fingerprint) of every entry about rows of one kind, row by row."""
    rows = Entry.objects.filter(noun=noun).order_by("object_id", "seq", "id")
    page = rows
    while True:
        batch: list[tuple[Any, ...]]
        try:
            batch = list(page.values_list("object_id", "seq", "id", "at", "event", "fingerprint")[:PAGE])
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # a time that cannot be read is reported with its entry; here it must only not stop us
            batch = [
                (object_id, seq, entry, None, event, fingerprint)
                for object_id, seq, entry, event, fingerprint in page.values_list(
                    "object_id", "seq", "id", "event", "fingerprint"
                )[:PAGE]
            ]
        if not batch:
            return
        for object_id, seq, entry, at, event, fingerprint in batch:
            yield object_id, seq, entry, at, event, as_bytes(fingerprint)
        object_id, seq, entry = batch[-1][:3]
        behind = Q(object_id__gt=object_id) | Q(seq__gt=seq) | Q(seq=seq, id__gt=entry)
        page = rows.filter(behind, object_id__gte=object_id)


def find_brought() -> dict[str, list[tuple[int, int]]]:
    """Where the rows of version 0 are written down: by noun, (first id, entry)."""
    found: dict[str, list[tuple[int, int]]] = {}
    for entry, event in _brought_events(Entry.objects.all()):
        if event.runs:
            found.setdefault(event.noun, []).append((event.runs[0][0], entry))
    return {noun: sorted(shares) for noun, shares in found.items()}


def read_brought(shares: Sequence[tuple[int, int]]) -> Iterator[tuple[int, set[bytes]]]:
    """(row, digests) in the order of ids. Shares that overlap are merged; few are in memory at a time."""
    merged = _merge(shares)
    for pk, group in groupby(merged, key=lambda row: row[0]):
        yield pk, {digest for _pk, digest in group}


def _merge(shares: Sequence[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
    heap: list[tuple[int, bytes, int, Iterator[tuple[int, bytes]]]] = []
    opened = 0
    while heap or opened < len(shares):
        while opened < len(shares) and (not heap or shares[opened][0] <= heap[0][0]):
            for _entry, event in _brought_events(Entry.objects.filter(pk=shares[opened][1])):
                rows = event.rows()
                for pk, digest in rows:
                    heappush(heap, (pk, digest, opened, rows))
                    break
            opened += 1
        if heap:
            pk, digest, number, rows = heappop(heap)
            yield pk, digest
            for following in rows:
                heappush(heap, (*following, number, rows))
                break


def _brought_events(entries: models.QuerySet[Entry]) -> Iterator[tuple[int, RowsBrought]]:
    for entry, data in pages(entries.filter(event=RowsBrought.name), ("id", "data"), lambda entry: None):
        try:
            event = read(RowsBrought.name, data)
            if isinstance(event, RowsBrought):
                list(event.rows())
                yield entry, event
        except (AttributeError, TypeError, ValueError, KeyError):
            continue  # an altered entry, reported as such


def hash_of(row: Sequence[Any]) -> bytes:
    try:
        return merkle.leaf_hash(spell(*row))
    except (TypeError, ValueError):
        return b""  # not something that was ever sealed


def fingerprint_of(kind: type[Recorded], values: Sequence[Any]) -> bytes:
    try:
        return kind.fingerprint_of(values)
    except (TypeError, ValueError, ArithmeticError, ValidationError):
        return b""  # not something that was ever recorded


def as_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)
