"""The working calendar: pack, entered days near and far, gaps, and the holiday file."""

from __future__ import annotations

from datetime import date

import pytest
from click.testing import CliRunner
from django.db import IntegrityError, transaction
from django.utils import translation

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import commands
from gongzhi.ground.rules.actions import add_day, import_days, override, remove_day
from gongzhi.ground.rules.clock import Span, deadline
from gongzhi.ground.rules.holiday_file import LARGEST, read_holidays
from gongzhi.ground.rules.models import CalendarDay
from gongzhi.ground.rules.working_days import calendar_gaps, is_working_day, special_days

from .conftest import NOW

HERE = "110108015001"
FAIR = date(2026, 6, 3)  # a Wednesday


def say(day, kind, place=None, name="") -> CalendarDay:
    return add_day(day=day, kind=kind, name=name, place=place, by=None, now=NOW)


def test_the_week_and_the_pack(db):
    assert is_working_day(date(2026, 6, 5), HERE)
    assert not is_working_day(date(2026, 6, 6), HERE)
    assert not is_working_day(date(2026, 10, 1), HERE)
    assert is_working_day(date(2026, 10, 10), HERE)


def test_the_nearest_decision_about_a_day_holds(places):
    say(FAIR, "holiday")
    say(FAIR, "workday", places["110108"])
    say(FAIR, "holiday", places["110108015"], "street fair")
    assert not is_working_day(FAIR, "33")
    assert is_working_day(FAIR, "110108")
    assert not is_working_day(FAIR, HERE)
    assert deadline(NOW, Span(2, "working_days"), HERE).date() == date(2026, 6, 4)
    assert deadline(NOW, Span(2, "working_days"), "110108").date() == date(2026, 6, 3)


def test_a_day_of_the_pack_is_outweighed_and_comes_back(db):
    row = say(date(2026, 10, 1), "workday")
    assert is_working_day(date(2026, 10, 1), HERE)
    remove_day(day_id=row.pk, by=None, now=NOW)
    assert not is_working_day(date(2026, 10, 1), HERE)
    with pytest.raises(NotThere):
        remove_day(day_id=row.pk, by=None, now=NOW)


def test_saying_it_again_changes_nothing_and_saying_otherwise_replaces(db):
    first = say(FAIR, "holiday", name="fair")
    assert say(FAIR, "holiday", name="fair").pk == first.pk
    say(FAIR, "workday")
    assert is_working_day(FAIR, HERE)
    assert [entry.event for entry in Entry.objects.order_by("id")] == [
        "rules.CalendarDayAdded",
        "rules.CalendarDayRemoved",
        "rules.CalendarDayAdded",
    ]
    first.refresh_from_db()
    removed = Entry.objects.get(event="rules.CalendarDayRemoved")
    assert bytes(removed.fingerprint) == first.fingerprint()
    assert first.removed_at == NOW


def test_a_day_stands_once_per_place(places):
    say(FAIR, "holiday")
    with pytest.raises(IntegrityError), transaction.atomic():
        CalendarDay.objects.create(date=FAIR, kind="workday")
    with pytest.raises(IntegrityError), transaction.atomic():
        CalendarDay.objects.create(date=date(2026, 6, 4), kind="perhaps")


@pytest.mark.parametrize(
    ("kind", "name", "field"), [("perhaps", "", "kind"), ("holiday", "x" * 61, "name"), ("holiday", "x\x00", "name")]
)
def test_a_wrong_day_is_refused(db, kind, name, field):
    with pytest.raises(Refusal) as refused:
        say(FAIR, kind, name=name)
    assert refused.value.field == field
    assert not CalendarDay.objects.exists()


def test_a_year_without_a_table_is_named(db):
    assert calendar_gaps(date(2026, 6, 1)) == []
    gaps = calendar_gaps(date(2026, 11, 22))
    assert [gap.year for gap in gaps] == [2027]
    with translation.override("en"):
        assert str(gaps[0]) == "There is no holiday table for 2027: only weekends are skipped."
    assert [gap.year for gap in calendar_gaps(date(2027, 3, 1))] == [2027]


