"""From an entry to the addresses that asked for it: promised where it is recorded, sent by a worker, tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_tasks import task

from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.rules.actions import rule
from gongzhi.loop.webhooks.events import WebhookPaused
from gongzhi.loop.webhooks.models import Missed, Subscription
from gongzhi.loop.webhooks.wire import Unreachable, Wire
from gongzhi.understand.cases.models import Case

WIRE: Final = Wire()
# A subscription made by another process is noticed within this many seconds.
TRUSTED_FOR: Final = 5.0
LONGEST_QUIET: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class _Wish:
    pk: int
    path: str
    events: frozenset[str]


_wishes: list[_Wish] = []
_read_at = float("-inf")


def forget() -> None:
    """Ask anew next time (this process changed something; tests)."""
    global _read_at
    _read_at = float("-inf")


def _wished() -> list[_Wish]:
    global _wishes, _read_at
    moment = time.monotonic()
    if moment - _read_at > TRUSTED_FOR:
        rows = Subscription.objects.filter(state=Subscription.State.ON).values_list("pk", "place_path", "events")
        _wishes = [_Wish(pk, path, frozenset(events)) for pk, path, events in rows]
        _read_at = moment
    return _wishes


def hear(entries: Sequence[Entry]) -> None:
    """Promise the sending of these entries, in the transaction that records them. Nobody asked: nothing is written."""
    wishes = _wished()
    if not wishes:
        return
    for entry in entries:
        for wish in wishes:
            if entry.event in wish.events and entry.place_path.startswith(wish.path):
                send.enqueue(wish.pk, entry.pk)


@task(max_attempts=500)
def send(subscription_id: int, entry_id: int) -> str:
    """Tell one address of one entry."""
    return deliver(subscription_id, entry_id, now=timezone.now(), wire=WIRE)


class NotAccepted(Exception):
    """It has to be tried again. The queue waits longer each time."""


def deliver(subscription_id: int, entry_id: int, *, now: datetime, wire: Wire) -> str:
    """One attempt. Raises NotAccepted when the address did not say yes."""
    subscription = Subscription.objects.filter(pk=subscription_id).first()
    entry = Entry.objects.filter(pk=entry_id).first()
    if subscription is None or entry is None or subscription.state != Subscription.State.ON:
        return "dropped"
    if subscription.quiet_until is not None and now < subscription.quiet_until:
        _note(subscription, entry, "waits", now)
        raise NotAccepted("waits")
    body = json.dumps(told(entry), ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Gongzhi-Webhooks/1",
        "Gongzhi-Event": entry.event,
        "Gongzhi-Delivery": str(entry.pk),
        "Gongzhi-Signature": signature(subscription.secret.open(), body, now),
    }
    try:
        status = wire.post(subscription.url, body, headers)
        problem = "" if 200 <= status < 300 else f"status {status}"
    except Unreachable as error:
        problem = error.code
    if problem:
        _failed(subscription, entry, problem, now)
        raise NotAccepted(problem)
    Missed.objects.filter(subscription=subscription, entry_id=entry.pk).delete()
    Subscription.objects.filter(pk=subscription.pk).update(
        told_at=now, failing_since=None, quiet_until=None, failures=0
    )
    return "told"


def signature(secret: str, body: bytes, at: datetime) -> str:
    """``t=…,v1=…``: HMAC-SHA256 over the moment, a dot and the body, so that an old delivery cannot be sent again."""
    moment = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def told(entry: Entry) -> dict[str, Any]:
    """What is sent: ids, codes and numbers. What they mean is asked by the REST interface, with a token."""
    case_id = entry.object_id if entry.noun == Case.noun() else entry.data.get("case_id")
    number = Case.objects.filter(pk=case_id).values_list("number", flat=True).first() if case_id is not None else None
    return {
        "id": entry.pk,
        "event": entry.event,
        "at": entry.at.isoformat(),
        "place": entry.place_path,
        "noun": entry.noun,
        "object": entry.object_id,
        "case": number,
        "data": entry.data,
    }


def _note(subscription: Subscription, entry: Entry, problem: str, now: datetime) -> None:
    """Keep what was not accepted, for the page; a mere wait changes nothing that is there already."""
    missed = Missed.objects.filter(subscription=subscription, entry_id=entry.pk)
    if not missed.exists():
        attempts = 0 if problem == "waits" else 1
        first = Missed(
            subscription=subscription,
            entry_id=entry.pk,
            event=entry.event,
            attempts=attempts,
            first_at=now,
            last_at=now,
            problem=problem,
        )
        Missed.objects.bulk_create([first], ignore_conflicts=True)
    elif problem != "waits":
        missed.update(attempts=F("attempts") + 1, last_at=now, problem=problem)


@transaction.atomic
def _failed(subscription: Subscription, entry: Entry, problem: str, now: datetime) -> None:
    """Count it, leave the address alone for a while, and give up after the days that the rules give."""
    row = Subscription.objects.select_for_update(of=("self",)).get(pk=subscription.pk)
    _note(row, entry, problem, now)
    failures = row.failures + 1
    quiet = min(timedelta(seconds=2.0 ** min(failures, 20)), LONGEST_QUIET)
    since = row.failing_since or now
    Subscription.objects.filter(pk=row.pk).update(failures=failures, failing_since=since, quiet_until=now + quiet)
    days = int(rule("webhooks.give_up_days", path=row.place_path, on=timezone.localdate(now)))
    if now - since > timedelta(days=days) and row.state == Subscription.State.ON:
        row.state = Subscription.State.PAUSED
        record(
            WebhookPaused(subscription_id=row.pk, missed=row.missed.count()),
            about=row,
            by=None,
            now=now,
            place=row.place_path,
            save=("state",),
        )
        forget()
