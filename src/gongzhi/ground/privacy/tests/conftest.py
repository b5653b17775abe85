from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import connection

from gongzhi.ground.access.models import Post
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy import declarations
from gongzhi.ground.privacy.tests.models import Letter

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
COMMUNITY = "110108001001"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        if Letter._meta.db_table not in connection.introspection.table_names():
            with connection.schema_editor() as editor:
                editor.create_model(Letter)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def two_keys(settings):
    settings.GONGZHI_DATA_KEYS = ["k2:" + "b" * 40, "k1:" + "a" * 40]


@pytest.fixture
def declared(monkeypatch):
    """Only what the test declares is declared."""
    monkeypatch.setattr(declarations, "_personal", [])
    monkeypatch.setattr(declarations, "_harmless", [])
    return declarations.declare


@pytest.fixture
def files(monkeypatch, tmp_path):
    storage = FileSystemStorage(tmp_path)
    monkeypatch.setattr(Letter._meta.get_field("scan"), "storage", storage)
    return storage


@pytest.fixture
def town(db):
    """A community with a clerk (may reveal), a building chief (may not), and a clerk of the community next door."""
    parent = None
    for level, path, kind in (
        ("province", "11", ""),
        ("city", "1101", ""),
        ("county", "110108", ""),
        ("town", "110108001", "street"),
        ("village", COMMUNITY, "residents"),
        ("village", "110108001002", "residents"),
    ):
        above = parent if len(path) > 2 else None
        place = Place.objects.create(
            code=path.ljust(12, "0"), path=path, level=level, kind=kind, name=f"Place {path}", parent=above
        )
        parent = place if level != "village" else above
    here, next_door = Place.objects.get(path=COMMUNITY), Place.objects.get(path="110108001002")

    def employ(name: str, role: str, place: Place) -> User:
        user = User.objects.create(username=name, name=name.title())
        Post.objects.create(
            user=user, role=role, place=place, place_path=place.path, starts_on=NOW.date().replace(day=1), reason="test"
        )
        return user

    return SimpleNamespace(
        here=here,
        clerk=employ("clerk", Role.COMMUNITY_CLERK, here),
        chief=employ("chief", Role.BUILDING_CHIEF, here),
        neighbour=employ("neighbour", Role.COMMUNITY_CLERK, next_door),
    )
