"""Loading the demonstration: at any hour, into an empty database only, whole or not at all."""

from __future__ import annotations

from datetime import datetime

import pytest

from gongzhi.config.demonstration import load, play
from gongzhi.config.demonstration.generate import ZONE
from gongzhi.config.demonstration.load import load_demo
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases import tree

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
NIGHTS = [datetime(2026, 2, 17, 3, 5, tzinfo=ZONE), datetime(2025, 8, 30, 23, 50, tzinfo=ZONE)]


@pytest.fixture(autouse=True)
def _forget_the_tree():
    tree.forget()
    yield
    tree.forget()


def quiet(what: str, done: int, total: int | None = None) -> None:
    pass


@pytest.mark.parametrize("now", NIGHTS)
def test_no_step_is_refused_at_night_or_in_a_holiday(now, monkeypatch):
    refused: list[int] = []

    def watched(*arguments, **named):
        refused.append(play.play(*arguments, **named))

    monkeypatch.setattr(load, "play", watched)
    load_demo(now=now, progress=quiet, count=8, days=60)
    assert refused == [0]


def test_a_database_in_use_is_refused():
    User.objects.create_user("somebody", None)
    with pytest.raises(Refusal):
        load_demo(now=NIGHTS[0], progress=quiet, count=10)
    assert not Place.objects.exists()


def test_a_loading_that_breaks_off_leaves_nothing(monkeypatch):
    def broken(*_arguments, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "play", broken)
    with pytest.raises(KeyboardInterrupt):
        load_demo(now=NIGHTS[0], progress=quiet, count=10)
    assert not User.objects.exists()
    assert not Entry.objects.exists()
