"""A case: one matter that somebody is responsible for, from the first report to the verified end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import holds_position, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import below
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
    opens_when_zh = models.CharField(_("opening condition"), max_length=300, blank=True)
    opens_when_en = models.CharField(max_length=400, blank=True)
    closes_when_zh = models.CharField(_("closing condition"), max_length=300, blank=True)
    closes_when_en = models.CharField(max_length=400, blank=True)
    private = models.BooleanField(default=False)  # a matter between people: never proposed to others, never on maps
    position = models.PositiveIntegerField(default=0)
    retired_on = models.DateField(null=True, blank=True)
    successor = models.ForeignKey(  # where new demands go once this one is retired
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="predecessors"
    )

    RECORDED = (
        "code", "parent_id", "name_zh", "name_en", "deadline_rule", "role", "retired_on", "private", "successor_id",
    )  # fmt: skip
    ADDED = frozenset({"private", "successor_id"})

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


class Question(Recorded):
    """What a category asks of the reporter beyond the text. Retired questions stay readable in old answers."""

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", pgettext_lazy("an answer", "Number")
        DAY = "day", _("Date")
        ONE = "one", _("One of these")
        SOME = "some", _("Some of these")

    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="questions")
    code = models.CharField(_("code"), max_length=40)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.TEXT)
    label_zh = models.CharField(_("Chinese wording"), max_length=120)
    label_en = models.CharField(_("English wording"), max_length=160)
    choices = models.JSONField(default=list, blank=True)  # [{"key", "zh", "en"}] of ONE and SOME
    required = models.BooleanField(_("must be answered"), default=False)
    position = models.PositiveIntegerField(default=0)
    retired_on = models.DateField(null=True, blank=True)

    RECORDED = ("category_id", "code", "kind", "label_zh", "label_en", "required", "position", "retired_on")

    class Meta:
        ordering = ("position", "pk")
        constraints = [models.UniqueConstraint(fields=["category", "code"], name="question_code_once_a_category")]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return self.label_zh if (get_language() or "zh").startswith("zh") else self.label_en


class Responsibility(Recorded):
    """One row of the matrix category × place → who leads. The nearest place wins, then the nearest category."""

    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="responsibilities")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    role = models.CharField(_("responsible role"), max_length=30, choices=Role.choices)
    seat = models.ForeignKey(  # the place of the responsible post, when it is not on the way up from the case
        Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Who else has a part in it: [{"role", "seat": place code or "", "limit": a rules.Span or ""}].
    co_handlers = models.JSONField(default=list, blank=True)
    ended_on = models.DateField(null=True, blank=True)

    RECORDED = ("category_id", "place_id", "role", "seat_id", "ended_on", "co_handlers")
    ADDED = frozenset({"co_handlers"})

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
    MERGE = "merge", _("Merge into another case")
    UNMERGE = "unmerge", _("Take out of the other case")
    REFER = "refer", _("Refer elsewhere")


class State(models.TextChoices):
    NEW = "new", _("New")
    ASSIGNED = "assigned", _("Being handled")
    PAUSED = "paused", _("Paused")
    TO_CHECK = "to_check", _("Being checked")
    CLOSED = "closed", _("Closed")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    MERGED = "merged", _("Handled with another case")
    REFERRED = "referred", _("Referred elsewhere")


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
        Move.REOPEN: (frozenset({State.TO_CHECK, State.CLOSED, State.REFERRED}), None),
        Move.WITHDRAW: (frozenset({State.NEW, State.ASSIGNED, State.PAUSED, State.TO_CHECK}), State.WITHDRAWN),
        Move.MERGE: (frozenset({State.NEW, State.ASSIGNED, State.PAUSED}), State.MERGED),
        Move.UNMERGE: (frozenset({State.MERGED}), None),
        Move.REFER: (frozenset({State.NEW, State.ASSIGNED}), State.REFERRED),
    }
)
OPEN: Final = (State.NEW, State.ASSIGNED, State.PAUSED, State.TO_CHECK)
# While a clock runs against somebody. A case that is being checked waits for others.
RUNNING: Final = (State.NEW, State.ASSIGNED)


class CaseQuerySet(models.QuerySet["Case"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """What lies where the person may read cases, and what one of their posts is responsible for."""
        return self.filter(reach(user, "cases.read") | holds_position(user, role="lead_role", place="lead_place_id"))

    def shared_with(self, user: User | AnonymousUser) -> Self:
        """What one of the person's posts has (or had) a part in. For one case: lists leave it out, for their speed."""
        return self.filter(pk__in=CoHandler.objects.filter(holds_position(user)).values("case_id"))

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


