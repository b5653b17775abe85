"""A whistle (吹哨报到): a street calls departments to a matter that it cannot settle alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import holds_position, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Place
from gongzhi.understand.cases.models import Case


class Kind(models.TextChoices):
    OUTSTANDING = "outstanding", _("Outstanding matter")
    JOINT = "joint", _("Joint enforcement")
    URGENT = "urgent", _("Urgent matter")


class State(models.TextChoices):
    BLOWN = "blown", _("Blown")
    ENDED = "ended", _("Ended with a result")
    CALLED_OFF = "called_off", _("Called off")


class Move(models.TextChoices):
    END = "end", _("End with the result")
    CALL_OFF = "call_off", _("Call off")


MOVES: Final[Mapping[Move, tuple[frozenset[State], State]]] = MappingProxyType(
    {
        Move.END: (frozenset({State.BLOWN}), State.ENDED),
        Move.CALL_OFF: (frozenset({State.BLOWN}), State.CALLED_OFF),
    }
)


class WhistleQuerySet(models.QuerySet["Whistle"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The street that blew it, and the units it calls. Nobody else."""
        called = Invitation.objects.filter(holds_position(user), whistle=OuterRef("pk"))
        return self.filter(reach(user, "whistles.blow") | Q(Exists(called)))

    def ours(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "whistles.blow"))

    def open(self) -> Self:
        return self.filter(state=State.BLOWN)

    def about(self, case: Case) -> Self:
        return self.filter(whistle_cases__case=case)


class Whistle(Moving, Recorded):
    """One call of a street. The street ends it with the result; each unit answers for itself."""

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.BLOWN)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")  # the street that calls
    place_path = models.CharField(max_length=30)
    need = models.CharField(_("what is needed"), max_length=1000)
    site = models.CharField(_("where to meet"), max_length=200)
    blown_at = models.DateTimeField(_("blown"))
    blown_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    arrive_by = models.DateTimeField(_("arrive by"))
    result = models.CharField(_("result"), max_length=1000, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "kind", "state", "place_id", "place_path", "blown_at", "blown_by_id", "post_id", "arrive_by", "ended_at",
        "ended_by_id",
    )  # fmt: skip
    WORDS = ("need", "site", "result")

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this whistle is “%(state)s”.")

    objects = WhistleQuerySet.as_manager()

    class Meta:
        verbose_name = _("whistle")
        verbose_name_plural = _("whistles")
        constraints = [
            models.CheckConstraint(name="whistle_state_is_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(name="whistle_kind_is_known", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(
                name="ended_whistle_says_how",
                condition=Q(state="blown", ended_at__isnull=True, ended_by__isnull=True, result="")
                | Q(state__in=["ended", "called_off"], ended_at__isnull=False, ended_by__isnull=False),
            ),
            models.CheckConstraint(name="whistle_leaves_time", condition=Q(arrive_by__gt=F("blown_at"))),
        ]
        indexes = [models.Index(fields=["state", "place_path", "arrive_by"], name="whistle_by_state")]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"W{timezone.localtime(self.blown_at).year}-{self.pk:04d}"

    @property
    def is_open(self) -> bool:
        return self.state == State.BLOWN


class WhistleCase(models.Model):
    """A case that a whistle is about."""

    whistle = models.ForeignKey(Whistle, on_delete=models.PROTECT, related_name="whistle_cases")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="whistle_cases")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["whistle", "case"], name="case_once_a_whistle")]

    def __str__(self) -> str:
        return f"{self.whistle}: {self.case}"


class UnitState(models.TextChoices):
    CALLED = "called", _("Called")
    ACCEPTED = "accepted", _("Comes")
    DECLINED = "declined", _("Declines; to be ruled")
    EXCUSED = "excused", _("Excused")
    ARRIVED = "arrived", _("Arrived")
    DONE = "done", _("Has reported")
    ABSENT = "absent", _("Did not come")
    RELEASED = "released", _("No longer needed")


