"""The packs that ship are sound, and a broken one says which file and rule to mend."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from gongzhi.ground.rules import packs as packs_module
from gongzhi.ground.rules.apps import packs_can_be_read
from gongzhi.ground.rules.packs import FOLDER, BrokenPack, Rule, Text, packs, read_packs
from gongzhi.ground.rules.reference import rules_as_markdown
from gongzhi.ground.rules.spans import Span

SOURCE = Path(packs_module.__file__).parents[2]
REPOSITORY = SOURCE.parents[1]


def test_packs_are_read_once():
    assert packs() is packs()


def test_every_value_says_where_it_comes_from_in_both_languages():
    for key, by_place in packs().values.items():
        described = packs().rules[key]
        assert described.about.zh, key
        assert described.about.en, key
        for dated in (dated for values in by_place.values() for dated in values):
            assert dated.source.zh, key
            assert dated.source.en, key


def test_every_rule_that_the_code_asks_for_is_in_a_pack():
    """A misspelt key would only show when somebody comes by."""
    asked = set()
    for path in SOURCE.rglob("*.py"):
        if "tests" not in path.parts:
            asked |= {(path, key) for key in re.findall(r"\brule\(\s*\"([a-z_.]+)\"", path.read_text(encoding="utf-8"))}
    for path in SOURCE.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        asked |= {(path, key) for key in re.findall(r"\b(?:deadline|rule): ([a-z_]+\.[a-z_.]+)", text)}
    assert len(asked) > 10
    assert [(str(path), key) for path, key in asked if key not in packs().rules] == []


def test_the_reference_page_is_up_to_date():
    page = REPOSITORY / "docs" / "reference" / "rules.md"
    assert page.read_text(encoding="utf-8") == rules_as_markdown()


def test_the_holidays_of_the_national_day_2025():
    days = packs().days
    assert [day.day for day in sorted(days) if (day.year, day.month) == (2025, 10)] == [*range(1, 9), 11]
    assert days[date(2025, 10, 11)].kind == "workday"
    assert days[date(2025, 9, 28)].kind == "workday"
    assert set(packs().years) == {2025, 2026}


GOOD = """
  - key: cases.x
    about: {zh: 甲, en: x}
    type: number
    max: 9
    values:
      - {from: 2020-01-01, value: 1, source: {zh: 甲, en: x}, verified: true}
