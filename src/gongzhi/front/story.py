"""The story of a matter, told from the record: to the reporter in plain words, to staff with who and which post."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import CharField, DateTimeField, F, Q, Value
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.act.tasks.models import Task, TaskPhoto
from gongzhi.act.whistles.models import Whistle
from gongzhi.ground.access.models import Post, StandIn
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.events import event_type
from gongzhi.ground.ledger.models import Entry
from gongzhi.sense.channels.models import Message, Photo
from gongzhi.understand.cases.models import Case, CoHandler, Note, Reply, Ruling, Slip, Voice
from gongzhi.understand.cases.models import State as CaseState
from gongzhi.understand.cases.tree import category_by_id
from gongzhi.verify.checks.models import Answer, Check, Method


@dataclass
class Step:
    """One entry of a story, ready to show."""

    at: datetime
    title: str
    icon: str = "check"
    words: str = ""  # what a person said
    fact: str = ""  # what the record says besides: to whom, as what
    by: str = ""  # who, as the reader may know them
    tone: str = ""  # "" | is-now | is-next | is-wrong
    photos: Sequence[Any] = ()
    entry_id: int | None = None
    proof_url: str = ""  # where the reporter can check the entry
    url: str = ""  # the page of what this step is about, for staff


@dataclass(frozen=True)
class Aside:
    """A ruling, a part, a slip or a whistle beside the case: what its entries do not say themselves."""

    noun: str
    pk: int
    asked: str  # the question, what is needed
    answered: str  # the ruling, the answer, the result
    who: str
    number: str


@dataclass
class Matter:
    """Everything that belongs to one case, read with one query for each kind of thing."""

    case: Case
    messages: list[Message]
    photos: list[Photo]
    tasks: list[Task]
    task_photos: list[TaskPhoto]
    checks: list[Check]
    notes: list[Note]
    entries: list[Entry]
    answers: list[Answer] = field(default_factory=list)
    voice: Voice | None = None  # whose story it is
    asides: dict[tuple[str, int], Aside] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)  # of the cases that it was put together with
    users: dict[int, User] = field(default_factory=dict)
    posts: dict[int, Post] = field(default_factory=dict)
    stand_ins: dict[int, StandIn] = field(default_factory=dict)  # as whose deputy something was done

    @property
    def message(self) -> Message | None:
        return self.messages[0] if self.messages else None

    @property
    def task(self) -> Task | None:
        """The newest work order of who leads."""
        return next((task for task in reversed(self.tasks) if task.part_id is None), None)

    def withdrew_before(self, entry: Entry) -> bool:
        """Whether this reporter had withdrawn before the last of them did."""
        withdrawn = self.voice.withdrawn_at if self.voice is not None else None
        return withdrawn is not None and withdrawn < entry.at

    @property
    def check(self) -> Check | None:
        return self.checks[-1] if self.checks else None

    def answer_of(self, check: Check, message_id: int) -> Answer | None:
        """What one reporter has answered in this check."""
        return next((one for one in self.answers if (one.about_id, one.message_id) == (check.pk, message_id)), None)


# Of a matter with more voices than this, the page shows the first ones; the others have a list of their own.
MOST_VOICES = 10


def read_matter(case: Case, *, names: bool = True, voice: Voice | None = None, reader: User | None = None) -> Matter:
    """Read a case with all that happened. ``names``: also who did it (staff pages).

    ``reader``: which member of the staff reads it; then also what lies beside the case and is visible to them.

    ``voice``: whose story it is. Then only this reporter's message is read, and what happened before they came to the
    case is left out. It must have come with its ``first_case``.
    """
    # Photos come with what they belong to: most matters have none, and a query that finds nothing costs as much.
    # Sorted here: telling the database to sort costs the ORM more than these few rows are worth.
    told = Message.objects.annotate(
        voice_pk=F("voice__pk"),
        first_case_id=F("voice__first_case_id"),
        photo_pk=F("photos__pk"),
        photo_uid=F("photos__uid"),
        photo_state=F("photos__state"),
    )
    if voice is not None:
        told = told.filter(pk=voice.message_id)
    elif case.state == CaseState.MERGED:
        told = told.filter(voice__first_case=case)  # its voices are with the other case now
    else:
        told = told.filter(voice__case=case)
        if case.voice_count > MOST_VOICES:
            first = Voice.objects.filter(case=case).order_by("pk").values_list("pk", flat=True)[:MOST_VOICES]
            told = told.filter(voice__pk__in=list(first))
    messages: list[Message] = []
    photos: list[Photo] = []
    for message in sorted(told, key=lambda row: (row.voice_pk, row.photo_pk or 0)):
        if not messages or messages[-1].pk != message.pk:
            messages.append(message)
        if message.photo_uid is not None:
            photos.append(Photo(message_id=message.pk, uid=message.photo_uid, state=message.photo_state))
    worked = Task.objects.filter(case=case).select_related("place")
    tasks: list[Task] = []
    task_photos: list[TaskPhoto] = []
    task: Any
    found: Any = worked.annotate(photo_pk=F("photos__pk"), photo_uid=F("photos__uid"))
    for task in sorted(found, key=lambda row: (row.round, row.photo_pk or 0)):
        if not tasks or tasks[-1].pk != task.pk:
            tasks.append(task)
        if task.photo_uid is not None:
            task_photos.append(TaskPhoto(task_id=task.pk, uid=task.photo_uid))
    checks: list[Check] = []
    answers: list[Answer] = []
    asked: Any = Check.objects.filter(case=case).annotate(
        answer_pk=F("answers__pk"),
        answer_message=F("answers__message_id"),
        answer_helped=F("answers__helped"),
        answer_satisfied=F("answers__satisfied"),
        answer_words=F("answers__words"),
        answer_method=F("answers__method"),
        answer_at=F("answers__at"),
    )
    check: Any
    for check in sorted(asked, key=lambda row: (row.pk, row.answer_pk or 0)):
        if not checks or checks[-1].pk != check.pk:
            checks.append(check)
        if check.answer_pk is not None:
            answers.append(
                Answer(
                    pk=check.answer_pk,
                    about_id=check.pk,
                    message_id=check.answer_message,
                    helped=check.answer_helped,
                    satisfied=check.answer_satisfied,
                    words=check.answer_words,
                    method=check.answer_method,
                    at=check.answer_at,
                )
            )
    # What was merged into this case brought its notes and (told by its own entries) its story.
    whole = {case.pk, *(message.first_case_id for message in messages)}  # type: ignore[attr-defined]
    notes = sorted(Note.objects.filter(case_id__in=whole), key=lambda note: note.pk) if names else []
    things = [(case.noun(), case.pk)]
    if voice is not None and voice.first_case_id != case.pk:
        things.append((case.noun(), voice.first_case_id))
    things += [(row.noun(), row.pk) for row in (*messages, *tasks, *checks, *notes, *answers)]
    asides = _asides(case, reader) if reader is not None else {}
    things += asides
    entries = sorted(Entry.objects.about_any(things).order_by(), key=lambda entry: entry.pk)
    if voice is not None:
        entries = _since_they_came(entries, case, voice)
    matter = Matter(case, messages, photos, tasks, task_photos, checks, notes, entries, answers, voice, asides)
    if names:
        beside = {other for entry in entries if (other := _other_case(entry)) is not None}
        if beside:
            matter.numbers = dict(Case.objects.filter(pk__in=beside).values_list("pk", "number"))
        held = {entry.post_id for entry in entries if entry.post_id is not None}
        posts = Post.objects.filter(pk__in=held).select_related("place", "user")
        matter.posts = {post.pk: post for post in posts}
        matter.users = {post.user_id: post.user for post in matter.posts.values()}
        matter.stand_ins = stand_ins_behind(entries)
        others = {entry.by_id for entry in entries if entry.by_id is not None} - set(matter.users)
        if others:
            matter.users |= User.objects.in_bulk(others)
    return matter


def _asides(case: Case, reader: User) -> dict[tuple[str, int], Aside]:
    """Rulings, parts, slips and whistles of a case, in one statement."""
    # The cast: in a union PostgreSQL takes a bare NULL for words.
    no_words, no_day = Value("", output_field=CharField()), Cast(Value(None), DateTimeField())

    def rows(found: Any, noun: str, asked: Any, answered: Any, role: Any, number: Any, day: Any = no_day) -> Any:
        return (
            found.order_by()
            .annotate(
                a_noun=Value(noun, output_field=CharField()),
                a_asked=asked,
                a_answered=answered,
                a_role=role,
                a_place=F("place__name"),
                a_number=number,
                a_day=day,
            )
            .values_list("a_noun", "pk", "a_asked", "a_answered", "a_role", "a_place", "a_number", "a_day")
        )

    rulings, parts = Ruling.objects.filter(case=case), CoHandler.objects.filter(case=case)
    slips = Slip.objects.visible_to(reader).filter(case=case)
    whistles = Whistle.objects.visible_to(reader).about(case)
    found = rows(rulings, Ruling.noun(), F("reason"), F("words"), no_words, no_words).union(
        rows(parts, CoHandler.noun(), F("need"), no_words, F("role"), no_words),
        rows(slips, Slip.noun(), no_words, F("answer"), F("role"), F("number")),
        rows(whistles, Whistle.noun(), F("need"), F("result"), no_words, no_words, F("blown_at")),
        all=True,
    )
    return {
        (noun, pk): Aside(
            noun,
            pk,
            asked,
            answered,
            position_words(role, place) if role else "",
            number or (Whistle(pk=pk, blown_at=day).number if day is not None else ""),
        )
        for noun, pk, asked, answered, role, place, number, day in found
    }


def _other_case(entry: Entry) -> int | None:
    """The case that an entry puts together with this one, or takes apart from it."""
    name = {
        "cases.CasesMerged": "target_id",
        "cases.CasesUnmerged": "target_id",
        "cases.VoicesCame": "from_case_id",
        "cases.VoicesLeft": "to_case_id",
    }.get(entry.event)
    return entry.data[name] if name is not None else None


def _since_they_came(entries: list[Entry], case: Case, voice: Voice) -> list[Entry]:
    """What happened to a voice: its own message, its first case until that was merged, this case from then on."""
    came, noun, own = voice.joined_at, case.noun(), (Message.noun(), voice.message_id)
    if voice.first_case_id != case.pk:
        merged = [entry.at for entry in entries if entry.event == "cases.CasesMerged" and entry.object_id != case.pk]
        came = max(merged, default=came)
    before = (noun, voice.first_case_id) if voice.first_case_id != case.pk else None
    return [
        entry for entry in entries if came is None or entry.at >= came or (entry.noun, entry.object_id) in (own, before)
    ]


def position_words(role: str, place_name: str) -> str:
    """ "Grid worker, grid 3": a position in words."""
    return _("%(role)s, %(place)s") % {"role": Role(role).label, "place": place_name}


_ICONS = {
    "channels.MessageReceived": "inbox",
    "cases.CaseSorted": "list",
    "cases.CasePlaced": "pin",
    "cases.CaseAssigned": "send",
    "cases.CaseTakenBack": "undo",
    "cases.CasePaused": "clock",
    "cases.CaseResumed": "clock",
    "cases.DeadlineExtended": "calendar",
    "cases.NoteAdded": "list",
    "cases.CaseAwaitsCheck": "eye",
    "cases.CaseReopened": "undo",
    "cases.CaseWithdrawn": "cross",
    "cases.CaseReferred": "external",
    "cases.CaseExcluded": "minus",
    "cases.CaseEscalated": "flag",
    "cases.ReporterContacted": "phone",
    "cases.CasesMerged": "people",
    "cases.VoicesCame": "people",
    "cases.CasesUnmerged": "undo",
    "cases.VoicesLeft": "undo",
    "cases.VoiceJoined": "people",
    "cases.VoiceWithdrawn": "cross",
    "cases.RulingAsked": "people",
    "cases.RulingMade": "check",
    "cases.RulingDropped": "minus",
    "cases.PartAsked": "people",
    "cases.PartDone": "check",
    "cases.PartReturned": "undo",
    "cases.PartDropped": "minus",
    "cases.SlipOpened": "flag",
    "cases.SlipAnswered": "reply",
    "cases.SlipDropped": "minus",
    "whistles.WhistleBlown": "sound",
    "whistles.WhistleEnded": "sound",
    "whistles.WhistleCalledOff": "sound",
    "tasks.TaskAccepted": "hand",
    "tasks.TaskReturned": "undo",
    "tasks.TaskCancelled": "cross",
    "checks.CallFailed": "phone",
    "checks.AnswerGiven": "reply",
    "checks.SatisfactionGiven": "reply",
    "checks.CheckFailed": "cross",
    "checks.CheckAsked": "reply",
}
# Said twice otherwise: the case's own entry tells the same a moment later.
_ECHOES = {"cases.CaseOpened", "cases.CaseAwaitsCheck", "tasks.TaskClockChanged", "cases.CaseTakenBack"}


def staff_story(matter: Matter) -> list[Step]:
    """Everything that happened, oldest first, with who and in which post."""
    notes = {note.pk: note for note in matter.notes}
    tasks = {task.pk: task for task in matter.tasks}
    checks = {check.pk: check for check in matter.checks}
    names = {task.place_id: task.place.name for task in matter.tasks}
    if matter.case.lead_place is not None:
        names[matter.case.lead_place.pk] = matter.case.lead_place.name
    steps: list[Step] = []
    joined = 0  # voices in a row: one line tells of them all
    for entry in matter.entries:
        if entry.event in _ECHOES or _told_by_the_check(entry, checks):
            continue
        if entry.event == "channels.MessageReceived" and matter.message and entry.object_id != matter.message.pk:
            continue  # told by the step through which that voice came to the case
        aside = matter.asides.get((entry.noun, entry.object_id))
        if entry.event == "cases.SlipOpened" and aside is not None and steps and steps[-1].at == entry.at:
            # The step up and its slip are one thing.
            steps[-1].fact, steps[-1].url = f"{aside.number} · {aside.who}", _address(aside)
            continue
        if entry.event == "cases.VoiceJoined":
            joined += 1
            if joined > 1:
                steps[-1].title = ngettext(
                    "%(count)d more person reported the same", "%(count)d more people reported the same", joined
                ) % {"count": joined}
                continue
        else:
            joined = 0
        step = Step(
            at=entry.at,
            title=str(event_type(entry.event).label),
            icon=_ICONS.get(entry.event, "check"),
            by=_who(entry, matter),
            entry_id=entry.pk,
        )
        data = entry.data
        if aside is not None:
            _tell_aside(step, entry, aside)
        elif entry.event == "cases.NoteAdded" and data["note_id"] in notes:
            step.words = notes[data["note_id"]].text
        elif entry.event == "tasks.TaskReported" and data["task_id"] in tasks:
            step.words = tasks[data["task_id"]].words
            step.photos = [photo for photo in matter.task_photos if photo.task_id == data["task_id"]]
        elif entry.event == "tasks.TaskReturned" and data["task_id"] in tasks:
            step.words, step.tone = tasks[data["task_id"]].return_reason, "is-wrong"
        elif entry.event == "cases.CaseSorted":
            node = category_by_id(data["category_id"])
            step.fact = node.name if node is not None else ""
        elif (other := _other_case(entry)) is not None:
            step.fact = _("No. %(number)s") % {"number": matter.numbers.get(other, "")}
        elif entry.event == "cases.CaseAssigned":
            step.fact = position_words(data["role"], names[data["place_id"]]) if data["place_id"] in names else ""
        elif entry.event == "tasks.TaskOpened" and data["task_id"] in tasks:
            task = tasks[data["task_id"]]
            step.fact = position_words(task.role, task.place.name)
        elif entry.event in ("checks.CheckPassed", "checks.CheckFailed") and data["check_id"] in checks:
            check = checks[data["check_id"]]
            step.title, step.words = check.get_result_display(), check.words
            step.tone = "is-wrong" if entry.event == "checks.CheckFailed" else ""
            if check.method == Method.ANSWERS:
                step.title = _("Those who reported it say that it helped")
            elif check.satisfied and check.method != Method.SITE:
                step.fact = check.get_satisfied_display()
        elif entry.event == "checks.AnswerGiven" and data["check_id"] in checks:
            answer = matter.answer_of(checks[data["check_id"]], data["message_id"])
            if answer is not None:
                step.title = _("A reporter says: it helped") if answer.helped else _("A reporter says: it did not help")
                step.fact = answer.get_satisfied_display() if answer.satisfied else ""
                step.words, step.tone = answer.words, "" if answer.helped else "is-wrong"
        elif entry.event == "cases.CasePaused":
            step.words = matter.case.pause_reason
        elif entry.event == "cases.DeadlineExtended":
            step.words = matter.case.extension_reason
        elif entry.event == "cases.CaseReopened":
            step.tone = "is-wrong"
        if steps and step.fact == steps[-1].fact:
            step.fact = ""  # said in the line above
        steps.append(step)
    return steps


def _address(aside: Aside) -> str:
    name = {Ruling.noun(): "ruling", Slip.noun(): "slip", Whistle.noun(): "whistle"}.get(aside.noun)
    return reverse(f"workbench:{name}", kwargs={"pk": aside.pk}) if name is not None else ""


def _tell_aside(step: Step, entry: Entry, aside: Aside) -> None:
    """What was asked or answered beside the case, in the words of who did."""
    step.url = _address(aside)
    step.fact = " · ".join(words for words in (aside.number, aside.who) if words)
    match entry.event:
        case "cases.RulingAsked":
            step.fact, step.words = str(Ruling.Kind(entry.data["kind"]).label), aside.asked
        case "cases.RulingMade":
            state = Ruling.State.AGREED if entry.data["agreed"] else Ruling.State.REFUSED
            step.fact, step.words = str(state.label), aside.answered
        case "cases.PartAsked" | "whistles.WhistleBlown":
            step.words = aside.asked
        case "cases.SlipAnswered" | "whistles.WhistleEnded" | "whistles.WhistleCalledOff":
            step.words = aside.answered
        case "cases.PartReturned":
            step.tone = "is-wrong"


def _told_by_the_check(entry: Entry, checks: dict[int, Check]) -> bool:
    """One reporter's answer ended the check: its conclusion tells the same."""
    check = checks.get(entry.data["check_id"]) if entry.event == "checks.AnswerGiven" else None
    return check is not None and check.method in (Method.LINK, Method.PHONE, Method.SMS)


