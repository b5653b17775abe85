"""Deadlines as a calendar, and digests: only numbers leave the house, never twice, and only where somebody asked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest
from django.conf import settings as live_settings
from django.core import mail
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks import actions as tasks
from gongzhi.ground.access.models import Token
from gongzhi.ground.access.tokens import bearer_of, create_token
from gongzhi.ground.accounts.models import User
from gongzhi.ground.refusals import Refusal
from gongzhi.learn.digests.actions import choose_rhythm
from gongzhi.learn.digests.deadlines import deadlines_of
from gongzhi.learn.digests.feed import FEED, calendar_of, end_feed, feed_of, make_feed
from gongzhi.learn.digests.icalendar import Entry, escaped, folded, written
from gongzhi.learn.digests.jobs import forget_sent, send_digests
from gongzhi.learn.digests.models import Digest, Sending
from gongzhi.verify.notices import carriers
from tests.scenes import WORDS

STAMP = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)


@pytest.fixture
def sent(town: Any, moment: Any) -> Any:
    """A directive of the street to the first community."""

    def sent() -> Assignment:
        ask = Ask(
            title="防汛排查",
            text="逐楼排查地下空间。",
            done_when="每个地下空间都看过。",
            target_level="village",
            target_places=[town.community.pk],
            reply_span="3 working_days",
            minutes=60,
        )
        made = directives.draft_directive(ask=ask, by=town.street_clerk, now=moment.now)
        directives.issue_directive(directive_id=made.pk, by=town.street_clerk, now=moment.now)
        return Assignment.objects.get(directive=made)

    return sent


# --- the format -----------------------------------------------------------------------------------------------------


def unfolded(content: bytes) -> list[str]:
    """The content lines again, as 3.1 says: CRLF and a blank go."""
    assert content.endswith(b"\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    return content.decode().replace("\r\n ", "").split("\r\n")[:-1]


def test_a_moment_is_written_in_utc_and_a_day_as_a_day() -> None:
    shanghai = datetime.fromisoformat("2026-11-20T17:30:00+08:00")
    entries = [
        Entry("task-1@x", "工单 261118", shanghai, STAMP, "https://x/staff/tasks/1/", 3),
        Entry("visit-2@x", "走访 2", date(2026, 11, 21), STAMP, "https://x/staff/"),
    ]
    lines = unfolded(written("时限", entries))
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-1] == "END:VCALENDAR"
    assert "DTSTART:20261120T093000Z" in lines
    assert "DTSTART;VALUE=DATE:20261121" in lines
    assert "DTSTAMP:20261118T020000Z" in lines
    assert "SEQUENCE:3" in lines
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 2


@given(st.text(max_size=300))
def test_every_text_can_be_folded_and_read_back(text: str) -> None:
    line = f"SUMMARY:{escaped(text)}"
    pieces = list(folded(line))
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert pieces[0] + "".join(piece[1:] for piece in pieces[1:]) == line
    assert "\n" not in line
    assert "\r" not in line
    value = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], line.removeprefix("SUMMARY:"))
    plain = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text.replace("\r\n", "\n").replace("\r", "\n"))
    assert value == plain
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", line.removeprefix("SUMMARY:"))


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=120), max_size=5))
def test_another_reader_finds_the_same(titles: list[str]) -> None:
    """The package ``icalendar`` reads what is written here."""
    clean = [re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", "", title).strip() or "x" for title in titles]
    entries = [Entry(f"task-{n}@x", title, STAMP, STAMP, "https://x/1") for n, title in enumerate(clean)]
    entries.append(Entry("visit-1@x", "Tag", date(2026, 11, 21), STAMP, "https://x/2"))
    read = icalendar.Calendar.from_ical(written("时限, all; of it", entries))
    events = read.walk("VEVENT")
    assert [str(event["SUMMARY"]) for event in events] == [entry.title for entry in entries]
    assert [event.decoded("DTSTART") for event in events] == [entry.at for entry in entries]
    assert [str(event["UID"]) for event in events] == [entry.uid for entry in entries]


# --- the feed -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_feed_tells_numbers_and_kinds_only(town: Any, assigned: Any, moment: Any, client: Any) -> None:
    _message, case = assigned(name="赵先生", phone="13800000000", address="东门3号楼")
    order = case.tasks.get()
    _token, secret = make_feed(by=town.worker, now=moment.now)
    answer = client.get(f"/calendar/{secret}.ics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"] == "private, no-cache"
    text = "\n".join(unfolded(answer.content))
    assert f"UID:task-{order.pk}@" in text
    assert order.due_at.astimezone(UTC).strftime("DTSTART:%Y%m%dT%H%M%SZ") in text
    assert str(order) in text
    for private in ("赵", "1380000", WORDS[:6], "东门"):
        assert private not in text


@pytest.mark.django_db
def test_asking_again_costs_no_content(town: Any, assigned: Any, moment: Any, client: Any) -> None:
    _message, case = assigned()
    _token, secret = make_feed(by=town.worker, now=moment.now)
    first = client.get(f"/calendar/{secret}.ics")
    moment.now += timedelta(minutes=20)
    again = client.get(f"/calendar/{secret}.ics", headers={"if-none-match": f'"other", W/{first["ETag"]}'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=town.worker, now=moment.now)
    changed = client.get(f"/calendar/{secret}.ics", headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert b"VEVENT" not in changed.content
    for _ in range(80):
        last = client.get(f"/calendar/{secret}.ics")
    assert last.status_code == 429


@pytest.mark.django_db
def test_the_secret_opens_the_calendar_and_nothing_else(town: Any, moment: Any, client: Any) -> None:
    _token, secret = make_feed(by=town.street_clerk, now=moment.now)
    headers = {"authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/cases", headers=headers).status_code in (401, 403, 404)
    assert client.get("/api/v1/places", headers=headers).status_code in (401, 403, 404)
    found = bearer_of(secret, now=moment.now)
    assert found is not None
    assert found.verbs == [FEED]
    made, other = create_token(
        name="hall", verbs=["cases.read"], expires_on=moment.now.date() + timedelta(days=9),
        by=town.street_clerk, now=moment.now,
    )  # fmt: skip
    assert client.get(f"/calendar/{other}.ics").status_code == 404
    with pytest.raises(Refusal):
        create_token(
            name="x", verbs=[FEED], expires_on=made.expires_on, by=town.street_clerk, now=moment.now
        )  # fmt: skip


@pytest.mark.django_db
def test_a_new_address_ends_the_one_before(town: Any, moment: Any, client: Any) -> None:
    _token, first = make_feed(by=town.worker, now=moment.now)
    _token, second = make_feed(by=town.worker, now=moment.now)
    assert [client.get(f"/calendar/{one}.ics").status_code for one in (first, second)] == [404, 200]
    assert feed_of(town.worker, now=moment.now) is not None
    assert end_feed(by=town.worker, now=moment.now)
    assert client.get(f"/calendar/{second}.ics").status_code == 404
    assert not end_feed(by=town.worker, now=moment.now)
    _token, third = make_feed(by=town.worker, now=moment.now)
    User.objects.filter(pk=town.worker.pk).update(is_active=False)
    assert client.get(f"/calendar/{third}.ics").status_code == 404


@pytest.mark.django_db
def test_a_deputy_s_calendar_has_what_they_stand_in_for(town: Any, assigned: Any, moment: Any) -> None:
    from gongzhi.ground.access.standins import Seat, move_work

    _message, case = assigned()
    assert deadlines_of(town.other_worker) == []
    seat = Seat("grid_worker", town.grid.pk, (town.other_worker.pk,))
    until = moment.now.date() + timedelta(days=2)
    move_work(seats=[seat], place=town.grid, why="absence", until=until, by=town.leader, now=moment.now)
    deputy = User.objects.get(pk=town.other_worker.pk)
    assert [one.key for one in deadlines_of(deputy)] == [f"task-{case.tasks.get().pk}"]
    assert calendar_of(deputy) == calendar_of(deputy)


@pytest.mark.django_db
def test_a_directive_and_a_promise_stand_in_the_calendar(town: Any, sent: Any, moment: Any) -> None:
    piece = sent()
    (one,) = deadlines_of(town.secretary)
    assert (one.key, one.due) == (f"assignment-{piece.pk}", piece.due_at)
    assert "防汛" not in one.title, "a number, and nothing that somebody wrote"
    assert piece.directive.number in one.title


# --- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_secret_is_shown_once(town: Any, as_user: Any, client: Any, moment: Any) -> None:
    browser = as_user(town.worker)
    assert "Make a calendar address" in browser.get("/staff/digests/").content.decode()
    made = browser.post("/staff/digests/calendar/").content.decode()
    address = re.search(r"/calendar/(gz_[A-Za-z0-9_-]+)\.ics", made)
    assert address is not None
    assert address[1] not in browser.get("/staff/digests/").content.decode()
    assert client.get(address[0]).status_code == 200
    assert browser.post("/staff/digests/calendar/end/").status_code == 302
    assert client.get(address[0]).status_code == 404
    assert Token.objects.get().revoked_at is not None


WRONG = (
    {"rhythm": "hourly"},
    {"hour": "3"},
    {"hour": "x"},
    {"weekday": "7"},
    {"email": "nobody"},
    {"email": "", "phone": ""},
    {"phone": "call me"},
    {"phone": "1" * 40},
    {"email": "a@b.example\r\nBcc: c@d.example"},
)


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_wrong_choices(wrong: dict[str, str], town: Any, as_user: Any, moment: Any, settings: Any) -> None:
    settings.GONGZHI_EMAIL, settings.GONGZHI_SMS = "smtp", "outbox"
    given = {"rhythm": "daily", "hour": "8", "weekday": "1", "email": "w@office.example", "phone": "13900000001"}
    assert as_user(town.worker).post("/staff/digests/", {**given, **wrong}).status_code == 422
    assert not Digest.objects.exists()


@pytest.mark.django_db
def test_choosing_and_stopping(town: Any, as_user: Any, moment: Any, settings: Any) -> None:
    settings.GONGZHI_EMAIL, settings.GONGZHI_SMS = "smtp", "none"
    browser = as_user(town.worker)
    given = {"rhythm": "weekly", "hour": "8", "weekday": "3", "email": "w@office.example", "phone": ""}
    assert browser.post("/staff/digests/", given).status_code == 302
    digest = Digest.objects.get()
    assert digest.email.open() == "w@office.example"
    assert "w@office.example" in browser.get("/staff/digests/").content.decode()
    assert "office" not in str(digest.email), "sealed: it prints as a mask"
    assert browser.post("/staff/digests/", {**given, "phone": "13900000001"}).status_code == 422, (
        "no text messages here"
    )
    assert browser.post("/staff/digests/", {**given, "rhythm": "off", "email": ""}).status_code == 302
    digest.refresh_from_db()
    assert (digest.rhythm, bool(digest.email)) == ("off", False)


# --- sending --------------------------------------------------------------------------------------------------------


@pytest.fixture
def chosen(db: None, town: Any, moment: Any, settings: Any) -> Any:
    """The grid worker wants letters at 8; it is the Tuesday before the town's Wednesday."""
    settings.GONGZHI_EMAIL, settings.GONGZHI_SMS = "smtp", "none"

    def chosen(**more: Any) -> Digest:
        wishes = {"rhythm": "daily", "hour": 8, "weekday": 1, "email": "w@office.example", "phone": "", **more}
        made = choose_rhythm(**wishes, by=town.worker, now=moment.now - timedelta(days=1))
        assert made is not None
        return made

    return chosen


