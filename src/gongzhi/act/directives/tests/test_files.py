"""Which attachments are taken: judged by what is in them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from gongzhi.act.directives.files import LARGEST, TYPES, accept_file
from gongzhi.ground.refusals import Refusal


def packed(*, locked: bool = False, **parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    content = out.getvalue()
    if not locked:
        return content
    broken = bytearray(content)  # the mark "encrypted" in the directory of the first part
    broken[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(broken)


DOCX = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}
XLSX = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<w/>", "xl/printerSettings/printerSettings1.bin": b"x"}


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "SECRET-DEVICE"
    Image.new("RGB", (40, 30), "red").save(out, kind, exif=exif)
    return out.getvalue()


def taken(name: str, content: bytes) -> tuple[bytes, str, str]:
    return accept_file(SimpleUploadedFile(name, content))


def words_only(value: object) -> str:
    """Bytes name no test: those of an archive hold the second in which it was made."""
    return value if isinstance(value, str) else "content"


@pytest.mark.parametrize(
    ("name", "content", "suffix"),
    [
        ("通知.pdf", b"%PDF-1.7\n...", "pdf"),
        ("表.docx", packed(**DOCX), "docx"),
        ("表.xlsx", packed(**XLSX), "xlsx"),
        ("x.zip", packed(mimetype=TYPES["odt"].encode(), **{"content.xml": b"<x/>"}), "odt"),
        ("x.ods", packed(mimetype=TYPES["ods"].encode()), "ods"),
        ("名单.csv", "楼号,户数\r\n1,20\r\n".encode("gb18030"), "csv"),
        ("说明.txt", "\ufeff说明".encode(), "txt"),
        ("图.exe", picture("PNG"), "webp"),
        ("图.jpg", picture("JPEG"), "webp"),
    ],
    ids=words_only,
)
def test_what_is_taken_has_the_suffix_of_its_true_kind(name: str, content: bytes, suffix: str) -> None:
    kept, found, tidy = taken(name, content)
    assert found == suffix
    assert tidy.endswith(f".{suffix}")
    assert tidy.startswith(name.rpartition(".")[0])
    assert b"SECRET-DEVICE" not in kept
    if suffix in ("csv", "txt"):
        assert kept.decode()[0] not in "\ufeff"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.docm", packed(**DOCX, **{"word/vbaProject.bin": b"x"}), "macros"),
        ("a.xlsm", packed(**XLSX | {"[Content_Types].xml": b"sheet.macroEnabled.main+xml"}), "macros"),
        ("a.xlsx", packed(**XLSX, **{"xl/macrosheets/sheet1.xml": b"x"}), "macros"),
        ("a.odt", packed(mimetype=TYPES["odt"].encode(), **{"Basic/Standard/Module1.xml": b"x"}), "macros"),
        ("a.docx", packed(**DOCX, **{"word/embeddings/oleObject1.bin": b"x"}), "another file inside"),
        ("a.docx", packed(**DOCX, **{"word/x.exe": b"x"}), "another file inside"),
        ("a.docx", packed(**DOCX, **{"word/_rels/settings.xml.rels": b"attachedTemplate External"}), "template"),
        ("a.docx", packed(locked=True, **DOCX), "locked with a password"),
        ("a.odt", packed(mimetype=b"x", **{"META-INF/manifest.xml": b"<m:encryption-data/>"}), "locked"),
        ("a.zip", packed(**{"a.txt": b"x"}), "not taken"),
        ("a.docx", packed(**DOCX)[:60], "damaged"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old, locked or macro"),
        ("a.txt", b"MZ\x90\x00", "a program"),
        ("a.txt", b"#!/bin/sh\nrm -rf /\n", "a program"),
        ("a.csv", b"\x7fELF\x02", "a program"),
        ("a.pdf", b"%PDF-1.7 /OpenAction << /S /JavaScript /JS (app.alert(1)) >>", "contains a program"),
        ("a.html", b"<script>alert(1)</script>", "not taken"),
        ("a.svg", b"<svg onload='alert(1)'/>", "not taken"),
        ("a.txt", b"\x00\x01\x02", "not taken"),
        ("a.png", b"\x89PNG\r\n\x1a\nbroken", "not a photo"),
        ("a.txt", b"", "empty"),
        ("a.pdf", b"%PDF-" + bytes(LARGEST), "larger than 8 MB"),
    ],
    ids=words_only,
)  # fmt: skip
def test_what_is_not_taken_and_why(name: str, content: bytes, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        taken(name, content)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/通知.txt", "通知.txt"),
        ("C:\\docs\\a.txt", "a.txt"),
        ("a\u202etxt.exe.txt", "atxt.exe.txt"),
        ('a"b<c>.txt', "a_b_c_.txt"),
        ("长" * 300 + ".txt", "长" * 100 + ".txt"),
        (".txt", "txt.txt"),
    ],
)
def test_names_are_tidy(name: str, shown: str) -> None:
    given: Any = SimpleUploadedFile("a.txt", b"words")
    given._name = name
    assert accept_file(given)[2] == shown
