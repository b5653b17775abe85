"""Everything that can happen to a valued item: agreeing, writing, giving out, reporting, scoring, objecting, settling.

A value is named before the work is done; a score has a reason and is never edited; nobody scores their own work; an
objection is answered by somebody else where there is somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.directives.models import OWED, Assignment
from gongzhi.act.directives.models import State as PieceState
from gongzhi.act.tasks.models import Task
from gongzhi.act.values.events import (
    AgreementAdopted,
    AgreementReplaced,
    ItemGiven,
    ItemMoved,
    ItemObjected,
    ItemReported,
    ItemScored,
    ItemSettled,
    ItemWithdrawn,
    ItemWritten,
    ObjectionAnswered,
    ObjectionRaised,
    ScoreAccepted,
    ScoreStood,
    ScoreWritten,
)
from gongzhi.act.values.models import (
    LARGEST,
    PIECE_CALLED_OFF,
    TASK_CALLED_OFF,
    Agreement,
    Item,
    Move,
    Objection,
    Score,
    State,
    Turn,
    by_name,
)
from gongzhi.act.values.scoring import Marks, Weights, points, timeliness_by_clock
from gongzhi.ground.access.actions import holding, require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.roles import roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.places.paths import ancestors, below
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span, Unit

LONGEST_PERIOD = 366  # days
MOST_OBJECTION_DAYS = 60
A_BATCH = 500  # items that the schedule settles in one go


def _words(given: str, field: str, least: int, most: int, missing: str) -> str:
    clean = given.replace("\x00", "").strip()
    if len(clean) < least:
        raise Refusal(missing, field=field, status=422)
    if len(clean) > most:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": most}, field=field, status=422)
    return clean


def _say(
    event: Event,
    about: Recorded,
    path: str,
    by: User | None,
    now: datetime,
    *save: str,
    post: Post | None = None,
    created: bool = False,
) -> None:
    record(event, about=about, by=by, now=now, post=post, place=path, save=None if created else save)


# --- who --------------------------------------------------------------------------------------------------------


def cadres_of(path: str, on: date) -> list[Post]:
    """The posts that an item of this place can be given to: in its subtree, one of each person, by name."""
    posts = (
        Post.objects.current(on)
        .filter(below(path, "place_path"), role__in=sorted(roles_with("values.work")), user__is_active=True)
        .select_related("user", "place")
        .order_by("-place_path", "-pk")
    )
    return sorted({post.user_id: post for post in posts}.values(), key=lambda post: (by_name(post.user.name), post.pk))


def scorers_of(path: str, on: date) -> list[User]:
    """Who may score at this place, by name."""
    posts = (
        Post.objects.current(on)
        .filter(place_path__in=ancestors(path), role__in=sorted(roles_with("values.manage")), user__is_active=True)
        .select_related("user")
        .order_by("pk")
    )
    return sorted({post.user_id: post.user for post in posts}.values(), key=lambda user: (by_name(user.name), user.pk))


def may_answer(item: Item, objection: Objection, user: User, on: date) -> bool:
    """Whether this scorer answers: not about their own work, and about their own score only when nobody else can."""
    if user.pk in (item.holder_id, objection.raised_by_id):
        return False
    return user.pk != objection.scored_by_id or not others_for(item, objection, on)


def others_for(item: Item, objection: Objection, on: date) -> list[User]:
    """Those who can answer an objection without judging their own score or their own work."""
    own = {item.holder_id, objection.raised_by_id, objection.scored_by_id}
    return [user for user in scorers_of(item.place_path, on) if user.pk not in own]


# --- agreeing ---------------------------------------------------------------------------------------------------


def least_objection_days(path: str, on: date) -> int:
    return int(rule("values.objection_days", path=path, on=on))


def largest_value(path: str, on: date) -> int:
    return min(LARGEST, int(rule("values.most", path=path, on=on)))


@transaction.atomic
def adopt_agreement(
    *,
    place: Place,
    adopted_on: date,
    meeting: str,
    weights: Weights,
    objection_days: int,
    starts_on: date,
    ends_on: date,
    by: User,
    now: datetime,
) -> Agreement:
    """Write down what a meeting has agreed on scoring. It replaces the edition before; items keep the one they have."""
    post = require(by, "values.manage", place.path, now)
    today = timezone.localdate(now)
    if place.level != Level.VILLAGE:
        raise Refusal(_("Scoring is agreed for a village or a community."), field="place", status=422)
    words = _words(meeting, "meeting", 4, 1000, _("Say which meeting adopted it, and how it decided."))
    if not weights.fit:
        raise Refusal(_("The three weights are whole numbers that add up to 100."), field="done_weight", status=422)
    least = least_objection_days(place.path, today)
    if not max(1, least) <= objection_days <= MOST_OBJECTION_DAYS:
        raise Refusal(
            _("Between %(least)d and %(most)d working days to object, please.")
            % {"least": max(1, least), "most": MOST_OBJECTION_DAYS},
            field="objection_days",
            status=422,
        )
    if adopted_on > today:
        raise Refusal(_("The meeting has not been held yet."), field="adopted_on", status=422)
    if ends_on < starts_on or ends_on < today:
        raise Refusal(
            _("The last day must not come before the first, nor lie in the past."), field="ends_on", status=422
        )
    if (ends_on - starts_on).days >= LONGEST_PERIOD:
        raise Refusal(_("At most one year, please."), field="ends_on", status=422)
    Place.objects.select_for_update(of=("self",)).get(pk=place.pk)  # editions are counted one after the other
    before = Agreement.objects.standing().select_for_update(of=("self",)).filter(place=place).first()
    if before is not None:
        before.ended_at = now
        _say(AgreementReplaced(agreement_id=before.pk), before, place.path, by, now, "ended_at", post=post)
    newest = Agreement.objects.filter(place=place).aggregate(newest=Max("edition"))["newest"] or 0
    agreement = Agreement.objects.create(
        place=place,
        place_path=place.path,
        edition=newest + 1,
        adopted_on=adopted_on,
        meeting=words,
        done_weight=weights.done,
        timeliness_weight=weights.timeliness,
        quality_weight=weights.quality,
        objection_days=objection_days,
        starts_on=starts_on,
        ends_on=ends_on,
        made_at=now,
        made_by=by,
    )
    event = AgreementAdopted(
        agreement_id=agreement.pk,
        edition=agreement.edition,
        done=weights.done,
        timeliness=weights.timeliness,
        quality=weights.quality,
    )
    _say(event, agreement, place.path, by, now, post=post, created=True)
    return agreement


# --- writing and giving out -------------------------------------------------------------------------------------


def _standing(place: Place, today: date) -> Agreement:
    agreement = Agreement.objects.standing().filter(place=place).first()
    if agreement is None:
        raise Refusal(_("First write down what was agreed on scoring."), status=422)
    if not agreement.covers(today):
        raise Refusal(
            _("The agreement holds from %(first)s until %(last)s. Adopt a new one first.")
            % {"first": agreement.starts_on.isoformat(), "last": agreement.ends_on.isoformat()},
            status=422,
        )
    return agreement


def _source(source: Task | Assignment | None, place: Place, by: User) -> None:
    """A value is named before the work: the source waits, lies here, and can be seen by whoever names the value."""
    if source is None:
        return
    if isinstance(source, Task):
        seen = Task.objects.visible_to(by).filter(pk=source.pk).exists()
        called_off, waits = source.state in TASK_CALLED_OFF, source.waits
    else:
        seen = Assignment.objects.visible_to(by).filter(pk=source.pk).exists()
        called_off, waits = source.state in PIECE_CALLED_OFF, source.state in OWED or source.state == PieceState.ASKING
    if not seen or not source.place_path.startswith(place.path):
        raise Refusal(_("This work does not lie here."), field="source", status=422)
    if called_off:
        raise Refusal(
            _("This work is no longer wanted here, so it cannot be given a value."), field="source", status=422
        )
    if not waits:
        raise Refusal(_("This work is already done; a value is named before the work."), field="source", status=422)


@transaction.atomic
def write_item(
    *,
    place: Place,
    title: str,
    done_when: str,
    value: int,
    due_at: datetime,
    by: User,
    now: datetime,
    source: Task | Assignment | None = None,
    origin: str = "",
    post_id: int | None = None,
) -> Item:
    """Write an item, from received work or in own words; with ``post_id`` it is given out at once."""
    acting = require(by, "values.manage", place.path, now)
    today = timezone.localdate(now)
    agreement = _standing(place, today)
    _source(source, place, by)
    name = _words(title, "title", 2, 120, _("Say what is to be done."))
    done = _words(done_when, "done_when", 2, 1000, _("Say what counts as done, so that nobody has to guess."))
    most = largest_value(place.path, today)
    if not 1 <= value <= most:
        raise Refusal(
            _("A value is a whole number between 1 and %(most)d.") % {"most": most}, field="value", status=422
        )
    _due(due_at, now)
    item = Item.objects.create(
        agreement=agreement,
        place=place,
        place_path=place.path,
        title=name,
        done_when=done,
        value=value,
        task=source if isinstance(source, Task) else None,
        assignment=source if isinstance(source, Assignment) else None,
        origin=_words(origin, "origin", 0, 200, ""),
        due_at=due_at,
        written_at=now,
        written_by=by,
    )
    event = ItemWritten(
        item_id=item.pk,
        agreement_id=agreement.pk,
        value=value,
        task_id=item.task_id,
        assignment_id=item.assignment_id,
    )
    _say(event, item, place.path, by, now, post=acting, created=True)
    if post_id is not None:
        _give(item, post_id, "", by=by, acting=acting, now=now)
    return item


def _due(due_at: datetime, now: datetime) -> None:
    if due_at <= now:
        raise Refusal(_("The deadline lies in the past."), field="due_at", status=422)


def _managed(item_id: int, by: User, now: datetime) -> tuple[Item, Post]:
    """The item, locked, for somebody who scores at its place. Who only has it: 403; everybody else: not there."""
    item = (
        Item.objects.visible_to(by)
        .select_for_update(of=("self",))
        .select_related("agreement", "task", "assignment", "holder", "post", "place__parent")
        .filter(pk=item_id)
        .first()
    )
    if item is None:
        raise NotThere()
    return item, require(by, "values.manage", item.place_path, now)


def _own(item_id: int, by: User, now: datetime) -> tuple[Item, Post]:
    """The item, locked, for the cadre who has it. Who only scores there: 403; everybody else: not there."""
    item = (
        Item.objects.visible_to(by)
        .select_for_update(of=("self",))
        .select_related("agreement", "task", "assignment", "holder", "post", "place__parent")
        .filter(pk=item_id)
        .first()
    )
    if item is None:
        raise NotThere()
    if item.holder_id != by.pk:
        raise Refusal(_("Only the cadre who has the item does this."), status=403)
    on = timezone.localdate(now)
    held = [post for post in posts_with(by, "values.work", on) if post.place_path.startswith(item.place_path)]
    if not held:
        raise Refusal(_("None of your posts allows this here."), status=403)
    return item, next((post for post in held if post.pk == item.post_id), held[0])


def _still_wanted(item: Item) -> None:
    if item.source_called_off:
        raise Refusal(_("The work behind this item is no longer wanted. Withdraw the item, with this reason."))


@transaction.atomic
def give_item(
    *, item_id: int, post_id: int, by: User, now: datetime, words: str = "", due_at: datetime | None = None
) -> Item:
    """Give an item to a named cadre, or take it from one and give it to another, who reads why."""
    item, acting = _managed(item_id, by, now)
    item.must_allow(Move.GIVE)
    _still_wanted(item)
    if item.turns:
        words = _words(words, "words", 2, 500, _("Say why it goes to somebody else; both read it."))
    else:
        words = _words(words, "words", 0, 500, "")
    if due_at is not None and due_at != item.due_at:
        _due(due_at, now)
        item.due_at = due_at
    _give(item, post_id, words, by=by, acting=acting, now=now)
    return item


def _give(item: Item, post_id: int, words: str, *, by: User, acting: Post, now: datetime) -> None:
    today = timezone.localdate(now)
    chosen = next((one for one in cadres_of(item.place_path, today) if one.pk == post_id), None)
    if chosen is None:
        raise Refusal(_("Nobody holds this post here today."), field="post", status=422)
    if chosen.user_id == item.holder_id:
        raise Refusal(_("This cadre has it already."), field="post", status=422)
    if not [user for user in scorers_of(item.place_path, today) if user.pk != chosen.user_id]:
        raise Refusal(
            _("Nobody else scores here, and nobody scores their own work. Give it to another cadre."),
            field="post",
            status=422,
        )
    first = item.turns == 0
    item.holder, item.post, item.given_at = chosen.user, chosen, now
    item.turns += 1
    Turn.objects.create(item=item, number=item.turns, user=chosen.user, post=chosen, at=now, words=words)
    kind = ItemGiven if first else ItemMoved
    event = kind(item_id=item.pk, turn=item.turns, user_id=chosen.user_id, post_id=chosen.pk)
    _say(event, item, item.place_path, by, now, "holder", "post", "given_at", "turns", "due_at", post=acting)


@transaction.atomic
def hand_over(*, place: Place, from_user_id: int, post_id: int, words: str, by: User, now: datetime) -> int:
    """Give everything that a cadre of a place has still to do to another, in one step; how many items.

    For an absence. What was reported stays with whoever did it. Each item says why; ``hand_back`` takes the step back.
    """
    acting = require(by, "values.manage", place.path, now)
    why = _words(words, "words", 2, 500, _("Say why it goes to somebody else; both read it."))
    items = [item for item in _to_do(place, from_user_id) if not item.source_called_off]
    if not items:
        raise Refusal(_("This cadre has nothing here that is still to be done."))
    for item in items:
        _give(item, post_id, why, by=by, acting=acting, now=now)
    return len(items)


@transaction.atomic
def hand_back(*, place: Place, to_user_id: int, at: datetime, by: User, now: datetime) -> int:
    """Give back what a cadre of a place handed over at that moment and nobody has reported since; how many items."""
    acting = require(by, "values.manage", place.path, now)
    step = next((one for one in handed_over(place, to_user_id) if one.at == at), None)
    before = {turn.item_id: turn for turn in step.turns} if step is not None else {}
    items = [item for item in _to_do(place, step.user.pk) if item.pk in before] if step is not None else []
    if not items:
        raise Refusal(_("Nothing of this is left to give back."))
    cadres = {post.user_id: post.pk for post in cadres_of(place.path, timezone.localdate(now))}
    for item in items:
        post_id = cadres.get(to_user_id, before[item.pk].post_id)
        _give(item, post_id, _("Back again, as it was before."), by=by, acting=acting, now=now)
    return len(items)


def _to_do(place: Place, holder_id: int) -> list[Item]:
    """What a cadre has still to do at a place, locked."""
    found = Item.objects.filter(place=place, holder_id=holder_id, state=State.OPEN).select_for_update(of=("self",))
    return list(found.select_related("agreement", "task", "assignment", "holder", "post", "place").order_by("pk"))


@dataclass(frozen=True)
class HandOver:
    """One step that gave a cadre's items to somebody else: when, to whom, and each item's turn before it."""

    at: datetime
    user: User
    turns: tuple[Turn, ...]


def handed_over(place: Place, user_id: int) -> list[HandOver]:
    """The steps that gave this cadre's items of a place to somebody else and can be taken back, newest first."""
    last = Turn.objects.filter(
        item__place=place, item__state=State.OPEN, number=F("item__turns"), number__gt=1
    ).select_related("user")
    latest = {turn.item_id: turn for turn in last}
    before = Turn.objects.filter(item__in=latest, user_id=user_id, number=F("item__turns") - 1).order_by("item_id")
    steps: dict[tuple[datetime, int], list[Turn]] = {}
    for turn in before:
        now_with = latest[turn.item_id]
        steps.setdefault((now_with.at, now_with.user_id), []).append(turn)
    people = {turn.user_id: turn.user for turn in latest.values()}
    found = [HandOver(at, people[user], tuple(turns)) for (at, user), turns in steps.items()]
    return sorted(found, key=lambda step: step.at, reverse=True)


