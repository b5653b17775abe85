"""Everything that can happen to a case. Doors and the circuit call these; nothing else changes a case."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Protocol

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import holding, require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import acting_for
from gongzhi.ground.access.roles import roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.filling import build
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.cells import cell_of
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal, Stale
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span, Unit
from gongzhi.sense.channels.events import MessageReceived, MessagesImported
from gongzhi.sense.channels.models import AnswerBy, Message
from gongzhi.understand.cases.asides import ask, ask_as_the_matrix_says, asked_whose, end_part, let_go
from gongzhi.understand.cases.clocks import CLOCK, DUE, contact_due, press, set_due, start_clock, stop_clock
from gongzhi.understand.cases.events import (
    CaseAssigned,
    CaseAwaitsCheck,
    CaseClosed,
    CaseOpened,
    CasePaused,
    CasePlaced,
    CaseReopened,
    CaseResumed,
    CaseSorted,
    CaseTakenBack,
    CaseWithdrawn,
    DeadlineExtended,
    NoteAdded,
    UrgencyMarked,
    VoiceWithdrawn,
)
from gongzhi.understand.cases.importing import Imported, open_batch, read_batch
from gongzhi.understand.cases.models import MOVES, RUNNING, Case, Category, CoHandler, Move, Note, Ruling, State, Voice
from gongzhi.understand.cases.responsibility import Desks, Position, desk_for, desk_place, proposal_for
from gongzhi.understand.cases.tree import category_by_code, deadline_rule_of, in_force
from gongzhi.understand.cases.voices import case_of, join, joinable_case

# --- opening ---------------------------------------------------------------------------------------


def open_from_message(event: MessageReceived, *, entry: Entry, now: datetime) -> None:
    """A message becomes a case, or one more voice behind the case that it joins (reaction to MessageReceived).

    When that case has ended or is being checked meanwhile, the message opens a case of its own.
    """
    message = Message.objects.select_related("place").get(pk=event.message_id)
    if message.joins:
        known = joinable_case(message.joins, by_staff=message.entered_by_id is not None)
        if known is not None:
            join(known, message, now=now)
            return
    case = new_case(message, now=now)
    case.save()
    Voice.objects.create(case=case, first_case=case, message=message)
    record(
        CaseOpened(case_id=case.pk, message_id=message.pk),
        about=case,
        by=message.entered_by,
        now=now,
        place=case.place_path,
    )


def open_from_import(event: MessagesImported, *, entry: Entry, now: datetime) -> None:
    """A batch of imported messages becomes cases (reaction to MessagesImported)."""
    open_batch(
        read_batch(event.import_id, event.first, event.last),
        import_id=event.import_id,
        make=lambda message, desks: new_case(message, now=now, desks=desks, ended=message.ended is not None),
        now=now,
    )


def new_case(message: Message | Imported, *, now: datetime, desks: Desks | None = None, ended: bool = False) -> Case:
    """The case that a message makes, not yet saved: placed, with the reporter's category and the first deadline.

    First receiver leads: it lies with the nearest desk. Who makes many gives the ``desks`` that they share. What has
    ended elsewhere gets no deadline.
    """
    on = desks.on if desks is not None else timezone.localdate(now)
    place = message.place or _who_looks(message, on)
    category = in_force(category_by_code(message.category), on) if message.category else None
    case = build(
        Case,
        {
            "number": message.number,
            "summary": summary_of(message.text),
            "channel": message.channel,
            "category_id": category.pk if category is not None else None,
            "place_id": place.pk,
            "place_path": place.path,
            "placed": message.place_id is not None,
            "nearest_id": message.nearest_id,
            "nearest_metres": message.nearest_metres,
            "address": message.address,
            "lon": message.lon,
            "lat": message.lat,
            "cell": cell_of(message.lon, message.lat) if message.lon is not None and message.lat is not None else None,
            "opened_at": message.received_at,
        },
    )
    case._state.fields_cache.update(category=category, place=place)
    _lay_with(case, (desks or Desks(on)).of(place.path))
    if ended:
        case.deadline_rule = deadline_rule_of(category)
    else:
        start_clock(case, since=message.received_at)
        if message.answer_by != AnswerBy.NONE:
            case.contact_due_at = contact_due(message.received_at, place.path)
    return case


def _lay_with(case: Case, position: Position) -> None:
    case.lead_role, case.lead_place_id = position.role, position.place_id


def _lay_at_desk(case: Case, now: datetime) -> None:
    """The desk of the case's place leads (again)."""
    _lay_with(case, desk_for(case.place_path, timezone.localdate(now)))


