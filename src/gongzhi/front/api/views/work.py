"""Work orders and checks."""

from __future__ import annotations

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Query

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task, TaskQuerySet
from gongzhi.front.api import schemas
from gongzhi.front.api.door import act, api, may, page_of, person_of
from gongzhi.ground.refusals import NotThere
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import WAITING, Check, CheckQuerySet


@api.get("/tasks", **may("tasks.work", schemas.Tasks), tags=["tasks"], summary="Work orders, earliest deadline first")
def list_tasks(
    request: HttpRequest,
    whose: Annotated[
        Literal["mine", "reach"], Query(description="Of the person's own posts, or all within reach.")
    ] = "mine",
    state: schemas.TaskStates = "waiting",
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.Tasks:
    person = person_of(request)
    found: TaskQuerySet = Task.objects.for_hands_of(person) if whose == "mine" else Task.objects.visible_to(person)
    if state == "waiting":
        found = found.waiting()
    elif state != "all":
        found = found.filter(state=state)
    return page_of(
        schemas.Tasks, found.select_related("case", "place").order_by("due_at", "id"), _task, page, page_size
    )


@api.get("/tasks/{task_id}", **may("tasks.work", schemas.TaskOut), tags=["tasks"], summary="One work order")
def read_task(request: HttpRequest, task_id: schemas.Id) -> schemas.TaskOut:
    task = Task.objects.visible_to(person_of(request)).select_related("case", "place").filter(pk=task_id).first()
    if task is None:
        raise NotThere()
    return _task(task)


def _task(task: Task) -> schemas.TaskOut:
    return schemas.TaskOut(
        id=task.pk,
        case=task.case.number,
        summary=task.case.summary,
        round=task.round,
        state=task.state,
        role=task.role,
        place=task.place.path,
        place_name=task.place.name,
        due_at=task.due_at,
        opened_at=task.opened_at,
        accepted_at=task.accepted_at,
        ended_at=task.ended_at,
        words=task.words,
        return_reason=task.return_reason,
    )


def _task_again(pk: int) -> schemas.TaskOut:
    return _task(Task.objects.select_related("case", "place").get(pk=pk))


@api.post(
    "/tasks/{task_id}/accept", **may("tasks.work", schemas.TaskOut), tags=["tasks"], summary="Accept a work order"
)
def accept_task(request: HttpRequest, task_id: schemas.Id, idempotency_key: schemas.Key = None) -> schemas.TaskOut:
    return _task_again(act(request, idempotency_key, tasks.accept_task, task_id=task_id))


@api.post(
    "/tasks/{task_id}/done",
    **may("tasks.work", schemas.TaskOut),
    tags=["tasks"],
    summary="Report a work order as done; somebody else checks",
)
def report_done(
    request: HttpRequest, task_id: schemas.Id, given: schemas.DoneIn, idempotency_key: schemas.Key = None
) -> schemas.TaskOut:
    return _task_again(act(request, idempotency_key, tasks.report_done, task_id=task_id, words=given.words))


@api.post(
    "/tasks/{task_id}/return", **may("tasks.work", schemas.TaskOut), tags=["tasks"], summary="Return it: not ours"
)
def return_task(
    request: HttpRequest, task_id: schemas.Id, given: schemas.ReturnIn, idempotency_key: schemas.Key = None
) -> schemas.TaskOut:
    return _task_again(act(request, idempotency_key, tasks.return_task, task_id=task_id, reason=given.reason))


@api.get("/checks", **may("checks.check", schemas.Checks), tags=["checks"], summary="Checks, earliest deadline first")
def list_checks(
    request: HttpRequest,
    state: schemas.CheckStates = "waiting",
    page: schemas.Page = 1,
    page_size: schemas.PageSize = 50,
) -> schemas.Checks:
    found: CheckQuerySet = Check.objects.visible_to(person_of(request))
    if state == "waiting":
        found = found.filter(state__in=WAITING)
    elif state != "all":
        found = found.filter(state=state)
    return page_of(schemas.Checks, found.select_related("case").order_by("due_at", "id"), _check, page, page_size)


@api.get("/checks/{check_id}", **may("checks.check", schemas.CheckOut), tags=["checks"], summary="One check")
def read_check(request: HttpRequest, check_id: schemas.Id) -> schemas.CheckOut:
    check = Check.objects.visible_to(person_of(request)).select_related("case").filter(pk=check_id).first()
    if check is None:
        raise NotThere()
    return _check(check)


def _check(check: Check) -> schemas.CheckOut:
    return schemas.CheckOut(
        id=check.pk,
        case=check.case.number,
        task=check.task_id,
        state=check.state,
        asked_at=check.asked_at,
        due_at=check.due_at,
        attempts=check.attempts,
        method=check.method,
        result=check.result,
        words=check.words,
        concluded_at=check.concluded_at,
    )


@api.post(
    "/checks/{check_id}/conclude",
    **may("checks.check", schemas.CheckOut),
    tags=["checks"],
    summary="Say what was found, by telephone or on site; never one's own work",
)
def conclude_check(
    request: HttpRequest, check_id: schemas.Id, given: schemas.ConcludeIn, idempotency_key: schemas.Key = None
) -> schemas.CheckOut:
    pk = act(
        request,
        idempotency_key,
        checks.conclude_check,
        check_id=check_id,
        result=given.result,
        method=given.method,
        words=given.words,
    )
    return _check(Check.objects.select_related("case").get(pk=pk))


@api.post(
    "/checks/{check_id}/call-failed",
    **may("checks.check", schemas.CheckOut),
    tags=["checks"],
    summary="Count a call that reached nobody",
)
def call_failed(request: HttpRequest, check_id: schemas.Id, idempotency_key: schemas.Key = None) -> schemas.CheckOut:
    pk = act(request, idempotency_key, checks.call_failed, check_id=check_id)
    return _check(Check.objects.select_related("case").get(pk=pk))
