"""Where the demonstration plays: two towns, their communities and villages, and grids drawn for the purpose."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gongzhi.config.demonstration.catalogue import read_yaml

FOLDER = Path(__file__).parent
Box = tuple[float, float, float, float]  # west, south, east, north; WGS-84 degrees


@dataclass(frozen=True, kw_only=True)
class DemoGrid:
    """A demonstration grid: a rectangle, not a real boundary. ``code`` = community's 12 digits + serial of 3."""

    code: str
    name: str
    community_code: str
    index: int
    box: Box

    def polygon(self) -> dict[str, object]:
        """GeoJSON geometry of the rectangle."""
        west, south, east, north = self.box
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}

    def point(self, dice: Random) -> tuple[float, float]:
        """A point well inside, so that rounding never carries it into the neighbouring grid."""
        west, south, east, north = self.box
        lon = west + (east - west) * (0.04 + 0.92 * dice.random())
        lat = south + (north - south) * (0.04 + 0.92 * dice.random())
        return round(lon, 6), round(lat, 6)


@dataclass(frozen=True, kw_only=True)
class DemoPlace:
    """A community or village of the demonstration with 12-digit code, its box and what people there call things."""

    code: str
    name: str
    town_code: str
    town_name: str
    urban: bool
    box: Box
    weight: float  # share of all demands
    homes: tuple[str, ...]
    spots: tuple[str, ...]
    grids: tuple[DemoGrid, ...]


@functools.cache
def places() -> tuple[DemoPlace, ...]:
    """Communities and villages of the demonstration, in the order of the file."""
    found = []
    for town in read_yaml(FOLDER / "places.yaml")["towns"]:
        whole = sum(row["weight"] for row in town["communities"])
        for row in town["communities"]:
            west, south, east, north = row["box"]
            step = (east - west) / row["grids"]
            edges = [round(west + step * index, 6) for index in range(row["grids"])] + [east]
            grids = tuple(
                DemoGrid(
                    code=f"{row['code']}{index + 1:03d}",
                    name=f"{row['name']}第{index + 1}网格",
                    community_code=row["code"],
                    index=index,
                    box=(edges[index], south, edges[index + 1], north),
                )
                for index in range(row["grids"])
            )
            found.append(
                DemoPlace(
                    code=row["code"],
                    name=row["name"],
                    town_code=town["code"],
                    town_name=town["name"],
                    urban=row.get("urban", town["urban"]),
                    box=(west, south, east, north),
                    weight=town["weight"] * row["weight"] / whole,
                    homes=tuple(row["homes"]),
                    spots=tuple(row["spots"]),
                    grids=grids,
                )
            )
    return tuple(found)


def grids() -> tuple[DemoGrid, ...]:
    return tuple(grid for place in places() for grid in place.grids)


def boundaries() -> dict[str, object]:
    """All demonstration grids as one GeoJSON FeatureCollection, marked as what they are."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": grid.code, "name": grid.name, "demonstration": True},
                "geometry": grid.polygon(),
            }
            for grid in grids()
        ],
    }
