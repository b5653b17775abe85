"""Taking in what devices send: each thing in a transaction of its own, once, with its own answer."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.directives import pieces
from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.act.visits import actions as visits
from gongzhi.act.visits.models import Visit
from gongzhi.front.field.models import Outcome, Sent
from gongzhi.ground.access.actions import require
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal, Stale
from gongzhi.ground.rules.actions import rule
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import AnswerBy, Channel
from gongzhi.understand.cases.tree import category_by_code

log = logging.getLogger(__name__)

MOST_ITEMS: Final = 100  # in one request
TOLERANCE: Final = timedelta(minutes=2)  # how far a clock may run ahead between writing and sending
LATE: Final = timedelta(minutes=15)  # from here on the desk is told that it was noted earlier
UNCOUNTED: Final = "uncounted"  # a deed says: kept, and it does not count
WORDS: Final = ("text", "words", "reason", "whom", "asked", "promise")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that a device sends."""

    key: str
    kind: str
    data: Mapping[str, Any]
    written_at: datetime  # by our clock
    days_off: int = 0  # by how many days the device’s calendar is behind ours
    confirmed: bool = False  # the person has said that a doubtful time does not matter
    photos: Sequence[Any] = ()
    recordings: Sequence[Any] = ()

    def text(self, name: str, most: int = 4000) -> str:
        value = self.data.get(name, "")
        if not isinstance(value, str) or len(value) > most:
            raise Refusal(_("At most %(count)d characters, please.") % {"count": most}, field=name, status=422)
        return value.replace("\x00", "")

    def number(self, name: str) -> int:
        value = self.data.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**53:
            raise Refusal(_("This device sent something that cannot be read."), field=name, status=422)
        return value

    def uid(self) -> UUID:
        try:
            return UUID(self.text("uid", 40))
        except ValueError:
            raise Refusal(_("This device sent something that cannot be read."), field="uid", status=422) from None

    def day(self, name: str) -> date | None:
        value = self.text(name, 10)
        try:
            return date.fromisoformat(value) + timedelta(days=self.days_off) if value else None
        except (ValueError, OverflowError):
            raise Refusal(_("This is not a day."), field=name, status=422) from None

    def place(self) -> Place | None:
        path = self.text("place", 30)
        place = Place.objects.current().filter(path=path).first() if path else None
        if path and place is None:
            raise Refusal(_("We do not know this place. Please choose from the list."), field="place", status=422)
        return place

    @property
    def typed(self) -> str:
        """Everything that somebody wrote, to be kept when it cannot be taken in."""
        told = [str(self.data[name])[:4000].replace("\x00", "") for name in WORDS if self.data.get(name)]
        return "\n".join(told)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one thing."""

    key: str
    outcome: str  # one of Outcome; "refused": mend it and send it again; "again": send it again later
    says: str = ""
    about: str = ""  # the name of the field that has to be mended
    ids: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "outcome": self.outcome, "says": self.says, "field": self.about, "ids": dict(self.ids)}


def true_moment(*, written: float, clock: float, now: datetime) -> datetime | None:
    """When it was written by our clock: as long before now as the device says, whatever its clock shows.

    Both are milliseconds as the device counts them. None for what no clock can mean.
    """
    if not (math.isfinite(written) and math.isfinite(clock)) or abs(written - clock) > 10**13:
        return None
    return now - timedelta(milliseconds=clock - written)


def days_off(*, on: str, clock: float, written_at: datetime, now: datetime) -> int:
    """By how many days a device's calendar is behind ours. A clock that is wrong by hours only names the right days."""
    if abs(now.timestamp() * 1000 - clock) < 12 * 3600 * 1000:
        return 0
    try:
        return (timezone.localdate(written_at) - date.fromisoformat(on)).days
    except ValueError:
        return 0


def doubt(written_at: datetime, now: datetime) -> str:
    """Why this moment cannot be right; nothing when it can."""
    if written_at > now + TOLERANCE:
        return _("By the device’s clock this was written in the future.")
    days = int(rule("field.oldest_days", path="", on=timezone.localdate(now)))
    if written_at < now - timedelta(days=days):
        return _("By the device’s clock this was written more than %(days)d days ago.") % {"days": days}
    return ""


# --- what each kind does --------------------------------------------------------------------------------------------


