"""Everything that can happen to a work order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.tasks.events import (
    TaskAccepted,
    TaskCancelled,
    TaskClockChanged,
    TaskOpened,
    TaskReported,
    TaskReturned,
)
from gongzhi.act.tasks.models import Move, Task, TaskPhoto
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import acting_for
from gongzhi.ground.accounts.models import User
from gongzhi.ground.filling import among, build, pour
from gongzhi.ground.ledger.actions import record, record_many
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels.photos import MOST_PHOTOS, accept_photo, clean_copies
from gongzhi.understand.cases.events import (
    CaseAssigned,
    CaseAwaitsCheck,
    CasePaused,
    CasePlaced,
    CaseReopened,
    CaseResumed,
    CasesMerged,
    CaseSorted,
    CasesUnmerged,
    CaseTakenBack,
    CaseWithdrawn,
    DeadlineExtended,
    PartAsked,
    PartDropped,
    UrgencyMarked,
)
from gongzhi.understand.cases.models import Case, CoHandler
from gongzhi.understand.cases.models import State as CaseState
from gongzhi.understand.cases.parts import still_at_it

_HANDLED = (CaseState.ASSIGNED, CaseState.PAUSED)

# --- reactions to what happens to the case ---------------------------------------------------------


def open_for_cases(events: Sequence[CaseAssigned], *, entries: Sequence[Entry], now: datetime) -> None:
    """Write the work orders of the cases that were assigned (reaction to CaseAssigned, many at once).

    What had an order before is looked at one by one.
    """
    if len(events) > 1:
        events, entries = _open_first(events, entries, now)
    for event, entry in zip(events, entries, strict=True):
        open_for_case(event, entry=entry, now=now)


def _open_first(
    events: Sequence[CaseAssigned], entries: Sequence[Entry], now: datetime
) -> tuple[list[CaseAssigned], list[Entry]]:
    """The first orders of all these cases, written together (an import). Gives back what is left to be looked at."""
    ids = {event.case_id for event in events}
    locked = Case.objects.filter(among("pk", ids)).order_by("pk").select_for_update(of=("self",))
    known = {
        pk: (position, rest)
        for pk, *position, state, place_path, due_at, yellow_at in locked.values_list(
            "pk", "lead_role", "lead_place_id", "state", "place_path", "due_at", "yellow_at"
        )
        if (rest := {"place_path": place_path, "due_at": due_at, "yellow_at": yellow_at}) and state in _HANDLED
    }
    before = set(Task.objects.filter(among("case_id", ids)).values_list("case_id", flat=True))
    first: dict[int, Task] = {}
    for event in events:
        position, rest = known.get(event.case_id, ([], {}))
        if event.case_id in before or position != [event.role, event.place_id]:
            continue
        first[event.case_id] = build(
            Task, {"case_id": event.case_id, "role": event.role, "place_id": event.place_id, "opened_at": now, **rest}
        )
    pour(Task, list(first.values()))
    record_many(
        [(TaskOpened(task_id=task.pk, case_id=task.case_id), task) for task in first.values()], by=None, now=now
    )
    left = [(event, entry) for event, entry in zip(events, entries, strict=True) if event.case_id in before]
    return [event for event, _entry in left], [entry for _event, entry in left]


def open_for_case(event: CaseAssigned | CaseReopened | CasesUnmerged, *, entry: Entry, now: datetime) -> None:
    """Write the work order for the position that leads (reaction to CaseReopened and CasesUnmerged).

    A waiting order of another position is cancelled: the work has been handed over. If the case has moved on since
    the event, nothing happens; the newer event writes the order.
    """
    case = Case.objects.select_for_update(of=("self",)).get(pk=event.case_id)
    if event.place_id is None or case.state not in _HANDLED:
        return
    if (case.lead_role, case.lead_place_id) != (event.role, event.place_id):
        return
    waiting = Task.objects.select_for_update(of=("self",)).filter(case=case).waiting().of_lead().first()
    if waiting is not None:
        if (waiting.role, waiting.place_id) == (case.lead_role, case.lead_place_id):
            return
        _cancel(waiting, now)
    task = Task.objects.create(
        case=case,
        round=_next_round(case),
        role=case.lead_role,
        place_id=event.place_id,
        place_path=case.place_path,
        due_at=case.due_at,
        yellow_at=case.yellow_at,
        opened_at=now,
    )
    record(TaskOpened(task_id=task.pk, case_id=case.pk), about=task, by=None, now=now, place=task.place_path)


def _next_round(case: Case) -> int:
    return int(Task.objects.filter(case=case).aggregate(newest=Max("round"))["newest"] or 0) + 1


def open_for_part(event: PartAsked, *, entry: Entry, now: datetime) -> None:
    """Write the work order of a co-handler, with the deadline of the part (reaction to PartAsked)."""
    case = Case.objects.select_for_update(of=("self",)).get(pk=event.case_id)
    part = CoHandler.objects.get(pk=event.part_id)
    if part.state != CoHandler.State.ASKED or Task.objects.filter(part=part).exists():
        return
    task = Task.objects.create(
        case=case,
        part=part,
        round=_next_round(case),
        role=part.role,
        place_id=part.place_id,
        place_path=case.place_path,
        due_at=part.due_at,
        yellow_at=part.due_at,
        opened_at=now,
    )
    record(TaskOpened(task_id=task.pk, case_id=case.pk), about=task, by=None, now=now, place=task.place_path)


def cancel_for_part(event: PartDropped, *, entry: Entry, now: datetime) -> None:
    """The part is no longer needed (reaction to PartDropped)."""
    Case.objects.select_for_update(of=("self",)).get(pk=event.case_id)
    for task in Task.objects.select_for_update(of=("self",)).filter(part_id=event.part_id).waiting():
        _cancel(task, now)


def cancel_for_case(
    event: CaseWithdrawn | CaseAwaitsCheck | CasesMerged | CaseTakenBack, *, entry: Entry, now: datetime
) -> None:
    """No hands are needed any more (reaction to these events; CaseTakenBack when the desk undid an assignment).

    An order still waits while its case is being checked when the case was handed over in the moment in which the
    first post reported the work as done.
    """
    case = Case.objects.select_for_update(of=("self",)).get(pk=event.case_id)
    if case.state in _HANDLED:
        return  # taken up again meanwhile: the order that waits now is a newer one
    for task in Task.objects.select_for_update(of=("self",)).filter(case_id=event.case_id).waiting():
        _cancel(task, now)


def follow_clock(
    event: CasePaused | CaseResumed | DeadlineExtended | CaseSorted | CasePlaced | UrgencyMarked,
    *,
    entry: Entry,
    now: datetime,
) -> None:
    """Deadline and place of the order are the case's (reaction to whatever changes one of them)."""
    case = Case.objects.get(pk=event.case_id)
    for task in Task.objects.select_for_update(of=("self",)).filter(case=case).waiting():
        due = (case.due_at, case.yellow_at) if task.part_id is None else (task.due_at, task.yellow_at)
        now_there = (*due, case.place_path)
        if (task.due_at, task.yellow_at, task.place_path) != now_there:
            task.due_at, task.yellow_at, task.place_path = now_there
            record(
                TaskClockChanged(task_id=task.pk, case_id=case.pk),
                about=task,
                by=None,
                now=now,
                place=task.place_path,
                save=("due_at", "yellow_at", "place_path"),
            )


