"""Nearby search on every database: an integer cell per located row, and the distance in metres.

A cell is one square of a raster of 0.0025 degrees (about 280 m from south to north). Rows keep the number in an
ordinary indexed column; ``filter(cell__in=cells_around(lon, lat, 500))`` then finds a superset of what lies within
500 m, and ``metres`` decides exactly.
"""

from __future__ import annotations

import math

SIZE = 0.0025
COLUMNS = 144_000  # 360 / SIZE
ROWS = 72_000  # 180 / SIZE
EARTH = 6_371_008.8  # mean radius in metres
MOST_CELLS = 40_000


def _column(lon: float) -> int:
    return math.floor((lon + 180) / SIZE + 1e-9) % COLUMNS


def _row(lat: float) -> int:
    return min(max(math.floor((lat + 90) / SIZE + 1e-9), 0), ROWS - 1)


def on_earth(lon: float, lat: float) -> bool:
    """Whether the numbers are a longitude and a latitude (not-a-number is not)."""
    return -180 <= lon <= 180 and -90 <= lat <= 90


def cell_of(lon: float, lat: float) -> int:
    """The cell that a point lies in. ValueError for what is no point on earth."""
    if not on_earth(lon, lat):
        raise ValueError("not a longitude and latitude")
    return _row(lat) * COLUMNS + _column(lon)


def cells_around(lon: float, lat: float, metres: float) -> list[int]:
    """The cells that hold every point within so many metres (and some points beyond), in ascending order.

    ValueError for a radius that would name more than 40,000 cells: that is no longer a search nearby.
    """
    if not on_earth(lon, lat) or not 0 <= metres < EARTH:
        raise ValueError("not a longitude and latitude with a radius")
    angle = metres / EARTH
    degrees = math.degrees(angle) + 1e-9
    low, high = _row(max(lat - degrees, -90)), _row(min(lat + degrees, 90))
    flat = math.cos(math.radians(lat))
    if math.sin(angle) < flat:
        wide = math.degrees(math.asin(math.sin(angle) / flat)) + 1e-9
        first = math.floor((lon - wide + 180) / SIZE - 1e-9)
        last = math.floor((lon + wide + 180) / SIZE + 1e-9)
    else:  # a pole lies inside the circle
        first, last = 0, COLUMNS - 1
    if (high - low + 1) * (last - first + 1) > MOST_CELLS:
        raise ValueError("too wide for a search nearby")
    columns = {column % COLUMNS for column in range(first, last + 1)}
    return sorted(row * COLUMNS + column for row in range(low, high + 1) for column in columns)


def metres(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """The distance of two points along the earth's surface (haversine)."""
    south, north = math.radians(lat), math.radians(other_lat)
    half = (
        math.sin((north - south) / 2) ** 2
        + math.cos(south) * math.cos(north) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    )
    return 2 * EARTH * math.asin(math.sqrt(min(1.0, half)))