def _report(item: Item, by: User, now: datetime) -> dict[str, Any]:
    place = item.place()
    text = item.text("text").strip()
    if not text and not item.photos and not item.recordings:
        raise Refusal(_("Take a photo, record a voice note, or write a word."), field="text", status=422)
    if not text:
        text = _("Voice note from the field; please listen.") if item.recordings else _("Photo from the field.")
    if now - item.written_at > LATE:
        noted = timezone.localtime(item.written_at).strftime("%Y-%m-%d %H:%M")
        text += "\n" + _("(Noted on site at %(when)s, sent later.)") % {"when": noted}
    if place is None:
        raise Refusal(_("Say where."), field="place", status=422)
    post = require(by, "cases.enter", place.path, now)
    code = item.text("category", 80)
    node = category_by_code(code) if code else None
    message = receive_message(
        Draft(
            text=text,
            channel=Channel.FIELD,
            category=code if node is not None and node.is_in_force(timezone.localdate(now)) else "",
            place=place,
            address=item.text("address", 200),
            answer_by=AnswerBy.NONE,
            idempotency_key=f"field/{by.pk}/{item.key}"[:64],
            photos=item.photos,
            recordings=item.recordings,
        ),
        by=by,
        post=post,
        now=now,
    )
    return {"message": message.pk, "number": message.number}


def _accept_task(item: Item, by: User, now: datetime) -> dict[str, Any]:
    return {"task": tasks.accept_task(task_id=item.number("task"), by=by, now=now).pk}


def _report_task(item: Item, by: User, now: datetime) -> dict[str, Any]:
    task = tasks.report_done(
        task_id=item.number("task"),
        words=item.text("words", 500),
        photos=item.photos,
        done_at=item.written_at,
        by=by,
        now=now,
    )
    return {"task": task.pk}


def _return_task(item: Item, by: User, now: datetime) -> dict[str, Any]:
    return {"task": tasks.return_task(task_id=item.number("task"), reason=item.text("reason", 300), by=by, now=now).pk}


def _plan_visit(item: Item, by: User, now: datetime) -> dict[str, Any]:
    place, day = item.place(), item.day("day")
    if place is None:
        raise Refusal(_("Choose a grid or a building."), field="place", status=422)
    if day is None:
        raise Refusal(_("This is not a day."), field="day", status=422)
    visit = visits.plan_visit(
        place=place,
        # Planned for a day that is over by the time it arrives: it stands among today's.
        day=max(day, timezone.localdate(now)) if day >= timezone.localdate(item.written_at) else day,
        whom=item.text("whom"),
        asked=item.text("asked"),
        uid=item.uid(),
        by=by,
        now=now,
    )
    return {"visit": visit.pk}


def _make_visit(item: Item, by: User, now: datetime) -> dict[str, Any]:
    if item.data.get("place") == "":
        raise Refusal(_("Choose a grid or a building."), field="place", status=422)
    visit = visits.note_visit(
        uid=item.uid(),
        place=item.place(),
        day=item.day("day") or timezone.localdate(item.written_at),
        whom=item.text("whom"),
        asked=item.text("asked"),
        promise=item.text("promise"),
        promise_due=item.day("promise_due"),
        by=by,
        now=now,
    )
    return {"visit": visit.pk}


def _drop_visit(item: Item, by: User, now: datetime) -> dict[str, Any]:
    return {"visit": visits.drop_visit(uid=item.uid(), by=by, now=now).pk}


def _keep_promise(item: Item, by: User, now: datetime) -> dict[str, Any]:
    day = timezone.localdate(item.written_at)
    return {"visit": visits.keep_promise(uid=item.uid(), words=item.text("words"), day=day, by=by, now=now).pk}


def _read_piece(item: Item, by: User, now: datetime) -> dict[str, Any]:
    return {"assignment": pieces.read_assignment(assignment_id=item.number("assignment"), by=by, now=now).pk}


def _accept_piece(item: Item, by: User, now: datetime) -> dict[str, Any]:
    return {"assignment": pieces.accept_assignment(assignment_id=item.number("assignment"), by=by, now=now).pk}


