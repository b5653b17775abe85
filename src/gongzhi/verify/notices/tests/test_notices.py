"""Everybody is told each step, once, in their way; and what comes back by text message."""

from __future__ import annotations

import io
import json
import urllib.error
from datetime import timedelta

import pytest

from gongzhi.act.tasks import actions as tasks
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.sense.channels.follow import token_of
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case, Voice
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.notices import carriers
from gongzhi.verify.notices.actions import write_notices
from gongzhi.verify.notices.models import Notice
from gongzhi.verify.notices.sending import MOST_ATTEMPTS, next_sending_time, send_waiting
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db

SMS = {"answer_by": "sms", "phone": "13800001111", "language": "en"}
EMAIL = {"answer_by": "email", "email": "wang@example.org", "language": "en"}


@pytest.fixture(autouse=True)
def ways(settings, tmp_path):
    settings.GONGZHI_SMS = settings.GONGZHI_EMAIL = "outbox"
    settings.GONGZHI_OUTBOX = str(tmp_path / "outbox.jsonl")
    settings.EMAIL_BACKEND = "gongzhi.verify.notices.carriers.OutboxEmail"
    settings.GONGZHI_ADDRESS = "https://gz.example.org"
    settings.GONGZHI_SMS_SECRET = "a secret between two machines"


def sent():
    return list(reversed(list(carriers.read_out())))


def kinds(message):
    return list(Notice.objects.filter(message=message).order_by("entry_id").values_list("kind", flat=True))


