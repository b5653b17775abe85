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
from gongzhi.understand.cases.events import (
    CategoryChanged,
    CategoryLoaded,
    CategoryMoved,
    CategoryRetired,
    CategoryRevived,
    QuestionLoaded,
    ResponsibilitySet,
)
from gongzhi.understand.cases.models import Category, Question, Responsibility

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
    "opens_when_zh",
    "opens_when_en",
    "closes_when_zh",
    "closes_when_en",
    "private",
)
_ASKED = ("kind", "label_zh", "label_en", "choices", "required", "position")


def packaged(name: str) -> dict[str, Any]:
    text = (resources.files("gongzhi.understand.cases") / "data" / name).read_text("utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


@transaction.atomic
def load_categories(rows: Iterable[Mapping[str, Any]] | None = None, *, now: datetime | None = None) -> int:
    """Bring the tree up to the packaged one (or to ``rows``); give back how many nodes there are.

    What people here have changed (the record knows by whom) is left as it is, field by field, and nothing is removed:
    a node that is no longer wanted is retired by somebody. Questions that are new in the product are added to the
    nodes that are here already; those that people here have written, changed or retired stay theirs.
    """
    now = now or timezone.now()
    rows = list(rows if rows is not None else packaged("categories.yaml")["categories"])
    known = {node.code: node for node in Category.objects.all()}
    theirs = _set_by_people()
    added: list[Category] = []
    ordered = enumerate(sorted(rows, key=lambda row: row["code"].count(".")))
    for _depth, level in groupby(ordered, key=lambda place: place[1]["code"].count(".")):
        fresh = []
        for position, row in level:
            node = known.setdefault(row["code"], Category(code=row["code"]))
            kept = theirs.get(node.pk, frozenset())
            values = _values(row, position, known.get(row["code"].rpartition(".")[0]))
            different = [name for name in _FIELDS if name not in kept and getattr(node, name) != values[name]]
            for name in different:
                setattr(node, name, values[name])
            if node._state.adding:
                fresh.append(node)
            elif different:
                save = [name.removesuffix("_id") for name in different]
                record(CategoryLoaded(category_id=node.pk), about=node, by=None, now=now, save=save)
        added += Category.objects.bulk_create(fresh)
    record_many([(CategoryLoaded(category_id=node.pk), node) for node in added], by=None, now=now)
    _load_questions(rows, known, {node.pk for node in added}, now)
    tree.forget()
    return len(known)


def _set_by_people() -> dict[int, frozenset[str]]:
    """Which fields of which nodes people here have set. An entry that does not say which counts for all of them."""
    found: dict[int, set[str]] = {}
    by_people = Entry.objects.filter(noun=Category.noun(), by_id__isnull=False).order_by()
    for pk, event, data in by_people.values_list("object_id", "event", "data"):
        fields = {
            CategoryChanged.name: data.get("fields", []),
            CategoryMoved.name: ["parent_id", "position"],
            CategoryRetired.name: [],
            CategoryRevived.name: [],
        }.get(event, _FIELDS)
        found.setdefault(pk, set()).update(fields)
    return {pk: frozenset(fields) for pk, fields in found.items()}


def _load_questions(
    rows: Iterable[Mapping[str, Any]], nodes: Mapping[str, Category], fresh: set[int], now: datetime
) -> None:
    """Bring the questions of the tree up to ``rows``."""
    known = {(question.category_id, question.code): question for question in Question.objects.all()}
    by_people = Entry.objects.filter(noun=Question.noun(), by_id__isnull=False).order_by()
    theirs = set(by_people.values_list("object_id", flat=True))
    added: list[Question] = []
    touched: dict[int, Category] = {}
    for row in rows:
        node = nodes[row["code"]]
        for position, asked in enumerate(row.get("questions", ())):
            values = {
                "kind": asked.get("kind", Question.Kind.TEXT),
                "label_zh": asked["zh"],
                "label_en": asked["en"],
                "choices": [
                    {"key": str(one["key"]), "zh": one["zh"], "en": one["en"]} for one in asked.get("choices", ())
                ],
                "required": bool(asked.get("required", False)),
                "position": position,
            }
            question = known.get((node.pk, asked["code"]))
            if question is None:
                added.append(Question(category=node, code=asked["code"], **values))
            elif question.pk not in theirs and any(getattr(question, name) != values[name] for name in _ASKED):
                for name, value in values.items():
                    setattr(question, name, value)
                event = QuestionLoaded(question_id=question.pk, category_id=node.pk)
                record(event, about=question, by=None, now=now, save=_ASKED)
            else:
                continue
            touched[node.pk] = node
    events = [
        (QuestionLoaded(question_id=question.pk, category_id=question.category_id), question)
        for question in Question.objects.bulk_create(added)
    ]
    record_many(events, by=None, now=now)
    for node in touched.values():
        if node.pk not in fresh:  # a step of the node tells every process to read the tree anew
            record(CategoryLoaded(category_id=node.pk), about=node, by=None, now=now, save=())


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
        "opens_when_zh": row.get("opens_zh", ""),
        "opens_when_en": row.get("opens_en", ""),
        "closes_when_zh": row.get("closes_zh", ""),
        "closes_when_en": row.get("closes_en", ""),
        "private": bool(row.get("private", False)),
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
