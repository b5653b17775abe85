"""Counting how often somebody did something, for all processes together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.ground.access.jobs import forget_tallies
from gongzhi.ground.access.limits import Limit, count
from gongzhi.ground.access.models import Tally
from tests.town import NOW

pytestmark = pytest.mark.django_db


def test_the_limit_is_the_last_that_passes() -> None:
    limit = Limit("report", "192.0.2.1", 3)
    assert [count([limit], now=NOW) for _ in range(4)] == [None, None, None, limit]
    assert count([limit], now=NOW + timedelta(hours=1)) is None, "a new window"
    assert count([Limit("report", "192.0.2.2", 3)], now=NOW) is None, "somebody else"
    assert count([Limit("question", "192.0.2.1", 3)], now=NOW) is None, "something else"


def test_several_are_counted_with_one_statement(django_assert_num_queries) -> None:
    address, device = Limit("a", "192.0.2.1", 9), Limit("d", "cookie", 1)
    with django_assert_num_queries(1):
        assert count([address, device], now=NOW) is None
    assert count([address, device], now=NOW) is device
    with django_assert_num_queries(0):
        assert count([Limit("d", "", 0)], now=NOW) is None, "whoever keeps no cookie is counted by address only"


def test_nobody_can_be_recognised_and_the_rows_go() -> None:
    limit = Limit("report", "192.0.2.1", 3)
    for hours in range(3):
        count([limit], now=NOW + timedelta(hours=hours))
    keys = set(Tally.objects.values_list("key", flat=True))
    assert len(keys) == 3, "another digest each hour"
    assert not any("192" in key for key in keys)
    assert forget_tallies(now=NOW + timedelta(hours=2, minutes=1)) == 2
    assert Tally.objects.count() == 1
