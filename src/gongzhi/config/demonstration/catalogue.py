"""The category tree and the responsibility matrix as they lie in ``understand/cases/data``: read, not stored."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import gongzhi.understand.cases

DATA = Path(gongzhi.understand.cases.__file__).parent / "data"


@dataclass(frozen=True, kw_only=True)
class Category:
    """One entry of ``categories.yaml``. A heading has no ``deadline`` and holds no cases."""

    code: str
    name_zh: str
    name_en: str
    icon: str
    hint_zh: str = ""
    hint_en: str = ""
    deadline: str = ""
    role: str = ""
    basis: str = ""
    verified: bool = False
    areas: tuple[str, ...] = ()
    kind: str = ""
    public: bool = True
    keywords: tuple[str, ...] = ()
    private: bool = False
    opens_zh: str = ""
    opens_en: str = ""
    closes_zh: str = ""
    closes_en: str = ""
    questions: tuple[dict[str, Any], ...] = ()

    @property
    def parent(self) -> str:
        """Code of the entry above, empty at the top."""
        return self.code.rpartition(".")[0]


def read_yaml(path: Path) -> Any:
    # In C where it is there, which is ten times as quick and just as safe.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506


@functools.cache
def categories() -> tuple[Category, ...]:
    """Every entry, headings included, in the order of the file."""
    rows = read_yaml(DATA / "categories.yaml")["categories"]
    return tuple(
        Category(**{**row, "areas": tuple(row.get("areas", ())), "keywords": tuple(row.get("keywords", ()))})
        for row in rows
    )


@functools.cache
def _matrix() -> dict[str, Any]:
    matrix: dict[str, Any] = read_yaml(DATA / "responsibilities.yaml")
    return matrix


def responsible_role(category: Category, *, urban: bool) -> str:
    """The role that answers for this category in such an area: the longest matching row, else the category's own."""
    area = "urban" if urban else "rural"
    rows = [
        row
        for row in _matrix()["responsibilities"]
        if row["area"] in ("any", area)
        and (row["category"] in ("", category.code) or category.code.startswith(row["category"] + "."))
    ]
    if not rows:
        return category.role
    return str(max(rows, key=lambda row: (len(row["category"]), row["area"] != "any"))["role"])


def reach() -> dict[str, str]:
    """At which level of place the holder of a role is looked for first."""
    return dict(_matrix()["reach"])
