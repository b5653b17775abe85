"""Scenes for tests that go through the doors: a moment, a report, an assigned case, and somebody signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from gongzhi.act.tasks import actions as tasks
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case

SIGN_IN = "allauth.account.auth_backends.AuthenticationBackend"
WORDS = "东门路口堆了一堆垃圾，三天没人清。"
LITTER = "environment.litter"


class Clock:
    """The moment at which a test lives. ``clock.now += …`` moves on."""

    def __init__(self, now: datetime) -> None:
        self.now = now


@pytest.fixture
def moment(now: datetime, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Pages read the town's Wednesday morning as their clock."""
    clock = Clock(now)
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock.now)
    return clock


@pytest.fixture
def report(town: Any, moment: Clock, deliver: Callable[..., int]) -> Callable[..., tuple[Message, Case]]:
    """A report that has become a case."""

    def report(by: Any = None, **fields: Any) -> tuple[Message, Case]:
        draft = Draft(**{"text": WORDS, "category": LITTER, "place": town.grid, **fields})
        message = receive_message(draft, by=by, now=moment.now)
        deliver(now=moment.now)
        return message, Case.objects.get(voices__message=message)

    return report


@pytest.fixture
def assigned(report: Any, town: Any, deliver: Any, moment: Clock) -> Callable[..., tuple[Message, Case]]:
    """A case that lies with the grid worker of the town's grid."""

    def assigned(**fields: Any) -> tuple[Message, Case]:
        message, case = report(**fields)
        cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
        deliver(now=moment.now)
        return message, Case.objects.get(pk=case.pk)

    return assigned


@pytest.fixture
def done(assigned: Any, town: Any, deliver: Any, moment: Clock) -> Callable[..., tuple[Message, Case]]:
    """A case that the grid worker has reported as done."""

    def done(**fields: Any) -> tuple[Message, Case]:
        message, case = assigned(**fields)
        tasks.report_done(task_id=case.tasks.get().pk, words="垃圾已清走。", by=town.worker, now=moment.now)
        deliver(now=moment.now)
        return message, Case.objects.get(pk=case.pk)

    return done


@pytest.fixture
def as_user(client: Any, moment: Clock) -> Callable[[Any], Any]:
    """The client, signed in as somebody; ``None`` is somebody without an account."""

    def as_user(user: Any) -> Any:
        client.logout()
        if user is not None:
            client.force_login(user, backend=SIGN_IN)
        return client

    return as_user
