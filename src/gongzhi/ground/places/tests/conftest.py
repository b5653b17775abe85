from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gongzhi.ground.places.demonstration import load_demonstration

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def haidian(db, now):
    load_demonstration(now=now)
