"""Access tokens: how a program acts for a person, with a part of the person's verbs.

A token never carries verbs that need powers: administration is done by people at a screen.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.events import TokenCreated, TokenRevoked
from gongzhi.ground.access.models import Repeat, Token
from gongzhi.ground.access.reach import limit_to, posts_of
from gongzhi.ground.access.roles import POWERS
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule

MARK: Final = "gz_"  # so that a token which somebody pasted into the wrong place is recognised
MOST: Final = 20  # tokens of one person that can be used at once
_NOT_FOR_PROGRAMS: Final = frozenset({"workbench.enter", "privacy.reveal"})


def draw_secret() -> str:
    return MARK + secrets.token_urlsafe(30)


def digest_of(secret: str) -> str:
    """A plain digest is enough: there are 240 bits to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def verbs_for_tokens(user: User, on: date) -> list[str]:
    """What the person may hand to a program today."""
    held = {verb for post in posts_of(user, on) for verb in post.verbs}
    return sorted(held - POWERS - _NOT_FOR_PROGRAMS)


@transaction.atomic
def create_token(
    *,
    name: str,
    verbs: Iterable[str],
    expires_on: date,
    by: User,
    now: datetime,
    draw: Callable[[], str] = draw_secret,
) -> tuple[Token, str]:
    """A new token of the person and its secret, which is not kept anywhere."""
    on = timezone.localdate(now)
    chosen = sorted(set(verbs))
    if not name.strip():
        raise Refusal(_("Say what the token is for."), field="name", status=422)
    if len(name.strip()) > 60:
        raise Refusal(_("At most 60 characters, please."), field="name", status=422)
    if not chosen:
        raise Refusal(_("Choose at least one thing that the program may do."), field="verbs", status=422)
    if not set(chosen) <= set(verbs_for_tokens(by, on)):
        raise Refusal(_("A token cannot do what none of your posts allows."), field="verbs", status=422)
    longest = int(rule("access.token_days", path="", on=on))
    if not on <= expires_on <= on + timedelta(days=longest):
        raise Refusal(
            _("Choose a day from today to %(days)d days ahead.") % {"days": longest}, field="expires_on", status=422
        )
    User.objects.select_for_update().get(pk=by.pk)  # two new tokens of one person wait for each other
    if Token.objects.filter(user=by).usable(on).count() >= MOST:
        raise Refusal(_("You have %(count)d tokens. Revoke one that is not needed.") % {"count": MOST})
    secret = draw()
    token = Token.objects.create(
        user=by,
        name=name.replace("\x00", "").strip(),
        digest=digest_of(secret),
        verbs=chosen,
        created_at=now,
        expires_on=expires_on,
    )
    record(TokenCreated(token_id=token.pk, user_id=by.pk, verbs=chosen), about=token, by=by, now=now)
    return token, secret


@transaction.atomic
def revoke_token(*, token_id: int, by: User, now: datetime) -> Token:
    """End a token of one's own. It works from this moment no more."""
    token = Token.objects.select_for_update().filter(pk=token_id, user=by).first()
    if token is None:
        raise NotThere()
    if token.revoked_at is not None:
        raise Refusal(_("This token is already revoked."))
    token.revoked_at = now
    record(TokenRevoked(token_id=token.pk, user_id=by.pk), about=token, by=by, now=now, save=("revoked_at",))
    return token


def bearer_of(secret: str, *, now: datetime) -> Token | None:
    """The token behind a secret, with its person limited to its verbs; None when it opens nothing (any more).

    An account that was switched off takes its tokens along.
    """
    if not secret.startswith(MARK) or len(secret) > 100 or not secret.isascii():
        return None
    on = timezone.localdate(now)
    token = Token.objects.select_related("user").filter(digest=digest_of(secret)).first()
    if token is None or not token.is_usable(on) or not token.user.is_active:
        return None
    if token.last_used_on != on:
        Token.objects.filter(pk=token.pk).update(last_used_on=on)
    limit_to(token.user, token.verbs)
    return token


def once(token: Token, key: str, asked: str, do: Callable[[], int], *, now: datetime) -> tuple[int, bool]:
    """Do what was asked under this idempotency key unless it was done before: (id of the row, whether it was known).

    What was done and that it was done are committed together. Refusal (422) when the same key came with another wish.
    """
    key_digest, asked_digest = (hashlib.sha256(text.encode()).hexdigest() for text in (key, asked))
    try:
        with transaction.atomic():
            repeat = Repeat.objects.create(token=token, key=key_digest, asked=asked_digest, at=now)
            repeat.object_id = do()
            repeat.save(update_fields=["object_id"])
            return repeat.object_id, False
    except IntegrityError:
        known = Repeat.objects.filter(token=token, key=key_digest).first()
        if known is None:
            raise
    if known.asked != asked_digest:
        raise Refusal(
            _("This idempotency key was used for another request. Use a new key."), field="Idempotency-Key", status=422
        )
    assert known.object_id is not None  # noqa: S101 - written in the same transaction
    return known.object_id, True