class UnitMove(models.TextChoices):
    ACCEPT = "accept", _("Accept")
    DECLINE = "decline", _("Decline")
    EXCUSE = "excuse", _("Excuse")
    INSIST = "insist", _("Insist")
    ARRIVE = "arrive", _("Arrive")
    REPORT = "report", _("Report")
    MISS = "miss", _("Note as absent")
    RELEASE = "release", _("Release")


UNIT_MOVES: Final[Mapping[UnitMove, tuple[frozenset[UnitState], UnitState]]] = MappingProxyType(
    {
        UnitMove.ACCEPT: (frozenset({UnitState.CALLED}), UnitState.ACCEPTED),
        UnitMove.DECLINE: (frozenset({UnitState.CALLED, UnitState.ACCEPTED}), UnitState.DECLINED),
        UnitMove.EXCUSE: (frozenset({UnitState.DECLINED}), UnitState.EXCUSED),
        UnitMove.INSIST: (frozenset({UnitState.DECLINED}), UnitState.CALLED),
        # Whoever comes without a word has accepted; and who declined may still come.
        UnitMove.ARRIVE: (frozenset({UnitState.CALLED, UnitState.ACCEPTED, UnitState.DECLINED}), UnitState.ARRIVED),
        UnitMove.REPORT: (frozenset({UnitState.ARRIVED}), UnitState.DONE),
        UnitMove.MISS: (frozenset({UnitState.CALLED, UnitState.ACCEPTED, UnitState.DECLINED}), UnitState.ABSENT),
        UnitMove.RELEASE: (
            frozenset({UnitState.CALLED, UnitState.ACCEPTED, UnitState.DECLINED}),
            UnitState.RELEASED,
        ),
    }
)
AWAITED: Final = (UnitState.CALLED, UnitState.ACCEPTED, UnitState.DECLINED)
CAME: Final = (UnitState.ARRIVED, UnitState.DONE)
# Who is appraised, and appraises: whoever came, and whoever was expected and did not.
APPRAISED: Final = (*CAME, UnitState.ABSENT)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def for_hands_of(self, user: User | AnonymousUser) -> Self:
        """The calls to one of the person's own posts."""
        return self.filter(holds_position(user))

    def waiting(self) -> Self:
        """What the unit still has to do something about."""
        return self.filter(
            whistle__state=State.BLOWN, state__in=[UnitState.CALLED, UnitState.ACCEPTED, UnitState.ARRIVED]
        )

    def late(self, now: datetime) -> Self:
        return self.filter(whistle__state=State.BLOWN, state__in=AWAITED, whistle__arrive_by__lt=now)


