"""What several units do together: whistles, and themes behind which many demands stand."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Status

from gongzhi.act.whistles import actions as whistles
from gongzhi.act.whistles.models import Invitation, Kind, Whistle
from gongzhi.front.api import schemas
from gongzhi.front.api.door import act, api, may, page_of, person_of
from gongzhi.front.api.views.cases import place_at
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases.models import Case
from gongzhi.understand.themes.models import LIVE, Theme

_UNITS = ("invitations__place",)


@api.get("/whistles", **may("whistles.answer", schemas.Whistles), tags=["whistles"], summary="Whistles, newest first")
def list_whistles(
    request: HttpRequest,
    state: Literal["open", "all"] = "open",
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.Whistles:
    found = Whistle.objects.visible_to(person_of(request))
    if state == "open":
        found = found.open()
    rows = found.select_related("place").prefetch_related(*_UNITS).order_by("-blown_at", "-id")
    return page_of(schemas.Whistles, rows, _whistle, page, page_size)


@api.get(
    "/whistles/{whistle_id}", **may("whistles.answer", schemas.WhistleOut), tags=["whistles"], summary="One whistle"
)
def read_whistle(request: HttpRequest, whistle_id: schemas.Id) -> schemas.WhistleOut:
    found = Whistle.objects.visible_to(person_of(request)).select_related("place").prefetch_related(*_UNITS)
    whistle = found.filter(pk=whistle_id).first()
    if whistle is None:
        raise NotThere()
    return _whistle(whistle)


def _again(pk: int) -> schemas.WhistleOut:
    return _whistle(Whistle.objects.select_related("place").prefetch_related(*_UNITS).get(pk=pk))


@api.post(
    "/whistles",
    **may("whistles.blow", schemas.WhistleOut, status=201),
    tags=["whistles"],
    summary="Call units to a matter",
)
def blow_whistle(
    request: HttpRequest, given: schemas.WhistleIn, idempotency_key: schemas.Key = None
) -> Status[schemas.WhistleOut]:
    person, place = person_of(request), place_at(given.place)
    if place is None:
        raise Refusal(_("There is no such place."), field="place", status=422)
    called = []
    for one in given.units:
        seat = place_at(one.place)
        if not one.outside and (one.role is None or seat is None):
            raise Refusal(_("role and place belong together."), field="units", status=422)
        called.append(
            whistles.Called(role=one.role or "", place_id=seat.pk if seat is not None else None, outside=one.outside)
        )
    numbers = set(given.cases)
    cases = list(Case.objects.visible_to(person).filter(number__in=numbers))
    if len(cases) != len(numbers):
        raise Refusal(_("One of these cases does not lie in this street."), field="cases", status=422)
    pk = act(
        request,
        idempotency_key,
        whistles.blow_whistle,
        place=place,
        kind=given.kind,
        need=given.need,
        site=given.site,
        units=called,
        lead=given.lead,
        cases=cases,
    )
    return Status(201, _again(pk))


@api.post(
    "/whistles/{whistle_id}/end",
    **may("whistles.blow", schemas.WhistleOut),
    tags=["whistles"],
    summary="End it with the result",
)
def end_whistle(
    request: HttpRequest, whistle_id: schemas.Id, given: schemas.ResultIn, idempotency_key: schemas.Key = None
) -> schemas.WhistleOut:
    return _again(act(request, idempotency_key, whistles.end_whistle, whistle_id=whistle_id, result=given.result))


def _of_unit(pk: int) -> schemas.WhistleOut:
    return _again(Invitation.objects.values_list("whistle_id", flat=True).get(pk=pk))


@api.post(
    "/units/{unit_id}/arrive",
    **may("whistles.answer", schemas.WhistleOut),
    tags=["whistles"],
    summary="A called unit is there: said by the unit, or by the street",
)
def note_arrival(request: HttpRequest, unit_id: schemas.Id, idempotency_key: schemas.Key = None) -> schemas.WhistleOut:
    return _of_unit(act(request, idempotency_key, whistles.note_arrival, invitation_id=unit_id))


@api.post(
    "/units/{unit_id}/report",
    **may("whistles.answer", schemas.WhistleOut),
    tags=["whistles"],
    summary="What a called unit did, and what came of it",
)
def report_measures(
    request: HttpRequest, unit_id: schemas.Id, given: schemas.ReportIn, idempotency_key: schemas.Key = None
) -> schemas.WhistleOut:
    return _of_unit(
        act(
            request,
            idempotency_key,
            whistles.report_measures,
            invitation_id=unit_id,
            measures=given.measures,
            result=given.result,
        )
    )


def _whistle(whistle: Whistle) -> schemas.WhistleOut:
    return schemas.WhistleOut(
        id=whistle.pk,
        number=whistle.number,
        kind=Kind(whistle.kind),
        state=whistle.state,
        place=whistle.place_path,
        place_name=whistle.place.name,
        need=whistle.need,
        site=whistle.site,
        blown_at=whistle.blown_at,
        arrive_by=whistle.arrive_by,
        result=whistle.result,
        ended_at=whistle.ended_at,
        units=[
            schemas.UnitOut(
                id=one.pk,
                role=one.role,
                place=one.place.path if one.place is not None else None,
                outside=one.outside,
                leads=one.leads,
                state=one.state,
                arrived_at=one.arrived_at,
                late=one.was_late(whistle.arrive_by),
                measures=one.measures,
                result=one.result,
                reported_at=one.reported_at,
            )
            for one in whistle.invitations.all()
        ],
    )


@api.get("/themes", **may("themes.answer", schemas.Themes), tags=["themes"], summary="Themes, the largest first")
def list_themes(
    request: HttpRequest,
    state: Literal["open", "all"] = "open",
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.Themes:
    found = Theme.objects.visible_to(person_of(request)).select_related("place", "owner_place")
    if state == "open":
        found = found.filter(state__in=LIVE)
    return page_of(schemas.Themes, found.order_by("-size", "id"), _theme, page, page_size)


@api.get("/themes/{theme_id}", **may("themes.answer", schemas.ThemeOut), tags=["themes"], summary="One theme")
def read_theme(request: HttpRequest, theme_id: schemas.Id) -> schemas.ThemeOut:
    found = Theme.objects.visible_to(person_of(request)).select_related("place", "owner_place")
    theme = found.filter(pk=theme_id).first()
    if theme is None:
        raise NotThere()
    return _theme(theme)


def _theme(theme: Theme) -> schemas.ThemeOut:
    return schemas.ThemeOut(
        id=theme.pk,
        number=theme.number,
        state=theme.state,
        name=theme.name,
        place=theme.place_path,
        place_name=theme.place.name,
        since=theme.since,
        until=theme.until,
        terms=[str(term) for term in theme.terms],
        size=theme.size,
        owner_role=theme.owner_role,
        owner_place=theme.owner_place.path if theme.owner_place is not None else None,
        due_at=theme.due_at,
        outcome=theme.outcome,
        answered_at=theme.answered_at,
    )
