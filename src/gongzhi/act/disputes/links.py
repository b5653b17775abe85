"""The secret link of a party: whoever has it sees what that party may see, and answers for it. Derived, not stored."""

from __future__ import annotations

import base64
import hmac
import uuid

from django.utils.crypto import salted_hmac

from gongzhi.act.disputes.models import Party

_LENGTH = 16


def _secret(uid: uuid.UUID) -> bytes:
    return salted_hmac("gongzhi.disputes.party", uid.bytes, algorithm="sha256").digest()[:_LENGTH]


def _spell(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def token_of(party: Party) -> str:
    return _spell(party.uid.bytes + _secret(party.uid))


def party_of(token: str) -> Party | None:
    """The party behind a token; None for a token that is wrong in any way."""
    if not token.isascii():
        return None
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (ValueError, TypeError):
        return None
    if len(raw) != 16 + _LENGTH or token.lower() != _spell(raw):
        return None
    uid = uuid.UUID(bytes=raw[:16])
    if not hmac.compare_digest(raw[16:], _secret(uid)):
        return None
    return (
        Party.objects.select_related("dispute__place", "dispute__mediator", "dispute__mediator_post__place")
        .filter(uid=uid)
        .first()
    )
