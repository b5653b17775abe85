"""The list of cases as a table to take along: CSV or XLSX, in the words of the reader's language.

The headings are those by which an import recognises columns, so what went out comes in again. No names or numbers of
reporters, and nothing that a spreadsheet program would take for a formula.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import IO, Any, Final

import xlsxwriter
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from gongzhi.front.story import position_words
from gongzhi.sense.channels.models import Channel
from gongzhi.sense.channels.tables import safe_cell
from gongzhi.understand.cases.models import OPEN, CaseQuerySet, State
from gongzhi.understand.cases.tree import category_by_id

MOST_CSV: Final = 100_000
MOST_XLSX: Final = 20_000
# (Chinese, English): the first names by which an import knows each column (sense/channels/data/headers.yaml).
HEADS: Final = (
    ("工单编号", "Case ID"),
    ("受理时间", "Received at"),
    ("标题", "Summary"),
    ("分类代码", "Category code"),
    ("分类", "Category"),
    ("网格编码", "Place"),
    ("地点名称", "Place name"),
    ("地址", "Address"),
    ("经度", "Longitude"),
    ("纬度", "Latitude"),
    ("诉求来源", "Channel"),
    ("办理状态", "Status"),
    ("环节", "Stage"),
    ("牵头单位", "With"),
    ("办理时限", "Deadline"),
    ("办结时间", "Closed at"),
    ("办理结果", "Outcome"),
    ("反映人次", "Voices"),
)
_COLUMNS: Final = (
    "number", "opened_at", "summary", "category_id", "place__code", "place__name", "address", "lon", "lat", "channel",
    "state", "lead_role", "lead_place__name", "due_at", "closed_at", "outcome", "voice_count",
)  # fmt: skip
# Words of a channel that an import knows again.
_CHANNELS: Final = {
    "phone": ("电话", "phone"),
    "web": ("网络", "web"),
    "visit": ("来访", "visit"),
    "field": ("巡查", "field"),
}
Cells = Sequence[str | float | int]


def _chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def heads() -> list[str]:
    return [pair[0 if _chinese() else 1] for pair in HEADS]


def _moment(value: datetime | None) -> str:
    return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}" if value is not None else ""


def lines(cases: CaseQuerySet) -> Iterator[Cells]:
    """One line for each case, read a thousand at a time."""
    side = 0 if _chinese() else 1
    closed, opened = ("已办结", "closed")[side], ("办理中", "open")[side]
    channels: dict[str, str] = {value: str(label) for value, label in Channel.choices}
    channels |= {name: words[side] for name, words in _CHANNELS.items()}
    states = {value: str(label) for value, label in State.choices}
    for (
        number, opened_at, summary, category_id, code, place, address, lon, lat, channel, state, lead_role, lead_place,
        due_at, closed_at, outcome, voices,
    ) in cases.values_list(*_COLUMNS).iterator(chunk_size=1000):  # fmt: skip
        node = category_by_id(category_id)
        yield (
            number,
            _moment(opened_at),
            summary,
            node.code if node is not None else "",
            node.name if node is not None else "",
            code,
            place,
            address,
            "" if lon is None else lon,
            "" if lat is None else lat,
            channels.get(channel, channel),
            opened if state in OPEN else closed,
            states.get(state, state),
            position_words(lead_role, lead_place) if lead_role and lead_place else "",
            _moment(due_at),
            _moment(closed_at),
            outcome,
            voices,
        )


class _Line:
    """What the csv writer writes to: it gives each line back."""

    def write(self, line: str) -> str:
        return line


def as_csv(cases: CaseQuerySet) -> Iterator[str]:
    writer: Any = csv.writer(_Line())
    yield "\ufeff"  # so that spreadsheet programs read it as UTF-8
    yield writer.writerow(heads())
    for cells in lines(cases):
        yield writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in cells])


def as_xlsx(cases: CaseQuerySet, note: str) -> IO[bytes]:
    """Written line by line to a file of its own, so that a large table needs little memory."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    plain = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, plain)
    sheet = book.add_worksheet(_("Cases"))
    bold = book.add_format({"bold": True})
    for column, words in enumerate(heads()):
        sheet.write_string(0, column, words, bold)
    sheet.freeze_panes(1, 1)
    for row, cells in enumerate(lines(cases), start=1):
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                sheet.write_string(row, column, cell)
            else:
                sheet.write_number(row, column, cell)
    about = book.add_worksheet(_("About this table"))
    for row, words in enumerate(note.splitlines()):
        about.write_string(row, 0, words)
    book.close()
    file.seek(0)
    return file