class Case(Moving, Recorded):
    """One matter. Its story stands in the record; this row is how things are now."""

    class ClosedAs(models.TextChoices):
        HELPED = "helped", _("The reporter says it helped")
        VERIFIED = "verified", _("Verified by another post")
        UNREACHABLE = "unreachable", _("Verified; the reporter could not be reached")
        IMPORTED = "imported", _("Closed in the system it came from")
        WITHDRAWN = "withdrawn", _("Withdrawn by the reporter")
        MERGED = "merged", _("Handled with another case")
        REFERRED = "referred", _("Referred elsewhere")

    class Urgency(models.TextChoices):
        NORMAL = "normal", _("Ordinary")
        URGENT = "urgent", _("Urgent")
        DANGER = "danger", _("Danger to life")

    class Pause(models.TextChoices):
        REPORTER = "reporter", _("Waiting for the reporter")
        DEFERRED = "deferred", _("Deferred: it cannot be done now")

    class Referral(models.TextChoices):
        """The six kinds of demands that are not dispatched (Beijing ordinance on immediate response, 2021)."""

        EMERGENCY_LINE = "emergency_line", _("A matter for an emergency line")
        LEGAL_CHANNEL = "legal_channel", _("A matter for a court, arbitration or another legal channel")
        ALREADY_HANDLED = "already_handled", _("Already handled, and there are no new facts")
        SECRET = "secret", _("It touches secrets of the state, of trade or of persons")
        OUTSIDE_DUTY = "outside_duty", _("Outside the duties of government")
        UNLAWFUL = "unlawful", _("Against the law or good morals")

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
    pause_kind = models.CharField(_("why the clock stops"), max_length=8, choices=Pause.choices, blank=True)
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
    urgency = models.CharField(_("urgency"), max_length=8, choices=Urgency.choices, default=Urgency.NORMAL)
    contact_due_at = models.DateTimeField(_("first contact due"), null=True, blank=True)
    contacted_at = models.DateTimeField(_("reporter first contacted"), null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged", db_index=False
    )
    voice_count = models.PositiveIntegerField(default=1)  # how many voices stand behind it
    ruled_at = models.DateTimeField(null=True, blank=True)  # a ruled case cannot be returned
    referral = models.CharField(max_length=16, choices=Referral.choices, blank=True)
    excluded_at = models.DateTimeField(null=True, blank=True)  # beyond duty, after review: outside the three rates
    escalation = models.PositiveSmallIntegerField(default=0)  # how many steps up it has gone
    escalate_at = models.DateTimeField(null=True, blank=True)  # when the next step is taken by itself

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
        "contacted_at",
        "merged_into_id",
        "ruled_at",
        "referral",
        "excluded_at",
        "escalation",
        "pause_kind",
    )
    ADDED = frozenset(
        {"contacted_at", "merged_into_id", "ruled_at", "referral", "excluded_at", "escalation", "pause_kind"}
    )
    WORDS = ("summary", "address", "outcome", "pause_reason", "extension_reason")

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible while the case is “%(state)s”.")

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        constraints = [
            models.CheckConstraint(name="case_state_is_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="ended_case_has_date_and_way",
                condition=Q(state="closed", closed_at__isnull=False)
                & ~Q(closed_as__in=["", "withdrawn", "merged", "referred"])
                | Q(state="withdrawn", closed_at__isnull=False, closed_as="withdrawn")
                | Q(state="merged", closed_at__isnull=False, closed_as="merged", merged_into__isnull=False)
                | Q(state="referred", closed_at__isnull=False, closed_as="referred") & ~Q(referral="")
                | Q(state__in=["new", "assigned", "paused", "to_check"], closed_at__isnull=True, closed_as=""),
            ),
            models.CheckConstraint(
                name="open_case_has_a_lead",  # first the desk that received it, then who was given it
                condition=Q(state__in=["closed", "withdrawn", "merged", "referred"])
                | ~Q(lead_role="") & Q(lead_place__isnull=False),
            ),
            models.CheckConstraint(
                name="paused_case_has_a_moment",
                condition=Q(state="paused", paused_at__isnull=False) | ~Q(state="paused") & Q(paused_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "place_path", "due_at"], name="case_by_state"),
            models.Index(
                fields=["state", "due_at", "id", "category", "place_path", "lead_place", "lead_role"],
                name="case_by_deadline",
            ),
            models.Index(fields=["lead_place", "lead_role", "state"], name="case_by_position"),
            # Lists walk along these two and look, in the index itself, at what people filter by most.
            models.Index(
                fields=["-opened_at", "-id", "state", "category", "place_path", "lead_place", "lead_role"],
                name="case_newest_first",
            ),
            # Everything that the map of the desk asks: answered from the index alone, without touching a case.
            models.Index(
                fields=["cell", "state", "place_path", "category", "due_at", "yellow_at", "lead_place", "lead_role"],
                name="case_on_the_map",
                condition=Q(cell__isnull=False),
            ),
            models.Index(
                fields=["category", "cell", "state", "place_path", "due_at", "yellow_at", "lead_place", "lead_role"],
                name="case_on_the_category_map",
                condition=Q(cell__isnull=False),
            ),
            models.Index(fields=["escalate_at"], name="case_by_escalation", condition=Q(escalate_at__isnull=False)),
            models.Index(fields=["merged_into"], name="case_by_target", condition=Q(merged_into__isnull=False)),
            # For the three rates of a period.
            models.Index(fields=["contact_due_at"], name="case_by_contact", condition=Q(contact_due_at__isnull=False)),
            models.Index(fields=["excluded_at"], name="case_by_exclusion", condition=Q(excluded_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def clock_runs(self) -> bool:
        return self.state in RUNNING


class VoiceQuerySet(models.QuerySet["Voice"]):
    def speaking(self) -> Self:
        """Those who are told each step and asked at the end: everybody who has not taken their part back."""
        return self.filter(withdrawn_at__isnull=True)


class Voice(models.Model):
    """One message that speaks about a case. Everybody behind a voice is told the outcome."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="voices")  # who handles it now
    # The case it opened or joined of its own accord: where it goes back to when a merge is undone.
    first_case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="first_voices")
    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="voice")
    joined_at = models.DateTimeField(null=True, blank=True)  # none: it opened the case
    # They took their own part back while others still wait: they are neither told nor asked any more.
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = VoiceQuerySet.as_manager()

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


class Reply(Recorded):
    """What is said between the house and the reporters of a case, once it is open."""

    class Way(models.TextChoices):
        PAGE = "page", _("Written on the follow page")
        PHONE = "phone", _("By telephone")
        VISIT = "visit", _("In person")
        WROTE = "wrote", _("Written by the reporter")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="replies")
    # Whose page it belongs to. None: everybody behind the case reads what staff wrote on the page.
    message = models.ForeignKey(Message, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    way = models.CharField(_("how"), max_length=5, choices=Way.choices)
    text = models.TextField(_("what was said"), max_length=1000)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField()

    RECORDED = ("case_id", "message_id", "way", "by_id", "post_id", "at")
    WORDS = ("text",)

    class Meta:
        verbose_name = _("reply")
        verbose_name_plural = _("replies")
        constraints = [
            models.CheckConstraint(
                name="reply_says_who",
                condition=Q(way="wrote", message__isnull=False, by__isnull=True)
                | Q(way__in=["page", "phone", "visit"], by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.get_way_display()}"


class CoHandlerQuerySet(models.QuerySet["CoHandler"]):
    def at_hand(self, user: User | AnonymousUser) -> Self:
        """The parts that lie with the person's posts: asked for or done, not sent back and not dropped."""
        return self.filter(holds_position(user), state__in=["asked", "done"])


class CoHandler(Recorded):
    """Somebody besides the lead who has a part in a case, with a deadline of their own."""

    class State(models.TextChoices):
        ASKED = "asked", _("Asked")
        DONE = "done", _("Done")
        RETURNED = "returned", _("Not theirs")
        DROPPED = "dropped", _("No longer needed")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="co_handlers")
    role = models.CharField(_("responsible role"), max_length=30, choices=Role.choices)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    need = models.CharField(_("what is asked of them"), max_length=300)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    due_at = models.DateTimeField(_("due"))
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    escalation = models.PositiveSmallIntegerField(default=0)  # how many steps up it has gone, being late
    escalate_at = models.DateTimeField(null=True, blank=True)  # when the next step is taken by itself

    RECORDED = ("case_id", "role", "place_id", "state", "due_at", "asked_by_id", "asked_at", "ended_at", "escalation")
    ADDED = frozenset({"escalation"})
    WORDS = ("need",)

    objects = CoHandlerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "role", "place"], condition=Q(state="asked"), name="one_open_part_a_position"
            ),
            models.CheckConstraint(
                name="part_state_is_known", condition=Q(state__in=["asked", "done", "returned", "dropped"])
            ),
        ]
        indexes = [
            models.Index(fields=["place", "role", "state"], name="part_by_position"),
            models.Index(fields=["escalate_at"], name="part_by_escalation", condition=Q(state="asked")),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.get_role_display()}"


