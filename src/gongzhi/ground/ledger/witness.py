"""The witness: every seal as one line of a file outside the database, so that even the last seal cannot vanish."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from gongzhi.ground.ledger.models import Seal

try:
    import fcntl
except ImportError:  # not on this system: two writers may then write a line twice, which does no harm
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

_TAIL = 64 * 1024


def path_of_witness() -> Path:
    return Path(settings.GONGZHI_LEDGER_WITNESS)


def line_of(seal: Seal) -> bytes:
    return json.dumps(seal.facts(), separators=(",", ":")).encode() + b"\n"


def catch_up(path: Path | None = None) -> int:
    """Append the seals that the file lacks, in order; returns how many.

    Called after every sealing, so a crash between commit and write is healed by the next run. Only ever appends
    (the file may lie on a write-once disk): a line that a crash tore off is left as it is and written again whole.
    """
    path = path or path_of_witness()
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("a+b") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        known, torn = _end_of(file)
        for seal in Seal.objects.filter(number__gt=known).order_by("number").iterator(chunk_size=1000):
            file.write((b"\n" if torn else b"") + line_of(seal))
            torn, written = False, written + 1
        if written:
            file.flush()
            os.fsync(file.fileno())
    newest = Seal.objects.order_by("-number").values_list("number", flat=True).first() or 0
    if newest < known:
        logger.error(
            "The witness file knows seal %d, the database only %d: run `gongzhi ledger verify`.", known, newest
        )
    return written


def _end_of(file: IO[bytes]) -> tuple[int, bool]:
    """The number of the last whole line (0: there is none), and whether something torn stands behind it."""
    size = file.seek(0, os.SEEK_END)
    reach = _TAIL
    while True:
        start = max(0, size - reach)
        file.seek(start)
        tail = file.read(size - start)
        whole, _, rest = tail.rpartition(b"\n")
        for line in reversed(whole.split(b"\n")[1 if start else 0 :]):
            facts = parse(line)
            if facts is not None:
                return facts["number"], bool(rest)
        if start == 0:
            return 0, bool(rest)
        reach *= 4


def parse(line: bytes | str) -> dict[str, Any] | None:
    """The seal in a line, or None when the line does not hold one."""
    try:
        facts = json.loads(line)
    except ValueError:
        return None
    return facts if is_seal(facts) else None


def is_seal(facts: Any) -> bool:
    return (
        isinstance(facts, dict)
        and isinstance(facts.get("number"), int)
        and 0 < facts["number"] < 2**63
        and all(isinstance(facts.get(name), str) for name in ("root", "chained"))
    )


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """(line number, seal or None when it cannot be read), passing over what a crash tore and a later run repeated."""
    fragment, where = b"", 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.rstrip(b"\r\n")
            if not text:
                continue
            facts = parse(text)
            if facts is None:
                if fragment:
                    yield where, None
                fragment, where = text, number
                continue
            if fragment and not text.startswith(fragment):
                yield where, None
            fragment = b""
            yield number, facts
    # A fragment at the very end is a line whose writing was cut off; the next sealing repeats it.


def read_published(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Roots that somebody saved: JSON lines, or the JSON of the public roots page (one page or a list of seals)."""
    with path.open("rb") as file:
        start = file.read(1)
        first_line = start + file.readline()
    if parse(first_line) is not None:
        yield from read_lines(path)
        return
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        yield from read_lines(path)
        return
    if isinstance(content, dict):
        content = content.get("seals", [content])
    for number, facts in enumerate(content if isinstance(content, list) else [content], start=1):
        yield number, (facts if is_seal(facts) else None)