def _who(entry: Entry, matter: Matter) -> str:
    if entry.by_id is None:
        by_reporter = entry.event in (
            "channels.MessageReceived",
            "cases.CaseWithdrawn",
            "cases.CasesMerged",
            "cases.VoicesCame",
            "cases.VoiceJoined",
            "cases.VoiceWithdrawn",
            "checks.CheckPassed",
            "checks.CheckFailed",
            "checks.AnswerGiven",
            "checks.SatisfactionGiven",
        )
        return _("the reporter") if by_reporter else _("by rule")
    user = matter.users.get(entry.by_id)
    name = str(user) if user is not None else _("a former colleague")
    post = matter.posts.get(entry.post_id) if entry.post_id is not None else None
    return with_post(name, post, matter.stand_ins.get(entry.data.get("stand_in", 0)))


def stand_ins_behind(entries: Iterable[Entry]) -> dict[int, StandIn]:
    """As whose deputy these things were done. No statement when nobody was one."""
    found = {entry.data["stand_in"] for entry in entries if "stand_in" in entry.data}
    return {row.pk: row for row in StandIn.objects.filter(pk__in=found).select_related("place")} if found else {}


def with_post(name: str, post: Post | None, stand_in: StandIn | None = None) -> str:
    """Who did it, in which post, and for whom when it was as a deputy."""
    if post is None:
        return name
    if stand_in is not None:
        return _("%(name)s (%(post)s), standing in for %(position)s") % {
            "name": name,
            "post": post,
            "position": stand_in,
        }
    return _("%(name)s (%(post)s)") % {"name": name, "post": post}


