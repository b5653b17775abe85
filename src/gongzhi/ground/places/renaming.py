"""Changing many places at once, each with its own entry. The caller holds the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import Acting, record_many
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.events import (
    PlaceClosed,
    PlaceRenamed,
    PlaceReopened,
)
from gongzhi.ground.places.models import (
    FormerName,
    Place,
)


def rename(changes: Sequence[tuple[Place, str]], *, by: User | None, now: datetime, post: Acting | None) -> None:
    until = timezone.localdate(now)
    former = FormerName.objects.bulk_create(
        FormerName(place=place, name=place.name, until=until) for place, _name in changes
    )
    events = []
    for (place, name), kept in zip(changes, former, strict=True):
        place.name = name
        events.append(PlaceRenamed(place_id=place.pk, path=place.path, former_name_id=kept.pk))
    save_many([place for place, _name in changes], ["name"], events, by=by, now=now, post=post)


def save_many(
    rows: Sequence[Place],
    fields: list[str],
    events: Sequence[PlaceRenamed | PlaceReopened | PlaceClosed],
    *,
    by: User | None,
    now: datetime,
    post: Acting | None,
) -> None:
    for row in rows:
        row.version += 1
    Place.objects.bulk_update(rows, [*fields, "version"], batch_size=300)
    record_many(zip(events, rows, strict=True), by=by, now=now, post=post, place=_place_of)


def _place_of(row: Recorded) -> str:
    return row.path if isinstance(row, Place) else ""
