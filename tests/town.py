"""A small town for tests: one street with two communities, a grid each, and somebody in every role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from gongzhi.ground.access.actions import grant_post
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.events import PlaceAdded
from gongzhi.ground.places.models import Place
from gongzhi.ground.rules import in_force
from gongzhi.understand.cases.loading import load_categories

# A Wednesday morning in an ordinary working week.
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

PASSWORD = "a quiet harbour 9"


@dataclass
class Town:
    county: Place
    street: Place
    community: Place
    other_community: Place
    grid: Place
    other_grid: Place
    worker: User
    second_worker: User
    other_worker: User
    clerk: User
    other_clerk: User
    secretary: User
    street_clerk: User
    leader: User
    desk: User
    officer: User
    property_manager: User
    system: User
    security: User
    audit: User
    stranger: User


@pytest.fixture(autouse=True)
def _one_book_of_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A slow machine counts the same statements as a quick one: no test is so long that the rules are read again."""
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 3600.0)
    yield
    if (kept := in_force._kept) is not None and kept[0].stamp:
        in_force.forget()  # what this test changed is not there any more


def make_place(path: str, level: str, name: str, parent: Place | None, **fields: object) -> Place:
    with transaction.atomic():
        place = Place.objects.create(
            code=path.ljust(12, "0"), path=path, level=level, name=name, parent=parent, **fields
        )
        record(PlaceAdded(place_id=place.pk, path=path), about=place, by=None, now=NOW, place=path)
    return place


def make_user(username: str, name: str, *posts: tuple[str, Place], now: datetime = NOW) -> User:
    user = User.objects.create_user(username, PASSWORD, name=name)
    for role, place in posts:
        grant_post(
            user=user,
            role=role,
            place=place,
            starts_on=now.date() - timedelta(days=400),
            reason="test town",
            by=None,
            now=now,
        )
    return user


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def town(db: None, now: datetime) -> Town:
    return build_town(now)


def build_town(now: datetime) -> Town:
    load_categories(now=now)
    province = make_place("11", "province", "北京市", None)
    city = make_place("1101", "city", "市辖区", province)
    county = make_place("110108", "county", "海淀区", city)
    street = make_place("110108014", "town", "清华园街道", county)
    community = make_place("110108014001", "village", "东区社区", street)
    other_community = make_place("110108014002", "village", "西区社区", street)
    grid = make_place("110108014001001", "grid", "东区第一网格", community)
    other_grid = make_place("110108014002001", "grid", "西区第一网格", other_community)
    return Town(
        county=county,
        street=street,
        community=community,
        other_community=other_community,
        grid=grid,
        other_grid=other_grid,
        worker=make_user("worker", "王格一", (Role.GRID_WORKER, grid)),
        second_worker=make_user("worker2", "王格二", (Role.GRID_WORKER, grid)),
        other_worker=make_user("worker3", "王格三", (Role.GRID_WORKER, other_grid)),
        clerk=make_user("clerk", "李社工", (Role.COMMUNITY_CLERK, community)),
        other_clerk=make_user("clerk2", "李西区", (Role.COMMUNITY_CLERK, other_community)),
        secretary=make_user("secretary", "张书记", (Role.COMMUNITY_SECRETARY, community)),
        street_clerk=make_user("street", "赵科员", (Role.STREET_CLERK, street)),
        leader=make_user("head", "何主任", (Role.STREET_LEADER, street)),
        desk=make_user("desk", "钱热线", (Role.HOTLINE_DESK, street)),
        officer=make_user("officer", "孙城管", (Role.DEPARTMENT_OFFICER, county)),
        property_manager=make_user("property", "周物业", (Role.PROPERTY_MANAGER, community)),
        system=make_user("system", "吴系统", (Role.SYSTEM_ADMINISTRATOR, county)),
        security=make_user("security", "郑安全", (Role.SECURITY_ADMINISTRATOR, county)),
        audit=make_user("audit", "冯审计", (Role.AUDIT_ADMINISTRATOR, county)),
        stranger=make_user("stranger", "陈路人"),
    )


@pytest.fixture
def deliver():
    """Run everything that is due, as a worker would, until nothing is left."""
    from gongzhi.loop.delivery import run_until_quiet

    return run_until_quiet
