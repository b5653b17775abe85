"""Voice notes: known by what is in them, kept as they came but for the place, played to those who may read the case."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Channel, Message, Recording
from gongzhi.sense.channels.recordings import LARGEST_RECORDING, accept_recording

pytestmark = pytest.mark.django_db

WEBM = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm" + b"A_OPUS" + bytes(200)
OGG = b"OggS\x00\x02" + bytes(22) + b"OpusHead" + bytes(200)
PLACE = struct.pack(">I", 30) + b"\xa9xyz" + b"\x00\x12\x15\xc7+39.9999+116.32/"[:22]
M4A = struct.pack(">I", 20) + b"ftypM4A \x00\x00\x00\x00isom" + PLACE + bytes(100)


def upload(content: bytes, name: str = "a.bin") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


@pytest.mark.parametrize(("content", "kind"), [(WEBM, "webm"), (OGG, "ogg"), (M4A, "mpa")])
def test_kinds(content: bytes, kind: str) -> None:
    kept, found = accept_recording(upload(content, "note.exe"))
    assert found == kind
    assert len(kept) == len(content)
    assert b"39.99" not in kept


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MZ\x90" + bytes(100),
        b"<html><script>alert(1)</script>",
        b"\xff\xd8\xff\xe0" + bytes(100),
        WEBM.replace(b"A_OPUS", b"V_VP8 "),
        b"OggS" + bytes(300),
        struct.pack(">I", 20) + b"ftypmp42\x00\x00\x00\x00isom" + b"hdlr" + bytes(8) + b"vide" + bytes(50),
        WEBM + bytes(LARGEST_RECORDING),
    ],
    ids=["empty", "program", "page", "photo", "film", "no sound", "film of a telephone", "huge"],
)
def test_what_is_no_voice_note(town: Any, now: Any, content: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        receive_message(Draft(text="路灯不亮", recordings=[upload(content, "note.webm")]), by=town.worker, now=now)
    assert (refusal.value.status, refusal.value.field) == (422, "recordings")
    assert not Message.objects.exists()


def test_who_may_hear_it(town: Any, report: Any, as_user: Any) -> None:
    _message, case = report(channel=Channel.FIELD, by=town.worker, recordings=[upload(OGG)])
    recording = Recording.objects.get()
    address = f"/staff/recordings/{recording.uid}/"
    for user in (town.worker, town.clerk, town.street_clerk):
        answer = as_user(user).get(address)
        assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "audio/ogg", OGG)
        assert answer["Cache-Control"] == "private, no-store"
    assert address in as_user(town.clerk).get(f"/staff/cases/{case.number}/").content.decode()
    part = as_user(town.clerk).get(address, HTTP_RANGE="bytes=4-9")
    assert (part.status_code, part.content, part["Content-Range"]) == (206, OGG[4:10], f"bytes 4-9/{len(OGG)}")
    for user in (town.other_worker, town.other_clerk, town.stranger):
        assert as_user(user).get(address).status_code == 404
    Recording.objects.update(file="")
    assert as_user(town.clerk).get(address).status_code == 404
