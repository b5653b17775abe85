"""Asking whether it helped, and hearing the answer. Nobody checks their own work."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.tasks.models import Task
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span
from gongzhi.sense.channels.models import AnswerBy, Message
from gongzhi.understand.cases.events import CaseAwaitsCheck, CasesMerged, CaseWithdrawn
from gongzhi.understand.cases.models import Case
from gongzhi.understand.cases.models import State as CaseState
from gongzhi.verify.checks.events import (
    CallFailed,
    CheckAsked,
    CheckDropped,
    CheckFailed,
    CheckMovedToDesk,
    CheckPassed,
)
from gongzhi.verify.checks.models import PASSING, WAITING, Check, Method, Result, State


def ask_whether_it_helped(event: CaseAwaitsCheck, *, entry: Entry, now: datetime) -> None:
    """Ask the reporter by link, or else let the desk check (reaction to CaseAwaitsCheck).

    A case that was withdrawn meanwhile is not asked about.
    """
    case = Case.objects.select_for_update(of=("self",)).get(pk=event.case_id)
    if case.state != CaseState.TO_CHECK:
        return
    task = Task.objects.get(pk=event.task_id)
    if task.ended_by_id is None:
        raise LookupError(f"task {task.pk} was reported by nobody")
    on = timezone.localdate(now)
    by_link = (
        Message.objects.filter(voice__case_id=event.case_id, answer_by=AnswerBy.LINK)
        .exclude(entered_by_id=task.ended_by_id)
        .exists()
    )
    check = Check(
        case=case,
        task=task,
        place_path=case.place_path,
        worker_id=task.ended_by_id,
        worker_role=task.role,
        worker_place_id=task.place_id,
        state=State.ASKED if by_link else State.AT_DESK,
        asked_at=now,
    )
    if by_link:
        days = Span.parse(rule("checks.answer_days", path=check.place_path, on=on))
        check.answer_until = clock.deadline(now, days, path=check.place_path)
    else:
        check.due_at = _desk_deadline(check.place_path, now)
    check.save()
    record(
        CheckAsked(check_id=check.pk, case_id=check.case_id, by_link=by_link),
        about=check,
        by=None,
        now=now,
        place=check.place_path,
    )


def _desk_deadline(path: str, now: datetime) -> datetime:
    span = Span.parse(rule("checks.limit", path=path, on=timezone.localdate(now)))
    return clock.deadline(now, span, path=path)


def drop_for_case(event: CaseWithdrawn | CasesMerged, *, entry: Entry, now: datetime) -> None:
    """The reporter took the matter back: nothing is left to check (reaction to CaseWithdrawn).

    Nor when the case is handled with another one, where its reporters will be asked (reaction to CasesMerged).
    """
    for check in Check.objects.select_for_update(of=("self",)).filter(case_id=event.case_id, state__in=WAITING):
        check.state = State.DROPPED
        record(
            CheckDropped(check_id=check.pk, case_id=check.case_id),
            about=check,
            by=None,
            now=now,
            place=check.place_path,
            save=("state",),
        )


@transaction.atomic
def answer_by_link(*, message: Message, helped: bool, words: str, now: datetime) -> Check:
    """The reporter's answer. The link has been checked at the door; the worker's own link does not count."""
    check = (
        Check.objects.select_for_update(of=("self",))
        .filter(case__voices__message=message, state__in=WAITING)
        .order_by("-pk")
        .first()
    )
    if check is None:
        raise Refusal(_("There is nothing to answer at the moment."))
    if message.entered_by_id is not None and message.entered_by_id == check.worker_id:
        raise Refusal(_("You did this work yourself, so somebody else looks at it."), status=403)
    clean = words.replace("\x00", "").strip()[:1000]
    if not helped and not clean:
        raise Refusal(_("Tell us in a few words what is still wrong."), field="words", status=422)
    result = Result.HELPED if helped else Result.NOT_HELPED
    return _conclude(check, result, Method.LINK, clean, by=None, post=None, now=now)


def _checking(check_id: int, by: User, now: datetime) -> tuple[Check, Post]:
    """The check, locked, and a post that may make it: within reach, and not the post that did the work."""
    check = Check.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=check_id).first()
    if check is None:
        raise NotThere()
    if by.pk == check.worker_id:
        raise Refusal(_("You did this work yourself, so somebody else checks it."), status=403)
    able = [
        post
        for post in posts_with(by, "checks.check", timezone.localdate(now))
        if check.place_path.startswith(post.place_path)
    ]
    other = [post for post in able if (post.role, post.place_id) != (check.worker_role, check.worker_place_id)]
    if not other:
        raise Refusal(_("Another post has to check this: yours did the work or has no say here."), status=403)
    if check.state not in WAITING:
        raise Refusal(_("This check has already been concluded."))
    return check, other[0]


@transaction.atomic
def conclude_check(*, check_id: int, result: str, method: str, words: str, by: User, now: datetime) -> Check:
    """Another post says how it is: by telephone (the reporter's answer) or on site (what was seen)."""
    check, post = _checking(check_id, by, now)
    if (result, method) not in _POSSIBLE:
        raise Refusal(_("Choose what was found and how."), field="result", status=422)
    clean = words.replace("\x00", "").strip()[:1000]
    if result not in PASSING and not clean:
        raise Refusal(_("Say in a few words what is still wrong."), field="words", status=422)
    if result == Result.UNREACHABLE:
        needed = int(rule("checks.call_attempts", path=check.place_path, on=timezone.localdate(now)))
        if check.attempts < needed:
            raise Refusal(
                _("“Unreachable” needs %(needed)d calls that reached nobody; there were %(made)d.")
                % {"needed": needed, "made": check.attempts},
                field="result",
                status=422,
            )
    return _conclude(check, Result(result), Method(method), clean, by=by, post=post, now=now)


_POSSIBLE = {
    (Result.HELPED, Method.PHONE),
    (Result.NOT_HELPED, Method.PHONE),
    (Result.SEEN_DONE, Method.SITE),
    (Result.SEEN_NOT_DONE, Method.SITE),
    (Result.UNREACHABLE, Method.SITE),
}


@transaction.atomic
def call_failed(*, check_id: int, by: User, now: datetime) -> Check:
    """A call that reached nobody. Counted, and told apart from an answer."""
    check, post = _checking(check_id, by, now)
    check.attempts += 1
    record(
        CallFailed(check_id=check.pk, case_id=check.case_id, attempt=check.attempts),
        about=check,
        by=by,
        now=now,
        post=post,
        place=check.place_path,
        save=("attempts",),
    )
    return check


def move_unanswered(*, now: datetime) -> int:
    """Checks that the reporter has not answered in time go to the desk. Gives back how many."""
    moved = 0
    for pk in list(Check.objects.unanswered(now).values_list("pk", flat=True)[:1000]):
        with transaction.atomic():
            check = Check.objects.unanswered(now).select_for_update(of=("self",)).filter(pk=pk).first()
            if check is None:
                continue
            check.state, check.due_at = State.AT_DESK, _desk_deadline(check.place_path, now)
            record(
                CheckMovedToDesk(check_id=check.pk, case_id=check.case_id),
                about=check,
                by=None,
                now=now,
                place=check.place_path,
                save=("state", "due_at"),
            )
            moved += 1
    return moved


def _conclude(
    check: Check, result: Result, method: Method, words: str, *, by: User | None, post: Post | None, now: datetime
) -> Check:
    passed = result in PASSING
    check.state = State.PASSED if passed else State.FAILED
    check.result, check.method, check.words = result, method, words
    check.by, check.concluded_at = by, now
    kind = CheckPassed if passed else CheckFailed
    record(
        kind(check_id=check.pk, case_id=check.case_id, result=result),
        about=check,
        by=by,
        now=now,
        post=post,
        place=check.place_path,
        save=("state", "result", "method", "words", "by", "concluded_at"),
    )
    return check
