"""The numbers of a month at a place. A dozen aggregates, whatever the number of cases; no row is loaded.

What was not there yet is None ("no data") and never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Min, Q, QuerySet

from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import below
from gongzhi.understand.cases.models import Case, State
from gongzhi.understand.cases.tree import category_by_id, lineage
from gongzhi.understand.themes.models import State as ThemeState
from gongzhi.understand.themes.models import Theme
from gongzhi.verify.checks.rates import Period, Scope, count_rates, total

HOT: Final = 10
LARGEST: Final = 5
ENDED: Final = (State.CLOSED, State.WITHDRAWN, State.MERGED, State.REFERRED)


def first_of(day: date) -> date:
    return day.replace(day=1)


def month_before(month: date) -> date:
    return first_of(month - timedelta(days=1))


def month_after(month: date) -> date:
    return first_of(month + timedelta(days=32))


def year_before(month: date) -> date:
    return month.replace(year=month.year - 1)


def period_of(month: date) -> Period:
    return Period(month, month_after(month) - timedelta(days=1))


def figures_of(place: Place, month: date, *, now: datetime) -> dict[str, Any]:
    """Everything a bulletin says, ready for JSON."""
    here = Case.objects.filter(below(place.path, "place_path")).order_by()
    period = period_of(month)
    received = _received(here, period)
    begin = here.aggregate(first=Min("opened_at"))["first"]

    def count_of(other: date) -> int | None:
        """None for a month in which this place had no cases yet."""
        then = period_of(other)
        return _received(here, then).count() if begin is not None and begin < then.ends else None

    sums = received.aggregate(
        total=Count("pk"),
        closed=Count("pk", filter=Q(state=State.CLOSED)),
        open=Count("pk", filter=~Q(state__in=ENDED)),
        imported=Count("pk", filter=Q(closed_as=Case.ClosedAs.IMPORTED)),
    )
    closed = here.filter(state=State.CLOSED, closed_at__gte=period.begins, closed_at__lt=period.ends).count()
    rates = {
        name: total(count_rates(period_of(other), Scope(path=place.path), now=now).values()).as_numbers()
        for name, other in (("month", month), ("before", month_before(month)), ("year", year_before(month)))
    }
    categories = _by_category(received)
    earlier = dict(_received(here, period_of(month_before(month))).values_list("category_id").annotate(n=Count("pk")))
    return {
        "place": {"path": place.path, "name": place.name},
        "month": month.isoformat(),
        "from": period.since.isoformat(),
        "to": period.until.isoformat(),
        "total": sums["total"],
        "before": count_of(month_before(month)),
        "year": count_of(year_before(month)),
        "closed_in_month": closed,
        "received_closed": sums["closed"],
        "received_open": sums["open"],
        "imported": sums["imported"],
        "channels": _pairs(received.values_list("channel").annotate(n=Count("pk"))),
        "groups": _groups(categories),
        "kinds": _kinds(categories),
        "units": _units(received),
        "hot": _hot(categories, earlier, begin is not None and begin < period_of(month_before(month)).ends),
        "largest": _largest(here, period),
        "themes": _themes(place, period),
        "rates": rates,
    }


def _received(here: QuerySet[Case], period: Period) -> QuerySet[Case]:
    return here.filter(opened_at__gte=period.begins, opened_at__lt=period.ends)


def _pairs(rows: Any) -> list[list[Any]]:
    return sorted(([key, count] for key, count in rows), key=lambda row: (-row[1], str(row[0])))


def _by_category(received: QuerySet[Case]) -> dict[int | None, int]:
    return dict(received.values_list("category_id").annotate(n=Count("pk")))


def _groups(categories: Mapping[int | None, int]) -> list[list[Any]]:
    """By the top of the tree: code and count; "" is not sorted yet."""
    found: dict[str, int] = {}
    for pk, count in categories.items():
        node = category_by_id(pk)
        code = lineage(node)[-1].code if node is not None else ""
        found[code] = found.get(code, 0) + count
    return _pairs(found.items())


def _kinds(categories: Mapping[int | None, int]) -> list[list[Any]]:
    """By type: event, component, question, suggestion."""
    found: dict[str, int] = {}
    for pk, count in categories.items():
        node = category_by_id(pk)
        kind = node.kind if node is not None else ""
        found[kind] = found.get(kind, 0) + count
    return _pairs(found.items())


def _units(received: QuerySet[Case]) -> list[dict[str, Any]]:
    """By the post that leads, in the order of places: this is no ranking."""
    rows = (
        received.values("lead_role", "lead_place_id", "lead_place__name", "lead_place__path")
        .annotate(n=Count("pk"), closed=Count("pk", filter=Q(state=State.CLOSED)))
        .order_by("lead_place__path", "lead_role")
    )
    return [
        {
            "role": row["lead_role"],
            "place_id": row["lead_place_id"],
            "place": row["lead_place__name"] or "",
            "count": row["n"],
            "closed": row["closed"],
        }
        for row in rows
    ]


def _hot(categories: Mapping[int | None, int], earlier: Mapping[int | None, int], known: bool) -> list[dict[str, Any]]:
    """The categories that most was reported about. Matters between people are counted and not named here."""
    found = []
    for pk, count in sorted(categories.items(), key=lambda row: (-row[1], row[0] or 0)):
        node = category_by_id(pk)
        if node is not None and not any(one.private for one in lineage(node)):
            found.append({"code": node.code, "count": count, "before": earlier.get(pk, 0) if known else None})
    return found[:HOT]


def _largest(here: QuerySet[Case], period: Period) -> list[dict[str, Any]]:
    """What most people reported together."""
    rows = (
        here.filter(voice_count__gt=1, opened_at__lt=period.ends)
        .filter(Q(closed_at__isnull=True) | Q(closed_at__gte=period.begins))
        .exclude(state=State.MERGED)
        .order_by("-voice_count", "pk")
        .values_list("number", "voice_count", "category_id")[: LARGEST * 4]
    )
    found = []
    for number, voices, category_id in rows:
        node = category_by_id(category_id)
        if node is None or not any(one.private for one in lineage(node)):
            found.append({"number": number, "voices": voices, "code": node.code if node is not None else ""})
    return found[:LARGEST]


def _themes(place: Place, period: Period) -> list[dict[str, Any]]:
    """Themes that a person has confirmed and that reach into the month."""
    rows = (
        Theme.objects.filter(below(place.path, "place_path"), since__lt=period.ends, until__gte=period.begins)
        .filter(state__in=[ThemeState.CONFIRMED, ThemeState.ASSIGNED, ThemeState.ANSWERED])
        .order_by("-size", "pk")
        .values_list("pk", "name", "size", "state")[:HOT]
    )
    return [{"id": pk, "name": name, "size": size, "state": state} for pk, name, size, state in rows]
