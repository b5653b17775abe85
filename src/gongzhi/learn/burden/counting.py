"""Counting one week from the rows themselves, with aggregates only: what every total must agree with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, F, Sum
from django.utils import timezone

from gongzhi.act.directives.events import PieceGiven
from gongzhi.act.directives.models import Assignment, Question, Report, Round, Step
from gongzhi.act.tasks.models import Task
from gongzhi.ground.ledger.models import Entry
from gongzhi.understand.cases.models import Slip

Position = tuple[str, int]  # role, place id


@dataclass(frozen=True)
class Span:
    """A week in the time of this installation, from Monday until (not including) the next one."""

    starts: datetime
    ends: datetime

    def within(self, field: str) -> dict[str, datetime]:
        return {f"{field}__gte": self.starts, f"{field}__lt": self.ends}


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def span_of(week: date) -> Span:
    zone = timezone.get_default_timezone()
    return Span(
        datetime.combine(week, time(), zone),
        datetime.combine(week + timedelta(days=7), time(), zone),
    )


@dataclass
class Load:
    """The totals of one position."""

    pieces: int = 0
    forms: int = 0
    minutes: int = 0
    asked_minutes: int = 0
    messages: int = 0


@dataclass
class Asked:
    """The totals of one sender."""

    directives: int = 0
    reports: int = 0
    places: int = 0
    pieces: int = 0
    minutes: int = 0


@dataclass
class Counted:
    loads: dict[Position, Load] = field(default_factory=dict)

    def of(self, role: str, place_id: int) -> Load:
        return self.loads.setdefault((role, place_id), Load())


def received(week: date) -> tuple[Any, Any]:
    """The pieces of directives that came to posts in this week: those of a round, and those that were passed down.

    A part that an office splits off for itself is no second piece of work.
    """
    span = span_of(week)
    given = Entry.objects.filter(event=PieceGiven.name, noun=Assignment.noun(), **span.within("at"))
    return (
        Assignment.objects.filter(parent__isnull=True, **span.within("round__sent_at")),
        Assignment.objects.filter(parent__isnull=False, pk__in=given.values("object_id")).exclude(
            place_id=F("parent__place_id"), role=F("parent__role")
        ),
    )


def loads_of(week: date) -> dict[Position, Load]:
    """What was asked of each position in this week."""
    counted, span = Counted(), span_of(week)
    for rows in received(week):
        for row in _grouped(rows, "role", "place_id", count=Count("pk"), asked=Sum("directive__minutes")):
            load = counted.of(row["role"], row["place_id"])
            load.pieces += row["count"]
            load.forms += row["count"]
            load.asked_minutes += row["asked"] or 0
    for row in _grouped(Task.objects.filter(**span.within("opened_at")), "role", "place_id", count=Count("pk")):
        counted.of(row["role"], row["place_id"]).pieces += row["count"]
    reports = Report.objects.filter(counted=True, minutes__gt=0, **span.within("at"))
    names = {"role": F("assignment__role"), "place": F("assignment__place_id")}
    for row in _named(reports, names, said=Sum("minutes")):
        counted.of(row["its_role"], row["its_place"]).minutes += row["said"]
    for rows, names in _messages(span):
        for row in _named(rows, names, count=Count("pk")):
            counted.of(row["its_role"], row["its_place"]).messages += row["count"]
    return counted.loads


def _messages(span: Span) -> Iterator[tuple[Any, dict[str, Any]]]:
    """What the platform brought to a post to read or answer: reminders and slips, and questions about its askings."""
    steps = Step.objects.filter(**span.within("at"))
    yield steps, {"role": F("assignment__role"), "place": F("assignment__place_id")}
    yield Slip.objects.filter(**span.within("opened_at")), {"role": F("role"), "place": F("place_id")}
    questions = Question.objects.filter(**span.within("asked_at"))
    yield (
        questions.filter(assignment__parent__isnull=True),
        {"role": F("assignment__directive__issuer_role"), "place": F("assignment__directive__issuer_place_id")},
    )
    yield (
        questions.filter(assignment__parent__isnull=False),
        {"role": F("assignment__parent__role"), "place": F("assignment__parent__place_id")},
    )


def _grouped(rows: Any, *names: str, **totals: Any) -> Any:
    return rows.order_by().values(*names).annotate(**totals)


def _named(rows: Any, names: dict[str, Any], **totals: Any) -> Any:
    named = rows.order_by().annotate(its_role=names["role"], its_place=names["place"])
    return named.values("its_role", "its_place").annotate(**totals)


def askings_of(week: date) -> dict[Position, Asked]:
    """What each office asked of others in this week."""
    found: dict[Position, Asked] = {}
    sent = Round.objects.filter(**span_of(week).within("sent_at"))
    names = {"role": F("directive__issuer_role"), "place": F("directive__issuer_place_id")}
    for row in _named(
        sent,
        names,
        directives=Count("directive_id", distinct=True),
        reports=Count("pk"),
        pieces=Sum("places"),
        minutes=Sum(F("places") * F("directive__minutes")),
    ):
        found[row["its_role"], row["its_place"]] = Asked(
            directives=row["directives"], reports=row["reports"], pieces=row["pieces"], minutes=row["minutes"] or 0
        )
    tops, _children = received(week)
    names = {"role": F("directive__issuer_role"), "place": F("directive__issuer_place_id")}
    for row in _named(tops, names, different=Count("place_id", distinct=True)):
        found[row["its_role"], row["its_place"]].places = row["different"]
    return found


def askers_of(week: date, places: list[int]) -> Iterator[tuple[Position, Position, int]]:
    """For positions at these places: position, sender, and how many reports this sender asked of it."""
    tops, _children = received(week)
    rows = tops.filter(place_id__in=places).order_by()
    names = ("role", "place_id", "directive__issuer_role", "directive__issuer_place_id")
    for row in rows.values(*names).annotate(count=Count("pk")):
        sender = (row["directive__issuer_role"], row["directive__issuer_place_id"])
        yield (row["role"], row["place_id"]), sender, row["count"]
