"""Who is told what, and what could not be told yet."""

from __future__ import annotations

import uuid
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.reach import reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.fields import SealedTextField

# What may be told. Nothing here carries more than ids, codes and numbers, like every event of the house.
EVENTS = (
    "cases.CaseOpened", "cases.CaseSorted", "cases.CasePlaced", "cases.CaseAssigned", "cases.CaseTakenBack",
    "cases.CasePaused", "cases.CaseResumed", "cases.DeadlineExtended", "cases.CaseAwaitsCheck", "cases.CaseReopened",
    "cases.CaseClosed", "cases.CaseWithdrawn", "cases.CasesMerged", "cases.CasesUnmerged",
    "tasks.TaskOpened", "tasks.TaskAccepted", "tasks.TaskReported", "tasks.TaskReturned", "tasks.TaskCancelled",
    "directives.DirectiveIssued", "directives.DirectiveWithdrawn", "directives.DirectiveClosed",
    "directives.RoundSent", "directives.AssignmentRead", "directives.AssignmentAccepted",
    "directives.AssignmentPassedDown", "directives.QuestionAsked", "directives.QuestionAnswered",
    "directives.AssignmentReported", "directives.AssignmentReturned", "directives.AssignmentConfirmed",
    "directives.AssignmentRefused", "directives.AssignmentWithdrawn", "directives.StepTaken",
    "checks.CheckAsked", "checks.CheckPassed", "checks.CheckFailed",
)  # fmt: skip


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "webhooks.manage"))


class Subscription(Recorded):
    """One address that is told about some kinds of events at a place and everywhere below it."""

    class State(models.TextChoices):
        ON = "on", _("on")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("what it is for"), max_length=60)
    url = models.CharField(_("address"), max_length=500)
    events = models.JSONField(default=list)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+", verbose_name=_("place"))
    place_path = models.CharField(max_length=30)
    secret = SealedTextField()
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.ON)
    created_at = models.DateTimeField()
    # How it goes at the moment: none of this is worth an entry in the record.
    failing_since = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(null=True, blank=True)  # nobody knocks before: one slow address holds up nobody
    failures = models.PositiveIntegerField(default=0)  # in a row
    told_at = models.DateTimeField(null=True, blank=True)  # last time it went well

    RECORDED = ("events", "place_id", "state", "created_at")
    WORDS = ("name", "url")

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints = [
            models.CheckConstraint(name="webhook_state_is_known", condition=Q(state__in=["on", "paused", "ended"])),
        ]

    def __str__(self) -> str:
        return self.name


class Missed(models.Model):
    """An entry that an address has not accepted yet. It goes when it has."""

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="missed")
    entry_id = models.BigIntegerField()
    event = models.CharField(max_length=80)
    attempts = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    problem = models.CharField(max_length=40)  # a code: "status 500", "timeout", "refused"

    class Meta:
        verbose_name_plural = "missed"
        constraints = [models.UniqueConstraint(fields=["subscription", "entry_id"], name="missed_once_an_entry")]

    def __str__(self) -> str:
        return f"{self.subscription}: {self.entry_id}"
