"""Everything that can happen to a whistle: blowing, answering, arriving, reporting, ending, appraising."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.whistles.events import (
    AppraisalGiven,
    RefusalRuled,
    UnitAccepted,
    UnitArrived,
    UnitCalled,
    UnitDeclined,
    UnitMissed,
    UnitReleased,
    UnitReminded,
    UnitReported,
    WhistleBlown,
    WhistleCalledOff,
    WhistleEnded,
)
from gongzhi.act.whistles.models import (
    APPRAISED,
    Appraisal,
    Invitation,
    Kind,
    Mark,
    Move,
    Side,
    State,
    UnitMove,
    UnitState,
    Whistle,
    WhistleCase,
)
from gongzhi.ground.access.actions import holding, require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import acting_for, posts_of
from gongzhi.ground.access.roles import roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import ancestors, below
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases.models import Case

MOST_UNITS = 20
MOST_CASES = 50


@dataclass(frozen=True)
class Called:
    """A unit to call: a position (role and place id), or the name of a unit outside this house."""

    role: str = ""
    place_id: int | None = None
    outside: str = ""


def units_for(path: str, on: date) -> list[Post]:
    """The positions that a street at this path may call: held today, above it or below it, one post of each."""
    reachable = Q(place_path__in=ancestors(path)) | below(path, "place_path")
    posts = (
        Post.objects.current(on)
        .filter(reachable, role__in=sorted(roles_with("whistles.answer")))
        .select_related("place")
        .order_by("place_path", "role", "pk")
    )
    return list({(post.role, post.place_id): post for post in posts}.values())


def arrive_by(kind: str, start: datetime, path: str) -> datetime:
    """When the units must be there, by the rule of this kind."""
    return clock.deadline(start, span_of(kind, start, path), path=path)


def span_of(kind: str, start: datetime, path: str) -> Span:
    return Span.parse(rule(f"whistles.arrive.{kind}", path=path, on=timezone.localdate(start)))


@transaction.atomic
def blow_whistle(
    *,
    place: Place,
    kind: str,
    need: str,
    site: str,
    units: Sequence[Called],
    by: User,
    now: datetime,
    lead: int = 0,
    cases: Sequence[Case] = (),
    within: Span | None = None,
) -> Whistle:
    """Call units to a matter. ``lead`` is the place of the leading unit in ``units``.

    They must arrive within the time that the rule of the kind gives, or within another one that the street sets. Every
    case must lie in the street and be one that the person may read.
    """
    post = require(by, "whistles.blow", place.path, now)
    if kind not in Kind.values:
        raise Refusal(_("There is no such kind of whistle."), field="kind", status=422)
    words = _words(need, "need", 4, 1000, _("Say what the units are needed for."))
    where = _words(site, "site", 2, 200, _("Say where to meet."))
    called = _distinct(units)
    if not 0 <= lead < len(called):
        raise Refusal(_("Say which of the called units leads."), field="lead", status=422)
    if len(cases) > MOST_CASES:
        raise Refusal(_("At most %(count)d cases, please.") % {"count": MOST_CASES}, field="cases", status=422)
    ids = {case.pk for case in cases}
    seen = Case.objects.visible_to(by).filter(pk__in=ids).at(place.path)
    if seen.count() != len(ids):
        raise Refusal(_("One of these cases does not lie in this street."), field="cases", status=422)
    limit = clock.deadline(now, within, path=place.path) if within is not None else arrive_by(kind, now, place.path)
    if limit <= now:
        raise Refusal(_("The units need some time to come."), field="within", status=422)
    held = {(one.role, one.place_id) for one in units_for(place.path, timezone.localdate(now))}
    whistle = Whistle.objects.create(
        kind=kind,
        place=place,
        place_path=place.path,
        need=words,
        site=where,
        blown_at=now,
        blown_by=by,
        post=post,
        arrive_by=limit,
    )
    WhistleCase.objects.bulk_create([WhistleCase(whistle=whistle, case_id=pk) for pk in sorted(ids)])
    record(
        WhistleBlown(whistle_id=whistle.pk, kind=kind, case_ids=sorted(ids)),
        about=whistle,
        by=by,
        now=now,
        post=post,
        place=place.path,
    )
    for number, one in enumerate(called):
        if not one.outside and (one.role, one.place_id) not in held:
            raise Refusal(_("Nobody holds this post today."), field="units", status=422)
        invitation = Invitation.objects.create(
            whistle=whistle, role=one.role, place_id=one.place_id, outside=one.outside, leads=number == lead
        )
        record(
            UnitCalled(whistle_id=whistle.pk, invitation_id=invitation.pk),
            about=invitation,
            by=by,
            now=now,
            post=post,
            place=place.path,
        )
    return whistle


def _words(given: str, field: str, least: int, most: int, missing: str) -> str:
    clean = given.replace("\x00", "").strip()
    if len(clean) < least:
        raise Refusal(missing, field=field, status=422)
    if len(clean) > most:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": most}, field=field, status=422)
    return clean


def _distinct(units: Sequence[Called]) -> list[Called]:
    called = []
    for one in units:
        name = " ".join(one.outside.replace("\x00", "").split())
        if len(name) > 80:
            raise Refusal(_("The name of a unit has at most 80 characters."), field="outside", status=422)
        clean = Called(outside=name) if name else Called(role=one.role, place_id=one.place_id)
        if clean in called:
            raise Refusal(_("The same unit is called twice."), field="units", status=422)
        called.append(clean)
    if not called:
        raise Refusal(_("Call at least one unit."), field="units", status=422)
    if len(called) > MOST_UNITS:
        raise Refusal(_("At most %(count)d units, please.") % {"count": MOST_UNITS}, field="units", status=422)
    return called


# --- who acts --------------------------------------------------------------------------------------


def _whistle(whistle_id: int, by: User) -> Whistle:
    """The whistle, locked, if the person sees it."""
    found = Whistle.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=whistle_id).first()
    if found is None:
        raise NotThere()
    return found


def _must_be_open(whistle: Whistle) -> None:
    if not whistle.is_open:
        raise Refusal(_("This whistle has already ended."))


def _unit(invitation_id: int, by: User, now: datetime, *, street_too: bool = False) -> tuple[Invitation, Post]:
    """The invitation, its whistle locked, and the post of the unit. For a unit outside the street speaks.

    ``street_too``: the street may note it for any unit.
    """
    row = Invitation.objects.filter(pk=invitation_id).first()
    if row is None:
        raise NotThere()
    whistle = _whistle(row.whistle_id, by)
    invitation = Invitation.objects.select_for_update(of=("self",)).select_related("place").get(pk=invitation_id)
    invitation.whistle = whistle
    post = acting_for(by, invitation.role, invitation.place_id, "whistles.answer", timezone.localdate(now))
    if post is not None:
        return invitation, post
    if invitation.outside or street_too:
        street = holding(by, "whistles.blow", whistle.place_path, now)
        if street is not None:
            return invitation, street
    raise Refusal(_("Only the called unit answers for itself."), status=403)


def _note(event: object, invitation: Invitation, by: User | None, now: datetime, post: Post | None, *save: str) -> None:
    record(
        event,  # type: ignore[arg-type]
        about=invitation,
        by=by,
        now=now,
        post=post,
        place=invitation.whistle.place_path,
        save=save,
    )


# --- what a unit does ------------------------------------------------------------------------------


@transaction.atomic
def accept_call(*, invitation_id: int, by: User, now: datetime) -> Invitation:
    """The unit says that it comes."""
    invitation, post = _unit(invitation_id, by, now)
    _must_be_open(invitation.whistle)
    invitation.go(UnitMove.ACCEPT)
    invitation.accepted_at, invitation.accepted_by = now, by
    event = UnitAccepted(whistle_id=invitation.whistle_id, invitation_id=invitation.pk)
    _note(event, invitation, by, now, post, "state", "accepted_at", "accepted_by")
    return invitation


@transaction.atomic
def decline_call(*, invitation_id: int, reason: str, by: User, now: datetime) -> Invitation:
    """The unit says why it does not come. The leader of the street rules; after a ruling it stays as it is."""
    invitation, post = _unit(invitation_id, by, now)
    _must_be_open(invitation.whistle)
    if invitation.ruled_at is not None:
        raise Refusal(_("It has been ruled that this unit comes."))
    clean = _words(reason, "reason", 4, 500, _("Say why your unit cannot come, and who could."))
    invitation.go(UnitMove.DECLINE)
    invitation.declined_at, invitation.declined_by, invitation.reason = now, by, clean
    event = UnitDeclined(whistle_id=invitation.whistle_id, invitation_id=invitation.pk)
    _note(event, invitation, by, now, post, "state", "declined_at", "declined_by", "reason")
    return invitation


@transaction.atomic
def rule_on_refusal(*, invitation_id: int, excused: bool, words: str, by: User, now: datetime) -> Invitation:
    """Excuse a unit that declines, or insist that it comes. Not by who blew, as long as another leader is there."""
    row = Invitation.objects.filter(pk=invitation_id).first()
    if row is None:
        raise NotThere()
    whistle = _whistle(row.whistle_id, by)
    _must_be_open(whistle)
    post = require(by, "whistles.rule", whistle.place_path, now)
    invitation = Invitation.objects.select_for_update(of=("self",)).select_related("place").get(pk=invitation_id)
    invitation.whistle = whistle
    if by.pk == whistle.blown_by_id and _another_leader(whistle, by, now):
        raise Refusal(_("You blew this whistle: another leader rules."), status=403)
    if by.pk == invitation.declined_by_id:
        raise Refusal(_("Nobody rules on their own refusal."), status=403)
    clean = _words(words, "words", 4, 500, _("Say why you rule so; the unit reads it."))
    invitation.go(UnitMove.EXCUSE if excused else UnitMove.INSIST)
    invitation.ruled_at, invitation.ruled_by, invitation.ruling = now, by, clean
    event = RefusalRuled(whistle_id=whistle.pk, invitation_id=invitation.pk, excused=excused)
    _note(event, invitation, by, now, post, "state", "ruled_at", "ruled_by", "ruling")
    return invitation


def _another_leader(whistle: Whistle, by: User, now: datetime) -> bool:
    leaders = Post.objects.current(timezone.localdate(now)).filter(
        role__in=sorted(roles_with("whistles.rule")), place_path__in=ancestors(whistle.place_path), user__is_active=True
    )
    return leaders.exclude(user=by).exists()


@transaction.atomic
def note_arrival(*, invitation_id: int, by: User, now: datetime, at: datetime | None = None) -> Invitation:
    """The unit is there: said by the unit itself, or by the street that waits for it. ``at``: when, if earlier."""
    invitation, post = _unit(invitation_id, by, now, street_too=True)
    _must_be_open(invitation.whistle)
    moment = at or now
    if not invitation.whistle.blown_at <= moment <= now:
        raise Refusal(_("The arrival lies between the call and now."), field="at", status=422)
    invitation.go(UnitMove.ARRIVE)
    invitation.arrived_at, invitation.noted_by = moment, by
    late = invitation.was_late(invitation.whistle.arrive_by)
    event = UnitArrived(whistle_id=invitation.whistle_id, invitation_id=invitation.pk, late=late)
    _note(event, invitation, by, now, post, "state", "arrived_at", "noted_by")
    return invitation


@transaction.atomic
def report_measures(*, invitation_id: int, measures: str, result: str, by: User, now: datetime) -> Invitation:
    """What the unit did, and what came of it."""
    invitation, post = _unit(invitation_id, by, now)
    _must_be_open(invitation.whistle)
    did = _words(measures, "measures", 2, 1000, _("Say what your unit did."))
    came = _words(result, "result", 2, 1000, _("Say what came of it."))
    invitation.go(UnitMove.REPORT)
    invitation.measures, invitation.result = did, came
    invitation.reported_at, invitation.reported_by = now, by
    event = UnitReported(whistle_id=invitation.whistle_id, invitation_id=invitation.pk)
    _note(event, invitation, by, now, post, "state", "measures", "result", "reported_at", "reported_by")
    return invitation


# --- what the street does --------------------------------------------------------------------------


@transaction.atomic
def end_whistle(*, whistle_id: int, result: str, by: User, now: datetime) -> Whistle:
    """The street ends it with the result. Who was expected and did not come is noted as absent."""
    whistle = _whistle(whistle_id, by)
    post = require(by, "whistles.blow", whistle.place_path, now)
    clean = _words(result, "result", 2, 1000, _("Say what came of it."))
    whistle.go(Move.END)
    units = list(Invitation.objects.select_for_update(of=("self",)).filter(whistle=whistle).order_by("pk"))
    if any(one.state == UnitState.DECLINED for one in units):
        raise Refusal(_("A unit declines: first the leader rules on it."))
    _close(whistle, units, UnitMove.MISS, by=by, now=now, post=post)
    whistle.result, whistle.ended_at, whistle.ended_by = clean, now, by
    record(
        WhistleEnded(whistle_id=whistle.pk, case_ids=_case_ids(whistle)),
        about=whistle,
        by=by,
        now=now,
        post=post,
        place=whistle.place_path,
        save=("state", "result", "ended_at", "ended_by"),
    )
    return whistle


@transaction.atomic
def call_off(*, whistle_id: int, reason: str, by: User, now: datetime) -> Whistle:
    """Nobody is needed any more, with the reason. Nobody is absent then."""
    whistle = _whistle(whistle_id, by)
    post = require(by, "whistles.blow", whistle.place_path, now)
    clean = _words(reason, "reason", 4, 1000, _("Say why nobody is needed any more; the units read it."))
    whistle.go(Move.CALL_OFF)
    units = list(Invitation.objects.select_for_update(of=("self",)).filter(whistle=whistle).order_by("pk"))
    _close(whistle, units, UnitMove.RELEASE, by=by, now=now, post=post)
    whistle.result, whistle.ended_at, whistle.ended_by = clean, now, by
    record(
        WhistleCalledOff(whistle_id=whistle.pk, case_ids=_case_ids(whistle)),
        about=whistle,
        by=by,
        now=now,
        post=post,
        place=whistle.place_path,
        save=("state", "result", "ended_at", "ended_by"),
    )
    return whistle


def _close(
    whistle: Whistle, units: Sequence[Invitation], move: UnitMove, *, by: User, now: datetime, post: Post
) -> None:
    kind = UnitMissed if move == UnitMove.MISS else UnitReleased
    for one in units:
        if one.awaited:
            one.whistle = whistle
            one.go(move)
            _note(kind(whistle_id=whistle.pk, invitation_id=one.pk), one, by, now, post, "state")


def _case_ids(whistle: Whistle) -> list[int]:
    return sorted(whistle.whistle_cases.values_list("case_id", flat=True))


@transaction.atomic
def appraise(*, invitation_id: int, mark: str, words: str, by: User, now: datetime) -> Appraisal:
    """After the whistle: the street about the unit, the unit about the street. Each once, in words."""
    row = Invitation.objects.filter(pk=invitation_id).first()
    if row is None:
        raise NotThere()
    whistle = _whistle(row.whistle_id, by)
    if whistle.state != State.ENDED:
        raise Refusal(_("Appraisals are given when the whistle has ended."))
    invitation = Invitation.objects.select_related("place").get(pk=invitation_id)
    if invitation.state not in APPRAISED:
        raise Refusal(_("This unit was not expected."))
    mine = [
        post
        for post in posts_of(by, timezone.localdate(now))
        if (post.role, post.place_id) == (invitation.role, invitation.place_id) and "whistles.answer" in post.verbs
    ]
    street = holding(by, "whistles.blow", whistle.place_path, now)
    if mine:
        side, post = Side.UNIT, mine[0]
    elif street is not None:
        side, post = Side.STREET, street
    else:
        raise Refusal(_("Only the street and the called unit appraise each other."), status=403)
    if mark not in Mark.values:
        raise Refusal(_("Please choose how it was."), field="mark", status=422)
    clean = _words(words, "words", 2, 500, _("Say it in words: what was good, what was missing."))
    if Appraisal.objects.filter(invitation=invitation, side=side).exists():
        raise Refusal(_("This appraisal has already been given."))
    appraisal = Appraisal.objects.create(invitation=invitation, side=side, mark=mark, words=clean, at=now, by=by)
    record(
        AppraisalGiven(whistle_id=whistle.pk, invitation_id=invitation.pk, appraisal_id=appraisal.pk, side=side.value),
        about=appraisal,
        by=by,
        now=now,
        post=post,
        place=whistle.place_path,
    )
    return appraisal


# --- what the clock does ---------------------------------------------------------------------------


def remind_late(*, now: datetime, by: User | None = None) -> int:
    """Remind every unit that should have been there, once. Returns how many. By the clock, never by a person."""
    reminded = 0
    for pk in list(Invitation.objects.late(now).filter(reminded_at__isnull=True).values_list("pk", flat=True)[:500]):
        with transaction.atomic():
            row = Invitation.objects.select_for_update(of=("self",)).select_related("whistle").get(pk=pk)
            if row.reminded_at is not None or not row.is_late(now):
                continue
            row.reminded_at = now
            _note(UnitReminded(whistle_id=row.whistle_id, invitation_id=row.pk), row, by, now, None, "reminded_at")
            reminded += 1
    return reminded
