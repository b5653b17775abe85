"""The register of capable people, calls to them, and the claims of groups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from gongzhi.act.callups.events import (
    CallAnswered,
    CalledUp,
    CallEnded,
    CallListed,
    CapableEntered,
    CapableLeft,
    ClaimEnded,
    GroupJoined,
    GroupLeft,
    PieceClaimed,
)
from gongzhi.act.callups.models import Answer, Called, CallUp, Capable, Claim, Group, Skill, Way
from gongzhi.act.directives.models import OWED, Assignment
from gongzhi.ground.access.actions import require
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record, record_many
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.working import Module, require_module

VERB: Final = "callups.keep"
MOST_CALLED: Final = 200


@transaction.atomic
def enter_capable(
    *, place: Place, name: str, phone: str, skills: Sequence[str], consent: str, by: User, now: datetime
) -> Capable:
    """Enter somebody who agreed to be called. Without their word or signature nobody is entered."""
    post = require(by, VERB, place.path, now)
    require_module(Module.CAPABLE_PEOPLE, place.path, now)
    name, phone = _words(name, "name", 1, 40), _words(phone, "phone", 5, 30)
    if not all(character in "0123456789+- ()" for character in phone):
        raise Refusal(_("A telephone number has digits only."), field="phone", status=422)
    chosen = [code for code in Skill.values if code in skills]
    if not chosen or len(chosen) != len(set(skills)):
        raise Refusal(_("Choose at least one of the skills."), field="skills", status=422)
    if consent not in Way.values:
        raise Refusal(_("Say how the person agreed to be called."), field="consent", status=422)
    row = Capable.objects.create(
        place=place, place_path=place.path, name=name, phone=phone, skills=chosen, consent=consent,
        entered_at=now, entered_by=by,
    )  # fmt: skip
    event = CapableEntered(capable_id=row.pk, skills=chosen)
    record(event, about=row, by=by, now=now, post=post, place=place.path)
    return row


@transaction.atomic
def leave_register(*, capable_id: int, by: User, now: datetime) -> None:
    """The person no longer wants to be called. Name and number go at once; that somebody was there stays."""
    row = Capable.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=capable_id).first()
    if row is None:
        raise NotThere
    post = require(by, VERB, row.place_path, now)
    if row.left_at is not None:
        raise Refusal(_("This person has left the register already."))
    row.left_at, row.name, row.phone = now, "", ""
    saved = ("left_at", "name", "phone")
    record(CapableLeft(capable_id=row.pk), about=row, by=by, now=now, post=post, place=row.place_path, save=saved)


@transaction.atomic
def call_up(*, place: Place, skill: str, words: str, by: User, now: datetime) -> CallUp:
    """Make the list of everybody here who can do this, to be telephoned one after the other."""
    post = require(by, VERB, place.path, now)
    require_module(Module.CAPABLE_PEOPLE, place.path, now)
    if skill not in Skill.values:
        raise Refusal(_("Choose one of the skills."), field="skill", status=422)
    words = _words(words, "words", 4, 200)
    able = [one for one in Capable.objects.standing().filter(place=place).order_by("pk") if skill in one.skills]
    if not able:
        raise Refusal(_("Nobody in the register can do this yet."), field="skill", status=422)
    able = able[:MOST_CALLED]
    call = CallUp.objects.create(
        place=place, place_path=place.path, skill=skill, words=words, called_at=now, called_by=by
    )
    event = CalledUp(call_up_id=call.pk, skill=skill, people=len(able))
    record(event, about=call, by=by, now=now, post=post, place=place.path)
    listed = Called.objects.bulk_create([Called(call_up=call, capable=one) for one in able])
    record_many(
        [(CallListed(call_up_id=call.pk, called_id=one.pk), one) for one in listed],
        by=by, now=now, post=post, place=lambda _row: place.path,
    )  # fmt: skip
    return call


@transaction.atomic
def note_answer(*, called_id: int, answer: str, by: User, now: datetime) -> Called:
    """What the person said on the telephone. May be noted anew: who could not come may come after all."""
    mine = CallUp.objects.visible_to(by)
    row = Called.objects.select_for_update(of=("self",)).select_related("call_up").filter(
        pk=called_id, call_up__in=mine
    ).first()  # fmt: skip
    if row is None:
        raise NotThere
    call = row.call_up
    post = require(by, VERB, call.place_path, now)
    if call.ended_at is not None:
        raise Refusal(_("This call has ended."))
    if answer not in (Answer.COMES, Answer.CANNOT, Answer.UNREACHED):
        raise Refusal(_("Say whether the person comes."), field="answer", status=422)
    row.answer, row.answered_at = answer, now
    event = CallAnswered(call_up_id=call.pk, called_id=row.pk, answer=answer)
    saved = ("answer", "answered_at")
    record(event, about=row, by=by, now=now, post=post, place=call.place_path, save=saved)
    return row


@transaction.atomic
def end_call(*, call_up_id: int, by: User, now: datetime) -> None:
    call = CallUp.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=call_up_id).first()
    if call is None:
        raise NotThere
    post = require(by, VERB, call.place_path, now)
    if call.ended_at is not None:
        raise Refusal(_("This call has ended."))
    call.ended_at = now
    came = call.called.filter(answer=Answer.COMES).count()
    event = CallEnded(call_up_id=call.pk, came=came)
    record(event, about=call, by=by, now=now, post=post, place=call.place_path, save=("ended_at",))


@transaction.atomic
def join_alliance(*, place: Place, name: str, kind: str, by: User, now: datetime) -> Group:
    """Enter a group that takes part here."""
    post = require(by, VERB, place.path, now)
    require_module(Module.ALLIANCES, place.path, now)
    name = _words(name, "name", 2, 60)
    if kind not in Group.Kind.values:
        raise Refusal(_("Choose what kind of group it is."), field="kind", status=422)
    try:
        with transaction.atomic():
            row = Group.objects.create(place=place, place_path=place.path, kind=kind, name=name, joined_at=now)
    except IntegrityError:
        raise Refusal(_("A group of this name is there already."), field="name", status=409) from None
    record(GroupJoined(group_id=row.pk, kind=kind), about=row, by=by, now=now, post=post, place=place.path)
    return row


@transaction.atomic
def leave_alliance(*, group_id: int, by: User, now: datetime) -> None:
    row = Group.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=group_id).first()
    if row is None:
        raise NotThere
    post = require(by, VERB, row.place_path, now)
    if row.left_at is not None:
        raise Refusal(_("This group has left already."))
    if row.claims.filter(state=Claim.State.CLAIMED).exists():
        raise Refusal(_("The group still has a piece: end that claim first."))
    row.left_at = now
    record(GroupLeft(group_id=row.pk), about=row, by=by, now=now, post=post, place=row.place_path, save=("left_at",))


@transaction.atomic
def claim_piece(*, assignment_id: int, group_id: int, part: str, by: User, now: datetime) -> Claim:
    """A group takes a piece of what the community has been given. Several groups may take pieces of one assignment."""
    piece = Assignment.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=assignment_id).first()
    group = Group.objects.visible_to(by).standing().filter(pk=group_id).first()
    if piece is None or group is None or group.place_id != piece.place_id:
        raise NotThere
    post = require(by, VERB, piece.place_path, now)
    require_module(Module.CLAIMS, piece.place_path, now)
    if piece.state not in OWED:
        raise Refusal(_("This assignment no longer waits for work."))
    part = _words(part, "part", 2, 200)
    claim = Claim.objects.create(
        assignment=piece, group=group, place_path=piece.place_path, part=part, claimed_at=now, noted_by=by
    )
    event = PieceClaimed(claim_id=claim.pk, assignment_id=piece.pk, group_id=group.pk)
    record(event, about=claim, by=by, now=now, post=post, place=piece.place_path)
    return claim


@transaction.atomic
def end_claim(*, claim_id: int, state: str, words: str, by: User, now: datetime) -> Claim:
    """The group has done its piece, or gives it back."""
    claim = Claim.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=claim_id).first()
    if claim is None:
        raise NotThere
    post = require(by, VERB, claim.place_path, now)
    if claim.state != Claim.State.CLAIMED:
        raise Refusal(_("This claim has ended."))
    if state not in (Claim.State.DONE, Claim.State.GIVEN_BACK):
        raise Refusal(_("It is done, or it is given back."), field="state", status=422)
    claim.words = _words(words, "words", 2, 500)
    claim.state, claim.ended_at = state, now
    saved = ("words", "state", "ended_at")
    event = ClaimEnded(claim_id=claim.pk, state=state)
    record(event, about=claim, by=by, now=now, post=post, place=claim.place_path, save=saved)
    return claim


def _words(text: str, name: str, least: int, most: int) -> str:
    text = " ".join(text.split())
    if len(text) < least:
        raise Refusal(_("Please fill this in."), field=name, status=422)
    if len(text) > most:
        raise Refusal(_("At most %(most)d characters, please.") % {"most": most}, field=name, status=422)
    if not text.isprintable():
        raise Refusal(_("This has characters that cannot be read."), field=name, status=422)
    return text
