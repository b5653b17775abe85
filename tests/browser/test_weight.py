"""What the first visit to the report form costs on a slow telephone."""

from __future__ import annotations

import gzip
from typing import Any

from tests.browser.conftest import PHONE, Site

MOST_BYTES = 100_000
MOST_REQUESTS = 12


def test_the_form_is_light(fresh: Any, site: Site) -> None:
    page = fresh(viewport=PHONE).new_page()
    loaded: list[Any] = []
    page.on("response", lambda answer: loaded.append(answer))
    page.goto("/report/", wait_until="networkidle")
    weights = {}
    for answer in loaded:
        body = answer.body()
        # Static files are stored compressed and served so; pages go out as they are.
        weights[answer.url.removeprefix(site.url)] = len(gzip.compress(body, 9) if "/static/" in answer.url else body)
    told = "\n".join(f"{size:7} {path}" for path, size in sorted(weights.items(), key=lambda one: -one[1]))
    assert sum(weights.values()) <= MOST_BYTES, told
    assert len(loaded) <= MOST_REQUESTS, told
    assert not [path for path in weights if "leaflet" in path or "htmx" in path or "geojson" in path], told
    assert all(answer.url.startswith(site.url) or answer.url.startswith("data:") for answer in loaded), told


def test_the_map_comes_only_when_it_is_asked_for(fresh: Any, site: Site) -> None:
    page = fresh(viewport=PHONE).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/report/", wait_until="networkidle")
    page.fill("#id_text", "路灯不亮")
    page.get_by_role("button", name="Next: where?").click()
    assert not [url for url in asked if "leaflet" in url]
    page.get_by_role("button", name="Show it on the map").click()
    page.wait_for_selector(".leaflet-container path.grid-line", state="attached")
    assert [url for url in asked if url.endswith("leaflet.js")]