@transaction.atomic
def withdraw_item(*, item_id: int, words: str, by: User, now: datetime) -> Item:
    """It is not needed any more; the cadre reads why. Reported work is scored and not taken away."""
    item, acting = _managed(item_id, by, now)
    item.go(Move.WITHDRAW)
    item.end_words = _words(words, "words", 2, 500, _("Say why it is withdrawn; the cadre reads it."))
    item.ended_at = now
    event = ItemWithdrawn(item_id=item.pk)
    _say(event, item, item.place_path, by, now, "state", "end_words", "ended_at", post=acting)
    return item


# --- doing and scoring ------------------------------------------------------------------------------------------


@transaction.atomic
def report_item(*, item_id: int, words: str, by: User, now: datetime) -> Item:
    """The cadre reports the work. The clock notes whether it was in time; a person decides what that means."""
    item, acting = _own(item_id, by, now)
    item.must_allow(Move.REPORT)
    _still_wanted(item)
    item.go(Move.REPORT)
    item.report = _words(words, "words", 2, 1000, _("Say in a sentence what was done."))
    item.reported_at = now
    event = ItemReported(item_id=item.pk, days_late=days_late(item))
    _say(event, item, item.place_path, by, now, "state", "report", "reported_at", post=acting)
    return item


def days_late(item: Item) -> int:
    """Working days begun between the deadline and the report; 0 in time."""
    if item.reported_at is None or item.reported_at <= item.due_at:
        return 0
    passed = clock.elapsed(item.due_at, item.reported_at, Unit.WORKING_DAYS, item.place_path)
    return max(1, int(passed.amount))


