from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy import DataClass, Personal, actions, declarations
from gongzhi.ground.privacy.actions import delete_doomed_files, erase_due
from gongzhi.ground.privacy.declarations import problems
from gongzhi.ground.privacy.jobs import erase_expired
from gongzhi.ground.privacy.models import DoomedFile, Erasure
from gongzhi.ground.privacy.tests.models import Letter

WORDS = {"why": "answering", "basis": "duty"}


def keep(field, **more):
    return Personal("privacy.Letter", field, **{**WORDS, "keep_days": 30, "clock": "answered_at", **more})


def found(due):
    return {one.personal.field: one.rows for one in due}


@pytest.mark.django_db
def test_what_is_due_goes_and_the_rest_stays(declared, now):
    declared(keep("phone"), keep("body"), keep("extra"), keep("identity"), keep("sender", keep_days=None, until="ever"))
    values = {
        "phone": "13800138000",
        "body": "words",
        "body_length": 5,
        "extra": {"a": 1},
        "identity": "x",
        "sender": "王",
    }
    old = Letter.objects.create(answered_at=now - timedelta(days=31), **values)
    young = Letter.objects.create(answered_at=now - timedelta(days=29), **values)
    waiting = Letter.objects.create(answered_at=None, **values)
    erase_expired(now=now)
    old.refresh_from_db()
    assert (old.phone.open(), old.phone_index, old.body, old.body_length, old.extra) == ("", None, "", 0, {})
    assert old.identity is None
    assert old.sender.open() == "王"
    for row in (young, waiting):
        row.refresh_from_db()
        assert (row.phone.open(), row.body, row.body_length, row.extra) == ("13800138000", "words", 5, {"a": 1})
        assert row.phone_index
        assert row.identity.open() == "x"


@pytest.mark.django_db
def test_each_batch_is_recorded_once_and_without_the_data(declared, now):
    declared(keep("phone"))
    rows = [Letter.objects.create(phone=f"138{n:08d}", answered_at=now - timedelta(days=40)) for n in range(5)]
    assert found(erase_due(now=now, batch=2, dry_run=True)) == {"phone": 5}
    assert not Erasure.objects.exists()
    assert found(erase_due(now=now, batch=2)) == {"phone": 5}
    assert [(one.rows, int(one.first_id), int(one.last_id)) for one in Erasure.objects.order_by("pk")] == [
        (2, rows[0].pk, rows[1].pk),
        (2, rows[2].pk, rows[3].pk),
        (1, rows[4].pk, rows[4].pk),
    ]
    entries = Entry.objects.filter(event="privacy.PersonalDataErased")
    assert entries.earliest("id").data == {
        "model": "privacy.Letter",
        "field": "phone",
        "rows": 2,
    }
    assert found(erase_due(now=now, batch=2)) == {"phone": 0}
    assert Erasure.objects.count() == 3


