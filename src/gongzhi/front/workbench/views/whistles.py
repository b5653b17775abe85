"""Whistles: the street calls, the units answer, and the street ends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.whistles import actions as whistles
from gongzhi.act.whistles.models import (
    APPRAISED,
    CAME,
    Appraisal,
    Invitation,
    Kind,
    Side,
    State,
    UnitState,
    Whistle,
)
from gongzhi.front.clock_words import Clock, moment_words, running_clock
from gongzhi.front.story import Step, stand_ins_behind, with_post
from gongzhi.front.workbench.forms.whistles import (
    AppraisalForm,
    BlowForm,
    CallOffForm,
    DeclineForm,
    EndForm,
    MeasuresForm,
    RulingForm,
)
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import positions_of, posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.events import label_of
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases.models import Case

A_PAGE = 50
UNIT_TAGS = {
    UnitState.CALLED: ("blue", "send"),
    UnitState.ACCEPTED: ("", "hand"),
    UnitState.DECLINED: ("amber", "undo"),
    UnitState.EXCUSED: ("", "minus"),
    UnitState.ARRIVED: ("", "pin"),
    UnitState.DONE: ("green", "check"),
    UnitState.ABSENT: ("red", "cross"),
    UnitState.RELEASED: ("", "minus"),
}


def clock_of(whistle: Whistle, now: datetime) -> Clock:
    """Until when the units arrive; still once nobody is awaited."""
    if not whistle.is_open:
        return Clock("done" if whistle.state == State.ENDED else "still", whistle.get_state_display())
    units = whistle.invitations.all()
    if units and not any(one.awaited for one in units):
        return Clock("green", _("everybody is there"))
    return running_clock(whistle.arrive_by, None, now)


def refuse(form: Form, refusal: Refusal) -> None:
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))


class Whistles(Guarded):
    """The list: calls to my posts that wait for an answer, our own whistles, and the ended ones."""

    verb = "whistles.answer"

    def get(self, request: HttpRequest) -> HttpResponse:
        street = bool(posts_with(self.person, "whistles.blow"))
        shown = request.GET.get("show") or ("ours" if street else "mine")
        query = Whistle.objects.visible_to(self.person)
        mine = Invitation.objects.for_hands_of(self.person)
        if shown == "mine":
            query = query.open().filter(pk__in=mine.waiting().values("whistle_id")).order_by("arrive_by", "pk")
        elif shown == "ours" and street:
            query = query.ours(self.person).open().order_by("arrive_by", "pk")
        else:
            shown = "all"
            query = query.order_by("-blown_at", "-pk")
        invited = Prefetch("invitations", Invitation.objects.select_related("place").order_by("-leads", "pk"))
        page = Paginator(query.select_related("place").prefetch_related(invited), A_PAGE).get_page(
            request.GET.get("page")
        )
        rows = [
            {
                "whistle": whistle,
                "clock": clock_of(whistle, self.now),
                "units": whistle.invitations.all(),
                "late": sum(1 for one in whistle.invitations.all() if whistle.is_open and one.awaited)
                if whistle.arrive_by < self.now
                else 0,
            }
            for whistle in page.object_list
        ]
        context = {"page": page, "total": page.paginator.count, "rows": rows, "shown": shown, "street": street}
        return render(request, "workbench/whistles.html", context)


class WhistleNew(Guarded):
    """Blow the whistle."""

    verb = "whistles.blow"

    def places(self) -> list[Place]:
        held = {post.place_id: post.place for post in posts_with(self.person, self.verb)}
        return list(held.values())

    def form(self, given: QueryDict | None = None, initial: dict[str, Any] | None = None) -> BlowForm:
        places = self.places()
        on = timezone.localdate(self.now)
        posts = {
            (post.role, post.place_id): post
            for place in places
            for post in whistles.units_for(place.path, on)
            if post.role != "grid_worker" and post.place_id not in {one.pk for one in places}
        }
        return BlowForm(
            given, initial=initial, places=[(one.pk, one.name) for one in places], posts=list(posts.values())
        )

    def get(self, request: HttpRequest) -> HttpResponse:
        number = request.GET.get("case", "")[:14]
        initial: dict[str, Any] = {}
        case = Case.objects.visible_to(self.person).filter(number=number).first() if number else None
        if case is not None:
            initial = {"cases": case.number, "need": case.summary, "site": case.address}
            street = next((one for one in self.places() if case.place_path.startswith(one.path)), None)
            if street is not None:
                initial["place"] = str(street.pk)
        return self.show(request, self.form(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self.show(request, form, status=422)
        data = form.cleaned_data
        found = list(Case.objects.visible_to(self.person).filter(number__in=data["cases"]))
        if len(found) != len(data["cases"]):
            form.add_error("cases", _("One of these cases does not lie in this street."))
            return self.show(request, form, status=422)
        place = next(one for one in self.places() if str(one.pk) == data["place"])
        try:
            whistle = whistles.blow_whistle(
                place=place,
                kind=data["kind"],
                need=data["need"],
                site=data["site"],
                units=data["called"],
                lead=data["lead_at"],
                cases=found,
                within=data["within"],
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            refuse(form, refusal)
            return self.show(request, form, status=refusal.status)
        return redirect("workbench:whistle", pk=whistle.pk)

    def show(self, request: HttpRequest, form: BlowForm, status: int = 200) -> HttpResponse:
        path = self.places()[0].path
        limits = [
            {"label": Kind(kind).label, "span": whistles.span_of(kind, self.now, path).in_words()}
            for kind in Kind.values
        ]
        return render(request, "workbench/whistle_new.html", {"form": form, "limits": limits}, status=status)


@dataclass
class UnitLine:
    """One called unit as the page shows it."""

    row: Invitation
    tag: tuple[str, str]
    mine: bool
    late: bool
    appraisals: list[Appraisal]  # those that this person may read
    may_appraise: bool


class WhistleView(Guarded):
    verb = "whistles.answer"

    def found(self, pk: int) -> Whistle:
        invited = Prefetch("invitations", Invitation.objects.select_related("place").order_by("-leads", "pk"))
        whistle = (
            Whistle.objects.visible_to(self.person)
            .select_related("place", "blown_by", "ended_by", "post__place")
            .prefetch_related(invited, "whistle_cases__case")
            .filter(pk=pk)
            .first()
        )
        if whistle is None:
            raise Http404
        for one in whistle.invitations.all():
            one.whistle = whistle
        return whistle

    def is_street(self, whistle: Whistle) -> bool:
        return holding(self.person, "whistles.blow", whistle.place_path, self.now) is not None

    def lines(self, whistle: Whistle) -> list[UnitLine]:
        held = positions_of(self.person)
        own_positions = positions_of(self.person, own=True)  # a deputy answers for the unit, and appraises nobody
        street = self.is_street(whistle)
        given: dict[int, list[Appraisal]] = {}
        for one in Appraisal.objects.filter(invitation__whistle=whistle).order_by("pk"):
            given.setdefault(one.invitation_id, []).append(one)
        lines = []
        for row in whistle.invitations.all():
            mine = (row.role, row.place_id) in held
            unit = (row.role, row.place_id) in own_positions
            own = Side.UNIT if unit else Side.STREET
            said = given.get(row.pk, [])
            spoken = any(one.side == own for one in said)
            readable = said if len(said) == 2 else [one for one in said if one.side == own]
            able = whistle.state == State.ENDED and row.state in APPRAISED and (unit or street) and not spoken
            lines.append(
                UnitLine(
                    row=row,
                    tag=UNIT_TAGS[UnitState(row.state)],
                    mine=mine,
                    late=row.is_late(self.now) or row.was_late(whistle.arrive_by),
                    appraisals=readable if unit or street else [],
                    may_appraise=able,
                )
            )
        return lines

    def show(
        self, request: HttpRequest, whistle: Whistle, *, status: int = 200, **forms: Form | Invitation | None
    ) -> HttpResponse:
        lines = self.lines(whistle)
        mine = next((line for line in lines if line.mine), None)
        street = self.is_street(whistle)
        may_rule = holding(self.person, "whistles.rule", whistle.place_path, self.now) is not None
        cases = [link.case for link in whistle.whistle_cases.all()]
        readable = set(
            Case.objects.visible_to(self.person).filter(pk__in=[one.pk for one in cases]).values_list("pk", flat=True)
        )
        context: dict[str, Any] = {
            "whistle": whistle,
            "lines": lines,
            "mine": mine,
            "street": street,
            "may_rule": may_rule,
            "clock": clock_of(whistle, self.now),
            "arrive_words": moment_words(whistle.arrive_by, self.now),
            "missed": whistle.is_open and whistle.arrive_by < self.now,
            "declined": [line for line in lines if line.row.state == UnitState.DECLINED],
            "came": sum(1 for line in lines if line.row.state in CAME),
            "cases": [{"case": one, "readable": one.pk in readable} for one in cases],
            "story": whistle_story(whistle),
            "decline_form": DeclineForm(auto_id="decline_%s"),
            "ruling_form": RulingForm(auto_id="ruling_%s"),
            "measures_form": MeasuresForm(auto_id="measures_%s"),
            "appraisal_form": AppraisalForm(auto_id="appraisal_%s"),
            "end_form": EndForm(auto_id="end_%s"),
            "off_form": CallOffForm(auto_id="off_%s"),
            **forms,
        }
        return render(request, "workbench/whistle.html", context, status=status)


def whistle_story(whistle: Whistle) -> list[Step]:
    """What happened, oldest first. Appraisals are told beside their unit, not here."""
    units = {one.pk: one for one in whistle.invitations.all()}
    things = [(whistle.noun(), whistle.pk), *((one.noun(), one.pk) for one in units.values())]
    entries = list(Entry.objects.about_any(things))
    posts = {
        post.pk: post
        for post in Post.objects.filter(
            pk__in={entry.post_id for entry in entries if entry.post_id is not None}
        ).select_related("place")
    }
    deputies = stand_ins_behind(entries)
    users = User.objects.in_bulk({entry.by_id for entry in entries if entry.by_id is not None})
    steps = []
    for entry in entries:
        if entry.event == "whistles.UnitCalled":
            continue  # the list of units says it
        unit = units.get(entry.data.get("invitation_id", 0))
        name = str(users.get(entry.by_id, "")) if entry.by_id is not None else _("by rule")
        post = posts.get(entry.post_id) if entry.post_id is not None else None
        step = Step(
            at=entry.at,
            title=str(label_of(entry.event)),
            fact=unit.unit if unit is not None else "",
            by=with_post(name, post, deputies.get(entry.data.get("stand_in", 0))),
            icon=_ICONS.get(entry.event, "check"),
            entry_id=entry.pk,
        )
        match entry.event:
            case "whistles.UnitDeclined" if unit is not None:
                step.words = unit.reason
            case "whistles.RefusalRuled" if unit is not None:
                step.title = _("Excused") if entry.data["excused"] else _("It was ruled: the unit comes")
                step.words = unit.ruling
            case "whistles.UnitReported" if unit is not None:
                step.words = f"{unit.measures}\n{unit.result}"
            case "whistles.UnitArrived" if entry.data["late"]:
                step.title, step.tone = _("Unit arrived late"), "is-wrong"
            case "whistles.WhistleEnded" | "whistles.WhistleCalledOff":
                step.words = whistle.result
            case "whistles.UnitMissed" | "whistles.UnitReminded":
                step.tone = "is-wrong"
        steps.append(step)
    return steps


_ICONS = {
    "whistles.WhistleBlown": "sound",
    "whistles.UnitAccepted": "hand",
    "whistles.UnitDeclined": "undo",
    "whistles.RefusalRuled": "mark",
    "whistles.UnitArrived": "pin",
    "whistles.UnitReminded": "warning",
    "whistles.UnitMissed": "cross",
    "whistles.UnitReleased": "minus",
    "whistles.WhistleCalledOff": "cross",
}


class WhistlePage(WhistleView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class WhistleMove(WhistleView):
    """What the street does with the whole whistle: end it, call it off."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:whistle", pk=pk)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        whistle = self.found(pk)
        form, name = self.form(request.POST), self.name
        if not form.is_valid():
            return self.show(request, whistle, status=422, **{name: form})
        try:
            self.act(pk, form.cleaned_data)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            refuse(form, refusal)
            return self.show(request, self.found(pk), status=refusal.status, **{name: form})
        return redirect("workbench:whistle", pk=pk)

    name: str

    def form(self, given: QueryDict) -> Form:
        raise NotImplementedError

    def act(self, pk: int, data: dict[str, Any]) -> None:
        raise NotImplementedError


