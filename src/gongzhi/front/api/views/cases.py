"""Cases: reading them, handing in a demand, and everything a desk does."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Query, Status

from gongzhi.front.api import schemas
from gongzhi.front.api.door import act, api, may, once_per_key, page_of, person_of
from gongzhi.front.story import read_matter, staff_story
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.places.actions import grid_at
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import is_path
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels.actions import Draft, check_point, receive_message
from gongzhi.sense.channels.follow import token_of as follow_token
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions, merging
from gongzhi.understand.cases.models import Case, CaseQuerySet, Note
from gongzhi.understand.cases.tree import category_by_code, category_by_id, subtree

# Who leads a case reads it, whatever else their posts may read: as on the pages.
READ = ("cases.read", "tasks.work")


@api.get(
    "/cases",
    **may(READ, schemas.Cases),
    tags=["cases"],
    summary="Cases within reach and those that the own posts lead, newest first",
)
def list_cases(
    request: HttpRequest,
    state: schemas.CaseStates = "open",
    place: schemas.Digits | None = None,
    category: Annotated[schemas.Text, Field(max_length=80)] = "",
    lead: Annotated[
        Literal["", "mine"], Query(description="mine: what the person's own posts are responsible for")
    ] = "",
    late: Annotated[bool, Query(description="Only what is past its deadline.")] = False,
    since: Annotated[schemas.Day | None, Query(description="Received on or after this day.")] = None,
    until: Annotated[schemas.Day | None, Query(description="Received on or before this day.")] = None,
    words: Annotated[
        schemas.Text, Field(max_length=100, description="In the summary, or the beginning of a number.")
    ] = "",
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.Cases:
    found: CaseQuerySet = Case.objects.visible_to(person_of(request))
    if state == "open":
        found = found.open()
    elif state != "all":
        found = found.filter(state=state)
    if place is not None:
        if not is_path(place):
            raise Refusal(_("There is no such place."), field="place", status=422)
        found = found.at(place)
    if category:
        node = category_by_code(category)
        if node is None:
            raise Refusal(_("There is no such category."), field="category", status=422)
        found = found.filter(category_id__in=subtree(node))
    if lead == "mine":
        found = found.led_by(person_of(request))
    if late:
        found = found.late(timezone.now())
    if since is not None:
        found = found.filter(opened_at__gte=_midnight(since))
    if until is not None:
        found = found.filter(opened_at__lt=_midnight(until + timedelta(days=1)))
    if words:
        found = found.filter(summary__icontains=words) | found.filter(number__startswith=words)
    return page_of(schemas.Cases, _with_names(found).order_by("-opened_at", "-id"), _case, page, page_size)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())


def _with_names(found: CaseQuerySet) -> CaseQuerySet:
    return found.select_related("place", "lead_place", "merged_into")


def _find(request: HttpRequest, number: str) -> Case:
    """The case, if the person sees it or has a part in it."""
    person, found = person_of(request), _with_names(Case.objects.filter(number=number))
    case = found.visible_to(person).first() or found.shared_with(person).first()
    if case is None:
        raise NotThere()
    return case


def _case(case: Case) -> schemas.CaseOut:
    category = category_by_id(case.category_id)
    lead = None
    if case.lead_role and case.lead_place is not None:
        lead = schemas.Lead(role=case.lead_role, place=case.lead_place.path, place_name=case.lead_place.name)
    return schemas.CaseOut(
        number=case.number,
        version=case.version,
        state=case.state,
        summary=case.summary,
        category=category.code if category is not None else None,
        sorted_at=case.sorted_at,
        urgency=Case.Urgency(case.urgency),
        channel=case.channel,
        place=case.place_path,
        place_name=case.place.name,
        placed=case.placed,
        address=case.address,
        lon=case.lon,
        lat=case.lat,
        lead=lead,
        opened_at=case.opened_at,
        due_at=case.due_at,
        yellow_at=case.yellow_at,
        paused_at=case.paused_at,
        pause_reason=case.pause_reason,
        review_on=case.review_on,
        extensions=case.extensions,
        extension_reason=case.extension_reason,
        closed_at=case.closed_at,
        closed_as=case.closed_as,
        outcome=case.outcome,
        reopened=case.reopened,
        voices=case.voice_count,
        merged_into=case.merged_into.number if case.merged_into is not None else None,
    )


@api.get("/cases/{number}", **may(READ, schemas.CaseOut), tags=["cases"], summary="One case")
def read_case(request: HttpRequest, number: schemas.Number) -> schemas.CaseOut:
    return _case(_find(request, number))


@api.get(
    "/cases/{number}/story",
    **may(READ, schemas.Story),
    tags=["cases"],
    summary="Everything that happened to a case, from the record",
)
def read_story(request: HttpRequest, number: schemas.Number) -> schemas.Story:
    case = _find(request, number)
    steps = [
        schemas.StepOut(at=step.at, title=step.title, words=step.words, fact=step.fact, by=step.by, entry=step.entry_id)
        for step in staff_story(read_matter(case))
    ]
    return schemas.Story(case=case.number, steps=steps)


def _again(pk: int) -> schemas.CaseOut:
    """The case as it is after the action; it may have left the person's reach by it."""
    return _case(Case.objects.select_related("place", "lead_place", "merged_into").get(pk=pk))


