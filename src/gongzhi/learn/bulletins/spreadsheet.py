"""The bulletin as a spreadsheet: one sheet a table, numbers as numbers, and nothing that calculates."""

from __future__ import annotations

import io

import xlsxwriter
from django.utils.translation import gettext as _

from gongzhi.learn.bulletins.models import Bulletin
from gongzhi.learn.bulletins.tables import sentence_of, tables_of, title_of

# No text of ours or of others becomes a formula or a link.
PLAIN = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def as_xlsx(bulletin: Bulletin) -> bytes:
    """The workbook, in the reader's language."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, PLAIN)
    big = book.add_format({"bold": True, "font_size": 16})
    head = book.add_format({"bold": True, "bg_color": "#EEF1EE", "border": 1, "text_wrap": True})
    body = book.add_format({"border": 1})
    share = book.add_format({"border": 1, "num_format": "0.0 %"})
    for place, table in enumerate(tables_of(bulletin)):
        sheet = book.add_worksheet(sheet_name(table.title))
        sheet.write_string(0, 0, title_of(bulletin) if place == 0 else table.title, big)
        if place == 0:
            sheet.write_string(1, 0, sentence_of(bulletin))
        top = 3
        for column, words in enumerate(table.heads):
            sheet.write_string(top, column, words, head)
        for row, cells in enumerate(table.rows, top + 1):
            for column, cell in enumerate(cells):
                if isinstance(cell.value, int | float):
                    sheet.write_number(row, column, cell.value, share if cell.share else body)
                else:
                    sheet.write_string(row, column, str(cell), body)
        if not table.rows:
            sheet.write_string(top + 1, 0, _("No data."), body)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, max(len(table.heads) - 1, 1), 16)
        if table.name in ("channels", "kinds", "groups") and table.rows:
            _bars(book, sheet, table.title, top, len(table.rows))
    book.close()
    return out.getvalue()


def sheet_name(title: str) -> str:
    """At most 31 characters, and none that a spreadsheet forbids."""
    return title.translate({ord(mark): " " for mark in "[]:*?/\\"})[:31]


def _bars(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet, title: str, top: int, rows: int) -> None:
    chart = book.add_chart({"type": "bar"})
    name = sheet.get_name()
    chart.add_series(
        {
            "categories": [name, top + 1, 0, top + rows, 0],
            "values": [name, top + 1, 1, top + rows, 1],
            "data_labels": {"value": True},
        }
    )
    chart.set_title({"name": title})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True})
    sheet.insert_chart(top, 4, chart)
