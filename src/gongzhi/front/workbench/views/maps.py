"""The map of cases: points that the server has gathered, grids, and the same matters as a list."""

from __future__ import annotations

import math
from typing import Any, Final

from django.db.models import Avg, Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.front.workbench.filters import CaseFilter
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.front.workbench.rows import case_rows
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.places.actions import map_layer
from gongzhi.understand.cases.models import RUNNING, CaseQuerySet

BASE_LAYER: Final = "gongzhi/map/base-qinghuayuan.geojson"
# As many cases are drawn one by one; more are gathered by raster cell, and cells by zoom.
SINGLE: Final = 300
LISTED: Final = 30
_SHOWN: Final = ("state", "clock", "category")


class Map(Guarded):
    verb = "places.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = CaseFilter(request.GET.dict(), person=self.person, now=self.now)
        found = chosen.rows() if not chosen.errors else None
        selects = chosen.selects()
        context = {
            "filters": {
                name: PlainSelect(choices=selects[name].choices).render(
                    name, selects[name].chosen, attrs={"id": f"id_{name}"}
                )
                for name in _SHOWN
            },
            "rows": case_rows(found[:LISTED], self.now) if found is not None else [],
            "errors": chosen.errors,
            "query": request.GET.urlencode(),
            "centre": centre_of(found) if found is not None else "",
            "base_url": static(BASE_LAYER),
        }
        return render(request, "workbench/map.html", context, status=400 if chosen.errors else 200)


def centre_of(found: CaseQuerySet) -> str:
    """ "lon,lat" of the middle of what is shown, or nothing (then the grids say where to look)."""
    middle = found.order_by().filter(lon__isnull=False).aggregate(lon=Avg("lon"), lat=Avg("lat"))
    return f"{middle['lon']:.5f},{middle['lat']:.5f}" if middle["lon"] is not None else ""


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
        west, south, east, north = window
        here = chosen.rows().order_by().filter(lon__gte=west, lon__lte=east, lat__gte=south, lat__lte=north)
        features = self.single(here)
        if features is None:
            features = self.gathered(here, int(zoom))
        return JsonResponse({"type": "FeatureCollection", "features": features})

    def single(self, here: CaseQuerySet) -> list[dict[str, Any]] | None:
        rows = list(here.values_list("number", "summary", "lon", "lat", "state", "due_at", "yellow_at")[: SINGLE + 1])
        if len(rows) > SINGLE:
            return None
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

    def gathered(self, here: CaseQuerySet, zoom: int) -> list[dict[str, Any]]:
        """One circle for each raster cell (about 250 m), or for several cells together when zoomed out."""
        cells = (
            here.values("cell")
            .annotate(
                count=Count("pk"),
                late=Count("pk", filter=Q(state__in=RUNNING, due_at__lt=self.now)),
                soon=Count("pk", filter=Q(state__in=RUNNING, yellow_at__lte=self.now, due_at__gte=self.now)),
                lon=Avg("lon"),
                lat=Avg("lat"),
            )
            .values_list("count", "late", "soon", "lon", "lat")
        )
        size = 0.0025 * 2 ** max(0, 16 - zoom)
        groups: dict[tuple[int, int], list[float]] = {}
        for count, late, soon, lon, lat in cells:
            group = groups.setdefault((math.floor(lon / size), math.floor(lat / size)), [0, 0, 0, 0.0, 0.0])
            for index, value in enumerate((count, late, soon, lon * count, lat * count)):
                group[index] += value
        features = []
        for total, late_here, soon_here, east, north in groups.values():
            title = ngettext("%(count)d case", "%(count)d cases", int(total)) % {"count": total}
            state = "red" if late_here else "amber" if soon_here else "green"
            features.append(_feature(east / total, north / total, count=int(total), state=state, title=title, url=""))
        return features


def _feature(lon: float, lat: float, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]},
        "properties": properties,
    }


def _window(text: str) -> tuple[float, float, float, float] | None:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        return None
    window = west, south, east, north
    return window if all(math.isfinite(edge) for edge in window) and west <= east and south <= north else None


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
