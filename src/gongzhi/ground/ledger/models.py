"""The append-only record: what happened, to what, when, by whom. Never who a resident is."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.encoding import force_bytes

from gongzhi.ground.ledger.paths import below

FACTS, WORDS_MARK = 32, 16  # bytes of a fingerprint: the facts first, then a mark for each field of words


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    raise TypeError(f"{type(value).__name__} does not belong into the record")


_SPELLING = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)


def _writer() -> Callable[[Any], str]:
    """``_SPELLING.encode``, made ready once: the encoder prepares itself anew for each value, which takes longer."""
    prepared = getattr(json.encoder, "c_make_encoder", None)
    if prepared is None:
        return _SPELLING.encode
    write = prepared(None, _plain, json.encoder.encode_basestring, None, ":", ",", True, False, False)
    return lambda value: "".join(write(value, 0))


_write = _writer()


def canonical(value: Any) -> bytes:
    """One spelling for one value: sorted keys, no spaces, UTF-8, times in ISO 8601 UTC, bytes in hexadecimal."""
    return _write(value).encode()


class Recorded(models.Model):
    """A row whose every change stands in the record.

    ``version`` counts the entries about the row; it doubles as the mark for stale edits.
    ``RECORDED`` names the fields (attribute names, never personal data) whose fingerprint each entry keeps, so
    that a row altered behind the record's back is found out. A row of version 0 came in bulk: until its first change
    its fingerprint stands, with those of its companions, in an entry about the import (``actions.record_brought``).
    ``WORDS`` names the fields in which people say something. Their words never enter the record, only a keyed mark of
    them, which tells nothing to whoever lacks the installation's key and does not hinder erasing the words.
    ``ADDED`` names those of ``RECORDED`` that a later release brought. While such a field is empty (nothing, zero, no
    text) it adds nothing to the fingerprint, so that what an older release recorded stays proven.
    """

    version = models.PositiveIntegerField(default=1, editable=False)

    RECORDED: ClassVar[tuple[str, ...]] = ()
    ADDED: ClassVar[frozenset[str]] = frozenset()
    WORDS: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    @classmethod
    def noun(cls) -> str:
        return f"{cls._meta.app_label}.{cls.__name__}"

    def fingerprint(self) -> bytes:
        """SHA-256 over the recorded fields as the database keeps them (32 bytes), then 16 bytes for each of WORDS."""
        inside, values = self.__dict__, []
        for name, field, as_given in _recorded(type(self)):
            value = inside[name] if name in inside else getattr(self, name)
            values.append(value if value is None or type(value) is as_given else _as_kept(field, value))
        facts = self.fingerprint_of(values)
        noun = self.noun()
        return facts + b"".join([words_mark(noun, name, getattr(self, name)) for name in self.WORDS])

    @classmethod
    def fingerprint_of(cls, values: Sequence[Any]) -> bytes:
        """The fingerprint of a row from what the database gives for its RECORDED fields, in that order."""
        # PostgreSQL keeps a negative zero, SQLite does not; here they are one.
        added = cls.ADDED
        facts = {
            name: value + 0.0 if isinstance(value, float) else value
            for name, value in zip(cls.RECORDED, values, strict=True)
            if value or name not in added
        }
        return hashlib.sha256(canonical(facts)).digest()


_NO_WORDS = bytes(WORDS_MARK)


def words_mark(noun: str, name: str, words: str, secret: str | bytes | None = None) -> bytes:
    """The keyed mark of what somebody wrote (16 bytes); zeros for nothing."""
    if not words:
        return _NO_WORDS
    return _keyed_mark(noun, name, words, settings.SECRET_KEY if secret is None else secret)


@functools.lru_cache(maxsize=64)
def _keyed_mark(noun: str, name: str, words: str, secret: str | bytes) -> bytes:
    """The last few are remembered: an import says twice of each row what it says."""
    key = _words_key(secret)
    return hmac.digest(key, f"{noun}.{name}:{words}".encode(), "sha256")[:WORDS_MARK]


@functools.lru_cache(maxsize=8)
def _words_key(secret: str | bytes) -> bytes:
    """The key as ``django.utils.crypto.salted_hmac`` derives it: an import marks a hundred thousand words."""
    return hashlib.sha256(b"gongzhi.ledger.words" + force_bytes(secret)).digest()


# What these fields give back is exactly what was put in, if it is of this type; asking each of them takes most of the
# time of a fingerprint.
_KEPT_AS_GIVEN: dict[type[models.Field[Any, Any]], type] = {
    models.CharField: str,
    models.BooleanField: bool,
    models.BigIntegerField: int,
    models.PositiveIntegerField: int,
    models.PositiveSmallIntegerField: int,
    models.ForeignKey: int,
    models.DateTimeField: datetime,
}


@functools.cache
def _recorded(kind: type[Recorded]) -> tuple[tuple[str, Any, type | None], ...]:
    """The recorded fields: where the value stands, the field, and the type of values that it keeps as given."""
    fields: list[Any] = [kind._meta.get_field(name) for name in kind.RECORDED]
    return tuple((field.attname, field, _KEPT_AS_GIVEN.get(type(field))) for field in fields)


def _as_kept(field: Any, value: Any) -> Any:
    """The value as it will come back from the database, whatever the action assigned ("3", 3, Decimal(3) …)."""
    if value is None:
        return None
    value = field.to_python(value)
    if isinstance(value, Decimal) and isinstance(field, models.DecimalField):
        return value.quantize(Decimal(1).scaleb(-field.decimal_places))
    return value


class EntryQuerySet(models.QuerySet["Entry"]):
    """Timelines and the filters of the audit list."""

    def about(self, row: Recorded) -> Self:
        """The timeline of one row, oldest first."""
        return self.filter(noun=row.noun(), object_id=row.pk).order_by("id")

    def about_any(self, things: Iterable[tuple[str, int]]) -> Self:
        """One timeline of several things, given as (noun, id): a case with its tasks and checks, oldest first."""
        ids: dict[str, list[int]] = {}
        for noun, pk in things:
            ids.setdefault(noun, []).append(pk)
        if not ids:
            return self.none()
        wanted = Q()
        for noun, pks in ids.items():
            wanted |= Q(noun=noun, object_id__in=pks)
        return self.filter(wanted).order_by("id")

    def within(self, path: str) -> Self:
        """Entries that belong to the place with this path or to any place below it."""
        return self.filter(below(path, field="place_path"))

    def matching(
        self,
        *,
        event: str = "",
        noun: str = "",
        object_id: int | None = None,
        by: int | None = None,
        post: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        path: str = "",
    ) -> Self:
        """The entries that fit everything that was given; ``since`` is included, ``until`` is not."""
        given: dict[str, Any] = {
            "event": event or None,
            "noun": noun or None,
            "object_id": object_id,
            "by_id": by,
            "post_id": post,
            "at__gte": since,
            "at__lt": until,
        }
        return self.filter(**{name: value for name, value in given.items() if value is not None}).within(path)

    def newest_first(self, *, before: int | None = None) -> Self:
        """Newest first; ``before`` is the last id of the page already seen."""
        entries = self if before is None else self.filter(id__lt=before)
        return entries.order_by("-id")

    def unsealed(self, *, behind: int = 0) -> Self:
        """Entries that no seal holds yet. ``behind``: look only at ids greater than this."""
        entries = self.filter(id__gt=behind) if behind else self
        return entries.filter(~models.Exists(Leaf.objects.filter(entry=models.OuterRef("pk")))).order_by("id")


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
    fingerprint = models.BinaryField()  # Recorded.fingerprint() of the row after the step

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["noun", "object_id", "seq"], name="entry_once_per_step"),
            models.CheckConstraint(name="entry_counts_from_one", condition=Q(seq__gte=1)),
        ]
        indexes = [
            models.Index(fields=["event", "at"], name="entry_by_event"),
            models.Index(fields=["place_path", "at"], name="entry_by_place"),
            models.Index(fields=["by_id", "at"], name="entry_by_person", condition=Q(by_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.noun} {self.object_id} #{self.seq}"

    def canonical(self) -> bytes:
        """The bytes that are sealed: everything the entry says."""
        return spell(
            self.pk,
            self.event,
            self.noun,
            self.object_id,
            self.seq,
            self.place_path,
            self.by_id,
            self.post_id,
            self.at,
            self.data,
            self.fingerprint,
        )

    def proof_url(self) -> str:
        """The proof page with the key that opens this entry's wording. Give it only to those who may see the row."""
        return f"{reverse('ledger:proof', args=[self.pk])}?key={proof_key(self.pk)}"