class Invitation(Moving, Recorded):
    """One unit that is called: a position of this house, or a unit outside it by its name."""

    whistle = models.ForeignKey(Whistle, on_delete=models.PROTECT, related_name="invitations")
    role = models.CharField(_("role"), max_length=30, choices=Role.choices, blank=True)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    outside = models.CharField(_("unit outside"), max_length=80, blank=True)
    leads = models.BooleanField(_("leads"), default=False)
    state = models.CharField(_("state"), max_length=10, choices=UnitState.choices, default=UnitState.CALLED)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    declined_at = models.DateTimeField(null=True, blank=True)
    declined_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(_("why they decline"), max_length=500, blank=True)
    ruled_at = models.DateTimeField(null=True, blank=True)
    ruled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ruling = models.CharField(_("reasons of the ruling"), max_length=500, blank=True)
    arrived_at = models.DateTimeField(_("arrived"), null=True, blank=True)
    noted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    measures = models.CharField(_("what was done"), max_length=1000, blank=True)
    result = models.CharField(_("result"), max_length=1000, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)
    reported_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reminded_at = models.DateTimeField(null=True, blank=True)

    RECORDED = (
        "whistle_id", "role", "place_id", "outside", "leads", "state", "accepted_at", "accepted_by_id", "declined_at",
        "declined_by_id", "ruled_at", "ruled_by_id", "arrived_at", "noted_by_id", "reported_at", "reported_by_id",
        "reminded_at",
    )  # fmt: skip
    WORDS = ("reason", "ruling", "measures", "result")

    MOVES = UNIT_MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this unit is “%(state)s”.")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("called unit")
        verbose_name_plural = _("called units")
        constraints = [
            models.CheckConstraint(name="unit_state_is_known", condition=Q(state__in=UnitState.values)),
            models.CheckConstraint(
                name="unit_is_a_position_or_outside",
                condition=Q(place__isnull=False, outside="") & ~Q(role="")
                | Q(place__isnull=True, role="") & ~Q(outside=""),
            ),
            models.UniqueConstraint(
                fields=["whistle", "role", "place"], condition=Q(place__isnull=False), name="position_called_once"
            ),
            models.UniqueConstraint(
                fields=["whistle", "outside"], condition=~Q(outside=""), name="outside_called_once"
            ),
            models.UniqueConstraint(fields=["whistle"], condition=Q(leads=True), name="one_lead_a_whistle"),
            models.CheckConstraint(
                name="unit_that_came_says_when",
                condition=Q(state__in=["arrived", "done"], arrived_at__isnull=False)
                | ~Q(state__in=["arrived", "done"]) & Q(arrived_at__isnull=True),
            ),
            models.CheckConstraint(
                name="unit_that_declines_says_who",
                condition=~Q(state__in=["declined", "excused"]) | Q(declined_by__isnull=False),
            ),
            models.CheckConstraint(
                name="excused_unit_was_ruled", condition=~Q(state="excused") | Q(ruled_by__isnull=False)
            ),
            models.CheckConstraint(
                name="nobody_rules_on_their_own_refusal",
                condition=Q(ruled_by__isnull=True) | Q(declined_by__isnull=True) | ~Q(ruled_by=F("declined_by")),
            ),
            models.CheckConstraint(
                name="reporting_unit_says_who",
                condition=~Q(state="done") | Q(reported_by__isnull=False, reported_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["place", "role", "state"], name="invitation_by_position")]

    def __str__(self) -> str:
        return self.unit

    @property
    def unit(self) -> str:
        """Who is called, in words. Read ``place`` along."""
        if self.place is None:
            return self.outside
        return _t("%(role)s, %(place)s") % {"role": self.get_role_display(), "place": self.place.name}

    @property
    def awaited(self) -> bool:
        return self.state in AWAITED

    def was_late(self, arrive_by: datetime) -> bool:
        return self.arrived_at is not None and self.arrived_at > arrive_by

    def is_late(self, now: datetime) -> bool:
        return self.awaited and self.whistle.is_open and self.whistle.arrive_by < now


class Side(models.TextChoices):
    STREET = "street", _("The street about the unit")
    UNIT = "unit", _("The unit about the street")


class Mark(models.TextChoices):
    FAIR = "fair", _("Fair and helpful")
    PARTLY = "partly", _("In part")
    UNFAIR = "unfair", _("Not as it should be")


class Appraisal(Recorded):
    """What one side says about the other after the whistle. In words; nobody is ranked by it."""

    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="appraisals")
    side = models.CharField(max_length=6, choices=Side.choices)
    mark = models.CharField(_("how was it"), max_length=6, choices=Mark.choices)
    words = models.CharField(_("in words"), max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    RECORDED = ("invitation_id", "side", "mark", "at", "by_id")
    WORDS = ("words",)

    class Meta:
        verbose_name = _("appraisal")
        verbose_name_plural = _("appraisals")
        constraints = [
            models.UniqueConstraint(fields=["invitation", "side"], name="each_side_appraises_once"),
            models.CheckConstraint(
                name="appraisal_is_known", condition=Q(side__in=Side.values) & Q(mark__in=Mark.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()}: {self.get_mark_display()}"
