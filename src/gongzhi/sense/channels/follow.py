"""The secret follow link: whoever has it may see the story of one message, and answer.

The secret is derived, not stored: a copy of the database opens no link.
"""

from __future__ import annotations

import base64
import hmac
import uuid

from django.utils.crypto import salted_hmac

from gongzhi.sense.channels.models import Message

_LENGTH = 16  # bytes of secret: 128 bits


def _secret(uid: uuid.UUID) -> bytes:
    return salted_hmac("gongzhi.follow", uid.bytes, algorithm="sha256").digest()[:_LENGTH]


def token_of(message: Message) -> str:
    """52 letters and digits: the message and its secret."""
    return _spell(message.uid.bytes + _secret(message.uid))


def _spell(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def message_of(token: str) -> Message | None:
    """The message behind a token; None for a token that is wrong in any way."""
    if not token.isascii():
        return None
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (ValueError, TypeError):
        return None
    if len(raw) != 16 + _LENGTH:
        return None
    uid = uuid.UUID(bytes=raw[:16])
    if not hmac.compare_digest(raw[16:], _secret(uid)):
        return None
    if token.lower() != _spell(raw):  # the last letter has bits to spare: each link has one spelling only
        return None
    return next(iter(Message.objects.select_related("place").filter(uid=uid)), None)
