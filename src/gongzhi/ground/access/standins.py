"""Moving the routine work of a person or of a place to others in one step, and giving it back in one step.

No row of work changes hands. A stand-in makes the work of a position the deputy's work too, as far as the deputy's own
posts allow such work; it gives no verb and no reach to anybody, and nobody names themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import holding, require
from gongzhi.ground.access.events import MoveUndone, StandInEnded, StandInMade, WorkMoved
from gongzhi.ground.access.models import Move, Post, StandIn, Why
from gongzhi.ground.access.reach import posts_of, reach
from gongzhi.ground.access.roles import work_of
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record, record_many
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule

VERB: Final = "access.stand_in"
MOST: Final = 500  # stand-ins of one step


@dataclass(frozen=True)
class Seat:
    """One position and who does its work meanwhile."""

    role: str
    place_id: int
    deputies: tuple[int, ...]


def posts_within(by: User, on: date) -> list[Post]:
    """Everybody's current posts of work where the person may name deputies, with their people and places."""
    found = Post.objects.current(on).filter(reach(by, VERB), user__is_active=True).select_related("user", "place")
    return [post for post in found.order_by("place_path", "role", "pk") if work_of(post.role)]


def may_stand_in(role: str, held: Sequence[Post]) -> bool:
    """Whether somebody with these posts could do the work of this role: it asks for no verb that they lack."""
    return bool(work_of(role)) and work_of(role) <= frozenset().union(*(work_of(post.role) for post in held))


@transaction.atomic
def move_work(
    *,
    seats: Sequence[Seat],
    place: Place,
    why: str,
    until: date,
    by: User,
    now: datetime,
    person: User | None = None,
    words: str = "",
) -> Move:
    """Name all these deputies at once. ``person``: whose work it is; without, that of everybody in the place."""
    on = timezone.localdate(now)
    acting = require(by, VERB, place.path, now)
    clean = words.replace("\x00", "").strip()
    if why not in Why.values:
        raise Refusal(_("Please choose why the work is moved."), field="why", status=422)
    if len(clean) > 200:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": 200}, field="words", status=422)
    longest = int(rule("access.stand_in_days", path=place.path, on=on))
    if not on <= until <= on + timedelta(days=longest):
        raise Refusal(
            _("Choose a day from today to %(days)d days ahead.") % {"days": longest}, field="until", status=422
        )
    wanted = sorted({(seat.place_id, seat.role, pk) for seat in seats for pk in seat.deputies})
    if not wanted:
        raise Refusal(_("Choose a deputy for at least one post."), status=422)
    if len(wanted) > MOST:
        raise Refusal(_("At most %(count)d at once, please: choose a smaller place.") % {"count": MOST}, status=422)
    places = Place.objects.in_bulk({place_id for place_id, _role, _pk in wanted})
    # Whoever ends a post or switches an account off meanwhile waits, and so does a second step about the same people.
    people = {user.pk: user for user in User.objects.select_for_update().filter(pk__in=_people(wanted)).order_by("pk")}
    held: dict[int, list[Post]] = {}
    for post in Post.objects.current(on).filter(user_id__in=people).select_related("place"):
        held.setdefault(post.user_id, []).append(post)
    theirs = {(post.role, post.place_id) for post in posts_of(person, on)} if person is not None else None
    rows = []
    for place_id, role, deputy in wanted:
        seat_place = places.get(place_id)
        if seat_place is None or holding(by, VERB, seat_place.path, now) is None:
            raise Refusal(_("None of your posts allows this here."), status=403)
        if theirs is not None and (role, place_id) not in theirs:
            raise Refusal(_("This person no longer holds this post. Please look again."), status=409)
        if theirs is None and not seat_place.path.startswith(place.path):
            raise Refusal(_("This post lies outside of the place. Please look again."), status=409)
        _check_deputy(people.get(deputy), role, place_id, held.get(deputy, []), person, by, now)
        rows.append(
            StandIn(
                role=role,
                place=seat_place,
                place_path=seat_place.path,
                deputy=people[deputy],
                starts_on=on,
                until=until,
                why=why,
                made_by=by,
            )
        )
    move = Move.objects.create(
        place=place, place_path=place.path, person=person, why=why, words=clean, until=until, made_at=now, made_by=by
    )
    for row in rows:
        row.move = move
    made = StandIn.objects.bulk_create(rows)
    about = WorkMoved(
        move_id=move.pk, why=why, person_id=person.pk if person is not None else None, stand_ins=len(made)
    )
    record(about, about=move, by=by, now=now, post=acting, place=move.place_path)
    record_many(
        [(StandInMade(move_id=move.pk, stand_in_id=row.pk, user_id=row.deputy_id, role=row.role), row) for row in made],
        by=by,
        now=now,
        post=acting,
    )
    return move