_LEAD = ("lead_role", "lead_place")


def summary_of(text: str) -> str:
    """The first sentence or line, at most 80 characters: enough to know a case again in a list."""
    line = text.strip().splitlines()[0]
    for mark in "。！？!?；;":
        cut = line.find(mark)
        if 8 <= cut < 80:
            line = line[:cut]
    return line if len(line) <= 80 else line[:79] + "…"


def _who_looks(message: Message | Imported, on: date) -> Place:
    """Who looks after a message without a place: the street or town of the nearest grid, else the highest desk."""
    if message.nearest is not None and (message.nearest_metres or 0) < 5_000:
        above = Place.objects.filter(level="town", path__in=[message.nearest.path[:9]]).first()
        if above is not None:
            return above
    desk = desk_place(on)
    if desk is None:
        raise LookupError("nobody may sort cases anywhere: give somebody a post with the verb cases.sort")
    return desk


# --- what staff do ---------------------------------------------------------------------------------


def _locked(case_id: int, by: User, verb: str, now: datetime, version: int | None) -> tuple[Case, Post]:
    """The case, locked, if the person sees it, may do this there, and has seen its newest version."""
    case = Case.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=case_id).first()
    if case is None:
        raise NotThere()
    post = require(by, verb, case.place_path, now)
    if version is not None and version != case.version:
        raise StaleEdit(case, version)
    return case, post


class StaleEdit(Stale):
    """Somebody else changed the case between reading and writing. The door shows what changed."""

    def __init__(self, case: Case, seen: int) -> None:
        super().__init__(
            _("Somebody else changed this case while you were looking at it. See what is new, then decide.")
        )
        self.case = case
        self.seen = seen


@transaction.atomic
def sort_case(
    *,
    case_id: int,
    category: str,
    by: User,
    now: datetime,
    place: Place | None = None,
    summary: str = "",
    urgency: str = "",
    version: int | None = None,
) -> Case:
    """Confirm or correct what the case is about, where and how urgent. The deadline follows category and urgency."""
    case, post = _locked(case_id, by, "cases.sort", now, version)
    case.must_allow(Move.SORT)
    node = _usable(category, timezone.localdate(now))
    if place is not None and place.pk != case.place_id:
        require(by, "cases.sort", place.path, now)
        _move_to(case, place, now)
    if place is not None:
        case.placed = True
    if urgency and urgency not in Case.Urgency.values:
        raise Refusal(_("Choose how urgent it is."), field="urgency", status=422)
    presses = bool(urgency) and urgency != case.urgency
    if presses:
        case.urgency = urgency
    if node.pk != case.category_id or case.sorted_at is None or presses:
        case.category = node
        start_clock(case, since=case.opened_at)
    case.sorted_at = now
    case.summary = summary.strip()[:120] or case.summary
    record(
        CaseSorted(case_id=case.pk, category_id=node.pk, urgency=urgency),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("category", "sorted_at", "summary", "place", "place_path", "placed", "urgency", *_LEAD, *CLOCK),
    )
    return case


def _move_to(case: Case, place: Place, now: datetime) -> None:
    """Another place. While nobody has been given the case, the desk there leads."""
    case.place, case.place_path = place, place.path
    if case.state == State.NEW:
        _lay_at_desk(case, now)


def _usable(code: str, on: date) -> Category:
    node = category_by_code(code)
    if node is None:
        raise Refusal(_("There is no such category."), field="category", status=422)
    if not node.is_in_force(on):
        new = in_force(node, on)
        if new is None:
            raise Refusal(_("This category is no longer used. Please choose another."), field="category", status=422)
        raise Refusal(
            _("This category is no longer used. Please choose “%(new)s” instead.") % {"new": new.name},
            field="category",
            status=422,
        )
    return node


