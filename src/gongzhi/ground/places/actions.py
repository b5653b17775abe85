"""What can be done to places, and what is asked of them.

Places lie below ``access``: an action here takes ``by`` and ``post`` for the record but cannot ask whether they may.
The door asks first: ``access.actions.require(user, "places.switch_mode", place.path, now)`` for ``switch_mode``, and
the verb ``"places.manage"`` for everything else that changes something.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, pairwise
from typing import Any, cast

import numpy as np
import shapely
from django.db import transaction
from django.db.models import Case, IntegerField, Max, Q, When
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import Acting, record, record_many
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places import coordinates, divisions, grid_index, paths, shapes
from gongzhi.ground.places.cells import on_earth
from gongzhi.ground.places.events import (
    BoundaryDrawn,
    BoundarySuperseded,
    DivisionsImported,
    GridsImported,
    ModeSwitched,
    PlaceAdded,
    PlaceClosed,
    PlaceMerged,
    PlaceRenamed,
    PlaceReopened,
    ProfileSet,
)
from gongzhi.ground.places.models import (
    Boundary,
    Colour,
    DivisionImport,
    EmergencyLevel,
    FormerName,
    GridImport,
    Level,
    Mode,
    Place,
    Profile,
)
from gongzhi.ground.places.refused import MOST_FAULTS, Fault, FileRefused
from gongzhi.ground.refusals import Refusal

NEARBY = 3000.0  # metres; farther away no grid is proposed
CHUNK = 5000
LARGEST_SHARE_CLOSED = 0.2
MODE_FIELDS = ("mode", "emergency_level", "colour", "mode_reason", "mode_since", "mode_until")

Progress = Callable[[int, int], None]


# --- Where is this? -------------------------------------------------------------------------------------------------


def grid_at(lon: float, lat: float) -> Place | None:
    """The grid in force that a WGS-84 point lies in, or None. On a shared border: the one with the lowest id.

    A special grid comes before a base grid, a base grid before a micro grid. One database question.
    """
    return grid_index.grid_at(lon, lat) if on_earth(lon, lat) else None


def nearest_grid(lon: float, lat: float, within: float = NEARBY) -> tuple[Place, float] | None:
    """The grid nearest to a point and its distance in metres (0 inside), when one lies within so many metres."""
    return grid_index.nearest_grid(lon, lat, within) if on_earth(lon, lat) else None


def resolve(path: str) -> Place | None:
    """The place that answers for this path today: itself, or the one it was merged into (and so on)."""
    place = Place.objects.filter(path=path).select_related("replaced_by").first()
    seen: set[int] = set()
    while place is not None and place.replaced_by is not None and place.pk not in seen:
        seen.add(place.pk)
        place = Place.objects.select_related("replaced_by").get(pk=place.replaced_by_id)
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
                    "name": row.place.name,
                    "kind": row.place.kind,
                    "demonstration": row.demonstration,
                },
                "geometry": json.loads(shapely.to_geojson(shape)),
            }
        )
    return {"type": "FeatureCollection", "features": features}


# --- Profile and mode -----------------------------------------------------------------------------------------------


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


@transaction.atomic
def switch_mode(
    *,
    place: Place,
    mode: str,
    by: User | None,
    now: datetime,
    reason: str = "",
    level: str = "",
    colour: str = "",
    until: datetime | None = None,
    post: Acting | None = None,
) -> Place:
    """Put a place and everything below it into a mode. Blank ``mode``: follow the place above again.

    An emergency needs a level (I to IV) and a reason, and may have a colour and an end. Normal needs a reason too:
    it takes the place out of an emergency that holds above it. The permission is the door's matter
    ("places.switch_mode").
    """
    reason = " ".join(reason.split())
    if mode not in ("", *Mode.values):
        raise Refusal(_("There is no such mode."), field="mode", status=422)
    if mode == Mode.EMERGENCY:
        if level not in EmergencyLevel.values:
            raise Refusal(_("Choose the level of the emergency, I to IV."), field="level", status=422)
        if colour not in ("", *Colour.values):
            raise Refusal(_("There is no such colour."), field="colour", status=422)
        if until is not None and until <= now:
            raise Refusal(_("The end must lie in the future."), field="until", status=422)
    else:
        level, colour, until = "", "", None
    if mode and not 0 < len(reason) <= 200:
        raise Refusal(_("Give a reason of at most 200 characters."), field="reason", status=422)
    row = _locked(place)
    row.mode, row.emergency_level, row.colour = mode, level, colour
    row.mode_reason, row.mode_since, row.mode_until = (reason, now, until) if mode else ("", None, None)
    event = ModeSwitched(
        place_id=row.pk,
        path=row.path,
        mode=mode,
        emergency_level=level,
        colour=colour,
        until=until.isoformat() if until else None,
    )
    record(event, about=row, by=by, now=now, post=post, place=row.path, save=MODE_FIELDS)
    return row


@transaction.atomic
def set_profile(*, place: Place, profile: str, by: User | None, now: datetime, post: Acting | None = None) -> Place:
    """Give a place and everything below it a profile. Blank: follow the place above again ("places.manage")."""
    if profile not in ("", *Profile.values):
        raise Refusal(_("There is no such profile."), field="profile", status=422)
    row = _locked(place)
    row.profile = profile
    event = ProfileSet(place_id=row.pk, path=row.path, profile=profile)
    record(event, about=row, by=by, now=now, post=post, place=row.path, save=("profile",))
    return row


def _locked(place: Place) -> Place:
    """The row as it is now, locked; refused when it has ended or was changed since ``place`` was read."""
    row = Place.objects.select_for_update(of=("self",)).get(pk=place.pk)
    if row.valid_to is not None:
        raise Refusal(_("%(name)s no longer exists.") % {"name": row.name})
    if row.version != place.version:
        raise Refusal(_("Somebody else changed this a moment ago. Please look at it again."))
    return row


# --- Merging --------------------------------------------------------------------------------------------------------


@transaction.atomic
def merge_places(*, old: Place, into: Place, by: User | None, now: datetime, post: Acting | None = None) -> Place:
    """End a place and let another one of its level answer for it. Its path stays resolvable ("places.manage").

    What lies below the old place keeps its path. Two grids' boundaries become one.
    """
    if old.pk == into.pk or old.level != into.level:
        raise Refusal(_("A place can only be merged into another place of the same level."), status=422)
    gone, kept = sorted((_locked(old), _locked(into)), key=lambda row: row.pk != old.pk)
    today = timezone.localdate(now)
    shape = _current_boundary(gone)
    gone.valid_to, gone.replaced_by = max(today, gone.valid_from or today), kept
    record(
        PlaceMerged(place_id=gone.pk, path=gone.path, into_id=kept.pk, into_path=kept.path),
        about=gone,
        by=by,
        now=now,
        post=post,
        place=gone.path,
        save=("valid_to", "replaced_by"),
    )
    if shape is not None:
        other = _current_boundary(kept)
        _supersede(shape, by=by, now=now, post=post, place=gone.path)
        if other is not None:
            joined = shapely.unary_union([_shape(shape), _shape(other)])
            _draw(
                kept,
                joined,
                source=other.source,
                licence=other.licence,
                demonstration=other.demonstration or shape.demonstration,
                by=by,
                now=now,
                post=post,
            )
        grid_index.boundaries_changed()
    return gone


# --- Boundaries -----------------------------------------------------------------------------------------------------


def _shape(boundary: Boundary) -> BaseGeometry:
    return shapely.from_wkb(bytes(boundary.geometry))


def _current_boundary(place: Place) -> Boundary | None:
    return Boundary.objects.filter(place=place, valid_to=None).first()


def _supersede(row: Boundary, *, by: User | None, now: datetime, post: Acting | None, place: str) -> None:
    row.valid_to = max(timezone.localdate(now), row.valid_from)
    event = BoundarySuperseded(boundary_id=row.pk, place_id=row.place_id)
    record(event, about=row, by=by, now=now, post=post, place=place, save=("valid_to",))


def _draw(
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
    before = _current_boundary(place)
    if before is not None:
        _supersede(before, by=by, now=now, post=post, place=place.path)
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


@transaction.atomic
def draw_boundary(
    *,
    place: Place,
    geometry: dict[str, Any],
    source: str,
    by: User | None,
    now: datetime,
    licence: str = "",
    system: str = coordinates.System.WGS84,
    demonstration: bool = False,
    post: Acting | None = None,
) -> Boundary:
    """Give a place (a village, say) its boundary, from a GeoJSON polygon ("places.manage").

    Grids imported later must lie inside their village's boundary. Grids themselves come through ``import_grids``.
    """
    row = _locked(place)
    if row.level == Level.GRID:
        raise Refusal(_("The boundaries of grids are imported together, so that overlaps are seen."), status=422)
    try:
        shape = shapes.read_shape(geometry, system=system)
    except shapes.Faulty as fault:
        raise Refusal(str(fault), field="geometry", status=422) from fault
    drawn = _draw(
        row, shape, source=source[:200], licence=licence[:100], demonstration=demonstration, by=by, now=now, post=post
    )
    grid_index.boundaries_changed()
    return drawn


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
                _rename([(place, outline.name)], by=by, now=now, post=post)
            drawn = before.get(place.pk)
            if drawn is not None and _shape(drawn).equals(outline.shape):
                took["unchanged"] += 1
                continue
            took["redrawn"] += 1
        _draw(
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
    drawn = {row.place_id: _shape(row) for row in Boundary.objects.filter(valid_to=None, place__in=villages.values())}
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
    forms = np.array([*(outline.shape for outline in outlines), *(_shape(row) for row in others)], dtype=object)
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
    if len(code) == paths.LENGTHS["grid"] and code.startswith(village.path) and paths.is_path(code):
        if not Place.objects.filter(path=code).exists():
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


# --- Divisions ------------------------------------------------------------------------------------------------------


@dataclass
class _Tally:
    added: int = 0
    renamed: int = 0
    closed: int = 0
    reopened: int = 0
    unchanged: int = 0


@transaction.atomic
def import_divisions(
    *,
    rows: Iterable[divisions.Row],
    edition: date,
    by: User | None,
    now: datetime,
    complete: str | None = None,
    close_many: bool = False,
    demonstration: bool = False,
    post: Acting | None = None,
    progress: Progress | None = None,
) -> DivisionImport:
    """Take over an edition of the division table: all of it, or nothing with the reason.

    New rows are added (recorded together, as this one import), changed names are recorded one by one, rows that are
    as they were stay untouched; so importing the same table again changes nothing. ``complete`` names the path that
    the table speaks for entirely ("" is the whole country): places below it that the table lacks get an end, but only
    on levels that the table has at all, and never more than a fifth of them unless ``close_many``. Without
    ``complete`` nothing is closed. Grids and buildings are never touched ("places.manage").
    """
    table = divisions.in_order(rows)
    if not table:
        raise FileRefused([Fault(0, _("There are no divisions in it."))])
    if complete is not None:
        newest = DivisionImport.objects.filter(complete=True).order_by("-edition").first()
        if newest is not None and newest.edition > edition:
            raise Refusal(_("A newer edition of the table has already been taken over."), field="edition", status=422)
    first_edition = not DivisionImport.objects.exists()
    valid_from = None if first_edition or complete is None else edition
    parents = dict(Place.objects.parents_of_divisions().values_list("path", "pk"))
    tally = _Tally()
    done = 0
    for length, level_rows in groupby(table, key=lambda row: len(row.path)):
        level = paths.LEVELS[length]
        listed = list(level_rows)
        floor = ""
        for start in range(0, len(listed), CHUNK):
            chunk = listed[start : start + CHUNK]
            ceiling = "" if start + CHUNK >= len(listed) else chunk[-1].path
            _merge_chunk(
                chunk, level, floor, ceiling, complete, parents, valid_from, demonstration, tally,
                edition=edition, by=by, now=now, post=post,
            )  # fmt: skip
            floor = ceiling
            done += len(chunk)
            if progress is not None:
                progress(done, len(table))
        if level != Level.VILLAGE:
            parents.update(Place.objects.at(level).values_list("path", "pk"))
    standing = Place.objects.below(complete or "").filter(level__in=[*paths.LENGTHS][:5]).current().count()
    if not close_many and tally.closed > LARGEST_SHARE_CLOSED * (standing + tally.closed):
        raise Refusal(
            _("This table would end %(count)s places, more than a fifth of those it speaks for. Is it whole?")
            % {"count": tally.closed},
            status=422,
        )
    row = DivisionImport.objects.create(
        edition=edition,
        sha256=divisions.digest(table),
        complete=complete is not None,
        root=complete or "",
        rows=len(table),
        at=now,
        by=by,
        **vars(tally),
    )
    event = DivisionsImported(import_id=row.pk, rows=row.rows, **{
        name: count for name, count in vars(tally).items() if name != "unchanged"
    })  # fmt: skip
    record(event, about=row, by=by, now=now, post=post, place=row.root)
    return row


def _merge_chunk(
    chunk: list[divisions.Row],
    level: str,
    floor: str,
    ceiling: str,
    complete: str | None,
    parents: dict[str, int],
    valid_from: date | None,
    demonstration: bool,
    tally: _Tally,
    *,
    edition: date,
    by: User | None,
    now: datetime,
    post: Acting | None,
) -> None:
    """Compare one stretch of one level with the table: from its first to its last row, or, where the table is
    complete, everything in (floor, ceiling]."""
    listed = Q(path__gte=chunk[0].path, path__lte=chunk[-1].path)
    if complete is not None:
        spoken_for = paths.below(complete) & Q(path__gt=floor)
        listed |= spoken_for & Q(path__lte=ceiling) if ceiling else spoken_for
    known = {
        path: (name, valid_to, replaced_by)
        for path, name, valid_to, replaced_by in Place.objects.at(level)
        .filter(listed)
        .values_list("path", "name", "valid_to", "replaced_by_id")
    }
    fresh: list[divisions.Row] = []
    renamed: dict[str, str] = {}
    reopened: list[str] = []
    for row in chunk:
        if row.path not in known:
            fresh.append(row)
            continue
        name, valid_to, replaced_by = known.pop(row.path)
        ended = valid_to is not None and replaced_by is None
        back_again = ended and complete is not None and row.path.startswith(complete)
        if name != row.name:
            renamed[row.path] = row.name
        if back_again:
            reopened.append(row.path)
        if name == row.name and not back_again:
            tally.unchanged += 1
    _insert(fresh, level, parents, valid_from, demonstration)
    tally.added += len(fresh)
    if renamed:
        found = _by_path(renamed)
        _rename([(place, renamed[place.path]) for place in found], by=by, now=now, post=post)
        tally.renamed += len(found)
    if reopened:
        back = _by_path(reopened)
        for place in back:
            place.valid_to = None
        events = [PlaceReopened(place_id=place.pk, path=place.path) for place in back]
        _save_many(back, ["valid_to"], events, by=by, now=now, post=post)
        tally.reopened += len(back)
    if complete is not None:
        gone = _by_path(
            path for path, (_name, valid_to, _by) in known.items() if valid_to is None and path.startswith(complete)
        )
        for place in gone:
            place.valid_to = max(edition, place.valid_from or edition)
        ends = [
            PlaceClosed(place_id=place.pk, path=place.path, until=cast("date", place.valid_to).isoformat())
            for place in gone
        ]
        _save_many(gone, ["valid_to"], ends, by=by, now=now, post=post)
        tally.closed += len(gone)


def _by_path(wanted: Iterable[str]) -> list[Place]:
    """The places with these paths, locked."""
    wanted = list(wanted)
    found: list[Place] = []
    for start in range(0, len(wanted), 900):  # SQLite's limit of parameters
        part = Place.objects.select_for_update(of=("self",)).filter(path__in=wanted[start : start + 900])
        found.extend(part.order_by("path"))
    return found


def _insert(
    fresh: list[divisions.Row],
    level: str,
    parents: dict[str, int],
    valid_from: date | None,
    demonstration: bool,
) -> None:
    new: list[Place] = []
    faults: list[Fault] = []
    for row in fresh:
        above = next((parents[path] for path in paths.ancestors(row.path)[1:] if path in parents), None)
        if above is None and level != Level.PROVINCE:
            reason = _("The place %(code)s belongs to no division that is known or in the table.")
            faults.append(Fault(0, reason % {"code": row.path}))
            if len(faults) >= MOST_FAULTS:
                break
            continue
        new.append(
            Place(
                version=Place.UNRECORDED_VERSION,
                code=row.path,
                path=row.path,
                level=level,
                kind=divisions.kind_of(row.path),
                name=row.name,
                parent_id=above,
                valid_from=valid_from,
                demonstration=demonstration,
            )
        )
    if faults:
        raise FileRefused(faults)
    Place.objects.bulk_create(new)


def _rename(changes: Sequence[tuple[Place, str]], *, by: User | None, now: datetime, post: Acting | None) -> None:
    until = timezone.localdate(now)
    former = FormerName.objects.bulk_create(
        FormerName(place=place, name=place.name, until=until) for place, _name in changes
    )
    events = []
    for (place, name), kept in zip(changes, former, strict=True):
        place.name = name
        events.append(PlaceRenamed(place_id=place.pk, path=place.path, former_name_id=kept.pk))
    _save_many([place for place, _name in changes], ["name"], events, by=by, now=now, post=post)


def _save_many(
    rows: Sequence[Place],
    fields: list[str],
    events: Sequence[PlaceRenamed | PlaceReopened | PlaceClosed],
    *,
    by: User | None,
    now: datetime,
    post: Acting | None,
) -> None:
    for row in rows:
        row.version += 1
    Place.objects.bulk_update(rows, [*fields, "version"], batch_size=300)
    record_many(zip(events, rows, strict=True), by=by, now=now, post=post, place=_place_of)


def _place_of(row: Recorded) -> str:
    return row.path if isinstance(row, Place) else ""
