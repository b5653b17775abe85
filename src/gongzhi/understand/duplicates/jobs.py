"""Counting anew how rare the grams are, as the house grows."""

from __future__ import annotations

import zlib
from datetime import datetime

from django.db import transaction

from gongzhi.understand.cases.models import Case, Voice
from gongzhi.understand.duplicates.actions import sign
from gongzhi.understand.duplicates.grams import count, forget
from gongzhi.understand.duplicates.models import Frequencies, Signature

SAMPLE = 100_000  # the newest texts, at most


def sign_missing(*, now: datetime) -> int:
    """Sign open cases that came before this room did, some thousands at a time."""
    unsigned = Case.objects.open().filter(signature=None).order_by("-pk").values_list("pk", flat=True)
    with transaction.atomic():
        return sign(list(unsigned[:5000]), now=now)


def count_grams(*, now: datetime, anyway: bool = False) -> bool:
    """Count when there are a fifth more signatures than last time. Old signatures stay right, only less even.

    A text is looked for by nearly all of its grams, so it finds what was signed by older counts too.
    """
    there = Signature.objects.count()
    last = Frequencies.objects.order_by("-pk").first()
    before = last.signatures if last is not None else 0
    if not anyway and (there < 200 or 5 * before >= 4 * there):
        return False
    told = Voice.objects.filter(joined_at__isnull=True).order_by("-pk").values_list("message__text", flat=True)
    counted = count(told[:SAMPLE].iterator(chunk_size=2000))
    with transaction.atomic():
        Frequencies.objects.create(
            texts=counted.texts,
            counts=zlib.compress(counted.found.tobytes(), 1),
            signatures=there,
            counted_at=now,
        )
        if last is not None:
            Frequencies.objects.filter(pk__lte=last.pk).delete()
    forget()
    return True
