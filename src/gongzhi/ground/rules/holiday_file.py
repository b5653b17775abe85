"""Reading a table of holidays: CSV with the columns date, kind, name."""

from __future__ import annotations

import csv
import io
import re
from datetime import date

from django.utils.translation import gettext as _

from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import NewDay

LARGEST = 200_000  # bytes; a year has some forty lines
KINDS = {
    **dict.fromkeys(("holiday", "off", "休", "放假", "节假日", "休息日"), "holiday"),
    **dict.fromkeys(("workday", "work", "班", "上班", "工作日", "调休上班"), "workday"),
}
A_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")  # as table programs write it
HEADINGS = {"date", "日期"}


def read_holidays(content: bytes) -> list[NewDay]:
    """The days of a file (UTF-8 or GB18030). Refused as a whole, naming every wrong line, when one is wrong."""
    if len(content) > LARGEST:
        raise Refusal(_("This file is too large for a table of holidays."), field="file", status=400)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            raise Refusal(_("This file is neither UTF-8 nor GB18030 text."), field="file", status=400) from None
    days: dict[date, NewDay] = {}
    problems: list[str] = []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text)), start=1):
            cells = [cell.strip() for cell in cells]
            if not any(cells) or (not days and cells[0].lower() in HEADINGS):
                continue
            problem = _read(cells, days)
            if problem:
                problems.append(_("Line %(number)s: %(problem)s") % {"number": number, "problem": problem})
    except csv.Error:
        raise Refusal(_("This file is no CSV table."), field="file", status=400) from None
    if problems:
        shown = problems[:20]
        if len(problems) > len(shown):
            shown.append(_("and %(count)s more") % {"count": len(problems) - len(shown)})
        raise Refusal("\n".join(shown), field="file", status=400)
    if not days:
        raise Refusal(_("This file has no days in it."), field="file", status=400)
    return list(days.values())


def _read(cells: list[str], days: dict[date, NewDay]) -> str:
    """Put one line into ``days``; the answer is what is wrong with it, or nothing."""
    if len(cells) < 2:
        return _("needs a date and a kind")
    try:
        written = A_DATE.fullmatch(cells[0])
        day = date(int(written[1]), int(written[2]), int(written[3])) if written else date.fromisoformat(cells[0])
    except ValueError:
        return _("“%(text)s” is no date like 2027-01-01") % {"text": cells[0][:40]}
    kind = KINDS.get(cells[1].lower())
    if kind is None:
        return _("“%(text)s” is neither holiday nor workday") % {"text": cells[1][:40]}
    if day in days:
        return _("%(date)s stands in the file twice") % {"date": day.isoformat()}
    name = cells[2] if len(cells) > 2 else ""
    if len(name) > 60:
        return _("the name is longer than 60 characters")
    if not name.isprintable():
        return _("the name has characters that cannot be read")
    days[day] = NewDay(day, kind, name)
    return ""
