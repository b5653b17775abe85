"""A bulletin: the numbers of one month at one place, as they were when it was made."""

from __future__ import annotations

import hashlib
from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.reach import reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded, canonical
from gongzhi.ground.places.models import Place


class BulletinQuerySet(models.QuerySet["Bulletin"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "rates.read"))

    def newest(self) -> Self:
        """Of each place and month the last revision."""
        later = Bulletin.objects.filter(
            place=models.OuterRef("place"), month=models.OuterRef("month"), revision__gt=models.OuterRef("revision")
        )
        return self.filter(~models.Exists(later))


class Bulletin(Recorded):
    """Frozen numbers. Counting anew makes another revision; what was published stays as it was."""

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+", verbose_name=_("place"))
    place_path = models.CharField(max_length=30)
    month = models.DateField(_("month"))  # its first day
    revision = models.PositiveSmallIntegerField(_("revision"), default=1)
    figures = models.JSONField(default=dict)  # counts, codes and names of posts and categories; no person
    digest = models.CharField(max_length=64)  # of the figures, so that the record proves them
    made_at = models.DateTimeField(_("made"))
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = ("place_id", "month", "revision", "digest", "made_at", "made_by_id")

    objects = BulletinQuerySet.as_manager()

    class Meta:
        verbose_name = _("monthly bulletin")
        verbose_name_plural = _("monthly bulletins")
        constraints = [
            models.UniqueConstraint(fields=["place", "month", "revision"], name="bulletin_once_a_revision"),
            models.CheckConstraint(name="bulletin_is_of_a_whole_month", condition=Q(month__day=1)),
        ]
        indexes = [models.Index(fields=["-month", "place_path"], name="bulletin_by_month")]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """ "110108014-202611", and "-2" for the second revision."""
        tail = f"-{self.revision}" if self.revision > 1 else ""
        return f"{self.place_path}-{self.month:%Y%m}{tail}"

    @property
    def is_whole(self) -> bool:
        """Whether the figures are those that were recorded."""
        return self.digest == digest_of(self.figures)


def digest_of(figures: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(figures)).hexdigest()
