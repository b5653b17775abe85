"""Several voices behind one case: finding the case that speaks for a voice now, and joining one."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from gongzhi.ground.ledger.actions import record
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.events import VoiceJoined
from gongzhi.understand.cases.models import MOVES, Case, Move, Voice
from gongzhi.understand.cases.tree import category_by_id, lineage

# While a matter is being handled others may join it. One that is being checked, or has ended, is not theirs: it would
# be closed over their heads.
JOINABLE = MOVES[Move.MERGE][0]


def root_of(case: Case) -> Case:
    """The case that handles the matter now: the case itself, or what it was merged into, however often."""
    while case.merged_into is not None:
        case = case.merged_into
    return case


def is_private(case: Case) -> bool:
    """Whether the matter lies between people: its category, or one above it, says so."""
    node = category_by_id(case.category_id)
    return node is not None and any(one.private for one in lineage(node))


def case_of(message: Message) -> Case:
    """The case that a message speaks about now, locked. A merge may move the voice while the lock is waited for."""
    for _attempt in range(20):
        where = Voice.objects.filter(message=message).values_list("case_id", flat=True).first()
        if where is None:
            raise NotThere()
        case = Case.objects.select_for_update(of=("self",)).get(pk=where)
        if Voice.objects.filter(message=message, case=case).exists():
            return case
    raise Refusal(_("Somebody else changed this a moment ago. Please look at it again."))


def joinable_case(number: str, *, by_staff: bool) -> Case | None:
    """The case that a new voice naming this number belongs to, locked; None when it has to be a case of its own.

    Residents do not join what lies between other people; staff who write down another caller may.
    """
    found = Case.objects.filter(number=number).first()
    for _attempt in range(20):
        if found is None:
            return None
        case = Case.objects.select_for_update(of=("self",)).get(pk=root_of(found).pk)
        if case.merged_into_id is None:
            ready = case.state in JOINABLE and (by_staff or not is_private(case))
            return case if ready else None
        found = case
    return None


def join(case: Case, message: Message, *, now: datetime) -> Voice:
    """One more voice behind a case that the caller has locked."""
    voice = Voice.objects.create(case=case, first_case=case, message=message, joined_at=now)
    case.voice_count = Voice.objects.filter(case=case).speaking().count()
    record(
        VoiceJoined(case_id=case.pk, message_id=message.pk),
        about=case,
        by=message.entered_by,
        now=now,
        place=case.place_path,
        save=("voice_count",),
    )
    return voice
