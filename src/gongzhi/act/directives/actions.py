"""Sending work down: drafting, issuing, the next round, withdrawing, closing. What receivers do is in ``pieces.py``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.directives.admission import check_item
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.events import (
    AssignmentCarriedOver,
    AssignmentWithdrawn,
    DirectiveChanged,
    DirectiveClosed,
    DirectiveDrafted,
    DirectiveIssued,
    DirectiveWithdrawn,
    GroupKept,
    QuestionAnswered,
    RoundSent,
)
from gongzhi.act.directives.held import check_held
from gongzhi.act.directives.models import (
    OPEN,
    Assignment,
    Directive,
    DirectiveState,
    Move,
    PlaceGroup,
    Question,
    Round,
)
from gongzhi.act.directives.rhythm import next_sending
from gongzhi.act.directives.sending import send
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record, record_brought, record_many
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.finding import resolve
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal, Stale

BATCH: Final = 1000


def issuing_post(by: User, now: datetime, place_id: int | None = None) -> Post:
    """The post through which somebody sends work down; the one at ``place_id`` when they hold several."""
    able = posts_with(by, "directives.issue", timezone.localdate(now))
    chosen = [post for post in able if place_id in (None, post.place_id)]
    if not chosen:
        raise Refusal(_("None of your posts allows this here."), status=403)
    return min(chosen, key=lambda post: len(post.place_path))


def _only_below(ask: Ask, post: Post) -> None:
    """An office directs its own subtree only."""
    paths = Place.objects.filter(pk__in=ask.target_places).values_list("path", flat=True)
    if len(paths) != len(set(ask.target_places)) or not all(path.startswith(post.place_path) for path in paths):
        raise Refusal(_("You can only send work to places of your own area."), field="target_places", status=422)


def _admitted(ask: Ask, post: Post, now: datetime) -> None:
    """It names an item of the list or none, and asks for nothing that the platform already holds."""
    check_item(ask.assist_item, path=post.place_path, on=timezone.localdate(now))
    check_held(asks_for=ask.asks_for, asks_because=ask.asks_because, texts=(ask.title, ask.text, ask.done_when))


@transaction.atomic
def draft_directive(*, ask: Ask, by: User, now: datetime, place_id: int | None = None) -> Directive:
    """Keep a directive without sending it."""
    post = issuing_post(by, now, place_id)
    columns = ask.clean(now=now, today=timezone.localdate(now))
    _only_below(ask, post)
    _admitted(ask, post, now)
    directive = Directive.objects.create(
        **columns,
        issuer_role=post.role,
        issuer_place_id=post.place_id,
        place_path=post.place_path,
        created_at=now,
        created_by=by,
    )
    record(
        DirectiveDrafted(directive_id=directive.pk), about=directive, by=by, now=now, post=post, place=post.place_path
    )
    return directive


@transaction.atomic
def change_draft(*, directive_id: int, ask: Ask, by: User, now: datetime, version: int | None = None) -> Directive:
    """Change what has not been sent yet."""
    directive, post = _ours(directive_id, by, now, version)
    if directive.state != DirectiveState.DRAFT:
        raise Refusal(_("This has been sent already. Withdraw it and send a new one."))
    columns = ask.clean(now=now, today=timezone.localdate(now))
    _only_below(ask, post)
    _admitted(ask, post, now)
    for name, value in columns.items():
        setattr(directive, name, value)
    _say(DirectiveChanged(directive_id=directive.pk), directive, by, now, post, *columns)
    return directive


@transaction.atomic
def issue_directive(*, directive_id: int, by: User, now: datetime, version: int | None = None) -> Directive:
    """Send a draft: once, or the first time when its first day has come. Every place has its piece at once."""
    directive, post = _ours(directive_id, by, now, version)
    if directive.state != DirectiveState.DRAFT:
        raise Refusal(_("This has been sent already."))
    today = timezone.localdate(now)
    # Again: what was drafted long ago may be held by now, or be off the list.
    check_item(directive.assist_item, path=directive.place_path, on=today)
    check_held(
        asks_for=directive.asks_for,
        asks_because=directive.asks_because,
        texts=(directive.title, directive.text, directive.done_when),
    )
    if directive.starts_on is not None and directive.starts_on < today:
        raise Refusal(_("The first day of sending has passed. Change it first."), field="starts_on", status=422)
    directive.state = DirectiveState.ISSUED
    directive.issued_at, directive.issued_by = now, by
    saved = ["state", "issued_at", "issued_by"]
    if directive.recurs:
        directive.next_on = _next(directive, None)
        saved.append("next_on")
        if directive.next_on is None:
            raise Refusal(_("Between the first and the last day there is no working day."), field="ends_on", status=422)
    _say(DirectiveIssued(directive_id=directive.pk), directive, by, now, post, *saved)
    if not directive.recurs:
        _send_round(directive, by=by, post=post, now=now)
    elif directive.next_on is not None and directive.next_on <= today:
        _send_next(directive, by=by, post=post, now=now)
    return directive


def _send_round(directive: Directive, *, by: User | None, post: Post | None, now: datetime) -> Round:
    row = send(directive, now=now)
    record(
        RoundSent(directive_id=directive.pk, round_id=row.pk, number=row.number, places=row.places),
        about=row,
        by=by,
        now=now,
        post=post,
        place=directive.place_path,
    )
    record_brought(
        Assignment.objects.filter(round=row), about=row, by=by, now=now, post=post, place=directive.place_path
    )
    return row


def _next(directive: Directive, after: date | None) -> date | None:
    if directive.starts_on is None or directive.ends_on is None:
        return None
    return next_sending(directive.rhythm, directive.starts_on, directive.ends_on, after, directive.place_path)


def _send_next(directive: Directive, *, by: User | None, post: Post | None, now: datetime) -> None:
    """The round that is due, and the day of the next one."""
    _send_round(directive, by=by, post=post, now=now)
    directive.next_on = _next(directive, timezone.localdate(now))
    _say(DirectiveChanged(directive_id=directive.pk), directive, by, now, post, "next_on")


def send_due_rounds(*, now: datetime) -> int:
    """Send every round whose day has come; how many. A day that was missed is made up for once."""
    sent = 0
    today = timezone.localdate(now)
    for pk in Directive.objects.filter(next_on__lte=today, state=DirectiveState.ISSUED).values_list("pk", flat=True):
        with transaction.atomic():
            directive = Directive.objects.select_for_update(of=("self",)).get(pk=pk)
            if directive.next_on is None or directive.next_on > today or directive.state != DirectiveState.ISSUED:
                continue
            _send_next(directive, by=None, post=None, now=now)
            sent += 1
    return sent


def carry_over(*, now: datetime) -> int:
    """Give the open pieces of places that were merged to the office that answers for them now; how many.

    Where that office has its own piece of the same sending, the other one becomes a part of it, named after the place.
    """
    moved = 0
    merged = Place.objects.filter(replaced_by__isnull=False, valid_to__lte=timezone.localdate(now))
    for old in merged.filter(pk__in=Assignment.objects.open().values("place")):
        heir = resolve(old.path)
        if heir is None or heir.pk == old.pk:
            continue
        with transaction.atomic():
            rows = Assignment.objects.open().filter(place=old).select_for_update(of=("self",)).order_by("pk")
            for piece in rows:
                _carry(piece, old, heir, now)
                moved += 1
    return moved


def _carry(piece: Assignment, old: Place, heir: Place, now: datetime) -> None:
    if piece.parent_id is None:
        own = Assignment.objects.filter(round_id=piece.round_id, place=heir, parent__isnull=True).first()
        if own is not None:
            piece.parent, piece.asker_place_id, piece.part = own, heir.pk, old.name[:200]
    elif piece.asker_place_id == old.pk:
        piece.asker_place_id = heir.pk
    piece.place, piece.place_path = heir, heir.path
    event = AssignmentCarriedOver(assignment_id=piece.pk, from_place_id=old.pk, to_place_id=heir.pk)
    saved = ("place", "place_path", "parent", "asker_place", "part")
    record(event, about=piece, by=None, now=now, place=heir.path, save=saved)
    # What it has passed down is asked for by the office that has it now.
    for child in Assignment.objects.filter(parent=piece, asker_place=old).exclude(place=old):
        child.asker_place_id = heir.pk
        record(
            AssignmentCarriedOver(assignment_id=child.pk, from_place_id=old.pk, to_place_id=heir.pk),
            about=child,
            by=None,
            now=now,
            place=child.place_path,
            save=("asker_place",),
        )


@transaction.atomic
def withdraw_directive(*, directive_id: int, reason: str, by: User, now: datetime, version: int | None = None) -> int:
    """Ask for it no longer, with the reason. Every open piece ends; what was reported stays. Gives back how many."""
    directive, post = _ours(directive_id, by, now, version)
    clean = reason.replace("\x00", "").strip()
    if len(clean) < 4:
        raise Refusal(_("Say why it is withdrawn; everybody who has a piece reads it."), field="reason", status=422)
    if directive.state not in (DirectiveState.DRAFT, DirectiveState.ISSUED):
        raise Refusal(_("This has ended already."))
    issued = directive.state == DirectiveState.ISSUED
    directive.state, directive.ending = DirectiveState.WITHDRAWN, clean[:300]
    directive.ended_at, directive.ended_by, directive.next_on = now, by, None
    saved = ["state", "ending", "ended_at", "ended_by", "next_on"]
    if not issued:
        directive.issued_at, directive.issued_by = now, by
        saved += ["issued_at", "issued_by"]
    pieces = end_pieces(Assignment.objects.filter(directive=directive), by=by, post=post, now=now)
    _say(DirectiveWithdrawn(directive_id=directive.pk, pieces=pieces), directive, by, now, post, *saved)
    return pieces


@transaction.atomic
def close_directive(*, directive_id: int, by: User, now: datetime) -> Directive:
    """Close it: nothing of it is open and nothing more will be sent."""
    directive, post = _ours(directive_id, by, now)
    if directive.state != DirectiveState.ISSUED:
        raise Refusal(_("Only what has been sent can be closed."))
    if Assignment.objects.filter(directive=directive).open().exists():
        raise Refusal(_("Some places are still at it. Accept their results or withdraw the directive."))
    directive.state = DirectiveState.CLOSED
    directive.ended_at, directive.ended_by, directive.next_on = now, by, None
    _say(
        DirectiveClosed(directive_id=directive.pk), directive, by, now, post, "state", "ended_at", "ended_by", "next_on"
    )
    return directive


def end_pieces(rows: Any, *, by: User | None, post: Post | None, now: datetime) -> int:
    """Withdraw the open ones of these pieces, inside the caller's transaction; their open questions fall away."""
    ended = 0
    while batch := list(rows.filter(state__in=sorted(OPEN)).select_for_update(of=("self",)).order_by("pk")[:BATCH]):
        steps: list[tuple[Event, Recorded]] = []
        for piece in batch:
            piece.go(Move.WITHDRAW)
            piece.ended_at, piece.step_at, piece.left = now, None, ""
            piece.due_at, piece.yellow_at = piece.due_at or now, piece.yellow_at or now
            piece.version += 1
            steps.append((AssignmentWithdrawn(assignment_id=piece.pk), piece))
        Assignment.objects.bulk_update(
            batch, ["state", "ended_at", "step_at", "left", "due_at", "yellow_at", "version"], batch_size=200
        )
        record_many(steps, by=by, now=now, post=post)
        for question in Question.objects.filter(assignment__in=batch, outcome=""):
            drop_question(question=question, by=by, now=now)
        ended += len(batch)
    return ended


