"""The tree and the matrix as tables with Chinese headers: taken out for a spreadsheet, and brought back.

A table that is brought back is first tried (``dry=True``): the same actions run and are undone, so the preview says
exactly what would happen.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final

import xlsxwriter
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.spans import Span, Unit
from gongzhi.sense.channels.tables import read_rows, survey
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.categories import (
    add_category,
    change_category,
    move_category,
    retire_category,
    revive_category,
)
from gongzhi.understand.cases.models import Category, Responsibility
from gongzhi.understand.cases.responsibility import set_responsibility

MOST_ROWS: Final = 1000
# (name in the code, header). The order of the columns.
TREE: Final = (
    ("code", "编码"), ("parent", "上级编码"), ("name_zh", "名称"), ("name_en", "英文名称"), ("hint_zh", "填报提示"),
    ("hint_en", "英文提示"), ("kind", "类型"), ("deadline_rule", "时限规则"), ("role", "责任角色"), ("basis", "依据"),
    ("basis_verified", "依据已核实"), ("urban", "城市适用"), ("rural", "农村适用"), ("in_public_form", "居民可选"),
    ("private", "隐私事项"), ("keywords", "关键词"), ("opens_when_zh", "立案条件"),
    ("opens_when_en", "立案条件（英文）"),
    ("closes_when_zh", "结案条件"), ("closes_when_en", "结案条件（英文）"), ("retired_on", "停用日期"),
    ("successor", "接替编码"),
)  # fmt: skip
MATRIX: Final = (
    ("category", "类别编码"), ("category_name", "类别名称"), ("place", "地点编码"), ("place_name", "地点名称"),
    ("role", "牵头角色"), ("seat", "牵头单位地点编码"), ("co_handlers", "协办"),
)  # fmt: skip
_TRUTHS: Final = {
    "是": True,
    "否": False,
    "yes": True,
    "no": False,
    "true": True,
    "false": False,
    "1": True,
    "0": False,
}
_FLAGS: Final = ("basis_verified", "urban", "rural", "in_public_form", "private")
_UNITS: Final = {
    Unit.NATURAL_HOURS: "小时", Unit.WORKING_HOURS: "工作时", Unit.NATURAL_DAYS: "天", Unit.WORKING_DAYS: "工作日",
}  # fmt: skip
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*个?\s*(小时|工作小时|工作时|天|日|自然日|工作日)")


@dataclass(frozen=True)
class Outcome:
    """What becomes of one row of a table."""

    row: int
    name: str
    what: str  # added | changed | moved | retired | revived | same | refused
    reason: str = ""


def _chinese(choices: Any) -> dict[str, str]:
    with translation.override("zh-hans"):
        return {value: str(label) for value, label in choices.choices}


# --- taking out ---------------------------------------------------------------------------------------------------


def tree_rows() -> Iterator[dict[str, str]]:
    """Every node, parents before their children."""
    roles, kinds = _chinese(Role), _chinese(Category.Kind)
    known = tree.tree()

    def under(parent: int | None) -> Iterator[Category]:
        for node in known.children.get(parent, []):
            yield node
            yield from under(node.pk)

    for node in under(None):
        above = known.nodes.get(node.parent_id) if node.parent_id is not None else None
        new = known.nodes.get(node.successor_id) if node.successor_id is not None else None
        row = {name: getattr(node, name, "") for name, _header in TREE if name not in ("parent", "successor")}
        row |= {name: "是" if getattr(node, name) else "否" for name in _FLAGS}
        yield {
            **{name: str(value) for name, value in row.items()},
            "parent": above.code if above is not None else "",
            "successor": new.code if new is not None else "",
            "kind": kinds[node.kind],
            "role": roles.get(node.role, ""),
            "keywords": "、".join(node.keywords),
            "retired_on": node.retired_on.isoformat() if node.retired_on is not None else "",
        }


def matrix_rows(rows: Iterable[Responsibility]) -> Iterator[dict[str, str]]:
    roles = _chinese(Role)
    for row in rows:
        yield {
            "category": row.category.code,
            "category_name": row.category.name_zh,
            "place": row.place.code,
            "place_name": row.place.name,
            "role": roles[row.role],
            "seat": row.seat.code if row.seat is not None else "",
            "co_handlers": "；".join(part_words(part, roles) for part in row.co_handlers),
        }


def part_words(part: Mapping[str, str], roles: Mapping[str, str]) -> str:
    """ "街道科员@110108014000，3工作日": a part as a cell of the table holds it."""
    words = roles.get(part["role"], part["role"])
    if part.get("seat"):
        words += f"@{part['seat']}"
    if part.get("limit"):
        span = Span.parse(part["limit"])
        words += f"，{str(span).partition(' ')[0]}{_UNITS[span.unit]}"
    return words


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def as_csv(columns: Sequence[tuple[str, str]], rows: Iterable[Mapping[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([header for _name, header in columns])
    writer.writerows([_safe(row[name]) for name, _header in columns] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def as_workbook(columns: Sequence[tuple[str, str]], rows: Iterable[Mapping[str, str]], title: str) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(title)
        bold = book.add_format({"bold": True})
        sheet.write_row(0, 0, [header for _name, header in columns], bold)
        for number, row in enumerate(rows, 1):
            for column, (name, _header) in enumerate(columns):
                sheet.write_string(number, column, row[name])
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(columns) - 1, 18)
    return out.getvalue()


# --- bringing back ------------------------------------------------------------------------------------------------


def read_table(file: IO[bytes], columns: Sequence[tuple[str, str]], needed: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV or XLSX file by the names of the columns. Each also has its number, as ``row``."""
    found = survey(file)
    headers = {header: name for name, header in columns} | {name: name for name, _header in columns}
    names = [headers.get(str(header).strip(), "") for header in found.layout.header]
    missing = [header for name, header in columns if name in needed and name not in names]
    if missing:
        raise Refusal(
            _("The table has no column “%(columns)s”.") % {"columns": "、".join(missing)}, field="file", status=422
        )
    if found.layout.rows > MOST_ROWS:
        raise Refusal(
            _("The table has %(rows)d rows; %(most)d are the most at once.")
            % {"rows": found.layout.rows, "most": MOST_ROWS},
            field="file",
            status=422,
        )
    rows = []
    for number, cells in read_rows(file, found.layout):
        row = {name: _plain(cell) for name, cell in zip(names, cells, strict=True) if name}
        rows.append({**row, "row": str(number)})
    return rows


