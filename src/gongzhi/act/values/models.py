"""Valued work: what was agreed on scoring, the items, who has them, their scores and the objections."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gongzhi.act.directives.models import Assignment
from gongzhi.act.directives.models import State as PieceState
from gongzhi.act.tasks.models import State as TaskState
from gongzhi.act.tasks.models import Task
from gongzhi.act.values.scoring import Marks, Weights
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import NOTHING, posts_with, reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.moves import Moving
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import ancestors

LARGEST: Final = 1000  # no rule allows more


def by_name(name: str) -> bytes:
    """The order in which people are listed: GB 18030 keeps the common characters by their sound, Latin before them."""
    return name.encode("gb18030", "replace")


class AgreementQuerySet(models.QuerySet["Agreement"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Whoever scores there, and whoever may be scored by it."""
        paths = {path for post in posts_with(user, "values.work") for path in ancestors(post.place_path)}
        return self.filter(reach(user, "values.manage") | Q(place_path__in=sorted(paths)))

    def standing(self) -> Self:
        return self.filter(ended_at__isnull=True)


class Agreement(Recorded):
    """What a village or community has agreed on scoring. Never changed: a newer edition replaces it."""

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    edition = models.PositiveSmallIntegerField(_("edition"))
    adopted_on = models.DateField(_("adopted on"))
    meeting = models.TextField(_("which meeting adopted it, and how"), max_length=1000)
    done_weight = models.PositiveSmallIntegerField(_("what “done” counts"))
    timeliness_weight = models.PositiveSmallIntegerField(_("what timeliness counts"))
    quality_weight = models.PositiveSmallIntegerField(_("what quality counts"))
    objection_days = models.PositiveSmallIntegerField(_("working days to object"))
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("until"))  # the last day
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)  # a newer edition stands

    RECORDED = (
        "place_id", "place_path", "edition", "adopted_on", "done_weight", "timeliness_weight", "quality_weight",
        "objection_days", "starts_on", "ends_on", "made_at", "made_by_id", "ended_at",
    )  # fmt: skip
    WORDS = ("meeting",)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("agreement on scoring")
        verbose_name_plural = _("agreements on scoring")
        constraints = [
            models.UniqueConstraint(fields=["place", "edition"], name="scoring_editions_are_counted"),
            models.UniqueConstraint(
                fields=["place"], condition=Q(ended_at__isnull=True), name="one_standing_scoring_a_place"
            ),
            models.CheckConstraint(
                name="weights_add_up_to_100",
                condition=Q(done_weight=100 - F("timeliness_weight") - F("quality_weight")),
            ),
            models.CheckConstraint(name="scoring_period_is_one", condition=Q(ends_on__gte=F("starts_on"))),
            models.CheckConstraint(name="somebody_can_object", condition=Q(objection_days__gte=1)),
        ]
        indexes = [models.Index(fields=["place_path", "ended_at"], name="scoring_by_place")]

    def __str__(self) -> str:
        return _t("%(place)s, edition %(edition)d") % {"place": self.place.name, "edition": self.edition}

    @property
    def weights(self) -> Weights:
        return Weights(self.done_weight, self.timeliness_weight, self.quality_weight)

    def covers(self, day: date) -> bool:
        return self.ended_at is None and self.starts_on <= day <= self.ends_on


class State(models.TextChoices):
    OPEN = "open", _("Still to be done")
    REPORTED = "reported", _("To be scored")
    SCORED = "scored", _("Scored; can be objected to")
    OBJECTED = "objected", _("Objected to")
    SETTLED = "settled", pgettext_lazy("of a score", "Settled")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Move(models.TextChoices):
    GIVE = "give", _("Give out")
    REPORT = "report", pgettext_lazy("of a valued item", "Report")
    SCORE = "score", _("Score")
    ACCEPT = "accept", _("Accept the score")
    OBJECT = "object", _("Object")
    ANSWER = "answer", _("Answer the objection")
    WITHDRAW = "withdraw", _("Withdraw")


