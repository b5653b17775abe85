"""The three rates in rows that have names: the same for the page of the workbench and for the REST interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from gongzhi.front.story import position_words
from gongzhi.ground.access.reach import holds_position, reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.understand.cases.tree import category_by_code, category_by_id, lineage, subtree
from gongzhi.verify.checks.rates import Period, Rates, Scope, count_rates

UNSORTED: Final = "unsorted"  # in place of a category: nothing has been said yet


@dataclass
class Row:
    """One row of the table. Which of role, place and category it has, the table's kind says; none: nobody's yet."""

    label: str
    role: str = ""
    place_id: int | None = None
    path: str = ""
    category: str = ""
    rates: Rates = field(default_factory=Rates)


def seen(person: User, prefix: str = "") -> Q:
    """The cases that the person sees, exactly as the list of cases has it."""
    return reach(person, "cases.read", field=f"{prefix}place_path") | holds_position(
        person, role=f"{prefix}lead_role", place=f"{prefix}lead_place_id"
    )


def rate_rows(
    person: User,
    period: Period,
    *,
    by: str,
    now: datetime,
    place: str = "",
    category: str = "",
    lead: tuple[str, int] | None = None,
) -> list[Row]:
    """Of what the person sees: a row for each responsible post ("unit"), place or category."""
    node = category_by_code(category) if category else None

    def visible(prefix: str) -> Q:
        unsorted = Q(**{f"{prefix}category__isnull": True}) if category == UNSORTED else Q()
        return seen(person, prefix) & unsorted

    scope = Scope(
        path=place,
        categories=subtree(node) if node is not None else None,
        role=lead[0] if lead is not None else "",
        place_id=lead[1] if lead is not None else None,
        visible=visible,
    )
    groups = count_rates(period, scope, now=now, by=by)
    rows: dict[Any, Row] = {}
    names = _names(by, groups)
    for key, rates in groups.items():
        row = _row(by, key, names, node.pk if node is not None else None)
        # Several groups may be one row: categories further down, and whatever is nobody's yet.
        rows.setdefault((row.role, row.place_id, row.path, row.category), row).rates.add(rates.as_numbers())
    # By name: a list by numbers would be a ranking.
    return sorted(rows.values(), key=lambda row: (row.label, row.path, row.category))


def _names(by: str, groups: Mapping[tuple[Any, ...], Rates]) -> dict[Any, Place]:
    match by:
        case "unit":
            return Place.objects.in_bulk({key[1] for key in groups if key[1] is not None})
        case "place":
            return {place.path: place for place in Place.objects.filter(path__in={key[0] for key in groups})}
        case _:
            return {}


def _row(by: str, key: tuple[Any, ...], names: Mapping[Any, Place], top: int | None) -> Row:
    match by:
        case "unit":
            role, place = key[0], names.get(key[1])
            if role not in Role.values or place is None:
                return Row(_("nobody yet"))
            return Row(position_words(role, place.name), role=role, place_id=place.pk, path=place.path)
        case "place":
            return Row(names[key[0]].name if key[0] in names else key[0], path=key[0])
        case _:
            return _category(key[0], top)


def _category(pk: int | None, top: int | None) -> Row:
    """The category one step below the chosen one, or the group."""
    node = category_by_id(pk)
    if node is None:
        return Row(_("not sorted yet"), category=UNSORTED)
    line = lineage(node)
    ids = [one.pk for one in line]
    place = ids.index(top) - 1 if top in ids else len(line) - 1
    shown = line[max(place, 0)]
    return Row(shown.name, category=shown.code)