def test_each_step_is_told_by_text_message(assigned, town, moment, deliver):
    message, case = assigned(**SMS)
    cases.pause_case(
        case_id=case.pk, reason="等零件", review_on=moment.now.date() + timedelta(days=3), by=town.clerk, now=moment.now
    )
    deliver(now=moment.now)
    cases.resume_case(case_id=case.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    cases.extend_deadline(case_id=case.pk, amount=1, reason="下雨", by=town.secretary, now=moment.now)
    deliver(now=moment.now)
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    checks.answer_by_link(message=message, helped=True, words="", now=moment.now)
    deliver(now=moment.now)
    assert kinds(message) == ["received", "assigned", "paused", "resumed", "extended", "asked", "closed"]
    send_waiting(now=moment.now)
    text = " ".join(line["text"] for line in sent())
    assert message.number in text
    assert f"https://gz.example.org/follow/{token_of(message)}/" in text
    assert "Reply 1 if it helped" in text
    assert "垃圾" not in text  # never what it is about
    assert "13800001111" not in json.dumps(sent())
    assert verify(now=moment.now) == []


def test_by_e_mail_in_the_language_of_the_reporter(assigned, moment):
    message, _case = assigned(**{**EMAIL, "language": "zh-hans"})
    send_waiting(now=moment.now)
    assert kinds(message) == ["received", "assigned"]
    assert {line["way"] for line in sent()} == {"email"}
    assert all(line["to"] == "w***@example.org" for line in sent())


def test_whoever_reads_the_follow_page_gets_no_rows(done):
    message, _case = done()
    assert kinds(message) == []


def test_a_step_is_told_once(assigned, moment):
    message, _case = assigned(**SMS)
    entry = Entry.objects.get(event="cases.CaseAssigned")
    from gongzhi.ground.ledger.events import read

    before = Notice.objects.count()
    write_notices(read(entry.event, entry.data), entry=entry, now=moment.now)
    assert Notice.objects.count() == before
    send_waiting(now=moment.now)
    lines = len(sent())
    assert send_waiting(now=moment.now + timedelta(hours=1)) == 0
    assert len(sent()) == lines
    # A run that died after sending sends under the same key, which a carrier takes as one message.
    Notice.objects.filter(message=message).update(state="queued", sent_at=None)
    send_waiting(now=moment.now + timedelta(hours=1))
    assert len({line["key"] for line in sent()}) == len(sent())


def test_everybody_behind_a_case_is_told(report, town, moment, deliver):
    (one, case), (two, other) = report(**SMS), report(**EMAIL)
    Voice.objects.filter(message=two).update(case=case)
    cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    assert (kinds(one), kinds(two)) == (["received", "assigned"], ["received", "assigned"])
    assert other.pk != case.pk


def test_nobody_is_woken_up_except_in_danger(report, moment, town, deliver):
    moment.now = moment.now.replace(hour=22)
    message, case = report(**SMS)
    notice = Notice.objects.get(message=message)
    assert (notice.due_at.astimezone(moment.now.tzinfo).hour, notice.due_at.date()) == (
        8,
        (moment.now + timedelta(days=1)).date(),
    )
    assert send_waiting(now=moment.now) == 0
    Case.objects.filter(pk=case.pk).update(urgency="danger")
    cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    assert Notice.objects.get(message=message, kind="assigned").due_at == moment.now
    assert send_waiting(now=moment.now) == 1
    mail, _case = report(**EMAIL)
    assert Notice.objects.get(message=mail).due_at == moment.now


@pytest.mark.parametrize(("hour", "minute", "opens"), [(7, 59, 8), (8, 0, 8), (20, 59, 20), (21, 0, 8), (0, 0, 8)])
def test_the_hours_of_text_messages(town, moment, hour, minute, opens):
    now = moment.now.replace(hour=hour, minute=minute)
    then = next_sending_time(now, town.grid.path).astimezone(moment.now.tzinfo)
    assert then.hour == opens
    assert (then == now) == (8 <= hour < 21)


def test_enough_is_enough_for_one_day(assigned, town, moment, deliver):
    message, case = assigned(**SMS)
    send_waiting(now=moment.now)
    for step in range(1, 7):
        moment.now += timedelta(minutes=10)
        review = moment.now.date() + timedelta(days=step)
        cases.pause_case(case_id=case.pk, reason="等", review_on=review, by=town.clerk, now=moment.now)
        deliver(now=moment.now)
        send_waiting(now=moment.now)
        moment.now += timedelta(minutes=10)
        cases.resume_case(case_id=case.pk, by=town.clerk, now=moment.now)
        deliver(now=moment.now)
        send_waiting(now=moment.now)
    assert len(sent()) == 4
    waiting = Notice.objects.filter(state="queued")
    assert waiting.count() > 3
    # The question always goes out.
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    assert send_waiting(now=moment.now) == 1
    morning = (moment.now + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    assert send_waiting(now=morning - timedelta(minutes=1)) == 0
    assert send_waiting(now=morning) == 1  # everything else in one text
    assert sent()[-1]["text"].count("It goes on.") > 1
    assert not Notice.objects.filter(message=message).exclude(state="sent").exists()


# --- carriers -------------------------------------------------------------------------------------------------------


def failing(code):
    def send(*_given, **_more):
        raise urllib.error.HTTPError("https://carrier.example", code, "no", None, io.BytesIO()) if code else OSError

    return send


@pytest.mark.parametrize(("code", "state"), [(500, "queued"), (429, "queued"), (None, "queued"), (400, "failed")])
def test_a_carrier_that_fails(report, settings, monkeypatch, moment, code, state):
    settings.GONGZHI_SMS = "http"
    settings.GONGZHI_SMS_URL = "https://carrier.example/send"
    monkeypatch.setattr(carriers, "carrier", lambda: carriers.Web(failing(code)))
    message, _case = report(**SMS)
    send_waiting(now=moment.now)
    notice = Notice.objects.get(message=message)
    assert (notice.state, notice.attempts) == (state, 1)
    if state == "queued":
        for _attempt in range(MOST_ATTEMPTS + 1):
            moment.now = max(moment.now, Notice.objects.get(message=message).due_at)
            send_waiting(now=moment.now)
        notice.refresh_from_db()
        assert (notice.state, notice.why, notice.attempts) == ("failed", "unreached", MOST_ATTEMPTS)


def test_the_request_to_a_carrier_is_signed(report, settings, monkeypatch, moment):
    seen = []

    class Answer(io.BytesIO):
        pass

    def take(request, timeout):
        seen.append(request)
        return Answer()

    settings.GONGZHI_SMS = "http"
    settings.GONGZHI_SMS_URL = "https://carrier.example/send"
    monkeypatch.setattr(carriers, "carrier", lambda: carriers.Web(take))
    message, _case = report(**SMS)
    assert send_waiting(now=moment.now) == 1
    (request,) = seen
    told = json.loads(request.data)
    assert told["to"] == "13800001111"
    assert set(told) == {"to", "text", "key"}
    stamp = request.get_header("X-gongzhi-timestamp")
    expected = carriers.signature("a secret between two machines", stamp, request.data)
    assert request.get_header("X-gongzhi-signature") == expected
    assert Notice.objects.get(message=message).state == "sent"


def test_what_is_not_set_up_is_said(report, settings):
    settings.GONGZHI_SMS = "none"
    message, _case = report(**SMS)
    assert list(Notice.objects.filter(message=message).values_list("state", "why")) == [("skipped", "not_set_up")]


# --- what comes back ------------------------------------------------------------------------------------------------


@pytest.fixture
def text_in(client, moment):
    def text_in(text, number="13800001111", secret="a secret between two machines", at=None, body=None):
        data = body if body is not None else json.dumps({"from": number, "text": text}).encode()
        stamp = str(int((at or moment.now).timestamp()))
        return client.post(
            "/notices/text/",
            data,
            content_type="application/json",
            headers={
                "X-Gongzhi-Timestamp": stamp,
                "X-Gongzhi-Signature": carriers.signature(secret, stamp, data),
            },
        )

    return text_in


def test_one_means_it_helped(done, text_in, moment, deliver):
    _message, case = done(**SMS)
    assert case.checks.get().state == "asked"
    assert text_in("１３ 谢谢").json() == {"understood": "answered"}
    answer = case.checks.get().answers.get()
    assert (answer.helped, answer.satisfied, answer.method, answer.words) == (True, "not", "sms", "谢谢")
    deliver(now=moment.now)
    assert Case.objects.get(pk=case.pk).state == "closed"
    assert text_in("1").json() == {"understood": "unknown"}


def test_two_means_it_did_not(done, text_in, moment, deliver):
    _message, case = done(**SMS)
    assert text_in("2").json() == {"understood": "answered"}
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.reopened) == ("assigned", 1)


@pytest.mark.parametrize("text", ["", "3", "12345", "hello", "谢谢", "1" * 1000])
def test_what_is_not_an_answer(done, text_in, text):
    _message, case = done(**SMS)
    assert text_in(text).json() == {"understood": "not_understood"}
    assert case.checks.get().state == "asked"


def test_no_more_messages(assigned, text_in, moment, deliver, town, client):
    message, case = assigned(**SMS)
    assert text_in("TD").json() == {"understood": "stopped"}
    assert text_in("td").json() == {"understood": "unknown"}
    assert not Notice.objects.filter(message=message, state="queued").exists()
    tasks.report_done(task_id=case.tasks.get().pk, words="好了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    assert "asked" not in kinds(message)
    assert "You get no more messages" in client.get(f"/follow/{token_of(message)}/").content.decode()
    assert verify(now=moment.now) == []


def test_no_more_messages_by_the_follow_page(assigned, client):
    message, _case = assigned(**EMAIL)
    address = f"/follow/{token_of(message)}/no-messages/"
    assert client.get(address).status_code == 302
    assert client.post(address).status_code == 302
    assert client.post(address).status_code == 302
    assert Entry.objects.filter(event="notices.NoticesStopped").count() == 1


def test_only_signed_texts_are_heard(done, text_in, moment, client, settings):
    _message, case = done(**SMS)
    assert text_in("1", secret="another").status_code == 403
    assert text_in("1", at=moment.now - timedelta(minutes=6)).status_code == 403
    assert text_in("1", at=moment.now + timedelta(minutes=6)).status_code == 403
    assert client.post("/notices/text/", b"{}", content_type="application/json").status_code == 403
    assert text_in("", body=b"not json").status_code == 422
    assert text_in("", body=b'{"from": 1, "text": "1"}').status_code == 422
    assert text_in("", body=b"[1]").status_code == 422
    assert text_in("", body=b"x" * 5000).status_code == 413
    assert text_in("1", number="13999999999").json() == {"understood": "unknown"}
    assert client.get("/notices/text/").status_code == 405
    settings.GONGZHI_SMS_SECRET = ""
    assert text_in("1", secret="").status_code == 403
    assert case.checks.get().state == "asked"


# --- pages ----------------------------------------------------------------------------------------------------------


def test_the_forms_offer_what_is_set_up(client, town, as_user, settings):
    page = as_user(None).get("/report/").content.decode()
    assert 'value="sms"' in page
    assert 'name="email"' in page
    assert 'value="email"' in as_user(town.clerk).get("/staff/enter/").content.decode()
    settings.GONGZHI_SMS = settings.GONGZHI_EMAIL = "none"
    page = as_user(None).get("/report/").content.decode()
    assert 'value="sms"' not in page
    assert 'name="email"' not in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"answer_by": "sms"}, "To write to you, we need your number."),
        ({"answer_by": "email"}, "To write to you, we need your address."),
        ({"answer_by": "email", "email": "not an address"}, "This does not look like an e-mail address"),
        ({"answer_by": "pigeon"}, "Select a valid choice"),
    ],
)
def test_a_way_needs_its_contact(client, town, fields, words):
    answer = client.post("/report/", {"text": "路灯坏了", "key": "k", **fields})
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_the_page_of_a_case_says_who_was_told(assigned, town, as_user, moment):
    message, case = assigned(**SMS, name="王女士")
    send_waiting(now=moment.now)
    address = f"/staff/cases/{case.number}/told/"
    page = as_user(town.clerk).get(address).content.decode()
    assert "Given to a post" in page
    assert "138****1111" in page
    assert "13800001111" not in page
    assert "王女士" not in page
    assert as_user(town.other_clerk).get(address).status_code == 404
    assert as_user(town.clerk).get(f"/staff/cases/{case.number}/").content.decode().count(address) == 1
    assert message.number == case.number


def test_the_outbox_is_for_administrators_with_their_powers_on(assigned, town, as_user, moment):
    from gongzhi.ground.access.actions import switch_powers_on

    message, _case = assigned(**SMS)
    send_waiting(now=moment.now)
    assert as_user(town.clerk).get("/staff/outbox/").status_code == 404
    assert as_user(town.system).get("/staff/outbox/").status_code == 403
    switch_powers_on(by=town.system, minutes=10, reason="look at the outbox", now=moment.now)
    page = as_user(town.system).get("/staff/outbox/").content.decode()
    assert token_of(message) in page
    assert "13800001111" not in page
