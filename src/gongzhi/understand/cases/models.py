"""A case: one matter that somebody is responsible for, from the first report to the verified end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import holds_position, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import below
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.models import Message


class CategoryQuerySet(models.QuerySet["Category"]):
    def in_force(self, on: date) -> Self:
        return self.filter(Q(retired_on__isnull=True) | Q(retired_on__gt=on))


class Category(Recorded):
    """One node of the category tree. The tree is data; a retired node stays readable in old cases."""

    class Kind(models.TextChoices):
        EVENT = "event", _("Event")
        COMPONENT = "component", _("Public component")
        CONSULT = "consult", _("Question")
        SUGGESTION = "suggestion", _("Suggestion or praise")

    code = models.CharField(_("code"), max_length=80, unique=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    name_zh = models.CharField(_("Chinese name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=80)
    hint_zh = models.CharField(max_length=200, blank=True)
    hint_en = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.EVENT)
    deadline_rule = models.CharField(_("deadline rule"), max_length=60, blank=True)  # blank: the parent's
    role = models.CharField(_("responsible role"), max_length=30, choices=Role.choices, blank=True)
    basis = models.CharField(_("legal basis"), max_length=300, blank=True)
    basis_verified = models.BooleanField(default=False)
    icon = models.CharField(max_length=30, blank=True)
    urban = models.BooleanField(default=True)
    rural = models.BooleanField(default=True)
    in_public_form = models.BooleanField(default=True)
    keywords = models.JSONField(default=list, blank=True)
    position = models.PositiveIntegerField(default=0)
    retired_on = models.DateField(null=True, blank=True)

    RECORDED = ("code", "parent_id", "name_zh", "name_en", "deadline_rule", "role", "retired_on")

    objects = CategoryQuerySet.as_manager()

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ("position", "code")

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.name_zh if (get_language() or "zh").startswith("zh") else self.name_en

    @property
    def hint(self) -> str:
        return self.hint_zh if (get_language() or "zh").startswith("zh") else self.hint_en

    def is_in_force(self, on: date) -> bool:
        return self.retired_on is None or self.retired_on > on


class Responsibility(Recorded):
    """One row of the matrix category × place → who leads. The nearest place wins, then the nearest category."""

    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="responsibilities")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    role = models.CharField(_("responsible role"), max_length=30, choices=Role.choices)
    seat = models.ForeignKey(  # the place of the responsible post, when it is not on the way up from the case
        Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_on = models.DateField(null=True, blank=True)

    RECORDED = ("category_id", "place_id", "role", "seat_id", "ended_on")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["category", "place"], condition=Q(ended_on__isnull=True), name="one_lead_a_category_and_place"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category} × {self.place}: {self.get_role_display()}"


class Move(models.TextChoices):
    SORT = "sort", _("Sort")
    ASSIGN = "assign", _("Assign")
    TAKE_BACK = "take_back", _("Take back to the desk")
    PAUSE = "pause", _("Pause")
    RESUME = "resume", _("Resume")
    EXTEND = "extend", _("Extend")
    AWAIT_CHECK = "await_check", _("Await the check")
    CLOSE = "close", _("Close")
    REOPEN = "reopen", _("Reopen")
    WITHDRAW = "withdraw", _("Withdraw")


class State(models.TextChoices):
    NEW = "new", _("New")
    ASSIGNED = "assigned", _("Being handled")
    PAUSED = "paused", _("Paused")
    TO_CHECK = "to_check", _("Being checked")
    CLOSED = "closed", _("Closed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


# Every legal move: from which states, to which state (None: the state stays).
MOVES: Final[Mapping[Move, tuple[frozenset[State], State | None]]] = MappingProxyType(
    {
        Move.SORT: (frozenset({State.NEW, State.ASSIGNED}), None),
        Move.ASSIGN: (frozenset({State.NEW, State.ASSIGNED}), State.ASSIGNED),
        Move.TAKE_BACK: (frozenset({State.ASSIGNED, State.PAUSED}), State.NEW),
        Move.PAUSE: (frozenset({State.ASSIGNED}), State.PAUSED),
        Move.RESUME: (frozenset({State.PAUSED}), State.ASSIGNED),
        Move.EXTEND: (frozenset({State.ASSIGNED}), None),
        Move.AWAIT_CHECK: (frozenset({State.ASSIGNED, State.PAUSED}), State.TO_CHECK),
        Move.CLOSE: (frozenset({State.TO_CHECK}), State.CLOSED),
        Move.REOPEN: (frozenset({State.TO_CHECK, State.CLOSED}), None),
        Move.WITHDRAW: (frozenset({State.NEW, State.ASSIGNED, State.PAUSED, State.TO_CHECK}), State.WITHDRAWN),
    }
)
OPEN: Final = (State.NEW, State.ASSIGNED, State.PAUSED, State.TO_CHECK)
# While a clock runs against somebody. A case that is being checked waits for others.
RUNNING: Final = (State.NEW, State.ASSIGNED)


class CaseQuerySet(models.QuerySet["Case"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """What lies where the person may read cases, and what one of their posts is responsible for."""
        return self.filter(reach(user, "cases.read") | holds_position(user, role="lead_role", place="lead_place_id"))

    def led_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(holds_position(user, role="lead_role", place="lead_place_id"))

    def at(self, path: str) -> Self:
        return self.filter(below(path, "place_path"))

    def open(self) -> Self:
        return self.filter(state__in=OPEN)

    def late(self, now: datetime) -> Self:
        return self.filter(state__in=RUNNING, due_at__lt=now)

    def nearly_late(self, now: datetime) -> Self:
        return self.filter(state__in=RUNNING, yellow_at__lte=now, due_at__gte=now)

    def without_grid(self) -> Self:
        """The queue of cases whose point lies in no grid, or that have no place at all."""
        return self.filter(placed=False, state__in=OPEN)


class Case(Recorded):
    """One matter. Its story stands in the record; this row is how things are now."""

    class ClosedAs(models.TextChoices):
        HELPED = "helped", _("The reporter says it helped")
        VERIFIED = "verified", _("Verified by another post")
        UNREACHABLE = "unreachable", _("Verified; the reporter could not be reached")
        IMPORTED = "imported", _("Closed in the system it came from")
        WITHDRAWN = "withdrawn", _("Withdrawn by the reporter")

    number = models.CharField(_("number"), max_length=14, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.NEW)
    summary = models.CharField(_("summary"), max_length=120)
    channel = models.CharField(max_length=10)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    sorted_at = models.DateTimeField(null=True, blank=True)  # a person has confirmed the category
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+", verbose_name=_("place"))
    place_path = models.CharField(max_length=30)
    placed = models.BooleanField(default=True)  # False: no grid found, ``place`` is only who looks for it
    nearest = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    nearest_metres = models.PositiveIntegerField(null=True, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    lon = models.FloatField(null=True, blank=True)
    lat = models.FloatField(null=True, blank=True)
    cell = models.BigIntegerField(null=True, blank=True)
    lead_role = models.CharField(_("responsible role"), max_length=30, choices=Role.choices, blank=True)
    lead_place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField(_("received"))
    deadline_rule = models.CharField(max_length=60, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    yellow_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)
    review_on = models.DateField(_("look at it again on"), null=True, blank=True)
    left = models.CharField(max_length=40, blank=True)  # a rules.Span: what was left of the time when it was paused
    extensions = models.PositiveSmallIntegerField(default=0)
    extension_reason = models.CharField(max_length=200, blank=True)  # told to the reporter
    worker = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)  # or withdrawn
    closed_as = models.CharField(max_length=12, choices=ClosedAs.choices, blank=True)
    outcome = models.CharField(max_length=500, blank=True)  # in the words of who did it; the reporter reads it
    reopened = models.PositiveSmallIntegerField(default=0)

    RECORDED = (
        "number",
        "state",
        "category_id",
        "place_id",
        "place_path",
        "placed",
        "lead_role",
        "lead_place_id",
        "opened_at",
        "due_at",
        "yellow_at",
        "paused_at",
        "review_on",
        "extensions",
        "worker_id",
        "done_at",
        "closed_at",
        "closed_as",
        "reopened",
    )
    WORDS = ("summary", "address", "outcome", "pause_reason", "extension_reason")

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        constraints = [
            models.CheckConstraint(name="case_state_is_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="ended_case_has_date_and_way",
                condition=Q(state="closed", closed_at__isnull=False) & ~Q(closed_as__in=["", "withdrawn"])
                | Q(state="withdrawn", closed_at__isnull=False, closed_as="withdrawn")
                | Q(state__in=["new", "assigned", "paused", "to_check"], closed_at__isnull=True, closed_as=""),
            ),
            models.CheckConstraint(
                name="assigned_case_has_a_lead",
                condition=Q(state__in=["new", "closed", "withdrawn"]) | ~Q(lead_role="") & Q(lead_place__isnull=False),
            ),
            models.CheckConstraint(
                name="paused_case_has_a_moment",
                condition=Q(state="paused", paused_at__isnull=False) | ~Q(state="paused") & Q(paused_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "place_path", "due_at"], name="case_by_state"),
            models.Index(fields=["state", "due_at"], name="case_by_deadline"),
            models.Index(fields=["lead_place", "lead_role", "state"], name="case_by_position"),
            models.Index(fields=["-opened_at", "-id"], name="case_newest_first"),
            models.Index(fields=["cell"], name="case_by_cell"),
        ]

    def __str__(self) -> str:
        return self.number

    def must_allow(self, move: Move) -> None:
        """Refusal when the move is not legal in the present state."""
        if self.state not in MOVES[move][0]:
            raise Refusal(
                _t("“%(move)s” is not possible while the case is “%(state)s”.")
                % {"move": move.label, "state": self.get_state_display()}
            )

    def go(self, move: Move) -> None:
        """Check the move and take it (in memory)."""
        self.must_allow(move)
        target = MOVES[move][1]
        if target is not None:
            self.state = target

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def clock_runs(self) -> bool:
        return self.state in RUNNING


class Voice(models.Model):
    """One message that speaks about a case. Everybody behind a voice is told the outcome."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="voices")
    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="voice")

    def __str__(self) -> str:
        return f"{self.message} → {self.case}"


class Note(Recorded):
    """What staff write to each other about a case. The reporter does not see it."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    text = models.TextField(_("note"), max_length=2000)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    RECORDED = ("case_id", "by_id", "post_id", "at")
    WORDS = ("text",)

    def __str__(self) -> str:
        return f"{self.case}: {self.at:%Y-%m-%d}"
