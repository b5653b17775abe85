"""GeoJSON to try."""

from __future__ import annotations

import json


def square(lon, lat, size=0.001):
    return [[lon, lat], [lon + size, lat], [lon + size, lat + size], [lon, lat + size], [lon, lat]]


def feature(code, ring, *, village="110108014001", kind="base", name="试验网格", **more):
    properties = {"code": code, "name": name, "village": village, "kind": kind, **more}
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def collection(*features) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()
