"""Setting webhooks up, pausing and ending them: with the system administration's powers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.loop.webhooks import sending
from gongzhi.loop.webhooks.events import WebhookAdded, WebhookEnded, WebhookPaused, WebhookResumed
from gongzhi.loop.webhooks.models import EVENTS, Subscription
from gongzhi.loop.webhooks.wire import Wire, check_url

VERB = "webhooks.manage"
MOST_AGAIN = 1000


def draw_secret() -> str:
    return "whs_" + secrets.token_urlsafe(32)


def add_subscription(
    *,
    name: str,
    url: str,
    place: Place,
    events: Iterable[str],
    by: User,
    now: datetime,
    wire: Wire = sending.WIRE,
    draw: Callable[[], str] = draw_secret,
) -> tuple[Subscription, str]:
    """A new webhook and the secret that signs what it sends, which is shown once."""
    post = require(by, VERB, place.path, now)
    chosen = [event for event in EVENTS if event in set(events)]
    if not name.strip():
        raise Refusal(_("Say what it is for."), field="name", status=422)
    if not chosen or set(events) - set(EVENTS):
        raise Refusal(_("Choose at least one kind of event."), field="events", status=422)
    clean = check_url(url, wire)  # asks the network, so before the transaction
    secret = draw()
    with transaction.atomic():
        subscription = Subscription.objects.create(
            name=name.replace("\x00", "").strip()[:60],
            url=clean,
            events=chosen,
            place=place,
            place_path=place.path,
            secret=secret,
            created_at=now,
        )
        record(
            WebhookAdded(subscription_id=subscription.pk, events=chosen),
            about=subscription,
            by=by,
            now=now,
            post=post,
            place=place.path,
        )
    sending.forget()
    return subscription, secret


def _locked(pk: int, by: User, now: datetime) -> tuple[Subscription, Post]:
    subscription = Subscription.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=pk).first()
    if subscription is None:
        raise NotThere()
    post = require(by, VERB, subscription.place_path, now)
    if subscription.state == Subscription.State.ENDED:
        raise Refusal(_("This webhook has ended."))
    return subscription, post


@transaction.atomic
def pause_subscription(*, subscription_id: int, by: User, now: datetime) -> Subscription:
    subscription, post = _locked(subscription_id, by, now)
    if subscription.state != Subscription.State.ON:
        raise Refusal(_("This webhook is paused already."))
    subscription.state = Subscription.State.PAUSED
    missed = subscription.missed.count()
    event = WebhookPaused(subscription_id=subscription.pk, missed=missed)
    place = subscription.place_path
    record(event, about=subscription, by=by, now=now, post=post, place=place, save=("state",))
    transaction.on_commit(sending.forget)
    return subscription


@transaction.atomic
def resume_subscription(*, subscription_id: int, by: User, now: datetime) -> Subscription:
    """Switch it on again and send once more what was not accepted."""
    subscription, post = _locked(subscription_id, by, now)
    if subscription.state != Subscription.State.PAUSED:
        raise Refusal(_("This webhook is on already."))
    subscription.state = Subscription.State.ON
    subscription.failing_since = subscription.quiet_until = None
    subscription.failures = 0
    missed = list(subscription.missed.order_by("entry_id").values_list("entry_id", flat=True)[:MOST_AGAIN])
    record(
        WebhookResumed(subscription_id=subscription.pk, again=len(missed)),
        about=subscription,
        by=by,
        now=now,
        post=post,
        place=subscription.place_path,
        save=("state", "failing_since", "quiet_until", "failures"),
    )
    for entry_id in missed:
        sending.send.enqueue(subscription.pk, entry_id)
    transaction.on_commit(sending.forget)
    return subscription


@transaction.atomic
def end_subscription(*, subscription_id: int, by: User, now: datetime) -> Subscription:
    subscription, post = _locked(subscription_id, by, now)
    subscription.state = Subscription.State.ENDED
    subscription.missed.all().delete()
    event = WebhookEnded(subscription_id=subscription.pk)
    place = subscription.place_path
    record(event, about=subscription, by=by, now=now, post=post, place=place, save=("state",))
    transaction.on_commit(sending.forget)
    return subscription
