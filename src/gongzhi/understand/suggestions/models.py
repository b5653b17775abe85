"""Suggestions: kept beside the case, never applied to it. What a person decided stands beside what was suggested."""

from __future__ import annotations

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.understand.cases.models import Case, Category


class SuggestionQuerySet(models.QuerySet["Suggestion"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(case__in=Case.objects.visible_to(user))

    def confirmed(self) -> Self:
        return self.filter(confirmed_at__isnull=False)


class Suggestion(models.Model):
    """What the opening message of a case seems to be about. Words are kept as places in the text, never as words."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, primary_key=True, related_name="suggestion")
    made_at = models.DateTimeField()
    model = models.CharField(_("classifier"), max_length=40)  # its version
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, related_name="+")
    confidence = models.FloatField(_("confidence"), default=0)
    ranked = models.JSONField(default=list)  # [[category id, confidence]], the likeliest first
    spans = models.JSONField(default=list)  # [[start, end]] of the words that led to the category
    urgency = models.CharField(max_length=8, choices=Case.Urgency.choices, default=Case.Urgency.NORMAL)
    urgency_rules = models.JSONField(default=list)  # [[rule code, start, end]]
    place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, related_name="+")
    place_confidence = models.FloatField(default=0)
    places = models.JSONField(default=list)  # [[start, end, place id or null, confidence]]
    times = models.JSONField(default=list)  # [[start, end, kind, moment, hours, confidence]]
    confirmed_at = models.DateTimeField(_("sorted by a person"), null=True, blank=True)
    confirmed = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, related_name="+")
    was_right = models.BooleanField(null=True)  # none: nobody has sorted the case, or nothing was suggested
    was_in_three = models.BooleanField(null=True)
    urgency_was_right = models.BooleanField(null=True)

    objects = SuggestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        indexes = [
            models.Index(fields=["confirmed_at"], name="suggestion_by_confirmation"),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.category}"


class TrainedModel(Recorded):
    """One training: from how much, how good on cases it had not seen, and whether it went into use."""

    class Source(models.TextChoices):
        OWN = "own", _("Own closed cases")
        SYNTHETIC = "synthetic", _("Invented texts")

    name = models.CharField(_("version"), max_length=40, unique=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    sha256 = models.CharField(max_length=64)
    texts = models.PositiveIntegerField(_("texts"))
    categories = models.PositiveIntegerField()
    macro_f1 = models.FloatField(_("macro-F1"))
    before = models.FloatField(null=True)  # of the classifier that was in use, on the same held-out cases
    figures = models.JSONField(default=dict)  # as training.Figures gives them
    in_use = models.BooleanField(_("went into use"))
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("trained"))

    RECORDED = ("name", "source", "sha256", "texts", "categories", "in_use", "by_id", "at")

    class Meta:
        verbose_name = _("classifier")
        verbose_name_plural = _("classifiers")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return self.name
