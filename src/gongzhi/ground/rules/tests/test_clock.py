"""The clock: examples that people can check with a wall calendar, and laws that hold for every moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.clock import (
    Colour,
    Span,
    Unit,
    colour,
    deadline,
    elapsed,
    extend,
    pause,
    remaining,
    resume,
    yellow_at,
)
from gongzhi.ground.rules.working_days import is_working_day

from .conftest import BERLIN

pytestmark = pytest.mark.usefixtures("book_of_packs")

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "span", "due"),
    [
        # Friday night counts from Monday's opening; the lunch break does not count.
        ("2026-06-05 23:00", "4 working_hours", "2026-06-08 14:30"),
        ("2026-06-08 11:00", "1 working_hours", "2026-06-08 12:00"),
        ("2026-06-08 11:00", "1.5 working_hours", "2026-06-08 14:00"),
        ("2026-06-08 12:30", "7.5 working_hours", "2026-06-09 12:00"),
        # The day of receipt does not count; due when the office closes.
        ("2026-06-08 09:00", "5 working_days", "2026-06-15 18:00"),
        ("2026-06-08 23:59", "1 working_days", "2026-06-09 18:00"),
        ("2026-06-06 10:00", "1 working_days", "2026-06-08 18:00"),
        # Spring Festival 2026: 15 to 23 February off, Saturday the 14th and Saturday the 28th worked.
        ("2026-02-13 10:00", "1 working_days", "2026-02-14 18:00"),
        ("2026-02-14 10:00", "1 working_days", "2026-02-24 18:00"),
        ("2026-02-24 10:00", "4 working_days", "2026-02-28 18:00"),
        # National Day 2025, 1 to 8 October off.
        ("2025-09-30 17:00", "2 working_hours", "2025-10-09 10:00"),
        # Over the end of the year: 1 to 3 January 2026 off, Sunday the 4th worked.
        ("2025-12-31 10:00", "1 working_days", "2026-01-04 18:00"),
        ("2025-12-31 17:30", "1 working_hours", "2026-01-04 09:30"),
        ("2026-06-08 10:00", "7 natural_days", "2026-06-15 23:59:59"),
        ("2026-06-05 23:00", "2 natural_hours", "2026-06-06 01:00"),
        # No days left: today until closing, after closing the next working day.
        ("2026-06-08 10:00", "0 working_days", "2026-06-08 18:00"),
        ("2026-06-08 18:01", "0 working_days", "2026-06-09 18:00"),
        ("2026-06-06 10:00", "0 working_days", "2026-06-08 18:00"),
        ("2026-06-06 10:00", "0 working_hours", "2026-06-08 09:00"),
        ("2026-06-08 12:00", "0 working_hours", "2026-06-08 12:00"),
    ],
)
def test_deadlines_that_people_can_check(start, span, due):
    assert deadline(at(start), Span.parse(span), "110108") == at(due)


def test_hours_are_literal_and_days_local_when_summer_time_begins():
    berlin = ZoneInfo("Europe/Berlin")
    start = at("2026-03-28 12:00", berlin)  # summer time begins on the 29th at 02:00
    assert deadline(start, Span(24, "natural_hours"), BERLIN) == at("2026-03-29 13:00", berlin)
    assert deadline(start, Span(1, "natural_days"), BERLIN) == at("2026-03-29 23:59:59", berlin)
    assert elapsed(start, at("2026-03-29 12:00", berlin), Unit.NATURAL_HOURS, BERLIN) == Span(23, "natural_hours")
    again = at("2026-10-25 02:30", berlin).replace(fold=1)
    assert deadline(again.replace(fold=0), Span(1, "natural_hours"), BERLIN) == again.astimezone(UTC)


def test_a_night_report_belongs_to_the_day_of_the_place():
    start = datetime(2026, 6, 8, 17, 0, tzinfo=UTC)  # already Tuesday in Beijing, still Monday in Berlin
    assert deadline(start, Span(1, "working_days"), "110108") == at("2026-06-10 18:00")
    assert deadline(start, Span(1, "working_days"), BERLIN) == at("2026-06-09 23:59:59", ZoneInfo("Europe/Berlin"))


def test_a_deadline_needs_a_zone_and_a_span_that_is_not_negative():
    with pytest.raises(ValueError, match="zone"):
        deadline(datetime(2026, 6, 8), Span(1, "natural_hours"), "")  # noqa: DTZ001
    with pytest.raises(ValueError, match="negative"):
        deadline(at("2026-06-08 10:00"), Span(-1, "natural_hours"), "")


def test_a_clock_that_has_run_out_is_not_stopped():
    with pytest.raises(Refusal):
        pause(at("2026-06-08 10:00:01"), at("2026-06-08 10:00"), Unit.WORKING_HOURS, "")


def test_stopped_for_a_week_the_days_that_were_left_are_left():
    due = deadline(at("2026-06-08 09:00"), Span(5, "working_days"), "")  # Monday the 15th
    left = pause(at("2026-06-10 16:00"), due, Unit.WORKING_DAYS, "")
    assert left == Span(3, "working_days")
    assert resume(left, at("2026-06-17 09:30"), "") == at("2026-06-23 18:00")  # 19 to 21 June: Dragon Boat


def test_colours():
    start, due = at("2026-06-08 00:00"), at("2026-06-12 00:00")
    yellow = yellow_at(start, due, 0.25)
    assert yellow == at("2026-06-11 00:00")
    assert colour(at("2026-06-10 23:59"), due, yellow) is Colour.GREEN
    assert colour(yellow, due, yellow) is Colour.YELLOW
    assert colour(due, due, yellow) is Colour.YELLOW
    assert colour(due + timedelta(seconds=1), due, yellow) is Colour.RED


# -- laws ----------------------------------------------------------------------------------------------------------

moments = st.one_of(
    st.datetimes(datetime(2024, 11, 1), datetime(2027, 3, 1)),  # noqa: DTZ001
    # The corners: on the minute, around opening and closing, midnight and the turn of the year.
    st.builds(
        lambda day, minute, off: datetime(2025, 1, 1) + timedelta(days=day, minutes=minute, microseconds=off),  # noqa: DTZ001
        st.integers(-3, 740),
        st.sampled_from([0, 299, 300, 540, 720, 810, 1080, 1439]),
        st.sampled_from([-1, 0, 1]),
    ),
).map(lambda moment: moment.replace(tzinfo=UTC))
paths = st.sampled_from(["110108015001", BERLIN])
units = st.sampled_from(list(Unit))
hour_units = st.sampled_from([Unit.NATURAL_HOURS, Unit.WORKING_HOURS])
working_units = st.sampled_from([Unit.WORKING_HOURS, Unit.WORKING_DAYS])
wholes = st.integers(0, 60)
quarters = st.integers(0, 400 * 4).map(lambda quarter: Fraction(quarter, 4))
pauses = st.timedeltas(timedelta(0), timedelta(days=40))


def a_span(unit: Unit):
    return (wholes if unit.counts_days else quarters).map(lambda amount: Span(amount, unit))


spans = units.flatmap(a_span)
ORDERED = st.tuples(moments, pauses)


@given(start=moments, later=pauses, span=spans, path=paths)
def test_a_later_start_never_ends_earlier(start, later, span, path):
    assert deadline(start + later, span, path) >= deadline(start, span, path)


@given(start=moments, unit=units, amounts=st.tuples(wholes, wholes), path=paths)
def test_a_longer_span_never_ends_earlier(start, unit, amounts, path):
    shorter, longer = sorted(amounts)
    assert deadline(start, Span(longer, unit), path) >= deadline(start, Span(shorter, unit), path)
    assert deadline(start, Span(shorter, unit), path) >= start


@given(start=moments, span=hour_units.flatmap(a_span), path=paths)
def test_what_elapses_until_a_deadline_is_the_span(start, span, path):
    assert elapsed(start, deadline(start, span, path), span.unit, path) == span


@given(start=moments, span=st.sampled_from([Unit.NATURAL_DAYS, Unit.WORKING_DAYS]).flatmap(a_span), path=paths)
def test_what_elapses_in_days_is_the_span_too(start, span, path):
    assume(span.amount > 0)
    assert elapsed(start, deadline(start, span, path), span.unit, path) == span


@given(start=moments, unit=hour_units, first=quarters, second=quarters, path=paths)
def test_hours_add_up(start, unit, first, second, path):
    one_after_the_other = deadline(deadline(start, Span(first, unit), path), Span(second, unit), path)
    assert one_after_the_other == deadline(start, Span(first + second, unit), path)


@given(
    start=moments,
    unit=st.sampled_from([Unit.NATURAL_DAYS, Unit.WORKING_DAYS]),
    counts=st.tuples(wholes, wholes),
    path=paths,
)
def test_days_add_up(start, unit, counts, path):
    first, second = counts[0] + 1, counts[1]
    one_after_the_other = deadline(deadline(start, Span(first, unit), path), Span(second, unit), path)
    assert one_after_the_other == deadline(start, Span(first + second, unit), path)


@given(start=moments, middle=pauses, end=pauses, unit=units, path=paths)
def test_elapsed_time_adds_up_and_turns_around(start, middle, end, unit, path):
    first, last = start + middle, start + middle + end
    parts = elapsed(start, first, unit, path).amount + elapsed(first, last, unit, path).amount
    assert parts == elapsed(start, last, unit, path).amount >= 0
    assert elapsed(last, start, unit, path).amount == -parts


@given(start=moments, span=working_units.flatmap(a_span), path=paths)
def test_a_working_deadline_never_falls_on_a_day_off(start, span, path):
    here = SHANGHAI if path != BERLIN else ZoneInfo("Europe/Berlin")
    due = deadline(start, span, path)
    # Closing at midnight belongs to the day that ends.
    day = (due - timedelta(microseconds=1)).astimezone(here).date()
    opening_at_midnight = path == BERLIN and not span and due.astimezone(here).hour == 0
    assert is_working_day(due.astimezone(here).date() if opening_at_midnight else day, path)


@given(start=moments, span=spans, share=st.floats(0, 1), path=paths)
def test_stopping_and_starting_at_once_changes_nothing(start, span, share, path):
    due = deadline(start, span, path)
    now = start + (due - start) * share
    left = pause(now, due, span.unit, path)
    assert resume(Span.parse(str(left)), now, path) == due


@given(start=moments, span=spans, share=st.floats(0, 1), stopped=pauses, path=paths)
def test_a_stop_never_shortens_what_is_left(start, span, share, stopped, path):
    due = deadline(start, span, path)
    now = start + (due - start) * share
    left = pause(now, due, span.unit, path)
    new_due = resume(left, now + stopped, path)
    assert new_due >= due
    assert remaining(now + stopped, new_due, span.unit, path).amount >= left.amount


@given(start=moments, due_in=pauses, unit=st.sampled_from([Unit.NATURAL_DAYS, Unit.WORKING_DAYS]), path=paths)
def test_a_due_time_set_by_hand_is_not_shortened_by_a_stop_either(start, due_in, unit, path):
    due = start + due_in
    assert resume(pause(start, due, unit, path), start, path) >= due


@given(start=moments, span=spans, more=spans, path=paths)
def test_an_extension_ends_no_earlier_and_nothing_added_changes_nothing(start, span, more, path):
    due = deadline(start, span, path)
    assert extend(due, more, path) >= due
    assert extend(due, Span(0, more.unit), path) == due


@given(start=moments, length=pauses, share=st.floats(0, 1))
def test_yellow_lies_between_start_and_due(start, length, share):
    assert start <= yellow_at(start, start + length, share) <= start + length


@given(span=spans)
def test_a_span_is_read_back_as_it_was_written(span):
    assert Span.parse(str(span)) == span
    assert Span.parse(span) is span


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "5",
        "5 weeks",
        "five working_days",
        "5  working_days",
        "1/0 natural_hours",
        "1.5 working_days",
        None,
        5,
        [5],
        ["x", "working_days"],
        "9" * 40 + " natural_hours",
    ],
)
def test_what_is_no_span(wrong):
    with pytest.raises(ValueError, match=r"."):
        Span.parse(wrong)


def test_a_year_of_days_is_worked_out_once(book_of_packs):
    book_of_packs.kept.clear()
    for day in range(1, 28):
        deadline(datetime(2026, 5, day, tzinfo=UTC), Span(20, "working_days"), "110108015001")
        deadline(datetime(2026, 5, day, tzinfo=UTC), Span(20, "working_days"), "110108015002")
    assert list(book_of_packs.kept) == [("year", "", 2026)]


def test_the_table_agrees_with_asking_day_by_day():
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(730)]
    assert sum(is_working_day(day, "") for day in days if day.year == 2025) == 248
    assert sum(is_working_day(day, "") for day in days if day.year == 2026) == 248