class RulingQuerySet(models.QuerySet["Ruling"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """What lies where the person rules, or where they may read cases."""
        return self.filter(reach(user, "cases.rule") | reach(user, "cases.read", "case__place_path"))

    def to_rule(self, user: User | AnonymousUser) -> Self:
        """What waits for somebody like this person, who is not the one that asked, now or before an objection."""
        before = Ruling.objects.filter(
            Q(asked_by_id=user.pk) | Q(decided_by_id=user.pk), case=OuterRef("case"), kind="referral", state="agreed"
        )
        return (
            self.filter(reach(user, "cases.rule"), state="open")
            .exclude(asked_by_id=user.pk)
            .exclude(Q(kind__in=DENIES) & ~Q(case__state="referred") & Exists(before))
        )


class Ruling(Recorded):
    """A question about a case that a higher post answers, with its own deadline. Who ruled is not who asked."""

    class Kind(models.TextChoices):
        NOT_OURS = "not_ours", _("Whose is it? Returned as “not ours”")
        NO_ROW = "no_row", _("Whose is it? No rule names anybody")
        REFERRAL = "referral", _("Is it to be referred elsewhere?")
        BEYOND_DUTY = "beyond_duty", _("Does it count in the three rates?")

    class State(models.TextChoices):
        OPEN = "open", _("To be ruled")
        AGREED = "agreed", _("Agreed")
        REFUSED = "refused", _("Not agreed")
        DROPPED = "dropped", _("No longer needed")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="rulings")
    kind = models.CharField(_("question"), max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    referral = models.CharField(max_length=16, choices=Case.Referral.choices, blank=True)
    reason = models.CharField(_("reason"), max_length=1000)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")  # whose ruler decides
    place_path = models.CharField(max_length=30)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    due_at = models.DateTimeField(_("due"))
    # The position that asks. Of "not ours": the one that sent it back, and no colleague of it rules.
    asked_role = models.CharField(max_length=30, choices=Role.choices, blank=True)
    asked_place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    words = models.CharField(_("reasons of the ruling"), max_length=1000, blank=True)
    escalation = models.PositiveSmallIntegerField(default=0)  # how many steps up it has gone, being late
    escalate_at = models.DateTimeField(null=True, blank=True)  # when the next step is taken by itself

    RECORDED = (
        "case_id", "kind", "state", "referral", "place_id", "asked_at", "asked_by_id", "due_at", "decided_at",
        "decided_by_id", "asked_role", "asked_place_id", "escalation",
    )  # fmt: skip
    ADDED = frozenset({"escalation"})
    WORDS = ("reason", "words")

    objects = RulingQuerySet.as_manager()

    class Meta:
        verbose_name = _("ruling")
        verbose_name_plural = _("rulings")
        constraints = [
            models.UniqueConstraint(fields=["case", "kind"], condition=Q(state="open"), name="one_open_ruling_a_kind"),
            models.CheckConstraint(
                name="ruling_state_is_known", condition=Q(state__in=["open", "agreed", "refused", "dropped"])
            ),
            models.CheckConstraint(
                name="nobody_rules_on_their_own_question",
                condition=Q(decided_by__isnull=True) | Q(asked_by__isnull=True) | ~Q(decided_by=models.F("asked_by")),
            ),
            models.CheckConstraint(
                name="decided_ruling_says_who_and_when",
                condition=~Q(state__in=["agreed", "refused"]) | Q(decided_at__isnull=False, decided_by__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "place_path", "due_at"], name="ruling_by_state"),
            models.Index(fields=["escalate_at"], name="ruling_by_escalation", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.get_kind_display()}"


# Questions that take a matter out of the house's hands. After an objection they are ruled by somebody else.
DENIES: Final = (Ruling.Kind.REFERRAL, Ruling.Kind.BEYOND_DUTY)


class SlipQuerySet(models.QuerySet["Slip"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(
            holds_position(user, own=True)
            | holds_position(user, role="supervisor_role", place="supervisor_place_id", own=True)
            | reach(user, "cases.supervise")
        )

    def to_answer(self, user: User | AnonymousUser) -> Self:
        return self.filter(holds_position(user, own=True), state="open")

    def supervised_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "cases.supervise")).exclude(holds_position(user, own=True))


class Slip(Recorded):
    """A supervision slip (督办单): a case, a part or a ruling is late; the next higher post asks why and what now."""

    class State(models.TextChoices):
        OPEN = "open", _("To be answered")
        ANSWERED = "answered", _("Answered")
        DROPPED = "dropped", _("No longer needed")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="slips")
    # What of the case is late, when it is not the case itself.
    part = models.ForeignKey(CoHandler, on_delete=models.PROTECT, null=True, blank=True, related_name="slips")
    ruling = models.ForeignKey(Ruling, on_delete=models.PROTECT, null=True, blank=True, related_name="slips")
    number = models.CharField(_("number"), max_length=20, unique=True)  # the case's number and the step
    step = models.PositiveSmallIntegerField()  # 1: one step up, 2: two steps up …
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    role = models.CharField(_("addressed to"), max_length=30, choices=Role.choices)  # the post that is late
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    supervisor_role = models.CharField(_("supervised by"), max_length=30, choices=Role.choices, blank=True)
    supervisor_place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, related_name="+")
    place_path = models.CharField(max_length=30)  # of the supervisor's place
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(_("answer due"))
    answer = models.CharField(_("answer"), max_length=1000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "case_id", "number", "step", "state", "role", "place_id", "supervisor_role", "supervisor_place_id", "opened_at",
        "due_at", "answered_at", "answered_by_id", "part_id", "ruling_id",
    )  # fmt: skip
    ADDED = frozenset({"part_id", "ruling_id"})
    WORDS = ("answer",)

    objects = SlipQuerySet.as_manager()

    class Meta:
        verbose_name = _("supervision slip")
        verbose_name_plural = _("supervision slips")
        constraints = [
            models.UniqueConstraint(
                fields=["case", "step", "opened_at"],
                condition=Q(part__isnull=True, ruling__isnull=True),
                name="one_slip_a_step",
            ),
            models.UniqueConstraint(fields=["part", "step"], name="one_slip_a_step_of_a_part"),
            models.UniqueConstraint(fields=["ruling", "step"], name="one_slip_a_step_of_a_ruling"),
            models.CheckConstraint(
                name="slip_is_about_one_thing", condition=Q(part__isnull=True) | Q(ruling__isnull=True)
            ),
            models.CheckConstraint(name="slip_state_is_known", condition=Q(state__in=["open", "answered", "dropped"])),
        ]
        indexes = [models.Index(fields=["state", "place_path", "due_at"], name="slip_by_state")]

    def __str__(self) -> str:
        return self.number

    @property
    def what(self) -> str:
        """What of the case is late, in words. Read ``part`` and ``ruling`` along."""
        if self.ruling is not None:
            return _t("a ruling: %(question)s") % {"question": self.ruling.get_kind_display()}
        if self.part is not None:
            return (
                _t("the part of a co-handler: %(need)s") % {"need": self.part.need}
                if self.part.need
                else _t("the part of a co-handler")
            )
        return _t("the case")

    @property
    def was_due_at(self) -> datetime | None:
        return (self.ruling or self.part or self.case).due_at
