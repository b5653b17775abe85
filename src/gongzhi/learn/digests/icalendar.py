"""Writing a calendar as RFC 5545 asks: CRLF, lines of 75 octets at most, escaped texts, times in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

PRODUCT: Final = "-//Gongzhi//Deadlines 1.0//EN"
WIDTH: Final = 75  # octets of a line, without its end
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


@dataclass(frozen=True)
class Entry:
    """One event of the calendar: at a moment, or on a whole day."""

    uid: str
    title: str
    at: datetime | date
    stamp: datetime
    url: str
    sequence: int = 0


def escaped(text: str) -> str:
    """TEXT (3.3.11): no control characters, and what separates is escaped."""
    plain = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return plain.translate(_ESCAPES)


def folded(line: str) -> Iterator[str]:
    """One content line in pieces of at most 75 octets; no character is cut in two (3.1)."""
    piece, size = "", 0
    for sign in line:
        octets = len(sign.encode())
        if size + octets > WIDTH:
            yield piece
            piece, size = " ", 1
        piece += sign
        size += octets
    yield piece


def moment(when: datetime) -> str:
    """DATE-TIME in UTC (3.3.5, form 2)."""
    return when.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def written(name: str, entries: Iterable[Entry]) -> bytes:
    """The whole calendar. The same entries give the same bytes."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{escaped(name)}",
        f"NAME:{escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    for entry in entries:
        whole_day = not isinstance(entry.at, datetime)
        start = f";VALUE=DATE:{entry.at:%Y%m%d}" if whole_day else f":{moment(entry.at)}"  # type: ignore[arg-type]
        lines += [
            "BEGIN:VEVENT",
            f"UID:{escaped(entry.uid)}",
            f"DTSTAMP:{moment(entry.stamp)}",
            f"DTSTART{start}",
            f"SUMMARY:{escaped(entry.title)}",
            f"SEQUENCE:{entry.sequence}",
            f"URL:{_CONTROL.sub('', entry.url)}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{piece}\r\n" for line in lines for piece in folded(line)).encode()
