from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from gongzhi.config.demonstration.catalogue import DATA, Category, categories, reach, responsible_role
from gongzhi.config.demonstration.reference import categories_page
from gongzhi.config.demonstration.writing import texts
from gongzhi.ground import rules
from gongzhi.ground.access.roles import Role
from gongzhi.understand.cases.models import Category as Model

PACKS = Path(rules.__file__).parent / "packs"
DOCS = Path(__file__).parents[5] / "docs" / "reference"
ENTRIES = categories()
HOLDING = [one for one in ENTRIES if one.deadline]


def rule_keys() -> set[str]:
    packs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(PACKS.glob("*.yaml"))]
    return {rule["key"] for pack in packs for rule in pack.get("rules", ())}


def test_codes_are_unique_dotted_words() -> None:
    assert [code for code, number in Counter(one.code for one in ENTRIES).items() if number > 1] == []
    assert [one.code for one in ENTRIES if not re.fullmatch(r"[a-z_]+(\.[a-z_]+){0,2}", one.code)] == []


def test_parents_come_before_their_children() -> None:
    seen = {""}
    for one in ENTRIES:
        assert one.parent in seen, one.code
        seen.add(one.code)


def test_only_the_top_holds_no_cases() -> None:
    assert [one.code for one in ENTRIES if bool(one.deadline) != ("." in one.code)] == []


def test_size_of_the_tree() -> None:
    assert 12 <= len(ENTRIES) - len(HOLDING) <= 18
    assert 70 <= len(HOLDING) <= 100


def test_every_deadline_is_a_rule() -> None:
    assert {one.deadline for one in HOLDING} - rule_keys() == set()


def test_roles_and_kinds_are_known() -> None:
    assert {one.role for one in HOLDING} <= set(Role.values)
    assert {one.kind for one in HOLDING} == set(Model.Kind.values)
    assert set(reach()) <= set(Role.values)


@pytest.mark.parametrize("one", HOLDING, ids=lambda one: one.code)
def test_entry_is_complete(one: Category) -> None:
    assert all((one.hint_zh, one.hint_en, one.basis, one.keywords, one.areas))
    assert set(one.areas) <= {"urban", "rural"}
    assert all(isinstance(word, str) for word in one.keywords)


def test_entries_fit_the_columns() -> None:
    limits = {"code": 80, "name_zh": 60, "name_en": 80, "hint_zh": 200, "hint_en": 300, "basis": 300, "icon": 30}
    assert [
        (one.code, name) for one in ENTRIES for name, limit in limits.items() if len(getattr(one, name)) > limit
    ] == []


def test_names_are_in_their_language() -> None:
    assert [one.code for one in ENTRIES if not re.search(r"[\u4e00-\u9fff]", one.name_zh)] == []
    assert [one.code for one in ENTRIES if re.search(r"[\u4e00-\u9fff]", one.name_en + one.hint_en)] == []


def test_matrix_rows_name_real_categories_and_roles() -> None:
    matrix = yaml.safe_load((DATA / "responsibilities.yaml").read_text(encoding="utf-8"))
    codes = {one.code for one in ENTRIES} | {""}
    for row in matrix["responsibilities"]:
        assert row["category"] in codes
        assert row["role"] in Role.values
        assert row["area"] in ("urban", "rural", "any")
        assert row["why"]
    assert set(matrix["fallback"]) <= set(Role.values)


def test_the_longest_row_wins_and_villages_have_no_property_manager() -> None:
    by_code = {one.code: one for one in ENTRIES}
    assert responsible_role(by_code["property.repair"], urban=True) == "property_manager"
    assert responsible_role(by_code["property.repair"], urban=False) == "community_clerk"
    assert responsible_role(by_code["property.committee"], urban=False) == "community_secretary"
    rural = {responsible_role(one, urban=False) for one in HOLDING if "rural" in one.areas}
    assert "property_manager" not in rural


def test_every_category_that_happens_has_sentences() -> None:
    with_children = {one.parent for one in ENTRIES}
    expected = {one.code for one in HOLDING if one.public} - with_children
    assert set(texts()["leaves"]) == expected


def test_the_page_is_current() -> None:
    assert (DOCS / "categories.md").read_text(encoding="utf-8") == categories_page()


def test_the_glossary_has_at_least_eighty_terms_each_once() -> None:
    lines = (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [
        line.split("|")[1:4] for line in lines if line.startswith("| ") and not line.startswith(("| ---", "| English"))
    ]
    assert len(rows) >= 80
    assert all(cell.strip() for row in rows for cell in row)
    terms = Counter(row[0].strip() for row in rows)
    assert [term for term, number in terms.items() if number > 1] == []
