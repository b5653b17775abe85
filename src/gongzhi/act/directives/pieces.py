"""What happens to the piece of a place: read, accepted, asked about, split, passed down, reported, looked at."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.directives import admission
from gongzhi.act.directives.actions import drop_question, end_pieces
from gongzhi.act.directives.events import (
    AssignmentAccepted,
    AssignmentConfirmed,
    AssignmentPassedDown,
    AssignmentRead,
    AssignmentRecalled,
    AssignmentRefused,
    AssignmentReported,
    AssignmentReturned,
    AssignmentSplit,
    AssignmentWithdrawn,
    PieceGiven,
    QuestionAnswered,
    QuestionAsked,
)
from gongzhi.act.directives.ladder import restart
from gongzhi.act.directives.models import (
    OPEN,
    RECEIVERS,
    Assignment,
    Move,
    Question,
    Report,
    ReportPhoto,
    State,
)
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import acting_for, posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span, Unit
from gongzhi.sense.channels.photos import MOST_PHOTOS, accept_photo, clean_copies

MOST_PIECES: Final = 500
MOST_MINUTES: Final = 6000


# --- the receiving office ---------------------------------------------------------------------------------


def read_assignment(*, assignment_id: int, by: User, now: datetime) -> Assignment:
    """The office has seen it. Reading it again changes nothing."""
    with transaction.atomic():
        piece, post = _in_hands(assignment_id, by, now)
        if piece.state == State.SENT:
            piece.go(Move.READ)
            piece.read_at = now
            _say(AssignmentRead(assignment_id=piece.pk), piece, by, now, post, "state", "read_at")
    return piece


@transaction.atomic
def accept_assignment(*, assignment_id: int, by: User, now: datetime) -> Assignment:
    piece, post = _in_hands(assignment_id, by, now)
    piece.go(Move.ACCEPT)
    saved = _accepted(piece, by, now)
    _say(AssignmentAccepted(assignment_id=piece.pk), piece, by, now, post, "state", *saved)
    return piece


def _accepted(piece: Assignment, by: User, now: datetime) -> tuple[str, ...]:
    """Whatever is done with a piece, it was read and accepted by then."""
    if piece.read_at is None:
        piece.read_at = now
    if piece.accepted_at is None:
        piece.accepted_at, piece.accepted_by = now, by
    return ("read_at", "accepted_at", "accepted_by")


@transaction.atomic
def refuse_assignment(*, assignment_id: int, by: User, now: datetime) -> Assignment:
    """Refuse what is not on the assist list. The article that says so is cited by itself (admission, 准入)."""
    piece, post = _in_hands(assignment_id, by, now)
    stands = admission.standing(piece)
    if stands is None:
        raise Refusal(_("Only a community or village refuses by the list, and only what others ask of it."))
    if stands.article is None:
        raise Refusal(
            _("This is on the list of what communities assist with. Ask the sender if something is not right.")
        )
    piece.go(Move.REFUSE)
    piece.article, piece.ended_at, piece.step_at = stands.article.code, now, None
    if piece.read_at is None:
        piece.read_at = now
    _say(
        AssignmentRefused(assignment_id=piece.pk, article=piece.article), piece, by, now, post,
        "state", "article", "ended_at", "step_at", "read_at",
    )  # fmt: skip
    return piece


@transaction.atomic
def ask_sender(*, assignment_id: int, kind: str, words: str, by: User, now: datetime) -> Question:
    """Ask the office that wants it: to explain, to look again, or to decide what is beyond us.

    The receiver's clock waits until the answer, unless it had run out already. A question to decide passes the clock
    on: the answer is due when the work would have been. The others are due by the rule ``directives.answer_limit``.
    """
    piece, post = _in_hands(assignment_id, by, now)
    if kind not in Question.Kind.values:
        raise Refusal(_("There is no such kind of question."), field="kind", status=422)
    clean = _words(words, "words", 2, 1000, _("Say what you need to know, or what cannot be done here and why."))
    piece.go(Move.ASK)
    due = piece.due_at or now  # in hand there is always one
    if kind != Question.Kind.DECIDE or due <= now:
        span = Span.parse(rule("directives.answer_limit", path=piece.place_path, on=timezone.localdate(now)))
        due = clock.deadline(now, span, path=piece.place_path)
    question = Question.objects.create(assignment=piece, kind=kind, words=clean, asked_at=now, asked_by=by, due_at=due)
    saved = [*_read(piece, now), *_stop_clock(piece, now)]
    event = QuestionAsked(assignment_id=piece.pk, question_id=question.pk, kind=kind)
    record(event, about=question, by=by, now=now, post=post, place=piece.place_path)
    _say(event, piece, by, now, post, "state", *saved)
    return question


def _read(piece: Assignment, now: datetime) -> tuple[str, ...]:
    if piece.read_at is None:
        piece.read_at = now
    return ("read_at",)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of a split or a passing down: which part, and where. The place itself: a part of the same office."""

    place_id: int
    part: str = ""


