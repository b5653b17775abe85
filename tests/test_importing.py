"""Tables taken in: once, whole, and so that the record stays true, whatever breaks off in the middle."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongzhi.act.tasks.models import Task
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.places.actions import import_grids
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels import importing
from gongzhi.sense.channels.models import BulkImport, Mapping, Message, RefusedRow
from gongzhi.understand.cases.models import Case

pytestmark = pytest.mark.django_db

HEADER = [
    "编号",
    "受理时间",
    "诉求内容",
    "分类",
    "社区",
    "状态",
    "办结时间",
    "办理结果",
    "姓名",
    "电话",
    "经度",
    "纬度",
]
COLUMNS = {
    "fields": {
        "external_id": "编号",
        "received_at": "受理时间",
        "text": "诉求内容",
        "category": {"column": "分类", "values": {"垃圾": "environment.litter"}, "otherwise": ""},
        "place": {"column": "社区", "by": "name"},
        "status": {"column": "状态", "values": {"办结": "closed"}, "otherwise": "open"},
        "closed_at": "办结时间",
        "outcome": "办理结果",
        "name": "姓名",
        "phone": "电话",
        "lon": "经度",
        "lat": "纬度",
    }
}


def line(number, **cells):
    usual = {
        "编号": f"A{number}",
        "受理时间": "2026-11-10 08:30",
        "诉求内容": f"第{number}件事",
        "分类": "垃圾",
        "社区": "东区第一网格",
    }
    return [{**usual, **cells}.get(name, "") for name in HEADER]


def table(*rows, header=HEADER, encoding="utf-8-sig"):
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return ContentFile(out.getvalue().encode(encoding), name="t.csv")


@pytest.fixture
def bring(town, now):
    def bring(*rows, source="hotline", columns=COLUMNS, place=None, by=None, **more):
        bulk = importing.upload_table(
            file=table(*rows, **more), name="t.csv", source=source, place=place or town.street,
            by=by or town.street_clerk, now=now, columns=columns,
        )  # fmt: skip
        return importing.start_import(import_id=bulk.pk, by=by or town.street_clerk, now=now, background=False)

    return bring


@pytest.fixture
def take(now):
    def take(bulk, size=3):
        while bulk.state == BulkImport.State.RUNNING:
            bulk = importing.take_batch(import_id=bulk.pk, now=now, size=size)
        return bulk

    return take


def wrong_rows(now):
    """What is wrong with the record, except the places and categories that the small town was given behind its back."""
    given = ("places.Place", "cases.Category")
    return [found for found in verify(now=now) if not found.subject.startswith(given)]


def counts(bulk):
    return bulk.rows_taken, bulk.rows_known, bulk.rows_refused


def test_rows_become_cases_with_whoever_leads_and_work_orders(bring, take, deliver, town, now):
    bulk = take(bring(line(1), line(2, 状态="办结", 办结时间="2026-11-12 09:00", 办理结果="已清走"), line(3, 分类="?")))
    deliver(now=now)
    assert (bulk.state, *counts(bulk)) == ("done", 3, 0, 0)
    one, two, three = Case.objects.order_by("voices__message__external_id")
    assert (one.state, one.lead_role, one.lead_place_id) == ("assigned", "grid_worker", town.grid.pk)
    assert (one.place_id, one.placed, one.sorted_at) == (town.grid.pk, True, now)
    assert one.opened_at == datetime(2026, 11, 10, 0, 30, tzinfo=UTC)
    assert one.due_at is not None
    task = Task.objects.get()
    assert (task.case_id, task.role, task.place_id) == (one.pk, one.lead_role, one.lead_place_id)
    assert (two.state, two.closed_as, two.outcome, two.due_at) == ("closed", "imported", "已清走", None)
    assert two.closed_at == datetime(2026, 11, 12, 1, 0, tzinfo=UTC)
    assert (three.state, three.category, three.sorted_at) == ("new", None, None)
    assert (three.lead_role, three.lead_place_id) == ("community_clerk", town.community.pk)
    for case in (one, two, three):
        assert case.number == case.voices.get().message.number
        assert list(Entry.objects.about(case).values_list("seq", flat=True)) == [*range(1, case.version + 1)]
    assert wrong_rows(now) == []


def test_an_altered_imported_message_is_found_out(bring, take, deliver, now):
    take(bring(line(1), line(2)))
    deliver(now=now)
    Message.objects.filter(external_id="A2").update(external_id="A9")
    assert [found.subject for found in wrong_rows(now)] == [
        f"channels.Message {Message.objects.get(external_id='A9').pk}"
    ]


def test_the_same_file_again_brings_nothing(bring, take, deliver, now):
    rows = [line(number) for number in range(7)]
    take(bring(*rows))
    again = take(bring(*rows))
    deliver(now=now)
    assert counts(again) == (0, 7, 0)
    assert Case.objects.count() == Message.objects.count() == 7
    assert wrong_rows(now) == []


def test_an_overlapping_file_brings_only_what_is_new(bring, take, deliver, now):
    take(bring(*[line(number) for number in range(5)]))
    second = take(bring(*[line(number) for number in range(3, 9)]))
    deliver(now=now)
    assert counts(second) == (4, 2, 0)
    assert Case.objects.count() == 9


def test_another_system_may_use_the_same_numbers(bring, take):
    take(bring(line(1)))
    assert counts(take(bring(line(1), source="another"))) == (1, 0, 0)


def test_a_number_twice_in_one_file_enters_once(bring, take):
    assert counts(take(bring(line(1), line(2), line(1), line(1), line(3)), size=2)) == (3, 2, 0)


def test_equal_rows_without_a_number_are_counted(bring, take):
    same = line(1, 编号="")
    first = take(bring(same, line(2, 编号=""), same, same), size=2)
    assert counts(first) == (4, 0, 0)
    again = take(bring(same, same, same, same), size=3)
    assert counts(again) == (1, 3, 0)


def test_refused_rows_say_row_column_and_reason(bring, take, town):
    bulk = take(
        bring(
            line(1),
            line(2, 受理时间="昨天"),
            line(3, 诉求内容=""),
            line(4, 编号="1.10108E+17"),
            line(5, 经度="east", 纬度="40"),
            line(6, 社区="不存在的社区"),
        )
    )
    assert counts(bulk) == (2, 0, 4)
    assert list(RefusedRow.objects.order_by("row").values_list("row", "column", "reason")) == [
        (3, "受理时间", "bad_time"),
        (4, "诉求内容", "no_text"),
        (5, "编号", "digits_lost"),
        (6, "经度", "bad_point"),
    ]
    assert {(str(reason), count) for reason, _column, count in importing.reasons(bulk)} == {
        ("bad_time", 1),
        ("no_text", 1),
        ("digits_lost", 1),
        ("bad_point", 1),
    }


def test_a_mended_file_brings_only_the_refused_rows(bring, take, deliver, now):
    take(bring(line(1), line(2, 受理时间="昨天")))
    assert counts(take(bring(line(1), line(2)))) == (1, 1, 0)
    deliver(now=now)
    assert Case.objects.count() == 2


def test_an_unknown_place_is_not_lost(bring, take, deliver, town, now):
    take(bring(line(1, 社区="不存在的社区")))
    deliver(now=now)
    case = Case.objects.get()
    assert (case.state, case.placed, case.place_id) == ("new", False, town.street.pk)
    assert Case.objects.without_grid().get() == case


def test_an_unknown_place_is_refused_where_the_mapping_says_so(bring, take):
    fields = {**COLUMNS["fields"], "place": {"column": "社区", "by": "name", "otherwise": "refuse"}}
    bulk = take(bring(line(1, 社区="不存在的社区"), columns={"fields": fields}))
    assert counts(bulk) == (0, 0, 1)


def test_a_place_by_code_in_full_or_short(bring, take, town):
    fields = {**COLUMNS["fields"], "place": {"column": "社区", "by": "code"}}
    take(bring(line(1, 社区=town.community.path), line(2, 社区="110108014000"), columns={"fields": fields}))
    assert list(Message.objects.order_by("external_id").values_list("place_id", flat=True)) == [
        town.community.pk,
        town.street.pk,
    ]


def test_a_name_that_two_places_bear_is_nobodys(bring, take, town, now):
    Place.objects.filter(pk=town.other_grid.pk).update(name=town.grid.name)
    take(bring(line(1)))
    assert Message.objects.get().place is None


def test_rows_of_other_places_are_refused(bring, take, town):
    fields = {**COLUMNS["fields"], "place": {"column": "社区", "by": "code"}}
    bulk = bring(line(1, 社区="110108"), line(2, 社区=town.community.path), columns={"fields": fields})
    assert counts(take(bulk)) == (1, 0, 1)


def square(west, south):
    ring = [[west, south], [west + 0.01, south], [west + 0.01, south + 0.01], [west, south + 0.01], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture
def grids(town, now):
    Place.objects.filter(level="grid").update(kind="base")
    features = [
        {
            "type": "Feature",
            "properties": {"code": grid.path, "name": grid.name, "village": grid.path[:12]},
            "geometry": square(west, 40.0),
        }
        for grid, west in ((town.grid, 116.30), (town.other_grid, 116.32))
    ]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    import_grids(data=data, source="test", by=None, now=now)


def test_a_point_finds_its_grid_before_any_name(bring, take, town, grids):
    take(bring(line(1, 经度="116.325", 纬度="40.005"), line(2, 经度="116.305", 纬度="40.005", 社区="")))
    assert list(Message.objects.order_by("external_id").values_list("place_id", flat=True)) == [
        town.other_grid.pk,
        town.grid.pk,
    ]


def test_a_point_beside_all_grids_waits_with_a_proposal(bring, take, deliver, town, grids, now):
    take(bring(line(1, 经度="116.3105", 纬度="40.005", 社区="")))
    deliver(now=now)
    case = Case.objects.get()
    assert (case.placed, case.nearest_id, case.place_id) == (False, town.grid.pk, town.street.pk)
    assert 0 < case.nearest_metres < 100


def test_a_point_in_somebody_elses_grid_is_refused(bring, take, town, grids):
    bulk = bring(line(1, 经度="116.325", 纬度="40.005", 社区=""), place=town.community, by=town.street_clerk)
    assert counts(take(bulk)) == (0, 0, 1)
    assert RefusedRow.objects.get().reason == "outside"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_names_and_telephones_are_sealed_and_whole(bring, take, encoding):
    take(bring(line(1, 姓名="王小明", 电话="13800138000"), encoding=encoding))
    message = Message.objects.get()
    assert (message.reporter_name.open(), message.reporter_phone.open()) == ("王小明", "13800138000")
    assert message.answer_by == "phone"


def test_a_preview_changes_nothing(town, now):
    bulk = importing.upload_table(
        file=table(line(1), line(2, 受理时间="x"), line(1)), name="t.csv", source="hotline", place=town.street,
        by=town.street_clerk, now=now, columns=COLUMNS,
    )  # fmt: skip
    before = (Message.objects.count(), Case.objects.count(), RefusedRow.objects.count(), Entry.objects.count())
    look = importing.preview(bulk, now=now)
    assert (look.looked_at, look.takeable, look.known, sum(look.problems.values())) == (3, 1, 1, 1)
    assert [number for number, _answer in look.rows] == [2, 3, 4]
    assert before == (Message.objects.count(), Case.objects.count(), RefusedRow.objects.count(), Entry.objects.count())


def test_the_preview_foretells_the_import(bring, take, town, now):
    rows = [line(1), line(2, 受理时间="x"), line(1), line(3, 状态="办结"), line(4, 社区="?"), line(5, 诉求内容="")]
    bulk = bring(*rows)
    look = importing.preview(bulk, now=now)
    done = take(bulk)
    assert (look.takeable, look.known, sum(look.problems.values())) == counts(done)


class Crash(Exception):
    pass


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    crashes=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["early", "late"])), max_size=5),
    size=st.integers(1, 5),
)
def test_a_crash_at_any_point_loses_and_doubles_nothing(bring, now, monkeypatch, crashes, size):
    source = f"s{Message.objects.count()}-{BulkImport.objects.count()}"
    rows = [line(number, 编号="" if number % 3 else f"A{number}", 诉求内容=f"事{number % 4}") for number in range(11)]
    rows[6][1] = "?"
    bulk = bring(*rows, source=source)
    due = Counter(crashes)
    step = 0
    real = importing._write

    def failing(*given):
        if due[step, "early"]:
            due[step, "early"] -= 1
            raise Crash
        answer = real(*given)
        if due[step, "late"]:
            due[step, "late"] -= 1
            raise Crash
        return answer

    monkeypatch.setattr(importing, "_write", failing)
    while bulk.state == BulkImport.State.RUNNING:
        try:
            bulk = importing.take_batch(import_id=bulk.pk, now=now, size=size)
            step += 1
        except Crash:
            bulk = BulkImport.objects.get(pk=bulk.pk)
            assert bulk.rows_done == bulk.messages.count() + bulk.refused.count()
    assert counts(bulk) == (10, 0, 1)
    assert Message.objects.filter(source=source).count() == 10


def test_an_import_goes_on_in_another_process(bring, take, deliver, now):
    bulk = bring(*[line(number, 编号="") for number in range(9)])
    bulk = importing.take_batch(import_id=bulk.pk, now=now, size=4)
    importing._files.forget(bulk)  # the first process is gone, and what it had open with it
    assert counts(take(bulk, size=4)) == (9, 0, 0)
    deliver(now=now)
    assert wrong_rows(now) == []


def test_two_drivers_take_turns(bring, now):
    bulk = bring(*[line(number) for number in range(9)])
    one, two = importing._Open(), importing._Open()
    for step in range(5):
        importing._files = (one, two)[step % 2]
        bulk = importing.take_batch(import_id=bulk.pk, now=now, size=2)
    assert (bulk.state, *counts(bulk)) == ("done", 9, 0, 0)


def test_the_background_job_does_it_all(town, deliver, now):
    later = datetime.now(UTC) + timedelta(seconds=1)
    bulk = importing.upload_table(
        file=table(*[line(number) for number in range(3)]), name="t.csv", source="hotline", place=town.street,
        by=town.street_clerk, now=now, columns=COLUMNS,
    )  # fmt: skip
    importing.start_import(import_id=bulk.pk, by=town.street_clerk, now=now)
    deliver(now=later)
    bulk.refresh_from_db()
    assert (bulk.state, *counts(bulk)) == ("done", 3, 0, 0)
    assert Case.objects.filter(state="assigned").count() == Task.objects.count() == 3
    assert wrong_rows(later) == []


def test_only_who_may_import_there_may(town, now):
    upload = {"name": "t.csv", "source": "hotline", "now": now, "columns": COLUMNS}
    with pytest.raises(Refusal) as refusal:
        importing.upload_table(file=table(line(1)), place=town.street, by=town.clerk, **upload)
    assert refusal.value.status == 403
    with pytest.raises(Refusal) as refusal:
        importing.upload_table(file=table(line(1)), place=town.county, by=town.street_clerk, **upload)
    assert refusal.value.status == 403
    bulk = importing.upload_table(file=table(line(1)), place=town.street, by=town.street_clerk, **upload)
    for act in (importing.start_import, importing.discard_table, importing.take_up_again):
        with pytest.raises(NotThere):
            act(import_id=bulk.pk, by=town.clerk, now=now)


def test_a_discarded_table_leaves_nothing_but_its_entry(town, now, django_capture_on_commit_callbacks):
    bulk = importing.upload_table(
        file=table(line(1)), name="t.csv", source="hotline", place=town.street, by=town.street_clerk, now=now,
        columns=COLUMNS,
    )  # fmt: skip
    name, storage = bulk.file.name, bulk.file.storage
    assert storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        importing.discard_table(import_id=bulk.pk, by=town.street_clerk, now=now)
    assert not storage.exists(name)
    with pytest.raises(Refusal):
        importing.start_import(import_id=bulk.pk, by=town.street_clerk, now=now)
    assert wrong_rows(now) == []


def test_mappings_are_kept_by_name(town, now):
    importing.save_mapping(name="12345", columns=COLUMNS, by=town.street_clerk, now=now)
    importing.save_mapping(name="12345", columns={"fields": {}}, by=town.street_clerk, now=now)
    assert Mapping.objects.get().columns == {"fields": {}}
    with pytest.raises(Refusal):
        importing.save_mapping(name="12345", columns=COLUMNS, by=town.secretary, now=now)


def test_refused_rows_are_given_out_without_formulas(bring, take):
    bulk = take(bring(line(1, 受理时间="x", 诉求内容='=HYPERLINK("http://example.org")', 姓名="+86"), line(2)))
    head, row = list(importing.write_refused(bulk))
    assert head[3:] == HEADER
    assert row[0] == "2"
    assert row[5] == '\'=HYPERLINK("http://example.org")'
    assert "'+86" in row


def test_a_formula_is_kept_as_the_text_it_is(bring, take):
    take(bring(line(1, 诉求内容="=1+1")))
    assert Message.objects.get().text == "=1+1"


def test_few_statements_a_batch(bring, deliver, now, django_assert_max_num_queries):
    bulk = bring(*[line(number, 状态="办结" if number % 5 else "") for number in range(200)])
    with django_assert_max_num_queries(60):
        importing.take_batch(import_id=bulk.pk, now=now, size=200)
