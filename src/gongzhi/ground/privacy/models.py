"""Who looked at personal data and why, and what was erased and when. Neither says what the data was."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded


class RevealQuerySet(models.QuerySet["Reveal"]):
    def of(self, model: str, object_id: int) -> Self:
        return self.filter(model=model, object_id=object_id)


class Reveal(Recorded):
    """One look at one masked value, with its reason. The person whose value it is may read this."""

    model = models.CharField(max_length=60)  # "channels.Message"
    object_id = models.BigIntegerField()
    field = models.CharField(max_length=60)
    reason = models.CharField(_("reason"), max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30, blank=True)
    at = models.DateTimeField(_("when"), db_index=True)

    RECORDED = ("model", "object_id", "field", "by_id", "post_id", "place_path", "at")

    objects = RevealQuerySet.as_manager()

    class Meta:
        verbose_name = _("look at personal data")
        verbose_name_plural = _("looks at personal data")
        indexes = [models.Index(fields=["model", "object_id"], name="reveal_by_object")]


class Erasure(Recorded):
    """One batch of values that the retention job erased: how many, and from which row to which."""

    model = models.CharField(max_length=60)
    field = models.CharField(max_length=60)
    rows = models.PositiveIntegerField()
    first_id = models.CharField(max_length=40, blank=True)  # blank where a row's key is itself a secret (sessions)
    last_id = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField(db_index=True)

    RECORDED = ("model", "field", "rows", "first_id", "last_id", "at")

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        constraints = [models.CheckConstraint(name="erasure_erased_something", condition=Q(rows__gte=1))]


class Export(Recorded):
    """One table that somebody took out of the house: how many rows, and by which filters (words left out)."""

    what = models.CharField(max_length=60)  # "cases.Case"
    form = models.CharField(max_length=8)  # "csv", "xlsx"
    rows = models.PositiveIntegerField()
    asked = models.JSONField(default=dict)  # the filters that are codes, numbers and days
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"), db_index=True)

    RECORDED = ("what", "form", "rows", "asked", "by_id", "post_id", "at")

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")

    def __str__(self) -> str:
        return f"{self.what}: {self.rows}"


class DoomedFile(models.Model):
    """A file whose row no longer names it. It stands here until it is really gone from the storage."""

    model = models.CharField(max_length=60)
    field = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "field", "name"], name="file_doomed_once")]