@transaction.atomic
def pass_down(*, assignment_id: int, pieces: Sequence[Piece], by: User, now: datetime) -> list[Assignment]:
    """Give it to places below, or split it into parts of the own office, or both. The office stays answerable.

    Everybody below has the same deadline. The work goes down only, so it never comes back in a circle. Two pieces for
    one place must say which part each is.
    """
    piece, post = _in_hands(assignment_id, by, now)
    wanted = list(dict.fromkeys(Piece(place_id=one.place_id, part=one.part.strip()) for one in pieces))
    if not wanted or (len(wanted) == 1 and wanted[0].place_id == piece.place_id):
        raise Refusal(_("Choose at least one place below, or at least two parts."), field="places", status=422)
    if len(wanted) > MOST_PIECES:
        raise Refusal(_("At most %(most)d pieces at once, please.") % {"most": MOST_PIECES}, field="places", status=422)
    if any(len(one.part) > 200 for one in wanted):
        raise Refusal(_("At most %(most)d characters, please.") % {"most": 200}, field="part", status=422)
    places = {place.pk: place for place in Place.objects.current().filter(pk__in={one.place_id for one in wanted})}
    for one in wanted:
        place = places.get(one.place_id)
        if place is None or not place.path.startswith(piece.place_path):
            raise Refusal(
                _("Work goes down: choose places of your own area that exist today."), field="places", status=422
            )
        if place.pk == piece.place_id and not one.part:
            raise Refusal(_("Say which part stays with your own office."), field="part", status=422)
        if place.level not in RECEIVERS:
            raise Refusal(_("Nobody receives work at a place of this level."), field="places", status=422)
    piece.go(Move.PASS_DOWN)
    own = all(one.place_id == piece.place_id for one in wanted)
    made = []
    for one in wanted:
        place = places[one.place_id]
        child = Assignment.objects.create(
            round_id=piece.round_id,
            directive_id=piece.directive_id,
            place=place,
            place_path=place.path,
            role=RECEIVERS[place.level],
            asker_place_id=piece.place_id,
            parent=piece,
            part=one.part,
            due_at=piece.due_at,
            yellow_at=piece.yellow_at,
            step_at=piece.yellow_at,
        )
        record(
            PieceGiven(assignment_id=child.pk, parent_id=piece.pk),
            about=child, by=by, now=now, post=post, place=child.place_path,
        )  # fmt: skip
        made.append(child)
    ids = [child.pk for child in made]
    event = AssignmentSplit if own else AssignmentPassedDown
    saved = _accepted(piece, by, now)
    _say(event(assignment_id=piece.pk, piece_ids=ids), piece, by, now, post, "state", *saved)
    return made


