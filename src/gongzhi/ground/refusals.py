"""Refusals: what was asked cannot be done, and the person is told why.

Anything else that goes wrong is a bug and belongs in the error log.
"""

from __future__ import annotations

from django.utils.functional import Promise


class Refusal(Exception):
    """An expected failure with a readable, translated reason.

    ``field`` names the form field that the reason belongs to, when there is one.
    ``status`` is the HTTP status a door answers with (always 4xx).
    A refused action has changed nothing.
    """

    def __init__(self, reason: str | Promise, *, field: str | None = None, status: int = 409) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.field = field
        self.status = status


class NotThere(Refusal):
    """Not there, or not for you: the two look the same to whoever asks (404)."""

    def __init__(self, reason: str | Promise = "") -> None:
        super().__init__(reason, status=404)


class Stale(Refusal):
    """Somebody else changed the row since it was read (409). Reading it again and trying again may well succeed."""
