"""Deadlines: counting hours and days the way people and the law count them.

How each unit counts:

* **natural hours** - literally, around the clock.
* **working hours** - only inside the office hours of working days. A report at 23:00 on Friday starts to count on
  Monday at opening time. A deadline that is used up at closing time falls on closing time, not on the next opening.
* **natural days** - the day it begins does not count; due at 24:00 of the last day (Civil Code, articles 201 and
  203). 24:00 is written as 23:59:59, so that a due date on a screen or on paper is the day that people count to.
  The last day is not moved when it is a day off: a place that wants that sets the limit in working days.
* **working days** - the day it begins does not count, days off are skipped; due when the office closes on the last
  day (article 203: where there are business hours, the period ends when business stops).

Stopping the clock keeps the span that is left and starting it again counts that span from then. For days this goes
by whole days: what is left on the last day itself is zero days, which means "today until the office closes" (or, after
closing, until the next working day closes).

Results are in UTC, so that differences between them are true differences; convert for display. Everything
happens in the time zone and the calendar of the place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules import in_force
from gongzhi.ground.rules.in_force import Book
from gongzhi.ground.rules.spans import HOUR, Span, Unit
from gongzhi.ground.rules.working_days import instant, last_second, moment, year_table, zone

__all__ = [
    "Colour",
    "Span",
    "Unit",
    "colour",
    "deadline",
    "elapsed",
    "extend",
    "pause",
    "remaining",
    "resume",
    "yellow_at",
]

FAR = 200  # years; a calendar without working days would otherwise be searched for ever


class Colour(models.TextChoices):
    GREEN = "green", gettext_lazy("in time")
    YELLOW = "yellow", gettext_lazy("due soon")
    RED = "red", gettext_lazy("overdue")


def deadline(start: datetime, span: Span, path: str) -> datetime:
    """When a span that begins now is over, at this place. A later start or a longer span ends no earlier."""
    if span.amount < 0:
        raise ValueError("a time limit is not negative")
    return moment(_deadline(in_force.book(), _aware(start), span, path))


def elapsed(start: datetime, end: datetime, unit: Unit, path: str) -> Span:
    """How much of a unit lies between two moments; negative when the end comes first.

    Hours are exact: ``elapsed(start, deadline(start, span, path), span.unit, path) == span``. Days are counted like
    deadlines: the first does not count, the last does.
    """
    start, end = _aware(start), _aware(end)
    if end < start:
        return Span(-_elapsed(in_force.book(), end, start, unit, path), unit)
    return Span(_elapsed(in_force.book(), start, end, unit, path), unit)


def remaining(now: datetime, due: datetime, unit: Unit, path: str) -> Span:
    """What is left until a deadline; negative when it has passed."""
    return elapsed(now, due, unit, path)


def pause(now: datetime, due: datetime, unit: Unit, path: str) -> Span:
    """Stop the clock: the span to keep until ``resume``. Refused when the deadline has passed.

    Resuming at the same moment gives the same deadline, or a later one where ``due`` was not set in this unit; never
    an earlier one, as long as it falls into office time for working hours.
    """
    now, due = _aware(now), _aware(due)
    if now > due:
        raise Refusal(_("The deadline has passed; its clock can no longer be stopped."))
    left = remaining(now, due, unit, path)
    if unit.counts_days and deadline(now, left, path) < due:
        left = Span(left.amount + 1, unit)
    return left


def resume(left: Span, now: datetime, path: str) -> datetime:
    """Start the clock again: the new deadline."""
    return deadline(now, left, path)


def extend(due: datetime, span: Span, path: str) -> datetime:
    """A later deadline: the span counts from the old one. Nothing added changes nothing."""
    return deadline(due, span, path) if span else _aware(due)


def yellow_at(start: datetime, due: datetime, share: float | Fraction) -> datetime:
    """The moment from which only this share of the time between start and due is left.

    It goes by plain time, not office time: one subtraction that a list of thousands can be ordered by, and a case due
    on Monday morning may turn yellow on the weekend.
    """
    begin, end = instant(_aware(start)), instant(_aware(due))
    return moment(end - int(max(end - begin, 0) * Fraction(share)))


def colour(now: datetime, due: datetime, yellow: datetime) -> Colour:
    """Red after the deadline, yellow from ``yellow`` on, else green."""
    if now > due:
        return Colour.RED
    return Colour.YELLOW if now >= yellow else Colour.GREEN


def _aware(when: datetime) -> datetime:
    """The same moment in UTC: two times of one daylight-saving zone would be compared by their wall clocks."""
    if when.tzinfo is None:
        raise ValueError("a deadline needs a time with its zone")
    return when.astimezone(UTC)


def _deadline(book: Book, start: datetime, span: Span, path: str) -> int:
    if span.unit is Unit.NATURAL_HOURS:
        return instant(start) + _microseconds(span)
    here = zone(path, start.date(), book=book)
    day = start.astimezone(here).date()
    if span.unit is Unit.NATURAL_DAYS:
        end = last_second(day + timedelta(days=int(span.amount)), here)
        # In the very last second of a day "no days" already means the end of the next.
        return end if instant(start) <= end else last_second(day + timedelta(days=1), here)
    if span.unit is Unit.WORKING_DAYS:
        return _nth_close(book, start, day, int(span.amount), path)
    return _office_time_after(book, start, day, _microseconds(span), path)


def _microseconds(span: Span) -> int:
    exact = span.amount * HOUR
    return -(-exact.numerator // exact.denominator)


def _nth_close(book: Book, start: datetime, day: date, count: int, path: str) -> int:
    """Closing time of the count-th working day after ``day``."""
    ordinal = day.toordinal()
    table = year_table(book, path, day.year)
    position = table.days_until(ordinal)
    if count == 0:
        if position and table.worked[position - 1] == ordinal and instant(start) <= table.closes[position - 1]:
            return table.closes[position - 1]
        count = 1
    position += count - 1
    for year in range(day.year + 1, day.year + FAR):
        if position < len(table.worked):
            return table.closes[position]
        position -= len(table.worked)
        table = year_table(book, path, year)
    raise OverflowError(f"no {count} working days after {day}")


def _office_time_after(book: Book, start: datetime, day: date, amount: int, path: str) -> int:
    """The moment when ``amount`` of office time has passed. At closing time the office still counts as open."""
    at = instant(start)
    table = year_table(book, path, day.year)
    wanted = table.worked_until(at) + amount
    if amount == 0 and _inside(table.starts, table.ends, at):
        return at
    for year in range(day.year + 1, day.year + FAR):
        if wanted < table.total or (wanted == table.total and amount):
            index = _interval(table.before, wanted, amount)
            return table.starts[index] + wanted - table.before[index]
        wanted -= table.total
        table = year_table(book, path, year)
    raise OverflowError(f"too little office time after {day}")


def _inside(starts: Sequence[int], ends: Sequence[int], at: int) -> bool:
    index = bisect_right(starts, at) - 1
    return index >= 0 and at <= ends[index]


def _interval(before: Sequence[int], wanted: int, amount: int) -> int:
    """The office interval in which ``wanted`` is reached: at its end when time was used up, else at its opening."""
    return (bisect_left(before, wanted) if amount else bisect_right(before, wanted)) - 1


def _elapsed(book: Book, start: datetime, end: datetime, unit: Unit, path: str) -> int | Fraction:
    if unit is Unit.NATURAL_HOURS:
        return Fraction(instant(end) - instant(start), HOUR)
    first = start.astimezone(zone(path, start.date(), book=book)).date()
    last = end.astimezone(zone(path, end.date(), book=book)).date()
    if unit is Unit.NATURAL_DAYS:
        return (last - first).days
    tables = [year_table(book, path, year) for year in range(first.year, last.year + 1)]
    if unit is Unit.WORKING_DAYS:
        whole = sum(len(table.worked) for table in tables[:-1])
        return whole + tables[-1].days_until(last.toordinal()) - tables[0].days_until(first.toordinal())
    whole = sum(table.total for table in tables[:-1])
    return Fraction(whole + tables[-1].worked_until(instant(end)) - tables[0].worked_until(instant(start)), HOUR)