@transaction.atomic
def recall_pieces(*, assignment_id: int, by: User, now: datetime) -> Assignment:
    """Take the work back from those below: their open pieces end, what they reported stays."""
    piece, post = _in_hands(assignment_id, by, now)
    piece.go(Move.RECALL)
    _end_below(piece, by, post, now)
    saved = _accepted(piece, by, now)
    _say(AssignmentRecalled(assignment_id=piece.pk), piece, by, now, post, "state", *saved)
    return piece


def _end_below(piece: Assignment, by: User, post: Post | None, now: datetime) -> None:
    parents = [piece.pk]
    while parents:
        rows = Assignment.objects.filter(parent_id__in=parents)
        parents = list(rows.values_list("pk", flat=True))
        end_pieces(rows, by=by, post=post, now=now)


def report_result(
    *,
    assignment_id: int,
    words: str,
    by: User,
    now: datetime,
    minutes: int = 0,
    photos: Sequence[Any] = (),
    key: uuid.UUID | None = None,
) -> Report:
    """Say what was done. Sending the same ``key`` again gives back the same report and changes nothing.

    A report for a piece that has ended meanwhile (withdrawn, taken over) is kept and does not count; whoever sent it
    is told by ``report.counted``. A photo may be asked for with a reason; a report without one is taken all the same.
    """
    clean = _words(words, "words", 1, 1000, _("Say in a sentence what was done."))
    if not 0 <= minutes <= MOST_MINUTES:
        raise Refusal(_("Minutes are between 0 and %(most)d.") % {"most": MOST_MINUTES}, field="minutes", status=422)
    if len(photos) > MOST_PHOTOS:
        raise Refusal(_("At most %(count)d photos, please.") % {"count": MOST_PHOTOS}, field="photos", status=422)
    # Outside the transaction: turning and shrinking takes a second, and no lock should wait for it.
    copies = []
    for upload in photos:
        content, _suffix = accept_photo(upload)
        try:
            copies.append(clean_copies(content))
        except OSError:
            raise Refusal(_("This photo is damaged. Please take it again."), field="photos", status=422) from None
    with transaction.atomic():
        piece, post = _in_hands(assignment_id, by, now)
        known = Report.objects.filter(key=key).first() if key is not None else None
        if known is not None:
            if known.assignment_id != piece.pk or known.by_id != by.pk:
                raise Refusal(_("This key has been used for something else."), field="key", status=422)
            return known
        counts = piece.is_open
        if counts and piece.pieces.filter(state__in=sorted(OPEN)).exists():
            raise Refusal(_("Some of those below are still at it. Look at their results, or take the work back first."))
        if counts and piece.state == State.ASKING:
            _drop_open_question(piece, by, now)
            piece.go(Move.ANSWER)
            _start_clock(piece, now)
        if counts and piece.state != State.SUBMITTED:
            piece.go(Move.SUBMIT)
        report = Report.objects.create(
            assignment=piece, key=key or uuid.uuid4(), words=clean, minutes=minutes, at=now, by=by, counted=counts
        )
        for large, small, width, height in copies:
            photo = ReportPhoto(report=report, width=width, height=height)
            photo.large.save(f"{photo.uid.hex}.webp", large, save=False)
            photo.small.save(f"{photo.uid.hex}-small.webp", small, save=False)
            photo.save()
        event = AssignmentReported(assignment_id=piece.pk, report_id=report.pk, counted=counts)
        record(event, about=report, by=by, now=now, post=post, place=piece.place_path)
        if counts:
            piece.reported_at, piece.step_at = now, None
            saved = (*_accepted(piece, by, now), "reported_at", "step", "step_at", "due_at", "yellow_at", "left")
            _say(event, piece, by, now, post, "state", *saved)
            if piece.parent_id is not None and piece.asker_place_id == piece.place_id:
                # A part of the own office: what its colleagues report needs no second look before the whole goes up.
                _confirm(piece, by, now, post)
    return report


# --- the office that asks ---------------------------------------------------------------------------------