def _cancel(task: Task, now: datetime) -> None:
    task.go(Move.CANCEL)
    task.ended_at = now
    record(
        TaskCancelled(task_id=task.pk, case_id=task.case_id),
        about=task,
        by=None,
        now=now,
        place=task.place_path,
        save=("state", "ended_at"),
    )


# --- what the worker does --------------------------------------------------------------------------


def _own(task_id: int, by: User, now: datetime) -> tuple[Task, Post]:
    """The task, locked, if one of the person's posts has to do it, or they stand in. Seen but not theirs: 403."""
    task = Task.objects.visible_to(by).select_for_update(of=("self",)).select_related("case").filter(pk=task_id).first()
    if task is None:
        raise NotThere()
    post = acting_for(by, task.role, task.place_id, "tasks.work", timezone.localdate(now))
    if post is None:
        raise Refusal(_("This work order belongs to another post."), status=403)
    return task, post


@transaction.atomic
def accept_task(*, task_id: int, by: User, now: datetime) -> Task:
    task, post = _own(task_id, by, now)
    task.go(Move.ACCEPT)
    task.accepted_at, task.accepted_by = now, by
    record(
        TaskAccepted(task_id=task.pk, case_id=task.case_id),
        about=task,
        by=by,
        now=now,
        post=post,
        place=task.place_path,
        save=("state", "accepted_at", "accepted_by"),
    )
    return task