def _report_piece(item: Item, by: User, now: datetime) -> dict[str, Any]:
    """A report for a piece that has ended meanwhile is kept with it; the person is told why it does not count."""
    minutes = item.text("minutes", 5).strip()
    if minutes and not (minutes.isascii() and minutes.isdigit()):
        raise Refusal(_("Minutes are a number."), field="minutes", status=422)
    report = pieces.report_result(
        assignment_id=item.number("assignment"),
        words=item.text("words", 1000),
        minutes=int(minutes or 0),
        photos=item.photos,
        key=uuid5(NAMESPACE_URL, f"field/{by.pk}/{item.key}"),
        by=by,
        now=now,
    )
    ids = {"assignment": report.assignment_id, "report": report.pk}
    return ids if report.counted else {**ids, UNCOUNTED: True}


def _ask_about_piece(item: Item, by: User, now: datetime) -> dict[str, Any]:
    """To explain, to look again, or (the button of whoever cannot decide) to take it up: the clock passes on too."""
    question = pieces.ask_sender(
        assignment_id=item.number("assignment"),
        kind=item.text("question", 10),
        words=item.text("words", 1000),
        by=by,
        now=now,
    )
    return {"assignment": question.assignment_id, "question": question.pk}


def _settle(item: Item, by: User, now: datetime) -> dict[str, Any]:
    """The person has read what happened to something that could not be taken in."""
    found = Sent.objects.of(by).kept_aside().filter(key=item.text("of", 64))
    return {"settled": found.update(settled_at=now)}


DEEDS: Final[dict[str, Any]] = {
    "report": _report,
    "task.accept": _accept_task,
    "task.done": _report_task,
    "task.return": _return_task,
    "visit.plan": _plan_visit,
    "visit.made": _make_visit,
    "visit.drop": _drop_visit,
    "promise.kept": _keep_promise,
    "assignment.read": _read_piece,
    "assignment.accept": _accept_piece,
    "assignment.done": _report_piece,
    "assignment.ask": _ask_about_piece,
    "aside.settle": _settle,
}


def _task_story(item: Item, by: User) -> str:
    task = Task.objects.visible_to(by).select_related("case", "case__lead_place", "place").filter(
        pk=item.number("task")
    ).first()  # fmt: skip
    if task is None:
        return _("This work order is no longer yours: it was given to others, or you no longer hold the post.")
    when = timezone.localtime(task.ended_at).strftime("%m-%d %H:%M") if task.ended_at else ""
    match task.state:
        case "cancelled":
            lead = task.case.lead_place
            moved = task.case.lead_role and lead is not None and (task.role, task.place_id) != (
                task.case.lead_role, lead.pk
            )  # fmt: skip
            if moved and lead is not None:
                return _("The work order was cancelled on %(when)s: the case lies with %(who)s, %(place)s now.") % {
                    "when": when,
                    "who": task.case.get_lead_role_display(),
                    "place": lead.name,
                }
            return _("The work order was cancelled on %(when)s: the work is no longer needed.") % {"when": when}
        case "done":
            return _("The work order was reported as done on %(when)s already.") % {"when": when}
        case "returned":
            return _("The work order was sent back on %(when)s.") % {"when": when}
        case "accepted":
            return _("The work order is accepted already.") if item.kind == "task.accept" else ""
    return ""


def _visit_story(item: Item, by: User) -> str:
    visit = Visit.objects.visible_to(by).filter(uid=item.uid()).first()
    if visit is None:
        return _("This visit is no longer yours: you no longer hold the post that it belongs to.")
    day = visit.day.strftime("%m-%d")
    if item.kind == "promise.kept":
        return _("A colleague noted it as kept on %(day)s.") % {
            "day": visit.kept_on.strftime("%m-%d")
        } if visit.kept_on else ""  # fmt: skip
    if visit.state == "made":
        return _("A colleague noted this visit as made on %(day)s.") % {"day": day}
    return _("A colleague dropped this visit.") if visit.state == "dropped" else ""


def _piece_story(item: Item, by: User) -> str:
    piece = Assignment.objects.visible_to(by).select_related("directive").filter(pk=item.number("assignment")).first()
    if piece is None:
        return _("This work is no longer yours: you no longer hold the post that it was given to.")
    when = timezone.localtime(piece.ended_at).strftime("%m-%d %H:%M") if piece.ended_at else ""
    told = ""
    match piece.state:
        case "withdrawn" if piece.directive.state == "withdrawn":
            told = _("The sender withdrew it on %(when)s: %(why)s") % {"when": when, "why": piece.directive.ending}
        case "withdrawn":
            told = _("It was taken back on %(when)s and is no longer asked for.") % {"when": when}
        case "taken":
            told = _("The sender took it over on %(when)s.") % {"when": when}
        case "done":
            told = _("A result was accepted on %(when)s already.") % {"when": when}
        case "refused":
            told = _("It was refused on %(when)s as not on the list.") % {"when": when}
        case "submitted":
            told = _("A colleague has reported a result already.")
        case "asking":
            told = _("It waits for the sender’s answer.")
        case "accepted" if item.kind == "assignment.accept":
            told = _("It is accepted already.")
    if told and item.kind == "assignment.done" and not piece.is_open:
        told += " " + _("Your report is kept with it and does not count.")
    return told