@transaction.atomic
def answer_question(*, question_id: int, outcome: str, answer: str, by: User, now: datetime) -> Assignment:
    """Answer: the work goes on, or the place is released from it, or the asking office takes it over."""
    question = Question.objects.select_related("assignment").filter(pk=question_id).first()
    if question is None:
        raise NotThere()
    piece, post = _asked(question.assignment_id, by, now)
    question = Question.objects.select_for_update(of=("self",)).get(pk=question_id)
    if not question.is_open:
        raise Refusal(_("This question has been answered already."))
    moves = {
        Question.Outcome.ANSWERED: Move.ANSWER,
        Question.Outcome.RELEASED: Move.RELEASE,
        Question.Outcome.TAKEN: Move.TAKE,
    }
    if outcome not in moves:
        raise Refusal(_("Choose what becomes of it."), field="outcome", status=422)
    if question.asked_by_id == by.pk:
        raise Refusal(_("Somebody else answers: you asked this yourself."), status=403)
    clean = _words(answer, "answer", 2, 1000, _("Answer in a sentence; the place reads it."))
    question.outcome, question.answer = outcome, clean
    question.answered_at, question.answered_by = now, by
    piece.go(moves[Question.Outcome(outcome)])
    _start_clock(piece, now)
    saved = ["state", "due_at", "yellow_at", "left", "step", "step_at"]
    if piece.state == State.ACCEPTED:
        saved += [*_accepted(piece, by, now)]
    else:
        piece.ended_at, piece.step_at = now, None
        saved.append("ended_at")
    event = QuestionAnswered(assignment_id=piece.pk, question_id=question.pk, outcome=outcome)
    record(
        event, about=question, by=by, now=now, post=post, place=piece.place_path,
        save=("outcome", "answer", "answered_at", "answered_by"),
    )  # fmt: skip
    _say(event, piece, by, now, post, *saved)
    return piece


@transaction.atomic
def return_result(*, assignment_id: int, reason: str, by: User, now: datetime) -> Assignment:
    """Send a result back with the reason. Whoever has too little time left gets the rule's time to do it better."""
    piece, post = _asked(assignment_id, by, now)
    clean = _words(reason, "reason", 2, 300, _("Say what is missing."))
    piece.go(Move.RETURN)
    span = Span.parse(rule("directives.redo_limit", path=piece.place_path, on=timezone.localdate(now)))
    due = max(piece.due_at or now, clock.deadline(now, span, path=piece.place_path))
    piece.return_reason, piece.returns = clean, piece.returns + 1
    _set_due(piece, due, now)
    _say(
        AssignmentReturned(assignment_id=piece.pk), piece, by, now, post,
        "state", "return_reason", "returns", "due_at", "yellow_at", "step", "step_at",
    )  # fmt: skip
    return piece


@transaction.atomic
def confirm_result(*, assignment_id: int, by: User, now: datetime) -> Assignment:
    """Accept the result. Not by whoever reported it."""
    piece, post = _asked(assignment_id, by, now)
    last = piece.reports.filter(counted=True).order_by("-at", "-pk").first()
    if last is not None and last.by_id == by.pk:
        raise Refusal(_("Somebody else looks at the result: you reported it yourself."), status=403)
    _confirm(piece, by, now, post)
    return piece


def confirm_results(*, assignment_ids: Sequence[int], by: User, now: datetime) -> int:
    """Accept many results at once; how many could be. Those that cannot are left as they are."""
    confirmed = 0
    for pk in assignment_ids:
        try:
            confirm_result(assignment_id=pk, by=by, now=now)
        except Refusal:
            continue
        confirmed += 1
    return confirmed


def _confirm(piece: Assignment, by: User, now: datetime, post: Post | None) -> None:
    piece.go(Move.CONFIRM)
    piece.ended_at, piece.step_at = now, None
    _say(AssignmentConfirmed(assignment_id=piece.pk), piece, by, now, post, "state", "ended_at", "step_at")


