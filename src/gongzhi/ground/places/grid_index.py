"""Which grid a point lies in: the boundaries in force, in an R-tree of this process.

A look-up asks the database one question, by primary key, and the answer carries the boundary version along: an index
that has been overtaken, here or by another process, is noticed at once and built anew (4 ms for 10,000 grids).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from django.db.models import Case, IntegerField, Subquery, Value, When

from gongzhi.ground.places.models import Boundary, BoundaryVersion, Kind, Level, Place
from gongzhi.ground.places.shapes import DEGREE, flat

# A special grid (a mall, a campus) is cut out of the base grids and answers for itself; micro grids are parts.
PRECEDENCE = {Kind.SPECIAL: 0, Kind.BASE: 1, "": 1, Kind.MICRO: 2}
_KEPT = 2  # one while a change is being made, one for everybody else
_indexes: dict[int, Index] = {}
_latest = 0  # the version this process saw last


@dataclass(frozen=True)
class Index:
    tree: shapely.STRtree
    shapes: Any  # array of geometries; row numbers are the tree's
    places: Any  # array of place ids

    def at(self, lon: float, lat: float) -> int | None:
        """The place id of the grid that covers the point: by precedence of kind, then the lowest id."""
        hits = self.tree.query(shapely.Point(lon, lat), predicate="intersects")
        return int(self.places[hits.min()]) if len(hits) else None  # rows stand in that order

    def at_all(self, points: Sequence[tuple[float, float]]) -> list[int | None]:
        """``at`` for many points, asked at once."""
        asked, hits = self.tree.query(shapely.points(points), predicate="intersects")
        first: dict[int, int] = {}
        for point, hit in zip(asked.tolist(), hits.tolist(), strict=True):
            first[point] = min(hit, first.get(point, hit))
        return [int(self.places[first[point]]) if point in first else None for point in range(len(points))]

    def nearest(self, lon: float, lat: float, within: float) -> tuple[int, float] | None:
        """The place id of the nearest grid and its distance in metres, when one lies within so many metres."""
        high = within / DEGREE
        wide = min(high / max(np.cos(np.radians(min(abs(lat) + high, 89.9))), 1e-3), 180.0)
        hits = np.sort(self.tree.query(shapely.box(lon - wide, lat - high, lon + wide, lat + high)))
        if not len(hits):
            return None
        distances = shapely.distance(flat(self.shapes[hits], lon, lat), shapely.Point(0, 0))
        best = int(np.argmin(distances))
        away = float(distances[best])
        return (int(self.places[hits[best]]), away) if away <= within else None


def _build() -> Index:
    order = Case(
        *(When(place__kind=kind, then=Value(rank)) for kind, rank in PRECEDENCE.items()),
        output_field=IntegerField(),
    )
    rows = list(
        Boundary.objects.filter(valid_to=None, place__valid_to=None, place__level=Level.GRID)
        .annotate(rank=order)
        .order_by("rank", "place_id")
        .values_list("place_id", "geometry")
    )
    shapes = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
    return Index(shapely.STRtree(shapes), shapes, np.array([row[0] for row in rows], dtype=np.int64))


def _index(token: int) -> Index:
    found = _indexes.get(token)
    if found is None:
        found = _build()
        if token:
            for old in list(_indexes)[: max(len(_indexes) - _KEPT + 1, 0)]:
                _indexes.pop(old, None)
            _indexes[token] = found
    return found


def _token() -> int:
    return BoundaryVersion.objects.values_list("token", flat=True).first() or 0


def boundaries_changed() -> None:
    """Tell every process that its index is out of date. Called in the transaction of the change."""
    BoundaryVersion.objects.update_or_create(pk=1, defaults={"token": secrets.randbits(62) + 1})


def _fetch(place_id: int) -> tuple[Place | None, int | None]:
    """The place, and the boundary version in the same question."""
    token = BoundaryVersion.objects.filter(pk=1).values("token")
    place = Place.objects.annotate(boundary_token=Subquery(token)).filter(pk=place_id).first()
    return (place, vars(place)["boundary_token"] or 0) if place is not None else (None, None)


def grid_at(lon: float, lat: float) -> Place | None:
    global _latest
    token = _latest or _token()
    place = None
    for _attempt in range(3):  # a second round only when the boundaries have just changed
        place_id = _index(token).at(lon, lat)
        place, seen = _fetch(place_id) if place_id is not None else (None, None)
        if seen is None:
            seen = _token()
        if seen == token:
            break
        token = seen
    _latest = token
    return place


def nearest_grid(lon: float, lat: float, within: float) -> tuple[Place, float] | None:
    found = _index(_token()).nearest(lon, lat, within)
    if found is None:
        return None
    place = Place.objects.filter(pk=found[0]).first()
    return (place, found[1]) if place is not None else None


def grids_at(points: Sequence[tuple[float, float]]) -> list[Place | None]:
    """``grid_at`` for the points of a batch: two questions for all of them."""
    index = _index(_token())
    ids = index.at_all(points) if points else []
    places = Place.objects.in_bulk({pk for pk in ids if pk is not None})
    return [places.get(pk) if pk is not None else None for pk in ids]


def nearest_grids(points: Sequence[tuple[float, float]], within: float) -> list[tuple[Place, float] | None]:
    """``nearest_grid`` for the points of a batch: two questions for all of them."""
    index = _index(_token())
    found = [index.nearest(lon, lat, within) for lon, lat in points]
    places = Place.objects.in_bulk({one[0] for one in found if one is not None})
    return [(places[one[0]], one[1]) if one is not None and one[0] in places else None for one in found]