@transaction.atomic
def mark_urgency(*, case_id: int, urgency: str, by: User, now: datetime, version: int | None = None) -> Case:
    """Say how urgent an open case is. Lists show the urgent ones first, and what presses is due sooner."""
    case, post = _locked(case_id, by, "cases.sort", now, version)
    if not case.is_open:
        raise Refusal(_("This matter has already ended."))
    if urgency not in Case.Urgency.values:
        raise Refusal(_("This choice is not offered. Please choose from the list."), field="urgency", status=422)
    if urgency == case.urgency:
        raise Refusal(_("It is marked so already."), field="urgency", status=409)
    case.urgency = urgency
    if case.state in RUNNING:
        press(case)
    record(
        UrgencyMarked(case_id=case.pk, urgency=urgency),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("urgency", *CLOCK),
    )
    return case


@transaction.atomic
def place_case(*, case_id: int, place: Place, by: User, now: datetime, version: int | None = None) -> Case:
    """Say where a case belongs (from the queue of those without a grid, or to correct it)."""
    case, post = _locked(case_id, by, "cases.sort", now, version)
    case.must_allow(Move.SORT)
    require(by, "cases.sort", place.path, now)
    case.placed = True
    _move_to(case, place, now)
    record(
        CasePlaced(case_id=case.pk, place_id=place.pk),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("place", "place_path", "placed", *_LEAD),
    )
    return case


@transaction.atomic
def assign_case(
    *,
    case_id: int,
    by: User,
    now: datetime,
    role: str = "",
    place_id: int | None = None,
    version: int | None = None,
) -> Case:
    """Give the case to a position; without one, to the position that the responsibility matrix names.

    Also hands over from one position to another. When the matrix names nobody, or nobody holds what it names, it is
    asked whose the case is: the ruling opens, and the desk leads until then. Refusal when nobody holds the chosen
    position today, when the case already lies there, and while (or after) somebody higher rules whose it is.
    """
    case, post = _locked(case_id, by, "cases.assign", now, version)
    must_be_ready(case)
    asked = asked_whose(case)
    if asked is not None:
        raise Refusal(
            _("It is being ruled whose this is: %(place)s says so by %(moment)s.")
            % {"place": asked.place.name, "moment": _moment(asked.due_at)},
            field="position",
        )
    if case.ruled_at is not None and holding(by, "cases.rule", case.place_path, now) is None:
        raise Refusal(_("It was ruled whose this is, so only somebody who rules can move it."), status=403)
    on = timezone.localdate(now)
    if role and place_id is not None:
        give(case, held(role, place_id, on), by=by, now=now, post=post)
        return case
    proposal = proposal_for(case.category, case.place, on) if case.category is not None else None
    if proposal is not None and proposal.position is not None:
        give(case, proposal.position, by=by, now=now, post=post)
        if proposal.row is not None and proposal.row.co_handlers:
            ask_as_the_matrix_says(case, proposal.row, now=now)
        return case
    if case.state != State.NEW or ask(case, Ruling.Kind.NO_ROW, now=now, by=by, asker=by, post=post) is None:
        raise Refusal(
            _("The responsibility matrix names nobody for this category and place. Please choose who leads."),
            field="position",
            status=422,
        )
    return case


def _moment(when: datetime) -> str:
    return f"{timezone.localtime(when):%Y-%m-%d %H:%M}"


def must_be_ready(case: Case) -> None:
    """Refusal unless it is known what the case is about and where, and it can be given to somebody."""
    case.must_allow(Move.ASSIGN)
    if case.category is None or case.sorted_at is None:
        raise Refusal(_("Sort the case first: say what it is about."), field="category", status=422)
    if not case.placed:
        raise Refusal(_("Say first where the case belongs."), field="place", status=422)


def give(case: Case, position: Position, *, by: User, now: datetime, post: Post, ruled: bool = False) -> None:
    """The position leads from now on. ``ruled``: somebody higher has said so, and it cannot be sent back."""
    if (position.role, position.place_id) == (case.lead_role, case.lead_place_id) and case.state == State.ASSIGNED:
        raise Refusal(_("The case already lies there."), field="position", status=422)
    event = CaseAssigned(
        case_id=case.pk,
        role=position.role,
        place_id=position.place_id,
        from_role=case.lead_role,
        from_place_id=case.lead_place_id,
    )
    case.go(Move.ASSIGN)
    _lay_with(case, position)
    if ruled:
        case.ruled_at = now
    record(
        event,
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("state", "ruled_at", *_LEAD),
    )