@transaction.atomic
def release_piece(*, assignment_id: int, by: User, now: datetime) -> Assignment:
    """Ask one place for it no longer; what hangs below it ends as well."""
    piece, post = _asked(assignment_id, by, now)
    _drop_open_question(piece, by, now)
    _end_below(piece, by, post, now)
    piece.go(Move.WITHDRAW)
    piece.ended_at, piece.step_at, piece.left = now, None, ""
    piece.due_at, piece.yellow_at = piece.due_at or now, piece.yellow_at or now
    _say(
        AssignmentWithdrawn(assignment_id=piece.pk), piece, by, now, post,
        "state", "ended_at", "step_at", "left", "due_at", "yellow_at",
    )  # fmt: skip
    return piece


# --- clocks -----------------------------------------------------------------------------------------------


def _unit(piece: Assignment) -> Unit:
    written = piece.directive.reply_span
    return Span.parse(written).unit if written else Unit.NATURAL_HOURS


def _stop_clock(piece: Assignment, now: datetime) -> tuple[str, ...]:
    """What is left is kept. A clock that has run out goes on: asking late does not make it early."""
    if piece.due_at is None or piece.due_at <= now:
        return ()
    piece.left = str(clock.pause(now, piece.due_at, _unit(piece), path=piece.place_path))
    piece.due_at = piece.yellow_at = piece.step_at = None
    return ("left", "due_at", "yellow_at", "step_at")


def _start_clock(piece: Assignment, now: datetime) -> None:
    if piece.left:
        _set_due(piece, clock.resume(Span.parse(piece.left), now, path=piece.place_path), now)
        piece.left = ""


def _set_due(piece: Assignment, due: datetime, now: datetime) -> None:
    share = float(rule("directives.yellow_share", path=piece.place_path, on=timezone.localdate(now)))
    piece.due_at, piece.yellow_at = due, clock.yellow_at(now, due, share)
    restart(piece, now)


def _drop_open_question(piece: Assignment, by: User, now: datetime) -> None:
    question = piece.questions.select_for_update(of=("self",)).filter(outcome="").first()
    if question is not None:
        drop_question(question=question, by=by, now=now)


# --- who ----------------------------------------------------------------------------------------------------


def _locked(assignment_id: int, by: User) -> Assignment:
    rows = Assignment.objects.select_related("directive", "place").select_for_update(of=("self",))
    piece = rows.filter(pk=assignment_id).first()
    if piece is None or not Assignment.objects.visible_to(by).filter(pk=assignment_id).exists():
        raise NotThere()
    return piece


def _in_hands(assignment_id: int, by: User, now: datetime) -> tuple[Assignment, Post]:
    """The locked piece, and the post through which its office acts: one at the place, or that of a deputy."""
    piece = _locked(assignment_id, by)
    on = timezone.localdate(now)
    there = [post for post in posts_with(by, "directives.work", on) if post.place_id == piece.place_id]
    post = there[0] if there else acting_for(by, piece.role, piece.place_id, "directives.work", on)
    if post is None:
        raise Refusal(_("This is with another office."), status=403)
    return piece, post


def _asked(assignment_id: int, by: User, now: datetime) -> tuple[Assignment, Post]:
    """The locked piece, and the post through which the asking office acts."""
    piece = _locked(assignment_id, by)
    verb = "directives.issue" if piece.parent_id is None else "directives.work"
    for post in posts_with(by, verb, timezone.localdate(now)):
        if post.place_id == piece.asker_place_id:
            return piece, post
    raise Refusal(_("Only the office that asked for it can do this."), status=403)


def _words(words: str, name: str, least: int, most: int, missing: str) -> str:
    clean = words.replace("\x00", "").strip()
    if len(clean) < least:
        raise Refusal(missing, field=name, status=422)
    if len(clean) > most:
        raise Refusal(_("At most %(most)d characters, please.") % {"most": most}, field=name, status=422)
    return clean


def _say(event: Event, piece: Assignment, by: User, now: datetime, post: Post | None, *saved: str) -> None:
    record(event, about=piece, by=by, now=now, post=post, place=piece.place_path, save=saved)
