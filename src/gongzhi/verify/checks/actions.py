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
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.events import CaseAwaitsCheck, CasesMerged, CaseWithdrawn, VoicesLeft, VoiceWithdrawn
from gongzhi.understand.cases.models import Case, Voice
from gongzhi.understand.cases.models import State as CaseState
from gongzhi.verify.checks.events import (
    AnswerGiven,
    CallFailed,
    CheckAsked,
    CheckDropped,
    CheckFailed,
    CheckMovedToDesk,
    CheckPassed,
    SatisfactionGiven,
)
from gongzhi.verify.checks.models import (
    LEAST_CONTENT_FIRST,
    PASSING,
    WAITING,
    Answer,
    Call,
    Check,
    Method,
    Result,
    Satisfied,
    State,
)
from gongzhi.verify.checks.reporters import ASKED_IN_WRITING, calls_needed, reporters_of


def ask_whether_it_helped(event: CaseAwaitsCheck, *, entry: Entry, now: datetime) -> None:
    """Ask everybody who reported it, each in their way, or else let the desk check (reaction to CaseAwaitsCheck).

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
        Message.objects.filter(voice__case_id=event.case_id, voice__withdrawn_at=None, answer_by__in=ASKED_IN_WRITING)
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


def weigh_again(event: VoicesLeft | VoiceWithdrawn, *, entry: Entry, now: datetime) -> None:
    """Fewer reporters stand behind the case: perhaps all who are left have answered (reaction)."""
    for check in Check.objects.select_for_update(of=("self",)).filter(case_id=event.case_id, state__in=WAITING):
        weigh_answers(check, now=now)


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


# --- what the reporters say ------------------------------------------------------------------------


@transaction.atomic
def answer_by_link(
    *, message: Message, helped: bool, words: str, now: datetime, satisfied: str = "", method: Method = Method.LINK
) -> Check:
    """The reporter's own answer, by link or text message. The door has checked who it is; the worker's own link does
    not count.
    """
    check = (
        Check.objects.select_for_update(of=("self",))
        .filter(case__voices__in=Voice.objects.filter(message=message).speaking(), state__in=WAITING)
        .order_by("-pk")
        .first()
    )
    if check is None:
        raise Refusal(_("There is nothing to answer at the moment."))
    if message.entered_by_id is not None and message.entered_by_id == check.worker_id:
        raise Refusal(_("You did this work yourself, so somebody else looks at it."), status=403)
    if not helped and not _clean(words) and method == Method.LINK:
        raise Refusal(_("Tell us in a few words what is still wrong."), field="words", status=422)
    _take_answer(check, message, helped, satisfied, words, method, by=None, post=None, now=now)
    return check


@transaction.atomic
def say_how_satisfied(*, message: Message, satisfied: str, now: datetime) -> Answer:
    """Said after the answer whether it helped, once; also when the matter is closed already."""
    answer = (
        Answer.objects.select_for_update(of=("self",))
        .filter(message=message, satisfied="", about__case__voices__message=message)
        .order_by("-pk")
        .first()
    )
    if answer is None:
        raise Refusal(_("There is nothing to answer at the moment."))
    if satisfied not in Satisfied.values:
        raise Refusal(_("Please choose one of the three."), field="satisfied", status=422)
    check = Check.objects.select_for_update(of=("self",)).get(pk=answer.about_id)
    answer.satisfied = satisfied
    record(
        SatisfactionGiven(check_id=check.pk, case_id=check.case_id, message_id=message.pk, satisfied=satisfied),
        about=answer,
        by=None,
        now=now,
        place=check.place_path,
        save=("satisfied",),
    )
    _sum_up(check)
    return answer


def _clean(words: str) -> str:
    return words.replace("\x00", "").strip()[:1000]


def _take_answer(
    check: Check,
    message: Message,
    helped: bool,
    satisfied: str,
    words: str,
    method: Method,
    *,
    by: User | None,
    post: Post | None,
    now: datetime,
) -> None:
    """Keep one reporter's answer, then see what all answers come to."""
    if satisfied and satisfied not in Satisfied.values:
        raise Refusal(_("Please choose one of the three."), field="satisfied", status=422)
    if Answer.objects.filter(about=check, message=message).exists():
        raise Refusal(_("This has been answered already. Thank you."))
    answer = Answer.objects.create(
        about=check,
        message=message,
        helped=helped,
        satisfied=satisfied,
        words=_clean(words),
        method=method,
        at=now,
        by=by,
    )
    record(
        AnswerGiven(
            check_id=check.pk,
            case_id=check.case_id,
            message_id=message.pk,
            helped=helped,
            satisfied=satisfied,
            method=method,
        ),
        about=answer,
        by=by,
        now=now,
        post=post,
        place=check.place_path,
    )
    _sum_up(check)
    weigh_answers(check, now=now, by=by, post=post)


def _sum_up(check: Check) -> None:
    """What the answers come to, beside the check (the answers are what is recorded)."""
    answers = list(Answer.objects.filter(about=check))
    check.said = ""
    if answers:
        check.said = Result.HELPED if all(answer.helped for answer in answers) else Result.NOT_HELPED
    said = {answer.satisfied for answer in answers}
    check.satisfied = next((one.value for one in LEAST_CONTENT_FIRST if one in said), "")
    Check.objects.filter(pk=check.pk).update(said=check.said, satisfied=check.satisfied)


