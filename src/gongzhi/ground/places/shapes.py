"""Reading GeoJSON that somebody else made, and measuring shapes in metres. Nothing here touches the database."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from gongzhi.ground.places import coordinates, paths
from gongzhi.ground.places.cells import EARTH
from gongzhi.ground.places.divisions import clean_name
from gongzhi.ground.places.models import Kind
from gongzhi.ground.places.refused import MOST_FAULTS, Fault, FileRefused

MOST_BYTES = 8 * 1024 * 1024  # 10,000 grids of 31 vertices are 7 MB
MOST_FEATURES = 20_000
MOST_VERTICES = 5_000  # of one feature
SMALLEST = 1.0  # square metres
CHINA = (73.0, 3.0, 136.0, 54.0)
DEGREE = math.radians(1) * EARTH  # metres of one degree of latitude
GRID_KINDS: dict[str, Kind] = {
    "base": Kind.BASE,
    "special": Kind.SPECIAL,
    "micro": Kind.MICRO,
    "基础网格": Kind.BASE,
    "专属网格": Kind.SPECIAL,
    "微网格": Kind.MICRO,
}
KNOWN_CRS = ("CRS84", "4326", "4490")  # WGS-84 twice, and CGCS2000, which is the same within a metre


@dataclass(frozen=True)
class Outline:
    """One grid of a file."""

    row: int
    code: str
    name: str
    kind: Kind
    village: str
    demonstration: bool
    shape: BaseGeometry


def flat(shape: Any, lon: float, lat: float) -> Any:
    """The shape (or array of shapes) in metres around a point; true to about a part in a thousand within 50 km."""
    east = DEGREE * math.cos(math.radians(lat))
    return shapely.transform(shape, lambda xy: (xy - np.array([lon, lat])) * np.array([east, DEGREE]))


def area_of(shape: BaseGeometry) -> float:
    """Square metres."""
    if shape.is_empty:
        return 0.0
    middle = shape.centroid
    return float(flat(shape, middle.x, middle.y).area)


def _refuse_constant(word: str) -> float:
    raise ValueError(word)


def parse(data: bytes) -> dict[str, Any]:
    """The JSON object in the bytes. FileRefused for everything else."""
    if len(data) > MOST_BYTES:
        limit = MOST_BYTES // 1024 // 1024
        raise FileRefused([Fault(0, _("The file is too large. At most %(limit)s MB are read.") % {"limit": limit})])
    try:
        found = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FileRefused([Fault(0, _("The file is not GeoJSON."))]) from error
    if not isinstance(found, dict):
        raise FileRefused([Fault(0, _("The file is not GeoJSON."))])
    return found


def read_grids(found: dict[str, Any], *, system: str, demonstration: bool) -> list[Outline]:
    """The grids of a FeatureCollection, in WGS-84. Raises FileRefused with every faulty feature."""
    features = found.get("features")
    if found.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise FileRefused([Fault(0, _("The file is not a GeoJSON FeatureCollection."))])
    if not features:
        raise FileRefused([Fault(0, _("There are no grids in it."))])
    if len(features) > MOST_FEATURES:
        limit = _("There are more than %(limit)s grids in it.") % {"limit": MOST_FEATURES}
        raise FileRefused([Fault(0, limit)])
    crs = found.get("crs")
    if crs is not None and not any(word in json.dumps(crs) for word in KNOWN_CRS):
        raise FileRefused([Fault(0, _("The file's coordinate system is not longitude and latitude (WGS-84)."))])
    outlines: list[Outline] = []
    faults: list[Fault] = []
    codes: set[str] = set()
    for row, feature in enumerate(features, start=1):
        try:
            outline = _outline(row, feature, system, demonstration)
            if outline.code in codes:
                raise Faulty(_("The code %(code)s stands there twice.") % {"code": outline.code})
            codes.add(outline.code)
            outlines.append(outline)
        except Faulty as fault:
            faults.append(Fault(row, str(fault)))
            if len(faults) >= MOST_FAULTS:
                break
    if faults:
        raise FileRefused(faults)
    return outlines


class Faulty(Exception):
    """One feature is unusable; the text says why."""


def _word(properties: dict[str, Any], key: str) -> str:
    value = properties.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value.strip() if isinstance(value, str) else ""


def _outline(row: int, feature: Any, system: str, demonstration: bool) -> Outline:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise Faulty(_("This is not a GeoJSON feature."))
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise Faulty(_("The feature has no properties; code, name and village are needed."))
    code, village = _word(properties, "code"), _word(properties, "village")
    if not 0 < len(code) <= 30 or not code.isprintable() or " " in code:
        raise Faulty(_("The grid has no usable code."))
    try:
        name = clean_name(_word(properties, "name"))
    except ValueError:
        raise Faulty(_("The grid's name is empty, too long or garbled.")) from None
    kind = GRID_KINDS.get(_word(properties, "kind") or "base")
    if kind is None:
        raise Faulty(_("The kind of a grid is base, special or micro."))
    if len(village) != paths.LENGTHS["village"] or village.strip(paths.DIGITS):
        raise Faulty(_("The grid does not name its community or village by a 12-digit code."))
    shape = read_shape(feature.get("geometry"), system=system)
    return Outline(row, code, name, kind, village, demonstration or properties.get("demonstration") is True, shape)


def read_shape(geometry: Any, *, system: str = coordinates.System.WGS84) -> BaseGeometry:
    """A valid polygon or multipolygon within China, in WGS-84. Raises an error with a readable reason."""
    if not isinstance(geometry, dict):
        raise Faulty(_("The feature has no geometry."))
    rings = geometry.get("coordinates")
    match geometry.get("type"):
        case "Polygon" if isinstance(rings, list):
            polygons = [rings]
        case "MultiPolygon" if isinstance(rings, list):
            polygons = rings
        case _:
            raise Faulty(_("A boundary must be a polygon."))
    try:
        parts = [[_ring(ring, system) for ring in polygon] for polygon in polygons]
        if not parts or any(not part for part in parts) or sum(len(r) for p in parts for r in p) > MOST_VERTICES:
            raise ValueError
        built = [shapely.Polygon(part[0], part[1:]) for part in parts]
        shape: BaseGeometry = built[0] if len(built) == 1 else shapely.MultiPolygon(built)
    except Faulty:
        raise
    except (TypeError, ValueError, OverflowError, shapely.errors.ShapelyError) as error:
        raise Faulty(
            _("The polygon's coordinates are unusable: closed rings of at most %(limit)s points are needed.")
            % {"limit": MOST_VERTICES}
        ) from error
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        raise Faulty(_("The polygon crosses itself or is otherwise invalid (%(reason)s).") % {"reason": reason})
    if area_of(shape) < SMALLEST:
        raise Faulty(_("The polygon is smaller than a square metre."))
    return shape


def _in_china(lon: float, lat: float) -> bool:
    return CHINA[0] <= lon <= CHINA[2] and CHINA[1] <= lat <= CHINA[3]


def _ring(ring: Any, system: str) -> list[coordinates.Point]:
    if not isinstance(ring, list) or not 4 <= len(ring) <= MOST_VERTICES or ring[0] != ring[-1]:
        raise ValueError
    points: list[coordinates.Point] = []
    for position in ring:
        if not isinstance(position, list) or not 2 <= len(position) <= 3:
            raise ValueError
        lon, lat = position[0], position[1]
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in (lon, lat)):
            raise ValueError
        lon, lat = float(lon), float(lat)
        if not _in_china(lon, lat):
            if _in_china(lat, lon):
                raise Faulty(_("Longitude and latitude are the wrong way round."))
            raise Faulty(_("A point of the polygon lies outside China."))
        points.append(coordinates.to_wgs84(lon, lat, system))
    return points
