"""Appending to the record, and sealing it. ``record()`` is the last line of every action in the house."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.filling import build, pour
from gongzhi.ground.ledger import merkle, witness
from gongzhi.ground.ledger.events import Event, RowsBrought
from gongzhi.ground.ledger.models import Entry, EntryQuerySet, Leaf, Recorded, Seal
from gongzhi.ground.ledger.proofs import chain
from gongzhi.ground.refusals import Stale


class Acting(Protocol):
    """The post through which somebody acts (``access.Post``, one floor up), and for whom they stand in, if so."""

    pk: int
    stand_in_id: int | None


SEAL_LIMIT = 4096  # entries in one seal
BROUGHT_SHARE = 1000  # rows of an import in one entry
START_OF_CHAIN = bytes(32)

# A transaction may commit this long after others that began later, and clocks of two machines may differ.
LATE = timedelta(hours=1)

Listener = Callable[[Sequence[Entry]], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Have ``listener(entries)`` called inside every recording transaction. The circuit uses this, at start-up."""
    if listener not in _listeners:
        _listeners.append(listener)


def record(
    event: Event,
    *,
    about: Recorded,
    by: User | None,
    now: datetime,
    post: Acting | None = None,
    place: str = "",
    save: Sequence[str] | None = None,
) -> Entry:
    """Append one entry about a row, inside the caller's transaction.

    ``save`` names the fields that the action changed: they are written together with the row's next version.
    Without it the row must just have been created (version 1, its first entry). ``place`` is the path of the
    place the matter belongs to. Raises Stale when somebody else changed the row since it was read.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("record() belongs inside the transaction of its action")
    if save is not None:
        _write(about, save)
    entry = Entry.objects.create(**_facts(event, about, by, now, post, place))
    for listener in _listeners:
        listener([entry])
    return entry


def record_many(
    steps: Iterable[tuple[Event, Recorded]],
    *,
    by: User | None,
    now: datetime,
    post: Acting | None = None,
    place: Callable[[Recorded], str] = lambda row: getattr(row, "place_path", ""),
) -> list[Entry]:
    """Append entries about many rows at once (bulk import). The rows' own ``version`` is already right and saved."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("record_many() belongs inside the transaction of its action")
    entries = [build(Entry, _facts(event, row, by, now, post, place(row))) for event, row in steps]
    pour(Entry, entries)
    for listener in _listeners:
        listener(entries)
    return entries


def record_brought(
    rows: QuerySet[Any],
    *,
    about: Recorded,
    by: User | None,
    now: datetime,
    post: Acting | None = None,
    place: str = "",
) -> None:
    """Append the fingerprints of rows of version 0, which an import put in by the hundred thousand.

    One entry for each thousand rows, about the import's own row, which has been recorded just before.
    """
    kind: type[Recorded] = rows.model
    columns = ("pk", *kind.RECORDED)
    fresh = rows.filter(version=0).order_by("pk").values_list(*columns)
    page = fresh
    while batch := list(page[:BROUGHT_SHARE]):
        runs: list[list[int]] = []
        digests = bytearray()
        for pk, *values in batch:
            if runs and pk == sum(runs[-1]):
                runs[-1][1] += 1
            else:
                runs.append([pk, 1])
            digests += kind.fingerprint_of(values)[:16]
        event = RowsBrought(noun=kind.noun(), runs=runs, digests=base64.b64encode(digests).decode())
        record(event, about=about, by=by, now=now, post=post, place=place, save=())
        page = fresh.filter(pk__gt=batch[-1][0])


def _facts(
    event: Event, about: Recorded, by: User | None, now: datetime, post: Acting | None, place: str
) -> dict[str, Any]:
    if place and not (place.isascii() and place.isdigit()):
        raise ValueError(f"a place path is made of digits, not {place!r}")
    data = event.data()
    if post is not None and post.stand_in_id is not None:
        data["stand_in"] = post.stand_in_id
    return {
        "event": event.name,
        "noun": about.noun(),
        "object_id": about.pk,
        "seq": about.version,
        "place_path": place,
        "by_id": by.pk if by is not None else None,
        "post_id": post.pk if post is not None else None,
        "at": now,
        "data": data,
        "fingerprint": about.fingerprint(),
    }


def _write(row: Recorded, fields: Sequence[str]) -> None:
    """Save the named fields and the next version, only if the row still has the version that was read."""
    kind: type[Model] = type(row)
    read_version = row.version
    row.version = read_version + 1
    values: dict[str, object] = {"version": row.version}
    for name in fields:
        field = row._meta.get_field(name)
        values[field.attname] = field.pre_save(row, False)  # type: ignore[union-attr]
        for beside in getattr(field, "written_with", ()):  # a blind index is written with its source
            values[beside] = row._meta.get_field(beside).pre_save(row, False)  # type: ignore[union-attr]
    if not kind._base_manager.filter(pk=row.pk, version=read_version).update(**values):
        row.version = read_version
        raise Stale(_("Somebody else changed this a moment ago. Please look at it again."), status=409)


def seal(*, now: datetime, limit: int = SEAL_LIMIT) -> Seal | None:
    """Put the waiting entries (at most ``limit``) under the next seal. None when nothing waits.

    Any number of workers may try at once: the number of the next seal can be taken only once, and whoever comes
    second changes nothing and gets None.
    """
    previous = Seal.objects.order_by("-number").first()
    number = previous.number + 1 if previous else 1
    before = bytes(previous.chained) if previous else START_OF_CHAIN
    # Entries never change, so the hashing needs no lock; the transaction below is only as long as its inserts.
    batch = list(_waiting(previous, now)[: min(limit, SEAL_LIMIT)])
    if not batch:
        return None
    hashes = [merkle.leaf_hash(entry.canonical()) for entry in batch]
    root = merkle.root(hashes)
    try:
        with transaction.atomic():
            new = Seal.objects.create(
                number=number,
                size=len(batch),
                root=root,
                previous=before,
                chained=chain(previous=before, root=root, number=number, size=len(batch), at=now),
                first_entry=batch[0].pk,
                last_entry=batch[-1].pk,
                sealed_at=now,
            )
            Leaf.objects.bulk_create(
                [
                    Leaf(entry=entry, seal=new, position=position, hash=hashed)
                    for position, (entry, hashed) in enumerate(zip(batch, hashes, strict=True))
                ],
                batch_size=1000,
            )
            transaction.on_commit(witness.catch_up, robust=True)
    except IntegrityError:
        if Seal.objects.filter(number=number).exists():
            return None
        raise
    return new


def _waiting(previous: Seal | None, now: datetime) -> EntryQuerySet:
    """Entries without a seal, lowest id first.

    A long transaction commits ids that lie below those already sealed, so "greater than the last one" would lose
    entries. Usually the look-up goes back one hour before the last sealing (whenever that was); the first seal of
    each day looks through the whole record. What only the latter finds, ``verify`` calls slipped in.
    """
    entries: EntryQuerySet = Entry.objects.all()
    if previous is None:
        return entries.unsealed()
    if previous.sealed_at == now:  # the same run goes on: its last seal took the lowest ids there were
        return entries.unsealed(behind=previous.last_entry)
    settled = Seal.objects.filter(sealed_at__lt=previous.sealed_at - LATE).order_by("-number").first()
    recent = entries.unsealed(behind=settled.last_entry if settled else 0)
    first_of_the_day = previous.sealed_at.astimezone(UTC).date() != now.astimezone(UTC).date()
    return entries.unsealed() if first_of_the_day and recent.exists() else recent
