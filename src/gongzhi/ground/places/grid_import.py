"""Taking over grids from GeoJSON."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import shapely
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import Acting, record
from gongzhi.ground.places import coordinates, grid_index, paths, shapes
from gongzhi.ground.places.boundaries import draw, shape_of
from gongzhi.ground.places.events import (
    GridsImported,
    PlaceAdded,
)
from gongzhi.ground.places.models import (
    Boundary,
    GridImport,
    Level,
    Place,
)
from gongzhi.ground.places.refused import MOST_FAULTS, Fault, FileRefused
from gongzhi.ground.places.renaming import rename

Progress = Callable[[int, int], None]


@transaction.atomic
def import_grids(
    *,
    data: bytes,
    source: str,
    by: User | None,
    now: datetime,
    licence: str = "",
    system: str = coordinates.System.WGS84,
    demonstration: bool = False,
    post: Acting | None = None,
    progress: Progress | None = None,
) -> GridImport:
    """Take over a GeoJSON file of grids: all of it, or nothing with a reason for each faulty feature.

    Properties of a feature: ``code``, ``name``, ``village`` (12 digits), optional ``kind`` (base, special, micro;
    default base) and ``demonstration``. A code that is already known is redrawn or renamed; grids that the file does
    not mention stay. Refused: invalid or self-crossing polygons, points outside China or the wrong way round, a grid
    that overlaps another of its kind or leaves its village's boundary, unknown villages ("places.manage").
    """
    outlines = shapes.read_grids(shapes.parse(data), system=system, demonstration=demonstration)
    villages = _villages_of(outlines)
    known = {
        place.code: place
        for place in Place.objects.select_for_update(of=("self",)).filter(
            code__in=[outline.code for outline in outlines], valid_to=None
        )
    }
    before = {row.place_id: row for row in Boundary.objects.filter(valid_to=None, place__in=known.values())}
    _check_codes(outlines, known, villages)
    _check_village_boundaries(outlines, villages)
    _check_overlaps(outlines, known)
    took = {"added": 0, "redrawn": 0, "unchanged": 0}
    serials: dict[str, int] = {}
    for done, outline in enumerate(outlines, start=1):
        village = villages[outline.village]
        spot = outline.shape.representative_point()
        place = known.get(outline.code)
        if place is None:
            place = Place.objects.create(
                code=outline.code,
                path=_grid_path(outline, village, serials),
                level=Level.GRID,
                kind=outline.kind,
                name=outline.name,
                parent=village,
                lon=spot.x,
                lat=spot.y,
                valid_from=timezone.localdate(now),
                demonstration=outline.demonstration,
            )
            added = PlaceAdded(place_id=place.pk, path=place.path)
            record(added, about=place, by=by, now=now, post=post, place=place.path)
            took["added"] += 1
        else:
            if place.name != outline.name:
                rename([(place, outline.name)], by=by, now=now, post=post)
            drawn = before.get(place.pk)
            if drawn is not None and shape_of(drawn).equals(outline.shape):
                took["unchanged"] += 1
                continue
            took["redrawn"] += 1
        draw(
            place,
            outline.shape,
            source=source[:200],
            licence=licence[:100],
            demonstration=outline.demonstration,
            by=by,
            now=now,
            post=post,
        )
        if progress is not None:
            progress(done, len(outlines))
    if took["added"] or took["redrawn"]:
        grid_index.boundaries_changed()
    row = GridImport.objects.create(
        sha256=hashlib.sha256(data).hexdigest(),
        features=len(outlines),
        source=source[:200],
        licence=licence[:100],
        demonstration=demonstration,
        at=now,
        by=by,
        **took,
    )
    event = GridsImported(import_id=row.pk, features=row.features, added=row.added, redrawn=row.redrawn)
    record(event, about=row, by=by, now=now, post=post)
    return row


def _villages_of(outlines: Sequence[shapes.Outline]) -> dict[str, Place]:
    """The villages that the grids name, locked so that two imports do not give out the same serial."""
    names = sorted({outline.village for outline in outlines})
    rows = Place.objects.select_for_update(of=("self",)).filter(path__in=names, valid_to=None).order_by("path")
    found = {row.path: row for row in rows}
    faults = [
        Fault(outline.row, _("There is no community or village with the code %(code)s.") % {"code": outline.village})
        for outline in outlines
        if outline.village not in found
    ]
    if faults:
        raise FileRefused(faults)
    return found


def _check_codes(outlines: Sequence[shapes.Outline], known: dict[str, Place], villages: dict[str, Place]) -> None:
    faults = []
    for outline in outlines:
        place = known.get(outline.code)
        if place is None:
            continue
        if place.level != Level.GRID:
            reason = _("The code %(code)s belongs to a place that is no grid.")
        elif place.parent_id != villages[outline.village].pk:
            reason = _("The grid %(code)s belongs to another community or village.")
        elif place.kind != outline.kind:
            reason = _("The grid %(code)s is of another kind.")
        else:
            continue
        faults.append(Fault(outline.row, reason % {"code": outline.code}))
    if faults:
        raise FileRefused(faults)


def _check_village_boundaries(outlines: Sequence[shapes.Outline], villages: dict[str, Place]) -> None:
    """At most one part in a hundred of a grid may lie outside its village: drawings differ by a pencil's width."""
    drawn = {row.place_id: shape_of(row) for row in Boundary.objects.filter(valid_to=None, place__in=villages.values())}
    faults = []
    for outline in outlines:
        village = drawn.get(villages[outline.village].pk)
        if village is not None:
            outside = shapes.area_of(outline.shape.difference(village))
            if outside > 0.01 * shapes.area_of(outline.shape):
                faults.append(
                    Fault(outline.row, _("The grid reaches beyond the boundary of its community or village."))
                )
    if faults:
        raise FileRefused(faults)


