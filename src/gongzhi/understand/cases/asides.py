"""What stands open beside a case: questions to a higher post, parts of co-handlers, supervision slips."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.access.roles import roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import ancestors
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases.clocks import OF_A_PART, OF_A_RULING, limit, step_up_at
from gongzhi.understand.cases.events import (
    PartAsked,
    PartDone,
    PartDropped,
    PartReturned,
    RulingAsked,
    RulingDropped,
    SlipDropped,
)
from gongzhi.understand.cases.models import DENIES, Case, CoHandler, Responsibility, Ruling, Slip, State
from gongzhi.understand.cases.responsibility import Position, nearest_holder

Seat = tuple[str, int | None]  # a role at a place
# While one of these is open, only the ruling says who leads.
WHOSE: Final = (Ruling.Kind.NOT_OURS, Ruling.Kind.NO_ROW)


def objected_to(case: Case, kind: str) -> frozenset[int]:
    """Who asked for or agreed to a referral to which the reporter objected: somebody else looks at it the next time.

    A case that was referred and is not any more has been objected to; nothing else brings it back.
    """
    if kind not in DENIES or case.state == State.REFERRED:
        return frozenset()
    before = Ruling.objects.filter(case=case, kind=Ruling.Kind.REFERRAL, state=Ruling.State.AGREED)
    return frozenset(pk for pair in before.values_list("asked_by_id", "decided_by_id") for pk in pair if pk is not None)


def ruler_place(
    path: str, now: datetime, *, asker: User | None, seat: Seat | None = None, without: Collection[int] = ()
) -> Place | None:
    """Where it is ruled: the nearest place at or above with somebody who may, other than who asks.

    ``seat`` is left out altogether (no colleague of the post that says "not ours" rules on it), and so are the people
    ``without``.
    """
    posts = Post.objects.current(timezone.localdate(now)).filter(
        role__in=sorted(roles_with("cases.rule")), place_path__in=ancestors(path), user__is_active=True
    )
    if asker is not None:
        posts = posts.exclude(user=asker)
    if without:
        posts = posts.exclude(user__in=without)
    if seat is not None and seat[1] is not None:
        posts = posts.exclude(role=seat[0], place_id=seat[1])
    near = max(posts.select_related("place"), key=lambda post: len(post.place_path), default=None)
    return near.place if near is not None else None


def ask(
    case: Case,
    kind: Ruling.Kind,
    *,
    now: datetime,
    by: User | None,
    asker: User | None,
    post: Post | None,
    reason: str = "",
    referral: str = "",
) -> Ruling | None:
    """Open a question, addressed to the nearest post that may rule. None: nobody there may.

    ``by`` is who did what led to it in the record; ``asker`` is whose question it is, and who therefore never rules.
    """
    if Ruling.objects.filter(case=case, kind=kind, state=Ruling.State.OPEN).exists():
        raise Refusal(_("This question is already being ruled on."))
    seat = (post.role, post.place_id) if post is not None else None
    place = ruler_place(
        case.place_path,
        now,
        asker=asker,
        seat=seat if kind == Ruling.Kind.NOT_OURS else None,
        without=objected_to(case, kind),
    )
    if place is None:
        return None
    due = limit("cases.ruling_limit", case.place_path, now)
    ruling = Ruling.objects.create(
        case=case,
        kind=kind,
        referral=referral,
        reason=reason,
        place=place,
        place_path=place.path,
        asked_at=now,
        asked_by=asker,
        asked_role=seat[0] if seat is not None else "",
        asked_place_id=seat[1] if seat is not None else None,
        due_at=due,
        escalate_at=step_up_at(OF_A_RULING, due, case.place_path),
    )
    record(
        RulingAsked(case_id=case.pk, ruling_id=ruling.pk, kind=kind),
        about=ruling,
        by=by,
        now=now,
        post=post if by is not None else None,
        place=case.place_path,
    )
    return ruling


def asked_whose(case: Case) -> Ruling | None:
    """The open question whose the case is, if there is one."""
    return Ruling.objects.filter(case=case, kind__in=WHOSE, state=Ruling.State.OPEN).select_related("place").first()


def drop_rulings(case: Case, now: datetime, *, kinds: tuple[str, ...] = ()) -> None:
    """These questions need no answer any more (without ``kinds``: all but those that outlive the case)."""
    which = Q(kind__in=kinds) if kinds else ~Q(kind=Ruling.Kind.BEYOND_DUTY)
    for ruling in Ruling.objects.select_for_update(of=("self",)).filter(which, case=case, state=Ruling.State.OPEN):
        ruling.state = Ruling.State.DROPPED
        record(
            RulingDropped(case_id=case.pk, ruling_id=ruling.pk),
            about=ruling,
            by=None,
            now=now,
            place=case.place_path,
            save=("state",),
        )
        drop_slips(case, now, Q(ruling=ruling))


def drop_slips(case: Case, now: datetime, which: Q) -> None:
    """Nobody has to say any more why it is late."""
    for slip in Slip.objects.select_for_update(of=("self",)).filter(which, case=case, state=Slip.State.OPEN):
        slip.state = Slip.State.DROPPED
        record(
            SlipDropped(case_id=case.pk, slip_id=slip.pk),
            about=slip,
            by=None,
            now=now,
            place=case.place_path,
            save=("state",),
        )


def let_go(case: Case, now: datetime) -> None:
    """The case has ended: nobody rules on it, has a part in it, or has to say why it is late."""
    drop_rulings(case, now)
    for part in CoHandler.objects.select_for_update(of=("self",)).filter(case=case, state=CoHandler.State.ASKED):
        part.state, part.ended_at = CoHandler.State.DROPPED, now
        record(
            PartDropped(case_id=case.pk, part_id=part.pk),
            about=part,
            by=None,
            now=now,
            place=case.place_path,
            save=("state", "ended_at"),
        )
    drop_slips(case, now, ~Q(ruling__state=Ruling.State.OPEN))  # but for a question that outlives the case


# --- co-handlers -----------------------------------------------------------------------------------


def ask_as_the_matrix_says(case: Case, row: Responsibility, *, now: datetime) -> None:
    """Ask the co-handlers that a row of the matrix names. What nobody holds today, or the lead itself, is left out."""
    for asked in row.co_handlers:
        position = nearest_holder(
            str(asked.get("role", "")), str(asked.get("seat") or ""), case.place_path, timezone.localdate(now)
        )
        if position is None or (position.role, position.place_id) == (case.lead_role, case.lead_place_id):
            continue
        if CoHandler.objects.filter(
            case=case, role=position.role, place_id=position.place_id, state=CoHandler.State.ASKED
        ).exists():
            continue
        span = asked.get("limit")
        due = (
            clock.deadline(now, Span.parse(span), path=case.place_path)
            if span
            else limit("cases.part_limit", case.place_path, now)
        )
        open_part(case, position, need="", due_at=due, by=None, now=now, post=None)


def open_part(
    case: Case, position: Position, *, need: str, due_at: datetime, by: User | None, now: datetime, post: Post | None
) -> CoHandler:
    part = CoHandler.objects.create(
        case=case,
        role=position.role,
        place_id=position.place_id,
        need=need,
        due_at=due_at,
        asked_by=by,
        asked_at=now,
        escalate_at=step_up_at(OF_A_PART, due_at, case.place_path),
    )
    record(PartAsked(case_id=case.pk, part_id=part.pk), about=part, by=by, now=now, post=post, place=case.place_path)
    return part


def end_part(part_id: int, state: CoHandler.State, *, at: datetime, now: datetime) -> None:
    """What became of the work order of a part. A part that ended meanwhile stays as it is."""
    part = CoHandler.objects.select_for_update(of=("self",)).select_related("case").get(pk=part_id)
    if part.state != CoHandler.State.ASKED:
        return
    part.state, part.ended_at = state, at
    event = PartDone if state == CoHandler.State.DONE else PartReturned
    record(
        event(case_id=part.case_id, part_id=part.pk),
        about=part,
        by=None,
        now=now,
        place=part.case.place_path,
        save=("state", "ended_at"),
    )
    drop_slips(part.case, now, Q(part=part))