def report_done(
    *,
    task_id: int,
    words: str,
    by: User,
    now: datetime,
    photos: Sequence[Any] = (),
    done_at: datetime | None = None,
) -> Task:
    """Report the work as done, in words that the reporter will read; photos are welcome and never asked for.

    The case is not closed by this: somebody else looks first. ``done_at``: when it was noted as done, where no network
    could be reached at once; never before the order was written, never ahead.
    """
    clean = words.replace("\x00", "").strip()
    if not clean:
        raise Refusal(_("Say in a sentence what was done; the reporter reads it."), field="words", status=422)
    if len(clean) > 500:
        raise Refusal(_("At most 500 characters, please."), field="words", status=422)
    if len(photos) > MOST_PHOTOS:
        raise Refusal(_("At most %(count)d photos, please.") % {"count": MOST_PHOTOS}, field="photos", status=422)
    # Outside the transaction: turning and shrinking takes a second, and no lock should wait for it.
    copies = []
    for upload in photos:
        content, _suffix = accept_photo(upload)
        try:
            copies.append(clean_copies(content))
        except OSError:
            raise Refusal(_("This photo is damaged. Please take it again."), field="photos", status=422) from None
    with transaction.atomic():
        task, post = _own(task_id, by, now)
        task.go(Move.REPORT)
        if task.part_id is None and (others := still_at_it(task.case)):
            raise Refusal(
                _(
                    "Others still have a part in it: %(who)s. Wait for them, or say on the page of the case that "
                    "their part is no longer needed."
                )
                % {"who": "; ".join(f"{part.get_role_display()} ({part.place.name})" for part in others)}
            )
        ended_at = min(max(done_at or now, task.accepted_at or task.opened_at), now)
        if task.accepted_at is None:
            task.accepted_at, task.accepted_by = ended_at, by
        task.ended_at, task.ended_by, task.words = ended_at, by, clean
        for large, small, width, height in copies:
            photo = TaskPhoto(task=task, width=width, height=height)
            photo.large.save(f"{photo.uid.hex}.webp", large, save=False)
            photo.small.save(f"{photo.uid.hex}-small.webp", small, save=False)
            photo.save()
        record(
            TaskReported(task_id=task.pk, case_id=task.case_id, photos=len(copies), part_id=task.part_id),
            about=task,
            by=by,
            now=now,
            post=post,
            place=task.place_path,
            save=("state", "accepted_at", "accepted_by", "ended_at", "ended_by", "words"),
        )
    return task


@transaction.atomic
def return_task(*, task_id: int, reason: str, by: User, now: datetime) -> Task:
    """Send the order back: it is not ours, with the reason. A higher post rules; what was ruled stays."""
    task, post = _own(task_id, by, now)
    if task.part_id is None and task.case.ruled_at is not None:
        raise Refusal(_("It was ruled that this is yours, so it cannot be sent back."))
    clean = reason.replace("\x00", "").strip()
    if len(clean) < 4:
        raise Refusal(_("Say why this is not yours, and whose it could be."), field="reason", status=422)
    task.go(Move.RETURN)
    task.ended_at, task.ended_by, task.return_reason = now, by, clean[:300]
    record(
        TaskReturned(task_id=task.pk, case_id=task.case_id, part_id=task.part_id),
        about=task,
        by=by,
        now=now,
        post=post,
        place=task.place_path,
        save=("state", "ended_at", "ended_by", "return_reason"),
    )
    return task