def drop_question(*, question: Question, by: User | None, now: datetime) -> None:
    """The question needs no answer any more, inside the caller's transaction."""
    question.outcome, question.answered_at = Question.Outcome.DROPPED, now
    record(
        QuestionAnswered(assignment_id=question.assignment_id, question_id=question.pk, outcome=question.outcome),
        about=question,
        by=by,
        now=now,
        save=("outcome", "answered_at"),
    )


@transaction.atomic
def keep_group(*, name: str, place_ids: Sequence[int], by: User, now: datetime) -> PlaceGroup:
    """Keep places under a name for this office; a name that exists gets the new places."""
    post = issuing_post(by, now)
    clean = name.strip()
    if not 1 <= len(clean) <= 60:
        raise Refusal(_("Give the group a name of at most 60 characters."), field="name", status=422)
    places = sorted(set(place_ids))
    found = Place.objects.filter(pk__in=places).values_list("path", flat=True)
    if not places or len(found) != len(places) or not all(path.startswith(post.place_path) for path in found):
        raise Refusal(_("You can only send work to places of your own area."), field="places", status=422)
    group = PlaceGroup.objects.select_for_update(of=("self",)).filter(owner_id=post.place_id, name=clean).first()
    save: tuple[str, ...] | None = ("places", "kept_at")
    if group is None:
        group, save = PlaceGroup(owner_id=post.place_id, place_path=post.place_path, name=clean), None
    group.places, group.kept_at = places, now
    if save is None:
        group.save()
    record(
        GroupKept(group_id=group.pk, places=len(places)),
        about=group,
        by=by,
        now=now,
        post=post,
        place=post.place_path,
        save=save,
    )
    return group


def office_of(directive_id: int, by: User, now: datetime) -> tuple[Directive, Post]:
    """For the room's other modules: the locked directive, and the post at the office that issues it."""
    return _ours(directive_id, by, now)


def _ours(directive_id: int, by: User, now: datetime, version: int | None = None) -> tuple[Directive, Post]:
    """The locked directive, and the post at the office that issues it. Not visible: not there; not theirs: 403.

    Stale (409) when it is not the version that was read, where one is named.
    """
    directive = Directive.objects.select_for_update(of=("self",)).filter(pk=directive_id).first()
    if directive is None or not Directive.objects.visible_to(by).filter(pk=directive_id).exists():
        raise NotThere()
    post = issuing_post(by, now, directive.issuer_place_id)
    if version is not None and version != directive.version:
        raise Stale(_("Somebody else changed this a moment ago. Please look at it again."))
    return directive, post


def _say(event: Event, directive: Directive, by: User | None, now: datetime, post: Post | None, *saved: str) -> None:
    record(event, about=directive, by=by, now=now, post=post, place=directive.place_path, save=saved)
