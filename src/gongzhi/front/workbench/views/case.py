"""One case: its story, its facts, and what this person may do next."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.front.clock_words import Clock, case_clock, moment_words, running_clock
from gongzhi.front.story import Matter, Step, photos_of, position_words, read_matter, staff_story
from gongzhi.front.workbench.forms.cases import (
    ExtendForm,
    HandOverForm,
    NoteForm,
    PauseForm,
    ReopenForm,
    ResumeForm,
    RevealForm,
)
from gongzhi.front.workbench.rows import place_words, state_tag
from gongzhi.front.workbench.views.today import address
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import positions_of
from gongzhi.ground.accounts.models import User
from gongzhi.ground.privacy.actions import lookups_about, reveal
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.asides import asked_whose
from gongzhi.understand.cases.models import Case, CoHandler, State
from gongzhi.understand.cases.responsibility import positions_at
from gongzhi.understand.cases.tree import category_by_id
from gongzhi.understand.cases.voices import JOINABLE
from gongzhi.verify.checks.models import State as CheckState

# What a person may do here, as the page asks it: the verb, and the states in which the move exists.
MOVES = {
    "sort": ("cases.sort", {State.NEW, State.ASSIGNED}),
    "assign": ("cases.assign", {State.ASSIGNED}),
    "pause": ("cases.pause", {State.ASSIGNED}),
    "resume": ("cases.pause", {State.PAUSED}),
    "extend": ("cases.extend", {State.ASSIGNED}),
    "reopen": ("cases.assign", {State.CLOSED}),
    "merge": ("cases.merge", set(JOINABLE)),
    "unmerge": ("cases.merge", {State.MERGED}),
    "voice": ("cases.enter", set(JOINABLE)),
    "refer": ("cases.assign", {State.NEW, State.ASSIGNED}),
    "exclude": ("cases.assign", set(State) - {State.WITHDRAWN, State.MERGED}),
    "part": ("cases.assign", {State.ASSIGNED, State.PAUSED}),
}


def find_case(number: str, person: User) -> Case:
    """The case, if the person may see it; else it is not there."""
    rows = Case.objects.select_related("place__parent", "lead_place", "merged_into").filter(number=number)
    case = next(iter(rows.visible_to(person)), None)  # the number is unique: first() would sort for nothing
    if case is None:
        case = next(iter(rows.shared_with(person)), None)  # a co-handler sees what they have a part in
    if case is None:
        raise NotThere()
    case.category = category_by_id(case.category_id)
    return case


def changes_since(matter: Matter, seen: int) -> list[Step]:
    """What happened to the case after the version that somebody had in front of them."""
    noun = matter.case.noun()
    newer = {entry.pk for entry in matter.entries if entry.noun == noun and entry.seq > seen}
    return [step for step in staff_story(matter) if step.entry_id in newer]


def may_do(case: Case, person: User, now: datetime) -> dict[str, bool]:
    """The moves that state and posts allow. No query but for a co-handler: the posts are known already."""
    able = {
        name: case.state in states and holding(person, verb, case.place_path, now) is not None
        for name, (verb, states) in MOVES.items()
    }
    leads = (case.lead_role, case.lead_place_id) in positions_of(person)
    able["leads"] = leads
    able["part"] = able["part"] or (leads and case.state in MOVES["part"][1])
    able["exclude"] = able["exclude"] and case.excluded_at is None
    sees = holding(person, "cases.read", case.place_path, now) is not None
    answers = leads or (sees and holding(person, "cases.note", case.place_path, now) is not None)
    able["note"] = answers or CoHandler.objects.filter(case=case).at_hand(person).exists()
    able["contact"] = answers and case.state not in (State.WITHDRAWN, State.MERGED)
    able["see checks"] = sees or holding(person, "checks.check", case.place_path, now) is not None
    able["check"] = case.state == State.TO_CHECK and holding(person, "checks.check", case.place_path, now) is not None
    able["reveal"] = holding(person, "privacy.reveal", case.place_path, now) is not None
    return able


class CasePage(Guarded):
    """The page of a case. Each move has a page of its own, and comes back here."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        matter = read_matter(case, reader=self.person)
        able = may_do(case, self.person, self.now)
        message = matter.message
        above = case.place.parent.name if case.place.parent is not None else None
        context: dict[str, Any] = {
            "case": case,
            "matter": matter,
            "message": message,
            "state_html": state_tag(case.state),
            "clock_html": clock_of(case, self.now).html,
            "place_words": place_words(case.place.name, case.place.level, above) if case.placed else "",
            "lead": lead_words(case),
            "channel": message.get_channel_display() if message is not None else "",
            "story": staff_story(matter),
            "photos": photos_of(matter.messages, matter.photos),
            "may": able,
            "next": next_step(matter, able, self.person, self.now),
            "tasks": [
                {
                    "task": task,
                    "url": address("workbench:task", task.pk),
                    "who": position_words(task.role, task.place.name),
                    "clock": running_clock(task.due_at, task.yellow_at, self.now).html if task.waits else "",
                }
                for task in reversed(matter.tasks)
            ],
            "checks": [
                {"check": check, "url": address("workbench:check", check.pk) if able["see checks"] else ""}
                for check in reversed(matter.checks)
            ],
        }
        response = render(self.request, "workbench/case.html", context)
        response["Cache-Control"] = "private, no-store"
        return response