def proposed_timeliness(item: Item, now: datetime) -> int:
    step = int(rule("values.late_step", path=item.place_path, on=timezone.localdate(now)))
    return timeliness_by_clock(days_late(item), step)


def _write_score(item: Item, marks: Marks, reason: str, *, by: User, acting: Post, now: datetime) -> Score:
    """The next score of an item: a new row, and the item points to it."""
    if by.pk == item.holder_id or item.holder is None:
        raise Refusal(_("Nobody scores their own work."), status=403)
    if not marks.fit:
        raise Refusal(_("Each mark is a whole number from 0 to 100."), field="done", status=422)
    item.rounds += 1
    score = Score.objects.create(
        item=item,
        round=item.rounds,
        holder=item.holder,
        done=marks.done,
        timeliness=marks.timeliness,
        quality=marks.quality,
        by_clock=proposed_timeliness(item, now),
        points=points(item.value, item.agreement.weights, marks),
        reason=reason,
        by=by,
        post=acting,
        at=now,
    )
    event = ScoreWritten(
        item_id=item.pk,
        score_id=score.pk,
        round=score.round,
        done=marks.done,
        timeliness=marks.timeliness,
        quality=marks.quality,
        points=score.points,
    )
    _say(event, score, item.place_path, by, now, post=acting, created=True)
    return score


