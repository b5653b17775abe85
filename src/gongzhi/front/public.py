"""What anybody may know about single matters: by Open311 and in the feed of a place.

The kind of matter, where it lies within about a hundred metres, its state and dates. Nothing that a resident or a
colleague wrote: a summary is the reporter's first sentence, and an outcome speaks to the reporter. Matters between
people are left out, and so is what has no category yet.
"""

from __future__ import annotations

from typing import Final

from gongzhi.understand.cases.models import OPEN, Case, CaseQuerySet, Category, State
from gongzhi.understand.cases.tree import category_by_id, lineage, tree

# Degrees; about 110 metres from north to south. Who lives where must not be read off a map of demands.
COARSE: Final = 0.001


def is_private(category: Category) -> bool:
    return any(node.private for node in lineage(category))


def public_cases() -> CaseQuerySet:
    found: CaseQuerySet = Case.objects.filter(category_id__isnull=False)
    hidden = [pk for pk, node in tree().nodes.items() if is_private(node)]
    return found.exclude(category_id__in=hidden) if hidden else found


def coarse(degrees: float | None) -> float | None:
    return None if degrees is None else round(round(degrees / COARSE) * COARSE, 6)


def kind_of(case: Case) -> Category:
    node = category_by_id(case.category_id)
    assert node is not None  # noqa: S101 - public_cases() has only such
    return node


def is_open(case: Case) -> bool:
    if case.state == State.MERGED and case.merged_into is not None:
        return case.merged_into.state in OPEN
    return case.state in OPEN
