"""Supervision by the clock: reminder at yellow, then a supervision slip (督办单), then a talk (约谈).

Nobody has to do anything for it. The rule ``directives.ladder`` says which steps a place takes;
``directives.slip_after`` and ``directives.talk_after`` say when, counted from the deadline.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.directives.events import StepAnswered, StepTaken
from gongzhi.act.directives.models import OWED, Assignment, Step, at_office
from gongzhi.ground.access.reach import holds_position, posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record, record_many
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span

BATCH: Final = 1000
MOST: Final = 20  # batches of one run: the next run goes on
_AFTER: Final = {Step.Kind.SLIP: "directives.slip_after", Step.Kind.TALK: "directives.talk_after"}


def ladder_of(path: str, at: datetime) -> tuple[Step.Kind, ...]:
    """The steps that a place takes, in their order."""
    return tuple(Step.Kind(kind) for kind in rule("directives.ladder", path=path, on=timezone.localdate(at)))


def next_step_at(piece: Assignment, now: datetime) -> datetime | None:
    """When the next step of a piece is taken: a reminder when it turns yellow, the others after its deadline."""
    if piece.due_at is None or piece.yellow_at is None:
        return None
    ladder = ladder_of(piece.place_path, now)
    if piece.step >= len(ladder):
        return None
    kind = ladder[piece.step]
    if kind not in _AFTER:
        return piece.yellow_at
    span = Span.parse(rule(_AFTER[kind], path=piece.place_path, on=timezone.localdate(now)))
    return clock.deadline(piece.due_at, span, path=piece.place_path)


def take_steps(*, now: datetime) -> int:
    """Take the next step of every piece whose time for it has come. Gives back how many were taken."""
    taken = 0
    for _batch in range(MOST):
        found, steps = _take(now)
        taken += steps
        if found < BATCH:
            break
    return taken


@transaction.atomic
def _take(now: datetime) -> tuple[int, int]:
    """One batch: (how many pieces were looked at, how many steps were taken). Two workers take different ones."""
    due = Assignment.objects.filter(step_at__lte=now).order_by("step_at")
    pieces = list(due.select_for_update(of=("self",), skip_locked=True)[:BATCH])
    if not pieces:
        return 0, 0
    went: list[Assignment] = []
    steps: list[Step] = []
    for piece in pieces:
        ladder = ladder_of(piece.place_path, now)
        if piece.state not in OWED or piece.step >= len(ladder):
            piece.step_at = None
            continue
        kind = ladder[piece.step]
        steps.append(
            Step(assignment=piece, kind=kind, place_path=piece.place_path, at=now, due_at=_answer_due(kind, piece, now))
        )
        piece.step += 1
        piece.version += 1
        # A slip that could not be written in time must not be followed by the talk within the same minute.
        then = next_step_at(piece, now)
        answer_due = steps[-1].due_at
        piece.step_at = max(then, answer_due) if then is not None and answer_due is not None else then
        went.append(piece)
    Step.objects.bulk_create(steps)
    Assignment.objects.bulk_update(pieces, ["step", "step_at", "version"], batch_size=200)
    said: list[tuple[Event, Recorded]] = []
    for piece, step in zip(went, steps, strict=True):
        event = StepTaken(assignment_id=piece.pk, step_id=step.pk, kind=step.kind)
        said += [(event, step), (event, piece)]
    record_many(said, by=None, now=now)
    return len(pieces), len(steps)


def _answer_due(kind: Step.Kind, piece: Assignment, now: datetime) -> datetime | None:
    """A slip wants an answer; a reminder and a talk want the work."""
    if kind != Step.Kind.SLIP:
        return None
    span = Span.parse(rule("directives.slip_limit", path=piece.place_path, on=timezone.localdate(now)))
    return clock.deadline(now, span, path=piece.place_path)


@transaction.atomic
def answer_step(*, step_id: int, answer: str, by: User, now: datetime) -> Step:
    """Answer a supervision slip: why it is late, what happens now, until when."""
    step = Step.objects.select_for_update(of=("self",)).select_related("assignment").filter(pk=step_id).first()
    if step is None or not Assignment.objects.visible_to(by).filter(pk=step.assignment_id).exists():
        raise NotThere()
    piece = Assignment.objects.filter(pk=step.assignment_id)
    if not piece.filter(at_office(by, "directives.work") | holds_position(by)).exists():
        raise Refusal(_("This is with another office."), status=403)
    clean = answer.replace("\x00", "").strip()
    if len(clean) < 2:
        raise Refusal(_("Say why it is late and what happens now."), field="answer", status=422)
    if len(clean) > 500:
        raise Refusal(_("At most %(most)d characters, please.") % {"most": 500}, field="answer", status=422)
    if step.kind != Step.Kind.SLIP:
        raise Refusal(_("Only a supervision slip is answered."))
    if step.answered_at is not None:
        raise Refusal(_("This slip has been answered already."))
    step.answer, step.answered_at, step.answered_by = clean, now, by
    posts = posts_with(by, "directives.work", timezone.localdate(now))
    record(
        StepAnswered(assignment_id=step.assignment_id, step_id=step.pk),
        about=step,
        by=by,
        now=now,
        post=posts[0] if posts else None,
        place=step.place_path,
        save=("answer", "answered_at", "answered_by"),
    )
    return step


def restart(piece: Assignment, now: datetime) -> tuple[str, ...]:
    """A new deadline begins the ladder anew. In memory; the fields to save."""
    piece.step = 0
    piece.step_at = next_step_at(piece, now)
    return ("step", "step_at")
