"""What can be read in a text: times, places, danger; and that a suggestion changes nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongzhi.understand.suggestions.times import number, times_in
from gongzhi.understand.suggestions.urgency import alarms, for_the_form, rules
from tests.town import NOW  # a Wednesday, 18 November 2026, ten o'clock

TIMES = {
    "昨天晚上8点楼上开始砸墙": [("at", "2026-11-17T20:00")],
    "昨晚十一点半还在唱歌": [("at", "2026-11-17T23:30")],
    "前天下午三点": [("at", "2026-11-16T15:00")],
    "今早": [("at", "2026-11-18")],
    "上周三停的水": [("at", "2026-11-11")],
    "从上周五开始没有暖气": [("since", "2026-11-13")],
    "11月3日以后一直不亮": [("since", "2026-11-03")],
    "12月25日": [("at", "2025-12-25")],
    "2026年10月1日20:30": [("at", "2026-10-01T20:30")],
    "连续三天没人清": [("lasting", "")],
    "已经半个月了": [("lasting", "")],
    "每天夜里十二点装卸": [("daily", "00:00")],
    "每天早上6点": [("daily", "06:00")],
    "昨天晚上8點": [("at", "2026-11-17T20:00")],
    "三天": [],
    "一楼二单元": [],
    "2月31日": [],
}


@pytest.mark.parametrize("text", TIMES)
def test_times(text):
    assert [(one.kind, one.moment) for one in times_in(text, NOW)] == TIMES[text]


def test_how_long():
    assert [one.hours for one in times_in("连续三天，已经两个星期了，半天了", NOW)] == [72, 336, 12]
    assert [number(words) for words in ("三", "十", "十二", "二十", "二十五", "几", "半", "7")] == [
        3, 10, 12, 20, 25, None, None, 7,
    ]  # fmt: skip


@given(st.text(max_size=200))
@settings(max_examples=60)
def test_nothing_that_is_written_breaks_the_reading(text):
    for one in times_in(text, NOW):
        assert 0 <= one.start < one.end <= len(text)
    for alarm in alarms(text):
        assert all(text[start:end] for start, end in alarm.spans)


DANGER = {
    "楼下着火了，冒黑烟": "fire",
    "樓下著火了": "fire",
    "家里闻到煤气味": "gas",
    "老人被困在电梯里": "trapped",
    "有人要跳楼": "life",
    "孩子走失了": "missing",
    "井盖不见了": "manhole",
    "电线掉在地上冒火花": "electric",
    "There is a gas leak in the basement": "gas",
}


@pytest.mark.parametrize("text", DANGER)
def test_words_of_danger_are_met_with_their_places(text):
    met = alarms(text)
    assert DANGER[text] in [alarm.rule.code for alarm in met]
    start, end = met[0].spans[0]
    assert text[start:end]


@pytest.mark.parametrize(
    "text",
    ["没有着火", "担心着火", "消防演练冒烟", "防走失手环怎么领", "餐馆油烟大，像着火一样", "路灯不亮", "不是被困", ""],
)
def test_what_only_sounds_like_danger_is_not_met(text):
    assert alarms(text) == []


def test_the_gravest_comes_first():
    assert next(alarm.rule.urgency for alarm in alarms("停电了，有人触电昏迷")) == "danger"


def test_every_rule_says_something_in_both_languages():
    known = rules()
    assert len({rule.code for rule in known.rules}) == len(known.rules) >= 12
    for rule in known.rules:
        assert rule.say_zh
        assert rule.say_en
        assert rule.words
        assert rule.call if rule.urgency == "danger" else True


def test_the_form_gets_the_rules_and_looks_by_itself():
    told = json.loads(for_the_form("en"))
    fire = next(rule for rule in told["rules"] if rule["code"] == "fire")
    assert fire["call"] == ["119"]
    assert {"着火", "冒烟"} <= set(fire["words"])
    assert not [rule for rule in told["rules"] if rule["code"] == "outage"], "only danger to life"
