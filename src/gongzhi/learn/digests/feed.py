"""One's deadlines as a calendar, under a secret address that opens nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.events import TokenCreated
from gongzhi.ground.access.models import Token
from gongzhi.ground.access.tokens import bearer_of, digest_of, draw_secret, revoke_token
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.rules.actions import rule
from gongzhi.learn.digests.deadlines import deadlines_of
from gongzhi.learn.digests.icalendar import Entry, written

FEED: Final = "calendar.feed"  # what such a token may do; no post has it, so no page and no interface opens with it


def feed_of(user: User, *, now: datetime) -> Token | None:
    """The person's calendar address that works now."""
    tokens = Token.objects.filter(user=user).usable(timezone.localdate(now)).order_by("-pk")
    return next((token for token in tokens if token.verbs == [FEED]), None)


@transaction.atomic
def make_feed(*, by: User, now: datetime, draw: Callable[[], str] = draw_secret) -> tuple[Token, str]:
    """A new calendar address and its secret, which is not kept. The one before it ends."""
    User.objects.select_for_update().get(pk=by.pk)
    end_feed(by=by, now=now)
    secret = draw()
    days = int(rule("access.token_days", path="", on=timezone.localdate(now)))
    token = Token.objects.create(
        user=by,
        name=_("Calendar"),
        digest=digest_of(secret),
        verbs=[FEED],
        created_at=now,
        expires_on=timezone.localdate(now) + timedelta(days=days),
    )
    record(TokenCreated(token_id=token.pk, user_id=by.pk, verbs=[FEED]), about=token, by=by, now=now)
    return token, secret


def end_feed(*, by: User, now: datetime) -> bool:
    """The calendar address works no more. Whether there was one."""
    token = feed_of(by, now=now)
    if token is not None:
        revoke_token(token_id=token.pk, by=by, now=now)
    return token is not None


def reader_of(secret: str, *, now: datetime) -> Token | None:
    """Whose calendar a secret opens; None for one that opens nothing, or something else."""
    token = bearer_of(secret, now=now)
    return token if token is not None and token.verbs == [FEED] else None


def calendar_of(user: User) -> bytes:
    """The person's deadlines. The same deadlines give the same bytes, whenever they are asked for."""
    home = settings.GONGZHI_ADDRESS.rstrip("/")
    host = urlsplit(home).hostname or "gongzhi.local"
    entries = [
        Entry(
            uid=f"{one.key}@{host}",
            title=one.title,
            at=one.due,
            stamp=one.known_at,
            url=home + one.path,
            sequence=one.version,
        )
        for one in deadlines_of(user)
    ]
    return written(_("Deadlines: %(house)s") % {"house": settings.GONGZHI_NAME or "Gongzhi"}, entries)
