"""Which days and hours are worked at a place: one table per year and calendar, computed once, then looked up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from gongzhi.ground.rules import in_force
from gongzhi.ground.rules.in_force import Book

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LOOK_AHEAD = timedelta(days=90)  # the longest usual time limits reach this far


def instant(moment: datetime) -> int:
    """Microseconds since 1970: whole numbers that no daylight-saving switch disturbs."""
    return (moment - EPOCH) // MICROSECOND


def moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True)
class Year:
    """A year at a place. ``worked`` are the ordinals of the working days, ``closes`` when their office closes.

    ``starts``/``ends`` are the office intervals as instants, ``before[i]`` the time worked before interval ``i``.
    """

    worked: Sequence[int]
    closes: Sequence[int]
    starts: Sequence[int]
    ends: Sequence[int]
    before: Sequence[int]  # one longer than starts: the last is the whole year

    @property
    def total(self) -> int:
        return self.before[-1]

    def worked_until(self, at: int) -> int:
        """Microseconds of office time of this year before an instant."""
        index = bisect_right(self.starts, at) - 1
        if index < 0:
            return 0
        return self.before[index] + min(at, self.ends[index]) - self.starts[index]

    def days_until(self, ordinal: int) -> int:
        """How many working days of this year are on or before a day."""
        return bisect_right(self.worked, ordinal)


def zone(path: str, on: date, *, book: Book | None = None) -> ZoneInfo:
    """The time zone of a place. A change takes effect with a year."""
    book = book or in_force.book()
    found: ZoneInfo = book.look_up("calendar.zone", path, date(on.year, 1, 1)).value
    return found


def is_working_day(day: date, path: str) -> bool:
    """Whether offices at this place work on that day: the nearest decision about the day, else Monday to Friday."""
    return _is_working_day(in_force.book(), day, path)


def _is_working_day(book: Book, day: date, path: str) -> bool:
    said = book.special_day(day, path)
    if said is not None:
        return said.kind == "workday"
    return day.isoweekday() <= 5


def year_table(book: Book, path: str, year: int) -> Year:
    key = ("year", book.calendar_path(path), year)
    table: Year | None = book.kept.get(key)
    if table is None:
        table = book.kept[key] = _make_year(book, key[1], year)
    return table


def _make_year(book: Book, path: str, year: int) -> Year:
    here = zone(path, date(year, 1, 1), book=book)
    worked: list[int] = []
    closes: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    before = [0]
    for ordinal in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1):
        day = date.fromordinal(ordinal)
        if not _is_working_day(book, day, path):
            continue
        worked.append(ordinal)
        hours = book.look_up("calendar.working_hours", path, day).value
        for opens, shuts in hours:
            # A switch of daylight saving inside office hours can fold two times together: keep them in order.
            start = max(_at(day, opens, here), ends[-1] if ends else 0)
            end = max(_at(day, shuts, here), start)
            starts.append(start)
            ends.append(end)
            before.append(before[-1] + end - start)
        closes.append(min(ends[-1], last_second(day, here)))
    return Year(worked=worked, closes=closes, starts=starts, ends=ends, before=before)


def _at(day: date, minutes: int, here: ZoneInfo) -> int:
    if minutes == 24 * 60:
        day, minutes = day + timedelta(days=1), 0
    return instant(datetime.combine(day, time(minutes // 60, minutes % 60), here))


def last_second(day: date, here: ZoneInfo) -> int:
    """24:00 of a day, written as 23:59:59 so that every screen and paper shows the day that people count."""
    return instant(datetime.combine(day, time(23, 59, 59), here))


@dataclass(frozen=True)
class Gap:
    """A year without a holiday table. Deadlines in it skip weekends only."""

    year: int

    def __str__(self) -> str:
        return _("There is no holiday table for %(year)s: only weekends are skipped.") % {"year": self.year}


def calendar_gaps(on: date) -> list[Gap]:
    """The years that deadlines set on this day may reach and whose holidays nobody has entered yet.

    A year is known when the holiday pack has it or when somebody entered days of it that hold everywhere.
    """
    book = in_force.book()
    entered = {day.year for day, said in book.days.items() if "" in said}
    years = sorted({on.year, (on + LOOK_AHEAD).year})
    return [Gap(year) for year in years if year not in book.packs.years and year not in entered]


def special_days(year: int, path: str) -> list[in_force.SpecialDay]:
    """The days of a year that are said to be off or worked at this place, in order, each with who says so."""
    book = in_force.book()
    known = {day for day in (*book.packs.days, *book.days) if day.year == year}
    found = (book.special_day(day, path) for day in sorted(known))
    return [day for day in found if day is not None]
