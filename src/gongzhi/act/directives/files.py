"""Attachments of a directive: what is taken, judged by the content and never by the name alone.

Texts, tables and pictures that open everywhere. No macros, no programs, nothing that is locked, nothing hidden inside.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NoReturn

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.act.directives.actions import office_of
from gongzhi.act.directives.events import DirectiveChanged
from gongzhi.act.directives.models import Directive, DirectiveFile, DirectiveState
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels.photos import accept_photo, clean_copies

MOST_FILES: Final = 5
LARGEST: Final = 8 * 1024 * 1024
MOST_UNPACKED: Final = 200 * 1024 * 1024
MOST_PARTS: Final = 5000

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
TYPES: Final = {
    "pdf": "application/pdf",
    "webp": "image/webp",
    "docx": _OFFICE + "wordprocessingml.document",
    "xlsx": _OFFICE + "spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "txt": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"dex\n")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MACROS: Final = re.compile(r"vba|macrosheets/|activex/|^basic/|^scripts/|\.bas$", re.I)
_HIDDEN: Final = re.compile(
    r"embeddings/|\.(exe|dll|com|scr|bat|cmd|ps1|js|vbs|jar|msi|apk|sh|zip|rar|7z|ole|bin)$", re.I
)
_HARMLESS_BIN: Final = re.compile(r"printerSettings\d*\.bin$", re.I)
_ACTING_PDF: Final = re.compile(rb"/(JavaScript|Launch|EmbeddedFile|RichMedia)\b")


def accept_file(upload: Any) -> tuple[bytes, str, str]:
    """What is kept of an uploaded file: its bytes, the suffix of its true kind, and a tidy name. Refusal (422) else."""
    if upload.size > LARGEST:
        _refuse(
            _("“%(name)s” is larger than %(megabytes)d MB.")
            % {"name": _tidy(upload.name), "megabytes": LARGEST // 1024 // 1024}
        )
    content = upload.read()
    name = _tidy(upload.name)
    if not content:
        _refuse(_("“%(name)s” is empty.") % {"name": name})
    suffix, content = _kind(content, name, upload)
    stem = name.rpartition(".")[0] or name
    return content, suffix, f"{stem[: 119 - len(suffix)]}.{suffix}"


def _kind(content: bytes, name: str, upload: Any) -> tuple[str, bytes]:
    if content.startswith(_OLE):
        _refuse(
            _("“%(name)s” is an old, locked or macro document. Save it as .docx or .xlsx without macros and password.")
            % {"name": name}
        )
    if content.startswith(_PROGRAMS):
        _refuse(_("“%(name)s” is a program. Programs are not taken.") % {"name": name})
    if content.startswith(b"%PDF-"):
        if _ACTING_PDF.search(content):
            _refuse(_("“%(name)s” contains a program or another file. Print it to a plain PDF first.") % {"name": name})
        return "pdf", content
    if content.startswith(_PICTURES) or (content.startswith(b"RIFF") and content[8:12] == b"WEBP"):
        return "webp", _picture(content, name, upload)
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _packed(content, name), content
    return _text(content, name)


def _picture(content: bytes, name: str, upload: Any) -> bytes:
    """Pictures lose what they tell beside the picture: place, time, device."""
    upload.seek(0)
    try:
        accept_photo(upload)
        large, _small, _width, _height = clean_copies(content)
    except Refusal as refusal:
        _refuse(str(refusal.reason))
    except OSError:
        _refuse(_("“%(name)s” is damaged.") % {"name": name})
    return bytes(large.read())


def _packed(content: bytes, name: str) -> str:
    """A document of several parts: which kind it is, after a look at what else it holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                _refuse(_("“%(name)s” unfolds to too much.") % {"name": name})
            if any(part.flag_bits & 1 for part in parts):
                _refuse(_("“%(name)s” is locked with a password. Send it without one.") % {"name": name})
            names = {part.filename for part in parts}
            kinds = _read(packed, "[Content_Types].xml", names)
            if b"macroenabled" in kinds.lower() or any(_MACROS.search(one) for one in names):
                _refuse(_("“%(name)s” contains macros. Save it without macros and choose it again.") % {"name": name})
            if any(_HIDDEN.search(one) and not _HARMLESS_BIN.search(one) for one in names):
                _refuse(_("“%(name)s” has another file inside. Send that file by itself.") % {"name": name})
            if b"encryption-data" in _read(packed, "META-INF/manifest.xml", names):
                _refuse(_("“%(name)s” is locked with a password. Send it without one.") % {"name": name})
            relations = _read(packed, "word/_rels/settings.xml.rels", names)
            if b"attachedTemplate" in relations and b"External" in relations:
                _refuse(_("“%(name)s” loads a template from elsewhere. Save it without the template.") % {"name": name})
            mark = _read(packed, "mimetype", names)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, RuntimeError, ValueError):
        _refuse(_("“%(name)s” is damaged.") % {"name": name})
    if "word/document.xml" in names and kinds:
        return "docx"
    if "xl/workbook.xml" in names and kinds:
        return "xlsx"
    for suffix in ("odt", "ods"):
        if mark.strip() == TYPES[suffix].encode():
            return suffix
    return _unknown(name)