def _plain(cell: Any) -> str:
    words = cell.isoformat()[:10] if hasattr(cell, "isoformat") else str(cell).strip()
    return words[1:] if words[:1] == "'" and words[1:2] in ("=", "+", "-", "@") else words


def _tried(rows: Sequence[Mapping[str, str]], act: Callable[[Mapping[str, str]], str], *, dry: bool) -> list[Outcome]:
    """Do each row by itself; a refused row changes nothing and does not hinder the others."""
    outcomes = []
    with transaction.atomic():
        for row in rows:
            name = row.get("code") or f"{row.get('category', '')} × {row.get('place', '')}"
            try:
                with transaction.atomic():
                    outcomes.append(Outcome(int(row["row"]), name, act(row)))
            except Refusal as refusal:
                outcomes.append(Outcome(int(row["row"]), name, "refused", str(refusal.reason)))
        if dry:
            transaction.set_rollback(True)
    tree.forget()
    return outcomes


def _chosen(value: str, choices: Any, what: str) -> str:
    """The code for a cell that holds a code or a label in either language."""
    if not value:
        return ""
    known = {label: code for code, label in _chinese(choices).items()}
    with translation.override("en"):
        known |= {str(label): code for code, label in choices.choices}
    known |= {code: code for code in choices.values}
    if value not in known:
        raise Refusal(_("“%(value)s” is not known here (%(what)s).") % {"value": value[:40], "what": what}, status=422)
    return known[value]


def take_tree(rows: Sequence[Mapping[str, str]], *, by: User, now: datetime, dry: bool) -> list[Outcome]:
    """Bring the tree to what a table says. Columns and nodes that it does not have stay as they are."""
    return _tried(rows, lambda row: _take_node(row, by, now), dry=dry)


