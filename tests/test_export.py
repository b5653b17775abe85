"""The list of cases taken along: what is in it, what never is, and that it comes in again."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import translation

from gongzhi.front.workbench import tables
from gongzhi.ground.ledger.models import Entry
from gongzhi.sense.channels import importing
from gongzhi.sense.channels.mapping import guess
from gongzhi.sense.channels.models import BulkImport, Message
from gongzhi.sense.channels.tables import read_rows, survey
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db
SECRET = {"name": "赵先生", "phone": "13800000000", "email": "zhao@example.com"}


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def rows_of(content: bytes, name: str) -> list[list[Any]]:
    file = ContentFile(content, name=name)
    layout = survey(file).layout
    return [list(cells) for _number, cells in read_rows(file, layout)]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_in_it(as_user: Any, town: Any, report: Any, done: Any, form: str, language: str) -> None:
    _m, first = report(point=(116.32, 40.0), address="东门", **SECRET)
    _m, second = done(text="西门的路灯不亮。")
    visitor = as_user(town.clerk)
    visitor.cookies["django_language"] = language
    content = body(visitor.get(f"/staff/cases/export.{form}?state=all"))
    rows = rows_of(content, f"x.{form}")
    with translation.override(language):
        assert len(rows) == 2
        by_number = {row[0]: dict(zip(tables.heads(), row, strict=True)) for row in rows}
        heads = tables.heads()
    row = by_number[first.number]
    assert row[heads[3]] == LITTER
    assert row[heads[5]] == town.grid.code
    assert float(str(row[heads[8]])) == 116.32
    assert str(row[heads[1]]).startswith("2026-11-18 10:00")
    assert second.number in by_number
    text = str(rows)
    for secret in SECRET.values():
        assert secret not in text
        assert secret.encode() not in content


def test_only_what_the_list_shows(as_user: Any, town: Any, report: Any) -> None:
    report()
    _m, other = report(place=town.other_grid)
    found = body(as_user(town.other_clerk).get("/staff/cases/export.csv")).decode()
    assert other.number in found
    assert found.count("\r\n") == 2
    found = body(as_user(town.street_clerk).get(f"/staff/cases/export.csv?place={town.community.path}")).decode()
    assert other.number not in found
    assert as_user(town.clerk).get("/staff/cases/export.csv?state=nonsense").status_code == 422
    assert as_user(town.stranger).get("/staff/cases/export.csv").status_code == 404
    assert as_user(town.clerk).get("/staff/cases/export.pdf").status_code == 404


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0"]
)
def test_nothing_is_a_formula(as_user: Any, town: Any, report: Any, moment: Any, text: str) -> None:
    _m, case = report()
    Case.objects.filter(pk=case.pk).update(summary=text, address=text, outcome=text)
    visitor = as_user(town.clerk)
    for row in csv.reader(io.StringIO(body(visitor.get("/staff/cases/export.csv")).decode("utf-8-sig"))):
        for cell in row:
            assert cell.lstrip()[:1] not in tuple("=+@＝") or not cell, cell
            assert not cell.startswith("-")
    with zipfile.ZipFile(io.BytesIO(body(visitor.get("/staff/cases/export.xlsx")))) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml"), "a cell with a formula"


def test_it_stands_in_the_record(as_user: Any, town: Any, report: Any) -> None:
    report()
    body(as_user(town.clerk).get("/staff/cases/export.csv?state=all&q=赵先生&sort=newest"))
    entry = Entry.objects.get(event="privacy.TableTakenOut")
    assert entry.data == {
        "what": "cases.Case", "form": "csv", "rows": 0, "asked": ["sort=newest", "state=all", "q=*"],
    }  # fmt: skip
    assert entry.by_id == town.clerk.pk


def test_a_cap_and_a_notice(as_user: Any, town: Any, report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        report()
    monkeypatch.setattr(tables, "MOST_CSV", 2)
    monkeypatch.setattr(tables, "MOST_XLSX", 2)
    answer = as_user(town.clerk).get("/staff/cases/export.csv")
    assert "first-2" in answer["Content-Disposition"]
    assert len(rows_of(body(answer), "x.csv")) == 2
    book = zipfile.ZipFile(io.BytesIO(body(as_user(town.clerk).get("/staff/cases/export.xlsx"))))
    assert b"only the first 2" in b"".join(book.read(name) for name in book.namelist() if name.endswith(".xml"))


def test_many_rows_cost_few_statements(
    as_user: Any, town: Any, report: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(15):
        report()
    visitor = as_user(town.clerk)
    body(visitor.get("/staff/cases/export.csv"))
    with django_assert_max_num_queries(14):
        assert len(rows_of(body(visitor.get("/staff/cases/export.csv")), "x.csv")) == 15


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_went_out_comes_in_again(
    as_user: Any, town: Any, report: Any, done: Any, moment: Any, deliver: Any, form: str, language: str
) -> None:
    """Another house reads it with the mapping that it proposes by itself, the category by its code."""
    from gongzhi.verify.checks import actions as checks

    report(point=(116.32, 40.0), address="东门")
    answered, closed = done(text="西门的路灯不亮。")
    checks.answer_by_link(message=answered, helped=True, words="", now=moment.now)
    deliver(now=moment.now)
    cases.add_note(case_id=closed.pk, text="x", by=town.clerk, now=moment.now)
    visitor = as_user(town.clerk)
    visitor.cookies["django_language"] = language
    content = body(visitor.get(f"/staff/cases/export.{form}?state=all"))
    file = ContentFile(content, name=f"x.{form}")
    looked = survey(file)
    sample = [cells for _number, cells in read_rows(file, looked.layout)]
    with translation.override(language):
        heads = tables.heads()
    columns = guess(heads, sample)
    columns["fields"]["category"] = {"column": heads[3]}
    file.seek(0)
    bulk = importing.upload_table(
        file=file, name=file.name, source="old house", place=town.street, by=town.street_clerk, now=moment.now,
        columns=columns,
    )  # fmt: skip
    bulk = importing.start_import(import_id=bulk.pk, by=town.street_clerk, now=moment.now, background=False)
    while bulk.state == BulkImport.State.RUNNING:
        bulk = importing.take_batch(import_id=bulk.pk, now=moment.now, size=50)
    assert (bulk.rows_taken, bulk.rows_refused) == (2, 0)
    deliver(now=moment.now)
    for old in Case.objects.exclude(channel="import").filter(voices__message__source=""):
        message = Message.objects.get(source="old house", external_id=old.number)
        new = Case.objects.get(voices__message=message)
        assert (new.category_id, new.place_id, new.summary) == (old.category_id, old.place_id, old.summary)
        assert (new.opened_at, new.lon, new.lat, new.address) == (old.opened_at, old.lon, old.lat, old.address)
        assert (new.state == "closed") == (old.state == "closed")
        assert message.channel == "web"
