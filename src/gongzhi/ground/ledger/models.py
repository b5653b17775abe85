"""The append-only record: what happened, to what, when, by whom. Never who a resident is."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q


def canonical(value: Any) -> bytes:
    """One spelling for one value: sorted keys, no spaces, UTF-8, times in ISO 8601 UTC."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | float):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    raise TypeError(f"{type(value).__name__} does not belong into the record")


class Recorded(models.Model):
    """A row whose every change stands in the record.

    ``version`` counts the entries about the row; it doubles as the mark for stale edits.
    ``RECORDED`` names the fields (attribute names, never personal data) whose fingerprint each entry keeps, so
    that a row altered behind the record's back is found out.
    """

    version = models.PositiveIntegerField(default=1, editable=False)

    RECORDED: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    @classmethod
    def noun(cls) -> str:
        return f"{cls._meta.app_label}.{cls.__name__}"

    def fingerprint(self) -> bytes:
        """SHA-256 over the recorded fields as the database keeps them (32 bytes)."""
        facts = {name: getattr(self, name) for name in self.RECORDED}
        return hashlib.sha256(canonical(facts)).digest()


class EntryQuerySet(models.QuerySet["Entry"]):
    def about(self, row: Recorded) -> Self:
        return self.filter(noun=row.noun(), object_id=row.pk).order_by("id")

    def within(self, path: str) -> Self:
        """Entries that belong to the place with this path or to any place below it."""
        if not path:
            return self
        return self.filter(place_path__startswith=path)


class Entry(models.Model):
    """One thing that happened. Ids, codes and numbers only (``data``), so that erasing a person never edits it."""

    event = models.CharField(max_length=80)  # "cases.CaseOpened"
    noun = models.CharField(max_length=60)  # "cases.Case"
    object_id = models.BigIntegerField()
    seq = models.PositiveIntegerField()  # 1, 2, 3 … of this object
    place_path = models.CharField(max_length=30, blank=True)
    by_id = models.BigIntegerField(null=True)  # an accounts.User, or nobody with an account
    post_id = models.BigIntegerField(null=True)  # the access.Post they acted through
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    fingerprint = models.BinaryField(max_length=32)

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["noun", "object_id", "seq"], name="entry_once_per_step"),
            models.CheckConstraint(name="entry_counts_from_one", condition=Q(seq__gte=1)),
        ]
        indexes = [models.Index(fields=["event", "at"], name="entry_by_event")]

    def __str__(self) -> str:
        return f"{self.event} {self.noun} {self.object_id} #{self.seq}"

    def canonical(self) -> bytes:
        """The bytes that are sealed: everything the entry says."""
        return canonical(
            {
                "id": self.pk,
                "event": self.event,
                "noun": self.noun,
                "object": self.object_id,
                "seq": self.seq,
                "place": self.place_path,
                "by": self.by_id,
                "post": self.post_id,
                "at": self.at,
                "data": self.data,
                "fingerprint": self.fingerprint,
            }
        )
