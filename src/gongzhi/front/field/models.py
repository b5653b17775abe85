"""What devices have sent: each thing once, whatever the network does."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.accounts.models import User


class Outcome(models.TextChoices):
    DONE = "done", _("Taken in")
    CONFLICT = "conflict", _("No longer possible")
    DOUBTFUL = "doubtful", _("Its time cannot be right")


class SentQuerySet(models.QuerySet["Sent"]):
    def of(self, user: User) -> Self:
        return self.filter(user_id=user.pk)

    def kept_aside(self) -> Self:
        """What could not be taken in and nobody has said "understood" to yet."""
        return self.exclude(outcome=Outcome.DONE).filter(settled_at=None)


class Sent(models.Model):
    """One thing that a person's device sent, under the key that the device drew for it, and what came of it.

    Sent again, it gets the same answer. What did not fit any more is kept here in its words, so that nothing that
    somebody typed on a staircase is lost.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=64)
    kind = models.CharField(max_length=30)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    ids = models.JSONField(default=dict, blank=True)  # of what came of it: numbers only
    says = models.CharField(max_length=400, blank=True)  # what happened meanwhile
    words = models.TextField(blank=True)  # what was typed, when it could not be taken in
    written_at = models.DateTimeField()  # by our clock
    at = models.DateTimeField(db_index=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = SentQuerySet.as_manager()

    class Meta:
        verbose_name = _("sent from the field")
        verbose_name_plural = _("sent from the field")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="sent_once_a_key")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.outcome}"