def place_at(path: str | None, field: str = "place") -> Place | None:
    if path is None:
        return None
    place = Place.objects.current().filter(path=path).first()
    if place is None:
        raise Refusal(_("There is no such place."), field=field, status=422)
    return place


@api.post(
    "/messages",
    **may("cases.enter", schemas.MessageOut, status=201),
    tags=["cases"],
    summary="Hand in a demand for somebody, or from another system; it becomes a case",
)
def create_message(request: HttpRequest, given: schemas.MessageIn, idempotency_key: schemas.Key = None) -> Status[Any]:
    person = person_of(request)
    place = place_at(given.place)
    if (given.lon is None) != (given.lat is None):
        raise Refusal(_("lon and lat belong together."), field="lon", status=422)
    point = check_point((given.lon, given.lat) if given.lon is not None and given.lat is not None else None)
    if given.category and category_by_code(given.category) is None:
        raise Refusal(_("There is no such category."), field="category", status=422)

    def do(now: datetime) -> int:
        where = (grid_at(*point) if point is not None else None) or place
        near = holding(person, "cases.enter", where.path, now) if where is not None else None
        return receive_message(
            Draft(
                text=given.text,
                channel=given.channel,
                category=given.category,
                place=place,
                point=point,
                address=given.address,
                name=given.name,
                phone=given.phone,
                email=given.email,
                answers=given.answers,
                answer_by=given.answer_by,
                language=given.language,
            ),
            by=person,
            post=near or posts_with(person, "cases.enter")[0],
            now=now,
        ).pk

    message = Message.objects.get(pk=once_per_key(request, idempotency_key, do))
    follow = reverse("portal:follow", kwargs={"token": follow_token(message)})
    return Status(
        201,
        schemas.MessageOut(
            number=message.number,
            received_at=message.received_at,
            place=message.place_path,
            follow=request.build_absolute_uri(follow),
        ),
    )


@api.post(
    "/cases/{number}/sort",
    **may("cases.sort", schemas.CaseOut),
    tags=["cases"],
    summary="Confirm or correct what a case is about and where",
)
def sort_case(
    request: HttpRequest, number: schemas.Number, given: schemas.SortIn, idempotency_key: schemas.Key = None
) -> schemas.CaseOut:
    case, place = _find(request, number), place_at(given.place)
    return _again(
        act(
            request,
            idempotency_key,
            actions.sort_case,
            case_id=case.pk,
            category=given.category,
            place=place,
            summary=given.summary,
            version=given.version,
        )
    )


@api.post(
    "/cases/{number}/assign",
    **may("cases.assign", schemas.CaseOut),
    tags=["cases"],
    summary="Give a case to a position, or to whom the matrix names",
)
def assign_case(
    request: HttpRequest, number: schemas.Number, given: schemas.AssignIn, idempotency_key: schemas.Key = None
) -> schemas.CaseOut:
    case, place = _find(request, number), place_at(given.place)
    if (given.role is None) != (place is None):
        raise Refusal(_("role and place belong together."), field="role", status=422)
    return _again(
        act(
            request,
            idempotency_key,
            actions.assign_case,
            case_id=case.pk,
            role=given.role or "",
            place_id=place.pk if place is not None else None,
            version=given.version,
        )
    )