def weigh_answers(check: Check, *, now: datetime, by: User | None = None, post: Post | None = None) -> bool:
    """Conclude when the answers suffice. One reporter: their answer decides. Several: all asked say it helped, or the
    time is over and nobody said otherwise; whoever says otherwise sends another post to look. Says whether it ended.
    """
    if check.state not in WAITING:
        return False
    told = reporters_of(check, now)
    if told.several and told.anybody_not_helped:
        if check.state == State.ASKED:
            _move_to_desk(check, now)
        return False
    if not told.answers:
        return False
    last = max(told.answers, key=lambda answer: answer.pk)
    if told.anybody_not_helped:
        _conclude(check, Result.NOT_HELPED, Method(last.method), last.words, by=last.by, post=post, now=now)
        return True
    until = check.answer_until or check.due_at
    if told.anybody_waited_for and (until is None or now < until):
        return False
    if told.several:
        _conclude(check, Result.HELPED, Method.ANSWERS, "", by=None, post=None, now=now)
    else:
        _conclude(check, Result.HELPED, Method(last.method), last.words, by=last.by, post=post, now=now)
    return True


# --- what other posts find -------------------------------------------------------------------------


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
def conclude_check(
    *,
    check_id: int,
    result: str,
    method: str,
    words: str,
    by: User,
    now: datetime,
    satisfied: str = "",
    message_id: int | None = None,
) -> Check:
    """Another post says how it is: by telephone (a reporter's answer) or on site (what was seen).

    By telephone ``message_id`` says whose answer it is; it may be left out where only one reporter is left to ask.
    """
    check, post = _checking(check_id, by, now)
    if (result, method) not in _POSSIBLE:
        raise Refusal(_("Choose what was found and how."), field="result", status=422)
    if result not in PASSING and not _clean(words):
        raise Refusal(_("Say in a few words what is still wrong."), field="words", status=422)
    if method == Method.PHONE:
        message = _reporter(check, message_id, now)
        helped = result == Result.HELPED
        _take_answer(check, message, helped, satisfied, words, Method.PHONE, by=by, post=post, now=now)
        return check
    if result == Result.UNREACHABLE:
        needed, made = calls_needed(check.place_path, now), _calls_made(check, now)
        if made < needed:
            raise Refusal(
                _("“Unreachable” needs %(needed)d calls that reached nobody; there were %(made)d.")
                % {"needed": needed, "made": made},
                field="result",
                status=422,
            )
    return _conclude(check, Result(result), Method(method), _clean(words), by=by, post=post, now=now)


_POSSIBLE = {
    (Result.HELPED, Method.PHONE),
    (Result.NOT_HELPED, Method.PHONE),
    (Result.SEEN_DONE, Method.SITE),
    (Result.SEEN_NOT_DONE, Method.SITE),
    (Result.UNREACHABLE, Method.SITE),
}


def _reporter(check: Check, message_id: int | None, now: datetime) -> Message:
    """Whose answer a call brought."""
    told = reporters_of(check, now)
    if message_id is not None:
        one = told.of(message_id)
        if one is None:
            raise NotThere()
        return one.message
    left = [one for one in told.everybody if one.answer is None]
    if len(left) != 1:
        raise Refusal(_("Several people reported this. Say whose answer it is."), field="result", status=422)
    return left[0].message


def _calls_made(check: Check, now: datetime) -> int:
    """How often each reporter who has not answered was called in vain; the least of them counts."""
    told = reporters_of(check, now)
    left = told.to_call()
    return min(one.calls for one in left) if told.several and left else check.attempts


@transaction.atomic
def call_failed(
    *,
    check_id: int,
    by: User,
    now: datetime,
    message_id: int | None = None,
    again_at: datetime | None = None,
) -> Check:
    """A call that reached nobody. Counted, and told apart from an answer. ``again_at``: when to try again."""
    check, post = _checking(check_id, by, now)
    if again_at is not None and again_at <= now:
        raise Refusal(_("The time to call again must lie ahead."), field="again_at", status=422)
    left = reporters_of(check, now).to_call()
    called = next((one for one in left if message_id in (None, one.message.pk)), None)
    if message_id is not None and called is None:
        raise Refusal(_("This has been answered already. Thank you."))
    check.attempts += 1
    if called is not None:
        Call.objects.create(about=check, message=called.message, at=now, by=by, again_at=again_at)
    record(
        CallFailed(
            check_id=check.pk,
            case_id=check.case_id,
            attempt=check.attempts,
            message_id=called.message.pk if called is not None else None,
        ),
        about=check,
        by=by,
        now=now,
        post=post,
        place=check.place_path,
        save=("attempts",),
    )
    weigh_answers(check, now=now, by=by, post=post)
    return check


def move_unanswered(*, now: datetime) -> int:
    """The time to answer is over. Somebody said it helped and nobody otherwise: passed; else the desk looks.

    Gives back how many checks moved on.
    """
    moved = 0
    for pk in list(Check.objects.waited_enough(now).values_list("pk", flat=True)[:1000]):
        with transaction.atomic():
            check = Check.objects.waited_enough(now).select_for_update(of=("self",)).filter(pk=pk).first()
            if check is None:
                continue
            if weigh_answers(check, now=now):
                moved += 1
            elif check.state == State.ASKED:
                _move_to_desk(check, now)
                moved += 1
    return moved


def _move_to_desk(check: Check, now: datetime) -> None:
    check.state, check.due_at = State.AT_DESK, _desk_deadline(check.place_path, now)
    record(
        CheckMovedToDesk(check_id=check.pk, case_id=check.case_id),
        about=check,
        by=None,
        now=now,
        place=check.place_path,
        save=("state", "due_at"),
    )


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
