"""Co-handlers: who besides the lead has a part in a case, each with a deadline of their own."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import acting_for
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases.actions import add_note, held
from gongzhi.understand.cases.asides import drop_slips, open_part
from gongzhi.understand.cases.clocks import limit
from gongzhi.understand.cases.events import PartDropped
from gongzhi.understand.cases.models import Case, CoHandler, State


def leading_post(case: Case, by: User, now: datetime) -> Post:
    """The person's post that leads the case, or one that may give it to somebody."""
    post = acting_for(by, case.lead_role, case.lead_place_id, "tasks.work", timezone.localdate(now))
    if post is not None:
        return post
    desk = holding(by, "cases.assign", case.place_path, now)
    if desk is None:
        raise Refusal(_("None of your posts allows this here."), status=403)
    return desk


def _mine(case_id: int, by: User, now: datetime) -> tuple[Case, Post]:
    case = Case.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=case_id).first()
    if case is None:
        raise NotThere()
    return case, leading_post(case, by, now)


@transaction.atomic
def ask_part(
    *,
    case_id: int,
    role: str,
    place_id: int,
    need: str,
    by: User,
    now: datetime,
    span: Span | None = None,
) -> CoHandler:
    """Ask another position for its part in the case. It gets a work order of its own, with its own deadline."""
    case, post = _mine(case_id, by, now)
    if case.state not in (State.ASSIGNED, State.PAUSED):
        raise Refusal(_("Only a case that somebody is handling has co-handlers."))
    position = held(role, place_id, timezone.localdate(now))
    if (role, place_id) == (case.lead_role, case.lead_place_id):
        raise Refusal(_("This post leads the case itself."), field="position", status=422)
    clean = need.replace("\x00", "").strip()
    if len(clean) < 2:
        raise Refusal(_("Say what you ask of them."), field="need", status=422)
    if len(clean) > 300:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": 300}, field="need", status=422)
    if span is not None and not 0 < span.amount <= 1000:
        raise Refusal(_("Give a number from 1 to 1,000."), field="amount", status=422)
    if CoHandler.objects.filter(case=case, role=role, place_id=place_id, state=CoHandler.State.ASKED).exists():
        raise Refusal(_("This post has already been asked."), field="position", status=409)
    due = (
        clock.deadline(now, span, path=case.place_path)
        if span is not None
        else limit("cases.part_limit", case.place_path, now)
    )
    return open_part(case, position, need=clean, due_at=due, by=by, now=now, post=post)


@transaction.atomic
def drop_part(*, part_id: int, reason: str, by: User, now: datetime) -> CoHandler:
    """The lead does without a part, with a reason (kept as a note)."""
    found = CoHandler.objects.filter(pk=part_id).first()
    if found is None:
        raise NotThere()
    case, post = _mine(found.case_id, by, now)
    part = CoHandler.objects.select_for_update(of=("self",)).get(pk=found.pk)
    if part.state != CoHandler.State.ASKED:
        raise Refusal(_("This part has already ended."))
    if len(reason.strip()) < 2:
        raise Refusal(_("Say why it is no longer needed."), field="reason", status=422)
    part.state, part.ended_at = CoHandler.State.DROPPED, now
    record(
        PartDropped(case_id=case.pk, part_id=part.pk),
        about=part,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("state", "ended_at"),
    )
    drop_slips(case, now, Q(part=part))
    add_note(case_id=case.pk, text=reason, by=by, now=now)
    return part


def still_at_it(case: Case) -> list[CoHandler]:
    """The co-handlers whose part has not ended."""
    return list(CoHandler.objects.filter(case=case, state=CoHandler.State.ASKED).select_related("place"))
