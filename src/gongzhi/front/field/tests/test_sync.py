"""What devices send: once, with an answer for each, whatever network, clock and colleagues did meanwhile."""

from __future__ import annotations

import gzip
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.act.visits.models import Visit
from gongzhi.front.field.models import Sent
from gongzhi.front.field.reading import owner_of
from gongzhi.front.field.tests.conftest import CLOCK, HOUR, SYNC, thing
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db


def visit_of(town: Any, **more: Any) -> dict[str, Any]:
    return {"uid": str(uuid.uuid4()), "place": town.grid.path, "whom": "李奶奶", "asked": "扶手", "promise": "", **more}


# --- each kind ------------------------------------------------------------------------------------------------------


def test_a_day_in_one_go(device: Any, assigned: Any, town: Any, moment: Any, deliver: Any) -> None:
    _message, case = assigned()
    task = case.tasks.get()
    due = str(timezone.localdate(moment.now) + timedelta(days=2))
    visit = visit_of(town, promise="问物业", promise_due=due)
    answers = device(
        town.worker,
        thing("task.accept", {"task": task.pk}, ago=3 * HOUR),
        thing("task.done", {"task": task.pk, "words": "清走了"}, ago=2 * HOUR),
        thing("visit.made", visit, ago=HOUR),
        thing("promise.kept", {"uid": visit["uid"], "words": "装好了"}),
        thing("report", {"text": "井盖松动", "place": town.grid.path, "category": LITTER}),
    )
    assert [one["outcome"] for one in answers] == ["done"] * 5
    deliver(now=moment.now)
    task.refresh_from_db()
    assert (task.state, task.words, task.ended_by) == ("done", "清走了", town.worker)
    assert Visit.objects.get().kept_words == "装好了"
    message = Message.objects.get(number=answers[4]["ids"]["number"])
    assert (message.channel, message.text, message.entered_by) == ("field", "井盖松动", town.worker)
    assert Case.objects.filter(voices__message=message).exists()
    assert verify(now=moment.now) == []


def test_a_photo_and_a_voice_note(device: Any, town: Any) -> None:
    from gongzhi.sense.channels.tests.test_recordings import OGG
    from tests.browser.conftest import picture

    item = thing("report", {"text": "", "place": town.grid.path})
    files = {
        f"{item['key']}/photos": SimpleUploadedFile("a.jpg", picture()),
        f"{item['key']}/recordings": SimpleUploadedFile("a", OGG),
    }
    (answer,) = device(town.worker, item, files=files)
    assert answer["outcome"] == "done"
    message = Message.objects.get()
    assert (message.photos.count(), message.recordings.get().kind) == (1, "ogg")
    assert "listen" in message.text


