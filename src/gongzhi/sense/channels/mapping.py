"""Column mappings: which of somebody's columns becomes what of ours. See ``docs/reference/column-mapping.md``.

A mapping is plain data (JSON in the database, YAML in a file). ``compiled`` makes a ``Plan`` of it, and
``Plan.read`` makes an ``Incoming`` or a ``Problem`` of one row. Nothing here asks the database.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.places.coordinates import System, to_wgs84
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.models import LONGEST_TEXT, Channel, RefusedRow
from gongzhi.sense.channels.tables import Cell, LostDigits

Reason = RefusedRow.Reason

# Our fields, in the order in which a screen shows them.
FIELDS: Final = (
    "external_id", "received_at", "text", "category", "place", "address", "lon", "lat", "name", "phone", "channel",
    "status", "closed_at", "outcome",
)  # fmt: skip
NEEDED: Final = ("received_at", "text")
JOINED: Final = ("text", "address")  # may be put together from several columns
REFUSE: Final = "refuse"  # said instead of a value: a row with an unlisted value is refused
FORMATS: Final = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日%H时%M分", "%Y年%m月%d日", "%Y.%m.%d %H:%M", "%Y.%m.%d",
    "%Y%m%d%H%M%S", "%Y%m%d",
)  # fmt: skip
# Forms that are read only when a mapping names them: 03/04/2026 is March or April.
AMBIGUOUS: Final = (
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y",
)  # fmt: skip
_RULE_KEYS = frozenset(
    {"column", "columns", "template", "join", "skip", "replace", "format", "zone", "values", "otherwise", "by", "table"}
)
_TOP_KEYS = frozenset(
    {
        "version", "name", "title_zh", "title_en", "source", "credit", "language", "encoding", "key", "coordinates",
        "fields",
    }
)  # fmt: skip
_SECONDS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?")
_SCIENTIFIC = re.compile(r"\d([.,]\d+)?[eE]\+?\d{2,}")
_SERIAL_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's day zero has no zone


@dataclass(frozen=True)
class Problem:
    """Why a row cannot be taken."""

    reason: Reason
    column: str = ""


class _Bad(Exception):
    def __init__(self, reason: Reason, column: str = "") -> None:
        self.problem = Problem(reason, column)


@dataclass(frozen=True)
class Incoming:
    """A row in our words, before its place is looked up."""

    external_id: str
    received_at: datetime
    text: str
    category: str = ""
    place: str = ""  # a code, or a name when the plan says so
    address: str = ""
    point: tuple[float, float] | None = None
    name: str = ""
    phone: str = ""
    channel: str = Channel.IMPORT
    closed: bool = False
    closed_at: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True)
class Rule:
    """How one field is filled."""

    columns: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    template: str = ""
    join: str = " "
    skip: frozenset[str] = frozenset()
    replace: tuple[tuple[str, str], ...] = ()
    formats: tuple[str, ...] = ()
    zone: tzinfo | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None

    @property
    def column(self) -> str:
        return self.names[0] if self.names else ""

    def first(self, cells: Sequence[Cell]) -> Cell:
        """The first cell that holds something."""
        for index in self.columns:
            cell = cells[index]
            if cell and not (isinstance(cell, str) and cell in self.skip):
                return cell
        return ""

    def text(self, cells: Sequence[Cell]) -> str:
        if self.template:
            shown = {name: self.clean(cells[index]) for name, index in zip(self.names, self.columns, strict=True)}
            return re.sub(r"\{([^{}]+)\}", lambda found: shown.get(found[1].strip(), ""), self.template).strip()
        parts: list[str] = []
        for index in self.columns:
            part = self.clean(cells[index])
            if part and part not in parts:
                parts.append(part)
        return self.join.join(parts)

    def clean(self, cell: Cell) -> str:
        if not isinstance(cell, str):
            return cell.isoformat(" ") if isinstance(cell, datetime) else cell.isoformat()
        for old, new in self.replace:
            cell = cell.replace(old, new)
        cell = cell.replace("\x00", "").replace("\r\n", "\n").strip()
        return "" if cell in self.skip else cell

    def meant(self, cells: Sequence[Cell]) -> str:
        """What the table of values says; for an unlisted value ``otherwise``, and without one the value itself."""
        cell = self.clean(self.first(cells))
        if cell in self.values:
            return self.values[cell]
        if self.otherwise == REFUSE and cell:
            raise _Bad(Reason.UNKNOWN_VALUE, self.column)
        if self.otherwise is not None and self.otherwise != REFUSE:
            return self.otherwise
        return "" if self.values else cell

    def moment(self, cells: Sequence[Cell]) -> datetime | None:
        cell = self.first(cells)
        if not cell:
            return None
        try:
            found = _moment(cell, self.formats)
        except ValueError:
            raise _Bad(Reason.BAD_TIME, self.column) from None
        if found.tzinfo is None:
            found = found.replace(tzinfo=self.zone or timezone.get_default_timezone())
        if found.year < 1970:
            raise _Bad(Reason.ANCIENT, self.column)
        return found.astimezone(UTC)


_CHANNELS = frozenset(Channel.values)


def _moment(cell: Cell, formats: Sequence[str]) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - the rule adds the zone
    if _SECONDS.fullmatch(cell) and (formats or FORMATS)[0] == FORMATS[0]:
        return datetime.fromisoformat(cell)  # the usual form, read ten times as fast
    for form in formats or FORMATS:
        try:
            return datetime.strptime(cell, form)  # noqa: DTZ007 - the rule adds the zone
        except ValueError:
            continue
    if _SERIAL.fullmatch(cell):  # a date that a spreadsheet gave out as its serial number
        return _SERIAL_DAY_ZERO + timedelta(seconds=round(float(cell) * 86400))
    if formats:
        raise ValueError(cell)
    return datetime.fromisoformat(cell)


@dataclass(frozen=True)
class Plan:
    """A mapping made ready for one header."""

    rules: Mapping[str, Rule]
    system: str = System.WGS84
    language: str = ""
    place_by: str = "code"  # what the value of "place" is: code | name

    def external_id(self, cells: Sequence[Cell]) -> str:
        """The row's number in the system it came from, or blank."""
        rule = self.rules.get("external_id")
        return rule.clean(rule.first(cells)) if rule is not None else ""

    def read(self, cells: Sequence[Cell], external_id: str, now: datetime) -> Incoming | Problem:
        try:
            return self._read(cells, external_id, now)
        except _Bad as bad:
            return bad.problem

    def _read(self, cells: Sequence[Cell], external_id: str, now: datetime) -> Incoming:
        self._keep_digits(cells)
        if len(external_id) > 80:
            raise _Bad(Reason.LONG_ID, self._column("external_id"))
        received_at = self._moment("received_at", cells)
        if received_at is None:
            raise _Bad(Reason.NO_TIME, self._column("received_at"))
        if received_at > now:
            raise _Bad(Reason.FUTURE, self._column("received_at"))
        text = self._text("text", cells)
        if not text:
            raise _Bad(Reason.NO_TEXT, self._column("text"))
        if len(text) > LONGEST_TEXT:
            raise _Bad(Reason.LONG_TEXT, self._column("text"))
        closed_at = self._moment("closed_at", cells)
        status = self._meant("status", cells)
        closed = status == "closed" if "status" in self.rules else closed_at is not None
        if closed_at is not None and closed and closed_at < received_at:
            raise _Bad(Reason.ENDS_EARLY, self._column("closed_at"))
        if closed_at is not None and closed and closed_at > now:
            raise _Bad(Reason.FUTURE, self._column("closed_at"))
        channel = self._meant("channel", cells)
        return Incoming(
            external_id=external_id,
            received_at=received_at,
            text=text,
            category=self._meant("category", cells),
            place=self._meant("place", cells),
            address=self._text("address", cells)[:200],
            point=self._point(cells),
            name=self._text("name", cells)[:60],
            phone=self._text("phone", cells)[:30],
            channel=channel if channel in _CHANNELS else Channel.IMPORT,
            closed=closed,
            closed_at=closed_at if closed else None,
            outcome=_shortened(self._text("outcome", cells), 500) if closed else "",
        )

    def _keep_digits(self, cells: Sequence[Cell]) -> None:
        """A number of which a spreadsheet forgot the end names somebody else: refuse the row."""
        for name in ("external_id", "phone"):
            rule = self.rules.get(name)
            cell = rule.first(cells) if rule is not None else ""
            if rule is not None and isinstance(cell, str) and _SCIENTIFIC.fullmatch(cell):
                raise _Bad(Reason.DIGITS_LOST, rule.column)
        if LostDigits not in map(type, cells):
            return
        for rule in self.rules.values():
            for index, column in zip(rule.columns, rule.names, strict=True):
                if isinstance(cells[index], LostDigits):
                    raise _Bad(Reason.DIGITS_LOST, column)

    def _column(self, name: str) -> str:
        rule = self.rules.get(name)
        return rule.column if rule is not None else ""

    def _text(self, name: str, cells: Sequence[Cell]) -> str:
        rule = self.rules.get(name)
        return rule.text(cells) if rule is not None else ""

    def _meant(self, name: str, cells: Sequence[Cell]) -> str:
        rule = self.rules.get(name)
        return rule.meant(cells) if rule is not None else ""

    def _moment(self, name: str, cells: Sequence[Cell]) -> datetime | None:
        rule = self.rules.get(name)
        return rule.moment(cells) if rule is not None else None

    def _point(self, cells: Sequence[Cell]) -> tuple[float, float] | None:
        east, north = self.rules.get("lon"), self.rules.get("lat")
        if east is None or north is None:
            return None
        lon, lat = east.clean(east.first(cells)), north.clean(north.first(cells))
        if not lon or not lat:
            return None
        try:
            x, y = float(lon), float(lat)
        except ValueError:
            raise _Bad(Reason.BAD_POINT, east.column) from None
        if not (-180 <= x <= 180 and -90 <= y <= 90):
            raise _Bad(Reason.BAD_POINT, east.column)
        if not x and not y:
            return None  # the way many programs write "no coordinates"
        return to_wgs84(x, y, self.system)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def content_id(cells: Sequence[Cell], occurrence: int) -> str:
    """A number for a row that has none: the same for the same content, counted among equal rows of one file."""
    spelt = "\x1f".join(cell if isinstance(cell, str) else cell.isoformat() for cell in cells)
    return f"~{hashlib.sha256(spelt.encode()).hexdigest()[:32]}-{occurrence}"


