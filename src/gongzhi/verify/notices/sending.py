"""Telling those who wait to be told: held back at night, tried again, and never twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from gongzhi.ground.rules.actions import rule
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.models import Case
from gongzhi.verify.notices import carriers
from gongzhi.verify.notices.models import Kind, Notice, State, Stop, Way, Why
from gongzhi.verify.notices.wording import words_of

MOST_ATTEMPTS: Final = 8
AT_ONCE: Final = 500  # messages that one run tells
# A run that dies while it sends gives the notice back after this long.
HELD: Final = timedelta(minutes=3)


@task()
def send_soon() -> int:
    """Tell those who wait, without waiting for the schedule. What cannot be sent now, the schedule tries again."""
    return send_waiting(now=timezone.now())


def next_sending_time(now: datetime, path: str) -> datetime:
    """Now, or the next moment at which text messages may be sent (nobody is woken up)."""
    local = timezone.localtime(now)
    minute = local.hour * 60 + local.minute
    for days in (0, 1):
        day = local.date() + timedelta(days=days)
        for opens, shuts in rule("notices.hours", path=path, on=day):
            if days == 0 and opens <= minute < shuts:
                return now
            if days or minute < opens:
                midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
                return midnight + timedelta(minutes=opens)
    return now


def send_waiting(*, now: datetime) -> int:
    """Tell everybody who waits to be told. Safe to run side by side; returns how many texts left the house."""
    sent = 0
    waiting = Notice.objects.due(now).order_by("due_at").values_list("message_id", "way")[:AT_ONCE]
    for message_id, way in dict.fromkeys(waiting):
        sent += _tell(message_id, Way(way), now)
    return sent


def _tell(message_id: int, way: Way, now: datetime) -> bool:
    """Everything that one reporter waits to be told, in one text."""
    notices = _take(message_id, way, now)
    if not notices:
        return False
    message = Message.objects.get(pk=message_id)
    case = Case.objects.filter(voices__message_id=message_id).first()
    contact = message.reporter_phone if way == Way.SMS else message.reporter_email
    if Stop.objects.filter(message_id=message_id).exists():
        return _end(notices, State.SKIPPED, Why.STOPPED)
    if not contact:
        return _end(notices, State.SKIPPED, Why.NO_CONTACT)
    if not carriers.is_open(way):
        return _end(notices, State.SKIPPED, Why.NOT_SET_UP)
    told = words_of(notices, message, case)
    # One key for one text: a run that died after sending asks the carrier for the same text again, under the same key.
    key = f"gongzhi-{notices[-1].entry_id}-{message_id}"
    try:
        if way == Way.SMS:
            by = carriers.carrier()
            if by is None:
                return _end(notices, State.SKIPPED, Why.NOT_SET_UP)
            by.send(contact.open(), told.text, key)
        else:
            carriers.send_email(contact.open(), told.subject, told.text, key)
    except carriers.Refused:
        return _end(notices, State.FAILED, Why.REFUSED)
    except carriers.Unreached:
        return _again(notices, now)
    Notice.objects.filter(pk__in=[one.pk for one in notices]).update(state=State.SENT, sent_at=now, why=Why.NOTHING)
    return True


@transaction.atomic
def _take(message_id: int, way: Way, now: datetime) -> list[Notice]:
    """Take what waits for one reporter, for a while. Empty: somebody else has it, or today was enough."""
    due = Notice.objects.due(now).filter(message_id=message_id, way=way)
    notices = list(due.select_for_update(of=("self",)).order_by("entry_id"))
    if not notices:
        return []
    message = Message.objects.only("place_path").get(pk=message_id)
    most = int(rule("notices.most_a_day", path=message.place_path, on=timezone.localdate(now)))
    if all(one.kind != Kind.ASKED for one in notices) and _texts_today(message_id, way, now) >= most:
        # Enough for one day. Tomorrow morning all of it comes in one text.
        midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        due.update(due_at=next_sending_time(midnight, message.place_path))
        return []
    for one in notices:
        one.attempts += 1
        one.due_at = now + HELD
    Notice.objects.bulk_update(notices, ["attempts", "due_at"])
    return notices


def _texts_today(message_id: int, way: Way, now: datetime) -> int:
    start = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    today = Notice.objects.filter(message_id=message_id, way=way, state=State.SENT, sent_at__gte=start)
    return today.values("sent_at").distinct().count()


def _end(notices: Iterable[Notice], state: State, why: Why) -> bool:
    Notice.objects.filter(pk__in=[one.pk for one in notices]).update(state=state, why=why)
    return False


def _again(notices: list[Notice], now: datetime) -> bool:
    """Try again after a minute, two, four … at most an hour; in the end say that it could not be sent."""
    for one in notices:
        one.why = Why.UNREACHED
        if one.attempts >= MOST_ATTEMPTS:
            one.state = State.FAILED
        one.due_at = now + timedelta(minutes=min(2 ** (one.attempts - 1), 60))
    Notice.objects.bulk_update(notices, ["why", "state", "due_at"])
    return False