def clock_of(case: Case, now: datetime) -> Clock:
    return case_clock(
        state=case.state,
        due=case.due_at,
        yellow=case.yellow_at,
        review_on=case.review_on,
        closed_at=case.closed_at,
        now=now,
    )


def lead_words(case: Case) -> str:
    if case.lead_role and case.lead_place is not None:
        return position_words(case.lead_role, case.lead_place.name)
    return ""


def unit_words(case: Case, now: datetime) -> str:
    """In which unit the deadline of this case is counted: "working days"."""
    span = Span.parse(rule(case.deadline_rule, path=case.place_path, on=timezone.localdate(now)))
    return str(span.unit.label)


def next_step(matter: Matter, able: dict[str, bool], person: User, now: datetime) -> dict[str, Any]:
    """Who does what by when, in one sentence, and the one button that belongs to it."""
    case = matter.case
    who = lead_words(case)
    match case.state:
        case State.NEW:
            ruling = asked_whose(case)
            if ruling is not None:
                rules = ruling.asked_by_id != person.pk and holding(person, "cases.rule", ruling.place_path, now)
                return {
                    "title": _("%(place)s rules whose this is, by %(moment)s")
                    % {"place": ruling.place.name, "moment": moment_words(ruling.due_at, now)},
                    "words": _("Until then it is led by: %(who)s.") % {"who": who},
                    "button": _("Rule") if rules else _("See the question"),
                    "url": address("workbench:ruling", ruling.pk),
                    "icon": "check" if rules else "eye",
                }
            if able["sort"]:
                url = reverse("workbench:inbox_case", args=[case.number])
                return {
                    "title": _("Say what it is, and who takes care of it"),
                    "button": _("Sort and assign"),
                    "url": url,
                    "icon": "assign",
                }
            return {"title": _("The desk finds out who takes care of it")}
        case State.ASSIGNED:
            task = matter.task
            if able["leads"] and task is not None and task.waits:
                return {
                    "title": _("It is yours: %(who)s") % {"who": who},
                    "button": _("Open the work order"),
                    "url": address("workbench:task", task.pk),
                    "icon": "hand",
                }
            return {"title": _("%(who)s takes care of it") % {"who": who}}
        case State.PAUSED:
            return {"title": _("The clock stands still"), "words": case.pause_reason, "review_on": case.review_on}
        case State.TO_CHECK:
            check = matter.check
            if check is not None and check.state == CheckState.ASKED:
                return {"title": _("The reporter is asked whether it helped"), "until": check.answer_until}
            url = address("workbench:check", check.pk) if check is not None and able["check"] else ""
            return {
                "title": _("Somebody else looks whether it is done"),
                "button": _("Check it"),
                "url": url,
                "icon": "eye",
            }
        case State.CLOSED:
            return {"title": _("Closed"), "words": case.get_closed_as_display()}
        case State.MERGED if case.merged_into is not None:
            return {
                "title": _("Handled with another case"),
                "words": case.merged_into.summary,
                "button": _("Open No. %(number)s") % {"number": case.merged_into.number},
                "url": reverse("workbench:case", args=[case.merged_into.number]),
                "icon": "people",
            }
        case State.REFERRED:
            return {"title": _("Referred: %(kind)s") % {"kind": case.get_referral_display()}, "words": case.outcome}
        case _:
            return {"title": _("The reporter withdrew the matter")}