# --- making a plan of a mapping -----------------------------------------------------------------------------------


def _wrong(words: str, field: str = "mapping") -> Refusal:
    return Refusal(words, field=field, status=422)


def compiled(columns: Mapping[str, Any], header: Sequence[str]) -> Plan:
    """The plan of a mapping for a table with this header. Refusal (422) naming what does not fit."""
    fields = columns.get("fields")
    if not isinstance(fields, Mapping):
        raise _wrong(_("The mapping has no fields."))
    unknown = [*({str(key) for key in columns} - _TOP_KEYS), *({str(key) for key in fields} - {*FIELDS})]
    if unknown:
        raise _wrong(_("The mapping says something unknown: %(words)s") % {"words": ", ".join(sorted(unknown))})
    system = str(columns.get("coordinates") or System.WGS84)
    if system not in System.values:
        raise _wrong(_("Unknown coordinate system: %(name)s") % {"name": system}, "coordinates")
    given = dict(fields)
    if columns.get("key") and "external_id" not in given:
        given["external_id"] = {"column": columns["key"]}
    at = {name: index for index, name in enumerate(header)}
    rules = {name: _rule(name, given[name], at) for name in FIELDS if given.get(name)}
    rules = {name: rule for name, rule in rules.items() if rule.columns or rule.otherwise is not None}
    for name in NEEDED:
        if name not in rules or not rules[name].columns:
            raise _wrong(_("The mapping must say which column holds “%(field)s”.") % {"field": label(name)}, name)
    return Plan(
        rules=rules,
        system=system,
        language=str(columns.get("language") or "")[:10],
        place_by=_place_by(given.get("place") or {}),
    )