MOVES: Final[Mapping[Move, tuple[frozenset[State], State | None]]] = MappingProxyType(
    {
        Move.GIVE: (frozenset({State.OPEN}), None),
        Move.REPORT: (frozenset({State.OPEN}), State.REPORTED),
        # Again while it can be objected to: a slip of the pen is put right by a second score, with its reason.
        Move.SCORE: (frozenset({State.REPORTED, State.SCORED}), State.SCORED),
        Move.ACCEPT: (frozenset({State.SCORED}), State.SETTLED),
        Move.OBJECT: (frozenset({State.SCORED}), State.OBJECTED),
        Move.ANSWER: (frozenset({State.OBJECTED}), State.SETTLED),
        # Once somebody has reported the work, it is scored and not taken away.
        Move.WITHDRAW: (frozenset({State.OPEN}), State.WITHDRAWN),
    }
)
LIVE: Final = (State.OPEN, State.REPORTED, State.SCORED, State.OBJECTED)
WITH_SCORE: Final = (State.SCORED, State.OBJECTED, State.SETTLED)
# Work that is no longer waiting cannot be given a value, and an item of work that was called off cannot be done.
TASK_CALLED_OFF: Final = (TaskState.RETURNED, TaskState.CANCELLED)
PIECE_CALLED_OFF: Final = (PieceState.WITHDRAWN, PieceState.REFUSED, PieceState.TAKEN)