def held(role: str, place_id: int, on: date) -> Position:
    post = (
        Post.objects.current(on)
        .filter(role=role, place_id=place_id, role__in=sorted(roles_with("tasks.work")))
        .select_related("place")
        .first()
    )
    if post is None:
        raise Refusal(_("Nobody holds this post today."), field="position", status=422)
    return Position(post.role, post.place_id, post.place.name)


UNDO_WITHIN = timedelta(minutes=30)


@transaction.atomic
def undo_assignment(*, case_id: int, by: User, now: datetime, version: int | None = None) -> Case:
    """A slip of the finger: the case lies at the desk again, sorted as it was.

    Only by who assigned it, within half an hour, and only while nothing else has happened to it.
    """
    case, post = _locked(case_id, by, "cases.assign", now, version)
    last = Entry.objects.about(case).reverse()[:1]
    if not last or last[0].event != CaseAssigned.name or last[0].by_id != by.pk or last[0].at < now - UNDO_WITHIN:
        raise Refusal(_("This can no longer be undone: hand the case over instead."))
    if _was_assigned_before(case, last[0]):
        raise Refusal(_("This was a handover: hand the case over once more instead."))
    case.go(Move.TAKE_BACK)
    _lay_at_desk(case, now)
    record(
        CaseTakenBack(case_id=case.pk, task_id=None),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("state", *_LEAD),
    )
    return case


def _was_assigned_before(case: Case, last: Entry) -> bool:
    """Whether somebody other than the desk had the case until this assignment."""
    told = (CaseAssigned.name, CaseTakenBack.name)
    before = Entry.objects.about(case).filter(event__in=told, pk__lt=last.pk).reverse()[:1]
    return bool(before) and before[0].event == CaseAssigned.name


@transaction.atomic
def dispatch_case(
    *,
    case_id: int,
    category: str,
    by: User,
    now: datetime,
    place: Place | None = None,
    summary: str = "",
    role: str = "",
    place_id: int | None = None,
    urgency: str = "",
    version: int | None = None,
) -> Case:
    """Sort and assign in one step, as a desk does it all morning. Both or neither."""
    sort_case(
        case_id=case_id,
        category=category,
        place=place,
        summary=summary,
        urgency=urgency,
        by=by,
        now=now,
        version=version,
    )
    return assign_case(case_id=case_id, role=role, place_id=place_id, by=by, now=now)


@transaction.atomic
def pause_case(
    *,
    case_id: int,
    reason: str,
    review_on: date,
    by: User,
    now: datetime,
    kind: str = Case.Pause.REPORTER,
    version: int | None = None,
) -> Case:
    """Stop the clock (waiting for the reporter, or deferred 挂账) until somebody looks again, on a named day.

    When that day has passed and nobody has looked, the clock runs again by itself.
    """
    case, post = _locked(case_id, by, "cases.pause", now, version)
    if not reason.strip():
        raise Refusal(_("Say why the clock stops; the reporter reads it."), field="reason", status=422)
    if review_on <= timezone.localdate(now):
        raise Refusal(_("The day to look again must lie ahead."), field="review_on", status=422)
    if kind not in Case.Pause.values:
        raise Refusal(_("Say what we wait for."), field="kind", status=422)
    case.go(Move.PAUSE)
    if case.due_at is not None:
        case.left = str(clock.pause(now, case.due_at, _unit_of(case, now), path=case.place_path))
    case.paused_at, case.pause_reason, case.review_on = now, reason.strip()[:200], review_on
    case.pause_kind = kind
    stop_clock(case)
    record(
        CasePaused(case_id=case.pk),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("state", *_PAUSE, *DUE),
    )
    return case


def _unit_of(case: Case, now: datetime) -> Unit:
    span = Span.parse(rule(case.deadline_rule, path=case.place_path, on=timezone.localdate(now)))
    return span.unit


@transaction.atomic
def resume_case(*, case_id: int, by: User, now: datetime, version: int | None = None) -> Case:
    """Let the clock run again: what was left of the time when it stopped is left now."""
    case, post = _locked(case_id, by, "cases.pause", now, version)
    case.go(Move.RESUME)
    _run_again(case, now)
    record(
        CaseResumed(case_id=case.pk),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("state", *_PAUSE, *DUE),
    )
    return case


