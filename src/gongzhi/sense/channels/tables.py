"""Tables that people bring: CSV in whatever encoding an office has, and XLSX. Read row by row, hostile or not.

``survey`` looks through a whole file once and says how to read it, or refuses it with a reason. ``read_rows`` then
gives its rows. A row is named by the number that a spreadsheet shows beside it.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import IO, Any

import python_calamine
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from gongzhi.ground.refusals import Refusal

MOST_BYTES = 1024**3  # of a CSV file
MOST_ROWS = 2_000_000
MOST_COLUMNS = 500
# A workbook is unpacked in memory as a whole, so it must be smaller: beyond this it has to be saved as CSV.
MOST_UNPACKED = 200 * 1024**2
MOST_CELLS = 8_000_000
_LEGACY_BYTES = 25 * 1024**2
_HEADER_WITHIN = 20  # rows

Cell = str | datetime | date


class LostDigits(str):
    """A number as a spreadsheet shows it, whose last digits the spreadsheet has already forgotten."""

    __slots__ = ()


@dataclass(frozen=True)
class Layout:
    """How to read a file: what it is, in which encoding, and what its columns are called."""

    kind: str  # csv | workbook
    header: list[str]
    header_row: int
    rows: int = 0  # that hold something, the header not counted
    encoding: str = ""
    delimiter: str = ","
    sheet: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Layout:
        return cls(**kept)


@dataclass(frozen=True)
class Survey:
    layout: Layout
    sha256: str
    sample: list[tuple[int, list[Cell]]] = field(default_factory=list)  # the first rows


def _refuse(reason: str) -> Refusal:
    return Refusal(reason, field="file", status=422)


# --- looking at a file once ---------------------------------------------------------------------------------------


def survey(file: IO[bytes], *, encoding: str = "", sample: int = 200) -> Survey:
    """Look through the whole file. Refusal (422) when it is not a table that can be read to its end."""
    digest, size, start = _fingerprint(file)
    if not size:
        raise _refuse(_("This file is empty."))
    if start.startswith(b"PK\x03\x04"):
        _inspect_package(file)
        layout = _survey_workbook(file)
    elif start.startswith(b"\xd0\xcf\x11\xe0"):
        _inspect_legacy(file, size)
        layout = _survey_workbook(file)
    else:
        layout = _survey_text(file, start, size, encoding)
    return Survey(layout, digest, list(islice(read_rows(file, layout), sample)))


def _fingerprint(file: IO[bytes]) -> tuple[str, int, bytes]:
    file.seek(0)
    digest, size, start = hashlib.sha256(), 0, b""
    while chunk := file.read(1 << 20):
        start = start or chunk[:8192]
        digest.update(chunk)
        size += len(chunk)
        if size > MOST_BYTES:
            raise _refuse(
                _("This file is larger than %(most)s MB. Please split it.")
                % {"most": number_format(MOST_BYTES // 1024**2)}
            )
    return digest.hexdigest(), size, start


def read_rows(file: IO[bytes], layout: Layout) -> Iterator[tuple[int, list[Cell]]]:
    """The rows below the header that hold something, each with its number and as many cells as there are columns."""
    width = len(layout.header)
    for number, cells in _every_row(file, layout):
        if number > layout.header_row and any(cells):
            yield number, [*cells[:width], *[""] * (width - len(cells))]


def _every_row(file: IO[bytes], layout: Layout) -> Iterator[tuple[int, Sequence[Cell]]]:
    if layout.kind == "csv":
        return _text_rows(file, layout.encoding, layout.delimiter)
    return _workbook_rows(file, layout.sheet)


# --- text ---------------------------------------------------------------------------------------------------------

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def _survey_text(file: IO[bytes], start: bytes, size: int, wanted: str) -> Layout:
    encoding = _encoding(file, start, wanted)
    delimiter = _delimiter(file, encoding)
    return _with_header(_text_rows(file, encoding, delimiter), kind="csv", encoding=encoding, delimiter=delimiter)


def _encoding(file: IO[bytes], start: bytes, wanted: str) -> str:
    """The first encoding in which every byte of the file makes sense."""
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), "")
    if marked:
        candidates = [marked]
    elif b"\x00" in start:
        # Without a mark, UTF-16 shows itself by the empty halves of its commas and digits.
        even, odd = start[0::2].count(0), start[1::2].count(0)
        candidates = ["utf-16-le" if odd > even else "utf-16-be"] if max(even, odd) > 20 * min(even, odd) else []
    else:
        candidates = [wanted] if wanted else ["utf-8", "gb18030"]
    for name in candidates:
        if _makes_sense(file, name):
            return name
    raise _refuse(
        _("This is not a table, or its text is neither UTF-8, UTF-16 nor GB18030. Save it as “CSV UTF-8” or XLSX.")
    )


def _makes_sense(file: IO[bytes], encoding: str) -> bool:
    file.seek(0)
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        return False
    try:
        while chunk := file.read(1 << 20):
            if "\x00" in decoder.decode(chunk):
                return False
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _reading(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    file.seek(0)
    return io.TextIOWrapper(_Borrowed(file), encoding=encoding, newline="")  # type: ignore[arg-type]


class _Borrowed(io.RawIOBase):
    """A file that stays open when its reader goes."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self.file.read(size)

    read1 = read


