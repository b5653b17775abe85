"""Webhooks: what is told and to whom, how it is signed and tried again, and where they never go."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gongzhi.ground.access.actions import switch_powers_on
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import Refusal
from gongzhi.loop.models import Job
from gongzhi.loop.webhooks import actions, sending
from gongzhi.loop.webhooks.models import EVENTS, Missed, Subscription
from gongzhi.loop.webhooks.sending import NotAccepted, deliver, signature
from gongzhi.loop.webhooks.wire import Unreachable, Wire, check_url, is_public, resolve
from gongzhi.sense.channels.actions import Draft, receive_message
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    sending.forget()
    yield
    sending.forget()


class Receiver:
    """A real HTTPS receiver on this machine, which says what it is told to say."""

    def __init__(self, folder: Path) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status, self.headers, self.slow = 200, {}, False
        certificate = self._certify(folder)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                if outer.slow:
                    threading.Event().wait(3)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        trusted = ssl.create_default_context(cafile=str(certificate))
        self.wire = Wire(
            resolve=lambda _host, _port: ["127.0.0.1"], allowed=lambda _a: True, context=lambda: trusted, seconds=2
        )

    @property
    def url(self) -> str:
        return f"https://receiver.example:{self.port}/hook?x=1"

    @staticmethod
    def _certify(folder: Path) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver.example")])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("receiver.example")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = folder / "receiver.pem"
        path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        return path


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def subscribe(town: Any, moment: Any, receiver: Receiver) -> Any:
    switch_powers_on(by=town.system, minutes=60, reason="for tests", now=moment.now)

    def subscribe(**more: Any) -> tuple[Subscription, str]:
        given = {"name": "the map", "url": receiver.url, "place": town.county, "events": ["cases.CaseOpened"]}
        return actions.add_subscription(**{**given, **more}, by=town.system, now=moment.now, wire=receiver.wire)

    return subscribe


class Promises:
    """In place of the queue: what was promised, so that a test can send it when it wants."""

    def __init__(self) -> None:
        self.made: list[tuple[int, int]] = []

    def enqueue(self, subscription_id: int, entry_id: int) -> None:
        self.made.append((subscription_id, entry_id))


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch) -> Any:
    promises = Promises()
    monkeypatch.setattr(sending, "send", promises)
    return lambda: list(promises.made)


# --- what is told ---------------------------------------------------------------------------------------------------


def test_where_nobody_asked_nothing_is_written(
    town: Any, report: Any, django_assert_num_queries: Any, sends: Any
) -> None:
    report()
    with django_assert_num_queries(0):
        sending.hear(list(Entry.objects.none()))
    assert not Job.objects.exists()
    assert not sends()
    entry = Entry.objects.order_by("-pk")[0]
    with django_assert_num_queries(0):
        sending.hear([entry])


def test_an_event_is_told_signed_and_once(
    subscribe: Any, receiver: Receiver, report: Any, moment: Any, sends: Any
) -> None:
    subscription, secret = subscribe()
    message, case = report(name="赵先生", phone="13800000000")
    ((subscription_id, entry_id),) = sends()
    assert subscription_id == subscription.pk
    assert deliver(subscription_id, entry_id, now=moment.now, wire=receiver.wire) == "told"
    ((headers, body),) = receiver.got
    said = json.loads(body)
    assert (said["event"], said["case"], said["id"]) == ("cases.CaseOpened", case.number, entry_id)
    assert said["data"] == {"case_id": case.pk, "message_id": message.pk}
    assert headers["Gongzhi-Delivery"] == str(entry_id)
    assert headers["Host"] == f"receiver.example:{receiver.port}"
    stamp, digest = (part.split("=")[1] for part in headers["Gongzhi-Signature"].split(","))
    assert digest == hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    for personal in ("赵先生", "13800000000", "垃圾"):
        assert personal not in body.decode()


def test_only_its_place_and_its_events(subscribe: Any, report: Any, town: Any, sends: Any) -> None:
    subscribe(place=town.other_community)
    report()
    assert not sends()
    report(place=town.other_grid)
    assert len(sends()) == 1
    sending.forget()
    subscribe(events=["cases.CaseClosed"])
    report(place=town.other_grid)
    assert len(sends()) == 2


def test_all_events_on_the_list_exist_and_name_nobody() -> None:
    import dataclasses

    from gongzhi.ground.ledger.events import event_type

    for name in EVENTS:
        types = [field.type for field in dataclasses.fields(event_type(name))]
        kinds = {one.__name__ if type(one) is type else str(one) for one in types}
        assert kinds <= {"int", "str", "int | None", "list[int]", "bool"}, name


def test_it_goes_by_the_worker(
    subscribe: Any, receiver: Receiver, moment: Any, town: Any, deliver: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(sending, "WIRE", receiver.wire)
    subscribe()
    receive_message(Draft(text="路灯不亮了。", category=LITTER, place=town.grid), by=None, now=moment.now)
    deliver(now=moment.now)
    assert len(receiver.got) == 1
    assert Job.objects.get(task__contains="webhooks").result == "told"


# --- tried again ----------------------------------------------------------------------------------------------------


def test_what_is_not_accepted_is_kept_and_tried_again(
    subscribe: Any, receiver: Receiver, report: Any, moment: Any, sends: Any
) -> None:
    subscription, _secret = subscribe()
    report()
    report()
    first, second = sends()
    receiver.status = 500
    with pytest.raises(NotAccepted, match="status 500"):
        deliver(*first, now=moment.now, wire=receiver.wire)
    with pytest.raises(NotAccepted, match="waits"):
        deliver(*second, now=moment.now, wire=receiver.wire)
    assert len(receiver.got) == 1, "an address that fails is left alone for a while"
    assert sorted(Missed.objects.values_list("problem", "attempts")) == [("status 500", 1), ("waits", 0)]
    subscription.refresh_from_db()
    assert subscription.failing_since == moment.now
    receiver.status = 204
    later = moment.now + dt.timedelta(minutes=1)
    assert deliver(*first, now=later, wire=receiver.wire) == deliver(*second, now=later, wire=receiver.wire) == "told"
    subscription.refresh_from_db()
    assert (subscription.failing_since, subscription.failures, Missed.objects.count()) == (None, 0, 0)


def test_after_some_days_it_is_paused_and_later_gets_what_it_missed(
    subscribe: Any, receiver: Receiver, report: Any, moment: Any, town: Any, sends: Any
) -> None:
    subscription, _secret = subscribe()
    report()
    (job,) = sends()
    receiver.status = 500
    start = moment.now
    for hours in (0, 30, 60, 71, 73):
        with pytest.raises(NotAccepted):
            deliver(*job, now=start + dt.timedelta(hours=hours), wire=receiver.wire)
    subscription.refresh_from_db()
    assert subscription.state == "paused"
    assert Entry.objects.filter(event="webhooks.WebhookPaused", by_id=None).count() == 1
    assert deliver(*job, now=start + dt.timedelta(hours=74), wire=receiver.wire) == "dropped"
    assert Missed.objects.get().attempts == 5
    moment.now = start + dt.timedelta(hours=80)
    switch_powers_on(by=town.system, minutes=60, reason="for tests", now=moment.now)
    before = len(sends())
    actions.resume_subscription(subscription_id=subscription.pk, by=town.system, now=moment.now)
    assert len(sends()) == before + 1
    receiver.status = 200
    assert deliver(*job, now=moment.now, wire=receiver.wire) == "told"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, "status 302"),
        ({"status": 404}, "status 404"),
        ({"slow": True}, "timeout"),
    ],
)
def test_ways_not_to_accept(
    subscribe: Any, receiver: Receiver, report: Any, moment: Any, change: Any, code: str, sends: Any
) -> None:
    subscribe()
    report()
    for name, value in change.items():
        setattr(receiver, name, value)
    with pytest.raises(NotAccepted, match=code):
        deliver(*sends()[0], now=moment.now, wire=replace(receiver.wire, seconds=1))
    assert len(receiver.got) == 1, "redirects are not followed"


def test_a_certificate_that_nobody_vouches_for(receiver: Receiver) -> None:
    stranger = replace(receiver.wire, context=ssl.create_default_context)
    with pytest.raises(Unreachable, match="certificate"):
        stranger.post(receiver.url, b"{}", {})
    nobody = replace(receiver.wire)
    receiver.server.shutdown()
    receiver.server.server_close()
    with pytest.raises(Unreachable):
        nobody.post(receiver.url, b"{}", {})


# --- where they never go --------------------------------------------------------------------------------------------

INNER = (
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1",
    "2001:0:1::1", "nonsense", "",
)  # fmt: skip


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "114.114.114.114", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_outer_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/",
        "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://localhost/",
        "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1:8443/", "https://0/", "https://[fe80::1%25eth0]/",
    ],
)  # fmt: skip
def test_inner_addresses_in_every_spelling(url: str) -> None:
    """By the real resolver, which needs no network for these."""
    with pytest.raises(Refusal) as refused:
        check_url(url, Wire())
    assert (refused.value.status, refused.value.field) == (422, "url")


@pytest.mark.parametrize(
    "url",
    [
        "", "http://receiver.example/", "ftp://receiver.example/", "javascript:alert(1)", "https://", "https:///x",
        "https://user:word@receiver.example/", "https://receiver.example/#x", "https://receiver.example/ x",
        "https://receiver.example:22/", "https://receiver.example:99999/", "https://[::1", "https://receiver.example/\x00",
        "https://receiver.example/" + "a" * 500, "https://例子.example/", "https://receiver.example/\r\nX: y",
    ],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(Refusal):
        check_url(url, Wire(resolve=lambda _h, _p: ["1.1.1.1"]))


def test_one_inner_address_among_several_is_enough() -> None:
    with pytest.raises(Refusal):
        check_url("https://receiver.example/", Wire(resolve=lambda _h, _p: ["1.1.1.1", "10.0.0.1"]))
    assert check_url("https://receiver.example/", Wire(resolve=lambda _h, _p: ["1.1.1.1"]))


def test_a_name_that_changes_its_answer(
    subscribe: Any, receiver: Receiver, report: Any, moment: Any, sends: Any
) -> None:
    """Public when it was saved, inner when something is sent: asked again, and refused."""
    subscribe()
    report()
    moved = Wire(resolve=lambda _h, _p: ["127.0.0.1"], context=receiver.wire.context)
    with pytest.raises(NotAccepted, match="inner address"):
        deliver(*sends()[0], now=moment.now, wire=moved)
    assert not receiver.got


def test_the_connection_goes_to_the_address_that_was_looked_at(receiver: Receiver) -> None:
    """The name is resolved once: between looking and connecting there is no second answer."""
    asked: list[str] = []

    def once(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    assert replace(receiver.wire, resolve=once).post(receiver.url, b"{}", {"X": "y"}) == 200
    assert asked == ["receiver.example"]
    assert resolve("127.0.0.1", 443) == ["127.0.0.1"]


# --- looking after them ---------------------------------------------------------------------------------------------


def test_the_page(as_user: Any, town: Any, moment: Any, receiver: Receiver, monkeypatch: Any) -> None:
    visitor = as_user(town.system)
    assert "Switch on" in visitor.get("/staff/webhooks/").content.decode()
    given = {"name": "map", "url": "https://127.0.0.1/", "path": town.street.path, "events": ["cases.CaseClosed"]}
    assert visitor.post("/staff/webhooks/", given).status_code == 403, "powers are off"
    switch_powers_on(by=town.system, minutes=60, reason="for tests", now=moment.now)
    assert visitor.post("/staff/webhooks/", given).status_code == 422
    monkeypatch.setattr(
        actions.add_subscription, "__kwdefaults__", {**actions.add_subscription.__kwdefaults__, "wire": receiver.wire}
    )
    answer = visitor.post("/staff/webhooks/", {**given, "url": receiver.url})
    secret = Subscription.objects.get().secret.open()
    assert secret in answer.content.decode()
    assert secret not in visitor.get("/staff/webhooks/").content.decode()
    pk = Subscription.objects.get().pk
    for step, state in (("pause", "paused"), ("resume", "on"), ("end", "ended")):
        assert visitor.post(f"/staff/webhooks/{pk}/{step}/").status_code == 302
        assert Subscription.objects.get().state == state
    assert visitor.post(f"/staff/webhooks/{pk}/resume/").status_code == 409
    assert visitor.post(f"/staff/webhooks/{pk}/nothing/").status_code == 404
    assert {"webhooks.WebhookAdded", "webhooks.WebhookEnded"} <= set(Entry.objects.values_list("event", flat=True))


def test_a_signature_is_bound_to_its_moment() -> None:
    at = dt.datetime(2026, 11, 18, tzinfo=dt.UTC)
    assert signature("s", b"{}", at) != signature("s", b"{}", at + dt.timedelta(seconds=1))
    assert signature("s", b"{}", at) != signature("t", b"{}", at)


def test_the_receiver_of_the_howto() -> None:
    import re
    import time

    page = Path(__file__).parent.parent / "docs" / "howto" / "webhooks.md"
    code = re.search(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    space: dict[str, Any] = {}
    exec(code[1], space)
    now = dt.datetime.fromtimestamp(time.time(), tz=dt.UTC)
    header = signature("s", b"{}", now)
    assert space["is_genuine"]("s", header, b"{}")
    assert not space["is_genuine"]("s", header, b"{ }")
    assert not space["is_genuine"]("x", header, b"{}")
    assert not space["is_genuine"]("s", signature("s", b"{}", now - dt.timedelta(hours=1)), b"{}")
