"""How one sending of a directive stands at a place and below it: the same numbers for every door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Substr

from gongzhi.act.directives.models import Assignment, AssignmentQuerySet, Directive, Round, standings
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import LENGTHS, LEVELS, below


@dataclass(frozen=True)
class Part:
    """A place one step further down, with all that lies below it."""

    path: str
    name: str
    figures: dict[str, int]


@dataclass(frozen=True)
class Board:
    """``figures``: how many places, and how many stand in each way. No parts where the next step is single places."""

    figures: dict[str, int]
    parts: list[Part]


def pieces_of(sent: Round, at: str) -> AssignmentQuerySet:
    """The pieces of a round at a place and below, by the index of the directive."""
    rows = Assignment.objects.top().filter(below(at, "place_path"), directive_id=sent.directive_id)
    return rows.filter(round=sent)


def board_of(directive: Directive, sent: Round, at: str, now: datetime) -> Board:
    """One statement for all numbers, one for the names."""
    deepest = LENGTHS[directive.target_level]
    length = min((length for length in LEVELS if len(at) < length <= deepest), default=deepest)
    names = ["places", *standings(now)]
    rows = list(pieces_of(sent, at).annotate(above=Substr("place_path", 1, length)).figures(now, "above"))
    counted = {str(row["above"]): {name: int(row[name]) for name in names} for row in rows}
    parts = []
    if length != deepest:
        called = dict(Place.objects.filter(path__in=counted).values_list("path", "name"))
        parts = [Part(path, called.get(path, path), counted[path]) for path in sorted(counted)]
    return Board({name: sum(one[name] for one in counted.values()) for name in names}, parts)
