"""A dispute (矛盾纠纷): two or more parties, a mediator they choose, meetings, an agreement, and whether it is kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import NOTHING, reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.fields import SealedTextField
from gongzhi.understand.cases.models import Case


class Kind(models.TextChoices):
    NEIGHBOURS = "neighbours", _("Between neighbours")
    FAMILY = "family", _("In a family")
    PROPERTY = "property", _("About property management")
    HOUSE = "house", _("About a house or a site")
    LAND = "land", _("About land or woods")
    WORK = "work", _("About work or wages")
    CONTRACT = "contract", _("About a contract or a purchase")
    DAMAGE = "damage", _("About damage or injury")
    OTHER = "other", _("Something else")


class State(models.TextChoices):
    OPEN = "open", _("Waiting for everybody’s consent")
    MEDIATING = "mediating", _("Being mediated")
    AGREED = "agreed", _("Agreed; being carried out")
    PERFORMED = "performed", _("Carried out")
    TERMINATED = "terminated", _("Terminated")
    REFERRED = "referred", _("Referred")


class Move(models.TextChoices):
    BEGIN = "begin", _("Begin")
    AGREE = "agree", _("Agree")
    PERFORM = "perform", _("Note as carried out")
    TERMINATE = "terminate", _("Terminate")
    REFER = "refer", _("Refer")
    CHANGE = "change", _("Change")
    NEGOTIATE = "negotiate", _("Negotiate")


LIVE: Final = (State.OPEN, State.MEDIATING, State.AGREED)
MOVES: Final[Mapping[Move, tuple[frozenset[State], State | None]]] = MappingProxyType(
    {
        # Only when every party has agreed to be mediated, and to this mediator.
        Move.BEGIN: (frozenset({State.OPEN}), State.MEDIATING),
        # Only when every party has signed, or an oral agreement has been recorded.
        Move.AGREE: (frozenset({State.MEDIATING}), State.AGREED),
        Move.PERFORM: (frozenset({State.AGREED}), State.PERFORMED),
        Move.TERMINATE: (frozenset(LIVE), State.TERMINATED),
        Move.REFER: (frozenset(LIVE), State.REFERRED),
        Move.CHANGE: (frozenset({State.OPEN, State.MEDIATING}), None),
        Move.NEGOTIATE: (frozenset({State.MEDIATING}), None),
    }
)


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Its mediator, while they hold the post, and who reads disputes above. Never somebody who is a party."""
        if not isinstance(user, User):
            return self.filter(NOTHING)
        own = Q(mediator_id=user.pk) & reach(user, "disputes.mediate")
        party = Party.objects.filter(person=user).values("dispute_id")
        return self.filter(own | reach(user, "disputes.read")).exclude(pk__in=party)

    def mediated_by(self, user: User) -> Self:
        return self.filter(mediator_id=user.pk)

    def live(self) -> Self:
        return self.filter(state__in=LIVE)


