"""Scenes for tests that go through the doors: a moment, a report, an assigned case, and somebody signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.values import actions as values
from gongzhi.act.values.models import Item
from gongzhi.act.values.scoring import Marks, Weights
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


def agree(town: Any, *, by: Any, now: datetime) -> Any:
    today = now.date()
    return values.adopt_agreement(
        place=town.community, adopted_on=today, meeting="联席会议通过", weights=Weights(40, 30, 30), objection_days=5,
        starts_on=today, ends_on=today, by=by, now=now,
    )  # fmt: skip


def write(town: Any, *, by: Any, now: datetime, **given: Any) -> Item:
    due = now + timedelta(days=3)
    return values.write_item(
        place=town.community, title="清理村路", done_when="三条路清完", value=300, due_at=due, by=by, now=now, **given
    )  # fmt: skip


def valued(town: Any, now: datetime) -> list[Item]:
    """Items of the worker: to be done, to be scored, scored, objected to."""
    by, worker = {"by": town.secretary, "now": now}, {"by": town.worker, "now": now}
    agree(town, **by)
    items = [write(town, post_id=town.worker.posts.get().pk, **by) for _number in range(4)]
    for item in items[1:]:
        values.report_item(item_id=item.pk, words="做完了", **worker)
    for item in items[2:]:
        values.score_item(item_id=item.pk, marks=Marks(90, 80, 70), reason="看过现场", **by)
    values.object_to_score(item_id=items[3].pk, words="下雨停工", **worker)
    return items