def _take_node(row: Mapping[str, str], by: User, now: datetime) -> str:
    code, today = row["code"], timezone.localdate(now)
    details: dict[str, Any] = {
        name: row[name]
        for name in (
            "name_zh", "name_en", "hint_zh", "hint_en", "deadline_rule", "basis", "opens_when_zh", "opens_when_en",
            "closes_when_zh", "closes_when_en",
        )
        if name in row
    }  # fmt: skip
    for name in _FLAGS:
        if row.get(name):
            if row[name].casefold() not in _TRUTHS:
                header = dict(TREE)[name]
                raise Refusal(_("Write 是 or 否 under “%(column)s”.") % {"column": header}, status=422)
            details[name] = _TRUTHS[row[name].casefold()]
    if row.get("kind"):
        details["kind"] = _chosen(row["kind"], Category.Kind, "类型")
    if "role" in row:
        details["role"] = _chosen(row["role"], Role, "责任角色")
    if "keywords" in row:
        details["keywords"] = [word for word in re.split(r"[、,，;；\s]+", row["keywords"]) if word]
    node = Category.objects.filter(code=code).select_related("parent").first()
    if node is None:
        above, _dot, word = code.rpartition(".")
        add_category(parent=row.get("parent", above) or above, word=word, by=by, now=now, **details)
        if Category.objects.filter(code=code).exists():
            return "added"
        raise Refusal(_("A code begins with the code of the category above it, then a dot."), status=422)
    done = "same"
    if "parent" in row and row["parent"] != (node.parent.code if node.parent is not None else ""):
        move_category(code=code, parent=row["parent"], by=by, now=now)
        done = "moved"
    before = Category.objects.get(code=code).version
    if change_category(code=code, by=by, now=now, **details).version != before:
        done = "changed"
    if row.get("retired_on") and node.is_in_force(today):
        retire_category(code=code, successor=row.get("successor", ""), by=by, now=now)
        done = "retired"
    elif "retired_on" in row and not row["retired_on"] and not node.is_in_force(today):
        revive_category(code=code, by=by, now=now)
        done = "revived"
    return done


def take_matrix(rows: Sequence[Mapping[str, str]], *, by: User, now: datetime, dry: bool) -> list[Outcome]:
    """Set the rows of the matrix that a table has. Rows that it does not have stay as they are."""
    return _tried(rows, lambda row: _take_row(row, by, now), dry=dry)


def _place(code: str) -> Place:
    places = Place.objects.filter(valid_to__isnull=True)
    found = places.filter(code=code).first() or places.filter(path=code).first() if code else None
    if found is None:
        raise Refusal(_("There is no such place."), field="place", status=422)
    return found


def _take_row(row: Mapping[str, str], by: User, now: datetime) -> str:
    place = _place(row["place"])
    seat = _place(row["seat"]) if row.get("seat") else None
    role = _chosen(row["role"], Role, "牵头角色")
    current = Responsibility.objects.filter(category__code=row["category"], place=place, ended_on__isnull=True).first()
    if "co_handlers" in row:
        parts = [_part(words) for words in re.split(r"[；;\n]+", row["co_handlers"]) if words.strip()]
    else:
        parts = current.co_handlers if current is not None else []
    if current is not None and (current.role, current.seat_id, current.co_handlers) == (
        role, seat.pk if seat is not None else None, parts,
    ):  # fmt: skip
        return "same"
    set_responsibility(category=row["category"], place=place, role=role, seat=seat, co_handlers=parts, by=by, now=now)
    return "added" if current is None else "changed"


def _part(words: str) -> dict[str, str]:
    who, _comma, limit = words.strip().replace(",", "，").partition("，")
    role, _at, seat = who.strip().partition("@")
    return {"role": _chosen(role.strip(), Role, "协办"), "seat": seat.strip(), "limit": span_of(limit.strip())}


def span_of(words: str) -> str:
    """A span as the house writes it, from "3个工作日" or "3 working_days"; "" for nothing."""
    if not words:
        return ""
    match = _SPAN.fullmatch(words)
    if match is not None:
        unit = {"工作小时": "工作时", "日": "天", "自然日": "天"}.get(match[2], match[2])
        words = f"{match[1]} {next(code.value for code, chinese in _UNITS.items() if chinese == unit)}"
    try:
        return str(Span.parse(words))
    except ValueError:
        raise Refusal(
            _("A limit is written like “3 working_days” or “4 working_hours”."), field="co_handlers", status=422
        ) from None
