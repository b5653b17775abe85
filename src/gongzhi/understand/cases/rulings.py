"""Questions about a case that a higher post answers: whose it is, whether it is referred, whether it counts.

Who asked never rules; after an objection nor do those who asked for the referral or agreed to it. The words of the
ruling are kept with it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.actions import StaleEdit, give, held, must_be_ready, reopen
from gongzhi.understand.cases.asides import WHOSE, ask, drop_rulings, drop_slips, let_go, objected_to
from gongzhi.understand.cases.contact import write_down
from gongzhi.understand.cases.events import CaseExcluded, CaseReferred, RulingMade
from gongzhi.understand.cases.models import Case, Move, Ruling, State
from gongzhi.understand.cases.voices import case_of

SHORTEST, LONGEST = 2, 500


def clean_words(words: str, field: str, *, empty: str) -> str:
    """What somebody wrote, fit to be kept; Refusal when it says nothing or too much."""
    clean = words.replace("\x00", "").strip()
    if len(clean) < SHORTEST:
        raise Refusal(empty, field=field, status=422)
    if len(clean) > LONGEST:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": LONGEST}, field=field, status=422)
    return clean


def _at_the_desk(case_id: int, by: User, now: datetime, version: int | None) -> tuple[Case, Post]:
    case = Case.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=case_id).first()
    if case is None:
        raise NotThere()
    post = require(by, "cases.assign", case.place_path, now)
    if version is not None and version != case.version:
        raise StaleEdit(case, version)
    return case, post


@transaction.atomic
def propose_referral(
    *, case_id: int, referral: str, reason: str, by: User, now: datetime, version: int | None = None
) -> Ruling:
    """Propose that the case is not dispatched but referred: one of the six kinds, explained to the reporter.

    Nothing happens until somebody else, who may rule, agrees. ``reason`` is what the reporter will read.
    """
    case, post = _at_the_desk(case_id, by, now, version)
    case.must_allow(Move.REFER)
    if referral not in Case.Referral.values:
        raise Refusal(_("Choose one of the six kinds."), field="referral", status=422)
    clean = clean_words(reason, "reason", empty=_("Explain it: the reporter reads this."))
    ruling = ask(case, Ruling.Kind.REFERRAL, now=now, by=by, asker=by, post=post, reason=clean, referral=referral)
    return _asked(ruling)


@transaction.atomic
def propose_exclusion(*, case_id: int, reason: str, by: User, now: datetime, version: int | None = None) -> Ruling:
    """Propose that the case, being beyond anybody's duty, does not count in the three rates. Also after its end."""
    case, post = _at_the_desk(case_id, by, now, version)
    if case.state in (State.MERGED, State.WITHDRAWN):
        raise Refusal(_("A case that was withdrawn or merged does not count anyway."))
    if case.excluded_at is not None:
        raise Refusal(_("This case already does not count."))
    clean = clean_words(reason, "reason", empty=_("Say why nobody here can be held to it."))
    ruling = ask(case, Ruling.Kind.BEYOND_DUTY, now=now, by=by, asker=by, post=post, reason=clean)
    return _asked(ruling)


def _asked(ruling: Ruling | None) -> Ruling:
    if ruling is None:
        raise Refusal(_("Nobody else here may rule on this: somebody has to be given a post that does."))
    return ruling


def _ruling(ruling_id: int, by: User, now: datetime) -> tuple[Ruling, Case, Post]:
    """Question and case, locked (the case first, as everywhere), and the post that may answer."""
    found = Ruling.objects.visible_to(by).filter(pk=ruling_id).first()
    if found is None:
        raise NotThere()
    case = Case.objects.select_for_update(of=("self",)).get(pk=found.case_id)
    ruling = Ruling.objects.select_for_update(of=("self",)).get(pk=found.pk)
    require(by, "cases.rule", ruling.place_path, now)
    if by.pk == ruling.asked_by_id:
        raise Refusal(_("You asked this yourself, so somebody else rules."), status=403)
    if by.pk in objected_to(case, ruling.kind):
        raise Refusal(
            _("The reporter objected to a referral that you asked for or agreed to, so somebody else rules."),
            status=403,
        )
    seat = (ruling.asked_role, ruling.asked_place_id) if ruling.kind == Ruling.Kind.NOT_OURS else None
    able = [
        post
        for post in posts_with(by, "cases.rule", timezone.localdate(now))
        if ruling.place_path.startswith(post.place_path) and (post.role, post.place_id) != seat
    ]
    if not able:
        raise Refusal(_("Your post sent it back itself, so another post rules."), status=403)
    if ruling.state != Ruling.State.OPEN:
        raise Refusal(_("This has already been ruled on."))
    return ruling, case, able[0]


