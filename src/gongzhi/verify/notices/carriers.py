"""How a text leaves the house: a carrier for text messages, Django's mail for e-mail, an outbox for trying it out."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any, Final, Protocol

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from gongzhi.ground.privacy import spellings
from gongzhi.verify.notices.models import Way

TIMEOUT: Final = 10
# A signature is good for five minutes: whoever listens cannot send the same again tomorrow.
FRESH: Final = 300


class Unreached(Exception):
    """Not sent, and worth another try."""


class Refused(Exception):
    """Not sent, and another try would bring the same answer."""


class Carrier(Protocol):
    """Whoever brings text messages. The same ``key`` twice is one message."""

    def send(self, number: str, text: str, key: str) -> None: ...


def signature(secret: str, stamp: str, body: bytes) -> str:
    """What stands in the header X-Gongzhi-Signature, in both directions."""
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def is_signed(given: str, stamp: str, body: bytes, now: datetime) -> bool:
    """Whether what came in was signed with our secret within the last minutes."""
    secret = settings.GONGZHI_SMS_SECRET
    if not secret or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    if abs(now.timestamp() - int(stamp)) > FRESH:
        return False
    return hmac.compare_digest(given.encode(), signature(secret, stamp, body).encode())


class Outbox:
    """Nothing leaves the house: texts are written into a file that administrators read on a page."""

    def send(self, number: str, text: str, key: str) -> None:
        write_out("sms", spellings.mask("phone", number), text, key)


class Web:
    """Any carrier that takes a signed JSON request: {"to", "text", "key"}; 2xx means taken."""

    def __init__(self, open_url: Callable[..., Any] = urllib.request.urlopen) -> None:
        self.open_url = open_url

    def send(self, number: str, text: str, key: str) -> None:
        body = json.dumps({"to": number, "text": text, "key": key}, ensure_ascii=False).encode()
        stamp = str(int(time.time()))
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's own setting
            settings.GONGZHI_SMS_URL,
            data=body,
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "X-Gongzhi-Timestamp": stamp,
                "X-Gongzhi-Signature": signature(settings.GONGZHI_SMS_SECRET, stamp, body),
            },
        )
        try:
            with self.open_url(request, timeout=TIMEOUT):
                pass
        except urllib.error.HTTPError as error:
            again = error.code in (408, 425, 429) or error.code >= 500
            raise (Unreached if again else Refused)(str(error.code)) from None
        except OSError as error:
            raise Unreached(type(error).__name__) from None


def carrier() -> Carrier | None:
    """The carrier for text messages that this installation uses; None: it sends none."""
    match settings.GONGZHI_SMS:
        case "outbox":
            return Outbox()
        case "http":
            return Web()
        case _:
            return None


def is_open(way: str) -> bool:
    """Whether this way is set up here. Forms offer only those that are."""
    return (settings.GONGZHI_SMS if way == Way.SMS else settings.GONGZHI_EMAIL) != "none"


def send_email(address: str, subject: str, text: str, key: str) -> None:
    """One letter. The key is its Message-ID, so that a mail server that gets it twice may notice."""
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
    letter = EmailMessage(subject, text, to=[address], headers={"Message-ID": f"<{key}@{host}>"})
    try:
        letter.send()
    except SMTPRecipientsRefused:
        raise Refused("recipient") from None
    except SMTPResponseException as error:
        raise (Refused if error.smtp_code >= 500 else Unreached)(str(error.smtp_code)) from None
    except (SMTPException, OSError) as error:
        raise Unreached(type(error).__name__) from None


# --- the outbox ----------------------------------------------------------------------------------------------------


class OutboxEmail(BaseEmailBackend):
    """Django's mail into the same file."""

    def send_messages(self, email_messages: Any) -> int:
        for letter in email_messages:
            for address in letter.to:
                name, _at, host = address.partition("@")
                write_out("email", f"{name[:1]}***@{host}", f"{letter.subject}\n\n{letter.body}", _key_of(letter))
        return len(email_messages)


def _key_of(letter: EmailMessage) -> str:
    return str(letter.extra_headers.get("Message-ID", "")).strip("<>").partition("@")[0]


def outbox_file() -> Path:
    return Path(settings.GONGZHI_OUTBOX)


def write_out(way: str, to: str, text: str, key: str) -> None:
    """Add a line, unless the key is there already."""
    path = outbox_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(line["key"] == key for line in read_out(most=1000)):
        return
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"at": at, "way": way, "to": to, "text": text, "key": key}, ensure_ascii=False)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    path.chmod(0o600)


def read_out(most: int = 100) -> Iterator[dict[str, str]]:
    """The newest lines first."""
    try:
        lines = outbox_file().read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in reversed(lines[-most:]):
        yield json.loads(line)
