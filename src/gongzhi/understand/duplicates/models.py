"""What is kept to find a text again: a few rare pieces of each, as numbers."""

from __future__ import annotations

import numpy as np
from django.db import models

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.understand.cases.models import Case


def unpack(packed: bytes | memoryview) -> list[int]:
    """The grams of a signature as the postings name them."""
    return [int(one) for one in np.frombuffer(packed, dtype="<i4")]


class SignatureQuerySet(models.QuerySet["Signature"]):
    def delete(self) -> tuple[int, dict[str, int]]:
        """A signature takes its postings along, also when its time is over."""
        for message_id, packed in list(self.values_list("message_id", "grams")):
            Posting.objects.filter(gram__in=unpack(packed), message_id=message_id).delete()
        return super().delete()


class Signature(models.Model):
    """The rarest grams of the text that opened a case, while others may still report the same."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, primary_key=True, related_name="signature")
    message_id = models.BigIntegerField()  # whose text it is
    grams = models.BinaryField()  # 32-bit numbers, one after the other
    signed_at = models.DateTimeField()

    objects = SignatureQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"

    def __str__(self) -> str:
        return str(self.case_id)


class Posting(models.Model):
    """One gram of one signature: the table that is searched. Nothing else stands in it, so that it stays small."""

    pk = models.CompositePrimaryKey("gram", "message_id")
    gram = models.IntegerField()
    message_id = models.BigIntegerField()  # and not the case: the text is what is read next

    def __str__(self) -> str:
        return f"{self.gram}: {self.message_id}"


class Frequencies(models.Model):
    """In how many of the counted texts each gram stands (one row). Counted anew when the house has grown."""

    texts = models.PositiveIntegerField(default=0)
    counts = models.BinaryField()  # compressed; sums over many texts, from which no text can be read
    signatures = models.PositiveIntegerField(default=0)  # how many there were at that time
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.counted_at:%Y-%m-%d}"


class Apart(Recorded):
    """Two cases that somebody has found not to be the same. They are not proposed again."""

    first = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")  # the lower id
    second = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    RECORDED = ("first_id", "second_id", "by_id", "at")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="apart_once"),
            models.CheckConstraint(name="apart_in_order", condition=models.Q(first__lt=models.F("second"))),
        ]

    def __str__(self) -> str:
        return f"{self.first} ≠ {self.second}"