def resume_overdue(*, now: datetime) -> int:
    """Nobody looked on the day that was named: the clock runs again by itself. Gives back how many."""
    over = Case.objects.filter(state=State.PAUSED, review_on__lt=timezone.localdate(now))
    resumed = 0
    for pk in list(over.values_list("pk", flat=True)[:1000]):
        with transaction.atomic():
            case = over.select_for_update(of=("self",)).filter(pk=pk).first()
            if case is None:
                continue
            case.go(Move.RESUME)
            _run_again(case, now)
            record(
                CaseResumed(case_id=case.pk),
                about=case,
                by=None,
                now=now,
                place=case.place_path,
                save=("state", *_PAUSE, *DUE),
            )
            resumed += 1
    return resumed


_PAUSE = ("paused_at", "pause_kind", "pause_reason", "review_on", "left")


def _run_again(case: Case, now: datetime) -> None:
    if case.left:
        set_due(case, clock.resume(Span.parse(case.left), now, path=case.place_path), since=now)
    _end_pause(case)


def _end_pause(case: Case) -> None:
    case.paused_at = case.review_on = None
    case.pause_reason = case.pause_kind = case.left = ""


@transaction.atomic
def extend_deadline(
    *, case_id: int, amount: int, reason: str, by: User, now: datetime, version: int | None = None
) -> Case:
    """Give a case more time, in the unit of its deadline, with a reason that the reporter reads."""
    case, post = _locked(case_id, by, "cases.extend", now, version)
    case.must_allow(Move.EXTEND)
    if not reason.strip():
        raise Refusal(_("Say why; the reporter reads it."), field="reason", status=422)
    most = int(rule("cases.extension_max", path=case.place_path, on=timezone.localdate(now)))
    if case.extensions >= most:
        raise Refusal(_("This case has already been extended as often as the rules allow."), status=409)
    if not 1 <= amount <= 1000:
        raise Refusal(_("Give a number from 1 to 1,000."), field="amount", status=422)
    if case.due_at is None:
        raise Refusal(_("This case has no deadline."))
    unit = _unit_of(case, now)
    later = clock.extend(case.due_at, Span(amount, unit), path=case.place_path)
    longest = Span.parse(rule("cases.extension_limit", path=case.place_path, on=timezone.localdate(now)))
    if later > clock.extend(case.due_at, longest, path=case.place_path):
        raise Refusal(
            _("The rules allow at most %(span)s more.") % {"span": longest.in_words()}, field="amount", status=422
        )
    set_due(case, later, since=now, before=case.due_at)
    case.extensions += 1
    case.extension_reason = reason.strip()[:200]
    record(
        DeadlineExtended(case_id=case.pk, amount=amount, unit=unit.value),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("extensions", "extension_reason", *DUE),
    )
    return case


@transaction.atomic
def add_note(*, case_id: int, text: str, by: User, now: datetime) -> Note:
    """Write something down for colleagues, co-handlers among them. Notes never conflict, so no version is asked."""
    case = Case.objects.visible_to(by).filter(pk=case_id).first()
    if case is not None:
        post = speaking_post(case, by, now)
    else:
        case = Case.objects.shared_with(by).filter(pk=case_id).first()
        if case is None:
            raise NotThere()
        post = helping_post(case, by, now)
    clean = text.replace("\x00", "").strip()
    if not clean:
        raise Refusal(_("The note is empty."), field="text", status=422)
    if len(clean) > 2000:
        raise Refusal(_("A note has at most 2,000 characters."), field="text", status=422)
    note = Note.objects.create(case=case, text=clean, by=by, post=post, at=now)
    record(NoteAdded(case_id=case.pk, note_id=note.pk), about=note, by=by, now=now, post=post, place=case.place_path)
    return note


def speaking_post(case: Case, by: User, now: datetime) -> Post:
    """A post over the case's place, or the position that leads it (a department need not lie above the case).

    Whoever stands in for that position speaks for it too.
    """
    held = [
        post
        for post in Post.objects.of(by).current(timezone.localdate(now))
        if "cases.note" in post.verbs
        and (case.place_path.startswith(post.place_path) or (post.role, post.place_id) == _lead(case))
    ]
    if held:
        return held[0]
    deputy = acting_for(by, *_lead(case), "cases.note", timezone.localdate(now))
    if deputy is None:
        raise Refusal(_("None of your posts allows this here."), status=403)
    return deputy