def test_the_gap_closes_when_days_that_hold_everywhere_are_entered(places):
    say(date(2027, 1, 1), "holiday", places["110108"])
    assert [gap.year for gap in calendar_gaps(date(2026, 11, 22))] == [2027]
    say(date(2027, 1, 1), "holiday")
    assert calendar_gaps(date(2026, 11, 22)) == []


def test_the_days_of_a_year_say_who_says_so(places):
    row = say(FAIR, "holiday", places["110108015"], "street fair")
    days = {day.date: day for day in special_days(2026, HERE)}
    assert (days[FAIR].day_id, days[FAIR].place_path) == (row.pk, "110108015")
    assert days[date(2026, 1, 1)].day_id is None
    assert FAIR not in {day.date for day in special_days(2026, "110108")}


def test_office_hours_may_change_in_the_middle_of_a_year(places):
    override(place=places["110108"], key="calendar.working_hours", value=[["08:00", "16:00"]],
             valid_from=date(2026, 7, 1), reason="summer hours", by=None, now=NOW)  # fmt: skip
    assert deadline(NOW, Span(1, "working_days"), HERE).isoformat() == "2026-06-02T10:00:00+00:00"
    july = NOW.replace(month=7)
    assert deadline(july, Span(1, "working_days"), HERE).isoformat() == "2026-07-02T08:00:00+00:00"


# -- the file ------------------------------------------------------------------------------------------------------

TABLE = "日期,类型,名称\n2027-01-01,休,元旦\n2027/1/2,班,元旦调休\n\n2027年2月6日,holiday,春节\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_is_read_in_the_usual_encodings(encoding):
    days = read_holidays(TABLE.encode(encoding))
    assert [(day.day.isoformat(), day.kind, day.name) for day in days] == [
        ("2027-01-01", "holiday", "元旦"),
        ("2027-01-02", "workday", "元旦调休"),
        ("2027-02-06", "holiday", "春节"),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no days"),
        (b"date,kind,name\n", "no days"),
        (b"2027-02-30,holiday,x", "Line 1"),
        (b"2027-01-01,holiday\n2027-01-01,workday", "Line 2"),
        (b"2027-01-01,perhaps,x", "neither holiday nor workday"),
        (b"2027-01-01", "Line 1"),
        (b"2027-01-01,holiday," + b"x" * 61, "60"),
        (b"\xff\xfe\x00\x00\xff", "neither UTF-8"),
        (b"2027-01-01,holiday,\x00", "Line 1"),
        (b"x" * (LARGEST + 1), "too large"),
    ],
)
def test_a_wrong_table_is_refused_as_a_whole(content, says):
    with translation.override("en"), pytest.raises(Refusal, match=says):
        read_holidays(content)


def test_importing_twice_enters_once(db):
    days = read_holidays(TABLE.encode())
    assert import_days(days, by=None, now=NOW) == (3, 0)
    assert import_days(days, by=None, now=NOW) == (0, 3)
    assert not is_working_day(date(2027, 1, 1), "")
    assert is_working_day(date(2027, 1, 2), "")
    assert Entry.objects.count() == 3


def test_the_holidays_command(db, tmp_path):
    file = tmp_path / "2027.csv"
    file.write_text(TABLE, encoding="utf-8")
    with translation.override("en"):
        result = CliRunner().invoke(commands.holidays, [str(file)])
        assert (result.exit_code, result.output) == (0, "3 days entered, 0 known already.\n")
        file.write_text("2027-01-01,perhaps,x\n2027-03-03,holiday,x\n", encoding="utf-8")
        result = CliRunner().invoke(commands.holidays, [str(file)])
    assert result.exit_code == 1
    assert "Line 1" in result.output
    assert CalendarDay.objects.count() == 3


def test_the_rules_command(db, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with translation.override("en"):
        result = CliRunner().invoke(commands.rules, ["--place", "110108", "--on", "2026-12-01"])
        assert result.exit_code == 0
        assert "cases.deadline.ordinary" in result.output
        assert "7 days" in result.output
        assert "no holiday table for 2027" in result.output
        result = CliRunner().invoke(commands.rules, ["--place", "elsewhere"])
    assert result.exit_code == 2
