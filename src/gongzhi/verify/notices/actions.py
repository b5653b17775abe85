"""Writing down who is to be told, and hearing what reporters send back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from gongzhi.ground.filling import among
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy.fields import blind
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.events import CaseAssigned
from gongzhi.understand.cases.models import Case
from gongzhi.understand.themes.models import ThemeCase
from gongzhi.verify.checks.actions import answer_by_link
from gongzhi.verify.checks.models import WAITING, Check, Method
from gongzhi.verify.notices import carriers
from gongzhi.verify.notices.events import NoticesStopped
from gongzhi.verify.notices.models import WRITTEN_TO, Kind, Notice, State, Stop, Way, Why
from gongzhi.verify.notices.sending import next_sending_time, send_soon

# Which step each event is. What is not here is told to nobody.
KINDS: Final[dict[str, Kind]] = {
    "channels.MessageReceived": Kind.RECEIVED,
    "cases.CaseAssigned": Kind.ASSIGNED,
    "cases.CasePaused": Kind.PAUSED,
    "cases.CaseResumed": Kind.RESUMED,
    "cases.DeadlineExtended": Kind.EXTENDED,
    "cases.VoicesCame": Kind.JOINED,
    "cases.VoiceJoined": Kind.JOINED,
    "cases.CasesUnmerged": Kind.SEPARATED,
    "cases.CaseClosed": Kind.CLOSED,
    "cases.CaseReopened": Kind.REOPENED,
    "cases.CaseReferred": Kind.REFERRED,
    "cases.CaseExcluded": Kind.EXCLUDED,
    "themes.ThemeAnswered": Kind.REPLIED,
    "checks.CheckAsked": Kind.ASKED,
}


def tell_reporters(event: Any, *, entry: Entry, now: datetime) -> None:
    """Everybody behind the case is told the step, each in their way (reaction)."""
    if write_notices(event, entry=entry, now=now):
        transaction.on_commit(send_soon.enqueue)


def tell_of_assigned(events: Sequence[CaseAssigned], *, entries: Sequence[Entry], now: datetime) -> None:
    """Everybody behind these cases is told who has it now (reaction to CaseAssigned, many at once)."""
    steps: dict[int, list[Entry]] = {}
    for event, entry in zip(events, entries, strict=True):
        steps.setdefault(event.case_id, []).append(entry)
    rows = [
        _notice(message, entry, Kind.ASSIGNED, now)
        for message in _written_to(Q(among("voice__case_id", steps)))
        for entry in steps[message.voice.case_id]
    ]
    if _keep(rows):
        transaction.on_commit(send_soon.enqueue)


def write_notices(event: Any, *, entry: Entry, now: datetime, kind: Kind | None = None) -> int:
    """Note whom this step has to be told (part of a reaction). Returns how many notices wait to be sent.

    The same step again adds nothing.
    """
    kind = kind or KINDS[entry.event]
    return _keep([_notice(message, entry, kind, now) for message in _written_to(_whom(event, entry))])


def _written_to(whom: Q) -> QuerySet[Message]:
    return Message.objects.filter(whom, answer_by__in=WRITTEN_TO, stop__isnull=True).select_related("voice__case")


def _keep(rows: Sequence[Notice]) -> int:
    Notice.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    return sum(row.state == State.QUEUED for row in rows)


def _whom(event: Any, entry: Entry) -> Q:
    if entry.event in ("channels.MessageReceived", "cases.VoiceJoined"):
        return Q(pk=event.message_id)
    if entry.event == "cases.VoicesCame":  # those who came, not those who were there
        source = event.from_case_id
        return Q(voice__case_id=event.case_id) & (
            Q(voice__first_case_id=source) | Q(voice__first_case__merged_into_id=source)
        )
    if entry.event == "themes.ThemeAnswered":
        behind = ThemeCase.objects.filter(theme_id=event.theme_id)
        return Q(voice__case_id__in=behind.values("case_id"))
    return Q(voice__case_id=event.case_id)


def _notice(message: Message, entry: Entry, kind: Kind, now: datetime) -> Notice:
    way = Way(message.answer_by)
    notice = Notice(message=message, entry_id=entry.pk, kind=kind, way=way, created_at=now, due_at=now)
    if not carriers.is_open(way):
        notice.state, notice.why = State.SKIPPED, Why.NOT_SET_UP
    elif way == Way.SMS and not _is_danger(message):
        notice.due_at = next_sending_time(now, message.place_path)
    return notice


def _is_danger(message: Message) -> bool:
    voice = getattr(message, "voice", None)
    return voice is not None and voice.case.urgency == Case.Urgency.DANGER


# --- what reporters send back ----------------------------------------------------------------------


@transaction.atomic
def stop_notices(*, message: Message, now: datetime) -> Stop:
    """The reporter wants no more messages about this report. Said twice is said once."""
    known = Stop.objects.filter(message=message).first()
    if known is not None:
        return known
    stop = Stop.objects.create(message=message, at=now)
    Notice.objects.filter(message=message, state=State.QUEUED).update(state=State.SKIPPED, why=Why.STOPPED)
    record(NoticesStopped(message_id=message.pk), about=stop, by=None, now=now, place=message.place_path)
    return stop


_ANSWER = re.compile(r"([12])\s*([123])?(?!\d)\s*(.*)", re.DOTALL)
_STOP = {"0", "t", "td", "stop", "退订", "退"}
_SATISFIED = {"1": "satisfied", "2": "partly", "3": "not", None: ""}


def hear_text(*, number: str, text: str, now: datetime) -> str:
    """A text message came in: an answer whether it helped, or "no more". Says in a word what was understood.

    The number belongs to the reporter whose newest open question was sent to it.
    """
    clean = unicodedata.normalize("NFKC", text).replace("\x00", "").strip()
    found = Message.objects.filter(reporter_phone_index=blind("channels.Message.reporter_phone", number))
    if clean.casefold() in _STOP:
        stopped = list(found.filter(answer_by=Way.SMS, stop__isnull=True))
        for message in stopped:
            stop_notices(message=message, now=now)
        return "stopped" if stopped else "unknown"
    answer = _ANSWER.fullmatch(clean)
    if answer is None:
        return "not_understood"
    check = (
        Check.objects.filter(state__in=WAITING, case__voices__message__in=found.filter(answer_by__in=WRITTEN_TO))
        .exclude(answers__message__in=found)
        .order_by("-asked_at", "-pk")
        .first()
    )
    told = found.filter(voice__case_id=check.case_id).order_by("-pk").first() if check is not None else None
    if told is None:
        return "unknown"
    try:
        answer_by_link(
            message=told,
            helped=answer[1] == "1",
            satisfied=_SATISFIED[answer[2]],
            words=answer[3],
            method=Method.SMS,
            now=now,
        )
    except Refusal:
        return "unknown"
    return "answered"