def helping_post(case: Case, by: User, now: datetime) -> Post:
    """The post by which somebody has a part in the case that was not sent back."""
    for role, place_id in CoHandler.objects.filter(case=case).at_hand(by).values_list("role", "place_id"):
        post = acting_for(by, role, place_id, "cases.note", timezone.localdate(now))
        if post is not None:
            return post
    raise Refusal(_("None of your posts allows this here."), status=403)


def _lead(case: Case) -> tuple[str, int | None]:
    return case.lead_role, case.lead_place_id


@transaction.atomic
def reopen_case(*, case_id: int, reason: str, by: User, now: datetime, version: int | None = None) -> Case:
    """Staff take a closed case up again, with a reason (kept as a note)."""
    case, post = _locked(case_id, by, "cases.assign", now, version)
    if case.state != State.CLOSED:
        raise Refusal(_("Only a closed case can be reopened."))
    if not reason.strip():
        raise Refusal(_("Say why the case is reopened."), field="reason", status=422)
    reopen(case, by=by, now=now, post=post)
    add_note(case_id=case.pk, text=reason, by=by, now=now)
    return case


# --- what the reporter does, by link ---------------------------------------------------------------


@transaction.atomic
def withdraw_case(*, message: Message, now: datetime) -> Case:
    """The reporter takes the matter back. The link has been checked at the door.

    While others stand behind the same case, only this voice goes; the last one ends the case.
    """
    case = case_of(message)
    voice = Voice.objects.get(message=message)
    if voice.withdrawn_at is not None or case.state not in (State.NEW, State.ASSIGNED, State.PAUSED, State.TO_CHECK):
        raise Refusal(_("This matter has already ended."))
    voice.withdrawn_at = now
    voice.save(update_fields=["withdrawn_at"])
    case.voice_count = Voice.objects.filter(case=case).speaking().count()
    if case.voice_count:
        record(
            VoiceWithdrawn(case_id=case.pk, message_id=message.pk),
            about=case,
            by=None,
            now=now,
            place=case.place_path,
            save=("voice_count",),
        )
        return case
    case.go(Move.WITHDRAW)
    case.closed_at, case.closed_as, case.escalate_at = now, Case.ClosedAs.WITHDRAWN, None
    _end_pause(case)
    record(
        CaseWithdrawn(case_id=case.pk),
        about=case,
        by=None,
        now=now,
        place=case.place_path,
        save=("state", "closed_at", "closed_as", "escalate_at", "voice_count", *_PAUSE),
    )
    let_go(case, now)
    return case


@transaction.atomic
def reopen_by_reporter(*, message: Message, now: datetime) -> Case:
    """It is back: the reporter reopens a closed case within the time that the rules give."""
    case = case_of(message)
    if Voice.objects.filter(message=message, withdrawn_at__isnull=False).exists():
        raise Refusal(_("You have withdrawn your report. Please report it anew."))
    if case.state != State.CLOSED or case.closed_at is None:
        raise Refusal(_("Only a closed matter can be reopened."))
    days = int(rule("cases.reopen_days", path=case.place_path, on=timezone.localdate(now)))
    if (timezone.localdate(now) - timezone.localdate(case.closed_at)).days > days:
        raise Refusal(_("This matter was closed more than %(days)d days ago. Please report it anew.") % {"days": days})
    reopen(case, by=None, now=now, post=None)
    return case


# --- reactions to what later stages say ------------------------------------------------------------


class OfCase(Protocol):
    """What every event that comes back from a later stage says: which case it is about."""

    @property
    def case_id(self) -> int: ...


class OfTask(OfCase, Protocol):
    @property
    def task_id(self) -> int: ...

    @property
    def part_id(self) -> int | None: ...


class OfCheck(OfCase, Protocol):
    @property
    def result(self) -> str: ...


def _reacting(event: OfCase) -> Case:
    return Case.objects.select_for_update(of=("self",)).get(pk=event.case_id)


