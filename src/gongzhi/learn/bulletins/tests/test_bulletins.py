"""The month in numbers: counted right, frozen, and the same on page, paper and in the files."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.utils import translation
from docx import Document
from python_calamine import CalamineWorkbook

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from gongzhi.learn.bulletins.actions import make_bulletin, make_missing
from gongzhi.learn.bulletins.figures import figures_of, month_after, month_before, period_of
from gongzhi.learn.bulletins.letter import as_docx
from gongzhi.learn.bulletins.models import Bulletin
from gongzhi.learn.bulletins.spreadsheet import as_xlsx, sheet_name
from gongzhi.learn.bulletins.tables import change, tables_of, title_of
from gongzhi.understand.cases.models import Case, Category
from gongzhi.verify.checks import actions as checks

pytestmark = pytest.mark.django_db

MONTH = date(2026, 11, 1)


@pytest.fixture
def november(done, report, town, moment, deliver):
    """Two cases of November, one of them closed; and the day on which the bulletin is made."""
    message, _case = done()
    checks.answer_by_link(message=message, helped=True, words="", satisfied="satisfied", now=moment.now)
    deliver(now=moment.now)
    report(category="", text="另一件事，还没分。", answer_by="phone", phone="13800000000", channel="phone")
    moment.now = moment.now.replace(month=12, day=1, hour=0, minute=20)
    return moment.now


def test_months():
    assert month_before(date(2026, 1, 1)) == date(2025, 12, 1)
    assert month_after(date(2026, 12, 1)) == date(2027, 1, 1)
    assert period_of(date(2024, 2, 1)).until == date(2024, 2, 29)


def test_the_numbers_of_a_month(november, town):
    figures = figures_of(town.street, MONTH, now=november)
    assert (figures["total"], figures["closed_in_month"], figures["received_open"]) == (2, 1, 1)
    assert (figures["before"], figures["year"]) == (None, None)  # no data is not zero
    assert figures["channels"] == [["phone", 1], ["web", 1]]
    assert sorted(figures["groups"]) == [["", 1], ["environment", 1]]
    assert [one["code"] for one in figures["hot"]] == ["environment.litter"]
    assert (figures["rates"]["month"]["helped"], figures["rates"]["month"]["satisfied"]) == (1, 1)
    assert sum(unit["count"] for unit in figures["units"]) == 2
    assert figures_of(town.other_community, MONTH, now=november)["total"] == 0


def test_compared_with_the_month_and_the_year_before(november, town, report, moment):
    case = Case.objects.latest("pk")
    Case.objects.filter(pk=case.pk).update(opened_at=moment.now.replace(month=10, day=5))
    figures = figures_of(town.street, MONTH, now=november)
    assert (figures["total"], figures["before"], figures["year"]) == (1, 1, None)
    Case.objects.filter(pk=case.pk).update(opened_at=moment.now.replace(year=2025, month=10, day=5))
    figures = figures_of(town.street, MONTH, now=november)
    assert (figures["total"], figures["before"], figures["year"]) == (1, 0, 0)
    assert [change(3, 2), change(1, None), change(1, 0), change(0, 0)] == ["+50.0 %", "no data", "none before", "0 %"]


def test_on_the_first_of_the_month_by_itself_and_once(november, town, now):
    assert make_missing(now=november) == 2  # the street and the community that has cases
    assert make_missing(now=november + timedelta(days=1)) == 0
    assert set(Bulletin.objects.values_list("place__name", "month", "revision")) == {
        ("清华园街道", MONTH, 1),
        ("东区社区", MONTH, 1),
    }
    assert verify(now=november) == []


def test_the_numbers_stay_and_another_count_is_another_revision(november, town):
    first = make_bulletin(place=town.street, month=MONTH, by=town.street_clerk, now=november)
    assert make_bulletin(place=town.street, month=MONTH, by=town.street_clerk, now=november).pk == first.pk
    Case.objects.filter(pk=Case.objects.latest("pk").pk).update(channel="visit")
    second = make_bulletin(place=town.street, month=MONTH, by=town.street_clerk, now=november)
    assert (second.revision, second.number) == (2, "110108014-202611-2")
    first.refresh_from_db()
    assert first.figures["channels"] == [["phone", 1], ["web", 1]]
    assert list(Bulletin.objects.newest()) == [second]
    assert make_missing(now=november) == 1  # the community's; the street has one
    assert Entry.objects.filter(event="bulletins.BulletinMade").count() == 3


def test_altered_numbers_are_found_out(november, town, as_user):
    bulletin = make_bulletin(place=town.street, month=MONTH, by=town.street_clerk, now=november)
    assert bulletin.is_whole
    Bulletin.objects.filter(pk=bulletin.pk).update(figures={**bulletin.figures, "total": 0})
    assert not Bulletin.objects.get().is_whole
    page = as_user(town.street_clerk).get(f"/staff/bulletins/{bulletin.pk}/").content.decode()
    assert "not the ones that were recorded" in page
    Bulletin.objects.filter(pk=bulletin.pk).update(digest="0" * 64)
    assert [finding.subject for finding in verify(now=november)] == [f"bulletins.Bulletin {bulletin.pk}"]


def test_who_may_make_one_and_when(november, town, moment):
    for user in (town.clerk, town.other_clerk, town.worker):
        with pytest.raises(Refusal) as refusal:
            make_bulletin(place=town.street, month=MONTH, by=user, now=november)
        assert refusal.value.status == 403
    with pytest.raises(Refusal) as refusal:
        make_bulletin(place=town.street, month=date(2026, 12, 1), by=town.street_clerk, now=november)
    assert refusal.value.status == 422
    with pytest.raises(Refusal):
        make_bulletin(place=town.street, month=date(1999, 12, 1), by=town.street_clerk, now=november)


def test_private_matters_are_not_named(november, town):
    Category.objects.filter(code="environment").update(private=True)
    from gongzhi.understand.cases import tree

    tree.forget()
    assert figures_of(town.street, MONTH, now=november)["hot"] == []


# --- page and files -------------------------------------------------------------------------------------------------


@pytest.fixture
def bulletin(november, town):
    return make_bulletin(place=town.street, month=MONTH, by=town.street_clerk, now=november)


def test_every_number_of_the_page_opens_its_cases(bulletin, town, as_user):
    client = as_user(town.street_clerk)
    page = client.get(f"/staff/bulletins/{bulletin.pk}/").content.decode()
    links = set(re.findall(r'<a href="(/staff/cases/\?[^"]+)">(\d+)</a>', page))
    assert len(links) > 12
    for address, count in links:
        answer = client.get(unescape(address))
        assert answer.status_code == 200, address
        assert len(answer.context["rows"]) == int(count), address


def test_the_page_is_seen_by_reach(bulletin, town, as_user):
    assert as_user(town.street_clerk).get("/staff/bulletins/").content.decode().count(f"/bulletins/{bulletin.pk}/") == 3
    for user in (town.clerk, town.other_clerk):
        assert as_user(user).get(f"/staff/bulletins/{bulletin.pk}/").status_code == 404
        assert as_user(user).get(f"/staff/bulletins/{bulletin.pk}/bulletin.docx").status_code == 404
    assert as_user(town.worker).get("/staff/bulletins/").status_code == 404


def test_made_by_hand(november, town, as_user):
    client = as_user(town.street_clerk)
    address = "/staff/bulletins/"
    assert "Make one by hand" not in as_user(town.clerk).get(address).content.decode()
    client = as_user(town.street_clerk)
    assert client.post(address, {}).status_code == 422
    assert client.post(address, {"place": "99", "month": "2026-11"}).status_code == 422
    for month in ("x", "2026-13", "2026-12", ""):
        assert client.post(address, {"place": town.street.path, "month": month}).status_code == 422
    answer = client.post(address, {"place": town.street.path, "month": "2026-11"})
    assert answer.status_code == 303
    assert client.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_word_document_says_the_same(bulletin, language):
    with translation.override(language):
        paper = Document(io.BytesIO(as_docx(bulletin)))
        tables = tables_of(bulletin)
        title = title_of(bulletin)
        meant_rows = [[[str(cell) for cell in row] for row in table.rows] for table in tables if table.rows]
    texts = [paragraph.text for paragraph in paper.paragraphs]
    assert title in texts
    assert any(bulletin.number in text for text in texts)
    filled = [table for table in tables if table.rows]
    assert len(paper.tables) == len(filled)
    for shown, meant, rows in zip(paper.tables, filled, meant_rows, strict=True):
        assert [cell.text for cell in shown.rows[0].cells] == meant.heads
        assert [[cell.text for cell in row.cells] for row in shown.rows[1:]] == rows
    assert not any("{%" in text or "{{" in text for text in texts)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_spreadsheet_says_the_same(bulletin, language):
    with translation.override(language):
        book = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx(bulletin)))
        tables = tables_of(bulletin)
        meant_rows = [
            [[cell.value if isinstance(cell.value, int | float) else str(cell) for cell in row] for row in table.rows]
            for table in tables
        ]
    assert book.sheet_names == [sheet_name(table.title) for table in tables]
    for table, wanted in zip(tables, meant_rows, strict=True):
        rows = book.get_sheet_by_name(sheet_name(table.title)).to_python(skip_empty_area=False)
        assert rows[3][: len(table.heads)] == table.heads
        for row, meant in zip(rows[4:], wanted, strict=False):
            for value, expected in zip(row, meant, strict=False):
                assert value == pytest.approx(expected) if isinstance(expected, float) else value == expected


def test_names_never_become_formulas_or_markup(bulletin):
    figures = {**bulletin.figures, "place": {"path": "110108014", "name": "=1+1<b>&"}}
    figures["themes"] = [{"id": 1, "name": '=HYPERLINK("https://x")', "size": 3, "state": "confirmed"}]
    bulletin.figures = figures
    paper = Document(io.BytesIO(as_docx(bulletin)))
    assert any("=1+1<b>&" in paragraph.text for paragraph in paper.paragraphs)
    data = as_xlsx(bulletin)
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/")]
    assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)


def test_a_month_costs_the_same_for_many_cases(november, town, report, django_assert_max_num_queries):
    for index in range(10):
        report(text=f"第{index}件")
    with django_assert_max_num_queries(30):
        figures_of(town.street, MONTH, now=november)
