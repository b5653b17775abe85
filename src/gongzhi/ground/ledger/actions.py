"""Appending to the record. ``record()`` is the last line of every action in the house."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Entry, Recorded
from gongzhi.ground.refusals import Stale


class Acting(Protocol):
    """The post through which somebody acts (``access.Post``, one floor up)."""

    pk: int


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
    entries = Entry.objects.bulk_create(
        [Entry(**_facts(event, row, by, now, post, place(row))) for event, row in steps], batch_size=1000
    )
    for listener in _listeners:
        listener(entries)
    return entries


def _facts(
    event: Event, about: Recorded, by: User | None, now: datetime, post: Acting | None, place: str
) -> dict[str, object]:
    return {
        "event": event.name,
        "noun": about.noun(),
        "object_id": about.pk,
        "seq": about.version,
        "place_path": place,
        "by_id": by.pk if by is not None else None,
        "post_id": post.pk if post is not None else None,
        "at": now,
        "data": event.data(),
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
    if not kind._default_manager.filter(pk=row.pk, version=read_version).update(**values):
        row.version = read_version
        raise Stale(_("Somebody else changed this a moment ago. Please look at it again."), status=409)