def await_check(event: OfTask, *, entry: Entry, now: datetime) -> None:
    """The work is reported as done: the case waits for somebody else to look (reaction to TaskReported).

    A case that ended meanwhile (withdrawn) stays ended. Of a co-handler only their part is done.
    """
    case = _reacting(event)
    if event.part_id is not None:
        end_part(event.part_id, CoHandler.State.DONE, at=entry.at, now=now)
        return
    if case.state not in MOVES[Move.AWAIT_CHECK][0]:
        return
    case.go(Move.AWAIT_CHECK)
    case.worker_id, case.done_at, case.escalate_at = entry.by_id, entry.at, None
    _end_pause(case)
    record(
        CaseAwaitsCheck(case_id=case.pk, task_id=event.task_id),
        about=case,
        by=None,
        now=now,
        place=case.place_path,
        save=("state", "worker", "done_at", "escalate_at", *_PAUSE),
    )


def take_back(event: OfTask, *, entry: Entry, now: datetime) -> None:
    """ "Not ours": the desk leads again, and a higher post rules whose it is (reaction to TaskReturned).

    Unless it was given to somebody meanwhile: then it is not taken from whoever has it now. Where nobody may rule, the
    desk finds the right one by itself. A co-handler's part only goes back to the lead.
    """
    case = _reacting(event)
    if event.part_id is not None:
        end_part(event.part_id, CoHandler.State.RETURNED, at=entry.at, now=now)
        return
    if case.state not in MOVES[Move.TAKE_BACK][0]:
        return
    if Entry.objects.about(case).filter(event=CaseAssigned.name, pk__gt=entry.pk).exists():
        return
    returned = Post.objects.filter(pk=entry.post_id).first() if entry.post_id is not None else None
    if returned is not None and (returned.role, returned.place_id) != _lead(case):
        return
    if case.paused_at is not None:
        _run_again(case, now)
    case.go(Move.TAKE_BACK)
    _lay_at_desk(case, now)
    record(
        CaseTakenBack(case_id=case.pk, task_id=event.task_id),
        about=case,
        by=None,
        now=now,
        place=case.place_path,
        save=("state", *_LEAD, *DUE, *_PAUSE),
    )
    if asked_whose(case) is None:
        asker = User.objects.filter(pk=entry.by_id).first() if entry.by_id is not None else None
        ask(case, Ruling.Kind.NOT_OURS, now=now, by=None, asker=asker, post=returned)


_CLOSED_AS = {
    "helped": Case.ClosedAs.HELPED,
    "seen_done": Case.ClosedAs.VERIFIED,
    "unreachable": Case.ClosedAs.UNREACHABLE,
}


def close_after_check(event: OfCheck, *, entry: Entry, now: datetime) -> None:
    """Somebody other than the worker found it done: the only way by which a case closes (reaction to CheckPassed)."""
    case = _reacting(event)
    if case.state not in MOVES[Move.CLOSE][0]:
        return
    if entry.by_id is not None and entry.by_id == case.worker_id:
        raise RuntimeError(f"case {case.pk}: the check was made by the one who did the work")
    case.go(Move.CLOSE)
    case.closed_at, case.closed_as, case.escalate_at = entry.at, _CLOSED_AS[event.result], None
    record(
        CaseClosed(case_id=case.pk, closed_as=case.closed_as),
        about=case,
        by=None,
        now=now,
        place=case.place_path,
        save=("state", "closed_at", "closed_as", "escalate_at"),
    )
    let_go(case, now)


def reopen_after_check(event: OfCheck, *, entry: Entry, now: datetime) -> None:
    """It did not help: the same position goes at it again, with a new deadline (reaction to CheckFailed)."""
    case = _reacting(event)
    if case.state != State.TO_CHECK:
        return
    reopen(case, by=None, now=now, post=None)


def reopen(case: Case, *, by: User | None, now: datetime, post: Post | None) -> None:
    case.go(Move.REOPEN)
    led = bool(case.lead_role) and case.lead_place_id is not None and case.state != State.REFERRED
    case.state = State.ASSIGNED if led else State.NEW
    if not led:
        _lay_at_desk(case, now)
    case.closed_at, case.closed_as, case.done_at, case.worker, case.referral = None, "", None, None, ""
    case.reopened += 1
    start_clock(case, since=now)
    record(
        CaseReopened(case_id=case.pk, role=case.lead_role, place_id=case.lead_place_id),
        about=case,
        by=by,
        now=now,
        post=post,
        place=case.place_path,
        save=("state", "closed_at", "closed_as", "done_at", "worker", "reopened", "referral", *_LEAD, *CLOCK),
    )