class ItemQuerySet(models.QuerySet["Item"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Whoever has it, and whoever scores at its place."""
        if not isinstance(user, User):
            return self.filter(NOTHING)
        return self.filter(Q(holder_id=user.pk) | reach(user, "values.manage"))

    def managed_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(reach(user, "values.manage"))

    def of(self, user: User) -> Self:
        return self.filter(holder_id=user.pk)

    def live(self) -> Self:
        return self.filter(state__in=LIVE)


class Item(Moving, Recorded):
    """One piece of work with a value that was named before it is done."""

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="items")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    title = models.CharField(_("what is to be done"), max_length=120)
    done_when = models.TextField(_("what counts as done"), max_length=1000)
    value = models.PositiveSmallIntegerField(pgettext_lazy("of a piece of work", "value"))
    task = models.ForeignKey(Task, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    origin = models.CharField(_("where it comes from"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    holder = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    turns = models.PositiveSmallIntegerField(default=0)  # how often it was given out
    written_at = models.DateTimeField()
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(_("due"))
    reported_at = models.DateTimeField(null=True, blank=True)
    report = models.TextField(_("what was done"), max_length=1000, blank=True)
    rounds = models.PositiveSmallIntegerField(default=0)  # how many scores; the last one counts
    object_by = models.DateTimeField(_("can be objected to until"), null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_words = models.CharField(_("why it was withdrawn"), max_length=500, blank=True)

    RECORDED = (
        "agreement_id", "place_id", "place_path", "value", "task_id", "state", "holder_id", "post_id", "turns",
        "written_at", "written_by_id", "given_at", "due_at", "reported_at", "rounds", "object_by", "ended_at",
        "assignment_id",
    )  # fmt: skip
    ADDED = frozenset({"assignment_id"})
    WORDS = ("title", "done_when", "origin", "report", "end_words")

    MOVES = MOVES
    NOT_POSSIBLE = _("“%(move)s” is not possible: this item is “%(state)s”.")

    objects = ItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("valued item")
        verbose_name_plural = _("valued items")
        constraints = [
            models.CheckConstraint(name="valued_item_state_is_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="valued_item_has_one_source", condition=Q(task__isnull=True) | Q(assignment__isnull=True)
            ),
            models.CheckConstraint(name="value_is_between_1_and_1000", condition=Q(value__gte=1, value__lte=1000)),
            models.CheckConstraint(
                name="valued_item_is_with_a_person_in_a_post",
                condition=Q(holder__isnull=True, post__isnull=True, given_at__isnull=True, turns=0)
                | Q(holder__isnull=False, post__isnull=False, given_at__isnull=False, turns__gte=1),
            ),
            models.CheckConstraint(
                name="reported_item_has_a_holder",
                condition=Q(state__in=["open", "withdrawn"], reported_at__isnull=True, rounds=0)
                | Q(state="reported", reported_at__isnull=False, holder__isnull=False, rounds=0)
                | Q(
                    state__in=["scored", "objected", "settled"],
                    reported_at__isnull=False,
                    holder__isnull=False,
                    object_by__isnull=False,
                    rounds__gte=1,
                ),
            ),
            models.CheckConstraint(
                name="ended_item_says_when",
                condition=Q(state__in=["settled", "withdrawn"], ended_at__isnull=False)
                | Q(state__in=["open", "reported", "scored", "objected"], ended_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["holder", "state"], name="valued_item_by_holder"),
            models.Index(fields=["place_path", "state", "due_at"], name="valued_item_by_place"),
            models.Index(fields=["object_by"], name="valued_item_to_settle", condition=Q(state="scored")),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"V{timezone.localtime(self.written_at).year}-{self.pk:04d}"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def source_called_off(self) -> bool:
        """Whether the work that this item came from is not wanted any more."""
        if self.assignment is not None:
            return self.assignment.state in PIECE_CALLED_OFF
        return self.task is not None and self.task.state in TASK_CALLED_OFF

    def may_object(self, now: datetime) -> bool:
        return self.state == State.SCORED and self.object_by is not None and now <= self.object_by


class Turn(models.Model):
    """To whom an item was given, one line each time. Moving it to somebody else adds a line and takes none away."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="history")
    number = models.PositiveSmallIntegerField()
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    words = models.CharField(_("why"), max_length=500, blank=True)

    class Meta:
        ordering = ("number",)
        constraints = [models.UniqueConstraint(fields=["item", "number"], name="turns_are_counted")]

    def __str__(self) -> str:
        return f"{self.item}: {self.user}"


class Score(Recorded):
    """One score of one item, with its reason. A row is never edited: another opinion is another row."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="scores")
    round = models.PositiveSmallIntegerField()
    holder = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")  # whose work it was
    done = models.PositiveSmallIntegerField(_("done"))
    timeliness = models.PositiveSmallIntegerField(_("timeliness"))
    quality = models.PositiveSmallIntegerField(_("quality"))
    by_clock = models.PositiveSmallIntegerField()  # what the clock had proposed for timeliness
    points = models.PositiveSmallIntegerField(_("points"))
    reason = models.TextField(_("reason"), max_length=1000)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    RECORDED = (
        "item_id", "round", "holder_id", "done", "timeliness", "quality", "by_clock", "points", "by_id", "post_id",
        "at",
    )  # fmt: skip
    WORDS = ("reason",)

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        ordering = ("round",)
        constraints = [
            models.UniqueConstraint(fields=["item", "round"], name="scores_are_counted"),
            models.CheckConstraint(
                name="marks_lie_between_0_and_100",
                condition=Q(done__lte=100, timeliness__lte=100, quality__lte=100, by_clock__lte=100, points__lte=1000),
            ),
            models.CheckConstraint(name="nobody_scores_their_own_item", condition=~Q(by=F("holder"))),
        ]

    def __str__(self) -> str:
        return f"{self.item}/{self.round}"

    @property
    def marks(self) -> Marks:
        return Marks(self.done, self.timeliness, self.quality)


class Objection(Recorded):
    """What the cadre says against a score, and what is answered."""

    class Outcome(models.TextChoices):
        KEPT = "kept", _("The score stays")
        CHANGED = "changed", _("The score is changed")

    item = models.OneToOneField(Item, on_delete=models.PROTECT, related_name="objection")
    score = models.ForeignKey(Score, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(_("what you object to"), max_length=1000)
    raised_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    raised_at = models.DateTimeField()
    scored_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")  # who wrote that score
    answer_by = models.DateTimeField(_("to be answered by"))
    answer = models.TextField(_("answer"), max_length=1000, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)
    # Where the cadre can turn to when the scorer had to answer, because nobody else was there.
    next_place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "item_id", "score_id", "raised_by_id", "raised_at", "scored_by_id", "answer_by", "outcome", "answered_by_id",
        "answered_at", "next_place_id",
    )  # fmt: skip
    WORDS = ("words", "answer")

    class Meta:
        verbose_name = _("objection to a score")
        verbose_name_plural = _("objections to scores")
        constraints = [
            models.CheckConstraint(
                name="answered_objection_says_how",
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, outcome="", next_place__isnull=True)
                | Q(answered_at__isnull=False, answered_by__isnull=False, outcome__in=["kept", "changed"]),
            ),
            models.CheckConstraint(
                name="nobody_answers_their_own_objection",
                condition=Q(answered_by__isnull=True) | ~Q(answered_by=F("raised_by")),
            ),
            models.CheckConstraint(
                name="scorer_answers_only_with_a_next_level",
                condition=Q(answered_by__isnull=True) | ~Q(answered_by=F("scored_by")) | Q(next_place__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item}!"