def at(moment: Any, hour: int, days: int = 0) -> Any:
    return moment.now.replace(hour=hour, minute=5) + timedelta(days=days)


def test_a_letter_at_the_hour_once(chosen: Any, assigned: Any, moment: Any) -> None:
    assigned(name="赵先生", phone="13800000000")
    mail.outbox.clear()
    chosen()
    assert send_digests(now=at(moment, 7)) == 0
    assert send_digests(now=at(moment, 8)) == 1
    assert send_digests(now=at(moment, 8)) == 0
    assert send_digests(now=at(moment, 16)) == 0
    (letter,) = mail.outbox
    assert letter.to == ["w@office.example"]
    assert "1 open" in letter.subject
    assert live_settings.GONGZHI_ADDRESS.rstrip("/") + "/staff/tasks/" in letter.body
    assert "/staff/digests/" in letter.body
    assert f"gongzhi-digest-{Sending.objects.get().pk}@" in letter.extra_headers["Message-ID"]
    for private in ("赵", "1380000", WORDS[:6]):
        assert private not in f"{letter.subject} {letter.body}"


def test_not_on_days_off_and_the_next_day_again(chosen: Any, moment: Any) -> None:
    chosen()
    sent = [send_digests(now=at(moment, 9, days)) for days in range(6)]  # Wednesday to Monday
    assert sent == [1, 1, 1, 0, 0, 1]


