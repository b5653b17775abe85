"""A directive (任务下达): work that an office sends down once to many places, and the piece of each place."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gongzhi.act.directives.rhythm import Rhythm
from gongzhi.ground.access.reach import NOTHING, holds_position, in_scope, posts_with, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Level, Place

# Who answers for a piece at a place of each level.
RECEIVERS: Final[Mapping[str, Role]] = MappingProxyType(
    {
        Level.COUNTY: Role.DEPARTMENT_OFFICER,
        Level.TOWN: Role.STREET_CLERK,
        Level.VILLAGE: Role.COMMUNITY_SECRETARY,
        Level.GRID: Role.GRID_WORKER,
        Level.BUILDING: Role.BUILDING_CHIEF,
    }
)
MOST_VALUE: Final = 1000


def offices_of(user: User | AnonymousUser, verb: str) -> list[int]:
    """The places at whose own office the person may do ``verb``."""
    return sorted({post.place_id for post in posts_with(user, verb)})


def at_office(user: User | AnonymousUser, verb: str, field: str = "place_id") -> Q:
    """Rows that belong to an office in which the person works."""
    offices = offices_of(user, verb)
    return Q(**{f"{field}__in": offices}) if offices else NOTHING


class DirectiveState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ISSUED = "issued", _("Issued")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    CLOSED = "closed", _("Closed")


class Evidence(models.TextChoices):
    NONE = "none", _("Words are enough")
    PHOTO = "photo", _("A photo is asked for")


class DirectiveQuerySet(models.QuerySet["Directive"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The issuing office, whoever oversees the subtree, and every office that has a piece of it."""
        piece = Assignment.objects.visible_to(user).filter(directive=OuterRef("pk"))
        return self.filter(
            at_office(user, "directives.issue", "issuer_place_id")
            | reach(user, "directives.oversee") & ~Q(state=DirectiveState.DRAFT)
            | Q(Exists(piece))
        )

    def boards_for(self, user: User | AnonymousUser) -> Self:
        """Whose board the person may look at: the issuing office, and whoever oversees its subtree."""
        return self.filter(
            at_office(user, "directives.issue", "issuer_place_id")
            | reach(user, "directives.oversee") & ~Q(state=DirectiveState.DRAFT)
        )

    def of_office(self, user: User | AnonymousUser) -> Self:
        """What the person's own office has sent, drafts too."""
        return self.filter(at_office(user, "directives.issue", "issuer_place_id"))