class CaseMove(Guarded):
    """Something done to a case: a page with one form and one button, then back to the case."""

    verb = "tasks.work"
    name: ClassVar[str]  # as may_do knows it
    title: ClassVar[Promise]
    words: ClassVar[Promise]  # what happens when the button is pressed
    button: ClassVar[Promise]
    icon: ClassVar[str]
    template: ClassVar[str] = "workbench/case_move.html"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        if not may_do(case, self.person, self.now)[self.name]:
            return redirect("workbench:case", number=case.number)
        return self.draw(case, self.form(case))

    def post(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        form = self.form(case, request.POST)
        if not form.is_valid():
            return self.draw(case, form, status=422)
        try:
            return self.move(case, form.cleaned_data)
        except cases.StaleEdit as stale:
            form.add_error(None, str(stale.reason))
            fresh = find_case(number, self.person)
            changes = changes_since(read_matter(fresh), stale.seen)
            return self.draw(fresh, form, changes=changes, status=stale.status)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.draw(find_case(number, self.person), form, status=refusal.status)

    def draw(
        self,
        case: Case,
        form: forms.Form,
        *,
        changes: list[Step] | None = None,
        status: int = 200,
        **more: Any,
    ) -> HttpResponse:
        """The page of the move, with what was typed and what has to be mended."""
        context = {
            "case": case,
            "form": form,
            "changes": changes,
            "title": self.title,
            "words": self.words,
            "button": self.button,
            "icon_name": self.icon,
            "lead": lead_words(case),
            "state_html": state_tag(case.state),
            "clock_html": clock_of(case, self.now).html,
            **more,
        }
        response = render(self.request, self.template, context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response

    def form(self, case: Case, given: QueryDict | None = None) -> forms.Form:
        raise NotImplementedError

    def act(self, case: Case, data: dict[str, Any]) -> None:
        raise NotImplementedError

    def move(self, case: Case, data: dict[str, Any]) -> HttpResponse:
        self.act(case, data)
        response = redirect("workbench:case", number=case.number)
        response.status_code = 303
        return response


class Pause(CaseMove):
    name = "pause"
    title = gettext_lazy("Pause")
    words = gettext_lazy("The clock stops: nobody is late while we wait. On the day you name, it comes up again.")
    button = gettext_lazy("Stop the clock")
    icon = "pause"

    def form(self, case: Case, given: QueryDict | None = None) -> PauseForm:
        return PauseForm(given, today=timezone.localdate(self.now))

    def act(self, case: Case, data: dict[str, Any]) -> None:
        cases.pause_case(
            case_id=case.pk,
            kind=data["kind"] or Case.Pause.REPORTER,
            reason=data["reason"],
            review_on=data["review_on"],
            version=data["version"],
            by=self.person,
            now=self.now,
        )


class Resume(CaseMove):
    name = "resume"
    title = gettext_lazy("Let the clock run again")
    words = gettext_lazy("What was left of the time when the clock stopped is left now.")
    button = gettext_lazy("Let the clock run again")
    icon = "clock"

    def form(self, case: Case, given: QueryDict | None = None) -> ResumeForm:
        return ResumeForm(given)

    def act(self, case: Case, data: dict[str, Any]) -> None:
        cases.resume_case(case_id=case.pk, version=data["version"], by=self.person, now=self.now)


class Extend(CaseMove):
    name = "extend"
    title = gettext_lazy("Give it more time")
    words = gettext_lazy("The reporter is told the new deadline and why.")
    button = gettext_lazy("Extend the deadline")
    icon = "calendar"

    def form(self, case: Case, given: QueryDict | None = None) -> ExtendForm:
        form = ExtendForm(given)
        if case.deadline_rule:
            form.fields["amount"].help_text = _("Counted in %(unit)s, from the present deadline on.") % {
                "unit": unit_words(case, self.now)
            }
        return form

    def act(self, case: Case, data: dict[str, Any]) -> None:
        cases.extend_deadline(
            case_id=case.pk,
            amount=data["amount"],
            reason=data["reason"],
            version=data["version"],
            by=self.person,
            now=self.now,
        )


class WriteNote(CaseMove):
    name = "note"
    title = gettext_lazy("A note for colleagues")
    words = gettext_lazy("It stands in the story of the case for all colleagues. The reporter does not see it.")
    button = gettext_lazy("Keep the note")
    icon = "plus"

    def form(self, case: Case, given: QueryDict | None = None) -> NoteForm:
        return NoteForm(given)

    def act(self, case: Case, data: dict[str, Any]) -> None:
        cases.add_note(case_id=case.pk, text=data["text"], by=self.person, now=self.now)


class Reopen(CaseMove):
    name = "reopen"
    title = gettext_lazy("Take it up again")
    words = gettext_lazy("The post that led it gets a new work order, with a new deadline.")
    button = gettext_lazy("Take it up again")
    icon = "undo"

    def form(self, case: Case, given: QueryDict | None = None) -> ReopenForm:
        return ReopenForm(given)

    def act(self, case: Case, data: dict[str, Any]) -> None:
        cases.reopen_case(case_id=case.pk, reason=data["reason"], version=data["version"], by=self.person, now=self.now)


class HandOver(CaseMove):
    name = "assign"
    title = gettext_lazy("Hand over")
    words = gettext_lazy("The present work order ends; the new post gets one with the same deadline.")
    button = gettext_lazy("Hand over")
    icon = "assign"

    def form(self, case: Case, given: QueryDict | None = None) -> HandOverForm:
        held = positions_at(case.place_path, timezone.localdate(self.now))
        here = (case.lead_role, case.lead_place_id)
        others = [position for position in held if (position.role, position.place_id) != here]
        choices = [("", _("Choose …")), *((position.code, str(position)) for position in others)]
        return HandOverForm(given, positions=choices)

    def act(self, case: Case, data: dict[str, Any]) -> None:
        role, _at, place = data["position"].partition("@")
        cases.assign_case(
            case_id=case.pk,
            role=role,
            place_id=int(place),
            version=data["version"],
            by=self.person,
            now=self.now,
        )


class RevealReporter(CaseMove):
    """Name or telephone number of a reporter in plain letters, once, after the look is on record; and who looked."""

    name = "reveal"
    title = gettext_lazy("The reporter")
    words = gettext_lazy("Names and telephone numbers are kept sealed. A look needs a reason and is recorded.")
    button = gettext_lazy("Show it once")
    icon = "unlock"
    template = "workbench/case_reveal.html"

    def form(self, case: Case, given: QueryDict | None = None) -> RevealForm:
        return RevealForm(given)

    def draw(self, case: Case, form: forms.Form, **more: Any) -> HttpResponse:
        told = Message.objects.filter(Q(voice__case=case) | Q(voice__first_case=case)).order_by("voice__id")
        chosen = self.request.GET.get("message", "") or self.request.POST.get("message", "")
        if chosen.isascii() and chosen.isdigit() and len(chosen) < 19:
            told = told.filter(pk=int(chosen))
        message = told.first()
        looks = list(lookups_about("channels.Message", message.pk)[:50]) if message is not None else []
        return super().draw(case, form, message=message, lookups=looks, **more)

    def move(self, case: Case, data: dict[str, Any]) -> HttpResponse:
        told = Message.objects.filter(Q(voice__case=case) | Q(voice__first_case=case))
        message = told.filter(pk=data["message"]).first()
        if message is None:
            raise NotThere()
        if not message.place_path:
            # A message is not altered after it came in; one without a place belongs where its case lies now.
            message.place_path = case.place_path
        plain = reveal(message, data["field"], by=self.person, reason=data["reason"], now=self.now)
        return self.draw(case, RevealForm(), revealed={"field": data["field"], "plain": plain})
