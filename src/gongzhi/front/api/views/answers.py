"""What somebody has to answer: rulings and supervision slips."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _

from gongzhi.front.api import schemas
from gongzhi.front.api.door import act, api, may, page_of, person_of
from gongzhi.front.api.views.cases import place_at
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases import escalation, rulings
from gongzhi.understand.cases.models import Ruling, Slip

Show = Literal["mine", "all"]


@api.get(
    "/rulings", **may("cases.rule", schemas.Rulings), tags=["rulings"], summary="Questions, the most pressing first"
)
def list_rulings(
    request: HttpRequest, show: Show = "mine", page: schemas.Page = 1, page_size: schemas.PageSize = 50
) -> schemas.Rulings:
    person = person_of(request)
    found = Ruling.objects.to_rule(person) if show == "mine" else Ruling.objects.visible_to(person)
    return page_of(
        schemas.Rulings, found.select_related("case", "place").order_by("due_at", "id"), _ruling, page, page_size
    )


def _find_ruling(request: HttpRequest, pk: int) -> Ruling:
    ruling = Ruling.objects.visible_to(person_of(request)).select_related("case", "place").filter(pk=pk).first()
    if ruling is None:
        raise NotThere()
    return ruling


@api.get(
    "/rulings/{ruling_id}", **may(("cases.read", "cases.rule"), schemas.RulingOut), tags=["rulings"], summary="One"
)
def read_ruling(request: HttpRequest, ruling_id: schemas.Id) -> schemas.RulingOut:
    return _ruling(_find_ruling(request, ruling_id))


@api.post(
    "/rulings/{ruling_id}/decide",
    **may("cases.rule", schemas.RulingOut),
    tags=["rulings"],
    summary="Answer a question, with reasons; never one's own",
)
def decide_ruling(
    request: HttpRequest, ruling_id: schemas.Id, given: schemas.DecideIn, idempotency_key: schemas.Key = None
) -> schemas.RulingOut:
    place = place_at(given.place)
    if (given.role is None) != (place is None):
        raise Refusal(_("role and place belong together."), field="role", status=422)
    pk = act(
        request,
        idempotency_key,
        rulings.decide,
        ruling_id=ruling_id,
        words=given.words,
        agreed=given.agreed,
        role=given.role or "",
        place_id=place.pk if place is not None else None,
    )
    return _ruling(Ruling.objects.select_related("case", "place").get(pk=pk))


def _ruling(ruling: Ruling) -> schemas.RulingOut:
    return schemas.RulingOut(
        id=ruling.pk,
        case=ruling.case.number,
        kind=ruling.kind,
        state=ruling.state,
        referral=ruling.referral,
        reason=ruling.reason,
        place=ruling.place_path,
        place_name=ruling.place.name,
        asked_at=ruling.asked_at,
        asked_role=ruling.asked_role,
        due_at=ruling.due_at,
        escalation=ruling.escalation,
        decided_at=ruling.decided_at,
        words=ruling.words,
    )


@api.get("/slips", **may("tasks.work", schemas.Slips), tags=["slips"], summary="Supervision slips, the oldest first")
def list_slips(
    request: HttpRequest, show: Show = "mine", page: schemas.Page = 1, page_size: schemas.PageSize = 50
) -> schemas.Slips:
    person = person_of(request)
    found = Slip.objects.to_answer(person) if show == "mine" else Slip.objects.visible_to(person)
    return page_of(schemas.Slips, found.select_related(*_WITH).order_by("due_at", "id"), _slip, page, page_size)


@api.post(
    "/slips/{slip_id}/answer",
    **may("tasks.work", schemas.SlipOut),
    tags=["slips"],
    summary="Say why it is late and what happens now",
)
def answer_slip(
    request: HttpRequest, slip_id: schemas.Id, given: schemas.SlipAnswerIn, idempotency_key: schemas.Key = None
) -> schemas.SlipOut:
    pk = act(request, idempotency_key, escalation.answer_slip, slip_id=slip_id, answer=given.answer)
    return _slip(Slip.objects.select_related(*_WITH).get(pk=pk))


_WITH = ("case", "place", "supervisor_place", "part", "ruling")


def _slip(slip: Slip) -> schemas.SlipOut:
    return schemas.SlipOut(
        id=slip.pk,
        number=slip.number,
        case=slip.case.number,
        part=slip.part_id,
        ruling=slip.ruling_id,
        step=slip.step,
        state=slip.state,
        role=slip.role,
        place=slip.place.path,
        supervisor_role=slip.supervisor_role,
        supervisor_place=slip.supervisor_place.path if slip.supervisor_place is not None else None,
        was_due_at=slip.was_due_at,
        opened_at=slip.opened_at,
        due_at=slip.due_at,
        answer=slip.answer,
        answered_at=slip.answered_at,
    )