def _check_overlaps(outlines: Sequence[shapes.Outline], known: dict[str, Place]) -> None:
    """Grids of one kind may touch but not overlap (a sliver of 5 m² or a thousandth is a touch)."""
    minx, miny, maxx, maxy = shapely.total_bounds(np.array([outline.shape for outline in outlines]))
    others = list(
        Boundary.objects.filter(
            valid_to=None, place__valid_to=None, place__level=Level.GRID,
            minx__lte=maxx, maxx__gte=minx, miny__lte=maxy, maxy__gte=miny,
        )
        .exclude(place__in=known.values())
        .select_related("place")
    )  # fmt: skip
    forms = np.array([*(outline.shape for outline in outlines), *(shape_of(row) for row in others)], dtype=object)
    kinds = [*(str(outline.kind) for outline in outlines), *(row.place.kind for row in others)]
    codes = [*(outline.code for outline in outlines), *(row.place.code for row in others)]
    tree = shapely.STRtree(forms)
    faults: list[Fault] = []
    for number, outline in enumerate(outlines):
        for other in tree.query(outline.shape, predicate="intersects"):
            if other <= number or kinds[other] != kinds[number]:
                continue
            common = shapes.area_of(outline.shape.intersection(forms[other]))
            smaller = min(shapes.area_of(outline.shape), shapes.area_of(forms[other]))
            if common > max(5.0, 0.001 * smaller):
                reason = _("The grid overlaps the grid %(code)s by %(area)s m².")
                faults.append(Fault(outline.row, reason % {"code": codes[other], "area": round(common)}))
            if len(faults) >= MOST_FAULTS:
                raise FileRefused(faults)
    if faults:
        raise FileRefused(faults)


def _grid_path(outline: shapes.Outline, village: Place, serials: dict[str, int]) -> str:
    """The grid's own code when that is the village's code and three digits, else the next free serial."""
    code = outline.code
    own = len(code) == paths.LENGTHS["grid"] and code.startswith(village.path) and paths.is_path(code)
    if own and not Place.objects.filter(path=code).exists():
        return code
    last = serials.get(village.path)
    if last is None:
        highest = Place.objects.below(village.path).at(Level.GRID).aggregate(last=Max("path"))["last"]
        last = int(highest[-3:]) if highest else 0
    while last < 999:
        last += 1
        if not Place.objects.filter(path=f"{village.path}{last:03}").exists():
            serials[village.path] = last
            return f"{village.path}{last:03}"
    raise FileRefused([Fault(outline.row, _("The community or village already has 999 grids."))])
