"""The burden of a post in a week, what a sender asked in a week, and the question that a threshold raises."""

from __future__ import annotations

from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Substr
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gongzhi.ground.access.reach import NOTHING, posts_of, posts_with, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import below


def _own(user: User | AnonymousUser) -> Q:
    """Rows of the person's own positions. Standing in for somebody shows nobody else's figures."""
    condition = Q()
    posts = posts_of(user)
    for post in posts:
        condition |= Q(role=post.role, place_id=post.place_id)
    return condition if posts else NOTHING


def _at_office(user: User | AnonymousUser) -> Q:
    return Q(place_id__in=sorted({post.place_id for post in posts_with(user, "directives.issue")}))


class WeekLoadQuerySet(models.QuerySet["WeekLoad"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The person's own positions, and those of the community or street that looks after them."""
        return self.filter(_own(user) | reach(user, "load.read"))

    def own(self, user: User | AnonymousUser) -> Self:
        return self.filter(_own(user))

    def below(self, path: str) -> Self:
        return self.filter(below(path, "place_path"))

    def by_ancestor(self, length: int) -> Any:
        """Grouped by the place whose path has this length: all posts of a community in one."""
        return self.order_by().annotate(above=Substr("place_path", 1, length)).values("above")


class WeekLoad(models.Model):
    """What was asked of one position (role and place) in one week. Totals only; counted anew each day.

    Never a person: whoever holds the post sees its figures, also those from before. Nobody is ranked by them.
    """

    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    week = models.DateField(_("week"))  # its Monday
    pieces = models.PositiveIntegerField(_("pieces of work"), default=0)  # work orders, and pieces of directives
    forms = models.PositiveIntegerField(_("reports asked for"), default=0)  # those of them that want a report back
    minutes = models.PositiveIntegerField(_("minutes reported"), default=0)  # as said in the reports
    asked_minutes = models.PositiveIntegerField(_("minutes estimated by senders"), default=0)
    # reminders, slips, questions to answer
    messages = models.PositiveIntegerField(pgettext_lazy("reminders and questions", "messages"), default=0)

    objects = WeekLoadQuerySet.as_manager()

    class Meta:
        verbose_name = _("burden of a post in a week")
        verbose_name_plural = _("burdens of posts in weeks")
        constraints = [
            models.UniqueConstraint(fields=["week", "role", "place"], name="burden_once_a_post_and_week"),
            models.CheckConstraint(name="burden_week_begins_on_monday", condition=Q(week__iso_week_day=1)),
        ]
        indexes = [models.Index(fields=["place_path", "week"], name="burden_by_place")]

    def __str__(self) -> str:
        return f"{self.role} {self.place_path} {self.week}"


class SenderWeekQuerySet(models.QuerySet["SenderWeek"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The office that asked, and whoever looks after it."""
        return self.filter(_at_office(user) | reach(user, "load.read"))

    def own(self, user: User | AnonymousUser) -> Self:
        return self.filter(_at_office(user))


class SenderWeek(models.Model):
    """What one office asked of others in one week."""

    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    week = models.DateField(_("week"))
    directives = models.PositiveIntegerField(_("directives"), default=0)
    reports = models.PositiveIntegerField(_("reports asked for"), default=0)  # sendings: each wants one report back
    places = models.PositiveIntegerField(_("places asked"), default=0)  # different ones
    pieces = models.PositiveIntegerField(_("pieces sent"), default=0)  # reports times places
    minutes = models.PositiveBigIntegerField(_("minutes estimated for all places"), default=0)

    objects = SenderWeekQuerySet.as_manager()

    class Meta:
        verbose_name = _("askings of an office in a week")
        verbose_name_plural = _("askings of offices in weeks")
        constraints = [
            models.UniqueConstraint(fields=["week", "role", "place"], name="askings_once_an_office_and_week"),
            models.CheckConstraint(name="askings_week_begins_on_monday", condition=Q(week__iso_week_day=1)),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.place_path} {self.week}"


class BurdenQuestionQuerySet(models.QuerySet["BurdenQuestion"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The office that is asked, and whoever looks after it."""
        return self.filter(_at_office(user) | reach(user, "load.read"))

    def to_answer(self, user: User | AnonymousUser) -> Self:
        return self.filter(_at_office(user), answered_at__isnull=True)


class BurdenQuestion(Recorded):
    """ "This week you asked 37 communities for 9 reports": raised by a threshold, answered by the sender in words."""

    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    week = models.DateField(_("week"))
    reports = models.PositiveIntegerField(_("reports asked for"))
    places = models.PositiveIntegerField(_("places asked"))
    minutes = models.PositiveBigIntegerField(_("minutes estimated for all places"))
    over = models.PositiveIntegerField(_("posts above the threshold"))
    asked_at = models.DateTimeField(_("asked"))
    answer = models.CharField(_("answer"), max_length=1000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "role", "place_id", "place_path", "week", "reports", "places", "minutes", "over", "asked_at", "answered_at",
        "answered_by_id",
    )  # fmt: skip
    WORDS = ("answer",)

    objects = BurdenQuestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("question about the burden")
        verbose_name_plural = _("questions about the burden")
        constraints = [
            models.UniqueConstraint(fields=["week", "role", "place"], name="one_burden_question_an_office_and_week"),
            models.CheckConstraint(name="burden_question_has_a_cause", condition=Q(over__gte=1)),
            models.CheckConstraint(
                name="answered_burden_question_says_who",
                condition=Q(answered_at__isnull=True, answered_by__isnull=True)
                | Q(answered_at__isnull=False, answered_by__isnull=False, answered_at__gte=F("asked_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.place_path} {self.week}"

    @property
    def is_open(self) -> bool:
        return self.answered_at is None
