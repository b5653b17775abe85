"""The three rates, in the same rows as the page of the workbench."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Query

from gongzhi.front.api import schemas
from gongzhi.front.api.door import api, may, person_of
from gongzhi.front.api.views.cases import place_at
from gongzhi.front.rates import UNSORTED, rate_rows
from gongzhi.ground.access.roles import Role
from gongzhi.ground.places.paths import is_path
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases.tree import category_by_code
from gongzhi.verify.checks.rates import Period, Rates, total


@api.get(
    "/rates",
    **may("rates.read", schemas.RatesOut),
    tags=["rates"],
    summary="The three rates of the cases that the token may read, by post, place or category",
)
def read_rates(
    request: HttpRequest,
    by: Literal["unit", "place", "category"] = "unit",
    since: Annotated[
        schemas.Day | None, Query(description="The first day; without it the first of this month.")
    ] = None,
    until: Annotated[schemas.Day | None, Query(description="The last day; without it today.")] = None,
    place: schemas.Digits | None = None,
    category: Annotated[schemas.Text, Field(max_length=80)] = "",  # with all below it; or "unsorted"
    lead_role: Annotated[Role | None, Query(description="Only what this post leads, with lead_place.")] = None,
    lead_place: schemas.Digits | None = None,
) -> schemas.RatesOut:
    today = timezone.localdate()
    period = Period(since or today.replace(day=1), until or today)
    if period.until < period.since:
        raise Refusal(_("The last day lies before the first."), field="until", status=422)
    if place is not None and not is_path(place):
        raise Refusal(_("There is no such place."), field="place", status=422)
    if category not in ("", UNSORTED) and category_by_code(category) is None:
        raise Refusal(_("There is no such category."), field="category", status=422)
    seat = place_at(lead_place, "lead_place")
    if (lead_role is None) != (seat is None):
        raise Refusal(_("lead_role and lead_place belong together."), field="lead_role", status=422)
    rows = rate_rows(
        person_of(request),
        period,
        by=by,
        now=timezone.now(),
        place=place or "",
        category=category,
        lead=(lead_role, seat.pk) if lead_role is not None and seat is not None else None,
    )
    items = [
        schemas.RateRow(label=row.label, role=row.role, place=row.path, category=row.category, **_numbers(row.rates))
        for row in rows
    ]
    everything = schemas.RateNumbers(**_numbers(total(row.rates for row in rows)))
    return schemas.RatesOut(since=period.since, until=period.until, by=by, total=everything, items=items)


def _numbers(rates: Rates) -> dict[str, Any]:
    return {
        **rates.as_numbers(),
        "response": rates.response,
        "resolution": rates.resolution,
        "satisfaction": rates.satisfaction,
    }
