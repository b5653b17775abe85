"""Questions about places: where a point lies, what a place is called, in which mode it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import shapely
from django.db.models import Case, IntegerField, Q, When
from django.db.models.functions import Length

from gongzhi.ground.places import divisions, grid_index, paths
from gongzhi.ground.places.cells import on_earth
from gongzhi.ground.places.models import (
    Boundary,
    FormerName,
    Level,
    Mode,
    Place,
    Profile,
)

NEARBY = 3000.0  # metres; farther away no grid is proposed


def grid_at(lon: float, lat: float) -> Place | None:
    """The grid in force that a WGS-84 point lies in, or None. On a shared border: the one with the lowest id.

    A special grid comes before a base grid, a base grid before a micro grid. One database question.
    """
    return grid_index.grid_at(lon, lat) if on_earth(lon, lat) else None


def nearest_grid(lon: float, lat: float, within: float = NEARBY) -> tuple[Place, float] | None:
    """The grid nearest to a point and its distance in metres (0 inside), when one lies within so many metres."""
    return grid_index.nearest_grid(lon, lat, within) if on_earth(lon, lat) else None


def grids_at(points: Sequence[tuple[float, float]]) -> list[Place | None]:
    """The same for many points at once (imports), in their order. Two database questions for all of them."""
    known = iter(grid_index.grids_at([point for point in points if on_earth(*point)]))
    return [next(known) if on_earth(*point) else None for point in points]


def nearest_grids(points: Sequence[tuple[float, float]], within: float = NEARBY) -> list[tuple[Place, float] | None]:
    """The nearest grids of many points at once, in their order."""
    known = iter(grid_index.nearest_grids([point for point in points if on_earth(*point)], within))
    return [next(known) if on_earth(*point) else None for point in points]


def resolve(path: str) -> Place | None:
    """The place that answers for this path today: itself, or the one it was merged into (and so on)."""
    place = Place.objects.filter(path=path).first()
    seen: set[int] = set()
    while place is not None and place.replaced_by_id is not None and place.pk not in seen:
        seen.add(place.pk)
        place = Place.objects.get(pk=place.replaced_by_id)
    return place


def full_names(wanted: Iterable[Place]) -> dict[str, str]:
    """For each path the names from the province down, without placeholders such as 市辖区. One question."""
    wanted = list(wanted)
    needed = {above for place in wanted for above in paths.ancestors(place.path)[1:]}
    names = dict(Place.objects.filter(path__in=needed).values_list("path", "name"))
    found: dict[str, str] = {}
    for place in wanted:
        line = [names[above] for above in reversed(paths.ancestors(place.path)[1:]) if above in names]
        line = [name for name in [*line, place.name] if name not in divisions.PLACEHOLDERS]
        found[place.path] = " ".join(
            name for before, name in pairwise(["", *line]) if name != before
        )  # 东莞市 stands twice in the table, as a city and as its only county
    return found


def search(text: str, *, under: str = "", level: str = "", limit: int = 20) -> list[Place]:
    """Places in force whose name, former name or code fits, best first, below ``under``.

    Several words narrow down from above: "清华园 东楼" is the place called 东楼… within one called 清华园….
    """
    words = text[:60].split()[:5]
    if not words:
        return []
    scope = Place.objects.current().below(under)
    for word in words[:-1]:
        tops = Place.objects.filter(name__icontains=word).exclude(level__in=[Level.GRID, Level.BUILDING])
        above = Q()
        for path in tops.order_by(Length("path"), "path").values_list("path", flat=True)[:50]:
            above |= paths.below(path)
        if not above:
            return []
        scope = scope.filter(above)
    last = words[-1]
    former = FormerName.objects.filter(name__icontains=last).values("place")
    fits = Q(name__icontains=last) | Q(pk__in=former)
    if not last.strip(paths.DIGITS) and len(last) >= 2:
        fits |= paths.below(last) | Q(code=last)
    if level:
        scope = scope.filter(level=level)
    rank = Case(
        When(Q(name=last) | Q(path=last) | Q(code=last), then=0),
        When(name__istartswith=last, then=1),
        When(name__icontains=last, then=2),
        default=3,
        output_field=IntegerField(),
    )
    return list(scope.filter(fits).annotate(rank=rank).order_by("rank", Length("path"), "path")[:limit])


def map_layer(wanted: Iterable[str] = ("",)) -> dict[str, Any]:
    """The boundaries in force of the grids below these paths, as a GeoJSON FeatureCollection (WGS-84)."""
    scope = Q(pk__in=[])
    for path in wanted:
        scope |= paths.below(path, "place__path") if path else ~Q(pk=None)
    rows = (
        Boundary.objects.filter(scope, valid_to=None, place__valid_to=None, place__level=Level.GRID)
        .select_related("place")
        .order_by("place__path")
    )
    features = []
    for row in rows:
        shape = shapely.set_precision(shapely.from_wkb(bytes(row.geometry)), 1e-6, mode="pointwise")
        features.append(
            {
                "type": "Feature",
                "id": row.place_id,
                "properties": {
                    "code": row.place.code,
                    "path": row.place.path,
                    "parent": row.place.parent_id,
                    "name": row.place.name,
                    "kind": row.place.kind,
                    "demonstration": row.demonstration,
                },
                "geometry": json.loads(shapely.to_geojson(shape)),
            }
        )
    return {"type": "FeatureCollection", "features": features}


@dataclass(frozen=True)
class Standing:
    """The mode that holds in a place, and the path of the place that set it (empty: nobody did)."""

    mode: Mode = Mode.NORMAL
    level: str = ""
    colour: str = ""
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    path: str = ""

    @property
    def emergency(self) -> bool:
        return self.mode == Mode.EMERGENCY


def _path(place: Place | str) -> str:
    return place if isinstance(place, str) else place.path


def mode_of(place: Place | str, now: datetime | None = None) -> Standing:
    """The mode of a place (or path): the nearest one set at or above it, else normal.

    An emergency whose end has passed no longer counts, provided that ``now`` is given. One question.
    """
    setters = Place.objects.filter(path__in=paths.ancestors(_path(place))).exclude(mode="").order_by("-path")
    if now is not None:
        setters = setters.filter(Q(mode_until=None) | Q(mode_until__gt=now))
    found = setters.first()
    if found is None:
        return Standing()
    return Standing(
        mode=Mode(found.mode),
        level=found.emergency_level,
        colour=found.colour,
        reason=found.mode_reason,
        since=found.mode_since,
        until=found.mode_until,
        path=found.path,
    )


def profile_of(place: Place | str) -> Profile | None:
    """The profile of a place (or path): the nearest one set at or above it. One question."""
    setters = Place.objects.filter(path__in=paths.ancestors(_path(place))).exclude(profile="")
    found = setters.order_by("-path").values_list("profile", flat=True).first()
    return Profile(found) if found else None