def _delimiter(file: IO[bytes], encoding: str) -> str:
    """What parts the names in the header; free text below it is full of commas."""
    text = _reading(file, encoding).read(64 * 1024)
    bare = re.sub(r'"(?:[^"]|"")*"', "", text)
    lines = [line for line in bare.splitlines() if any(mark in line for mark in ",;\t")]
    return max(",;\t", key=lambda mark: (lines[0].count(mark) if lines else 0, bare.count(mark)))


def _text_rows(file: IO[bytes], encoding: str, delimiter: str) -> Iterator[tuple[int, Sequence[Cell]]]:
    reader = csv.reader(_reading(file, encoding), delimiter=delimiter)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, [cell.strip() for cell in cells]
    except csv.Error:
        raise _refuse(
            _("From row %(row)d on the file cannot be read: a quotation mark is opened and never closed.")
            % {"row": number + 1}
        ) from None


# --- workbooks ----------------------------------------------------------------------------------------------------

_CELL = re.compile(rb'<(?:\w+:)?(?:c|row)\b[^>]{0,200}?\sr=["\']([A-Z]{0,3})(\d{1,7})["\']')


def _macros() -> Refusal:
    return _refuse(_("This workbook holds macros (small programs). Save it as XLSX without macros, or as CSV."))


def _too_large() -> Refusal:
    return _refuse(_("This workbook is too large to be unpacked. Save it as “CSV UTF-8”; that may have any length."))


def _inspect_package(file: IO[bytes]) -> None:
    """Refuse macros, disguised files, and packages that unpack to more than fits."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as package:
            members = package.infolist()
            names = {member.filename for member in members}
            lower = {name.lower() for name in names}
            if any("vbaproject" in name or name.endswith("/vbadata.xml") for name in lower):
                raise _macros()
            if "xl/workbook.xml" not in lower:
                raise _refuse(_("This is not a spreadsheet that can be read here. Save it as XLSX or CSV."))
            if len(members) > 2000 or sum(member.file_size for member in members) > MOST_UNPACKED:
                raise _too_large()
            left = MOST_UNPACKED
            for member in members:
                sheet = member.filename.lower().startswith("xl/worksheets/")
                types = member.filename == "[Content_Types].xml"
                left -= _unpack(file, member, left, sheet=sheet, types=types)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as broken:
        raise _refuse(_("This workbook is damaged and cannot be read.")) from broken


def _unpack(file: IO[bytes], member: zipfile.ZipInfo, most: int, *, sheet: bool, types: bool) -> int:
    """Inflate one member piece by piece, keeping nothing; returns its true size, whatever its header claims."""
    if member.flag_bits & 1:
        raise _refuse(_("This workbook is protected by a password. Save it without one."))
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("compression")
    file.seek(member.header_offset)
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("header")
    file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), io.SEEK_CUR)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.compress_type == zipfile.ZIP_DEFLATED else None
    left, size, tail, columns, rows = member.compress_size, 0, b"", 0, 0
    waiting = b""
    while left or waiting:
        packed = waiting or file.read(min(left, 1 << 18))
        if not packed:
            raise zipfile.BadZipFile("cut off")
        if not waiting:
            left -= len(packed)
        piece = inflate.decompress(packed, 1 << 20) if inflate else packed
        waiting = inflate.unconsumed_tail if inflate else b""
        size += len(piece)
        if size > most:
            raise _too_large()
        if types and b"macroenabled" in (tail + piece).lower():
            raise _macros()
        if sheet:
            # A reader lays out every cell up to the last one, so two cells far apart could fill the memory.
            for letters, digits in _CELL.findall(tail + piece):
                rows = max(rows, int(digits))
                if letters:
                    columns = max(columns, _column(letters))
            if rows * max(columns, 1) > MOST_CELLS:
                raise _too_large()
        tail = piece[-300:]
    return size


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def column_letters(index: int) -> str:
    """What a spreadsheet writes above the column with this index (0: A)."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _inspect_legacy(file: IO[bytes], size: int) -> None:
    """The XLS of before 2007 (or a password-protected XLSX, which hides in the same wrapper)."""
    if size > _LEGACY_BYTES:
        raise _too_large()
    file.seek(0)
    content = file.read()
    if any(name.encode("utf-16-le") in content for name in ("_VBA_PROJECT", "VBA_PROJECT_CUR")):
        raise _macros()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise _refuse(_("This workbook is protected by a password. Save it without one."))


