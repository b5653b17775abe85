"""Tables as offices have them: encodings, marks, titles, numbers, and files that mean harm."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import datetime

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels import tables

HEADER = ["编号", "受理时间", "诉求内容"]
MOMENT = datetime.fromisoformat("2026-11-01 08:30")
ROWS = [
    ["1", "2026-11-01 08:30", "路灯不亮，已经三天"],
    ["2", "2026-11-02", "第一行\n第二行"],
    ["3", "2026-11-03", '他说"不行"'],
]


def text(rows=(HEADER, *ROWS), delimiter=",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


def read(content: bytes, **more):
    found = tables.survey(io.BytesIO(content), **more)
    return found.layout, [cells for _number, cells in found.sample]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_encoding_and_delimiter_of_an_office(encoding, delimiter):
    layout, rows = read(text(delimiter=delimiter).encode(encoding))
    assert layout.header == HEADER
    assert layout.delimiter == delimiter
    assert rows == ROWS
    assert layout.rows == 3


def test_rows_are_numbered_as_a_spreadsheet_numbers_them():
    content = '报表\r\n\r\n编号,内容\r\n1,"a\nb"\r\n\r\n2,c\r\n'.encode()
    found = tables.survey(io.BytesIO(content))
    assert found.layout.header_row == 3
    assert found.layout.header == ["编号", "内容"]
    assert found.sample == [(4, ["1", "a\nb"]), (6, ["2", "c"])]


def test_short_and_long_rows_and_doubled_names():
    layout, rows = read(b"id,text,,text\n1\n2,b,c,d,e\n")
    assert layout.header == ["id", "text", "C", "text (2)"]
    assert rows == [["1", "", "", ""], ["2", "b", "c", "d"]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"id,text\n", "no rows"),
        (b"1,2026-01-01\n2,2026-01-02\n", "names of the columns"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xfe", "not a table"),
        (b"\xff\xd8\xff\xe0rest of a picture \x81\xff", "not a table"),
        (b'id,text\n1,"never closed\n' + b"x" * 200_000, "row 2"),
        (b"PK\x03\x04 nothing", "damaged"),
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, "damaged"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(content, words):
    with pytest.raises(Refusal, match=words) as refusal:
        tables.survey(io.BytesIO(content))
    assert (refusal.value.field, refusal.value.status) == ("file", 422)


def workbook(rows, *, formats=None) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, datetime):
                    sheet.write_datetime(number, column, cell, moment)
                elif isinstance(cell, str) and cell.startswith("=SUM"):
                    sheet.write_formula(number, column, cell, None, 7)
                elif isinstance(cell, str):
                    sheet.write_string(number, column, cell)
                else:
                    sheet.write(number, column, cell)
    return out.getvalue()


def test_a_workbook_gives_text_dates_and_the_values_of_formulas():
    content = workbook([["标题"], ["编号", "时间", "内容", "数"], [12, MOMENT, "=HYPERLINK(1)", "=SUM(1,6)"]])
    layout, rows = read(content)
    assert (layout.kind, layout.header_row, layout.header) == ("workbook", 2, ["编号", "时间", "内容", "数"])
    assert rows == [["12", MOMENT, "=HYPERLINK(1)", "7"]]


def test_digits_that_a_spreadsheet_forgot_are_marked():
    _layout, rows = read(workbook([["id", "text"], [110108202613010018, "a"], [999999999999999, "b"]]))
    assert isinstance(rows[0][0], tables.LostDigits)
    assert rows[1][0] == "999999999999999"
    assert not isinstance(rows[1][0], tables.LostDigits)


def test_the_first_sheet_with_a_table_is_taken():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        book.add_worksheet("封面")
        book.add_worksheet("数据").write_row(0, 0, ["a", "b"])
        book.get_worksheet_by_name("数据").write_row(1, 0, ["1", "x"])
    layout, rows = read(out.getvalue())
    assert (layout.sheet, rows) == (1, [["1", "x"]])


def changed(content: bytes, **members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            if item.filename not in members:
                new.writestr(item.filename, old.read(item))
        for name, data in members.items():
            new.writestr(name, data)
    return out.getvalue()


GOOD = workbook([["id", "text"], ["1", "a"]])


@pytest.mark.parametrize("name", ["xl/vbaProject.bin", "xl/VBAPROJECT.BIN", "xl/vbaData.xml"])
def test_macros_are_refused(name):
    with pytest.raises(Refusal, match="macros"):
        tables.survey(io.BytesIO(changed(GOOD, **{name: b"x"})))


def test_macros_that_only_the_content_types_admit_are_refused():
    types = b'<Types><Override ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/></Types>'
    with pytest.raises(Refusal, match="macros"):
        tables.survey(io.BytesIO(changed(GOOD, **{"[Content_Types].xml": types})))


def test_a_macro_in_an_old_workbook_is_refused():
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "_VBA_PROJECT_CUR".encode("utf-16-le") + b"\0" * 600
    with pytest.raises(Refusal, match="macros"):
        tables.survey(io.BytesIO(content))


def test_a_bomb_is_refused_before_it_goes_off(monkeypatch):
    monkeypatch.setattr(tables, "MOST_UNPACKED", 2 * 1024**2)
    bomb = changed(GOOD, **{"xl/media/a.bin": b"\0" * 3 * 1024**2})
    assert len(bomb) < 20_000
    with pytest.raises(Refusal, match="too large"):
        tables.survey(io.BytesIO(bomb))


def test_a_bomb_that_lies_about_its_size_is_refused(monkeypatch):
    monkeypatch.setattr(tables, "MOST_UNPACKED", 2 * 1024**2)
    bomb = bytearray(changed(GOOD, **{"xl/media/a.bin": b"\0" * 3 * 1024**2}))
    claimed = (3 * 1024**2).to_bytes(4, "little")
    while (at := bomb.find(claimed)) >= 0:
        bomb[at : at + 4] = (100).to_bytes(4, "little")
    with pytest.raises(Refusal, match="too large"):
        tables.survey(io.BytesIO(bytes(bomb)))


def test_two_cells_far_apart_do_not_fill_the_memory():
    far = workbook([["id", "text"], ["1", "a"]])
    with zipfile.ZipFile(io.BytesIO(far)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    sheet = sheet.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')
    with pytest.raises(Refusal, match="too large"):
        tables.survey(io.BytesIO(changed(far, **{"xl/worksheets/sheet1.xml": sheet})))


def test_another_zip_is_no_spreadsheet():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("readme.txt", "hello")
    with pytest.raises(Refusal, match="not a spreadsheet"):
        tables.survey(io.BytesIO(out.getvalue()))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "＝"])
def test_formulas_are_neutralised_when_a_table_is_given_out(start):
    assert tables.safe_cell(f"{start}cmd|' /C calc'!A0").startswith("'")


@given(st.text(max_size=20))
def test_no_cell_begins_a_formula_and_every_other_is_unchanged(value):
    safe = tables.safe_cell(value)
    assert safe.lstrip()[:1] not in {*"=+-@"}
    assert safe in (value, f"'{value}")


SPACES = ["Cc", "Cs", "Zs", "Zl", "Zp"]
cells = st.text(st.characters(codec="gb18030", exclude_categories=SPACES), min_size=1, max_size=8)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_what_is_written_is_read(rows, delimiter):
    _layout, found = read(text([["name", "text", "other"], *rows], delimiter).encode("utf-8-sig"))
    assert found == rows
