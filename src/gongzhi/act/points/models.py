"""Household points (积分制): the villagers' rulebook, households, claims and their checks, the ledger, the exchange.

The unit is the household, shown by its door. No person has points, and no list is sorted by them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.reach import NOTHING, posts_with, reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.fields import SealedTextField

HIGHEST_VALUE: Final = 1000  # of one item
HIGHEST_CAP: Final = 1_000_000  # points that a place gives out in a year
HIGHEST_PRICE: Final = 100_000


def own(user: User | AnonymousUser, field: str = "place_path") -> Q:
    """Rows of places whose points the person manages, or in whose assessment group they are."""
    if not isinstance(user, User):
        return NOTHING
    found = reach(user, "points.manage", field)
    if posts_with(user, "points.check"):
        groups = Member.objects.current().filter(user_id=user.pk).values("place_path")
        found |= Q(**{f"{field}__in": groups})
    return found


class Way(models.TextChoices):
    LINK = "link", _("with the household’s own code")
    PAPER = "paper", _("on paper")
    ORAL = "oral", _("by word of mouth, recorded")


# --- the rules of the village ------------------------------------------------------------------------


class RulebookQuerySet(models.QuerySet["Rulebook"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """What was adopted is public; a draft is the business of those who manage it and of the group."""
        return self.filter(Q(state__in=["adopted", "replaced"]) | own(user))

    def adopted(self) -> Self:
        return self.filter(state="adopted")


class Rulebook(Recorded):
    """One version of the rules that the villagers gave themselves. Once adopted it does not change any more."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        ADOPTED = "adopted", _("In force")
        REPLACED = "replaced", _("Replaced by a later version")
        DROPPED = "dropped", _("Dropped")

    class Meeting(models.TextChoices):
        VILLAGERS = "villagers", _("Villagers’ meeting")
        VILLAGE_REPRESENTATIVES = "village_representatives", _("Meeting of villagers’ representatives")
        RESIDENTS = "residents", _("Residents’ meeting")
        RESIDENT_REPRESENTATIVES = "resident_representatives", _("Meeting of residents’ representatives")

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    number = models.PositiveSmallIntegerField()
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    cap = models.PositiveIntegerField(_("points in a year, at most"))
    reset_month = models.PositiveSmallIntegerField(_("month in which the year of points begins"), default=1)
    deductions = models.BooleanField(_("points may be deducted"), default=False)
    words = models.TextField(_("what else the rules say"), max_length=2000, blank=True)
    drafted_at = models.DateTimeField()
    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    meeting = models.CharField(_("which meeting"), max_length=25, choices=Meeting.choices, blank=True)
    meeting_name = models.CharField(_("name of the meeting"), max_length=120, blank=True)
    adopted_on = models.DateField(_("adopted on"), null=True, blank=True)
    entitled = models.PositiveIntegerField(_("entitled to take part"), null=True, blank=True)
    present = models.PositiveIntegerField(_("present"), null=True, blank=True)
    in_favour = models.PositiveIntegerField(_("in favour"), null=True, blank=True)
    entered_at = models.DateTimeField(null=True, blank=True)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    RECORDED = (
        "place_id", "place_path", "number", "state", "cap", "reset_month", "deductions", "drafted_at", "drafted_by_id",
        "meeting", "adopted_on", "entitled", "present", "in_favour", "entered_at", "entered_by_id", "ended_at",
    )  # fmt: skip
    WORDS = ("words", "meeting_name")

    objects = RulebookQuerySet.as_manager()

    class Meta:
        verbose_name = _("rulebook of household points")
        verbose_name_plural = _("rulebooks of household points")
        constraints = [
            models.CheckConstraint(
                name="rulebook_state_is_known", condition=Q(state__in=["draft", "adopted", "replaced", "dropped"])
            ),
            models.UniqueConstraint(fields=["place", "number"], name="rulebooks_are_counted"),
            models.UniqueConstraint(fields=["place"], condition=Q(state="adopted"), name="one_rulebook_in_force"),
            models.UniqueConstraint(fields=["place"], condition=Q(state="draft"), name="one_draft_of_a_rulebook"),
            models.CheckConstraint(name="rulebook_cap_is_sane", condition=Q(cap__gte=1, cap__lte=HIGHEST_CAP)),
            models.CheckConstraint(
                name="rulebook_reset_is_a_month", condition=Q(reset_month__gte=1, reset_month__lte=12)
            ),
            models.CheckConstraint(
                name="rulebook_in_force_was_adopted",
                condition=Q(state__in=["draft", "dropped"])
                | Q(adopted_on__isnull=False, entered_at__isnull=False, entered_by__isnull=False)
                & Q(present__lte=F("entitled"), in_favour__lte=F("present"), present__lt=F("in_favour") * 2)
                & ~Q(meeting=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.place} {self.number}"

    def year_of(self, on: date) -> int:
        """The year of points that a day lies in, named after the calendar year in which it began."""
        return on.year if on.month >= self.reset_month else on.year - 1


class Item(Recorded):
    """One line of a rulebook: for what, how many points, and how it is checked."""

    class Kind(models.TextChoices):
        ENVIRONMENT = "environment", _("Yard and environment")
        VOLUNTEERING = "volunteering", _("Volunteering")
        NEIGHBOURS = "neighbours", _("Neighbours and family")
        CUSTOMS = "customs", _("Customs and civility")
        PUBLIC = "public", _("Public affairs")
        OTHER = "other", _("Something else")

    rulebook = models.ForeignKey(Rulebook, on_delete=models.PROTECT, related_name="items")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    name = models.CharField(_("for what"), max_length=80)
    value = models.PositiveIntegerField(_("points"))
    deducts = models.BooleanField(_("deducts points"), default=False)
    checked = models.CharField(_("how it is checked"), max_length=200)
    yearly = models.PositiveSmallIntegerField(_("times in a year, at most"), null=True, blank=True)
    dropped = models.BooleanField(default=False)  # taken out of the draft

    RECORDED = ("rulebook_id", "number", "kind", "value", "deducts", "yearly", "dropped")
    WORDS = ("name", "checked")

    class Meta:
        verbose_name = _("item of a rulebook")
        verbose_name_plural = _("items of a rulebook")
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["rulebook", "number"], name="items_are_counted"),
            models.CheckConstraint(
                name="item_kind_is_known",
                condition=Q(
                    kind__in=["environment", "volunteering", "neighbours", "customs", "public", "other"],
                ),
            ),
            models.CheckConstraint(name="item_value_is_sane", condition=Q(value__gte=1, value__lte=HIGHEST_VALUE)),
            models.CheckConstraint(name="item_yearly_is_sane", condition=Q(yearly__isnull=True) | Q(yearly__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def signed(self) -> int:
        return -self.value if self.deducts else self.value


# --- households and the group ------------------------------------------------------------------------


class HouseholdQuerySet(models.QuerySet["Household"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(own(user))

    def joined(self) -> Self:
        return self.filter(left_at__isnull=True)

    def with_balance(self) -> Self:
        return self.annotate(balance=Sum("bookings__amount", default=0))


class Household(Recorded):
    """A household that takes part, of its own will, from the day it joined until it leaves. Known by its door."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30, db_index=True)
    label = models.CharField(_("door"), max_length=30)
    contact = SealedTextField(_("whom to ask for"), mask="name", blank=True)
    turn = models.PositiveSmallIntegerField(default=1)  # of the code; a lost card is replaced by the next
    code_digest = models.CharField(max_length=64, unique=True)
    consent_version = models.PositiveSmallIntegerField()
    consent_way = models.CharField(_("how it agreed"), max_length=5, choices=Way.choices)
    joined_at = models.DateTimeField()
    joined_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    left_at = models.DateTimeField(null=True, blank=True)
    left_way = models.CharField(max_length=5, choices=Way.choices, blank=True)

    RECORDED = (
        "uid", "place_id", "place_path", "turn", "code_digest", "consent_version", "consent_way", "joined_at",
        "joined_by_id", "left_at", "left_way",
    )  # fmt: skip
    WORDS = ("label",)

    objects = HouseholdQuerySet.as_manager()

    class Meta:
        verbose_name = _("household")
        verbose_name_plural = _("households")
        constraints = [
            models.UniqueConstraint(
                fields=["place", "label"], condition=Q(left_at__isnull=True), name="household_once_a_door"
            ),
            models.CheckConstraint(name="household_consent_says_how", condition=Q(consent_way__in=Way.values)),
            models.CheckConstraint(
                name="household_leaves_in_one_way",
                condition=Q(left_at__isnull=True, left_way="") | Q(left_at__isnull=False, left_way__in=Way.values),
            ),
        ]

    def __str__(self) -> str:
        return self.label or _t("a household that left")

    @property
    def is_in(self) -> bool:
        return self.left_at is None

    def balance_now(self) -> int:
        """The sum of the booked rows, and nothing else."""
        return int(self.bookings.aggregate(sum=Sum("amount", default=0))["sum"])


class MemberQuerySet(models.QuerySet["Member"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(own(user))

    def current(self) -> Self:
        return self.filter(ended_at__isnull=True)


class Member(Recorded):
    """Somebody in the assessment group (评议小组) of a place, and the household they belong to if it takes part."""

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30, db_index=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    household = models.ForeignKey(Household, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    RECORDED = ("place_id", "place_path", "user_id", "household_id", "added_at", "added_by_id", "ended_at")

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member of the assessment group")
        verbose_name_plural = _("members of the assessment group")
        constraints = [
            models.UniqueConstraint(
                fields=["place", "user"], condition=Q(ended_at__isnull=True), name="member_once_a_group"
            ),
        ]

    def __str__(self) -> str:
        return str(self.user)


# --- from the claim to the booking -------------------------------------------------------------------


class Publication(Recorded):
    """One list on the wall (公示): which claims, from when to when everybody may object."""

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30, db_index=True)
    number = models.PositiveIntegerField()
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ends_at = models.DateTimeField()

    RECORDED = ("place_id", "place_path", "number", "opened_at", "opened_by_id", "ends_at")

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        constraints = [
            models.UniqueConstraint(fields=["place", "number"], name="publications_are_counted"),
            models.CheckConstraint(name="publication_lasts", condition=Q(ends_at__gt=F("opened_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.place} {self.number}"


class State(models.TextChoices):
    CLAIMED = "claimed", _("Waits for the group")
    CHECKED = "checked", _("Checked by two, not published yet")
    PUBLISHED = "published", _("Published")
    OBJECTED = "objected", _("Published, an objection is open")
    BOOKED = "booked", _("Booked")
    REFUSED = "refused", _("Not confirmed by the group")
    STRUCK = "struck", _("Struck off")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Move(models.TextChoices):
    CHECK = "check", _("Check")
    PASS = "pass", _("Confirm")
    REFUSE = "refuse", _("Not confirm")
    PUBLISH = "publish", _("Publish")
    OBJECT = "object", _("Object")
    CLEAR = "clear", _("Let it stand")
    STRIKE = "strike", _("Strike off")
    BOOK = "book", _("Book")
    WITHDRAW = "withdraw", _("Withdraw")
    REOPEN = "reopen", _("Check anew")


WAITING: Final = (State.CLAIMED, State.CHECKED, State.PUBLISHED, State.OBJECTED)
CONFIRMED: Final = (State.CHECKED, State.PUBLISHED, State.OBJECTED, State.BOOKED)
COUNTED: Final = (*WAITING, State.BOOKED)  # against the times in a year
MOVES: Final[Mapping[Move, tuple[frozenset[State], State | None]]] = MappingProxyType(
    {
        Move.CHECK: (frozenset({State.CLAIMED}), None),
        # Only with the second confirmation, or the second refusal, by different members.
        Move.PASS: (frozenset({State.CLAIMED}), State.CHECKED),
        Move.REFUSE: (frozenset({State.CLAIMED}), State.REFUSED),
        Move.PUBLISH: (frozenset({State.CHECKED}), State.PUBLISHED),
        Move.OBJECT: (frozenset({State.PUBLISHED, State.OBJECTED}), State.OBJECTED),
        # Only when the last open objection is answered.
        Move.CLEAR: (frozenset({State.OBJECTED}), State.PUBLISHED),
        Move.STRIKE: (frozenset({State.CHECKED, State.PUBLISHED, State.OBJECTED}), State.STRUCK),
        # Only by the clock, after the publication ended.
        Move.BOOK: (frozenset({State.PUBLISHED}), State.BOOKED),
        Move.WITHDRAW: (frozenset(WAITING), State.WITHDRAWN),
        Move.REOPEN: (frozenset({State.REFUSED}), State.CLAIMED),
    }
)


class ClaimQuerySet(models.QuerySet["Claim"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(own(user))

    def waiting(self) -> Self:
        return self.filter(state__in=WAITING)

    def on_the_wall(self, now: datetime) -> Self:
        """What everybody may read now: published, and the time to object has not ended."""
        return self.filter(state__in=[State.PUBLISHED, State.OBJECTED], published_until__gte=now)

    def ripe(self, now: datetime) -> Self:
        """Published long enough, with no objection open: to be booked."""
        return self.filter(state=State.PUBLISHED, published_until__lt=now, open_objections=0)


class Claim(Moving, Recorded):
    """One household asks for the points of one item (or, where the rules allow it, the group asks to deduct them).

    ``value``, ``deducts`` and ``allowed`` are copied from the rulebook, so that the database itself can see that
    nothing is deducted without the switch. Nobody reads ``words`` but the household and the group.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="claims")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="claims")
    value = models.PositiveIntegerField(_("points"))
    deducts = models.BooleanField(default=False)
    allowed = models.BooleanField(default=False)  # deductions, by the rulebook of the item
    on = models.DateField(_("on which day"))
    words = models.TextField(_("what was done"), max_length=500, blank=True)
    way = models.CharField(max_length=5, choices=Way.choices)
    key = models.CharField(max_length=32, blank=True)  # the same form sent twice is one claim
    made_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CLAIMED)
    round = models.PositiveSmallIntegerField(default=1)
    first_check = models.ForeignKey("Check", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    second_check = models.ForeignKey("Check", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    publication = models.ForeignKey(Publication, on_delete=models.PROTECT, null=True, blank=True, related_name="claims")
    published_until = models.DateTimeField(null=True, blank=True)
    open_objections = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(null=True, blank=True)

    RECORDED = (
        "uid", "household_id", "place_id", "place_path", "item_id", "value", "deducts", "allowed", "on", "way",
        "made_at", "entered_by_id", "state", "round", "first_check_id", "second_check_id", "publication_id",
        "published_until", "open_objections", "settled_at",
    )  # fmt: skip
    WORDS = ("words",)

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this claim is “%(state)s”.")

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints = [
            models.CheckConstraint(name="claim_state_is_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(name="claim_value_is_sane", condition=Q(value__gte=1, value__lte=HIGHEST_VALUE)),
            models.CheckConstraint(
                name="no_deduction_without_the_switch", condition=Q(deducts=False) | Q(allowed=True)
            ),
            models.CheckConstraint(
                name="no_household_deducts_from_itself", condition=Q(deducts=False) | Q(entered_by__isnull=False)
            ),
            models.UniqueConstraint(fields=["household", "key"], condition=~Q(key=""), name="claim_sent_once"),
            models.CheckConstraint(
                name="two_have_checked_the_claim",
                condition=~Q(state__in=[*CONFIRMED])
                | Q(first_check__isnull=False, second_check__isnull=False, first_check__lt=F("second_check")),
            ),
            models.CheckConstraint(
                name="published_claim_says_until_when",
                condition=~Q(state__in=["published", "objected", "booked"])
                | Q(publication__isnull=False, published_until__isnull=False),
            ),
            models.CheckConstraint(
                name="claim_is_booked_after_publication",
                condition=~Q(state="booked") | Q(settled_at__gt=F("published_until"), open_objections=0),
            ),
            models.CheckConstraint(
                name="settled_claim_says_when",
                condition=Q(state__in=["claimed", "checked", "published", "objected"], settled_at__isnull=True)
                | Q(state__in=["booked", "refused", "struck", "withdrawn"], settled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="objected_claim_has_an_objection", condition=~Q(state="objected") | Q(open_objections__gte=1)
            ),
        ]
        indexes = [
            models.Index(fields=["place_path", "state", "made_at"], name="claim_by_state"),
            models.Index(fields=["state", "published_until"], name="claim_ripe"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"P{self.made_at.year}-{self.pk:05d}"

    @property
    def signed(self) -> int:
        return -self.value if self.deducts else self.value


class Check(models.Model):
    """What one member of the group says about one claim. Never about a claim of their own household."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="checks")
    round = models.PositiveSmallIntegerField()
    checker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="+")  # whose claim it is
    own = models.ForeignKey(Household, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    agrees = models.BooleanField()
    words = models.CharField(_("reason"), max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["claim", "round", "checker"], name="member_checks_a_claim_once"),
            models.CheckConstraint(
                name="nobody_checks_their_own_household",
                condition=Q(own__isnull=True) | ~Q(own=F("household")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claim}: {self.checker}"


class ObjectionQuerySet(models.QuerySet["Objection"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(own(user, "claim__place_path"))

    def open(self) -> Self:
        return self.filter(state="open")


class Objection(Recorded):
    """Somebody does not agree: with a published claim, with a refusal, or with what has been booked (``late``)."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        UPHELD = "upheld", _("Upheld")
        REJECTED = "rejected", _("Rejected, with the reason")
        DROPPED = "dropped", _("No longer needed")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="objections")
    about = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="+")  # whose claim it is
    household = models.ForeignKey(Household, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    late = models.BooleanField(default=False)
    way = models.CharField(max_length=5, choices=Way.choices)
    words = models.TextField(_("what is wrong"), max_length=500)
    made_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    answer = models.TextField(_("answer"), max_length=500, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    own = models.ForeignKey(Household, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "uid", "claim_id", "about_id", "household_id", "late", "way", "made_at", "entered_by_id", "state",
        "answered_at", "answered_by_id", "own_id",
    )  # fmt: skip
    WORDS = ("words", "answer")

    objects = ObjectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("objection to points")
        verbose_name_plural = _("objections to points")
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(
                name="objection_state_is_known", condition=Q(state__in=["open", "upheld", "rejected", "dropped"])
            ),
            models.CheckConstraint(
                name="objection_is_answered_by_somebody",
                condition=Q(state="open", answered_at__isnull=True, answered_by__isnull=True)
                | Q(state="dropped", answered_at__isnull=False)
                | Q(state__in=["upheld", "rejected"], answered_at__isnull=False, answered_by__isnull=False),
            ),
            models.CheckConstraint(
                name="nobody_answers_for_their_household",
                condition=Q(own__isnull=True)
                | ~Q(own=F("about")) & (Q(household__isnull=True) | ~Q(own=F("household"))),
            ),
            models.CheckConstraint(
                name="nobody_answers_what_they_entered",
                condition=Q(entered_by__isnull=True) | Q(answered_by__isnull=True) | ~Q(answered_by=F("entered_by")),
            ),
            models.UniqueConstraint(
                fields=["claim"], condition=Q(state="open", late=True), name="one_late_objection_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["claim", "household"],
                condition=Q(state="open", household__isnull=False),
                name="household_objects_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claim} {self.pk}"


# --- exchange and ledger -----------------------------------------------------------------------------


class GoodQuerySet(models.QuerySet["Good"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(own(user))

    def offered(self) -> Self:
        return self.filter(offered=True)


class Good(Recorded):
    """What points can be exchanged for: a small good, or an honour. Never anything somebody is entitled to by law."""

    class Kind(models.TextChoices):
        GOOD = "good", _("A good for daily use")
        HONOUR = "honour", _("An honour")

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30, db_index=True)
    kind = models.CharField(_("kind"), max_length=6, choices=Kind.choices)
    name = models.CharField(_("what"), max_length=60)
    price = models.PositiveIntegerField(_("points"))
    stock = models.PositiveIntegerField(_("pieces in stock"), null=True, blank=True)  # null: not counted
    offered = models.BooleanField(default=True)
    added_at = models.DateTimeField()

    RECORDED = ("place_id", "place_path", "kind", "price", "stock", "offered", "added_at")
    WORDS = ("name",)

    objects = GoodQuerySet.as_manager()

    class Meta:
        verbose_name = _("good for exchange")
        verbose_name_plural = _("goods for exchange")
        constraints = [
            models.CheckConstraint(name="good_kind_is_known", condition=Q(kind__in=["good", "honour"])),
            models.CheckConstraint(name="good_price_is_sane", condition=Q(price__gte=1, price__lte=HIGHEST_PRICE)),
            models.CheckConstraint(name="goods_are_counted", condition=Q(kind="honour") | Q(stock__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name


class ExchangeQuerySet(models.QuerySet["Exchange"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(own(user, "household__place_path"))


class Exchange(Recorded):
    """Points given for a good or an honour, at the desk."""

    class State(models.TextChoices):
        GIVEN = "given", _("Handed over")
        TAKEN_BACK = "taken_back", _("Taken back")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="exchanges")
    good = models.ForeignKey(Good, on_delete=models.PROTECT, related_name="exchanges")
    count = models.PositiveSmallIntegerField(_("how many"))
    price = models.PositiveIntegerField()  # of all pieces together
    key = models.CharField(max_length=32, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.GIVEN)
    taken_back_at = models.DateTimeField(null=True, blank=True)
    taken_back_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    RECORDED = (
        "uid", "household_id", "good_id", "count", "price", "at", "by_id", "state", "taken_back_at",
        "taken_back_by_id",
    )  # fmt: skip
    WORDS = ("reason",)

    objects = ExchangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("exchange")
        verbose_name_plural = _("exchanges")
        constraints = [
            models.CheckConstraint(name="exchange_state_is_known", condition=Q(state__in=["given", "taken_back"])),
            models.CheckConstraint(name="exchange_is_of_something", condition=Q(count__gte=1, price__gte=1)),
            models.CheckConstraint(
                name="exchange_taken_back_says_who",
                condition=Q(state="given", taken_back_at__isnull=True, taken_back_by__isnull=True)
                | Q(state="taken_back", taken_back_at__isnull=False, taken_back_by__isnull=False),
            ),
            models.UniqueConstraint(fields=["household", "key"], condition=~Q(key=""), name="exchange_sent_once"),
        ]

    def __str__(self) -> str:
        return f"{self.good} {self.at:%Y-%m-%d}"


class Account(models.TextChoices):
    BUDGET = "budget", _("Budget of the year")
    SHOP = "shop", _("Exchange")
    LAPSED = "lapsed", _("Lapsed")


class BookingQuerySet(models.QuerySet["Booking"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(own(user))

    def given(self, path: str, year: int) -> int:
        """Points that a place has given out of a year's budget: what was booked for deeds, less what was undone."""
        out = Q(kind=Booking.Kind.CLAIM, amount__gt=0) | Q(
            kind=Booking.Kind.COUNTER, account=Account.BUDGET, amount__lt=0
        )
        return int(self.filter(out, place_path=path, year=year).aggregate(sum=Sum("amount", default=0))["sum"])


class Booking(Recorded):
    """One row of the ledger, in two accounts at once: ``amount`` on the household's, its opposite on ``account``.

    Rows are only added; the database refuses to change or remove one. A mistake is undone by a row against it.
    """

    class Kind(models.TextChoices):
        CLAIM = "claim", _("Booked after publication")
        EXCHANGE = "exchange", _("Exchanged")
        COUNTER = "counter", _("Put right")
        RESET = "reset", _("Lapsed at the turn of the year")
        LEAVE = "leave", _("Lapsed when the household left")

    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="bookings")
    place_path = models.CharField(max_length=30)
    year = models.PositiveSmallIntegerField()
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    account = models.CharField(max_length=6, choices=Account.choices)
    amount = models.IntegerField(_("points"))
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, null=True, blank=True, related_name="bookings")
    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, null=True, blank=True, related_name="bookings")
    counters = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="countered")
    objection = models.ForeignKey(Objection, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "household_id", "place_path", "year", "kind", "account", "amount", "claim_id", "exchange_id", "counters_id",
        "objection_id", "at", "by_id",
    )  # fmt: skip

    objects = BookingQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking of points")
        verbose_name_plural = _("bookings of points")
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(name="booking_moves_something", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="booking_says_what_for",
                condition=Q(kind="claim", account="budget", claim__isnull=False)
                & Q(exchange__isnull=True, counters__isnull=True, objection__isnull=True)
                | Q(kind="exchange", account="shop", exchange__isnull=False, amount__lt=0)
                & Q(claim__isnull=True, counters__isnull=True, objection__isnull=True)
                | Q(kind="counter", account="budget", counters__isnull=False, objection__isnull=False)
                & Q(exchange__isnull=True)
                | Q(kind="counter", account="shop", counters__isnull=False, exchange__isnull=False, amount__gt=0)
                & Q(claim__isnull=True, objection__isnull=True)
                | Q(kind__in=["reset", "leave"], account="lapsed", claim__isnull=True, exchange__isnull=True)
                & Q(counters__isnull=True, objection__isnull=True),
            ),
            models.UniqueConstraint(fields=["claim"], condition=Q(kind="claim"), name="claim_is_booked_once"),
            models.UniqueConstraint(fields=["exchange"], condition=Q(kind="exchange"), name="exchange_is_booked_once"),
            models.UniqueConstraint(fields=["counters"], name="booking_is_undone_once"),
            models.UniqueConstraint(
                fields=["household", "year"], condition=Q(kind="reset"), name="points_lapse_once_a_year"
            ),
        ]
        indexes = [models.Index(fields=["place_path", "year", "kind"], name="booking_by_year")]

    def __str__(self) -> str:
        return f"{self.household} {self.amount:+d}"
