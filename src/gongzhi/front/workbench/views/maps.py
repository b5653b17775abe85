"""The map of cases: points that the server has gathered, grids, and the same matters as a list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.front.workbench.filters import CaseFilter
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.front.workbench.rows import CaseRow, case_rows
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.places.actions import map_layer
from gongzhi.ground.places.cells import COLUMNS, SIZE, cell_of
from gongzhi.understand.cases.models import RUNNING, CaseQuerySet

Window = tuple[float, float, float, float]
BASE_LAYER: Final = "gongzhi/map/base-qinghuayuan.geojson"
# As many cases are drawn one by one; more are gathered by raster cell, and cells by zoom.
SINGLE: Final = 300
LISTED: Final = 30
_SHOWN: Final = ("state", "clock", "category", "place")
FINEST: Final = 16  # from this zoom on a circle is one raster cell


class Map(Guarded):
    verb = "places.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = CaseFilter(request.GET.dict(), person=self.person, now=self.now)
        found = chosen.rows() if not chosen.errors else None
        selects = chosen.selects()
        rows = case_rows(found[:LISTED], self.now) if found is not None else []
        context = {
            "filters": {
                name: PlainSelect(choices=selects[name].choices).render(
                    name, selects[name].chosen, attrs={"id": f"id_{name}"}
                )
                for name in _SHOWN
            },
            "rows": rows,
            "errors": chosen.errors,
            "query": request.GET.urlencode(),
            "centre": centre_of(rows),
            "more": len(rows) == LISTED,
            "base_url": static(BASE_LAYER),
        }
        return render(request, "workbench/map.html", context, status=400 if chosen.errors else 200)


def centre_of(rows: Sequence[CaseRow]) -> str:
    """ "lon,lat" of the middle of what is listed, or nothing (then the grids say where to look).

    The list is short and its rows are there already: an average over a hundred thousand cases would only cost.
    """
    points = sorted((row.lon, row.lat) for row in rows if row.lon is not None and row.lat is not None)
    if not points:
        return ""
    lats = sorted(lat for _lon, lat in points)
    return f"{points[len(points) // 2][0]:.5f},{lats[len(lats) // 2]:.5f}"


class MapPoints(Guarded):
    """The cases in a window of the map as GeoJSON: single ones, or circles that say how many."""

    verb = "places.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        window = _window(request.GET.get("bbox", ""))
        zoom = request.GET.get("zoom", "15")
        if window is None or not zoom.isascii() or not zoom.isdigit() or int(zoom) > 22:
            return JsonResponse({"error": _("This is no window of a map.")}, status=400)
        chosen = CaseFilter(request.GET.dict(), person=self.person, now=self.now)
        if chosen.errors:
            return JsonResponse({"error": _("The filters are not understood.")}, status=400)
        here = chosen.rows().order_by()
        gathered = self.gathered(here, window, int(zoom))
        features = self.single(here, window) if sum(one.count for one in gathered) <= SINGLE else None
        if features is None:
            features = [self.circle(one) for one in gathered]
        return JsonResponse({"type": "FeatureCollection", "features": features})

    def gathered(self, here: CaseQuerySet, window: Window, zoom: int) -> list[Heap]:
        """How many cases lie in each raster cell (about 250 m), or in a square of cells when zoomed out.

        The inner question is answered from the index ``case_on_the_map`` alone; the outer one puts cells together,
        so that a whole city still comes back as some hundred numbers.
        """
        cells = (
            _within(here, window)
            .values("cell")
            .annotate(
                count=Count("cell"),
                late=Count("cell", filter=Q(state__in=RUNNING, due_at__lt=self.now)),
                soon=Count("cell", filter=Q(state__in=RUNNING, yellow_at__lte=self.now, due_at__gte=self.now)),
            )
        )
        try:
            inner, given = cells.query.get_compiler(connection=connection).as_sql()
        except EmptyResultSet:
            return []
        size = 2 ** max(0, FINEST - zoom)
        row, column = f"(cell / {COLUMNS})", f"(cell %% {COLUMNS})"
        asked = (
            f"SELECT SUM(count), SUM(late), SUM(soon), SUM(count * {row}), SUM(count * {column})"  # noqa: S608
            f" FROM ({inner}) AS cells GROUP BY {row} / {size}, {column} / {size}"
        )
        with connection.cursor() as cursor:
            cursor.execute(asked, given)
            return [
                Heap(
                    count=int(count),
                    late=int(late),
                    soon=int(soon),
                    lon=(float(columns) / float(count) + 0.5) * SIZE - 180,
                    lat=(float(rows) / float(count) + 0.5) * SIZE - 90,
                )
                for count, late, soon, rows, columns in cursor.fetchall()
                if window[0] - SIZE * size <= (float(columns) / float(count)) * SIZE - 180 <= window[2] + SIZE * size
            ]

    def circle(self, heap: Heap) -> dict[str, Any]:
        title = ngettext("%(count)d case", "%(count)d cases", heap.count) % {"count": heap.count}
        state = "red" if heap.late else "amber" if heap.soon else "green"
        return _feature(heap.lon, heap.lat, count=heap.count, state=state, title=title, url="")

    def single(self, here: CaseQuerySet, window: Window) -> list[dict[str, Any]]:
        margin = SIZE * 4
        east = here.filter(lon__gte=window[0] - margin, lon__lte=window[2] + margin)
        rows = _within(east, window).values_list("number", "summary", "lon", "lat", "state", "due_at", "yellow_at")
        prefix = reverse("workbench:cases")
        return [
            _feature(
                lon,
                lat,
                count=1,
                state=self.colour(state, due, yellow),
                title=summary or number,
                url=f"{prefix}{number}/",
            )
            for number, summary, lon, lat, state, due, yellow in rows
            if lon is not None and lat is not None
        ]

    def colour(self, state: str, due: Any, yellow: Any) -> str:
        if state not in RUNNING or due is None:
            return "green"
        if due < self.now:
            return "red"
        return "amber" if yellow is not None and yellow <= self.now else "green"


@dataclass(frozen=True)
class Heap:
    """What lies in one square of the map."""

    count: int
    late: int
    soon: int
    lon: float
    lat: float


def _within(here: CaseQuerySet, window: Window) -> CaseQuerySet:
    """The cases in the rows of the raster that the window touches: one range of the index.

    Columns are looked at afterwards. A condition on them would hide from the database how many rows to expect.
    """
    _west, south, _east, north = window
    first, last = cell_of(0, max(south, -90.0)), cell_of(0, min(north, 89.999))
    return here.filter(cell__gte=first // COLUMNS * COLUMNS, cell__lt=(last // COLUMNS + 1) * COLUMNS)


def _feature(lon: float, lat: float, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]},
        "properties": properties,
    }


def _window(text: str) -> Window | None:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        return None
    window = west, south, east, north
    if not (all(math.isfinite(edge) for edge in window) and west <= east and south <= north):
        return None
    return window if west < 180 and east > -180 and south < 90 and north > -90 else None


class MapGrids(Guarded):
    """The grids in the person's reach; each leads to its cases."""

    verb = "places.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        paths = sorted({post.place_path for post in posts_with(self.person, "places.read")})
        layer = map_layer(paths)
        prefix = reverse("workbench:cases")
        for feature in layer["features"]:
            feature["properties"]["url"] = f"{prefix}?place={feature['properties']['path']}"
        response = JsonResponse(layer)
        response["Cache-Control"] = "private, max-age=300"
        return response