@transaction.atomic
def score_item(*, item_id: int, marks: Marks, reason: str, by: User, now: datetime, rounds: int | None = None) -> Score:
    """Score reported work, with a reason; once more while it can be objected to, which starts that time anew.

    ``rounds``: how many scores the person saw when they wrote this one.
    """
    item, acting = _managed(item_id, by, now)
    item.must_allow(Move.SCORE)
    if rounds is not None and rounds != item.rounds:
        raise Refusal(_("Somebody has scored it meanwhile. Please look again."))
    clean = _words(reason, "reason", 4, 1000, _("A score needs a reason; the cadre reads it."))
    score = _write_score(item, marks, clean, by=by, acting=acting, now=now)
    item.go(Move.SCORE)
    span = Span(item.agreement.objection_days, Unit.WORKING_DAYS)
    item.object_by = clock.deadline(now, span, path=item.place_path)
    event = ItemScored(item_id=item.pk, score_id=score.pk, round=score.round, object_by=item.object_by)
    _say(event, item, item.place_path, by, now, "state", "rounds", "object_by", post=acting)
    return score


@transaction.atomic
def accept_score(*, item_id: int, by: User, now: datetime) -> Item:
    """The cadre agrees. Nobody has to: without a word the score stands when the time is over."""
    item, acting = _own(item_id, by, now)
    item.go(Move.ACCEPT)
    item.ended_at = now
    _say(ScoreAccepted(item_id=item.pk), item, item.place_path, by, now, "state", "ended_at", post=acting)
    return item


