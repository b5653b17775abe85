"""A visit: one position looked in on somebody, what they asked for, and what was promised them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.reach import holds_position
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Place


class State(models.TextChoices):
    PLANNED = "planned", _("Planned")
    MADE = "made", _("Made")
    DROPPED = "dropped", _("No longer needed")


class Move(models.TextChoices):
    MAKE = "make", _("Make the visit")
    DROP = "drop", _("Drop the visit")


MOVES: Final[Mapping[Move, tuple[frozenset[State], State]]] = MappingProxyType(
    {
        Move.MAKE: (frozenset({State.PLANNED}), State.MADE),
        Move.DROP: (frozenset({State.PLANNED}), State.DROPPED),
    }
)


class VisitQuerySet(models.QuerySet["Visit"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those who hold the position that visits. What somebody said at their door is nobody else's business."""
        return self.filter(holds_position(user, role="role", place="position_place_id"))

    def planned(self) -> Self:
        return self.filter(state=State.PLANNED)

    def promised(self) -> Self:
        """Made, with a promise that is not kept yet."""
        return self.filter(state=State.MADE, promise_due__isnull=False, kept_on__isnull=True)

    def late(self, today: date) -> Self:
        return self.promised().filter(promise_due__lt=today)


class Visit(Moving, Recorded):
    """A visit belongs to a position. Where it was is a place of the list, never where a telephone happened to be."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # may be drawn on the device
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.PLANNED)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+", verbose_name=_("grid or building"))
    place_path = models.CharField(max_length=30)
    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    position_place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    day = models.DateField(_("day"))  # on which it is planned or was made
    whom = models.CharField(_("with whom"), max_length=80, blank=True)
    asked = models.CharField(_("what they asked for"), max_length=500, blank=True)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    promise = models.CharField(_("what was promised"), max_length=300, blank=True)
    promise_due = models.DateField(_("promised until"), null=True, blank=True)
    kept_on = models.DateField(_("kept on"), null=True, blank=True)
    kept_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    kept_words = models.CharField(_("how it was kept"), max_length=300, blank=True)

    RECORDED = (
        "uid", "state", "place_id", "place_path", "role", "position_place_id", "day", "entered_at", "entered_by_id",
        "made_by_id", "promise_due", "kept_on", "kept_by_id",
    )  # fmt: skip
    WORDS = ("whom", "asked", "promise", "kept_words")

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this visit is “%(state)s”.")

    objects = VisitQuerySet.as_manager()

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        constraints = [
            models.CheckConstraint(name="visit_state_is_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="made_visit_says_by_whom",
                condition=Q(state="made", made_by__isnull=False) | ~Q(state="made") & Q(made_by__isnull=True),
            ),
            models.CheckConstraint(
                name="promise_belongs_to_a_visit_that_was_made",
                condition=Q(promise_due__isnull=True) | Q(state="made"),
            ),
            models.CheckConstraint(
                name="kept_promise_says_when_and_by_whom",
                condition=Q(kept_on__isnull=True, kept_by__isnull=True)
                | Q(kept_on__isnull=False, kept_by__isnull=False, promise_due__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["position_place", "role", "state", "day"], name="visit_by_position"),
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.day}"
