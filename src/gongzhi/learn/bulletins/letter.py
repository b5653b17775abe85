"""The bulletin as a Word document, in the layout of an official paper.

The template is made here; an office that wants its own puts ``bulletin.docx`` into ``GONGZHI_HOME/templates`` and uses
the same names: ``title``, ``number``, ``place``, ``sentence``, ``made``, ``note``; the tables come in place of the
paragraph ``{{ tables }}``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docxtpl import DocxTemplate

from gongzhi.learn.bulletins.models import Bulletin
from gongzhi.learn.bulletins.tables import Table, sentence_of, tables_of, title_of

# What official papers are set in; a machine without these takes its own.
TITLE_FONT, HEAD_FONT, TEXT_FONT = "方正小标宋简体", "黑体", "仿宋"
HERE = "[[tables]]"
RED = RGBColor(0xC0, 0x00, 0x00)


def as_docx(bulletin: Bulletin) -> bytes:
    """The document, in the reader's language."""
    template = DocxTemplate(_template())
    template.render(_words(bulletin), autoescape=True)
    _put_tables(template.docx, tables_of(bulletin))
    out = io.BytesIO()
    template.save(out)
    return out.getvalue()


def _put_tables(paper: Any, tables: list[Table]) -> None:
    """The tables, in place of the paragraph that marks their place (at the end, when there is none)."""
    mark = next((paragraph for paragraph in paper.paragraphs if paragraph.text == HERE), None)
    if mark is None:
        mark = paper.add_paragraph(HERE)
    for place, table in enumerate(tables, 1):
        title = mark.insert_paragraph_before()
        title.paragraph_format.space_before = Pt(12)
        title.paragraph_format.keep_with_next = True
        _run(title, _("%(number)d. %(title)s") % {"number": place, "title": table.title}, HEAD_FONT, 14)
        if not table.rows:
            _run(mark.insert_paragraph_before(), _("No data."), TEXT_FONT, 12)
            continue
        grid = paper.add_table(rows=0, cols=len(table.heads))
        grid.style = "Table Grid"
        grid.alignment = WD_TABLE_ALIGNMENT.CENTER
        for line, texts in enumerate([table.heads, *([str(cell) for cell in row] for row in table.rows)]):
            row = grid.add_row()
            for column, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
                paragraph = cell.paragraphs[0]
                if line and column and (text[:1].isdigit() or text[:1] in "+-"):
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
                _run(paragraph, text, HEAD_FONT if line == 0 else TEXT_FONT, 10.5)
            if line == 0:  # the heads stand again on the next page
                again = OxmlElement("w:tblHeader")
                row._tr.get_or_add_trPr().append(again)
        mark._p.addprevious(grid._tbl)
    mark._p.getparent().remove(mark._p)


def _words(bulletin: Bulletin) -> dict[str, Any]:
    made = timezone.localtime(bulletin.made_at)
    return {
        "title": title_of(bulletin),
        "number": _("No. %(number)s") % {"number": bulletin.number},
        "place": bulletin.figures["place"]["name"],
        "sentence": sentence_of(bulletin),
        "made": _("Made on %(day)s") % {"day": date_format(made, "DATE_FORMAT")},
        "note": _(
            "Numbers as they were when the bulletin was made. Posts stand in the order of places, without a ranking."
        ),
        "tables": HERE,
    }


def _template() -> io.BytesIO | str:
    own = Path(settings.HOME) / "templates" / "bulletin.docx"
    return str(own) if own.exists() else _made_here()


def _made_here() -> io.BytesIO:
    """A4, a red line under the head, title, sentence, then one table after the other."""
    paper = Document()
    section = paper.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.top_margin, section.bottom_margin = Cm(3.7), Cm(3.5)
    section.left_margin, section.right_margin = Cm(2.8), Cm(2.6)
    _font(paper.styles["Normal"], TEXT_FONT, 14)
    head = paper.add_paragraph()
    head.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(head, "{{ place }}", TITLE_FONT, 26, RED)
    number = paper.add_paragraph()
    number.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(number, "{{ number }}", TEXT_FONT, 14)
    _line_below(number)
    title = paper.add_paragraph(style="Title")
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(title, "{{ title }}", TITLE_FONT, 20)
    paper.add_paragraph("{{ sentence }}").paragraph_format.first_line_indent = Pt(28)
    paper.add_paragraph("{{ tables }}")
    note = paper.add_paragraph()
    _run(note, "{{ note }}", TEXT_FONT, 10.5)
    made = paper.add_paragraph("{{ place }}")
    made.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    day = paper.add_paragraph("{{ made }}")
    day.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    out = io.BytesIO()
    paper.save(out)
    out.seek(0)
    return out


def _run(paragraph: Any, text: str, font: str, size: float, colour: RGBColor | None = None) -> None:
    run = paragraph.add_run(text)
    run.font.name, run.font.size = font, Pt(size)
    run.font.color.rgb = colour or RGBColor(0, 0, 0)
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)


def _font(style: Any, font: str, size: float) -> None:
    style.font.name, style.font.size = font, Pt(size)
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)


def _line_below(paragraph: Any) -> None:
    border = OxmlElement("w:pBdr")
    line = OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "18"), ("space", "6"), ("color", "C00000")):
        line.set(qn(f"w:{name}"), value)
    border.append(line)
    paragraph._p.get_or_add_pPr().append(border)