def _people(wanted: Sequence[tuple[int, str, int]]) -> set[int]:
    return {deputy for _place, _role, deputy in wanted}


def _check_deputy(
    deputy: User | None, role: str, place_id: int, held: list[Post], person: User | None, by: User, now: datetime
) -> None:
    if deputy is None or not deputy.is_active or not held:
        raise Refusal(_("This person holds no post any more. Please choose somebody else."), status=422)
    if deputy.pk == by.pk:
        raise Refusal(_("Nobody names themselves as deputy. Somebody else with this right can do it."), status=403)
    if person is not None and deputy.pk == person.pk:
        raise Refusal(_("Nobody stands in for themselves."), status=422)
    if any((post.role, post.place_id) == (role, place_id) for post in held):
        raise Refusal(_("%(name)s holds this post already.") % {"name": deputy}, status=422)
    near = [post for post in held if holding(by, VERB, post.place_path, now) is not None]
    if not near or not may_stand_in(role, held):
        raise Refusal(
            _("%(name)s cannot do this work: none of their posts in your reach allows it.") % {"name": deputy},
            status=403,
        )


@transaction.atomic
def undo_move(*, move_id: int, by: User, now: datetime) -> Move:
    """Give all of it back at once. What the deputies did meanwhile stays done."""
    move = Move.objects.select_for_update().filter(reach(by, VERB), pk=move_id).first()
    if move is None:
        raise NotThere()
    acting = require(by, VERB, move.place_path, now)
    if not move.is_current(timezone.localdate(now)):
        raise Refusal(_("This is over already."))
    open_rows = StandIn.objects.select_for_update().filter(move=move, ended_at__isnull=True).order_by("pk")
    _end(list(open_rows), by=by, now=now, post=acting)
    move.undone_at, move.undone_by = now, by
    record(
        MoveUndone(move_id=move.pk),
        about=move,
        by=by,
        now=now,
        post=acting,
        place=move.place_path,
        save=("undone_at", "undone_by"),
    )
    return move


@transaction.atomic
def end_stand_in(*, stand_in_id: int, by: User, now: datetime) -> StandIn:
    """Give the work of one position back before its day."""
    row = StandIn.objects.select_for_update().filter(reach(by, VERB), pk=stand_in_id).first()
    if row is None:
        raise NotThere()
    acting = require(by, VERB, row.place_path, now)
    if not row.is_current(timezone.localdate(now)):
        raise Refusal(_("This is over already."))
    _end([row], by=by, now=now, post=acting)
    return row


def _end(rows: list[StandIn], *, by: User, now: datetime, post: Any) -> None:
    """These rows are locked. Written in one statement, whatever their number."""
    for row in rows:
        row.ended_at, row.ended_by, row.version = now, by, row.version + 1
    StandIn.objects.bulk_update(rows, ["ended_at", "ended_by", "version"], batch_size=200)
    record_many(
        [(StandInEnded(move_id=row.move_id, stand_in_id=row.pk, user_id=row.deputy_id), row) for row in rows],
        by=by,
        now=now,
        post=post,
    )
