from __future__ import annotations

import csv
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import yaml

from gongzhi.config.demonstration.catalogue import categories
from gongzhi.config.demonstration.ground import FOLDER
from gongzhi.sense.channels.models import Channel

MAPPING = yaml.safe_load((FOLDER / "mappings" / "nyc311.yaml").read_text(encoding="utf-8"))
FIELDS = MAPPING["fields"]


def table(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = table("example_import/nyc_311_200.csv")
DIVISIONS = table("mappings/nyc_divisions.csv")


def test_the_example_is_small_and_has_its_credit() -> None:
    assert 0 < len(ROWS) <= 200
    assert "NYC Open Data" in (FOLDER / "example_import" / "CREDIT.txt").read_text(encoding="utf-8")


def test_every_named_column_exists() -> None:
    named = {column for rule in FIELDS.values() for column in [rule.get("column"), *rule.get("columns", ())] if column}
    assert named - set(ROWS[0]) == set()
    assert MAPPING["key"] in ROWS[0]


def test_every_complaint_type_is_mapped_to_a_category_that_holds_cases() -> None:
    known = {one.code for one in categories() if one.deadline}
    values = FIELDS["category"]["values"]
    assert {row["Complaint Type"] for row in ROWS} - set(values) == set()
    assert len(values) == 45
    assert set(values.values()) | {FIELDS["category"]["otherwise"]} <= known


def test_every_board_is_a_place() -> None:
    names = [row["name"] for row in DIVISIONS]
    assert len(names) == len(set(names))
    assert {row["Community Board"] for row in ROWS} - set(names) == set()
    assert FIELDS["place"]["otherwise"] in {row["code"] for row in DIVISIONS}
    assert sum(name[:2].isdigit() for name in names) == 59


@pytest.mark.parametrize("row", DIVISIONS, ids=lambda row: row["code"])
def test_every_division_hangs_below_another(row: dict[str, str]) -> None:
    lengths = {"province": 2, "city": 4, "county": 6, "town": 9}
    length = lengths[row["level"]]
    assert len(row["code"]) == 12
    assert row["code"].startswith("99")
    assert set(row["code"][length:]) == {"0"}
    above = [one for one, digits in lengths.items() if digits < length]
    if above:
        parent = row["code"][: lengths[above[-1]]].ljust(12, "0")
        assert (parent, above[-1]) in {(one["code"], one["level"]) for one in DIVISIONS}


def test_status_and_channel_are_covered() -> None:
    assert {row["Status"] for row in ROWS} <= set(FIELDS["status"]["values"])
    assert {row["Open Data Channel Type"] for row in ROWS} <= set(FIELDS["channel"]["values"])
    assert set(FIELDS["channel"]["values"].values()) <= set(Channel.values)


def test_times_are_read_as_new_york_time() -> None:
    rule = FIELDS["received_at"]
    zone = ZoneInfo(rule["zone"])
    first = datetime.strptime(ROWS[0][rule["column"]], rule["format"]).replace(tzinfo=zone)
    assert first.year == 2011
    for row in ROWS:
        received = datetime.strptime(row["Created Date"], rule["format"]).replace(tzinfo=zone)
        if row["Closed Date"]:
            assert datetime.strptime(row["Closed Date"], rule["format"]).replace(tzinfo=zone) >= received


def test_the_example_is_as_dirty_as_the_real_export() -> None:
    assert any(not row["Latitude"] for row in ROWS)
    assert any(row["Status"] != "Closed" for row in ROWS)
    assert any("Â" in row["Resolution Description"] for row in ROWS)
    assert any("Unspecified" in row["Community Board"] for row in ROWS)


def test_the_replacements_mend_the_texts() -> None:
    rule = FIELDS["outcome"]
    for row in ROWS:
        text = row[rule["column"]]
        for wrong, right in rule["replace"]:
            text = text.replace(wrong, right)
        assert text.isascii()
