"""A theme: demands of a period and an area that are about one thing, with an owner and an answer for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.reach import holds_position, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Place
from gongzhi.understand.cases.models import Case


class SurveyQuerySet(models.QuerySet["Survey"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "themes.look"))


class Survey(Recorded):
    """One look for themes: which place, which categories, which days. A worker does it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    category = models.CharField(_("category"), max_length=80, blank=True)  # code of the top of a subtree
    since = models.DateTimeField()
    until = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    read = models.PositiveIntegerField(default=0)  # cases that were compared
    left_out = models.PositiveIntegerField(default=0)  # cases beyond the size that is compared at once
    found = models.PositiveIntegerField(default=0)  # themes proposed
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    RECORDED = (
        "place_id", "category", "since", "until", "state", "read", "left_out", "found", "by_id", "at", "done_at",
    )  # fmt: skip

    objects = SurveyQuerySet.as_manager()

    class Meta:
        verbose_name = _("look for themes")
        verbose_name_plural = _("looks for themes")
        constraints = [
            models.CheckConstraint(name="survey_state_is_known", condition=Q(state__in=["waiting", "done"])),
            models.CheckConstraint(name="survey_looks_back", condition=Q(until__gt=F("since"))),
        ]
        indexes = [models.Index(fields=["place_path", "-at"], name="survey_by_place")]

    def __str__(self) -> str:
        return f"{self.place} {self.since:%Y-%m-%d}–{self.until:%Y-%m-%d}"


class State(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    CONFIRMED = "confirmed", _("Confirmed")
    ASSIGNED = "assigned", _("With its owner")
    ANSWERED = "answered", _("Answered")
    DROPPED = "dropped", _("Not a theme")


class Move(models.TextChoices):
    CONFIRM = "confirm", _("Confirm")
    ASSIGN = "assign", _("Give it an owner")
    ANSWER = "answer", _("Answer")
    DROP = "drop", _("Drop")
    EDIT = "edit", _("Change")


MOVES: Final[Mapping[Move, tuple[frozenset[State], State | None]]] = MappingProxyType(
    {
        Move.CONFIRM: (frozenset({State.PROPOSED}), State.CONFIRMED),
        Move.ASSIGN: (frozenset({State.CONFIRMED, State.ASSIGNED}), State.ASSIGNED),
        Move.ANSWER: (frozenset({State.ASSIGNED}), State.ANSWERED),
        Move.DROP: (frozenset({State.PROPOSED, State.CONFIRMED}), State.DROPPED),
        Move.EDIT: (frozenset({State.PROPOSED, State.CONFIRMED, State.ASSIGNED}), None),
    }
)
LIVE: Final = (State.PROPOSED, State.CONFIRMED, State.ASSIGNED)


class ThemeQuerySet(models.QuerySet["Theme"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Who looks for themes there, and the owner from the moment it is theirs."""
        owned = holds_position(user, role="owner_role", place="owner_place_id", own=True)
        return self.filter(reach(user, "themes.look") | owned & Q(state__in=[State.ASSIGNED, State.ANSWERED]))

    def owned_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(holds_position(user, role="owner_role", place="owner_place_id", own=True))

    def about(self, *case_ids: int) -> Self:
        return self.filter(pk__in=ThemeCase.objects.filter(case_id__in=case_ids).values("theme_id"))

    def answered(self) -> Self:
        return self.filter(state=State.ANSWERED)


class Theme(Moving, Recorded):
    """What many demands are about together. Found by comparing texts; a theme only when a person has confirmed it."""

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, null=True, blank=True, related_name="themes")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PROPOSED)
    name = models.CharField(_("name"), max_length=80)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    since = models.DateTimeField()
    until = models.DateTimeField()
    terms = models.JSONField(_("typical words"), default=list)
    size = models.PositiveIntegerField(default=0)
    proposed_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    owner_role = models.CharField(_("owner"), max_length=30, choices=Role.choices, blank=True)
    owner_place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    assigned_at = models.DateTimeField(null=True, blank=True)
    assigned_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    outcome = models.CharField(_("outcome"), max_length=1000, blank=True)  # everybody behind it reads this
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    dropped_at = models.DateTimeField(null=True, blank=True)
    dropped_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    drop_reason = models.CharField(max_length=300, blank=True)

    RECORDED = (
        "survey_id", "state", "place_id", "place_path", "since", "until", "size", "proposed_at", "confirmed_at",
        "confirmed_by_id", "owner_role", "owner_place_id", "due_at", "assigned_at", "assigned_by_id", "answered_at",
        "answered_by_id", "dropped_at", "dropped_by_id",
    )  # fmt: skip
    WORDS = ("name", "outcome", "drop_reason")

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this theme is “%(state)s”.")

    objects = ThemeQuerySet.as_manager()

    class Meta:
        verbose_name = _("theme")
        verbose_name_plural = _("themes")
        constraints = [
            models.CheckConstraint(name="theme_state_is_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="confirmed_theme_says_who",
                condition=Q(state__in=["proposed", "dropped"]) | Q(confirmed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="assigned_theme_has_an_owner",
                condition=~Q(state__in=["assigned", "answered"])
                | ~Q(owner_role="") & Q(owner_place__isnull=False, due_at__isnull=False),
            ),
            models.CheckConstraint(
                name="answered_theme_says_who",
                condition=Q(state="answered", answered_at__isnull=False, answered_by__isnull=False)
                | ~Q(state="answered") & Q(answered_at__isnull=True),
            ),
            models.CheckConstraint(
                name="dropped_theme_says_who",
                condition=~Q(state="dropped") | Q(dropped_at__isnull=False, dropped_by__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "place_path", "due_at"], name="theme_by_state"),
            models.Index(fields=["owner_place", "owner_role", "state"], name="theme_by_owner"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def number(self) -> str:
        return f"T{timezone.localtime(self.proposed_at).year}-{self.pk:04d}"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


class ThemeCase(models.Model):
    """A case that belongs to a theme: found by its text, or put there by a person."""

    theme = models.ForeignKey(Theme, on_delete=models.PROTECT, related_name="theme_cases")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="theme_cases")
    closeness = models.FloatField(null=True, blank=True)  # mean likeness to the others; none: a person put it there

    class Meta:
        constraints = [models.UniqueConstraint(fields=["theme", "case"], name="case_once_a_theme")]

    def __str__(self) -> str:
        return f"{self.theme}: {self.case}"


class Quote(Recorded):
    """A sentence that a person chose for the brief, with everything personal masked."""

    theme = models.ForeignKey(Theme, on_delete=models.PROTECT, related_name="quotes")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(_("quote"), max_length=300)
    chosen_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField()
    taken_out_at = models.DateTimeField(null=True, blank=True)

    RECORDED = ("theme_id", "case_id", "chosen_by_id", "chosen_at", "taken_out_at")
    WORDS = ("text",)

    def __str__(self) -> str:
        return self.text