class Dispute(Moving, Recorded):
    """One dispute. Staff words about it are sealed; the parties read ``subject`` and nothing else of it."""

    class Ending(models.TextChoices):
        REFUSED = "refused", _("A party does not want mediation")
        STOPPED = "stopped", _("A party stopped it")
        NO_AGREEMENT = "no_agreement", _("No agreement was found")
        NOT_KEPT = "not_kept", _("The agreement was not kept")

    class Referral(models.TextChoices):
        COURT = "court", _("To a court")
        ARBITRATION = "arbitration", _("To arbitration")
        GOVERNMENT = "government", _("To the authority in charge")
        POLICE = "police", _("To the police: it may escalate")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes")
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    subject = models.CharField(_("what it is about"), max_length=120)  # every party reads this
    facts = SealedTextField(_("what happened"), mask="all")
    mediator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    mediator_post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(_("to be mediated by"), null=True, blank=True)
    longer = models.BooleanField(default=False)  # the parties agreed to take longer
    risk_at = models.DateTimeField(_("may escalate, since"), null=True, blank=True)
    ending = models.CharField(max_length=12, choices=Ending.choices, blank=True)
    referral = models.CharField(max_length=12, choices=Referral.choices, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    end_words = SealedTextField(_("why it ended"), mask="all", blank=True)

    RECORDED = (
        "uid", "case_id", "kind", "state", "place_id", "place_path", "mediator_id", "mediator_post_id", "opened_at",
        "opened_by_id", "began_at", "due_at", "longer", "risk_at", "ending", "referral", "ended_at", "ended_by_id",
    )  # fmt: skip
    WORDS = ("subject",)

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this dispute is “%(state)s”.")

    objects = DisputeQuerySet.as_manager()

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.CheckConstraint(name="dispute_state_is_known", condition=Q(state__in=State.values)),
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(state__in=["open", "mediating", "agreed"]),
                name="one_live_dispute_a_case",
            ),
            models.CheckConstraint(
                name="dispute_ends_in_one_way",
                condition=Q(state__in=["open", "mediating", "agreed"], ended_at__isnull=True, ending="", referral="")
                | Q(state="performed", ended_at__isnull=False, ending="", referral="")
                | Q(state="terminated", ended_at__isnull=False, referral="") & ~Q(ending="")
                | Q(state="referred", ended_at__isnull=False, ending="") & ~Q(referral=""),
            ),
            models.CheckConstraint(
                name="mediation_has_a_term",
                condition=~Q(state__in=["mediating", "agreed", "performed"])
                | Q(began_at__isnull=False, due_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["mediator", "state"], name="dispute_by_mediator"),
            models.Index(fields=["state", "place_path", "due_at"], name="dispute_by_state"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"D{timezone.localtime(self.opened_at).year}-{self.pk:04d}"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


class Way(models.TextChoices):
    LINK = "link", _("by their own link")
    PAPER = "paper", _("on paper")
    ORAL = "oral", _("by word of mouth, recorded")


class Side(models.TextChoices):
    APPLICANT = "applicant", _("Asks for mediation")
    RESPONDENT = "respondent", _("The other side")
    THIRD = "third", _("Concerned")


class Party(Recorded):
    """One party. Who they are is sealed, and hidden from the other parties until they agree to be named."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="parties")
    number = models.PositiveSmallIntegerField()
    side = models.CharField(_("side"), max_length=10, choices=Side.choices)
    name = SealedTextField(_("name"), mask="name")
    phone = SealedTextField(_("telephone"), mask="phone", blank=True)
    person = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reporter = models.BooleanField(default=False)  # whose report the case is
    named_at = models.DateTimeField(null=True, blank=True)
    consented_at = models.DateTimeField(null=True, blank=True)
    consented_by = models.CharField(max_length=6, choices=Way.choices, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    mediator_at = models.DateTimeField(null=True, blank=True)  # agreed to the present mediator
    mediator_by = models.CharField(max_length=6, choices=Way.choices, blank=True)
    wish = models.ForeignKey(Post, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    statement = SealedTextField(_("in their own words"), mask="all", blank=True)
    stated_at = models.DateTimeField(null=True, blank=True)

    RECORDED = (
        "uid", "dispute_id", "number", "side", "person_id", "reporter", "named_at", "consented_at", "consented_by",
        "refused_at", "mediator_at", "mediator_by", "wish_id", "stated_at",
    )  # fmt: skip

    class Meta:
        verbose_name = _("party")
        verbose_name_plural = _("parties")
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["dispute", "number"], name="parties_are_counted"),
            models.CheckConstraint(name="party_side_is_known", condition=Q(side__in=Side.values)),
            models.CheckConstraint(
                name="party_consents_or_refuses", condition=Q(consented_at__isnull=True) | Q(refused_at__isnull=True)
            ),
            models.CheckConstraint(
                name="consent_says_how", condition=Q(consented_at__isnull=True) | ~Q(consented_by="")
            ),
            models.CheckConstraint(
                name="choice_of_mediator_says_how", condition=Q(mediator_at__isnull=True) | ~Q(mediator_by="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dispute} {self.number}"

    @property
    def ready(self) -> bool:
        """Whether this party has agreed to be mediated, and to this mediator."""
        return self.consented_at is not None and self.mediator_at is not None


class Meeting(Recorded):
    """One meeting: with all parties, or with one side alone (背靠背)."""

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        HELD = "held", _("Held")
        CANCELLED = "cancelled", _("Cancelled")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="meetings")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PLANNED)
    at = models.DateTimeField(_("when"))
    site = models.CharField(_("where"), max_length=200)
    minutes = SealedTextField(_("minutes"), mask="all", blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    RECORDED = ("uid", "dispute_id", "state", "at", "ended_at")
    WORDS = ("site",)

    class Meta:
        verbose_name = _("meeting")
        verbose_name_plural = _("meetings")
        ordering = ("at", "pk")
        constraints = [
            models.CheckConstraint(
                name="meeting_state_is_known", condition=Q(state__in=["planned", "held", "cancelled"])
            ),
            models.CheckConstraint(
                name="ended_meeting_says_when", condition=Q(state="planned") | Q(ended_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dispute} {self.at:%Y-%m-%d}"


class Attendance(models.Model):
    """Who is asked to a meeting, and whether they came."""

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="attendances")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="attendances")
    came = models.BooleanField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["meeting", "party"], name="party_once_a_meeting")]

    def __str__(self) -> str:
        return f"{self.meeting}: {self.party}"


class Agreement(Recorded):
    """What the parties agree on. In force when all have signed; an oral one when it has been recorded."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        EFFECTIVE = "effective", _("In force")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    class Form(models.TextChoices):
        WRITTEN = "written", _("In writing")
        ORAL = "oral", _("By word of mouth, recorded")

    class Court(models.TextChoices):
        ASKED = "asked", _("Asked together")
        CONFIRMED = "confirmed", _("Confirmed by the court")
        REFUSED = "refused", _("Not confirmed")

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="agreements")
    round = models.PositiveSmallIntegerField()
    form = models.CharField(_("form"), max_length=8, choices=Form.choices, default=Form.WRITTEN)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PROPOSED)
    content = models.TextField(_("what is agreed"), max_length=4000)
    proposed_at = models.DateTimeField()
    effective_at = models.DateTimeField(null=True, blank=True)
    confirm_by = models.DateField(_("court confirmation by"), null=True, blank=True)
    court = models.CharField(max_length=10, choices=Court.choices, blank=True)
    court_on = models.DateField(null=True, blank=True)

    RECORDED = (
        "dispute_id", "round", "form", "state", "proposed_at", "effective_at", "confirm_by", "court", "court_on",
    )  # fmt: skip
    WORDS = ("content",)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        constraints = [
            models.UniqueConstraint(fields=["dispute", "round"], name="agreements_are_counted"),
            models.UniqueConstraint(
                fields=["dispute"], condition=~Q(state="withdrawn"), name="one_standing_agreement_a_dispute"
            ),
            models.CheckConstraint(
                name="agreement_state_is_known", condition=Q(state__in=["proposed", "effective", "withdrawn"])
            ),
            models.CheckConstraint(
                name="agreement_in_force_since_when",
                condition=Q(state="effective", effective_at__isnull=False, confirm_by__isnull=False)
                | ~Q(state="effective") & Q(effective_at__isnull=True),
            ),
            models.CheckConstraint(name="court_says_when", condition=Q(court="") | Q(court_on__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.dispute}/{self.round}"


class Signature(models.Model):
    """One party has signed one agreement."""

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="signatures")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="signatures")
    at = models.DateTimeField()
    way = models.CharField(max_length=6, choices=Way.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agreement", "party"], name="party_signs_once")]

    def __str__(self) -> str:
        return f"{self.agreement}: {self.party}"


class ObligationQuerySet(models.QuerySet["Obligation"]):
    def late(self, today: date) -> Self:
        return self.filter(
            state=Obligation.State.OPEN,
            agreement__state=Agreement.State.EFFECTIVE,
            agreement__dispute__state=State.AGREED,
            due_on__lt=today,
        )


class Obligation(Recorded):
    """What one party has to do by a day."""

    class State(models.TextChoices):
        OPEN = "open", _("To be done")
        DONE = "done", _("Done")
        NOT_DONE = "not_done", _("Not done")

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="obligations")
    number = models.PositiveSmallIntegerField()
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="obligations")
    what = models.CharField(_("what"), max_length=300)
    due_on = models.DateField(_("by"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reminded_at = models.DateTimeField(null=True, blank=True)

    RECORDED = (
        "agreement_id", "number", "party_id", "due_on", "state", "settled_at", "settled_by_id", "reminded_at",
    )  # fmt: skip
    WORDS = ("what",)

    objects = ObligationQuerySet.as_manager()

    class Meta:
        verbose_name = _("obligation")
        verbose_name_plural = _("obligations")
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["agreement", "number"], name="obligations_are_counted"),
            models.CheckConstraint(
                name="obligation_state_is_known", condition=Q(state__in=["open", "done", "not_done"])
            ),
            models.CheckConstraint(
                name="settled_obligation_says_who",
                condition=Q(state="open", settled_at__isnull=True)
                | ~Q(state="open") & Q(settled_at__isnull=False, settled_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agreement} {self.number}"
