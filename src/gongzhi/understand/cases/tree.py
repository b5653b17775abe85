"""The category tree in memory: read on every form and every list, changed a few times a year."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from django.db.models import Max, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import get_language

from gongzhi.understand.cases.models import Category, Question

# A change made by another process is noticed within this many seconds.
_TRUSTED_FOR = 5.0
DEEPEST: Final = 10  # levels, the top one included


@dataclass
class Tree:
    nodes: dict[int, Category]
    codes: dict[str, Category]
    children: dict[int | None, list[Category]]
    stamp: tuple[int, int, int]
    questions: dict[int, list[Question]] = field(default_factory=dict)  # by category, retired ones included
    served: dict[tuple[str, date], tuple[bytes, str]] = field(default_factory=dict)


_tree: Tree | None = None
_checked = 0.0
_lock = threading.Lock()


def forget() -> None:
    """Read the tree anew next time (this process changed it; tests)."""
    global _tree, _checked
    _tree, _checked = None, 0.0


def tree() -> Tree:
    """The whole tree, retired nodes included."""
    global _tree, _checked
    moment = time.monotonic()
    if _tree is not None and moment - _checked < _TRUSTED_FOR:
        return _tree
    with _lock:
        stamp = _stamp()
        if _tree is None or _tree.stamp != stamp:
            _tree = _read(stamp)
        _checked = moment
        return _tree


def _stamp() -> tuple[int, int, int]:
    row = Category.objects.aggregate(
        newest=Coalesce(Max("pk"), 0), steps=Coalesce(Sum("version"), 0), positions=Coalesce(Sum("position"), 0)
    )
    return row["newest"], row["steps"], row["positions"]


def _read(stamp: tuple[int, int, int]) -> Tree:
    nodes = {node.pk: node for node in Category.objects.all()}
    children: dict[int | None, list[Category]] = {}
    for node in nodes.values():
        children.setdefault(node.parent_id, []).append(node)
    questions: dict[int, list[Question]] = {}
    for question in Question.objects.all():  # a change of a question counts a step of its category: the stamp sees it
        questions.setdefault(question.category_id, []).append(question)
    return Tree(nodes, {node.code: node for node in nodes.values()}, children, stamp, questions)


def lineage(category: Category) -> list[Category]:
    """The category first, then its parents up to the top."""
    nodes = tree().nodes
    line: list[Category] = []
    current: Category | None = category
    while current is not None and len(line) < DEEPEST:
        line.append(current)
        current = nodes.get(current.parent_id) if current.parent_id is not None else None
    return line


def subtree(category: Category) -> list[int]:
    """The category and everything below it."""
    children = tree().children
    found = [category.pk]
    for pk in found:
        found += [child.pk for child in children.get(pk, [])]
    return found


def category_by_code(code: str) -> Category | None:
    return tree().codes.get(code)


def category_by_id(pk: int | None) -> Category | None:
    return tree().nodes.get(pk) if pk is not None else None


def deadline_rule_of(category: Category | None) -> str:
    """The rule key of the category's deadline: its own or its nearest parent's."""
    if category is not None:
        for node in lineage(category):
            if node.deadline_rule:
                return node.deadline_rule
    return "cases.deadline.ordinary"


def in_force(category: Category | None, on: date) -> Category | None:
    """The category itself while it is in use; after its retirement its successor, or the successor's; else none."""
    nodes = tree().nodes
    for _step in range(DEEPEST):
        if category is None or category.is_in_force(on):
            return category
        category = nodes.get(category.successor_id) if category.successor_id is not None else None
    return None


def is_private(category: Category | None) -> bool:
    """Whether matters of this category stay between those concerned: it or one above it says so."""
    return category is not None and any(node.private for node in lineage(category))


def condition(category: Category | None, when: str) -> str:
    """The opening or closing condition ("opens_when", "closes_when"): the category's own or its nearest parent's."""
    chinese = (get_language() or "zh").startswith("zh")
    for node in lineage(category) if category is not None else []:
        words: str = getattr(node, f"{when}_zh" if chinese else f"{when}_en")
        if words:
            return words
    return ""


def questions_of(category: Category | None, on: date) -> list[Question]:
    """What a reporter of this category is asked: the questions of the parents first, the nearest wording of each."""
    asked: dict[str, Question] = {}
    for node in reversed(lineage(category) if category is not None else []):
        for question in tree().questions.get(node.pk, []):
            if question.retired_on is None or question.retired_on > on:
                asked[question.code] = question
    return list(asked.values())


def top_level(on: date, *, public: bool = False) -> Sequence[Category]:
    return [node for node in tree().children.get(None, []) if _offered(node, on, public)]


def below_category(category: Category, on: date, *, public: bool = False) -> Sequence[Category]:
    return [node for node in tree().children.get(category.pk, []) if _offered(node, on, public)]


def leaves(on: date, *, public: bool = False) -> list[tuple[Category, list[Category]]]:
    """Top-level categories with everything below them, as a form offers them: parents before their children."""

    def under(node: Category) -> list[Category]:
        found = []
        for child in below_category(node, on, public=public):
            found += [child, *under(child)]
        return found

    return [(top, under(top)) for top in top_level(on, public=public)]


def _offered(node: Category, on: date, public: bool) -> bool:
    return node.is_in_force(on) and (node.in_public_form or not public)


def as_json(language: str, on: date) -> tuple[bytes, str]:
    """The public tree as JSON and its ETag, made once for each language and day."""
    current = tree()
    known = current.served.get((language, on))
    if known is None:
        chinese = language.startswith("zh")

        def node(category: Category) -> dict[str, object]:
            return {
                "code": category.code,
                "name": category.name_zh if chinese else category.name_en,
                "hint": category.hint_zh if chinese else category.hint_en,
                "icon": category.icon,
                "children": [node(child) for child in below_category(category, on, public=True)],
            }

        body = json.dumps(
            {"categories": [node(top) for top in top_level(on, public=True)]}, ensure_ascii=False
        ).encode()
        known = (body, f'"{hashlib.sha256(body).hexdigest()[:24]}"')
        for old in [key for key in current.served if key[1] != on]:
            del current.served[old]
        current.served[language, on] = known
    return known
