from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client
from django.utils import timezone

from gongzhi.ground.access.actions import switch_powers_on
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case


class Hands:
    """The moment at which the tests live: pages read it as their clock."""

    def __init__(self, now: datetime) -> None:
        self.now = now


@pytest.fixture
def moment(now, monkeypatch):
    """Pages read the town's Wednesday morning; ``moment.now = …`` moves on."""
    hands = Hands(now)
    monkeypatch.setattr("django.utils.timezone.now", lambda: hands.now)
    return hands


@pytest.fixture
def report(town, moment, deliver):
    """A report that has become a case."""

    def report(by=None, **fields):
        draft = Draft(
            **{
                "text": "东门路口堆了一堆垃圾，三天没人清。",
                "category": "environment.litter",
                "place": town.grid,
                **fields,
            }
        )
        message = receive_message(draft, by=by, now=moment.now)
        deliver(now=moment.now)
        return message, Case.objects.get(voices__message=message)

    return report


@pytest.fixture
def assigned(report, town, deliver, moment):
    """A case that lies with the grid worker of the town's grid."""

    def assigned(**fields):
        message, case = report(**fields)
        cases.dispatch_case(case_id=case.pk, category="environment.litter", by=town.clerk, now=moment.now)
        deliver(now=moment.now)
        return message, Case.objects.get(pk=case.pk)

    return assigned


@pytest.fixture
def as_user(client, moment):
    """The client, signed in as somebody."""

    def as_user(user):
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return as_user


@pytest.fixture
def at():
    def at(user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return at


@pytest.fixture
def powers(town):
    def powers(user):
        return switch_powers_on(by=user, minutes=30, reason="test of the pages", now=timezone.now())

    return powers
