from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gongzhi.ground.places.models import Place
from gongzhi.ground.rules import in_force
from gongzhi.ground.rules.in_force import Book, Override
from gongzhi.ground.rules.packs import packs

NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
BERLIN = "99"  # a place that keeps Berlin time and works from Monday to Friday, nine to five


@pytest.fixture(autouse=True)
def _no_kept_book():
    in_force.forget()
    yield
    in_force.forget()


def _always(key: str, value: object) -> Override:
    return Override(0, date(1900, 1, 1), None, packs().rules[key].ready(value), value)


@pytest.fixture(scope="module")
def book_of_packs():
    """The packs and one foreign place, without a database: what the clock's laws are tried on."""
    book = Book(
        packs=packs(),
        overrides={
            "calendar.zone": {BERLIN: [_always("calendar.zone", "Europe/Berlin")]},
            "calendar.working_hours": {
                BERLIN: [_always("calendar.working_hours", [["00:00", "05:00"], ["09:00", "24:00"]])]
            },
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_force, "book", lambda: book)
        yield book


@pytest.fixture
def places(db) -> dict[str, Place]:
    """Haidian, one of its streets and a community of it."""
    made: dict[str, Place] = {}
    parent = None
    for path, level, name in (
        ("11", "province", "北京市"),
        ("1101", "city", "市辖区"),
        ("110108", "county", "海淀区"),
        ("110108015", "town", "清华园街道"),
        ("110108015001", "village", "示例社区"),
    ):
        parent = Place.objects.create(path=path, code=path.ljust(12, "0"), level=level, name=name, parent=parent)
        made[path] = parent
    return made