@transaction.atomic
def object_to_score(*, item_id: int, words: str, by: User, now: datetime) -> Objection:
    """The cadre objects, within the working days that were agreed."""
    item, acting = _own(item_id, by, now)
    item.must_allow(Move.OBJECT)
    if not item.may_object(now):
        raise Refusal(_("The time to object is over: the score stands."))
    clean = _words(words, "words", 4, 1000, _("Say what you object to, and what you would think right."))
    score = item.scores.get(round=item.rounds)
    span = Span.parse(rule("values.answer_limit", path=item.place_path, on=timezone.localdate(now)))
    objection = Objection.objects.create(
        item=item,
        score=score,
        words=clean,
        raised_by=by,
        raised_at=now,
        scored_by_id=score.by_id,
        answer_by=clock.deadline(now, span, path=item.place_path),
    )
    raised = ObjectionRaised(item_id=item.pk, objection_id=objection.pk, score_id=score.pk)
    _say(raised, objection, item.place_path, by, now, post=acting, created=True)
    item.go(Move.OBJECT)
    event = ItemObjected(item_id=item.pk, objection_id=objection.pk)
    _say(event, item, item.place_path, by, now, "state", post=acting)
    return objection


@transaction.atomic
def answer_objection(*, item_id: int, words: str, by: User, now: datetime, marks: Marks | None = None) -> Objection:
    """Answer an objection: the score stays, or (``marks``) there is another one. That settles the item.

    Who wrote the score answers only when nobody else can; the cadre then reads to whom they can turn: the street.
    """
    item, acting = _managed(item_id, by, now)
    item.must_allow(Move.ANSWER)
    objection = Objection.objects.select_for_update(of=("self",)).get(item=item)
    if by.pk in (item.holder_id, objection.raised_by_id):
        raise Refusal(_("Nobody answers their own objection."), status=403)
    if by.pk == objection.scored_by_id:
        others = others_for(item, objection, timezone.localdate(now))
        if others:
            raise Refusal(
                _("Somebody else answers than the one who scored: %(names)s.")
                % {"names": "; ".join(user.name for user in others)},
                status=403,
            )
        objection.next_place = item.place.parent or item.place
    clean = _words(words, "words", 4, 1000, _("An objection needs an answer with a reason; the cadre reads it."))
    objection.answer, objection.answered_by, objection.answered_at = clean, by, now
    objection.outcome = Objection.Outcome.KEPT
    if marks is not None:
        before = objection.score
        if marks == before.marks:
            raise Refusal(_("These are the marks it has. Choose that the score stays."), field="done", status=422)
        objection.outcome = Objection.Outcome.CHANGED
        _write_score(item, marks, clean, by=by, acting=acting, now=now)
    answered = ObjectionAnswered(item_id=item.pk, objection_id=objection.pk, outcome=objection.outcome)
    fields = ("answer", "answered_by", "answered_at", "outcome", "next_place")
    _say(answered, objection, item.place_path, by, now, *fields, post=acting)
    item.go(Move.ANSWER)
    item.ended_at = now
    event = ItemSettled(item_id=item.pk, objection_id=objection.pk, outcome=objection.outcome, round=item.rounds)
    _say(event, item, item.place_path, by, now, "state", "rounds", "ended_at", post=acting)
    return objection


def settle_unopposed(*, now: datetime) -> int:
    """Scores to which nobody has objected in time stand (the schedule asks). Returns how many."""
    due = Item.objects.filter(state=State.SCORED, object_by__lt=now).order_by("object_by", "pk")
    settled = 0
    for pk in list(due.values_list("pk", flat=True)[:A_BATCH]):
        with transaction.atomic():
            item = Item.objects.select_for_update(of=("self",)).get(pk=pk)
            if item.state != State.SCORED or item.may_object(now):
                continue
            item.go(Move.ACCEPT)
            item.ended_at = now
            _say(ScoreStood(item_id=item.pk), item, item.place_path, None, now, "state", "ended_at")
            settled += 1
    return settled


def manages(user: User, path: str, now: datetime) -> bool:
    return holding(user, "values.manage", path, now) is not None