def _place_by(rule: Mapping[str, Any]) -> str:
    by = str(rule.get("by") or "code")
    if by not in ("code", "name"):
        raise _wrong(_("A place is found by code or by name, not by %(word)s.") % {"word": by}, "place")
    return "code" if rule.get("values") else by


def _rule(name: str, given: Any, at: Mapping[str, int]) -> Rule:
    if isinstance(given, str):
        given = {"column": given}
    if not isinstance(given, Mapping) or {str(key) for key in given} - _RULE_KEYS:
        raise _wrong(_("The mapping of “%(field)s” cannot be understood.") % {"field": label(name)}, name)
    names = given.get("columns") or ([given["column"]] if given.get("column") else [])
    template = str(given.get("template") or "")
    if template:
        names = [found.strip() for found in re.findall(r"\{([^{}]+)\}", template)]
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise _wrong(_("The mapping of “%(field)s” cannot be understood.") % {"field": label(name)}, name)
    missing = [one for one in names if one not in at]
    if missing:
        raise _wrong(_("The table has no column “%(column)s”.") % {"column": missing[0]}, name)
    values = given.get("values") or {}
    replace = given.get("replace") or []
    skip = given.get("skip") or []
    formats = given.get("format") or []
    formats = [formats] if isinstance(formats, str) else formats
    shapes = (
        isinstance(values, Mapping)
        and isinstance(skip, list)
        and isinstance(formats, list)
        and isinstance(replace, list)
        and all(isinstance(pair, list) and len(pair) == 2 for pair in replace)
    )
    if not shapes:
        raise _wrong(_("The mapping of “%(field)s” cannot be understood.") % {"field": label(name)}, name)
    return Rule(
        columns=tuple(at[one] for one in names),
        names=tuple(names),
        template=template,
        join=str(given.get("join", " ")),
        skip=frozenset(str(one) for one in skip),
        replace=tuple((str(old), str(new)) for old, new in replace),
        formats=tuple(str(one) for one in formats),
        zone=_zone(given.get("zone")),
        values={str(key): str(value) for key, value in values.items()},
        otherwise=str(given["otherwise"]) if given.get("otherwise") is not None else None,
    )