@pytest.mark.django_db
def test_a_killed_run_is_taken_up_again(declared, now):
    declared(keep("phone"))
    for n in range(5):
        Letter.objects.create(phone=f"138{n:08d}", answered_at=now - timedelta(days=40))

    def power_cut(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase_due(now=now, batch=2, report=power_cut)
    assert Letter.objects.filter(phone="").count() == 2
    assert found(erase_due(now=now, batch=2)) == {"phone": 3}


@pytest.mark.django_db
def test_files_go_after_the_commit_even_when_the_first_try_dies(
    declared, now, files, monkeypatch, django_capture_on_commit_callbacks
):
    declared(keep("scan"))
    letter = Letter(answered_at=now - timedelta(days=40))
    letter.scan.save("scan.jpg", ContentFile(b"photo"), save=False)
    letter.save()
    name = letter.scan.name
    assert files.exists(name)
    with django_capture_on_commit_callbacks() as callbacks:  # killed between commit and deletion
        erase_due(now=now)
    assert callbacks
    letter.refresh_from_db()
    assert not letter.scan
    assert files.exists(name)
    assert DoomedFile.objects.get().name == name

    with monkeypatch.context() as broken:
        broken.setattr(files, "delete", lambda name: (_ for _ in ()).throw(OSError("disk away")))
        with pytest.raises(OSError, match="disk away"):
            delete_doomed_files()
    assert DoomedFile.objects.exists()
    erase_due(now=now)  # the next run
    assert not files.exists(name)
    assert not DoomedFile.objects.exists()
    assert delete_doomed_files() == 0


@pytest.mark.django_db
def test_the_clock_may_be_a_day_or_a_question(declared, now):
    declared(keep("phone", clock="answered_on"), keep("sender", clock="answered_before"))
    today = now.date()
    for days in (29, 30, 31):
        moment = now - timedelta(days=days, seconds=1)
        Letter.objects.create(phone="1", sender="王", answered_on=today - timedelta(days=days), answered_at=moment)
    assert found(erase_due(now=now)) == {"phone": 1, "sender": 2}


@pytest.mark.django_db
def test_places_may_have_a_rule_of_their_own(declared, now, monkeypatch):
    monkeypatch.setattr(actions, "rule", lambda key, *, path, on: 10 if path.startswith("3306") else 730)
    declared(keep("phone", keep_days="privacy.keep_days.contact"))
    for path in ("110108", "330603", "33060301", ""):
        Letter.objects.create(phone="1", place_path=path, answered_at=now - timedelta(days=40))
    assert found(erase_due(now=now)) == {"phone": 2}
    assert set(Letter.objects.filter(phone="").values_list("place_path", flat=True)) == {"330603", "33060301"}


@pytest.mark.django_db
def test_a_rule_of_the_pack_counts(declared, now):
    declared(keep("phone", keep_days="privacy.keep_days.contact"))
    Letter.objects.create(phone="1", place_path="11", answered_at=now - timedelta(days=36600))
    assert found(erase_due(now=now)) == {"phone": 1}


@pytest.mark.django_db
def test_log_rows_go_as_a_whole_and_their_secret_keys_are_not_written_down(declared, now):
    session = {**WORDS, "keep_days": 0, "clock": "expire_date", "whole_row": True}
    declared(
        Personal("sessions.Session", "session_data", **session), Personal("sessions.Session", "session_key", **session)
    )
    Session.objects.create(session_key="a" * 32, session_data="x", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="b" * 32, session_data="x", expire_date=now + timedelta(seconds=1))
    assert found(erase_due(now=now)) == {"session_data": 1, "session_key": 0}
    assert Session.objects.get().session_key == "b" * 32
    assert Erasure.objects.get().first_id == ""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.integers(0, 400), ages=st.lists(st.integers(-5, 400), max_size=6))
@pytest.mark.django_db
def test_erased_exactly_when_the_days_are_over(declared, now, days, ages):
    declarations._personal[:] = [keep("phone", keep_days=days)]
    Letter.objects.all().delete()
    for age in ages:
        Letter.objects.create(phone="1", answered_at=now - timedelta(days=age), body=str(age))
    erase_due(now=now)
    kept = sorted(int(letter.body) for letter in Letter.objects.exclude(phone=""))
    assert kept == sorted(age for age in ages if age <= days)


# Declarations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (Personal("privacy.Nobody", "phone", **WORDS, until="x"), "no such field"),
        (Personal("privacy.Letter", "nothing", **WORDS, until="x"), "no such field"),
        (Personal("privacy.letter", "phone", **WORDS, until="x"), "is spelled privacy.Letter.phone"),
        (Personal("privacy.Letter", "phone", why="", basis="duty", until="x"), "purpose"),
        (Personal("privacy.Letter", "phone", **WORDS), "neither keep_days nor until"),
        (Personal("privacy.Letter", "phone", **WORDS, keep_days=3), "needs a clock"),
        (Personal("privacy.Letter", "phone", **WORDS, keep_days=3, clock="no_such"), "neither a field nor"),
        (Personal("privacy.Letter", "phone", **WORDS, keep_days=3, clock="all"), "neither a field nor"),
        (Personal("privacy.Letter", "phone", **WORDS, keep_days=3, clock="body"), "not a date"),
        (Personal("privacy.Letter", "phone", **WORDS, keep_days=-3, clock="answered_at"), "less than nothing"),
        (Personal("privacy.Letter", "phone", **WORDS, keep_days="no.such", clock="answered_at"), "no rule"),
        (Personal("privacy.Letter", "place_path", **WORDS, until="x"), "RECORDED"),
    ],
)
def test_a_wrong_declaration_is_named(declared, wrong, says):
    declared(wrong)
    assert len(problems()) == 1
    assert says in problems()[0]


def test_a_right_declaration_has_no_problems(declared):
    declared(
        keep("phone", data_class=DataClass.SENSITIVE),
        keep("body", clock="answered_before"),
        keep("extra", clock="answered_on"),
        harmless={"privacy.Letter.place_path"},
    )
    assert problems() == []


def test_declaring_twice_is_a_problem(declared):
    declared(keep("phone"), harmless={"privacy.Letter.phone"})
    assert problems() == ["privacy.Letter.phone is declared 2 times."]