@api.post("/cases/{number}/pause", **may("cases.pause", schemas.CaseOut), tags=["cases"], summary="Stop the clock")
def pause_case(
    request: HttpRequest, number: schemas.Number, given: schemas.PauseIn, idempotency_key: schemas.Key = None
) -> schemas.CaseOut:
    case = _find(request, number)
    return _again(
        act(
            request,
            idempotency_key,
            actions.pause_case,
            case_id=case.pk,
            reason=given.reason,
            review_on=given.review_on,
            version=given.version,
        )
    )


@api.post(
    "/cases/{number}/resume", **may("cases.pause", schemas.CaseOut), tags=["cases"], summary="Let the clock run again"
)
def resume_case(
    request: HttpRequest, number: schemas.Number, given: schemas.VersionIn, idempotency_key: schemas.Key = None
) -> schemas.CaseOut:
    case = _find(request, number)
    return _again(act(request, idempotency_key, actions.resume_case, case_id=case.pk, version=given.version))


@api.post("/cases/{number}/extend", **may("cases.extend", schemas.CaseOut), tags=["cases"], summary="Give more time")
def extend_deadline(
    request: HttpRequest, number: schemas.Number, given: schemas.ExtendIn, idempotency_key: schemas.Key = None
) -> schemas.CaseOut:
    case = _find(request, number)
    return _again(
        act(
            request,
            idempotency_key,
            actions.extend_deadline,
            case_id=case.pk,
            amount=given.amount,
            reason=given.reason,
            version=given.version,
        )
    )


@api.post(
    "/cases/{number}/reopen",
    **may("cases.assign", schemas.CaseOut),
    tags=["cases"],
    summary="Take a closed case up again",
)
def reopen_case(
    request: HttpRequest, number: schemas.Number, given: schemas.ReopenIn, idempotency_key: schemas.Key = None
) -> schemas.CaseOut:
    case = _find(request, number)
    return _again(
        act(request, idempotency_key, actions.reopen_case, case_id=case.pk, reason=given.reason, version=given.version)
    )


@api.post(
    "/cases/{number}/merge",
    **may("cases.merge", schemas.CaseOut),
    tags=["cases"],
    summary="Handle a case together with another; answers with the other",
)
def merge_case(
    request: HttpRequest, number: schemas.Number, given: schemas.MergeIn, idempotency_key: schemas.Key = None
) -> schemas.CaseOut:
    case = _find(request, number)
    target = _find(request, given.target)
    return _again(
        act(
            request, idempotency_key, merging.merge_cases, source_id=case.pk, target_id=target.pk, version=given.version
        )
    )


@api.post(
    "/cases/{number}/unmerge",
    **may("cases.merge", schemas.CaseOut),
    tags=["cases"],
    summary="Take a merged case out again, with the voices that came with it",
)
def unmerge_case(
    request: HttpRequest, number: schemas.Number, given: schemas.VersionIn, idempotency_key: schemas.Key = None
) -> schemas.CaseOut:
    case = _find(request, number)
    return _again(act(request, idempotency_key, merging.unmerge_case, case_id=case.pk, version=given.version))


@api.post(
    "/cases/{number}/notes",
    **may("cases.note", schemas.NoteOut, status=201),
    tags=["cases"],
    summary="Write something down for colleagues",
)
def add_note(
    request: HttpRequest, number: schemas.Number, given: schemas.NoteIn, idempotency_key: schemas.Key = None
) -> Status[Any]:
    case = _find(request, number)
    pk = act(request, idempotency_key, actions.add_note, case_id=case.pk, text=given.text)
    note = Note.objects.get(pk=pk)
    return Status(201, schemas.NoteOut(id=note.pk, case=case.number, text=note.text, at=note.at))