class WhistleEnd(WhistleMove):
    name = "end_form"

    def form(self, given: QueryDict) -> Form:
        return EndForm(given, auto_id="end_%s")

    def act(self, pk: int, data: dict[str, Any]) -> None:
        whistles.end_whistle(whistle_id=pk, result=data["result"], by=self.person, now=self.now)


class WhistleOff(WhistleMove):
    name = "off_form"

    def form(self, given: QueryDict) -> Form:
        return CallOffForm(given, auto_id="off_%s")

    def act(self, pk: int, data: dict[str, Any]) -> None:
        whistles.call_off(whistle_id=pk, reason=data["reason"], by=self.person, now=self.now)


class UnitAct(WhistleView):
    """What is done about one called unit: accept, decline, rule, arrive, report, appraise."""

    FORMS = {
        "accept": ("", None),
        "arrive": ("", None),
        "decline": ("decline_form", DeclineForm),
        "rule": ("ruling_form", RulingForm),
        "report": ("measures_form", MeasuresForm),
        "appraise": ("appraisal_form", AppraisalForm),
    }

    def get(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        return redirect("workbench:whistle", pk=self.unit(pk, act).whistle_id)

    def unit(self, pk: int, act: str) -> Invitation:
        row = Invitation.objects.filter(pk=pk, whistle__in=Whistle.objects.visible_to(self.person)).first()
        if row is None or act not in self.FORMS:
            raise Http404
        return row

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        row = self.unit(pk, act)
        name, kind = self.FORMS[act]
        given: dict[str, Any] = {"invitation_id": row.pk, "by": self.person, "now": self.now}
        form = kind(request.POST, auto_id=f"{name.removesuffix('_form')}_%s") if kind is not None else None
        if form is not None and not form.is_valid():
            return self.show(request, self.found(row.whistle_id), status=422, **{name: form, "at_unit": row})
        data = form.cleaned_data if form is not None else {}
        try:
            match act:
                case "accept":
                    whistles.accept_call(**given)
                case "arrive":
                    whistles.note_arrival(**given)
                case "decline":
                    whistles.decline_call(**given, **data)
                case "rule":
                    whistles.rule_on_refusal(**given, excused=data["excused"] == "yes", words=data["words"])
                case "report":
                    whistles.report_measures(**given, **data)
                case "appraise":
                    whistles.appraise(**given, **data)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            if form is None:
                raise
            refuse(form, refusal)
            shown = {name: form, "at_unit": row}
            return self.show(request, self.found(row.whistle_id), status=refusal.status, **shown)
        return redirect("workbench:whistle", pk=row.whistle_id)


class WhistleSheet(WhistleView):
    """The call on one sheet of paper, with a code that opens it."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        whistle = self.found(pk)
        link = request.build_absolute_uri(reverse("workbench:whistle", kwargs={"pk": pk}))
        context = {
            "whistle": whistle,
            "lines": self.lines(whistle),
            "cases": [one.case for one in whistle.whistle_cases.all()],
            "code": segno.make(link, error="m").svg_data_uri(scale=3, border=1),
            "printed_at": self.now,
        }
        return render(request, "workbench/whistle_sheet.html", context)
