"""A town behind a running server, and visitors with real browsers.

The town is built once for a file of tests and taken down after it; whatever the pages do is committed, as in life.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import shapely
from django.core.management import call_command
from django.db import transaction
from pytest_django.live_server_helper import LiveServer

from gongzhi.ground.places import grid_index
from gongzhi.ground.places.boundaries import draw
from tests.scenes import SIGN_IN, Clock
from tests.town import NOW, Town, build_town

EAST = (116.3235, 40.0035)  # in the first grid of the east
WEST = (116.3155, 40.0035)
FAR_OUT = (116.3600, 40.0300)
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db)


@pytest.fixture
def _django_db_helper() -> None:
    """A test here neither opens nor empties the database: ``site`` does, once for a file."""


def draw_grids(town: Town, now: datetime) -> None:
    """The town's grids with boundaries on the supplied base map, so that a point can lie in one."""
    size = 0.003
    with transaction.atomic():
        for grid, (lon, lat) in ((town.grid, EAST), (town.other_grid, WEST)):
            shape = shapely.box(lon - size, lat - size, lon + size, lat + size)
            draw(grid, shape, source="tests", licence="", demonstration=True, by=None, now=now, post=None)
        grid_index.boundaries_changed()


def picture(colour: str = "#3a6b4c") -> bytes:
    """A small photograph, as a telephone would send it."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(file, "JPEG")
    return file.getvalue()


@dataclass
class Site:
    """The running platform: its address, its people, and the moment at which it lives."""

    url: str
    town: Town
    clock: Clock
    sessions: dict[str, str] = field(default_factory=dict)

    def deliver(self) -> None:
        from gongzhi.loop.delivery import run_until_quiet

        run_until_quiet(now=self.clock.now)

    def session_of(self, username: str) -> str:
        """The key of a session in which this person is signed in."""
        if username not in self.sessions:
            from django.test import Client

            from gongzhi.ground.accounts.models import User

            client = Client()
            client.force_login(User.objects.get(username=username), backend=SIGN_IN)
            self.sessions[username] = client.cookies["sessionid"].value
        return self.sessions[username]


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    from gongzhi.front import standing

    patch = pytest.MonkeyPatch()
    clock = Clock(NOW)
    server = LiveServer("localhost")
    with django_db_blocker.unblock():
        try:
            patch.setattr("django.utils.timezone.now", lambda: clock.now)
            standing.forget()
            with transaction.atomic():
                town = build_town(NOW)
            draw_grids(town, NOW)
            yield Site(server.url, town, clock)
        finally:
            server.stop()
            patch.undo()
            standing.forget()
            call_command("flush", verbosity=0, interactive=False)


@dataclass
class Visit:
    """How somebody comes: language, display, screen, light, and who they are."""

    language: str = "en"
    display: str = "ordinary"
    viewport: dict[str, int] = field(default_factory=lambda: dict(DESK))
    scheme: str = "light"
    username: str = ""
    scripts: bool = True
    place: tuple[float, float] | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        wide = self.viewport["width"]
        return (self.language, self.display, wide, self.scheme, self.username, self.scripts, self.place)


@pytest.fixture(scope="module")
def come(browser: Any, site: Site) -> Iterator[Callable[[Visit], Any]]:
    """A browser of somebody's own; two visits of the same kind share it."""
    open_ones: dict[tuple[Any, ...], Any] = {}

    def come(visit: Visit) -> Any:
        if visit.key in open_ones:
            return open_ones[visit.key]
        where = {"longitude": visit.place[0], "latitude": visit.place[1]} if visit.place else None
        context = browser.new_context(
            base_url=site.url,
            viewport=visit.viewport,
            color_scheme=visit.scheme,
            locale="zh-CN" if visit.language == "zh-hans" else "en-GB",
            java_script_enabled=visit.scripts,
            geolocation=where,
            permissions=["geolocation"] if where else [],
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        cookies = {"django_language": visit.language}
        if visit.display != "ordinary":
            cookies["display"] = visit.display
        if visit.username:
            cookies["sessionid"] = site.session_of(visit.username)
        context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies.items()])
        open_ones[visit.key] = context
        return context

    yield come
    for context in open_ones.values():
        context.close()


@pytest.fixture
def fresh(browser: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """A browser that has never been here."""
    started = []

    def fresh(**options: Any) -> Any:
        context = browser.new_context(base_url=site.url, locale="en-GB", reduced_motion="reduce", **options)
        context.set_default_timeout(15_000)
        started.append(context)
        return context

    yield fresh
    for context in started:
        context.close()


def hour(site: Site, hours: float = 1) -> None:
    site.clock.now += timedelta(hours=hours)