def test_once_a_week_on_its_day_or_the_working_day_after(chosen: Any, moment: Any) -> None:
    digest = chosen(rhythm="weekly", weekday=5)
    assert [send_digests(now=at(moment, 9, days)) for days in range(10)] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    Sending.objects.all().delete()
    Digest.objects.filter(pk=digest.pk).update(weekday=1, changed_at=datetime(2026, 9, 20, tzinfo=UTC))
    # Monday, 5 October 2026, lies in the national holiday.
    days = [datetime(2026, 10, day, 1, 30, tzinfo=UTC) for day in range(5, 13)]
    sent = [send_digests(now=day) for day in days]
    assert sent[0] == 0
    assert sum(sent[:5]) == 1


def test_what_is_chosen_after_the_hour_begins_tomorrow(chosen: Any, town: Any, moment: Any) -> None:
    wishes: dict[str, Any] = {"rhythm": "daily", "hour": 8, "weekday": 1, "email": "w@office.example", "phone": ""}
    chosen()
    choose_rhythm(**wishes, by=town.worker, now=at(moment, 9))
    assert send_digests(now=at(moment, 10)) == 0
    assert send_digests(now=at(moment, 8, 1)) == 1


def test_a_carrier_that_fails_is_asked_again_under_the_same_key(
    chosen: Any, moment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def broken(address: str, subject: str, text: str, key: str) -> None:
        asked.append(key)
        raise carriers.Unreached("down")

    monkeypatch.setattr("gongzhi.learn.digests.sending.carriers.send_email", broken)
    chosen()
    now = at(moment, 8)
    for _ in range(12):
        send_digests(now=now)
        now += timedelta(minutes=20)
    assert len(asked) == 5
    assert len(set(asked)) == 1
    assert Sending.objects.get().state == "failed"


def test_a_text_message_has_only_numbers(chosen: Any, assigned: Any, moment: Any, settings: Any) -> None:
    settings.GONGZHI_SMS = "outbox"
    assigned()
    chosen(email="", phone="13900000001")
    assert send_digests(now=at(moment, 8)) == 1
    line = next(iter(carriers.read_out()))
    assert "1 open" in line["text"]
    assert line["to"] != "13900000001"


def test_nobody_is_written_to_who_left_or_stopped(chosen: Any, town: Any, moment: Any) -> None:
    digest = chosen()
    User.objects.filter(pk=town.worker.pk).update(is_active=False)
    assert send_digests(now=at(moment, 8)) == 0
    forget_sent(now=at(moment, 9))
    digest.refresh_from_db()
    assert not digest.email
    User.objects.filter(pk=town.worker.pk).update(is_active=True)
    choose_rhythm(rhythm="off", hour=8, weekday=1, email="", phone="", by=town.worker, now=moment.now)
    assert send_digests(now=at(moment, 8, 1)) == 0


def test_what_was_sent_is_forgotten(chosen: Any, moment: Any) -> None:
    chosen()
    send_digests(now=at(moment, 8))
    forget_sent(now=at(moment, 8, 10))
    assert Sending.objects.count() == 1
    forget_sent(now=at(moment, 8, 70))
    assert Sending.objects.count() == 0