def _survey_workbook(file: IO[bytes]) -> Layout:
    found: Layout | None = None
    problem: Refusal | None = None
    for sheet in range(len(_visible_sheets(file))):
        try:
            found = _with_header(_workbook_rows(file, sheet), kind="workbook", sheet=sheet)
            break
        except Refusal as refusal:  # an empty cover sheet before the table
            problem = problem or refusal
    if found is None:
        raise problem or _refuse(_("This file is empty."))
    return found


def _open_workbook(file: IO[bytes]) -> python_calamine.CalamineWorkbook:
    file.seek(0)
    try:
        return python_calamine.CalamineWorkbook.from_filelike(file)
    except python_calamine.PasswordError:
        raise _refuse(_("This workbook is protected by a password. Save it without one.")) from None
    except (python_calamine.CalamineError, OSError, ValueError) as broken:
        raise _refuse(_("This workbook is damaged and cannot be read.")) from broken


def _visible_sheets(file: IO[bytes]) -> list[str]:
    book = _open_workbook(file)
    return [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible == python_calamine.SheetVisibleEnum.Visible
        and sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
    ]


def _workbook_rows(file: IO[bytes], sheet: int) -> Iterator[tuple[int, Sequence[Cell]]]:
    book = _open_workbook(file)
    try:
        table = book.get_sheet_by_name(_visible_sheets(file)[sheet])
        for number, cells in enumerate(table.iter_rows(), 1):
            yield number, [_cell(value) for value in cells]
    except (python_calamine.CalamineError, ValueError) as broken:
        raise _refuse(_("This workbook is damaged and cannot be read.")) from broken


def _cell(value: Any) -> Cell:
    """A cell as text; dates stay dates. A spreadsheet keeps fifteen digits of a number, not one more."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value.is_integer():
            return f"{value:.0f}" if abs(value) < 1e15 else LostDigits(f"{value:.15g}")
        return repr(value)
    if isinstance(value, datetime | date):
        return value
    return "" if value is None else str(value)


# --- the header ---------------------------------------------------------------------------------------------------

_NOT_A_NAME = re.compile(r"[\d\s.,:/+\-年月日时分秒]*")


def _with_header(rows: Iterator[tuple[int, Sequence[Cell]]], **layout: Any) -> Layout:
    """Find the row that names the columns, and count the rows below it.

    It is the first row that holds something; a title above the table, alone in its row, is passed over.
    """
    titles: list[tuple[int, Sequence[Cell]]] = []
    header: tuple[int, Sequence[Cell]] | None = None
    for number, cells in islice(rows, _HEADER_WITHIN):
        filled = sum(1 for cell in cells if cell)
        if filled > 1:
            header = (number, cells)
            break
        if filled:
            titles.append((number, cells))
    count = 0
    if header is None:
        if not titles:
            raise _refuse(_("This file is empty."))
        header = titles[0]  # a table of one column
        count = len(titles) - 1
    number, cells = header
    names = _column_names(cells)
    for _number, cells in rows:
        count += any(cells)
        if count > MOST_ROWS:
            raise _refuse(
                _("This table has more than %(most)s rows. Please split it.") % {"most": number_format(MOST_ROWS)}
            )
    if not count:
        raise _refuse(_("This table has a header and no rows."))
    return Layout(header=names, header_row=number, rows=count, **layout)


def _column_names(cells: Sequence[Cell]) -> list[str]:
    """One name for each column; a nameless one gets its letter, a second one of the same name a number."""
    filled = [cell for cell in cells if cell]
    numbers = sum(1 for cell in filled if not isinstance(cell, str) or _NOT_A_NAME.fullmatch(cell))
    if 2 * numbers > len(filled):
        raise _refuse(_("The first row must hold the names of the columns."))
    last = max(index for index, cell in enumerate(cells) if cell)
    if last >= MOST_COLUMNS:
        raise _refuse(_("This table has more than %(most)d columns.") % {"most": MOST_COLUMNS})
    names: list[str] = []
    for index, cell in enumerate(cells[: last + 1]):
        name = " ".join(str(cell).split())[:100] or column_letters(index)
        only, again = name, 1
        while only in names:
            again += 1
            only = f"{name} ({again})"
        names.append(only)
    return names


# --- giving tables out --------------------------------------------------------------------------------------------

_STARTS_A_FORMULA = frozenset("=+-@＝＋－＠")
_BREAKS = frozenset("\t\r\n")


def safe_cell(value: object) -> str:
    """A value as text that no spreadsheet program takes for a formula."""
    text = str(value)
    return f"'{text}" if text.lstrip()[:1] in _STARTS_A_FORMULA or text[:1] in _BREAKS else text