# The order of the arguments of spell(), for reading many entries without building objects.
SPELT = ("id", "event", "noun", "object_id", "seq", "place_path", "by_id", "post_id", "at", "data", "fingerprint")


def spell(
    id: int,
    event: str,
    noun: str,
    object_id: int,
    seq: int,
    place_path: str,
    by_id: int | None,
    post_id: int | None,
    at: datetime,
    data: Any,
    fingerprint: bytes | memoryview,
) -> bytes:
    """The canonical bytes of an entry."""
    return canonical(
        {
            "id": id,
            "event": event,
            "noun": noun,
            "object": object_id,
            "seq": seq,
            "place": place_path,
            "by": by_id,
            "post": post_id,
            "at": at,
            "data": data,
            "fingerprint": fingerprint,
        }
    )


def proof_key(entry_id: int) -> str:
    return signing.Signer(salt="ledger.proof").signature(str(entry_id))


class Seal(models.Model):
    """A batch of entries under one Merkle root, chained to the seal before it."""

    number = models.PositiveBigIntegerField(primary_key=True)  # 1, 2, 3 … without a gap
    size = models.PositiveIntegerField()
    root = models.BinaryField(max_length=32)
    previous = models.BinaryField(max_length=32)  # the chained root of the seal before; 32 zero bytes at the start
    chained = models.BinaryField(max_length=32)
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()
    sealed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="seal_counts_from_one", condition=Q(number__gte=1)),
            models.CheckConstraint(name="seal_holds_something", condition=Q(size__gte=1)),
            models.CheckConstraint(name="seal_runs_forward", condition=Q(last_entry__gte=models.F("first_entry"))),
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"

    def facts(self) -> dict[str, Any]:
        """What is published: JSON-ready, hashes in hexadecimal."""
        return {
            "number": self.number,
            "size": self.size,
            "root": bytes(self.root).hex(),
            "previous": bytes(self.previous).hex(),
            "chained": bytes(self.chained).hex(),
            "first_entry": self.first_entry,
            "last_entry": self.last_entry,
            "sealed_at": _plain(self.sealed_at),
        }


class Leaf(models.Model):
    """The place of one entry in its seal."""

    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, primary_key=True, related_name="leaf")
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="leaves", db_index=False)
    position = models.PositiveIntegerField()  # 0, 1, 2 … in the order of entry ids
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["seal", "position"], name="leaf_one_per_position")]