def test_noted_on_site_and_sent_later(device: Any, town: Any, assigned: Any, moment: Any) -> None:
    _message, case = assigned()
    moment.now += timedelta(hours=6)
    task = case.tasks.get()
    device(
        town.worker,
        thing("task.done", {"task": task.pk, "words": "好了"}, ago=2 * HOUR),
        thing("report", {"text": "路灯不亮", "place": town.grid.path}, ago=HOUR),
    )
    task.refresh_from_db()
    assert task.ended_at == moment.now - timedelta(hours=2)
    when = timezone.localtime(moment.now - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M")
    assert when in Message.objects.get(text__contains="路灯").text


# --- twice, and out of order ----------------------------------------------------------------------------------------


def test_sent_twice_is_done_once_and_answered_alike(device: Any, town: Any) -> None:
    item = thing("report", {"text": "井盖松动", "place": town.grid.path})
    first = device(town.worker, item)
    entries = Entry.objects.count()
    assert device(town.worker, item) == first
    assert device(town.worker, {**item, "data": {**item["data"], "text": "别的"}}, item) == first * 2
    assert (Message.objects.count(), Sent.objects.count(), Entry.objects.count()) == (1, 1, entries)
    # Another person's key is another key.
    assert device(town.second_worker, item) != first


def test_one_that_fails_holds_no_other_up(device: Any, town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    good = [thing("visit.made", visit_of(town)) for _each in range(2)]
    bad = [
        thing("visit.made", visit_of(town, promise_due="2026-13-01")),
        thing("visit.made", visit_of(town, place="999")),
        thing("visit.made", visit_of(town, uid="no uid")),
        thing("task.done", {"task": "x"}),
        thing("task.done", {"task": 10**30}),
        thing("fly", {}),
        thing("report", {"text": "", "place": town.grid.path}),
        thing("report", {"text": "长" * 4001, "place": town.grid.path}),
        thing("report", {"text": 5, "place": town.grid.path}),
    ]
    answers = device(town.worker, good[0], *bad, good[1])
    assert [one["outcome"] for one in answers] == ["done", *["refused"] * len(bad), "done"]
    assert all(one["says"] for one in answers[1:-1])
    assert Sent.objects.count() == 2  # what can be mended is not final
    assert device(town.worker, {**bad[0], "data": visit_of(town)})[0]["outcome"] == "done"

    def broken(*_given: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(__import__("gongzhi.front.field.actions", fromlist=["DEEDS"]).DEEDS, "visit.drop", broken)
    answers = device(town.worker, thing("visit.drop", {"uid": str(uuid.uuid4())}), thing("visit.made", visit_of(town)))
    assert [one["outcome"] for one in answers] == ["again", "done"]


# --- what happened meanwhile ----------------------------------------------------------------------------------------


def test_handed_to_others_meanwhile(
    device: Any, town: Any, assigned: Any, moment: Any, deliver: Any, as_user: Any
) -> None:
    _message, case = assigned()
    task = case.tasks.get()
    seat = {"role": "property_manager", "place_id": town.community.pk}
    cases.assign_case(case_id=case.pk, **seat, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    item = thing("task.done", {"task": task.pk, "words": "楼道已经扫了"})
    (answer,) = device(town.worker, item)
    assert answer["outcome"] == "conflict"
    assert "Property manager" in answer["says"]
    task.refresh_from_db()
    assert task.state == "cancelled"
    # What was typed is kept, for the person only, until they say "understood".
    kept = as_user(town.worker).get("/field/data.json").json()["aside"]
    assert [(one["words"], one["key"]) for one in kept] == [("楼道已经扫了", item["key"])]
    assert as_user(town.second_worker).get("/field/data.json").json()["aside"] == []
    assert device(town.worker, item)[0] == answer
    device(town.second_worker, thing("aside.settle", {"of": item["key"]}))
    assert as_user(town.worker).get("/field/data.json").json()["aside"]
    device(town.worker, thing("aside.settle", {"of": item["key"]}))
    assert as_user(town.worker).get("/field/data.json").json()["aside"] == []


def test_a_colleague_was_quicker(device: Any, town: Any, assigned: Any, moment: Any) -> None:
    _message, case = assigned()
    task = case.tasks.get()
    tasks.report_done(task_id=task.pk, words="我清的", by=town.second_worker, now=moment.now)
    answers = device(
        town.worker,
        thing("task.accept", {"task": task.pk}),
        thing("task.done", {"task": task.pk, "words": "清走了"}),
        thing("task.return", {"task": task.pk, "reason": "不归我们"}),
    )
    assert [one["outcome"] for one in answers] == ["conflict"] * 3
    assert all("already" in one["says"] for one in answers)
    task.refresh_from_db()
    assert (task.words, task.ended_by) == ("我清的", town.second_worker)
    assert set(Sent.objects.values_list("words", flat=True)) == {"", "清走了", "不归我们"}


def test_the_post_was_lost_meanwhile(device: Any, town: Any, assigned: Any, moment: Any) -> None:
    _message, case = assigned()
    (answer,) = device(town.other_worker, thing("task.done", {"task": case.tasks.get().pk, "words": "扫了"}))
    assert (answer["outcome"], Sent.objects.get().words) == ("conflict", "扫了")
    assert "no longer yours" in answer["says"]


def test_visits_and_promises_that_moved_on(device: Any, town: Any) -> None:
    due = str(timezone.localdate() + timedelta(days=3))
    visit = visit_of(town, day=str(timezone.localdate()))
    uid = {"uid": visit["uid"]}
    device(town.worker, thing("visit.plan", visit), thing("visit.made", {**uid, "promise": "问", "promise_due": due}))
    device(town.second_worker, thing("promise.kept", uid))
    answers = device(
        town.worker,
        thing("visit.made", {**uid, "asked": "又去了一次"}),
        thing("visit.drop", uid),
        thing("promise.kept", {**uid, "words": "我修的"}),
        thing("promise.kept", {"uid": str(uuid.uuid4()), "words": "没有的"}),
    )
    assert [one["outcome"] for one in answers] == ["conflict"] * 4
    assert all(one["says"] for one in answers)
    assert "又去了一次" in Sent.objects.values_list("words", flat=True)


# --- clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [-400 * 24 * HOUR, -5 * HOUR, 0, 7 * HOUR, 20_000 * 24 * HOUR])
def test_a_wrong_clock_does_not_matter(device: Any, town: Any, assigned: Any, moment: Any, skew: float) -> None:
    _message, case = assigned()
    moment.now += timedelta(hours=5)
    task = case.tasks.get()
    item = thing("task.done", {"task": task.pk, "words": "好了"})
    (answer,) = device(town.worker, {**item, "at": CLOCK + skew - HOUR}, clock=CLOCK + skew)
    assert answer["outcome"] == "done"
    assert Sent.objects.get().written_at == moment.now - timedelta(hours=1)
    task.refresh_from_db()
    assert task.ended_at == moment.now - timedelta(hours=1)


@pytest.mark.parametrize(("skew", "days"), [(40 * 24, 3), (-40 * 24, 3), (3, 3)])
def test_a_wrong_calendar_does_not_matter(device: Any, town: Any, moment: Any, skew: float, days: int) -> None:
    """The person means "in three days" by the calendar that they see; it is three days from the day of the visit."""
    ours = moment.now.timestamp() * 1000
    believed = (moment.now + timedelta(hours=skew)).date()
    visit = visit_of(town, promise="问物业", promise_due=str(believed + timedelta(days=days)), day=str(believed))
    item = {**thing("visit.made", visit), "at": ours + skew * HOUR - HOUR, "on": str(believed)}
    (answer,) = device(town.worker, item, clock=ours + skew * HOUR)
    assert answer["outcome"] == "done", answer
    made = Visit.objects.get()
    assert (made.day, (made.promise_due - made.day).days) == (timezone.localdate(moment.now), days)


@pytest.mark.parametrize(("ago", "says"), [(-HOUR, "future"), (31 * 24 * HOUR, "30 days")])
def test_a_time_that_cannot_be_needs_the_persons_word(
    device: Any, town: Any, moment: Any, ago: float, says: str
) -> None:
    item = thing("report", {"text": "井盖松动", "place": town.grid.path}, ago=ago)
    (answer,) = device(town.worker, item)
    assert answer["outcome"] == "doubtful"
    assert says in answer["says"]
    assert not Message.objects.exists()
    assert Sent.objects.get().words == "井盖松动"
    assert device(town.worker, item)[0] == answer
    (answer,) = device(town.worker, {**item, "confirmed": True})
    assert answer["outcome"] == "done"
    sent = Sent.objects.get()
    assert (sent.outcome, sent.words, sent.written_at) == ("done", "", moment.now)
    assert "Noted on site" not in Message.objects.get().text


def test_a_little_ahead_is_now(device: Any, town: Any) -> None:
    (answer,) = device(town.worker, thing("report", {"text": "井盖松动", "place": town.grid.path}, ago=-60_000))
    assert answer["outcome"] == "done"


# --- who ------------------------------------------------------------------------------------------------------------


def test_nothing_goes_in_somebody_elses_name(device: Any, town: Any) -> None:
    item = thing("report", {"text": "井盖松动", "place": town.grid.path})
    wrong = {"HTTP_X_OWNER": owner_of(town.second_worker)}
    assert device(town.worker, item, status=409, **wrong) == {"problem": "owner"}
    assert not Message.objects.exists()


def test_a_place_beyond_the_post(device: Any, town: Any) -> None:
    answers = device(
        town.worker,
        thing("report", {"text": "井盖松动", "place": town.other_grid.path}),
        thing("visit.made", visit_of(town, place=town.other_grid.path)),
    )
    assert [one["outcome"] for one in answers] == ["conflict", "conflict"]
    assert not Message.objects.exists()


def test_signed_out_and_forged(client: Any, town: Any, as_user: Any) -> None:
    from django.test import Client

    from tests.scenes import SIGN_IN

    answer = client.post(SYNC, "{}", content_type="application/json")
    assert (answer.status_code, answer["Location"][:16]) == (302, "/accounts/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(town.worker, backend=SIGN_IN)
    assert strict.post(SYNC, "{}", content_type="application/json").status_code == 403
    assert as_user(town.worker).get(SYNC)["Location"] == "/field/outbox/"


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"clock": 1, "items": {}}',
        '{"clock": "1", "items": []}',
        '{"clock": 1, "items": [5]}',
        '{"clock": 1, "items": [{"key": "short", "kind": "report", "at": 1, "data": {}}]}',
        '{"clock": 1, "items": [{"key": "12345678", "kind": "report", "at": "x", "data": {}}]}',
        '{"clock": 1, "items": [{"key": "12345678", "kind": "report", "at": 1e400, "data": {}}]}',
        '{"clock": 1, "items": [{"key": "12345678", "kind": "report", "at": 1e300, "data": {}}]}',
        '{"clock": NaN, "items": [{"key": "12345678", "kind": "report", "at": 1, "data": {}}]}',
        '{"clock": 1, "items": [{"key": "12345678\\u0000", "kind": "report", "at": 1, "data": {}}]}',
        '{"clock": 1, "items": [{"key": "12345678", "kind": "report", "at": 1, "data": []}]}',
        json.dumps({"clock": 1, "items": [thing("report", {})] * 101}),
        "[" * 100_000,
    ],
)
def test_what_no_device_of_ours_sends(as_user: Any, town: Any, body: str) -> None:
    client = as_user(town.worker)
    answer = client.post(SYNC, body, content_type="application/json", HTTP_X_OWNER=owner_of(town.worker))
    assert answer.status_code == 400
    assert not Sent.objects.exists()


def test_a_packed_request_and_a_bomb(device: Any, town: Any, as_user: Any) -> None:
    item = thing("report", {"text": "井盖松动", "place": town.grid.path})
    client = as_user(town.worker)
    given = {"content_type": "application/json", "HTTP_X_OWNER": owner_of(town.worker), "HTTP_X_PACKED": "gzip"}
    body = gzip.compress(json.dumps({"clock": CLOCK, "items": [item]}).encode())
    assert client.post(SYNC, body, **given).json()["answers"][0]["outcome"] == "done"
    for wrong in (b"nonsense", body[:-9], gzip.compress(bytes(50_000_000))):
        assert client.post(SYNC, wrong, **given).status_code == 400


def test_null_bytes_in_words(device: Any, town: Any) -> None:
    (answer,) = device(town.worker, thing("visit.made", visit_of(town, whom="李\x00奶奶")))
    assert (answer["outcome"], Visit.objects.get().whom) == ("done", "李奶奶")


def test_bad_photos_and_sounds_come_back_to_be_mended(device: Any, town: Any) -> None:
    item = thing("report", {"text": "", "place": town.grid.path})
    for name, content in (("photos", b"MZ program"), ("recordings", b"<html>"), ("photos", b"")):
        files = {f"{item['key']}/{name}": SimpleUploadedFile("a.jpg", content)}
        (answer,) = device(town.worker, item, files=files)
        assert answer["outcome"] == "refused", name
    assert not Task.objects.exists()
    assert not Message.objects.exists()