def resident_story(matter: Matter, message_id: int | None = None) -> list[Step]:
    """What a reporter is told: each step in plain words, with posts and never with staff's notes.

    ``message_id``: whose story it is. The words of the other reporters are never shown.
    """
    tasks = {task.pk: task for task in matter.tasks}
    checks = {check.pk: check for check in matter.checks}
    steps: list[Step] = []
    for entry in matter.entries:
        data, told = entry.data, len(steps)
        match entry.event:
            case "channels.MessageReceived":
                steps.append(Step(entry.at, _("We have received your report"), "inbox"))
            case "cases.CaseAssigned":
                place = next((task.place.name for task in matter.tasks if task.place_id == data["place_id"]), "")
                words = position_words(data["role"], place) if place else str(Role(data["role"]).label)
                steps.append(Step(entry.at, _("It is now with: %(position)s") % {"position": words}, "send"))
            case "tasks.TaskAccepted":
                steps.append(Step(entry.at, _("Somebody is working on it"), "hand"))
            case "tasks.TaskReturned" if data.get("part_id") is not None:
                pass  # between the posts
            case "tasks.TaskReturned":
                steps.append(Step(entry.at, _("It went to the wrong post; the desk finds the right one"), "undo"))
            case "tasks.TaskReported" if data.get("part_id") is not None:
                steps.append(Step(entry.at, _("One part of it is done"), "check"))
            case "tasks.TaskReported":
                task = tasks.get(data["task_id"])
                shown = [photo for photo in matter.task_photos if photo.task_id == data["task_id"]]
                steps.append(
                    Step(
                        entry.at,
                        _("Reported as done"),
                        "check",
                        words=task.words if task is not None else "",
                        photos=shown,
                    )
                )
            case "cases.CasePaused":
                steps.append(Step(entry.at, _("The clock stands still"), "clock", words=matter.case.pause_reason))
            case "cases.CaseResumed":
                steps.append(Step(entry.at, _("The clock runs again"), "clock"))
            case "cases.DeadlineExtended":
                steps.append(
                    Step(entry.at, _("It takes longer than promised"), "calendar", words=matter.case.extension_reason)
                )
            case "checks.CheckPassed" | "checks.CheckFailed":
                check = checks.get(data["check_id"])
                failed = entry.event == "checks.CheckFailed"
                method = check.method if check is not None else ""
                own = matter.answer_of(check, message_id) if check is not None and message_id is not None else None
                if method == Method.SITE:
                    title = _("Checked by somebody else: not done") if failed else _("Checked by somebody else: done")
                elif method == Method.ANSWERS:
                    title = _("Those who reported it say that it helped")
                elif own is not None:
                    title = _("You told us: it did not help") if failed else _("You told us: it helped")
                else:
                    title = _("The reporter says: it did not help") if failed else _("The reporter says: it helped")
                steps.append(
                    Step(
                        entry.at,
                        title,
                        "cross" if failed else "check",
                        words=own.words if own is not None and method != Method.ANSWERS else "",
                        tone="is-wrong" if failed else "",
                    )
                )
            case "checks.AnswerGiven" if data["message_id"] == message_id and not _told_by_the_check(entry, checks):
                title = _("You told us: it helped") if data["helped"] else _("You told us: it did not help")
                check = checks.get(data["check_id"])
                own = matter.answer_of(check, data["message_id"]) if check is not None else None
                steps.append(Step(entry.at, title, "reply", words=own.words if own is not None else ""))
            case "cases.CaseReopened":
                steps.append(Step(entry.at, _("Taken up again"), "undo"))
            case "cases.CaseReferred":
                steps.append(Step(entry.at, _("Referred to another channel"), "external", words=matter.case.outcome))
            case "cases.CaseEscalated":
                steps.append(Step(entry.at, _("It is late: a higher post asks why"), "flag", tone="is-wrong"))
            case "cases.ReporterContacted" if data["way"] != "page":
                steps.append(Step(entry.at, _("Somebody has spoken with a reporter"), "phone"))
            case "cases.CaseClosed":
                steps.append(Step(entry.at, _("Closed"), "lock"))
            case "cases.CasesMerged":
                steps.append(Step(entry.at, _("It is handled together with what others reported"), "people"))
            case "cases.CasesUnmerged":
                steps.append(Step(entry.at, _("It is handled on its own again"), "undo"))
            case "cases.VoiceJoined" if data["message_id"] == message_id:
                steps.append(Step(entry.at, _("You joined a matter that neighbours had reported"), "people"))
            case "cases.VoiceWithdrawn" if data["message_id"] == message_id:
                steps.append(Step(entry.at, _("You withdrew your report; others still wait for it"), "cross"))
            case "cases.CaseWithdrawn" if not matter.withdrew_before(entry):
                steps.append(Step(entry.at, _("You withdrew the matter"), "cross"))
        for step in steps[told:]:
            step.entry_id, step.proof_url = entry.pk, entry.proof_url()
    return steps


def with_replies(steps: list[Step], case: Case, message_id: int) -> list[Step]:
    """The story of one reporter with what staff wrote to everybody, and what this reporter wrote."""
    written = Reply.objects.filter(
        Q(way=Reply.Way.PAGE, message=None) | Q(way=Reply.Way.WROTE, message_id=message_id), case=case
    ).select_related("post__place")
    for reply in written:
        if reply.way == Reply.Way.WROTE:
            steps.append(Step(reply.at, _("You wrote"), "edit", words=reply.text))
        else:
            who = str(reply.post) if reply.post is not None else ""
            steps.append(Step(reply.at, _("Reply from %(who)s") % {"who": who}, "reply", words=reply.text))
    return sorted(steps, key=lambda step: step.at)


def photos_of(messages: Iterable[Message], photos: Iterable[Photo]) -> list[Photo]:
    """The photos that can be shown."""
    ids = {message.pk for message in messages}
    return [photo for photo in photos if photo.message_id in ids and photo.state == Photo.State.READY]
