"""Everything that can happen to a visit: planning, making, dropping it, and keeping what was promised."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.visits.events import PromiseKept, VisitDropped, VisitMade, VisitPlanned
from gongzhi.act.visits.models import Move, State, Visit
from gongzhi.ground.access.actions import require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import acting_for
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule

VERB = "directives.work"
FURTHEST = timedelta(days=366)


def _clean(words: str, field: str, most: int) -> str:
    clean = words.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(clean) > most:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": most}, field=field, status=422)
    return clean


def _position(place: Place, by: User, now: datetime) -> Post:
    """The post that visits there. A visit is paid in a grid or a building; nothing nearer to a person is kept."""
    if place.level not in (Level.GRID, Level.BUILDING):
        raise Refusal(_("Choose a grid or a building."), field="place", status=422)
    return require(by, VERB, place.path, now)


def _own(uid: UUID, by: User, now: datetime) -> tuple[Visit, Post]:
    """The visit, locked, if one of the person's posts is the position it belongs to; else 404."""
    visit = Visit.objects.visible_to(by).select_for_update(of=("self",)).filter(uid=uid).first()
    if visit is None:
        raise NotThere()
    post = acting_for(by, visit.role, visit.position_place_id, VERB, timezone.localdate(now))
    if post is None:
        raise Refusal(_("This visit belongs to another post."), status=403)
    return visit, post


@transaction.atomic
def plan_visit(
    *, place: Place, day: date, whom: str, asked: str, by: User, now: datetime, uid: UUID | None = None
) -> Visit:
    """Plan to look in on somebody on a day, which is today or later. The same ``uid`` again is the same visit."""
    post = _position(place, by, now)
    known = Visit.objects.visible_to(by).filter(uid=uid).first() if uid else None
    if known is not None:
        return known
    today = timezone.localdate(now)
    if not today <= day <= today + FURTHEST:
        raise Refusal(_("Plan a visit for today or a day within a year."), field="day", status=422)
    visit = Visit.objects.create(
        uid=uid or uuid4(),
        place=place,
        place_path=place.path,
        role=post.role,
        position_place_id=post.place_id,
        day=day,
        whom=_clean(whom, "whom", 80),
        asked=_clean(asked, "asked", 500),
        entered_at=now,
        entered_by=by,
    )
    record(VisitPlanned(visit_id=visit.pk), about=visit, by=by, now=now, post=post, place=visit.place_path)
    return visit


def _promise(promise: str, due: date | None, day: date) -> str:
    clean = _clean(promise, "promise", 300)
    if clean and due is None:
        raise Refusal(_("Say until when you promised it."), field="promise_due", status=422)
    if due is not None and not clean:
        raise Refusal(_("Say what you promised."), field="promise", status=422)
    if due is not None and not day <= due <= day + FURTHEST:
        raise Refusal(
            _("A promise is for the day of the visit or later, within a year."), field="promise_due", status=422
        )
    return clean


@transaction.atomic
def note_visit(
    *,
    day: date,
    whom: str,
    asked: str,
    by: User,
    now: datetime,
    place: Place | None = None,
    uid: UUID | None = None,
    promise: str = "",
    promise_due: date | None = None,
) -> Visit:
    """Note a visit that was made: a planned one (by its ``uid``), or one that nobody had planned (then with a place).

    It may be noted some days later, as long as the rule allows, and never ahead.
    """
    today = timezone.localdate(now)
    known = Visit.objects.visible_to(by).filter(uid=uid).exists() if uid else False
    if known and uid is not None:
        visit, post = _own(uid, by, now)
        visit.go(Move.MAKE)
    elif place is not None:
        post = _position(place, by, now)
        visit = Visit(
            uid=uid or uuid4(),
            place=place,
            place_path=place.path,
            role=post.role,
            position_place_id=post.place_id,
            state=State.MADE,
            entered_at=now,
            entered_by=by,
        )
    else:
        raise NotThere()
    oldest = today - timedelta(days=int(rule("field.oldest_days", path=visit.place_path, on=today)))
    if not oldest <= day <= today:
        raise Refusal(_("This day cannot be right: a visit is noted afterwards, and soon."), field="day", status=422)
    visit.day = day
    visit.promise = _promise(promise, promise_due, day)
    visit.promise_due = promise_due
    visit.whom = _clean(whom, "whom", 80) or visit.whom
    visit.asked = _clean(asked, "asked", 500) or visit.asked
    visit.made_by = by
    if not visit.pk:
        visit.save()
    record(
        VisitMade(visit_id=visit.pk, promised=promise_due is not None),
        about=visit,
        by=by,
        now=now,
        post=post,
        place=visit.place_path,
        save=("state", "day", "whom", "asked", "made_by", "promise", "promise_due") if known else None,
    )
    return visit


@transaction.atomic
def drop_visit(*, uid: UUID, by: User, now: datetime) -> Visit:
    """A planned visit is not needed any more."""
    visit, post = _own(uid, by, now)
    visit.go(Move.DROP)
    record(
        VisitDropped(visit_id=visit.pk),
        about=visit,
        by=by,
        now=now,
        post=post,
        place=visit.place_path,
        save=("state",),
    )
    return visit


@transaction.atomic
def keep_promise(*, uid: UUID, words: str, by: User, now: datetime, day: date | None = None) -> Visit:
    """What was promised at a visit is done, on a day (today) since the visit."""
    visit, post = _own(uid, by, now)
    today = timezone.localdate(now)
    if visit.promise_due is None:
        raise Refusal(_("Nothing was promised at this visit."))
    if visit.kept_on is not None:
        raise Refusal(_("This promise is noted as kept already."))
    kept_on = day or today
    if not visit.day <= kept_on <= today:
        raise Refusal(_("This day cannot be right."), field="day", status=422)
    visit.kept_on, visit.kept_by, visit.kept_words = kept_on, by, _clean(words, "words", 300)
    record(
        PromiseKept(visit_id=visit.pk),
        about=visit,
        by=by,
        now=now,
        post=post,
        place=visit.place_path,
        save=("kept_on", "kept_by", "kept_words"),
    )
    return visit
