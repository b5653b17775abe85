"""How tests meet the platform: a pytest plugin, named in ``pyproject.toml``.

It is a plugin and not a ``conftest.py`` because the environment must stand before Django's settings are read. Tests
get a home of their own, keys that are no secret, English unless they ask for Chinese, and a database in a file, so
that threads and locks behave as they do in production.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

for _name in [name for name in os.environ if name.startswith("GONGZHI_")]:
    del os.environ[_name]


def _make_home() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 - quicker than a disk, where it is there and large enough
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    home = Path(tempfile.mkdtemp(prefix="gongzhi-test-", dir=memory if roomy else None))
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(home, ignore_errors=True) if os.getpid() == owner else None)
    return home


HOME = _make_home()
os.environ["GONGZHI_HOME"] = str(HOME)
(HOME / "static").mkdir()
os.environ["GONGZHI_SECRET_KEY"] = "not-a-secret-" * 4
os.environ["GONGZHI_DATA_KEY"] = "no-secret-either-" * 4
# Playwright runs an event loop in the test's thread, which Django would mistake for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "yes"

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    from django.conf import settings
    from django.db import connections

    settings.LANGUAGE_CODE = "en"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        connections.settings["default"]["TEST"]["NAME"] = str(HOME / "test.sqlite3")
    _let_flush_empty_the_record()


def _let_flush_empty_the_record() -> None:
    """A test that commits ends by emptying all tables. Append-only rows refuse that, so their guard is lifted."""
    from importlib import import_module

    from django.db.backends.base.operations import BaseDatabaseOperations

    guards = {
        "ledger_entry": import_module("gongzhi.ground.ledger.migrations.0002_append_only"),
        "points_booking": import_module("gongzhi.act.points.migrations.0002_rows_stay"),
    }
    flush = BaseDatabaseOperations.execute_sql_flush

    def around(self: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
        sql_list = list(sql_list)
        vendor = self.connection.vendor
        for table, guard in guards.items():
            if any(table in sql for sql in sql_list):
                sql_list = [*guard.removals(vendor), *sql_list, *guard.statements(vendor)]
        flush(self, sql_list)

    BaseDatabaseOperations.execute_sql_flush = around  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """No test sees what another one left in the cache, as its language, or in the record's witness file."""
    from django.conf import settings
    from django.core.cache import cache
    from django.utils import translation

    cache.clear()
    Path(settings.GONGZHI_LEDGER_WITNESS).unlink(missing_ok=True)
    with translation.override("en"):
        yield


@pytest.fixture
def deliver() -> Callable[..., int]:
    """Run every reaction that is due, until nothing is; says how many ran.

    Inside a test nothing is committed, so reactions wait for this call.
    """
    from gongzhi.loop.delivery import run_until_quiet

    def run(now: datetime | None = None) -> int:
        return run_until_quiet(now=now)

    return run


def find_chromium() -> str | None:
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium of the system (CHROMIUM names another one), driven by Playwright."""
    from playwright.sync_api import sync_playwright

    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here (set CHROMIUM)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty page of a desk's width; a phone is ``browser.new_page(viewport=…)``."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    yield context.new_page()
    context.close()