"""


def a_pack(folder: Path, rules: str, place: str = '""', name: str = "one.yaml") -> None:
    shutil.copy(FOLDER / "holidays.yaml", folder / "holidays.yaml")
    (folder / name).write_text(f"place: {place}\nname: {{zh: 甲, en: x}}\nrules:{rules}", encoding="utf-8")


def test_newest_first_and_places_apart(tmp_path):
    a_pack(tmp_path, GOOD + "      - {from: 2024-01-01, value: 2, source: {zh: 甲, en: x}, verified: false}\n")
    there = (
        "\n  - key: cases.x\n    values:\n      - {from: 2021-01-01, value: 3, source: {zh: 甲, en: x}, verified: true}"
    )
    a_pack(tmp_path, there, place='"33"', name="a_place.yaml")
    values = read_packs(tmp_path).values["cases.x"]
    assert [dated.value for dated in values[""]] == [2, 1]
    assert [dated.value for dated in values["33"]] == [3]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("value: 1", "value: 10"), "cases.x"),
        (("value: 1", "value: many"), "cases.x"),
        (("from: 2020-01-01", "from: soon"), "'from' date"),
        (("verified: true", "verified: perhaps"), "verified"),
        ((", verified: true", ""), "verified"),
        (("source: {zh: 甲, en: x}", "source: x"), "source"),
        (("type: number", "type: magic"), "type must be"),
        (("type: number", "kind: number"), "no pack says what type"),
        (("max: 9", "maximum: 9"), "maximum"),
        (("key: cases.x", "key: 5"), "needs a key"),
        (("about: {zh: 甲, en: x}", "about: {zh: 甲}"), "about"),
        (("values:", "vals:"), "vals"),
        (("value: 1,", "value: 1, until: 2021-01-01,"), "until"),
    ],
)
def test_a_broken_pack_is_named_with_its_rule(tmp_path, change, says):
    assert change[0] in GOOD
    a_pack(tmp_path, GOOD.replace(*change))
    with pytest.raises(BrokenPack, match=re.escape(says)) as broken:
        read_packs(tmp_path)
    assert "one.yaml" in str(broken.value)


def test_other_ways_to_break_a_pack(tmp_path):
    a_pack(tmp_path, GOOD + GOOD.strip("\n"))
    with pytest.raises(BrokenPack, match="twice"):
        read_packs(tmp_path)
    a_pack(tmp_path, GOOD, place='"33"')
    with pytest.raises(BrokenPack, match="everywhere"):
        read_packs(tmp_path)
    a_pack(tmp_path, GOOD, place="Zhejiang")
    with pytest.raises(BrokenPack, match="place"):
        read_packs(tmp_path)
    (tmp_path / "one.yaml").write_text("rules: [", encoding="utf-8")
    with pytest.raises(BrokenPack, match=r"one\.yaml"):
        read_packs(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("days: [2026-01-04]", "days: [2026-01-05]"), "working day anyway"),
        (("days: [2026-01-04]", "days: [2026-01-03]"), "twice"),
        (("days: [2026-01-04]", "days: [2025-01-04]"), "not in this year"),
        (("days: [2026-01-04]", "day: 2026-01-04"), "2026"),
    ],
)
def test_a_broken_holiday_table_is_named(tmp_path, change, says):
    a_pack(tmp_path, GOOD)
    table = tmp_path / "holidays.yaml"
    table.write_text(table.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(BrokenPack, match=says) as broken:
        read_packs(tmp_path)
    assert "holidays.yaml" in str(broken.value)


def a_rule(type_: str, **more) -> Rule:
    return Rule(key="x", about=Text("甲", "x"), type=type_, **more)


@pytest.mark.parametrize(
    ("rule", "value", "ready"),
    [
        (a_rule("span"), "5 working_days", Span(5, "working_days")),
        (a_rule("span"), [5, "working_days"], Span(5, "working_days")),
        (a_rule("number"), 0.25, 0.25),
        (a_rule("number", whole=True), 3.0, 3),
        (a_rule("bool"), False, False),
        (a_rule("text"), "a", "a"),
        (a_rule("choice", options=("a", "b")), "b", "b"),
        (a_rule("list"), ["a", 2], ("a", 2)),
        (a_rule("hours"), [["00:00", "12:00"], ["12:00", "24:00"]], ((0, 720), (720, 1440))),
    ],
)
def test_values_that_a_rule_understands(rule, value, ready):
    assert rule.ready(value) == ready
    assert rule.in_words(rule.ready(value))


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        (a_rule("span"), ["0 working_days", "-1 natural_hours", "5", 5, None, "1.5 natural_days"]),
        (a_rule("span"), ["100001 natural_hours"]),
        (a_rule("number", least=1, most=2), [0, 3, "1", True, None, float("nan")]),
        (a_rule("number", whole=True), [1.5]),
        (a_rule("bool"), [0, "yes", None]),
        (a_rule("text"), [1, None, ["a"], "a\x00"]),
        (a_rule("choice", options=("a",)), ["c", None, 1]),
        (a_rule("list"), ["a", None, [["a"]], {"a": 1}]),
        (a_rule("zone"), ["Mars/Base", "", None, 8, "../etc/passwd", "/etc/passwd"]),
        (
            a_rule("hours"),
            [[], None, "9-5", [["09:00"]], [["12:00", "09:00"]], [["09:00", "12:00"], ["11:00", "13:00"]],
             [["9h", "12:00"]], [["24:00", "24:00"]], [[9, 12]], [["09:00", "25:00"]]],
        ),
    ],
)  # fmt: skip
def test_values_that_a_rule_refuses(rule, values):
    for value in values:
        with pytest.raises(ValueError, match=r"."):
            rule.ready(value)


def test_a_broken_pack_stops_the_start(tmp_path, monkeypatch):
    assert packs_can_be_read(None) == []
    a_pack(tmp_path, GOOD.replace("value: 1", "value: many"))
    monkeypatch.setattr(packs_module, "packs", lambda: read_packs(tmp_path))
    assert [problem.id for problem in packs_can_be_read(None)] == ["rules.E001"]
