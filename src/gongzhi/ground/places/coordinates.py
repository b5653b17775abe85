"""Coordinates of Chinese map services, converted to WGS-84 once, at the door.

Maps made in mainland China are shifted by law: GCJ-02 (Amap, Tencent, most telephones' map apps) lies 20 to 680 m
beside WGS-84, BD-09 (Baidu) a little further again. Hong Kong, Macau, Taiwan and places abroad are not shifted.
Inside the house everything is WGS-84; a row that was converted keeps the name of the system it came in, because a
second conversion would silently move it by half a kilometre.

Only the way towards the shifted systems has a formula. The way back is found by fixed-point iteration; three steps
bring a point back to within a tenth of a millimetre (the usual one-step inverse is metres off).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from django.db import models
from django.utils.translation import gettext_lazy as _

Point = tuple[float, float]  # longitude, latitude


class System(models.TextChoices):
    WGS84 = "wgs84", _("WGS-84 (GPS, CGCS2000, Tianditu)")
    GCJ02 = "gcj02", _("GCJ-02 (Amap, Tencent)")
    BD09 = "bd09", _("BD-09 (Baidu)")


STEPS = 3
AXIS = 6378245.0  # the Krasovsky ellipsoid, on which the shift is defined
FLATNESS = 0.00669342162296594323
# The formula's own frame. Neighbouring countries inside it are treated as shifted too; nobody here governs there.
FRAME = (72.004, 0.8293, 137.8347, 55.8271)
# Coarse outlines (about 1 km) of what lies in the frame and is not shifted.
UNSHIFTED: tuple[tuple[Point, ...], ...] = (
    (  # Hong Kong
        (113.82, 22.10), (113.82, 22.40), (113.93, 22.46), (114.02, 22.497), (114.05, 22.502), (114.075, 22.513),
        (114.09, 22.53), (114.12, 22.535), (114.15, 22.552), (114.225, 22.548), (114.30, 22.56), (114.45, 22.50),
        (114.50, 22.10),
    ),
    ((113.53, 22.215), (113.53, 22.17), (113.545, 22.15), (113.548, 22.10), (113.62, 22.10), (113.62, 22.215)),  # Macau
    ((119.2, 21.7), (122.3, 21.7), (122.3, 25.5), (120.6, 25.4), (119.9, 24.6), (119.2, 23.9)),  # Taiwan
)  # fmt: skip


def _inside(ring: tuple[Point, ...], lon: float, lat: float) -> bool:
    inside = False
    x0, y0 = ring[-1]
    for x1, y1 in ring:
        if (y1 > lat) != (y0 > lat) and lon < (x0 - x1) * (lat - y1) / (y0 - y1) + x1:
            inside = not inside
        x0, y0 = x1, y1
    return inside


def is_shifted_here(lon: float, lat: float) -> bool:
    """Whether maps of this place are shifted: the mainland, roughly."""
    west, south, east, north = FRAME
    return west <= lon <= east and south <= lat <= north and not any(_inside(ring, lon, lat) for ring in UNSHIFTED)


def _wave(step: float, *parts: tuple[float, float]) -> float:
    return sum(size * math.sin(step * math.pi * rate) for rate, size in parts) * 2 / 3


def _shift(lon: float, lat: float) -> Point:
    """GCJ-02 of a WGS-84 point, wherever it lies."""
    x, y = lon - 105, lat - 35
    root = math.sqrt(abs(x))
    ripple = _wave(x, (6, 20), (2, 20))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += ripple + _wave(x, (1, 20), (1 / 3, 40)) + _wave(x, (1 / 12, 150), (1 / 30, 300))
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += ripple + _wave(y, (1, 20), (1 / 3, 40)) + _wave(y, (1 / 12, 160), (1 / 30, 320))
    angle = math.radians(lat)
    bulge = 1 - FLATNESS * math.sin(angle) ** 2
    across = AXIS / math.sqrt(bulge) * math.cos(angle)
    along = AXIS * (1 - FLATNESS) / (bulge * math.sqrt(bulge))
    return lon + math.degrees(east / across), lat + math.degrees(north / along)


def _turn(lon: float, lat: float) -> Point:
    """BD-09 of a GCJ-02 point."""
    rate = math.pi * 3000 / 180
    radius = math.hypot(lon, lat) + 0.00002 * math.sin(lat * rate)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * rate)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006


def _back(forward: Callable[[float, float], Point], lon: float, lat: float) -> Point:
    x, y = lon, lat
    for _step in range(STEPS):
        reached = forward(x, y)
        x, y = x + lon - reached[0], y + lat - reached[1]
    return x, y


def gcj02_from_wgs84(lon: float, lat: float) -> Point:
    return _shift(lon, lat) if is_shifted_here(lon, lat) else (lon, lat)


def wgs84_from_gcj02(lon: float, lat: float) -> Point:
    return _back(_shift, lon, lat) if is_shifted_here(lon, lat) else (lon, lat)


def bd09_from_wgs84(lon: float, lat: float) -> Point:
    return _turn(*gcj02_from_wgs84(lon, lat))


def wgs84_from_bd09(lon: float, lat: float) -> Point:
    return wgs84_from_gcj02(*_back(_turn, lon, lat))


def to_wgs84(lon: float, lat: float, system: str) -> Point:
    """A point of any known system as WGS-84. ValueError for an unknown system."""
    match System(system):
        case System.WGS84:
            return lon, lat
        case System.GCJ02:
            return wgs84_from_gcj02(lon, lat)
        case System.BD09:
            return wgs84_from_bd09(lon, lat)
