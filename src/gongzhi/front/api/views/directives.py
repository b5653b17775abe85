"""What an office sends down: writing it, sending it, how it stands, and its end."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Status

from gongzhi.act.directives import actions
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.board import Board, board_of, pieces_of
from gongzhi.act.directives.models import Assignment, Directive, Round, standings
from gongzhi.front.api import schemas
from gongzhi.front.api.door import act, api, may, once_per_key, page_of, person_of
from gongzhi.front.api.views.assignments import piece_out, place_ids, told
from gongzhi.front.api.views.cases import place_at
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import is_path
from gongzhi.ground.refusals import NotThere, Refusal

Shown = Literal["places", "unread", "working", "late", "asking", "results", "done", "over", "in_time"]


@api.get(
    "/directives",
    **may("directives.issue", schemas.Directives),
    tags=["directives"],
    summary="What was sent down, the newest first",
)
def list_directives(
    request: HttpRequest,
    whose: Annotated[
        Literal["office", "reach"], Query(description="Of the own offices, or all whose board may be seen.")
    ] = "office",
    state: schemas.DirectiveStates = "all",
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.Directives:
    person = person_of(request)
    found = Directive.objects.of_office(person) if whose == "office" else Directive.objects.boards_for(person)
    if state != "all":
        found = found.filter(state=state)
    rows = found.select_related("issuer_place").order_by("-created_at", "-pk")
    return page_of(schemas.Directives, rows, lambda row: schemas.DirectiveOut(**_fields(row)), page, page_size)


def _find(request: HttpRequest, pk: int) -> Directive:
    found = Directive.objects.boards_for(person_of(request)).select_related("issuer_place").filter(pk=pk).first()
    if found is None:
        raise NotThere()
    return found


def _fields(directive: Directive) -> dict[str, Any]:
    same = (
        "id", "number", "version", "state", "title", "urgent", "issuer_role", "target_level", "rhythm", "next_on",
        "created_at", "issued_at", "ended_at", "ending",
    )  # fmt: skip
    return {name: getattr(directive, name) for name in same} | {
        "issuer_place": directive.place_path,
        "issuer_place_name": directive.issuer_place.name,
    }


def _whole(directive: Directive) -> schemas.DirectiveWhole:
    same = (
        "text", "done_when", "legal_basis", "reply_span", "reply_by", "evidence", "evidence_reason", "value", "minutes",
        "assist_item", "asks_for", "asks_because", "starts_on", "ends_on", "target_profile",
    )  # fmt: skip
    places = Place.objects.filter(pk__in=directive.target_places).order_by("path")
    return schemas.DirectiveWhole(
        **_fields(directive),
        **{name: getattr(directive, name) for name in same},
        target_places=list(places.values_list("path", flat=True)),
        files=[row.name for row in directive.files.order_by("pk")],
        rounds=[_round(row) for row in directive.rounds.order_by("-number")],
    )


def _again(pk: int) -> schemas.DirectiveWhole:
    return _whole(Directive.objects.select_related("issuer_place").get(pk=pk))


def _round(row: Round) -> schemas.RoundOut:
    return schemas.RoundOut(number=row.number, sent_at=row.sent_at, due_at=row.due_at, places=row.places)


@api.get(
    "/directives/{directive_id}",
    **may("directives.issue", schemas.DirectiveWhole),
    tags=["directives"],
    summary="One directive with its sendings",
)
def read_directive(request: HttpRequest, directive_id: schemas.Id) -> schemas.DirectiveWhole:
    return _whole(_find(request, directive_id))


@api.get(
    "/directives/{directive_id}/board",
    **may("directives.issue", schemas.BoardOut),
    tags=["directives"],
    summary="How one sending stands: the numbers, the places below, and the pieces",
)
def read_board(
    request: HttpRequest,
    directive_id: schemas.Id,
    sending: Annotated[int | None, Query(alias="round", ge=1, le=10_000, description="The newest without it.")] = None,
    at: schemas.Digits | None = None,
    show: Annotated[Shown, Query(description="Which pieces are listed.")] = "places",
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.BoardOut:
    directive, now = _find(request, directive_id), timezone.now()
    here = at or directive.place_path
    if not is_path(here) or not here.startswith(directive.place_path):
        raise Refusal(_("There is no such place."), field="at", status=422)
    rounds = directive.rounds.order_by("-number")
    sent = (rounds if sending is None else rounds.filter(number=sending)).first()
    if sent is None and sending is not None:
        raise Refusal(_("There is no such sending."), field="round", status=422)
    board, rows = Board(dict.fromkeys(["places", *standings(now)], 0), []), Assignment.objects.none()
    if sent is not None:
        board, rows = board_of(directive, sent, here, now), pieces_of(sent, here)
    if show != "places":
        rows = rows.filter(standings(now)[show])

    def answer(**listed: Any) -> schemas.BoardOut:
        return schemas.BoardOut(
            directive=directive.pk,
            round=_round(sent) if sent is not None else None,
            at=here,
            figures=schemas.Figures(**board.figures),
            parts=[schemas.PartOut(path=one.path, name=one.name, **one.figures) for one in board.parts],
            **listed,
        )

    ordered = told(rows).order_by("due_at" if show == "late" else "place_path", "pk")
    return page_of(answer, ordered, piece_out, page, page_size)


def _ask(given: schemas.DirectiveIn) -> Ask:
    places = place_ids(set(given.target_places), "target_places")
    said = given.dict(exclude={"target_places", "office", "version"})
    return Ask(**said, target_places=sorted(places.values()))


@api.post(
    "/directives",
    **may("directives.issue", schemas.DirectiveWhole, status=201),
    tags=["directives"],
    summary="Write one; nobody gets it before it is issued",
)
def draft_directive(
    request: HttpRequest, given: schemas.DirectiveNew, idempotency_key: schemas.Key = None
) -> Status[schemas.DirectiveWhole]:
    office = place_at(given.office, "office")
    pk = act(
        request,
        idempotency_key,
        actions.draft_directive,
        ask=_ask(given),
        place_id=office.pk if office is not None else None,
    )
    return Status(201, _again(pk))


@api.post(
    "/directives/{directive_id}/change",
    **may("directives.issue", schemas.DirectiveWhole),
    tags=["directives"],
    summary="Write a draft anew; whatever is not given is empty then",
)
def change_draft(
    request: HttpRequest, directive_id: schemas.Id, given: schemas.DirectiveChange, idempotency_key: schemas.Key = None
) -> schemas.DirectiveWhole:
    pk = act(
        request,
        idempotency_key,
        actions.change_draft,
        directive_id=directive_id,
        ask=_ask(given),
        version=given.version,
    )
    return _again(pk)


@api.post(
    "/directives/{directive_id}/issue",
    **may("directives.issue", schemas.DirectiveWhole),
    tags=["directives"],
    summary="Send a draft: every place has its piece at once, or on the first day of a recurring one",
)
def issue_directive(
    request: HttpRequest, directive_id: schemas.Id, given: schemas.VersionIn, idempotency_key: schemas.Key = None
) -> schemas.DirectiveWhole:
    pk = act(request, idempotency_key, actions.issue_directive, directive_id=directive_id, version=given.version)
    return _again(pk)


@api.post(
    "/directives/{directive_id}/withdraw",
    **may("directives.issue", schemas.DirectiveWhole),
    tags=["directives"],
    summary="Ask for it no longer; every open piece ends, what was reported stays",
)
def withdraw_directive(
    request: HttpRequest, directive_id: schemas.Id, given: schemas.WithdrawIn, idempotency_key: schemas.Key = None
) -> schemas.DirectiveWhole:
    person = person_of(request)

    def do(now: datetime) -> int:
        actions.withdraw_directive(
            directive_id=directive_id, reason=given.reason, version=given.version, by=person, now=now
        )
        return directive_id

    return _again(once_per_key(request, idempotency_key, do))


@api.post(
    "/directives/{directive_id}/close",
    **may("directives.issue", schemas.DirectiveWhole),
    tags=["directives"],
    summary="Close it, when nothing of it is open and nothing more will be sent",
)
def close_directive(
    request: HttpRequest, directive_id: schemas.Id, idempotency_key: schemas.Key = None
) -> schemas.DirectiveWhole:
    return _again(act(request, idempotency_key, actions.close_directive, directive_id=directive_id))
