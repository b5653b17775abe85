"""A check: did it help? Asked of all who reported, or seen by another post; never by the one who did the work."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from gongzhi.act.tasks.models import Task
from gongzhi.ground.access.reach import reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.models import Case


class State(models.TextChoices):
    ASKED = "asked", _("The reporter is asked")
    AT_DESK = "at_desk", _("To be checked by another post")
    PASSED = "passed", _("It helped")
    FAILED = "failed", _("It did not help")
    DROPPED = "dropped", _("No longer needed")


class Result(models.TextChoices):
    HELPED = "helped", _("It helped, says the reporter")
    NOT_HELPED = "not_helped", _("It did not help, says the reporter")
    SEEN_DONE = "seen_done", _("Seen on site: done")
    SEEN_NOT_DONE = "seen_not_done", _("Seen on site: not done")
    UNREACHABLE = "unreachable", _("Reporter unreachable; seen on site: done")


class Method(models.TextChoices):
    LINK = "link", _("By the follow link")
    PHONE = "phone", _("By telephone")
    SMS = "sms", _("By text message")
    SITE = "site", _("On site")
    ANSWERS = "answers", _("By the answers of several reporters")


class Satisfied(models.TextChoices):
    """How content somebody is with the way the matter was handled. Another question than whether it helped."""

    SATISFIED = "satisfied", _("Satisfied")
    PARTLY = "partly", _("Partly satisfied")
    NOT = "not", _("Not satisfied")


LEAST_CONTENT_FIRST = (Satisfied.NOT, Satisfied.PARTLY, Satisfied.SATISFIED)


WAITING = (State.ASKED, State.AT_DESK)
PASSING = (Result.HELPED, Result.SEEN_DONE, Result.UNREACHABLE)


class CheckQuerySet(models.QuerySet["Check"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "checks.check") | reach(user, "cases.read"))

    def for_hands_of(self, user: User) -> Self:
        """What the person may check: within reach, waiting at the desk, and not their own work."""
        return self.filter(reach(user, "checks.check"), state=State.AT_DESK).exclude(worker_id=user.pk)

    def unanswered(self, now: datetime) -> Self:
        return self.filter(state=State.ASKED, answer_until__lte=now)

    def waited_enough(self, now: datetime) -> Self:
        """The time to answer is over: the reporters' own, or the desk's where somebody has said that it helped."""
        return self.filter(
            Q(state=State.ASKED, answer_until__lte=now) | Q(state=State.AT_DESK, due_at__lte=now, said=Result.HELPED)
        )


class Check(Recorded):
    """One check of one reported task."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="checks")
    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="check_of_it")
    place_path = models.CharField(max_length=30)
    worker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")  # who did the work
    worker_role = models.CharField(max_length=30)
    worker_place_id = models.BigIntegerField()
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    asked_at = models.DateTimeField()
    answer_until = models.DateTimeField(null=True, blank=True)  # the reporter's time to answer by link
    due_at = models.DateTimeField(null=True, blank=True)  # for the desk
    method = models.CharField(max_length=8, choices=Method.choices, blank=True)
    result = models.CharField(max_length=14, choices=Result.choices, blank=True)
    words = models.CharField(_("in their words"), max_length=1000, blank=True)
    concluded_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)  # calls that reached nobody
    # What the answers come to, kept here so that a rate of a million cases is one aggregate. The answers themselves
    # are recorded; ``gongzhi rates verify`` counts them anew.
    said = models.CharField(max_length=14, choices=Result.choices, blank=True)  # not_helped if anybody said so
    satisfied = models.CharField(max_length=9, choices=Satisfied.choices, blank=True)  # the least content counts

    RECORDED = (
        "case_id",
        "task_id",
        "worker_id",
        "state",
        "asked_at",
        "method",
        "result",
        "concluded_at",
        "by_id",
        "attempts",
    )
    WORDS = ("words",)

    objects = CheckQuerySet.as_manager()

    class Meta:
        verbose_name = _("check")
        verbose_name_plural = _("checks")
        constraints = [
            models.CheckConstraint(name="check_state_is_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="nobody_checks_their_own_work", condition=Q(by__isnull=True) | ~Q(by=F("worker"))
            ),
            models.CheckConstraint(
                name="concluded_check_says_how",
                condition=~Q(state__in=["passed", "failed"])
                | ~Q(result="") & ~Q(method="") & Q(concluded_at__isnull=False),
            ),
            models.CheckConstraint(
                name="only_the_link_needs_nobody",
                condition=~Q(state__in=["passed", "failed"])
                | Q(method__in=["link", "sms", "answers"])
                | Q(by__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "place_path", "due_at"], name="check_by_state"),
            models.Index(fields=["concluded_at"], name="check_by_conclusion", condition=Q(concluded_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.case} {self.get_state_display()}"

    @property
    def waits(self) -> bool:
        return self.state in WAITING


class Answer(Recorded):
    """What one reporter says about one check. Nobody answers twice, and nobody is counted for somebody else."""

    about = models.ForeignKey(Check, on_delete=models.PROTECT, related_name="answers")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="+")  # whose answer it is
    helped = models.BooleanField(_("it helped"))
    satisfied = models.CharField(_("satisfied"), max_length=9, choices=Satisfied.choices, blank=True)
    words = models.CharField(_("in their words"), max_length=1000, blank=True)
    method = models.CharField(max_length=8, choices=Method.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")  # who called

    RECORDED = ("about_id", "message_id", "helped", "satisfied", "method", "at", "by_id")
    WORDS = ("words",)

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        constraints = [
            models.UniqueConstraint(fields=["about", "message"], name="one_answer_a_reporter"),
            models.CheckConstraint(name="call_is_made_by_somebody", condition=~Q(method="phone") | Q(by__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.message}: {self.helped}"


class Call(models.Model):
    """A call that reached nobody, and when to try again. The step itself stands in the record (CallFailed)."""

    about = models.ForeignKey(Check, on_delete=models.PROTECT, related_name="calls")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    again_at = models.DateTimeField(_("call again at"), null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.message}: {self.at:%Y-%m-%d %H:%M}"
