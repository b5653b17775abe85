"""Voice notes: what is accepted. Known by its first bytes, whatever its name says; never a film.

It is kept as it came: the platform has no decoder for sound. Where a telephone wrote the place of recording into the
file, that is blanked.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils.translation import gettext as _

from gongzhi.ground.refusals import Refusal

LARGEST_RECORDING: Final = 3 * 1024 * 1024  # minutes of speech
MOST_RECORDINGS: Final = 2
# Suffix of the file, and what a browser is told it is.
TYPES: Final = {"webm": "audio/webm", "ogg": "audio/ogg", "mpa": "audio/mp4"}
_HEAD: Final = 4096


def kind_of(content: bytes) -> str:
    """ "webm", "ogg", "mpa" (M4A), or nothing for what is none of them."""
    head = content[:_HEAD]
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:64]:
        return "" if re.search(rb"V_(VP[89]|AV1|MPEG)", head) else "webm"
    if head.startswith(b"OggS") and (b"OpusHead" in head[:256] or b"\x01vorbis" in head[:256]):
        return "ogg"
    if head[4:8] == b"ftyp":
        return "" if re.search(rb"hdlr.{8}vide", content, re.DOTALL) else "mpa"
    return ""


def without_place(content: bytes) -> bytes:
    """An MPEG-4 file whose atoms of place ("©xyz", "loci") hold nothing; of the same length."""
    clean = bytearray(content)
    for found in re.finditer(rb"\xa9xyz|loci", content):
        size = int.from_bytes(content[found.start() - 4 : found.start()], "big")
        if 8 <= size <= 512:
            clean[found.end() : found.start() - 4 + size] = bytes(size - 8)
    return bytes(clean[: len(content)])


def accept_recording(upload: Any) -> tuple[bytes, str]:
    """The bytes of an uploaded voice note and its kind. Refusal (422) for an empty or huge file, or any other kind."""
    if upload.size == 0:
        raise Refusal(_("This voice note is empty. Please record it again."), field="recordings", status=422)
    if upload.size > LARGEST_RECORDING:
        raise Refusal(
            _("This voice note is larger than %(megabytes)d MB.") % {"megabytes": LARGEST_RECORDING // 1024 // 1024},
            field="recordings",
            status=422,
        )
    content = upload.read()
    kind = kind_of(content)
    if not kind:
        raise Refusal(
            _("This file is not a voice note we can play. WebM, Ogg and M4A work."), field="recordings", status=422
        )
    return (without_place(content) if kind == "mpa" else content), kind
