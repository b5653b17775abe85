"""Rules in force: packs, overrides near and far, dates, and how many statements asking costs."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from click.testing import CliRunner, Result
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import commands, in_force
from gongzhi.ground.rules.actions import end_override, known_keys, override, rule, rules_in_force
from gongzhi.ground.rules.clock import Span, deadline
from gongzhi.ground.rules.models import RuleOverride
from gongzhi.ground.rules.working_days import is_working_day

from .conftest import NOW

ORDINARY = "cases.deadline.ordinary"
HERE = "110108015001"
TODAY = date(2026, 6, 1)


def change(place, value="3 working_days", key=ORDINARY, since=TODAY, until=None, **more):
    given = {"reason": "agreed with the street", "by": None, "now": NOW, **more}
    return override(place=place, key=key, value=value, valid_from=since, valid_to=until, **given)


def ordinary(path=HERE, on=TODAY) -> str:
    return str(rule(ORDINARY, path=path, on=on))


def test_a_pack_of_a_place_outweighs_the_general_one(db):
    assert ordinary(path="330603010002") == "5 working_days"
    assert ordinary() == "7 natural_days"
    assert ordinary(on=date(2021, 9, 23)) == "5 working_days"


def test_before_the_first_date_the_oldest_general_value_counts(db):
    assert ordinary(on=date(1987, 1, 1)) == "5 working_days"


def test_an_unknown_key_is_a_bug(db):
    with pytest.raises(KeyError):
        rule("cases.deadline.typo", path=HERE, on=TODAY)


def test_the_nearest_override_holds_below_its_place_and_from_its_day(places):
    change(places["110108"], "4 working_days")
    change(places["110108015"], "2 working_days", since=TODAY + timedelta(days=10), until=TODAY + timedelta(days=20))
    assert ordinary() == "4 working_days"
    assert ordinary(on=TODAY - timedelta(days=1)) == "7 natural_days"
    assert ordinary(on=TODAY + timedelta(days=10)) == "2 working_days"
    assert ordinary(on=TODAY + timedelta(days=19)) == "2 working_days"
    assert ordinary(on=TODAY + timedelta(days=20)) == "4 working_days"
    assert ordinary(path="110108", on=TODAY + timedelta(days=10)) == "4 working_days"
    assert ordinary(path="110105", on=TODAY) == "7 natural_days"


def test_an_override_without_a_place_outweighs_every_pack(places):
    change(None, "9 working_days")
    assert ordinary() == ordinary(path="33") == ordinary(path="") == "9 working_days"


def test_of_two_overrides_at_one_place_the_one_that_began_last_holds(places):
    change(places["110108"], "4 working_days", since=TODAY)
    change(places["110108"], "3 working_days", since=TODAY - timedelta(days=5))
    assert ordinary() == "4 working_days"
    change(places["110108"], "6 working_days", since=TODAY)
    assert ordinary() == "6 working_days"


def test_an_override_moves_the_deadlines_of_its_place(places):
    change(places["110108015"], [["08:00", "12:00"]], key="calendar.working_hours")
    assert deadline(NOW, Span(1, "working_days"), HERE).isoformat() == "2026-06-02T04:00:00+00:00"
    assert deadline(NOW, Span(1, "working_days"), "110108").isoformat() == "2026-06-02T10:00:00+00:00"


def test_changing_and_ending_stand_in_the_ledger(places):
    row = change(places["110108"])
    assert end_override(override_id=row.pk, valid_to=TODAY + timedelta(days=5), by=None, now=NOW).version == 2
    first, second = Entry.objects.filter(noun="rules.RuleOverride", object_id=row.pk).order_by("seq")
    assert (first.event, second.event) == ("rules.RuleOverridden", "rules.RuleOverrideEnded")
    assert first.place_path == "110108"
    assert first.data == {"override_id": row.pk, "key": ORDINARY, "valid_from": "2026-06-01", "valid_to": None}
    row.refresh_from_db()
    assert bytes(second.fingerprint) == row.fingerprint()
    assert ordinary(on=TODAY + timedelta(days=5)) == "7 natural_days"


def test_an_override_may_be_taken_back_before_it_begins(places):
    row = change(places["110108"], since=TODAY + timedelta(days=5))
    end_override(override_id=row.pk, valid_to=TODAY, by=None, now=NOW)
    assert ordinary(on=TODAY + timedelta(days=6)) == "7 natural_days"
    with pytest.raises(Refusal):
        end_override(override_id=row.pk, valid_to=TODAY + timedelta(days=9), by=None, now=NOW)
    with pytest.raises(NotThere):
        end_override(override_id=row.pk + 1, valid_to=TODAY, by=None, now=NOW)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"key": "cases.deadline.typo"}, "key"),
        ({"value": "soon"}, "value"),
        ({"value": "0 working_days"}, "value"),
        ({"value": 5}, "value"),
        ({"key": "cases.yellow_share", "value": 1.5}, "value"),
        ({"key": "calendar.working_hours", "value": [["12:00", "09:00"]]}, "value"),
        ({"key": "calendar.zone", "value": "Mars/Base"}, "value"),
        ({"until": TODAY}, "valid_to"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 301}, "reason"),
        ({"reason": "x\x00"}, "reason"),
    ],
)
def test_what_is_refused_changes_nothing(places, wrong, field):
    with pytest.raises(Refusal) as refused:
        change(places["110108"], **wrong)
    assert refused.value.field == field
    assert 400 <= refused.value.status < 500
    assert not RuleOverride.objects.exists()
    assert not Entry.objects.exists()


def test_the_database_guards_dates_and_places(places):
    row = change(places["110108"])
    for wrong in ({"valid_to": TODAY - timedelta(days=1)}, {"place_path": ""}, {"place": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            RuleOverride.objects.filter(pk=row.pk).update(**wrong)


def test_asking_costs_nothing_once_the_book_is_open(db, django_assert_num_queries):
    rule(ORDINARY, path=HERE, on=TODAY)
    with django_assert_num_queries(0):
        due = deadline(NOW, rule(ORDINARY, path=HERE, on=TODAY), HERE)
        assert due > NOW
        assert rules_in_force(HERE, TODAY)


def test_after_a_few_seconds_one_statement_asks_whether_something_changed(
    db, django_assert_num_queries, monkeypatch, places
):
    rule(ORDINARY, path=HERE, on=TODAY)
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 0.0)
    with django_assert_num_queries(1):
        rule(ORDINARY, path=HERE, on=TODAY)
    # Another process changes a rule: nobody here called the action.
    row = RuleOverride.objects.create(
        place=places["11"], place_path="11", key=ORDINARY, value="1 working_days", valid_from=TODAY, reason="x"
    )
    assert ordinary() == "1 working_days"
    RuleOverride.objects.filter(pk=row.pk).update(valid_to=TODAY, version=2)
    assert ordinary() == "7 natural_days"


def test_a_change_that_is_rolled_back_leaves_no_trace(places):
    assert ordinary() == "7 natural_days"
    with transaction.atomic():
        change(places["110108"])
        assert ordinary() == "3 working_days"  # whoever changes it sees it at once
        transaction.set_rollback(True)
    assert ordinary() == "7 natural_days"


@pytest.mark.django_db(transaction=True)
def test_others_see_a_change_only_when_it_is_committed(monkeypatch):
    # On PostgreSQL others ask the database each time; SQLite would have them wait, there they keep to their book.
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 0.0 if connection.vendor == "postgresql" else 3600.0)
    seen: dict[str, str] = {}

    def ask(name: str) -> None:
        try:
            seen[name] = str(rule(ORDINARY, path=HERE, on=TODAY))
        finally:
            connection.close()

    def elsewhere(name: str) -> None:
        thread = threading.Thread(target=ask, args=(name,))
        thread.start()
        thread.join()

    assert ordinary() == "7 natural_days"
    with transaction.atomic():
        change(None)
        assert ordinary() == "3 working_days"
        elsewhere("during")
    elsewhere("after")
    assert seen == {"during": "7 natural_days", "after": "3 working_days"}
    assert ordinary() == "3 working_days"


def test_the_list_names_where_each_value_comes_from(places):
    row = change(places["110108015"], 40, key="cases.reopen_days")
    lines = {line.key: line for line in rules_in_force(HERE, TODAY)}
    assert list(lines) == known_keys()
    assert lines["cases.reopen_days"].override_id == row.pk
    assert lines["cases.reopen_days"].place_path == "110108015"
    assert lines["cases.reopen_days"].value == 40
    assert (lines[ORDINARY].pack, lines[ORDINARY].place_path, lines[ORDINARY].verified) == ("beijing", "11", False)
    assert lines["cases.yellow_share"].pack == "national"
    assert lines["calendar.working_hours"].in_words == "09:00–12:00, 13:30–18:00"
    assert known_keys("cases.deadline.")[0] == "cases.deadline.emergency"


def test_an_override_that_this_version_does_not_understand_is_passed_over_and_reported(db, caplog):
    RuleOverride.objects.create(key="cases.former_rule", value=1, valid_from=TODAY, reason="x")
    wrong = RuleOverride.objects.create(key=ORDINARY, value="two moons", valid_from=TODAY, reason="x")
    assert ordinary() == "7 natural_days"
    assert f"override {wrong.pk} of {ORDINARY}" in caplog.text


def command(*words: str) -> Result:
    with translation.override("en"):
        return CliRunner().invoke(commands.rules, words)


def test_changing_a_rule_from_the_command_line(places, django_user_model):
    django_user_model.objects.create_user("clerk")
    said = command("set", ORDINARY, "3 working_days", "--place", "110108", "--from", "2026-06-01",
                   "--reason", "agreed", "--by", "clerk")  # fmt: skip
    row = RuleOverride.objects.get()
    assert (said.exit_code, said.output) == (0, f"Change {row.pk} is entered.\n")
    assert row.by.username == "clerk"
    assert ordinary() == "3 working_days"
    assert command("end", str(row.pk), "--on", "2026-06-10").exit_code == 0
    assert ordinary(on=date(2026, 6, 10)) == "7 natural_days"
    hours = '[["08:00", "12:00"]]'
    given = ("calendar.working_hours", hours, "--from", "2026-06-01", "--reason", "summer")
    assert command("set", *given).exit_code == 0
    assert rule("calendar.working_hours", path="", on=TODAY) == ((480, 720),)


@pytest.mark.parametrize(
    "words",
    [
        ("set", "cases.typo", "1", "--from", "2026-06-01", "--reason", "x"),
        ("set", ORDINARY, "soon", "--from", "2026-06-01", "--reason", "x"),
        ("set", ORDINARY, "3 working_days", "--from", "2026-06-01", "--reason", "x", "--place", "99"),
        ("set", ORDINARY, "3 working_days", "--from", "2026-06-01", "--reason", "x", "--by", "nobody"),
        ("end", "1"),
        ("day", "2026-06-03", "forget"),
    ],
)
def test_a_wrong_command_says_so_and_changes_nothing(db, words):
    result = command(*words)
    assert result.exit_code in (1, 2)
    assert "Error: " in result.output
    assert not Entry.objects.exists()


def test_entering_a_day_from_the_command_line(places):
    fair = date(2026, 6, 3)
    assert command("day", "2026-06-03", "holiday", "--place", "110108015", "--name", "street fair").exit_code == 0
    assert not is_working_day(fair, HERE)
    assert is_working_day(fair, "110108")
    assert command("day", "2026-06-03", "forget", "--place", "110108015").exit_code == 0
    assert is_working_day(fair, HERE)
