"""Talking with the reporters of a case: the first contact within its time, replies, and what they write back."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.actions import speaking_post
from gongzhi.understand.cases.events import ReplyWritten, ReporterContacted, ReporterWrote
from gongzhi.understand.cases.models import Case, Reply, State, Voice
from gongzhi.understand.cases.voices import case_of

MOST: Final = 20  # letters of one reporter about one case
LONGEST: Final = 1000


def _clean(text: str) -> str:
    clean = text.replace("\x00", "").strip()
    if len(clean) < 2:
        raise Refusal(_("Please write a few words."), field="text", status=422)
    if len(clean) > LONGEST:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": LONGEST}, field="text", status=422)
    return clean


@transaction.atomic
def contact_reporter(*, case_id: int, way: str, text: str, by: User, now: datetime) -> Reply:
    """Somebody who works on the case has spoken with the reporter, or writes on the follow page of everybody behind it.

    The first contact ends the clock of the first contact. What was said by telephone or in person only staff read.
    """
    case = Case.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=case_id).first()
    if case is None:
        raise NotThere()
    post = speaking_post(case, by, now)
    if case.state in (State.WITHDRAWN, State.MERGED):
        raise Refusal(_("Nobody waits for an answer about this case any more."))
    if way not in (Reply.Way.PAGE, Reply.Way.PHONE, Reply.Way.VISIT):
        raise Refusal(_("Say how you reached them."), field="way", status=422)
    reply = Reply.objects.create(case=case, way=way, text=_clean(text), by=by, post=post, at=now)
    record(
        ReplyWritten(case_id=case.pk, reply_id=reply.pk, way=way),
        about=reply,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
    )
    if case.contacted_at is None:
        case.contacted_at = now
        record(
            ReporterContacted(case_id=case.pk, way=way),
            about=case,
            by=by,
            now=now,
            post=post,
            place=case.place_path,
            save=("contacted_at",),
        )
    return reply


@transaction.atomic
def write_back(*, message: Message, text: str, now: datetime) -> Reply:
    """The reporter adds something, by link. The link has been checked at the door."""
    case = case_of(message)
    if not case.is_open:
        raise Refusal(_("This matter has ended. If it is back, reopen it or report it anew."))
    return write_down(case, message, text, now=now)


def write_down(case: Case, message: Message, text: str, *, now: datetime) -> Reply:
    """Keep what a reporter wrote about their case (which is locked)."""
    if Voice.objects.filter(message=message, withdrawn_at__isnull=False).exists():
        raise Refusal(_("You have withdrawn your report. Please report it anew."))
    if Reply.objects.filter(message=message, way=Reply.Way.WROTE).count() >= MOST:
        raise Refusal(_("You have written %(count)d times. Please telephone us.") % {"count": MOST}, status=429)
    reply = Reply.objects.create(case=case, message=message, way=Reply.Way.WROTE, text=_clean(text), at=now)
    record(ReporterWrote(case_id=case.pk, reply_id=reply.pk), about=reply, by=None, now=now, place=case.place_path)
    return reply