def _read(packed: zipfile.ZipFile, part: str, names: set[str]) -> bytes:
    if part not in names:
        return b""
    with packed.open(part) as file:
        return bytes(file.read(1024 * 1024))


def _text(content: bytes, name: str) -> tuple[str, bytes]:
    """Plain text, or a table of plain text: kept in UTF-8, whichever of the two usual codings it came in."""
    suffix = name.rpartition(".")[2].lower()
    if suffix not in ("txt", "csv"):
        _unknown(name)
    for coding in ("utf-8-sig", "gb18030"):
        try:
            words = content.decode(coding)
        except UnicodeDecodeError:
            continue
        if not any(unicodedata.category(one) == "Cc" and one not in "\t\r\n\f" for one in words):
            return suffix, words.encode()
    return _unknown(name), b""


def _unknown(name: str) -> NoReturn:
    _refuse(
        _("“%(name)s” is of a kind that is not taken. PDF, JPEG, PNG, WebP, DOCX, XLSX, ODT, ODS, TXT and CSV are.")
        % {"name": name}
    )


def _refuse(words: str) -> NoReturn:
    raise Refusal(words, field="attached", status=422)


def _tidy(name: str) -> str:
    """The name as it is shown: no folders, no marks that turn or hide writing, not too long."""
    last = re.split(r"[/\\]", str(name or ""))[-1]
    plain = "".join(one for one in last if unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    plain = re.sub(r'["<>|:*?;]', "_", plain).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    return f"{stem[:100]}.{suffix[:10]}" if dot and stem else plain[:110] or "file"


def attach_files(*, directive_id: int, uploads: Sequence[Any], by: User, now: datetime) -> list[DirectiveFile]:
    """Put files to a draft. All of them, or none when one cannot be taken."""
    if len(uploads) > MOST_FILES:
        _refuse(_("At most %(count)d files, please.") % {"count": MOST_FILES})
    accepted = [accept_file(upload) for upload in uploads]  # before the lock: reading takes a while
    with transaction.atomic():
        directive, post = _draft(directive_id, by, now)
        if directive.files.count() + len(accepted) > MOST_FILES:
            _refuse(_("At most %(count)d files, please.") % {"count": MOST_FILES})
        made = []
        for content, suffix, name in accepted:
            row = DirectiveFile(directive=directive, name=name, size=len(content))
            row.file.save(f"{row.uid.hex}.{suffix}", ContentFile(content), save=False)
            row.save()
            made.append(row)
        if made:
            event = DirectiveChanged(directive_id=directive.pk)
            record(event, about=directive, by=by, now=now, post=post, place=directive.place_path, save=())
    return made


@transaction.atomic
def detach_file(*, directive_id: int, file_id: int, by: User, now: datetime) -> None:
    """Take a file from a draft."""
    directive, post = _draft(directive_id, by, now)
    row = directive.files.filter(pk=file_id).first()
    if row is None:
        raise NotThere()
    stored, storage = row.file.name, row.file.storage
    row.delete()
    if stored:
        transaction.on_commit(lambda: storage.delete(stored))
    event = DirectiveChanged(directive_id=directive.pk)
    record(event, about=directive, by=by, now=now, post=post, place=directive.place_path, save=())


def _draft(directive_id: int, by: User, now: datetime) -> tuple[Directive, Any]:
    directive, post = office_of(directive_id, by, now)
    if directive.state != DirectiveState.DRAFT:
        raise Refusal(_("This has been sent already. Withdraw it and send a new one."))
    return directive, post
