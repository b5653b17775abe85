"""The piece of each place of a directive: what the office that has it does, and what the office that asks does."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any, Literal

from django.core.files.base import ContentFile
from django.db.models import Prefetch
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Status

from gongzhi.act.directives import admission, pieces
from gongzhi.act.directives.models import Assignment, AssignmentQuerySet, Directive, Move, Question, Report
from gongzhi.front.api import schemas
from gongzhi.front.api.door import act, api, may, once_per_key, page_of, person_of
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal

# Either hand of it: the office that has the piece, and the office that asks for it (the issuer, or who passed it on).
BOTH = ("directives.work", "directives.issue")


@api.get(
    "/assignments",
    **may(BOTH, schemas.Assignments),
    tags=["assignments"],
    summary="Pieces of directed work, earliest deadline first",
)
def list_assignments(
    request: HttpRequest,
    whose: Annotated[
        Literal["mine", "asked"], Query(description="In the hands of the own offices, or asked by them of others.")
    ] = "mine",
    state: schemas.PieceStates = "open",
    directive: schemas.Id | None = None,
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.Assignments:
    person, all_of_them = person_of(request), Assignment.objects.all()
    found = all_of_them.for_hands_of(person) if whose == "mine" else all_of_them.asked_by(person)
    if state == "open":
        found = found.open()
    elif state == "late":
        found = found.late(timezone.now())
    elif state != "all":
        found = found.filter(state=state)
    if directive is not None:
        found = found.filter(directive_id=directive)
    return page_of(schemas.Assignments, told(found).order_by("due_at", "id"), piece_out, page, page_size)


def told(found: AssignmentQuerySet) -> AssignmentQuerySet:
    """Pieces with all that their line says: two statements more, however many they are."""
    return found.select_related("directive", "round", "place", "asker_place").prefetch_related(
        Prefetch("questions", Question.objects.order_by("pk")),
        Prefetch("reports", Report.objects.select_related("by").prefetch_related("photos").order_by("at", "pk")),
    )


def _find(request: HttpRequest, pk: int) -> Assignment:
    """The piece: of the own office, asked by it, within what it oversees, or on a board that the person may see."""
    person, found = person_of(request), told(Assignment.objects.filter(pk=pk))
    piece = found.visible_to(person).first()
    if piece is None:
        piece = found.filter(directive__in=Directive.objects.boards_for(person).values("pk")).first()
    if piece is None:
        raise NotThere()
    return piece


@api.get(
    "/assignments/{assignment_id}",
    **may(BOTH, schemas.AssignmentWhole),
    tags=["assignments"],
    summary="One piece: what is to be done, what was asked, answered, reported and passed down",
)
def read_assignment(request: HttpRequest, assignment_id: schemas.Id) -> schemas.AssignmentWhole:
    return _whole(_find(request, assignment_id))


def _again(pk: int) -> schemas.AssignmentOut:
    """The piece as it is after the action."""
    return piece_out(told(Assignment.objects.all()).get(pk=pk))


def piece_out(piece: Assignment) -> schemas.AssignmentOut:
    return schemas.AssignmentOut(**_fields(piece))


def _fields(piece: Assignment) -> dict[str, Any]:
    asked = next((one for one in piece.questions.all() if one.is_open), None)
    last = max(piece.reports.all(), key=lambda one: (one.at, one.pk), default=None)
    same = (
        "id", "version", "state", "role", "part", "due_at", "yellow_at", "read_at", "accepted_at", "reported_at",
        "ended_at", "returns", "return_reason", "article",
    )  # fmt: skip
    return {name: getattr(piece, name) for name in same} | {
        "directive": piece.directive_id,
        "number": piece.directive.number,
        "title": piece.directive.title,
        "urgent": piece.directive.urgent,
        "round": piece.round.number,
        "place": piece.place_path,
        "place_name": piece.place.name,
        "asker_place": piece.asker_place.path,
        "asker_place_name": piece.asker_place.name,
        "parent": piece.parent_id,
        "question": _asked(asked) if asked is not None else None,
        "result": _result(last) if last is not None else None,
    }


def _whole(piece: Assignment) -> schemas.AssignmentWhole:
    directive, stands = piece.directive, admission.standing(piece)
    words = (
        "text", "done_when", "legal_basis", "evidence", "evidence_reason", "value", "minutes", "asks_because",
    )  # fmt: skip
    article = stands.article if stands is not None and piece.can(Move.REFUSE) else None
    return schemas.AssignmentWhole(
        **_fields(piece),
        **{name: getattr(directive, name) for name in words},
        refusable_by=article.code if article is not None else "",
        questions=[_asked(one) for one in piece.questions.all()],
        results=[_result(one) for one in piece.reports.all()],
        pieces=[piece_out(one) for one in told(Assignment.objects.filter(parent=piece)).order_by("place_path", "pk")],
    )


def _asked(question: Question) -> schemas.AskedOut:
    same = ("id", "kind", "words", "asked_at", "due_at", "outcome", "answer", "answered_at")
    return schemas.AskedOut(**{name: getattr(question, name) for name in same})


def _result(report: Report) -> schemas.ResultOut:
    return schemas.ResultOut(
        id=report.pk,
        assignment=report.assignment_id,
        at=report.at,
        by=str(report.by),
        words=report.words,
        minutes=report.minutes,
        photos=len(report.photos.all()),
        counted=report.counted,
    )


# --- the office that has it -------------------------------------------------------------------------------------


@api.post(
    "/assignments/{assignment_id}/read",
    **may("directives.work", schemas.AssignmentOut),
    tags=["assignments"],
    summary="Say that the office has read it",
)
def mark_read(
    request: HttpRequest, assignment_id: schemas.Id, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    return _again(act(request, idempotency_key, pieces.read_assignment, assignment_id=assignment_id))


@api.post(
    "/assignments/{assignment_id}/accept",
    **may("directives.work", schemas.AssignmentOut),
    tags=["assignments"],
    summary="Accept it",
)
def accept_assignment(
    request: HttpRequest, assignment_id: schemas.Id, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    return _again(act(request, idempotency_key, pieces.accept_assignment, assignment_id=assignment_id))


@api.post(
    "/assignments/{assignment_id}/refuse",
    **may("directives.work", schemas.AssignmentOut),
    tags=["assignments"],
    summary="Refuse what is not on the list of what communities assist with; the article is cited by itself",
)
def refuse_assignment(
    request: HttpRequest, assignment_id: schemas.Id, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    return _again(act(request, idempotency_key, pieces.refuse_assignment, assignment_id=assignment_id))


@api.post(
    "/assignments/{assignment_id}/ask",
    **may("directives.work", schemas.AssignmentOut),
    tags=["assignments"],
    summary="Ask the office that wants it to explain, to look again or to decide; the clock waits",
)
def ask_sender(
    request: HttpRequest, assignment_id: schemas.Id, given: schemas.AskIn, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    act(
        request,
        idempotency_key,
        pieces.ask_sender,
        assignment_id=assignment_id,
        kind=given.kind,
        words=given.words,
    )
    return _again(assignment_id)


@api.post(
    "/assignments/{assignment_id}/pass-down",
    **may("directives.work", schemas.AssignmentWhole),
    tags=["assignments"],
    summary="Pass it to places below, split it into parts of the own office, or both",
)
def pass_down(
    request: HttpRequest, assignment_id: schemas.Id, given: schemas.PassIn, idempotency_key: schemas.Key = None
) -> schemas.AssignmentWhole:
    person, piece = person_of(request), _find(request, assignment_id)
    ids = place_ids({one.place for one in given.pieces if one.place is not None}, "pieces")
    wanted = [
        pieces.Piece(place_id=ids[one.place] if one.place is not None else piece.place_id, part=one.part)
        for one in given.pieces
    ]

    def do(now: datetime) -> int:
        pieces.pass_down(assignment_id=assignment_id, pieces=wanted, by=person, now=now)
        return assignment_id

    return _whole(told(Assignment.objects.all()).get(pk=once_per_key(request, idempotency_key, do)))


def place_ids(paths: set[str], field: str) -> dict[str, int]:
    """Path to id, of places that exist today. Refusal (422) when one of them does not."""
    found = dict(Place.objects.current().filter(path__in=paths).values_list("path", "pk"))
    if len(found) != len(paths):
        raise Refusal(_("There is no such place."), field=field, status=422)
    return found


@api.post(
    "/assignments/{assignment_id}/recall",
    **may("directives.work", schemas.AssignmentOut),
    tags=["assignments"],
    summary="Take it back from those below; what they reported stays",
)
def recall_pieces(
    request: HttpRequest, assignment_id: schemas.Id, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    return _again(act(request, idempotency_key, pieces.recall_pieces, assignment_id=assignment_id))


@api.post(
    "/assignments/{assignment_id}/report",
    **may("directives.work", schemas.ResultOut, status=201),
    tags=["assignments"],
    summary="Report the result; what comes too late is kept and not counted",
)
def report_result(
    request: HttpRequest, assignment_id: schemas.Id, given: schemas.DoneReportIn, idempotency_key: schemas.Key = None
) -> Status[schemas.ResultOut]:
    pk = act(
        request,
        idempotency_key,
        pieces.report_result,
        assignment_id=assignment_id,
        words=given.words,
        minutes=given.minutes,
        photos=[_photo(one) for one in given.photos],
        key=given.key,
    )
    return Status(201, _result(Report.objects.select_related("by").prefetch_related("photos").get(pk=pk)))


def _photo(text: str) -> ContentFile[bytes]:
    try:
        return ContentFile(base64.b64decode(text, validate=True))
    except ValueError:
        raise Refusal(_("One of these photos is not base64."), field="photos", status=422) from None


# --- the office that asks for it --------------------------------------------------------------------------------


@api.post(
    "/assignments/{assignment_id}/answer",
    **may(BOTH, schemas.AssignmentOut),
    tags=["assignments"],
    summary="Answer its open question: the work goes on, the place is released, or the own office takes it over",
)
def answer_question(
    request: HttpRequest, assignment_id: schemas.Id, given: schemas.AnswerIn, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    person, piece = person_of(request), _find(request, assignment_id)

    def do(now: datetime) -> int:
        asked = Question.objects.filter(assignment=piece, outcome="").values_list("pk", flat=True).first()
        if asked is None:
            raise Refusal(_("This question has been answered already."))
        return pieces.answer_question(
            question_id=asked, outcome=given.outcome, answer=given.answer, by=person, now=now
        ).pk

    return _again(once_per_key(request, idempotency_key, do))


@api.post(
    "/assignments/{assignment_id}/return",
    **may(BOTH, schemas.AssignmentOut),
    tags=["assignments"],
    summary="Send its result back with the reason",
)
def return_result(
    request: HttpRequest, assignment_id: schemas.Id, given: schemas.ReturnIn, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    return _again(act(request, idempotency_key, pieces.return_result, assignment_id=assignment_id, reason=given.reason))


@api.post(
    "/assignments/{assignment_id}/confirm",
    **may(BOTH, schemas.AssignmentOut),
    tags=["assignments"],
    summary="Accept its result; never one's own",
)
def confirm_result(
    request: HttpRequest, assignment_id: schemas.Id, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    return _again(act(request, idempotency_key, pieces.confirm_result, assignment_id=assignment_id))


@api.post(
    "/assignments/{assignment_id}/release",
    **may(BOTH, schemas.AssignmentOut),
    tags=["assignments"],
    summary="Ask this place for it no longer",
)
def release_piece(
    request: HttpRequest, assignment_id: schemas.Id, idempotency_key: schemas.Key = None
) -> schemas.AssignmentOut:
    return _again(act(request, idempotency_key, pieces.release_piece, assignment_id=assignment_id))
