"""Reading the category tree and the default responsibilities that come with the product into the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from itertools import groupby
from typing import Any

import yaml
from django.db import transaction
from django.utils import timezone

from gongzhi.ground.ledger.actions import record, record_many
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.events import CategoryLoaded, ResponsibilitySet
from gongzhi.understand.cases.models import Category, Responsibility

_FIELDS = (
    "parent_id",
    "name_zh",
    "name_en",
    "hint_zh",
    "hint_en",
    "kind",
    "deadline_rule",
    "role",
    "basis",
    "basis_verified",
    "icon",
    "urban",
    "rural",
    "in_public_form",
    "keywords",
    "position",
)


def packaged(name: str) -> dict[str, Any]:
    text = (resources.files("gongzhi.understand.cases") / "data" / name).read_text("utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


@transaction.atomic
def load_categories(rows: Iterable[Mapping[str, Any]] | None = None, *, now: datetime | None = None) -> int:
    """Bring the tree up to the packaged one (or to ``rows``); give back how many nodes there are.

    Nodes that people here have changed (the record knows by whom) are left as they are, and nothing is removed: a
    node that is no longer wanted is retired by somebody.
    """
    now = now or timezone.now()
    rows = list(rows if rows is not None else packaged("categories.yaml")["categories"])
    known = {node.code: node for node in Category.objects.all()}
    by_people = Entry.objects.filter(noun=Category.noun(), by_id__isnull=False)
    theirs = set(by_people.values_list("object_id", flat=True))
    added: list[Category] = []
    ordered = enumerate(sorted(rows, key=lambda row: row["code"].count(".")))
    for _depth, level in groupby(ordered, key=lambda place: place[1]["code"].count(".")):
        fresh = []
        for position, row in level:
            node = known.setdefault(row["code"], Category(code=row["code"]))
            if node.pk in theirs:
                continue
            values = _values(row, position, known.get(row["code"].rpartition(".")[0]))
            different = [name for name in _FIELDS if getattr(node, name) != values[name]]
            for name in different:
                setattr(node, name, values[name])
            if node._state.adding:
                fresh.append(node)
            elif different:
                save = [name.removesuffix("_id") for name in different]
                record(CategoryLoaded(category_id=node.pk), about=node, by=None, now=now, save=save)
        added += Category.objects.bulk_create(fresh)
    record_many([(CategoryLoaded(category_id=node.pk), node) for node in added], by=None, now=now)
    tree.forget()
    return len(known)


def _values(row: Mapping[str, Any], position: int, parent: Category | None) -> dict[str, Any]:
    areas = row.get("areas") or ["urban", "rural"]
    return {
        "parent_id": parent.pk if parent is not None else None,
        "name_zh": row["name_zh"],
        "name_en": row["name_en"],
        "hint_zh": row.get("hint_zh", ""),
        "hint_en": row.get("hint_en", ""),
        "kind": row.get("kind", Category.Kind.EVENT),
        "deadline_rule": row.get("deadline", ""),
        "role": row.get("role", ""),
        "basis": row.get("basis", ""),
        "basis_verified": bool(row.get("verified", False)),
        "icon": row.get("icon", ""),
        "urban": "urban" in areas,
        "rural": "rural" in areas,
        "in_public_form": bool(row.get("public", True)),
        "keywords": row.get("keywords", []),
        "position": position,
    }


@transaction.atomic
def load_responsibilities(*, everywhere: Place, rural: Iterable[Place], now: datetime | None = None) -> int:
    """Write the default matrix: general rows at ``everywhere``, the rural ones at each rural place."""
    made = []
    rural = list(rural)
    for row in packaged("responsibilities.yaml")["responsibilities"]:
        places = rural if row["area"] == "rural" else [everywhere]
        category = tree.category_by_code(row["category"])
        if category is None:
            continue
        for place in places:
            line, created = Responsibility.objects.get_or_create(
                category=category,
                place=place,
                ended_on=None,
                defaults={"place_path": place.path, "role": row["role"]},
            )
            if created:
                made.append(line)
    record_many(
        [(ResponsibilitySet(category_id=row.category_id, place_id=row.place_id, role=row.role), row) for row in made],
        by=None,
        now=now or timezone.now(),
    )
    return len(made)