@lru_cache(maxsize=32)
def _zone(name: str | None) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong(_("There is no time zone “%(name)s”.") % {"name": name}, "received_at") from None


def label(name: str) -> str:
    """What a screen calls one of our fields."""
    return {
        "external_id": _("Number there"),
        "received_at": _("Received"),
        "text": _("What happened"),
        "category": _("Category"),
        "place": _("Place"),
        "address": _("Address"),
        "lon": _("Longitude"),
        "lat": _("Latitude"),
        "name": _("Name of the reporter"),
        "phone": _("Telephone of the reporter"),
        "channel": _("Channel"),
        "status": _("State"),
        "closed_at": _("Closed"),
        "outcome": _("Outcome"),
    }[name]


# --- mapping files ------------------------------------------------------------------------------------------------


def read_file(path: Path) -> dict[str, Any]:
    """A mapping from a YAML file. Tables that it names lie beside it and become part of it."""
    try:
        columns = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as broken:
        raise _wrong(_("%(file)s is not a mapping that can be read.") % {"file": path.name}) from broken
    if not isinstance(columns, dict) or not isinstance(columns.get("fields"), dict):
        raise _wrong(_("%(file)s is not a mapping that can be read.") % {"file": path.name})
    for rule in columns["fields"].values():
        if isinstance(rule, dict) and rule.get("table"):
            rule["values"] = {**_side_table(path, rule), **(rule.get("values") or {})}
            del rule["table"]
    return columns