class Directive(Recorded):
    """What an office asks of places, said once. Its pieces are the assignments."""

    State = DirectiveState
    Evidence = Evidence
    Rhythm = Rhythm

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=DirectiveState.choices, default=DirectiveState.DRAFT)
    title = models.CharField(_("title"), max_length=120)
    text = models.TextField(_("what is to be done"), max_length=5000)
    legal_basis = models.CharField(_("legal basis"), max_length=300, blank=True)
    done_when = models.CharField(_("what counts as done"), max_length=500)
    issuer_role = models.CharField(_("issued by"), max_length=30, choices=Role.choices)
    issuer_place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)  # of the issuing office
    urgent = models.BooleanField(_("urgent"), default=False)  # what is not urgent is routine
    reply_span = models.CharField(_("time to reply"), max_length=40, blank=True)  # "3 working_days"
    reply_by = models.DateTimeField(_("reply by"), null=True, blank=True)  # a fixed moment instead of a span
    evidence = models.CharField(_("evidence"), max_length=10, choices=Evidence.choices, default=Evidence.NONE)
    evidence_reason = models.CharField(_("why a photo"), max_length=200, blank=True)  # the worker reads this
    # points of one piece; 0: none
    value = models.PositiveSmallIntegerField(pgettext_lazy("of a piece of work", "value"), default=0)
    minutes = models.PositiveSmallIntegerField(_("minutes that one place needs"), default=0)  # 0: not estimated
    assist_item = models.CharField(_("item of the assist list"), max_length=20, blank=True)
    asks_for = models.JSONField(_("data asked for"), default=list, blank=True)  # codes
    asks_because = models.CharField(_("why it is asked all the same"), max_length=300, blank=True)
    rhythm = models.CharField(_("rhythm"), max_length=10, choices=Rhythm.choices, default=Rhythm.ONCE, blank=True)
    starts_on = models.DateField(_("first sending"), null=True, blank=True)
    ends_on = models.DateField(_("no sending after"), null=True, blank=True)
    next_on = models.DateField(_("next sending"), null=True, blank=True)
    target_level = models.CharField(_("to each"), max_length=10, choices=Level.choices)
    target_places = models.JSONField(_("places"), default=list)  # ids: the subtree of each
    target_profile = models.CharField(_("only places with the profile"), max_length=20, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    issued_at = models.DateTimeField(_("issued"), null=True, blank=True)
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ending = models.CharField(_("why it was withdrawn"), max_length=300, blank=True)

    RECORDED = (
        "state", "issuer_role", "issuer_place_id", "place_path", "urgent", "reply_span", "reply_by", "evidence",
        "value", "minutes", "assist_item", "asks_for", "rhythm", "starts_on", "ends_on", "next_on", "target_level",
        "target_places", "target_profile", "created_at", "created_by_id", "issued_at", "issued_by_id", "ended_at",
        "ended_by_id",
    )  # fmt: skip
    WORDS = ("title", "text", "legal_basis", "done_when", "evidence_reason", "asks_because", "ending")

    objects = DirectiveQuerySet.as_manager()

    class Meta:
        verbose_name = _("directive")
        verbose_name_plural = _("directives")
        constraints = [
            models.CheckConstraint(name="directive_state_is_known", condition=Q(state__in=DirectiveState.values)),
            models.CheckConstraint(
                name="directive_has_one_time_limit",
                condition=Q(reply_by__isnull=True) & ~Q(reply_span="")
                | Q(reply_by__isnull=False, reply_span="", rhythm=""),
            ),
            models.CheckConstraint(
                name="recurring_directive_has_an_end",
                condition=Q(rhythm="", starts_on__isnull=True, ends_on__isnull=True, next_on__isnull=True)
                | Q(starts_on__isnull=False, ends_on__gte=F("starts_on")) & ~Q(rhythm=""),
            ),
            models.CheckConstraint(
                name="issued_directive_says_by_whom",
                condition=Q(state="draft") | Q(issued_at__isnull=False, issued_by__isnull=False),
            ),
            models.CheckConstraint(name="directive_value_has_a_limit", condition=Q(value__lte=MOST_VALUE)),
        ]
        indexes = [
            models.Index(fields=["place_path", "state", "-issued_at"], name="directive_by_office"),
            models.Index(fields=["next_on"], condition=Q(next_on__isnull=False), name="directive_to_be_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def number(self) -> str:
        return f"D{timezone.localtime(self.issued_at or self.created_at).year}-{self.pk:04d}"

    @property
    def recurs(self) -> bool:
        return bool(self.rhythm)


class DirectiveFile(models.Model):
    """A file that goes with a directive. No macros, no programs; checked by its content (``files.py``)."""

    directive = models.ForeignKey(Directive, on_delete=models.PROTECT, related_name="files")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(upload_to="directives/", max_length=120)
    name = models.CharField(_("name"), max_length=120)
    size = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.name


class PlaceGroupQuerySet(models.QuerySet["PlaceGroup"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(at_office(user, "directives.issue", "owner_id"))


class PlaceGroup(Recorded):
    """Places that an office often writes to, kept under a name."""

    owner = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    name = models.CharField(_("name"), max_length=60)
    places = models.JSONField(_("places"), default=list)  # ids
    kept_at = models.DateTimeField()

    RECORDED = ("owner_id", "place_path", "places", "kept_at")
    WORDS = ("name",)

    objects = PlaceGroupQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="group_name_once_an_office")]

    def __str__(self) -> str:
        return self.name


class Round(Recorded):
    """One sending of a directive. A recurring one has many, each with its own deadline and its own pieces."""

    directive = models.ForeignKey(Directive, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    sent_at = models.DateTimeField(_("sent"))
    due_at = models.DateTimeField(_("due"))
    yellow_at = models.DateTimeField()
    places = models.PositiveIntegerField(_("places"))
    place_path = models.CharField(max_length=30)

    RECORDED = ("directive_id", "number", "sent_at", "due_at", "yellow_at", "places", "place_path")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["directive", "number"], name="rounds_are_counted")]

    def __str__(self) -> str:
        return f"{self.directive} / {self.number}"


class State(models.TextChoices):
    SENT = "sent", _("Not read yet")
    READ = "read", _("Read")
    ACCEPTED = "accepted", pgettext_lazy("directed work", "Accepted")
    ASKING = "asking", _("Waits for the sender’s answer")
    PASSED = "passed", _("With those below")
    SUBMITTED = "submitted", _("Result reported")
    RETURNED = "returned", _("Sent back")
    DONE = "done", _("Result accepted")
    TAKEN = "taken", _("Taken over by the sender")
    REFUSED = "refused", _("Refused: not on the list")
    WITHDRAWN = "withdrawn", _("No longer asked for")


class Move(models.TextChoices):
    READ = "read", _("Read")
    ACCEPT = "accept", pgettext_lazy("directed work", "Accept")
    ASK = "ask", _("Ask the sender")
    ANSWER = "answer", _("Answer the question")
    RELEASE = "release", _("Release from it")
    TAKE = "take", _("Take over")
    PASS_DOWN = "pass_down", _("Pass down")
    RECALL = "recall", _("Take back from those below")
    SUBMIT = "submit", _("Report the result")
    RETURN = "return", _("Send back")
    CONFIRM = "confirm", _("Accept the result")
    REFUSE = "refuse", _("Refuse: not on the list")
    WITHDRAW = "withdraw", _("Withdraw")


# In whose hands the work is: the receiving office can move it on.
IN_HAND: Final = frozenset({State.SENT, State.READ, State.ACCEPTED, State.RETURNED})
# Whatever can still come to an end.
OPEN: Final = IN_HAND | {State.ASKING, State.PASSED, State.SUBMITTED}
ENDED: Final = frozenset(State) - OPEN
# The receiving office owes something; its clock runs.
OWED: Final = IN_HAND | {State.PASSED}

MOVES: Final[Mapping[Move, tuple[frozenset[State], State]]] = MappingProxyType(
    {
        Move.READ: (frozenset({State.SENT}), State.READ),
        Move.ACCEPT: (frozenset({State.SENT, State.READ}), State.ACCEPTED),
        Move.ASK: (IN_HAND, State.ASKING),
        Move.ANSWER: (frozenset({State.ASKING}), State.ACCEPTED),
        Move.RELEASE: (frozenset({State.ASKING}), State.WITHDRAWN),
        Move.TAKE: (frozenset({State.ASKING}), State.TAKEN),
        Move.PASS_DOWN: (IN_HAND, State.PASSED),
        Move.RECALL: (frozenset({State.PASSED}), State.ACCEPTED),
        # Small things are done on the spot: reporting accepts as well. A piece that was passed down or split is
        # reported when nothing below it is open.
        Move.SUBMIT: (OWED, State.SUBMITTED),
        Move.RETURN: (frozenset({State.SUBMITTED}), State.RETURNED),
        Move.CONFIRM: (frozenset({State.SUBMITTED}), State.DONE),
        Move.REFUSE: (frozenset({State.SENT, State.READ}), State.REFUSED),
        Move.WITHDRAW: (OPEN, State.WITHDRAWN),
    }
)


def standings(now: Any) -> dict[str, Q]:
    """How pieces can stand, in the words of the board. Late ones stand under something else as well."""
    return {
        "unread": Q(state=State.SENT),
        "working": Q(state__in=sorted(OWED - {State.SENT})),
        "late": Q(state__in=sorted(OWED), due_at__lt=now),
        "asking": Q(state=State.ASKING),
        "results": Q(state=State.SUBMITTED),
        "done": Q(state=State.DONE),
        "over": Q(state__in=sorted({State.REFUSED, State.TAKEN, State.WITHDRAWN})),
        "in_time": Q(state__in=[State.SUBMITTED, State.DONE], reported_at__lte=F("due_at")),
    }


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The office that has it, the office that asks for it, and whoever oversees the place."""
        return self.filter(
            self.in_hands(user)
            | at_office(user, "directives.issue", "asker_place_id")
            | at_office(user, "directives.work", "asker_place_id") & Q(parent__isnull=False)
            | reach(user, "directives.oversee")
        )

    def for_hands_of(self, user: User | AnonymousUser) -> Self:
        """What the person's own offices have to do, and what they do for somebody they stand in for."""
        return self.filter(self.in_hands(user))

    @staticmethod
    def in_hands(user: User | AnonymousUser) -> Q:
        held = holds_position(user) if in_scope(user, "directives.work") else NOTHING
        return at_office(user, "directives.work") | held

    def asked_by(self, user: User | AnonymousUser) -> Self:
        """What the person's own offices ask of others: they answer questions, and look at results."""
        return self.filter(
            at_office(user, "directives.issue", "asker_place_id") & Q(parent__isnull=True)
            | at_office(user, "directives.work", "asker_place_id") & Q(parent__isnull=False)
        )

    def open(self) -> Self:
        return self.filter(state__in=sorted(OPEN))

    def owed(self) -> Self:
        return self.filter(state__in=sorted(OWED))

    def late(self, now: Any) -> Self:
        return self.owed().filter(due_at__lt=now)

    def figures(self, now: Any, *by: str) -> models.QuerySet[Any, dict[str, Any]]:
        """How many pieces there are and how they stand, for each value of the columns: one statement."""
        counts = {name: Count("pk", filter=how) for name, how in standings(now).items()}
        rows: models.QuerySet[Any, dict[str, Any]]
        rows = self.order_by().values(*by).annotate(places=Count("pk"), **counts)
        return rows

    def top(self) -> Self:
        """What the directive itself asks for, without what was split or passed down."""
        return self.filter(parent__isnull=True)


class Assignment(Moving, Recorded):
    """The piece of one place: received, read, accepted, asked about, passed on, reported, sent back or accepted.

    The first pieces of a round are written by the hundred thousand (version 0): the record keeps their fingerprints
    about the round, as it does for an import.
    """

    UNRECORDED_VERSION = 0
    State = State

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="assignments")
    directive = models.ForeignKey(Directive, on_delete=models.PROTECT, related_name="assignments", db_index=False)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.SENT)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+", db_index=False)
    place_path = models.CharField(max_length=30)
    role = models.CharField(_("responsible role"), max_length=30, choices=Role.choices)
    # The office that asked for it: the issuer, or the office that passed it down.
    asker_place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+", db_index=False)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="pieces")
    part = models.CharField(_("which part"), max_length=200, blank=True)
    due_at = models.DateTimeField(_("due"), null=True)  # none: the clock waits for an answer
    yellow_at = models.DateTimeField(null=True)
    left = models.CharField(max_length=60, blank=True)  # what was left when the clock stopped: a span
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    accepted_at = models.DateTimeField(pgettext_lazy("directed work", "accepted"), null=True, blank=True)
    accepted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    reported_at = models.DateTimeField(_("reported"), null=True, blank=True)  # the last time
    ended_at = models.DateTimeField(null=True, blank=True)
    returns = models.PositiveSmallIntegerField(_("times sent back"), default=0)
    return_reason = models.CharField(_("why it was sent back"), max_length=300, blank=True)
    article = models.CharField(_("article"), max_length=60, blank=True)  # of the list that it is not on
    step = models.PositiveSmallIntegerField(default=0)  # how far supervision has gone
    step_at = models.DateTimeField(null=True, blank=True)  # when its next step is taken

    RECORDED = (
        "round_id", "directive_id", "state", "place_id", "place_path", "role", "asker_place_id", "parent_id",
        "due_at", "yellow_at", "left", "read_at", "accepted_at", "accepted_by_id", "reported_at", "ended_at", "returns",
        "article", "step", "step_at",
    )  # fmt: skip
    WORDS = ("part", "return_reason")

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this piece is “%(state)s”.")

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = [
            models.CheckConstraint(name="assignment_state_is_known", condition=Q(state__in=State.values)),
            models.UniqueConstraint(
                fields=["round", "place"], condition=Q(parent__isnull=True), name="one_piece_a_place_and_round"
            ),
            models.CheckConstraint(
                name="assignment_clock_runs_or_waits",
                condition=Q(state="asking") | Q(due_at__isnull=False, yellow_at__isnull=False, left=""),
            ),
            models.CheckConstraint(
                name="ended_assignment_says_when",
                condition=Q(state__in=sorted(OPEN), ended_at__isnull=True)
                | Q(state__in=sorted(ENDED), ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["place", "state", "due_at"], name="assignment_by_office"),
            models.Index(fields=["asker_place", "state"], name="assignment_by_asker"),
            models.Index(fields=["directive", "place_path"], name="assignment_of_directive"),
            models.Index(fields=["step_at"], condition=Q(step_at__isnull=False), name="assignment_next_step"),
        ]

    def __str__(self) -> str:
        return f"{self.directive.number}/{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def in_hand(self) -> bool:
        return self.state in IN_HAND

    def can(self, move: Move) -> bool:
        return self.state in MOVES[move][0]


class Question(Recorded):
    """A question of the receiving office to the office that asks. While it is open, the receiver's clock waits."""

    class Kind(models.TextChoices):
        CLARIFY = "clarify", _("Unclear: please explain")
        CONTEST = "contest", _("Not right: please look again")
        DECIDE = "decide", _("Beyond us: please decide")

    class Outcome(models.TextChoices):
        OPEN = "", _("Open")
        ANSWERED = "answered", _("Answered; the work goes on")
        RELEASED = "released", _("Released from it")
        TAKEN = "taken", _("Taken over by the sender")
        DROPPED = "dropped", _("No longer needed")

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="questions")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    words = models.CharField(_("question"), max_length=1000)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(_("answer due"))
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.OPEN, blank=True)
    answer = models.CharField(_("answer"), max_length=1000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "assignment_id", "kind", "asked_at", "asked_by_id", "due_at", "outcome", "answered_at", "answered_by_id",
    )  # fmt: skip
    WORDS = ("words", "answer")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment"], condition=Q(outcome=""), name="one_open_question_a_piece"),
            models.CheckConstraint(
                name="answered_question_says_when", condition=Q(outcome="") | Q(answered_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def is_open(self) -> bool:
        return self.outcome == ""


class Report(Recorded):
    """A result as it was reported. What comes for a piece that is no longer asked for is kept, and does not count."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="reports")
    key = models.UUIDField(_("key of the sending device"), unique=True, default=uuid.uuid4)
    words = models.CharField(_("what was done"), max_length=1000)
    minutes = models.PositiveSmallIntegerField(_("minutes it took"), default=0)  # 0: not said
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    counted = models.BooleanField(default=True)

    RECORDED = ("assignment_id", "key", "minutes", "at", "by_id", "counted")
    WORDS = ("words",)

    class Meta:
        indexes = [models.Index(fields=["at"], name="report_by_time")]

    def __str__(self) -> str:
        return f"{self.assignment_id}: {self.at:%Y-%m-%d}"


class ReportPhoto(models.Model):
    """A photo of a result."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="photos")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    large = models.FileField(upload_to="results/", max_length=120)
    small = models.FileField(upload_to="results/", max_length=120)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    def __str__(self) -> str:
        return str(self.uid)


class StepQuerySet(models.QuerySet["Step"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(Exists(Assignment.objects.visible_to(user).filter(pk=OuterRef("assignment"))))

    def slips(self) -> Self:
        return self.filter(kind="slip")

    def to_answer(self, user: User | AnonymousUser) -> Self:
        """Slips that the person's own offices have to answer."""
        mine = Assignment.objects.for_hands_of(user).filter(pk=OuterRef("assignment"))
        return self.slips().filter(Exists(mine), answered_at__isnull=True)

    def supervised_by(self, user: User | AnonymousUser) -> Self:
        return self.slips().filter(Exists(Assignment.objects.asked_by(user).filter(pk=OuterRef("assignment"))))


class Step(Recorded):
    """One step of supervision: a reminder, a slip (督办单) that wants an answer, or a talk (约谈).

    The reminders that a person gives to all late places at once come in one statement (version 0).
    """

    UNRECORDED_VERSION = 0

    class Kind(models.TextChoices):
        REMIND = "remind", _("Reminder")
        SLIP = "slip", _("Supervision slip")
        TALK = "talk", _("Talk")

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    place_path = models.CharField(max_length=30)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")  # none: the clock
    due_at = models.DateTimeField(_("answer due"), null=True, blank=True)
    answer = models.CharField(_("answer"), max_length=500, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = ("assignment_id", "kind", "place_path", "at", "by_id", "due_at", "answered_at", "answered_by_id")
    WORDS = ("answer",)

    objects = StepQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["kind", "place_path", "-at"], name="step_by_place")]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def number(self) -> str:
        return f"S{timezone.localtime(self.at).year}-{self.pk:04d}"

    @property
    def waits(self) -> bool:
        """A slip that wants an answer."""
        return self.kind == Step.Kind.SLIP and self.answered_at is None
