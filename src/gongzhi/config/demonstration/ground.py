"""Where the demonstration plays: two towns, their communities and villages, and grids that are invented."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import shapely

from gongzhi.config.demonstration.catalogue import read_yaml
from gongzhi.ground.places.demonstration import DATA, GRIDS

FOLDER = Path(__file__).parent
INSIDE = 0.0002  # degrees, some twenty metres: so far from the edge no rounding carries a point next door
Box = tuple[float, float, float, float]  # west, south, east, north; WGS-84 degrees


@dataclass(frozen=True, kw_only=True)
class DemoGrid:
    """A demonstration grid, not a real boundary. ``code`` = community's 12 digits + serial of 3."""

    code: str
    name: str
    community_code: str
    index: int
    shape: Any

    @property
    def box(self) -> Box:
        west, south, east, north = self.shape.bounds
        return west, south, east, north

    @functools.cached_property
    def _inner(self) -> Any:
        return self.shape.buffer(-INSIDE)

    def point(self, dice: Random) -> tuple[float, float]:
        """A point well inside."""
        inner = self._inner
        west, south, east, north = inner.bounds
        while True:
            lon = round(west + (east - west) * dice.random(), 6)
            lat = round(south + (north - south) * dice.random(), 6)
            if shapely.contains_xy(inner, lon, lat):
                return lon, lat


@dataclass(frozen=True, kw_only=True)
class DemoPlace:
    """A community or village of the demonstration with 12-digit code and what people there call things."""

    code: str
    name: str
    town_code: str
    town_name: str
    urban: bool
    weight: float  # share of all demands
    homes: tuple[str, ...]
    spots: tuple[str, ...]
    grids: tuple[DemoGrid, ...]


@functools.cache
def _grids() -> dict[str, tuple[DemoGrid, ...]]:
    """The grids of each community, by its code."""
    found: dict[str, list[DemoGrid]] = {}
    for file, _source, _licence in GRIDS:
        for feature in json.loads((DATA / file).read_text(encoding="utf-8"))["features"]:
            said = feature["properties"]
            mine = found.setdefault(said["village"], [])
            mine.append(
                DemoGrid(
                    code=said["code"],
                    name=said["name"],
                    community_code=said["village"],
                    index=len(mine),
                    shape=shapely.from_geojson(json.dumps(feature["geometry"])),
                )
            )
    return {code: tuple(mine) for code, mine in found.items()}


@functools.cache
def places() -> tuple[DemoPlace, ...]:
    """Communities and villages of the demonstration, in the order of the file."""
    found = []
    for town in read_yaml(FOLDER / "places.yaml")["towns"]:
        whole = sum(row["weight"] for row in town["communities"])
        for row in town["communities"]:
            found.append(
                DemoPlace(
                    code=row["code"],
                    name=row["name"],
                    town_code=town["code"],
                    town_name=town["name"],
                    urban=town["urban"],
                    weight=town["weight"] * row["weight"] / whole,
                    homes=tuple(row["homes"]),
                    spots=tuple(row["spots"]),
                    grids=_grids()[row["code"]],
                )
            )
    return tuple(found)


def grids() -> tuple[DemoGrid, ...]:
    return tuple(grid for place in places() for grid in place.grids)


@functools.cache
def _north_edge(town_code: str) -> float:
    """The latitude north of which no grid of the town lies."""
    return max(grid.box[3] for place in places() if place.town_code == town_code for grid in place.grids)


def at_the_edge(place: DemoPlace) -> tuple[DemoGrid, ...]:
    """The place's grids at the north edge of its town."""
    edge = _north_edge(place.town_code)
    return tuple(grid for grid in place.grids if grid.box[3] > edge - 0.001)


def beyond(dice: Random, place: DemoPlace) -> tuple[float, float] | None:
    """A point just outside the town, which no grid covers but one is near to; None for a place inside the town."""
    for grid in at_the_edge(place)[:1]:
        lon, _lat = grid.point(dice)
        return lon, round(_north_edge(place.town_code) + 0.0008 + 0.0025 * dice.random(), 6)
    return None
