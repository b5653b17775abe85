"""Capable people (能人) who agreed to be called, calls to them, and groups that claim pieces of assignments."""

from __future__ import annotations

import uuid
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gongzhi.act.directives.models import Assignment
from gongzhi.ground.access.reach import reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.fields import SealedTextField


class Skill(models.TextChoices):
    DRIVING = "driving", _("driving, transport")
    MEDICAL = "medical", _("nursing, first aid")
    ELECTRIC = "electric", _("electricity, water pipes")
    BUILDING = "building", _("building, repair")
    MACHINES = "machines", _("farm and building machines")
    WATER = "water", _("boats, swimming")
    MEDIATION = "mediation", _("mediation, speaking for others")
    COOKING = "cooking", _("cooking for many")
    CARE = "care", _("looking after children or the old")
    COMPUTERS = "computers", _("computers, telephones")
    TRADE = "trade", _("selling, bookkeeping")
    STRENGTH = "strength", _("strong hands")


class Way(models.TextChoices):
    """How somebody agreed to be called."""

    WORD = "word", pgettext_lazy("consent", "said so")
    PAPER = "paper", _("signed a sheet")


class CapableQuerySet(models.QuerySet["Capable"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "callups.keep"))

    def standing(self) -> Self:
        return self.filter(left_at__isnull=True)


class Capable(Recorded):
    """Somebody who can do something and agreed to be called for it. Name and number are sealed; leaving is free."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    name = SealedTextField(_("name"), mask="name", blank=True)
    phone = SealedTextField(_("telephone"), mask="phone", blank=True)
    skills = models.JSONField(_("what they can do"), default=list)  # codes
    consent = models.CharField(_("how they agreed"), max_length=5, choices=Way.choices)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    left_at = models.DateTimeField(null=True, blank=True)

    RECORDED = (
        "uid", "place_id", "place_path", "skills", "consent", "entered_at", "entered_by_id", "left_at",
    )  # fmt: skip

    objects = CapableQuerySet.as_manager()

    class Meta:
        verbose_name = _("capable person")
        verbose_name_plural = _("capable people")
        constraints = [models.CheckConstraint(name="capable_consent_is_known", condition=Q(consent__in=Way.values))]
        indexes = [models.Index(fields=["place_path"], condition=Q(left_at=None), name="capable_by_place")]

    def __str__(self) -> str:
        return str(self.uid)

    @property
    def skill_words(self) -> list[str]:
        return [str(Skill(code).label) for code in self.skills if code in Skill.values]


class CallUpQuerySet(models.QuerySet["CallUp"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "callups.keep"))


class CallUp(Recorded):
    """One call to everybody here who can do something."""

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    skill = models.CharField(_("who is needed"), max_length=12, choices=Skill.choices)
    words = models.CharField(_("what for, where, when"), max_length=200)
    called_at = models.DateTimeField()
    called_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    RECORDED = ("place_id", "place_path", "skill", "called_at", "called_by_id", "ended_at")
    WORDS = ("words",)

    objects = CallUpQuerySet.as_manager()

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        constraints = [models.CheckConstraint(name="call_skill_is_known", condition=Q(skill__in=Skill.values))]

    def __str__(self) -> str:
        return f"{self.skill} {self.place_path}"


class Answer(models.TextChoices):
    WAITING = "waiting", _("not called yet")
    COMES = "comes", _("comes")
    CANNOT = "cannot", _("cannot come")
    UNREACHED = "unreached", _("not reached")


class Called(Recorded):
    """One person of a call, and what they said."""

    call_up = models.ForeignKey(CallUp, on_delete=models.PROTECT, related_name="called")
    capable = models.ForeignKey(Capable, on_delete=models.PROTECT, related_name="called")
    answer = models.CharField(_("answer"), max_length=10, choices=Answer.choices, default=Answer.WAITING)
    answered_at = models.DateTimeField(null=True, blank=True)

    RECORDED = ("call_up_id", "capable_id", "answer", "answered_at")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["call_up", "capable"], name="called_once_a_call"),
            models.CheckConstraint(name="call_answer_is_known", condition=Q(answer__in=Answer.values)),
        ]

    def __str__(self) -> str:
        return f"{self.call_up_id}: {self.answer}"


class GroupQuerySet(models.QuerySet["Group"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "callups.keep"))

    def standing(self) -> Self:
        return self.filter(left_at__isnull=True)


class Group(Recorded):
    """A member of the alliance of a community: a residents' group, a firm, an association, a party branch."""

    class Kind(models.TextChoices):
        RESIDENTS = "residents", _("residents’ group")
        FIRM = "firm", _("firm")
        ASSOCIATION = "association", _("association")
        BRANCH = "branch", _("party branch of a unit")

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=60)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)

    RECORDED = ("place_id", "place_path", "kind", "name", "joined_at", "left_at")

    objects = GroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("group")
        verbose_name_plural = _("groups")
        constraints = [
            models.CheckConstraint(
                name="alliance_kind_is_known",
                condition=Q(kind__in=["residents", "firm", "association", "branch"]),
            ),
            models.UniqueConstraint(
                fields=["place", "name"], condition=Q(left_at=None), name="alliance_name_once_a_place"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GroupClaimQuerySet(models.QuerySet["Claim"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "callups.keep"))

    def open(self) -> Self:
        return self.filter(state=Claim.State.CLAIMED)


class Claim(Recorded):
    """A group takes a piece of an assignment. The office stays answerable for the whole and reports it."""

    class State(models.TextChoices):
        CLAIMED = "claimed", _("claimed")
        DONE = "done", _("done")
        GIVEN_BACK = "given_back", _("given back")

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="claims")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="claims")
    place_path = models.CharField(max_length=30)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CLAIMED)
    part = models.CharField(_("which piece"), max_length=200)
    claimed_at = models.DateTimeField()
    noted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    words = models.CharField(_("what came of it"), max_length=500, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    RECORDED = (
        "assignment_id", "group_id", "place_path", "state", "claimed_at", "noted_by_id", "ended_at",
    )  # fmt: skip
    WORDS = ("part", "words")

    objects = GroupClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints = [
            models.CheckConstraint(
                name="claim_ends_with_a_result",
                condition=Q(state="claimed", ended_at__isnull=True)
                | Q(state__in=["done", "given_back"], ended_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["place_path", "state"], name="claim_by_place")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.state}"
