"""What one row becomes under a mapping."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gongzhi.ground.places.coordinates import wgs84_from_gcj02
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels import mapping
from gongzhi.sense.channels.mapping import Incoming, Problem, Reason
from gongzhi.sense.channels.tables import LostDigits

NOW = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)
HEADER = ["id", "time", "text", "more", "kind", "state", "end", "lon", "lat", "phone"]


def row(**cells):
    usual = {"id": "7", "time": "2026-11-01 08:30", "text": "a lamp is out"}
    return [{**usual, **cells}.get(name, "") for name in HEADER]


def read(cells, *, coordinates="", **fields):
    given = {"received_at": "time", "text": "text", "external_id": "id", **fields}
    plan = mapping.compiled({"fields": given, "coordinates": coordinates}, HEADER)
    return plan.read(cells, plan.external_id(cells), NOW)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-01 08:30:00", "2026-11-01 08:30", "2026/11/1 08:30", "2026年11月1日 08:30", "2026年11月01日08时30分",
        "20261101083000", "2026-11-01T08:30:00+08:00", "2026-11-01T00:30:00Z", "46327.354166666664",
        datetime.fromisoformat("2026-11-01 08:30"),
    ],
)  # fmt: skip
def test_usual_dates_are_read_in_local_time(written):
    assert read(row(time=written)).received_at == datetime(2026, 11, 1, 0, 30, tzinfo=UTC)


def test_a_date_alone_is_its_beginning():
    assert read(row(time=date(2026, 11, 1))).received_at == datetime(2026, 10, 31, 16, tzinfo=UTC)


def test_a_named_form_and_zone():
    rule = {"column": "time", "format": "%m/%d/%Y %I:%M:%S %p", "zone": "America/New_York"}
    assert read(row(time="03/01/2011 02:27:57 PM"), received_at=rule).received_at == datetime(
        2011, 3, 1, 19, 27, 57, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("cells", "fields", "reason", "column"),
    [
        ({"time": ""}, {}, Reason.NO_TIME, "time"),
        ({"time": "gestern"}, {}, Reason.BAD_TIME, "time"),
        ({"time": "03/04/2026"}, {}, Reason.BAD_TIME, "time"),  # March or April: nobody may guess
        ({"time": "2026-02-30"}, {}, Reason.BAD_TIME, "time"),
        ({"time": "2031-01-01"}, {}, Reason.FUTURE, "time"),
        ({"time": "1815-06-18"}, {}, Reason.ANCIENT, "time"),
        ({"text": " "}, {}, Reason.NO_TEXT, "text"),
        ({"text": "x" * 4001}, {}, Reason.LONG_TEXT, "text"),
        ({"id": "x" * 81}, {}, Reason.LONG_ID, "id"),
        ({"id": LostDigits("1.1e17")}, {}, Reason.DIGITS_LOST, "id"),
        ({"id": "1.10108E+17"}, {}, Reason.DIGITS_LOST, "id"),
        ({"end": "2026-10-01"}, {"closed_at": "end"}, Reason.ENDS_EARLY, "end"),
        ({"lon": "200", "lat": "10"}, {"lon": "lon", "lat": "lat"}, Reason.BAD_POINT, "lon"),
        ({"lon": "nan", "lat": "10"}, {"lon": "lon", "lat": "lat"}, Reason.BAD_POINT, "lon"),
        ({"lon": "east", "lat": "10"}, {"lon": "lon", "lat": "lat"}, Reason.BAD_POINT, "lon"),
        (
            {"kind": "?"},
            {"category": {"column": "kind", "values": {"a": "b"}, "otherwise": "refuse"}},
            Reason.UNKNOWN_VALUE,
            "kind",
        ),
    ],
)
def test_what_cannot_be_taken_says_why_and_where(cells, fields, reason, column):
    assert read(row(**cells), **fields) == Problem(reason, column)


def test_a_lost_number_in_a_column_that_nobody_uses_does_no_harm():
    assert isinstance(read(row(more=LostDigits("1e17"))), Incoming)


def test_texts_are_joined_skipped_mended_or_set_into_a_template():
    joined = {"columns": ["text", "more"], "join": "; ", "skip": ["N/A"], "replace": [["\u00c2\u00a0", " "]]}
    assert read(row(more="two\u00c2\u00a0weeks"), text=joined).text == "a lamp is out; two weeks"
    assert read(row(more="N/A"), text=joined).text == "a lamp is out"
    template = {"template": "{kind}: {text} {0.__class__}", "columns": ["kind", "text"]}
    with pytest.raises(Refusal, match="no column"):
        read(row(kind="lamp"), text=template)
    assert read(row(kind="lamp"), text={"template": "【{kind}】{text}"}).text == "【lamp】a lamp is out"


def test_values_have_a_table_and_an_otherwise():
    rule = {"column": "kind", "values": {"lamp": "facilities.light"}, "otherwise": "other.general"}
    assert read(row(kind="lamp"), category=rule).category == "facilities.light"
    assert read(row(kind="??"), category=rule).category == "other.general"
    del rule["otherwise"]
    assert read(row(kind="??"), category=rule).category == ""


def test_points_come_in_three_systems():
    point = {"lon": "lon", "lat": "lat"}
    cells = row(lon="116.33", lat="39.99")
    assert read(cells, **point).point == (116.33, 39.99)
    assert read(cells, coordinates="gcj02", **point).point == pytest.approx(wgs84_from_gcj02(116.33, 39.99))
    assert read(row(lon="0", lat="0.0"), **point).point is None
    assert read(row(lon="116.33"), **point).point is None


def test_closed_or_open():
    state = {"column": "state", "values": {"办结": "closed"}, "otherwise": "open"}
    ended = read(row(state="办结", end="2026-11-02"), status=state, closed_at="end")
    assert (ended.closed, ended.closed_at) == (True, datetime(2026, 11, 1, 16, tzinfo=UTC))
    assert read(row(state="x", end="2026-11-02"), status=state, closed_at="end").closed is False
    assert read(row(end="2026-11-02"), closed_at="end").closed is True
    assert read(row(), closed_at="end").closed is False


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"fields": []},
        {"fields": {"text": "text"}},
        {"fields": {"text": "text", "received_at": "nowhere"}},
        {"fields": {"text": "text", "received_at": "time", "colour": "kind"}},
        {"fields": {"text": "text", "received_at": {"column": "time", "zone": "Mars/Base"}}},
        {"fields": {"text": "text", "received_at": {"column": "time", "speed": 3}}},
        {"fields": {"text": ["text"], "received_at": "time"}},
        {"fields": {"text": {"columns": [["text"]]}, "received_at": "time"}},
        {"fields": {"text": "text", "received_at": "time"}, "coordinates": "mars"},
        {"fields": {"text": "text", "received_at": "time", "place": {"column": "kind", "by": "smell"}}},
        {"fields": {"text": "text", "received_at": "time"}, "colour": "red"},
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(columns):
    with pytest.raises(Refusal) as refusal:
        mapping.compiled(columns, HEADER)
    assert refusal.value.status == 422


def test_a_chinese_header_is_guessed():
    table = {
        "工单编号": "A1",
        "受理时间": "2026-11-01 08:30",
        "诉求内容": "灯坏了",
        "问题分类": "路灯",
        "所属社区": "东区社区",
        "联系电话": "1",
        "办理状态": "已办结",
        "办结时间": "2026-11-02",
        "经度": "116.3",
        "纬度": "39.9",
        "发生地址": "路口",
    }
    header, sample = list(table), [list(table.values())]
    fields = mapping.guess(header, sample)["fields"]
    assert {name: rule["column"] for name, rule in fields.items()} == {
        "external_id": "工单编号",
        "received_at": "受理时间",
        "text": "诉求内容",
        "category": "问题分类",
        "place": "所属社区",
        "phone": "联系电话",
        "status": "办理状态",
        "closed_at": "办结时间",
        "lon": "经度",
        "lat": "纬度",
        "address": "发生地址",
    }
    assert fields["place"]["by"] == "name"
    assert fields["status"]["values"] == {"已办结": "closed"}
    mapping.compiled({"fields": fields}, header)


def test_an_ambiguous_date_form_is_not_guessed():
    assert mapping.guess_format(["03/04/2026", "05/06/2026"]) is None
    assert mapping.guess_format(["03/14/2026", "05/06/2026"]) == "%m/%d/%Y"
    assert mapping.guess_format(["14/03/2026", "05/06/2026"]) == "%d/%m/%Y"
    assert mapping.guess_format(["2026-03-04"]) is None  # needs no name


def test_equal_rows_are_counted_and_different_rows_differ():
    assert mapping.content_id(["a", "b"], 1) != mapping.content_id(["a", "b"], 2)
    assert mapping.content_id(["a", "b"], 1) != mapping.content_id(["ab", ""], 1)
    assert mapping.content_id(["a", "b"], 1) == mapping.content_id(["a", "b"], 1)
