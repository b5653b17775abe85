"""Who is asked about a check, what they have answered, and who is still to be called.

Always read anew: voices are merged and unmerged while a check waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from gongzhi.ground.access.reach import posts_with, reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.rules.actions import rule
from gongzhi.sense.channels.models import AnswerBy, Message
from gongzhi.verify.checks.models import WAITING, Answer, Call, Check, State

ASKED_IN_WRITING = (AnswerBy.LINK, AnswerBy.SMS, AnswerBy.EMAIL)
HAS_PHONE = Q(reporter_phone_index__isnull=False)


@dataclass
class Reporter:
    """One voice of the case that is being checked."""

    message: Message
    answer: Answer | None = None
    calls: int = 0  # that reached nobody
    again_at: datetime | None = None
    asked: bool = False  # somebody whose answer is waited for
    given_up: bool = False  # called as often as the rules want

    @property
    def waited_for(self) -> bool:
        return self.asked and self.answer is None and not self.given_up

    @property
    def has_phone(self) -> bool:
        return self.message.reporter_phone_index is not None


@dataclass
class Reporters:
    """All voices of a check's case, as they are now."""

    everybody: list[Reporter] = field(default_factory=list)

    @property
    def answers(self) -> list[Answer]:
        return [one.answer for one in self.everybody if one.answer is not None]

    @property
    def several(self) -> bool:
        return len(self.everybody) > 1

    @property
    def anybody_not_helped(self) -> bool:
        return any(not answer.helped for answer in self.answers)

    @property
    def anybody_helped(self) -> bool:
        return any(answer.helped for answer in self.answers)

    @property
    def anybody_waited_for(self) -> bool:
        return any(one.waited_for for one in self.everybody)

    def of(self, message_id: int) -> Reporter | None:
        return next((one for one in self.everybody if one.message.pk == message_id), None)

    def to_call(self) -> list[Reporter]:
        return [one for one in self.everybody if one.has_phone and one.answer is None]


def calls_needed(path: str, now: datetime) -> int:
    """How many calls without an answer make somebody unreachable."""
    return int(rule("checks.call_attempts", path=path, on=timezone.localdate(now)))


def is_asked(message: Message, worker_id: int) -> bool:
    """Whether the house waits for this reporter's answer. A link in the worker's own hands asks nobody."""
    if message.answer_by == AnswerBy.PHONE:
        return message.reporter_phone_index is not None
    return message.answer_by in ASKED_IN_WRITING and message.entered_by_id != worker_id


def reporters_of(check: Check, now: datetime) -> Reporters:
    """Everybody who stands behind the case now, with what they have answered in this check."""
    answers = {answer.message_id: answer for answer in Answer.objects.filter(about=check)}
    calls: dict[int, Any] = {
        row["message_id"]: row
        for row in Call.objects.filter(about=check)
        .values("message_id")
        .annotate(made=Count("pk"), again=Max("again_at"))
        .order_by()
    }
    needed = calls_needed(check.place_path, now)
    found = Reporters()
    for message in Message.objects.filter(voice__case_id=check.case_id, voice__withdrawn_at=None).order_by("voice__id"):
        row = calls.get(message.pk, {"made": 0, "again": None})
        found.everybody.append(
            Reporter(
                message=message,
                answer=answers.get(message.pk),
                calls=row["made"],
                again_at=row["again"],
                asked=is_asked(message, check.worker_id),
                given_up=row["made"] >= needed,
            )
        )
    return found


def call_queue(person: User, *, now: datetime, later: bool = False) -> QuerySet[Check, Any]:
    """Reporters whom this person may call, the most urgent first.

    Those who asked for a call, at once; everybody else with a number once the check lies at the desk. Nobody is called
    who has answered, nobody by the one who did the work. ``later``: those instead for whom a later time was set.
    """
    called = Call.objects.filter(about=OuterRef("pk"), message=OuterRef("message_id")).order_by()
    found = (
        Check.objects.filter(reach(person, "checks.check"), state__in=WAITING)
        .exclude(worker_id=person.pk)
        .filter(
            Q(state=State.AT_DESK) | Q(case__voices__message__answer_by=AnswerBy.PHONE),
            case__voices__message__reporter_phone_index__isnull=False,
            case__voices__withdrawn_at__isnull=True,
        )
        .annotate(message_id=F("case__voices__message_id"))
        .filter(~Exists(Answer.objects.filter(about=OuterRef("pk"), message=OuterRef("message_id"))))
        .annotate(
            made=Coalesce(
                Subquery(called.values("about").annotate(made=Count("pk")).values("made")),
                0,
            ),
            again=Subquery(called.values("about").annotate(again=Max("again_at")).values("again")),
        )
    )
    for post in _own_work(person):
        found = found.exclude(worker_role=post[0], worker_place_id=post[1])
    if later:
        found = found.filter(again__gt=now).order_by("again", "pk", "message_id")
    else:
        found = found.filter(Q(again__isnull=True) | Q(again__lte=now))
        found = found.order_by(F("due_at").asc(nulls_last=True), "pk", "message_id")
    return found.values(
        "pk",
        "case_id",
        "message_id",
        "made",
        "again",
        "state",
        "due_at",
        "answer_until",
        "said",
        "case__number",
        "case__summary",
        "case__voice_count",
        "case__place__name",
        "task__role",
        "task__place__name",
    )


def _own_work(person: User) -> list[tuple[str, int]]:
    """Positions whose work this person may not check: those through which alone they reach a check."""
    held = posts_with(person, "checks.check")
    return [(post.role, post.place_id) for post in held] if len(held) == 1 else []