STORIES: Final[dict[str, Any]] = {
    "task.accept": _task_story,
    "task.done": _task_story,
    "task.return": _task_story,
    "assignment.accept": _piece_story,
    "assignment.done": _piece_story,
    "assignment.ask": _piece_story,
    "visit.made": _visit_story,
    "visit.drop": _visit_story,
    "promise.kept": _visit_story,
}


# --- taking in ------------------------------------------------------------------------------------------------------


def take_in(item: Item, *, by: User, now: datetime) -> Answer:
    """Do one thing, once. What cannot be done any more is kept in its words and answered with what happened."""
    known = Sent.objects.of(by).filter(key=item.key).first()
    if known is not None and not (known.outcome == Outcome.DOUBTFUL and item.confirmed):
        return _answer(known)
    deed = DEEDS.get(item.kind)
    if deed is None:
        return Answer(key=item.key, outcome="refused", says=_("This device sent something that cannot be read."))
    why = "" if item.confirmed else doubt(item.written_at, now)
    try:
        with transaction.atomic():
            row = Sent(user=by, key=item.key, kind=item.kind, written_at=item.written_at, at=now)
            if why:
                row.outcome, row.says, row.words = Outcome.DOUBTFUL, why, item.typed
            else:
                row.outcome, row.says, row.words, row.ids = _attempt(deed, item, by, now)
            if known is not None:
                row.pk = known.pk
            row.save(force_insert=known is None)
    except IntegrityError:
        # The same thing came by another way in this very moment.
        twin = Sent.objects.of(by).filter(key=item.key).first()
        if twin is None:
            log.exception("field: %s could not be written", item.kind)
            return Answer(key=item.key, outcome="again")
        return _answer(twin)
    except (Stale, OperationalError):
        return Answer(key=item.key, outcome="again")
    except Refusal as refusal:
        return Answer(key=item.key, outcome="refused", says=str(refusal.reason), about=refusal.field or "")
    except Exception:
        # A bug in one thing must not hold up the others; the device keeps it and tries again later.
        log.exception("field: %s failed", item.kind)
        return Answer(key=item.key, outcome="again", says=_("Something went wrong here. It is tried again later."))
    return _answer(row)


def _attempt(deed: Any, item: Item, by: User, now: datetime) -> tuple[str, str, str, dict[str, Any]]:
    """Outcome, what to say, words to keep, ids. What can be mended on the device (422) is raised."""
    try:
        with transaction.atomic():
            ids = deed(item, by, now)
        if ids.pop(UNCOUNTED, False):
            return Outcome.CONFLICT, _piece_story(item, by)[:400], item.typed, ids
        return Outcome.DONE, "", "", ids
    except Stale:
        raise
    except Refusal as refusal:
        if refusal.status == 422:
            raise
        story = STORIES.get(item.kind)
        says = (story(item, by) if story is not None else "") or str(refusal.reason)
        if not says and isinstance(refusal, NotThere):
            says = _("It is no longer there, or no longer yours.")
        return Outcome.CONFLICT, says[:400], item.typed, {}


def _answer(row: Sent) -> Answer:
    return Answer(key=row.key, outcome=row.outcome, says=row.says, ids=row.ids)


def aside(*, by: User) -> list[dict[str, Any]]:
    """What was kept aside for this person, newest first."""
    return [
        {
            "key": row.key,
            "kind": row.kind,
            "outcome": row.outcome,
            "says": row.says,
            "words": row.words,
            "at": timezone.localtime(row.written_at).strftime("%m-%d %H:%M"),
            "iso": row.written_at.astimezone(UTC).isoformat(),
        }
        for row in Sent.objects.of(by).kept_aside().order_by("-pk")[:50]
    ]
