"""Reading division tables: files in, (path, name) rows out. Nothing here touches the database."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from gongzhi.ground.places import paths
from gongzhi.ground.places.models import Kind
from gongzhi.ground.places.refused import MOST_FAULTS, Fault, FileRefused

LONGEST_NAME = 60
MOST_BYTES = 512 * 1024 * 1024  # unpacked; the whole country is 60 MB
TABLES = ("provinces*.csv*", "cities*.csv*", "areas*.csv*", "counties*.csv*", "streets*.csv*", "villages*.csv*")
PLACEHOLDERS = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
DIVISION_LENGTHS = tuple(paths.LENGTHS[level] for level in ("province", "city", "county", "town", "village"))


@dataclass(frozen=True, slots=True)
class Row:
    path: str
    name: str


def significant(code: str, *, padded: bool) -> str:
    """The path of a national code: 12 digits lose the zeros that stand for "all of it", 6 digits only when padded.

    >>> significant("110108014000", padded=False), significant("441900", padded=False)
    ('110108014', '441900')
    """
    if len(code) == 12 or (len(code) == 9 and code.endswith("000")):
        while len(code) > 6 and code.endswith("000"):
            code = code[:-3]
        padded = len(code) == 6
    if len(code) == 6 and padded:
        while len(code) > 2 and code.endswith("00"):
            code = code[:-2]
    return code


def kind_of(path: str) -> str:
    """What the last three digits say about a town or a village; blank for other levels."""
    serial = int(path[-3:])
    match len(path):
        case 9:
            return (
                Kind.STREET
                if serial < 100
                else Kind.TOWN
                if serial < 200
                else Kind.TOWNSHIP
                if serial < 400
                else Kind.OTHER_TOWN
            )
        case 12:
            return Kind.RESIDENTS if serial < 200 else Kind.VILLAGERS if serial < 400 else Kind.OTHER_VILLAGE
        case _:
            return ""


def clean_name(text: str) -> str:
    """The name without surplus space. ValueError when it is empty, too long or has control characters.

    Private-use characters pass: two villages of the national table are written with one.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > LONGEST_NAME or any(unicodedata.category(char) in {"Cc", "Cs"} for char in name):
        raise ValueError
    return name


def tables_in(folder: Path) -> list[Path]:
    """The division tables of a folder, larger places first. Of several village tables the largest counts."""
    found: list[Path] = []
    for pattern in TABLES:
        files = [file for file in folder.glob(pattern) if file.is_file()]
        if files:
            found.append(max(files, key=lambda file: (file.stat().st_size, file.name)))
    return found


def _text(file: Path) -> Iterator[str]:
    """The lines of a CSV file: UTF-8 with or without a mark, or GB18030; packed or not."""
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (OSError, EOFError) as error:
        raise FileRefused([Fault(0, _("The file %(name)s cannot be read.") % {"name": file.name})]) from error
    if len(data) > MOST_BYTES:
        raise FileRefused([Fault(0, _("The file %(name)s is too large.") % {"name": file.name})])
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return iter(io.StringIO(data.decode(encoding), newline=""))
        except UnicodeDecodeError:
            continue
    raise FileRefused([Fault(0, _("The file %(name)s is neither UTF-8 nor GB18030 text.") % {"name": file.name})])


def _pairs(file: Path) -> Iterator[tuple[int, str, str]]:
    try:
        reader = csv.reader(_text(file))
        head = [column.strip().lower() for column in next(reader, [])]
        if "code" not in head or "name" not in head:
            raise FileRefused(
                [Fault(0, _("The file %(name)s has no columns named code and name.") % {"name": file.name})]
            )
        code, name = head.index("code"), head.index("name")
        for values in reader:
            if values:
                width = len(values)
                yield reader.line_num, values[code] if code < width else "", values[name] if name < width else ""
    except csv.Error as error:
        raise FileRefused([Fault(0, _("The file %(name)s is not a CSV table.") % {"name": file.name})]) from error


def read_tables(files: Iterable[Path]) -> list[Row]:
    """All rows of the files, larger places first, each path once.

    Raises FileRefused, with every faulty row, when a code is no division code, a name is unusable, or one code has
    two names.
    """
    padded = False
    later: list[tuple[str, int, str, str]] = []  # six digits: what their zeros mean, only the whole table can tell
    rows: dict[str, Row] = {}
    faults: list[Fault] = []

    def all_rows() -> Iterator[tuple[str, int, str, str]]:
        for file in files:
            for line, code, text in _pairs(file):
                if len(code.strip()) == 6:
                    later.append((file.name, line, code, text))
                else:
                    yield file.name, line, code, text
        nonlocal padded
        padded = any(code.strip().endswith("0000") for _file, _line, code, _text in later)
        yield from later

    for file, line, code, text in all_rows():
        path = significant(code.strip(), padded=padded)
        if len(path) not in DIVISION_LENGTHS or path.strip(paths.DIGITS):
            reason = _("%(file)s: %(code)s is not the code of a division.") % {"file": file, "code": code[:20]}
            faults.append(Fault(line, reason))
            continue
        try:
            name = clean_name(text)
        except ValueError:
            faults.append(Fault(line, _("%(file)s: the name is empty, too long or garbled.") % {"file": file}))
            continue
        known = rows.setdefault(path, Row(path, name))
        if known.name != name:
            reason = _("%(file)s: the code %(code)s stands there twice, with different names.")
            faults.append(Fault(line, reason % {"file": file, "code": path}))
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise FileRefused(faults)
    if not rows:
        raise FileRefused([Fault(0, _("There are no divisions in it."))])
    return in_order(rows.values())


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Provinces first, villages last, each level by code."""
    return sorted(rows, key=lambda row: (len(row.path), row.path))


def digest(rows: Iterable[Row]) -> str:
    """SHA-256 over the rows in order: the same table gives the same digest in whatever files it came."""
    sha = hashlib.sha256()
    for row in rows:
        sha.update(f"{row.path},{row.name}\n".encode())
    return sha.hexdigest()