@transaction.atomic
def decide(
    *,
    ruling_id: int,
    words: str,
    by: User,
    now: datetime,
    agreed: bool = True,
    role: str = "",
    place_id: int | None = None,
) -> Ruling:
    """Answer a question, with reasons. Whose it is: name who leads (``role``, ``place_id``); else agree or not.

    Naming the post that sent it back means: it is theirs after all. What was ruled cannot be sent back again.
    """
    ruling, case, post = _ruling(ruling_id, by, now)
    clean = clean_words(words, "words", empty=_("Give the reasons: those concerned read them."))
    if ruling.kind in WHOSE:
        must_be_ready(case)
        if not role or place_id is None:
            raise Refusal(_("Say who leads."), field="position", status=422)
        position = held(role, place_id, timezone.localdate(now))
        agreed = (role, place_id) != (ruling.asked_role, ruling.asked_place_id)
        _answer(ruling, agreed, clean, case=case, by=by, post=post, now=now)
        drop_rulings(case, now, kinds=(*WHOSE, Ruling.Kind.REFERRAL))
        give(case, position, by=by, now=now, post=post, ruled=True)
    elif ruling.kind == Ruling.Kind.REFERRAL:
        _answer(ruling, agreed, clean, case=case, by=by, post=post, now=now)
        if agreed:
            _refer(case, ruling, by=by, post=post, now=now)
    else:
        _answer(ruling, agreed, clean, case=case, by=by, post=post, now=now)
        if agreed:
            case.excluded_at = now
            record(
                CaseExcluded(case_id=case.pk),
                about=case,
                by=by,
                now=now,
                post=post,
                place=case.place_path,
                save=("excluded_at",),
            )
    return ruling


def _answer(ruling: Ruling, agreed: bool, words: str, *, case: Case, by: User, post: Post, now: datetime) -> None:
    ruling.state = Ruling.State.AGREED if agreed else Ruling.State.REFUSED
    ruling.words, ruling.decided_at, ruling.decided_by = words, now, by
    record(
        RulingMade(case_id=case.pk, ruling_id=ruling.pk, kind=ruling.kind, agreed=agreed),
        about=ruling,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("state", "words", "decided_at", "decided_by"),
    )
    drop_slips(case, now, Q(ruling=ruling))


def _refer(case: Case, ruling: Ruling, *, by: User, post: Post, now: datetime) -> None:
    case.go(Move.REFER)
    case.referral, case.outcome = ruling.referral, ruling.reason[:500]
    case.closed_at, case.closed_as, case.escalate_at = now, Case.ClosedAs.REFERRED, None
    record(
        CaseReferred(case_id=case.pk, referral=case.referral),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("state", "referral", "outcome", "closed_at", "closed_as", "escalate_at"),
    )
    let_go(case, now)


def objection_until(case: Case) -> datetime | None:
    """Until when the reporters may object to a referral; None when there is nothing to object to."""
    if case.state != State.REFERRED or case.closed_at is None:
        return None
    days = int(rule("cases.objection_days", path=case.place_path, on=timezone.localdate(case.closed_at)))
    last = timezone.localtime(case.closed_at) + timedelta(days=days)
    return last.replace(hour=23, minute=59, second=59, microsecond=0)


@transaction.atomic
def object_to_referral(*, message: Message, words: str, now: datetime) -> Case:
    """The reporter does not accept a referral, and says why: the desk takes the case up again."""
    case = case_of(message)
    until = objection_until(case)
    if until is None:
        raise Refusal(_("There is nothing to object to."))
    if now > until:
        raise Refusal(_("The time to object is over. Please report it anew."))
    write_down(case, message, words, now=now)
    reopen(case, by=None, now=now, post=None)
    return case
