"""In which rhythm somebody wants to be reminded, and what was sent."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.privacy.fields import SealedTextField
from gongzhi.verify.notices.models import State, Way, Why

FIRST_HOUR, LAST_HOUR = 6, 21
HOURS: Final = tuple((hour, f"{hour}:00") for hour in range(FIRST_HOUR, LAST_HOUR + 1))


class Rhythm(models.TextChoices):
    OFF = "off", _("Never")
    DAILY = "daily", _("Every working day")
    WEEKLY = "weekly", _("Once a week")


class Weekday(models.IntegerChoices):
    MONDAY = 1, _("Monday")
    TUESDAY = 2, _("Tuesday")
    WEDNESDAY = 3, _("Wednesday")
    THURSDAY = 4, _("Thursday")
    FRIDAY = 5, _("Friday")


class Digest(Recorded):
    """What one person has chosen. Without a row: never. Switched off, the addresses are gone too."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="digest")
    rhythm = models.CharField(_("how often"), max_length=6, choices=Rhythm.choices, default=Rhythm.OFF)
    hour = models.PositiveSmallIntegerField(pgettext_lazy("time of day", "at"), choices=HOURS, default=8)
    weekday = models.PositiveSmallIntegerField(
        pgettext_lazy("day of the week", "on"), choices=Weekday.choices, default=Weekday.MONDAY
    )
    email = SealedTextField(_("e-mail"), blank=True)
    phone = SealedTextField(_("telephone"), mask="phone", blank=True)
    changed_at = models.DateTimeField()

    RECORDED = ("user_id", "rhythm", "hour", "weekday", "changed_at")

    class Meta:
        constraints = [
            models.CheckConstraint(name="digest_rhythm_is_known", condition=Q(rhythm__in=Rhythm.values)),
            models.CheckConstraint(name="digest_wakes_nobody", condition=Q(hour__gte=FIRST_HOUR, hour__lte=LAST_HOUR)),
            models.CheckConstraint(name="digest_comes_on_a_weekday", condition=Q(weekday__in=Weekday.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.rhythm}"


class SendingQuerySet(models.QuerySet["Sending"]):
    def due(self, now: datetime) -> Self:
        return self.filter(state=State.QUEUED, due_at__lte=now)


class Sending(models.Model):
    """One digest of one day, one way. The text is made when it is sent; nothing of it is kept."""

    digest = models.ForeignKey(Digest, on_delete=models.PROTECT, related_name="sendings")
    day = models.DateField()
    way = models.CharField(max_length=8, choices=Way.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    why = models.CharField(max_length=12, choices=Why.choices, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = SendingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "way", "day"], name="one_digest_a_day_and_way"),
            models.CheckConstraint(
                name="sending_state_is_known", condition=Q(state__in=["queued", "sent", "failed", "skipped"])
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="sending_by_due", condition=Q(state="queued"))]

    def __str__(self) -> str:
        return f"{self.digest_id}: {self.way} {self.day}"