def _side_table(path: Path, rule: Mapping[str, Any]) -> dict[str, str]:
    table = path.parent / Path(str(rule["table"])).name
    by = str(rule.get("by") or "name")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            return {row[by]: row["code"] for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as broken:
        raise _wrong(_("The table %(file)s beside the mapping cannot be read.") % {"file": table.name}) from broken


# --- guessing -----------------------------------------------------------------------------------------------------


@cache
def _headers() -> tuple[Mapping[str, Sequence[str]], Mapping[str, Mapping[str, str]]]:
    """What columns are usually called; and for each field with values: their word -> ours."""
    data = yaml.safe_load((Path(__file__).parent / "data" / "headers.yaml").read_text(encoding="utf-8"))
    words = {
        name: {_plain(str(word)): meaning for meaning, theirs in meanings.items() for word in theirs}
        for name, meanings in data["values"].items()
    }
    return data["columns"], words


def guess(header: Sequence[str], sample: Sequence[Sequence[Cell]]) -> dict[str, Any]:
    """A first proposal for a table: columns by their names, the form of dates by what stands in them."""
    plain = {_plain(name): name for name in reversed(header)}
    synonyms, meanings = _headers()
    taken: set[str] = set()
    fields: dict[str, Any] = {}
    for name in FIELDS:
        for word in synonyms[name]:
            column = plain.get(_plain(word))
            if column is not None and (column not in taken or name == "category"):
                fields[name] = {"column": column}
                taken.add(column)
                break
    at = {name: index for index, name in enumerate(header)}
    for name in ("received_at", "closed_at"):
        if name in fields:
            cells = [row[at[fields[name]["column"]]] for row in sample]
            if (form := guess_format(cells)) is not None:
                fields[name]["format"] = form
    for name in ("status", "channel"):
        if name in fields:
            seen = {str(row[at[fields[name]["column"]]]) for row in sample}
            words = meanings[name]
            fields[name]["values"] = {value: words[_plain(value)] for value in sorted(seen) if _plain(value) in words}
            fields[name]["otherwise"] = "open" if name == "status" else "import"
    if "place" in fields:
        cells = [row[at[fields["place"]["column"]]] for row in sample]
        digits = all(isinstance(cell, str) and cell.isascii() and cell.isdigit() for cell in cells if cell)
        fields["place"]["by"] = "code" if digits else "name"
    if "category" in fields:
        fields["category"]["values"] = {}
    return {"fields": fields}


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-*:：/]+", " ", name).strip().casefold()


def guess_format(cells: Sequence[Cell]) -> str | None:
    """The one date form that all these cells have; None when the usual forms do, or when two would fit."""
    texts = [cell for cell in cells if cell and isinstance(cell, str)]
    if not texts or any(_fits(form, texts) for form in FORMATS):
        return None
    fitting = [form for form in AMBIGUOUS if _fits(form, texts)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(form: str, texts: Sequence[str]) -> bool:
    try:
        for text in texts:
            datetime.strptime(text, form)  # noqa: DTZ007 - only a look
    except ValueError:
        return False
    return True


Known = Callable[[str], bool]


def unknown_codes(columns: Mapping[str, Any], known: Known) -> list[str]:
    """Category codes that the mapping speaks of and the tree does not have."""
    rule = (columns.get("fields") or {}).get("category") or {}
    if not isinstance(rule, Mapping):
        return []
    codes = {str(code) for code in [*(rule.get("values") or {}).values(), rule.get("otherwise")] if code}
    return sorted(code for code in codes - {REFUSE} if not known(code))
