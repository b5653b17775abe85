"""Putting a boundary in force. The caller holds the transaction and tells the index."""

from __future__ import annotations

from datetime import datetime

import shapely
from django.utils import timezone
from shapely.geometry.base import BaseGeometry

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import Acting, record
from gongzhi.ground.places.events import (
    BoundaryDrawn,
    BoundarySuperseded,
)
from gongzhi.ground.places.models import (
    Boundary,
    Place,
)


def shape_of(boundary: Boundary) -> BaseGeometry:
    return shapely.from_wkb(bytes(boundary.geometry))


def boundary_of(place: Place) -> Boundary | None:
    return Boundary.objects.filter(place=place, valid_to=None).first()


def supersede(row: Boundary, *, by: User | None, now: datetime, post: Acting | None, place: str) -> None:
    row.valid_to = max(timezone.localdate(now), row.valid_from)
    event = BoundarySuperseded(boundary_id=row.pk, place_id=row.place_id)
    record(event, about=row, by=by, now=now, post=post, place=place, save=("valid_to",))


def draw(
    place: Place,
    shape: BaseGeometry,
    *,
    source: str,
    licence: str,
    demonstration: bool,
    by: User | None,
    now: datetime,
    post: Acting | None,
) -> Boundary:
    """Put a boundary in force; the one before it ends. The caller tells the index."""
    before = boundary_of(place)
    if before is not None:
        supersede(before, by=by, now=now, post=post, place=place.path)
    minx, miny, maxx, maxy = shape.bounds
    row = Boundary.objects.create(
        place=place,
        geometry=shapely.to_wkb(shape),
        minx=minx,
        miny=miny,
        maxx=maxx,
        maxy=maxy,
        valid_from=timezone.localdate(now),
        source=source,
        licence=licence,
        demonstration=demonstration,
    )
    event = BoundaryDrawn(boundary_id=row.pk, place_id=place.pk)
    record(event, about=row, by=by, now=now, post=post, place=place.path)
    return row
