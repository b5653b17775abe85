"""A task: a piece of work that one position does. Here the work order of a case."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.reach import holds_position, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Place
from gongzhi.understand.cases.models import Case, CoHandler


class State(models.TextChoices):
    OPEN = "open", _("Waiting to be accepted")
    ACCEPTED = "accepted", _("Accepted")
    DONE = "done", _("Reported as done")
    RETURNED = "returned", _("Returned as not ours")
    CANCELLED = "cancelled", _("No longer needed")


class Move(models.TextChoices):
    ACCEPT = "accept", _("Accept")
    REPORT = "report", _("Report as done")
    RETURN = "return", _("Return as not ours")
    CANCEL = "cancel", _("Cancel")


MOVES: Final[Mapping[Move, tuple[frozenset[State], State]]] = MappingProxyType(
    {
        Move.ACCEPT: (frozenset({State.OPEN}), State.ACCEPTED),
        # Small things are done on the spot: reporting an open task accepts it as well.
        Move.REPORT: (frozenset({State.OPEN, State.ACCEPTED}), State.DONE),
        Move.RETURN: (frozenset({State.OPEN, State.ACCEPTED}), State.RETURNED),
        Move.CANCEL: (frozenset({State.OPEN, State.ACCEPTED}), State.CANCELLED),
    }
)
WAITING: Final = (State.OPEN, State.ACCEPTED)


class TaskQuerySet(models.QuerySet["Task"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """What one of their posts has to do, and what lies where the person may read cases."""
        return self.filter(reach(user, "cases.read") | holds_position(user, role="role", place="place_id"))

    def for_hands_of(self, user: User | AnonymousUser) -> Self:
        """What the person's own posts have to do."""
        return self.filter(holds_position(user, role="role", place="place_id"))

    def waiting(self) -> Self:
        return self.filter(state__in=WAITING)

    def of_lead(self) -> Self:
        """Without the parts of co-handlers."""
        return self.filter(part__isnull=True)

    def late(self, now: datetime) -> Self:
        return self.filter(state__in=WAITING, due_at__lt=now)


class Task(Moving, Recorded):
    """The work order of a case for one position: of the lead (at most one waits), or a co-handler's part."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks")
    # The part of a co-handler; none: the order of the position that leads.
    part = models.ForeignKey(CoHandler, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks")
    round = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    role = models.CharField(_("responsible role"), max_length=30, choices=Role.choices)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)  # of the matter, not of the position
    due_at = models.DateTimeField(_("due"), null=True)
    yellow_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    words = models.CharField(_("what was done"), max_length=500, blank=True)  # the reporter reads this
    return_reason = models.CharField(_("why it is not ours"), max_length=300, blank=True)

    RECORDED = (
        "case_id",
        "round",
        "state",
        "role",
        "place_id",
        "place_path",
        "due_at",
        "opened_at",
        "accepted_at",
        "accepted_by_id",
        "ended_at",
        "ended_by_id",
        "part_id",
    )
    ADDED = frozenset({"part_id"})
    WORDS = ("words", "return_reason")

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this task is “%(state)s”.")

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        constraints = [
            models.CheckConstraint(name="task_state_is_known", condition=Q(state__in=State.values)),
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(state__in=["open", "accepted"], part__isnull=True),
                name="one_waiting_task_a_case",
            ),
            models.UniqueConstraint(
                fields=["part"], condition=Q(state__in=["open", "accepted"]), name="one_waiting_task_a_part"
            ),
            models.UniqueConstraint(fields=["case", "round"], name="task_rounds_are_counted"),
            models.CheckConstraint(
                name="done_task_says_when_and_who",
                condition=~Q(state="done") | Q(ended_at__isnull=False, ended_by__isnull=False),
            ),
            models.CheckConstraint(
                name="returned_task_says_when",
                condition=~Q(state="returned") | Q(ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["place", "role", "state", "due_at"], name="task_by_position"),
            models.Index(fields=["state", "place_path"], name="task_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.case.number}/{self.round}"

    @property
    def waits(self) -> bool:
        return self.state in WAITING


class TaskPhoto(models.Model):
    """A photo of the result. Never asked for; welcome."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="photos")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    large = models.FileField(upload_to="results/", max_length=120)
    small = models.FileField(upload_to="results/", max_length=120)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    def __str__(self) -> str:
        return str(self.uid)
