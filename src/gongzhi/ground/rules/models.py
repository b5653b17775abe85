"""What a place decided for itself: overrides of rules and days of the calendar. Nothing is deleted here."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.models import Recorded


class RuleOverrideQuerySet(models.QuerySet["RuleOverride"]):
    def in_force(self, on: date) -> Self:
        return self.filter(valid_from__lte=on).filter(Q(valid_to__isnull=True) | Q(valid_to__gt=on))


class RuleOverride(Recorded):
    """A value of a rule for one place and everything below it, from one day until (not including) another.

    Without a place it holds everywhere in this installation.
    """

    place = models.ForeignKey("places.Place", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30, blank=True)
    key = models.CharField(_("rule"), max_length=80)
    value = models.JSONField(_("value"))
    valid_from = models.DateField(_("from"))
    valid_to = models.DateField(_("until"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    RECORDED = ("place_id", "place_path", "key", "value", "valid_from", "valid_to", "by_id")

    objects = RuleOverrideQuerySet.as_manager()

    class Meta:
        verbose_name = _("override of a rule")
        verbose_name_plural = _("overrides of rules")
        constraints = [
            models.CheckConstraint(
                name="override_ends_after_it_begins",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
            ),
            models.CheckConstraint(
                name="override_place_has_path",
                condition=Q(place__isnull=True, place_path="") | (Q(place__isnull=False) & ~Q(place_path="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.place_path or '*'} {self.valid_from}"


class CalendarDayQuerySet(models.QuerySet["CalendarDay"]):
    def standing(self) -> Self:
        return self.filter(removed_at__isnull=True)


class CalendarDay(Recorded):
    """A day on which work differs from Monday-to-Friday and from the holiday pack, everywhere or below one place."""

    class Kind(models.TextChoices):
        HOLIDAY = "holiday", _("day off")
        WORKDAY = "workday", _("working day")

    date = models.DateField(_("date"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=60, blank=True)
    place = models.ForeignKey("places.Place", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30, blank=True)
    removed_at = models.DateTimeField(null=True, editable=False)

    RECORDED = ("date", "kind", "name", "place_id", "place_path", "removed_at")

    objects = CalendarDayQuerySet.as_manager()

    class Meta:
        verbose_name = _("day of the calendar")
        verbose_name_plural = _("days of the calendar")
        constraints = [
            models.UniqueConstraint(
                fields=["date", "place_path"], condition=Q(removed_at__isnull=True), name="calendar_day_once_per_place"
            ),
            models.CheckConstraint(name="calendar_day_kind", condition=Q(kind__in=["holiday", "workday"])),
            models.CheckConstraint(
                name="calendar_day_place_has_path",
                condition=Q(place__isnull=True, place_path="") | (Q(place__isnull=False) & ~Q(place_path="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.kind} {self.place_path or '*'}"
