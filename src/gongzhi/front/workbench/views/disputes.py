"""Disputes: the mediator's list, the page of one dispute, and its papers."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, Final

import segno
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.act.disputes import actions as disputes
from gongzhi.act.disputes.links import token_of
from gongzhi.act.disputes.models import Agreement, Dispute, Meeting, Obligation, Party, State
from gongzhi.act.tasks.models import Task
from gongzhi.front.clock_words import Clock, running_clock
from gongzhi.front.story import Step
from gongzhi.front.workbench.filters import place_choices
from gongzhi.front.workbench.forms.disputes import (
    AgreementForm,
    CourtForm,
    FinishForm,
    HoldForm,
    MediatorForm,
    MeetForm,
    OpenForm,
    PartyForm,
    ReasonForm,
    ReferForm,
    TermForm,
    TerminateForm,
)
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import positions_of, posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.events import label_of
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.ground.privacy.actions import reveal
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases.models import Case

A_PAGE = 50
STATE_TAGS: Final = {
    State.OPEN: ("blue", "people"),
    State.MEDIATING: ("", "reply"),
    State.AGREED: ("amber", "eye"),
    State.PERFORMED: ("green", "check"),
    State.TERMINATED: ("", "cross"),
    State.REFERRED: ("", "external"),
}
SHEETS: Final = {
    "application": gettext_lazy("Application for mediation"),
    "record": gettext_lazy("Record of the mediation"),
    "agreement": gettext_lazy("Mediation agreement"),
    "links": gettext_lazy("Links for the parties"),
}


def clock_of(dispute: Dispute, now: datetime) -> Clock:
    """Until when: the mediation while it lasts, then the next obligation."""
    if dispute.state == State.MEDIATING:
        return running_clock(dispute.due_at, None, now)
    if dispute.state == State.AGREED:
        standing = [one for row in dispute.agreements.all() for one in row.obligations.all()]
        days = [one.due_on for one in standing if one.state == Obligation.State.OPEN]
        if days:
            end = datetime.combine(min(days), time(23, 59, 59), timezone.get_current_timezone())
            return running_clock(end, None, now)
        return Clock("green", _("all obligations looked at"))
    return Clock("done" if dispute.state == State.PERFORMED else "still", dispute.get_state_display())


class Disputes(Guarded):
    verb = "disputes.enter"

    def get(self, request: HttpRequest) -> HttpResponse:
        mediates = bool(posts_with(self.person, "disputes.mediate"))
        shown = request.GET.get("show", "live")
        query = Dispute.objects.visible_to(self.person).select_related("place", "mediator")
        query = query.prefetch_related("parties", "agreements__obligations")
        if shown == "ended":
            query = query.exclude(pk__in=Dispute.objects.live().values("pk")).order_by("-ended_at", "-pk")
        else:
            shown = "live"
            query = query.live().order_by("due_at", "pk")
        page = Paginator(query, A_PAGE).get_page(request.GET.get("page"))
        rows = [
            {
                "dispute": dispute,
                "tag": STATE_TAGS[State(dispute.state)],
                "clock": clock_of(dispute, self.now),
                "parties": len(dispute.parties.all()),
                "ready": sum(1 for party in dispute.parties.all() if party.ready),
            }
            for dispute in page.object_list
        ]
        context = {"page": page, "total": page.paginator.count, "rows": rows, "shown": shown, "mediates": mediates}
        return private(render(request, "workbench/disputes.html", context))


def private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    return response


class DisputeNew(Guarded):
    verb = "disputes.mediate"

    def form(self, given: QueryDict | None = None, initial: dict[str, Any] | None = None) -> OpenForm:
        places = place_choices(self.person, self.verb)
        return OpenForm(given, initial=initial, places=places)

    def case(self, number: str) -> Case | None:
        if not number:
            return None
        found = Case.objects.visible_to(self.person).select_related("category", "place").filter(number=number).first()
        if found is None:
            raise Http404
        return found

    def get(self, request: HttpRequest) -> HttpResponse:
        case = self.case(request.GET.get("case", "")[:14])
        initial: dict[str, Any] = {}
        if case is not None:
            # The subject stays empty: every party reads it, and the report's own words would give the reporter away.
            initial = {"case": case.number, "facts": case.summary, "place": case.place.path}
        return self.show(request, self.form(initial=initial), case)

    def post(self, request: HttpRequest) -> HttpResponse:
        case = self.case(request.POST.get("case", "")[:14])
        form = self.form(request.POST)
        if not form.is_valid():
            return self.show(request, form, case, status=422)
        data = form.cleaned_data
        try:
            place = Place.objects.filter(path=data["place"]).first()
            if place is None:
                raise Refusal(_("We do not know this place."), field="place", status=422)
            dispute = disputes.open_dispute(
                place=place,
                kind=data["kind"],
                subject=data["subject"],
                facts=data["facts"],
                parties=form.parties(),
                case=case,
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, form, case, status=refusal.status)
        return redirect("workbench:dispute", pk=dispute.pk)

    def show(self, request: HttpRequest, form: OpenForm, case: Case | None, status: int = 200) -> HttpResponse:
        return private(render(request, "workbench/dispute_new.html", {"form": form, "case": case}, status=status))


class DisputeView(Guarded):
    verb = "disputes.enter"

    def found(self, pk: int) -> Dispute:
        dispute = (
            Dispute.objects.visible_to(self.person)
            .select_related("place", "mediator", "mediator_post__place", "case", "opened_by", "ended_by")
            .prefetch_related(
                "parties__wish__user",
                "parties__wish__place",
                "meetings__attendances__party",
                "agreements__obligations__party",
                "agreements__signatures",
            )
            .filter(pk=pk)
            .first()
        )
        if dispute is None:
            raise Http404
        return dispute

    def forms(self, dispute: Dispute, act: str = "", given: QueryDict | None = None) -> dict[str, Form]:
        """Every form of the page; the one of ``act`` filled with what was given."""
        parties = list(dispute.parties.all())
        on = timezone.localdate(self.now)
        mediators = [
            (str(post.pk), f"{post.user} ({post})")
            for post in disputes.mediators_for(dispute.place_path, on)
            if post.user_id != dispute.mediator_id
        ]
        asked = [(str(one.pk), label(one)) for one in parties]
        numbered = [(str(one.number), label(one)) for one in parties]

        def filled(name: str) -> Any:
            return given if name == act else None

        return {
            "add": PartyForm(filled("add"), auto_id="add_%s"),
            "mediator": MediatorForm(filled("mediator"), mediators=mediators, auto_id="mediator_%s"),
            "meet": MeetForm(filled("meet"), parties=asked, auto_id="meet_%s"),
            "hold": HoldForm(filled("hold"), auto_id="hold_%s"),
            "term": TermForm(filled("term"), auto_id="term_%s"),
            "agree": AgreementForm(filled("agree"), parties=numbered, auto_id="agree_%s"),
            "court": CourtForm(filled("court"), auto_id="court_%s"),
            "finish": FinishForm(filled("finish"), auto_id="finish_%s"),
            "terminate": TerminateForm(filled("terminate"), auto_id="terminate_%s"),
            "refer": ReferForm(filled("refer"), auto_id="refer_%s"),
            "reveal": ReasonForm(filled("reveal"), auto_id="reveal_%s"),
        }

    def show(
        self,
        request: HttpRequest,
        dispute: Dispute,
        *,
        forms: dict[str, Form] | None = None,
        wrong: str = "",
        status: int = 200,
        **more: Any,
    ) -> HttpResponse:
        mine = dispute.mediator_id == self.person.pk
        parties = list(dispute.parties.all())
        agreement = next((one for one in dispute.agreements.all() if one.state != Agreement.State.WITHDRAWN), None)
        signed = {one.party_id for one in agreement.signatures.all()} if agreement is not None else set()
        task = Task.objects.filter(case_id=dispute.case_id).waiting().first() if dispute.case_id is not None else None
        seen = (
            Case.objects.visible_to(self.person).filter(pk=dispute.case_id).exists()
            if dispute.case_id is not None
            else False
        )
        context: dict[str, Any] = {
            "dispute": dispute,
            "tag": STATE_TAGS[State(dispute.state)],
            "clock": clock_of(dispute, self.now),
            "mine": mine,
            "parties": [
                {
                    "row": one,
                    "label": label(one),
                    "link": request.build_absolute_uri(reverse("portal:mediation", args=[token_of(one)]))
                    if mine
                    else "",
                    "statement": disputes.read_words(one, "statement", dispute, self.person),
                    "signed": one.pk in signed,
                }
                for one in parties
            ],
            "unnamed": [label(one) for one in parties if one.named_at is None],
            "facts": disputes.read_words(dispute, "facts", dispute, self.person),
            "end_words": disputes.read_words(dispute, "end_words", dispute, self.person),
            "meetings": [
                {
                    "row": one,
                    "asked": [(label(seat.party), seat.party_id, seat.came) for seat in one.attendances.all()],
                    "minutes": disputes.read_words(one, "minutes", dispute, self.person),
                    "begun": one.at <= self.now,
                }
                for one in dispute.meetings.all()
            ],
            "agreement": agreement,
            "obligations": [
                {
                    "row": one,
                    "who": label(one.party),
                    "late": one.state == Obligation.State.OPEN and one.due_on < timezone.localdate(self.now),
                }
                for one in (agreement.obligations.all() if agreement is not None else [])
            ],
            "all_done": agreement is not None
            and all(one.state == Obligation.State.DONE for one in agreement.obligations.all()),
            "case_seen": seen,
            "task_mine": task is not None and (task.role, task.place_id) in positions_of(self.person),
            "task": task,
            "story": dispute_story(dispute),
            "sheets": SHEETS,
            "forms": forms or self.forms(dispute),
            "wrong": wrong,
            **more,
        }
        return private(render(request, "workbench/dispute.html", context, status=status))


def label(party: Party) -> str:
    """A party as staff see it: number, side, and the masked name."""
    return _("%(number)d. %(name)s (%(side)s)") % {
        "number": party.number,
        "name": str(party.name) or "—",
        "side": party.get_side_display(),
    }


def dispute_story(dispute: Dispute) -> list[Step]:
    """What happened, oldest first; a party is told by its number."""
    numbers = {one.pk: one.number for one in dispute.parties.all()}
    things = [(dispute.noun(), dispute.pk), *((Party.noun(), pk) for pk in numbers)]
    things += [(Meeting.noun(), one.pk) for one in dispute.meetings.all()]
    for agreement in dispute.agreements.all():
        things.append((Agreement.noun(), agreement.pk))
        things += [(Obligation.noun(), one.pk) for one in agreement.obligations.all()]
    entries = list(Entry.objects.about_any(things))
    users = User.objects.in_bulk({entry.by_id for entry in entries if entry.by_id is not None})
    steps = []
    seen: set[tuple[str, Any]] = set()
    for entry in entries:
        if entry.event in ("disputes.PartyAdded", "disputes.ObligationAgreed"):
            continue  # the lists say it
        if entry.event == "disputes.AgreementInForce":
            if (entry.event, entry.data["agreement_id"]) in seen:
                continue
            seen.add((entry.event, entry.data["agreement_id"]))
        number = numbers.get(entry.data.get("party_id", 0))
        by = str(users.get(entry.by_id, "")) if entry.by_id is not None else ""
        if not by:
            by = _("by their own link") if number is not None else _("by rule")
        steps.append(
            Step(
                at=entry.at,
                title=str(label_of(entry.event)),
                fact=_("Party %(number)d") % {"number": number} if number is not None else "",
                by=by,
                icon="check",
                tone="is-wrong" if entry.event in ("disputes.PartyRefused", "disputes.RiskNoted") else "",
                entry_id=entry.pk,
            )
        )
    return steps


class DisputePage(DisputeView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


def _number(posted: QueryDict, name: str) -> int:
    given = posted.get(name, "")
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise Http404
    return int(given)


class DisputeAct(DisputeView):
    """One step of the mediator."""

    PLAIN = ("consent", "refuse", "named", "choose", "sign", "risk", "cancel", "withdraw", "obligation")

    def get(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        return redirect("workbench:dispute", pk=self.found(pk).pk)

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        dispute = self.found(pk)
        if act in self.PLAIN:
            self.plain(dispute, act, request.POST)
            return redirect("workbench:dispute", pk=pk)
        forms = self.forms(dispute, act, request.POST)
        form = forms.get(act)
        if form is None:
            raise Http404
        if not form.is_valid():
            return self.show(request, dispute, forms=forms, wrong=act, status=422)
        try:
            if act == "reveal":
                return self.names(request, dispute, form.cleaned_data["reason"])
            self.do(dispute, act, form, request.POST)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, self.found(pk), forms=forms, wrong=act, status=refusal.status)
        if act == "mediator":
            return redirect("workbench:disputes")  # it is the other mediator's now
        return redirect("workbench:dispute", pk=pk)

    def names(self, request: HttpRequest, dispute: Dispute, reason: str) -> HttpResponse:
        """Names and telephone numbers of all parties, once, after each look is on record."""
        return self.show(request, dispute, revealed=open_names(dispute, self.person, reason, self.now))

    def plain(self, dispute: Dispute, act: str, posted: QueryDict) -> None:
        given: dict[str, Any] = {"by": self.person, "now": self.now}
        parties = {one.pk for one in dispute.parties.all()}
        match act:
            case "risk":
                disputes.note_risk(dispute_id=dispute.pk, **given)
            case "cancel":
                meeting = _number(posted, "meeting")
                self.own(meeting, [one.pk for one in dispute.meetings.all()])
                disputes.cancel_meeting(meeting_id=meeting, **given)
            case "withdraw":
                agreement = _number(posted, "agreement")
                self.own(agreement, [one.pk for one in dispute.agreements.all()])
                disputes.withdraw_agreement(agreement_id=agreement, **given)
            case "obligation":
                obligation = _number(posted, "obligation")
                self.own(obligation, [one.pk for row in dispute.agreements.all() for one in row.obligations.all()])
                disputes.settle_obligation(obligation_id=obligation, done=posted.get("done") == "yes", **given)
            case _:
                party = _number(posted, "party")
                self.own(party, list(parties))
                match act:
                    case "consent":
                        disputes.consent(party_id=party, **given)
                    case "refuse":
                        disputes.refuse(party_id=party, **given)
                    case "named":
                        disputes.allow_name(party_id=party, **given)
                    case "choose":
                        disputes.choose_mediator(party_id=party, **given)
                    case "sign":
                        agreement = _number(posted, "agreement")
                        disputes.sign_agreement(agreement_id=agreement, party_id=party, **given)

    def own(self, pk: int, ours: list[int]) -> None:
        if pk not in ours:
            raise Http404

    def do(self, dispute: Dispute, act: str, form: Form, posted: QueryDict) -> None:
        data = form.cleaned_data
        given: dict[str, Any] = {"by": self.person, "now": self.now}
        if act == "hold":
            meeting = _number(posted, "meeting")
            self.own(meeting, [one.pk for one in dispute.meetings.all()])
            came = [int(pk) for pk in posted.getlist("came") if pk.isascii() and pk.isdigit() and len(pk) < 19]
            disputes.hold_meeting(meeting_id=meeting, minutes=data["minutes"], came=came, **given)
            return
        if act == "court":
            standing = next((one for one in dispute.agreements.all() if one.state == Agreement.State.EFFECTIVE), None)
            if standing is None:
                raise Refusal(_("Only an agreement in force is confirmed by a court."))
            disputes.note_court(agreement_id=standing.pk, court=data["court"], on=data["on"], **given)
            return
        given["dispute_id"] = dispute.pk
        match act, form:
            case "add", PartyForm():
                disputes.add_party(party=form.party(), **given)
            case "mediator", _:
                disputes.propose_mediator(post_id=int(data["post"]), **given)
            case "meet", _:
                asked = [int(pk) for pk in data["parties"]]
                disputes.plan_meeting(at=data["at"], site=data["site"], party_ids=asked, **given)
            case "term", _:
                disputes.extend_term(until=data["until"], **given)
            case "agree", AgreementForm():
                disputes.propose_agreement(
                    content=data["content"], promises=form.promises(), oral=data["oral"], **given
                )
            case "finish", _:
                disputes.finish(told=data["told"], **given)
            case "terminate", _:
                disputes.terminate(ending=data["ending"], words=data["words"], told=data["told"], **given)
            case "refer", _:
                disputes.refer(referral=data["referral"], words=data["words"], told=data["told"], **given)


def open_names(dispute: Dispute, person: User, reason: str, now: datetime) -> dict[int, tuple[str, str]]:
    """Name and telephone number of each party by its number. Each look is recorded."""
    found = {}
    for party in dispute.parties.all():
        party.place_path = dispute.place_path  # type: ignore[attr-defined]  # where the right to look is asked
        name = reveal(party, "name", by=person, reason=reason, now=now)
        phone = reveal(party, "phone", by=person, reason=reason, now=now) if party.phone else ""
        found[party.number] = (name, phone)
    return found


class DisputeSheet(DisputeView):
    """A paper: names masked, or in full after a reason was given."""

    def get(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        return self.draw(request, self.found(pk), what, {})

    def post(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        dispute = self.found(pk)
        form = ReasonForm(request.POST, auto_id="reveal_%s")
        if not form.is_valid():
            return self.draw(request, dispute, what, {}, form=form, status=422)
        try:
            names = open_names(dispute, self.person, form.cleaned_data["reason"], self.now)
        except Refusal as refusal:
            form.add_error("reason", str(refusal.reason))
            return self.draw(request, dispute, what, {}, form=form, status=refusal.status)
        return self.draw(request, dispute, what, names)

    def draw(
        self,
        request: HttpRequest,
        dispute: Dispute,
        what: str,
        names: dict[int, tuple[str, str]],
        form: Form | None = None,
        status: int = 200,
    ) -> HttpResponse:
        if what not in SHEETS or (dispute.mediator_id != self.person.pk and what == "links"):
            raise Http404
        agreement = next((one for one in dispute.agreements.all() if one.state != Agreement.State.WITHDRAWN), None)
        if what == "agreement" and agreement is None:
            raise Http404
        parties: list[dict[str, Any]] = []
        for one in dispute.parties.all():
            name, phone = names.get(one.number, (str(one.name), str(one.phone)))
            link = request.build_absolute_uri(reverse("portal:mediation", args=[token_of(one)]))
            parties.append(
                {
                    "row": one,
                    "name": name,
                    "phone": phone,
                    "statement": disputes.read_words(one, "statement", dispute, self.person),
                    "link": link,
                    "code": segno.make(link, error="m").svg_data_uri(scale=3, border=1) if what == "links" else "",
                }
            )
        context = {
            "dispute": dispute,
            "what": what,
            "title": SHEETS[what],
            "parties": parties,
            "facts": disputes.read_words(dispute, "facts", dispute, self.person),
            "meetings": [
                {
                    "row": one,
                    "minutes": disputes.read_words(one, "minutes", dispute, self.person),
                    "came": [seat.party.number for seat in one.attendances.all() if seat.came],
                }
                for one in dispute.meetings.all()
                if one.state == Meeting.State.HELD
            ],
            "agreement": agreement,
            "obligations": [
                {"row": one, "who": next(row["name"] for row in parties if row["row"].pk == one.party_id)}
                for one in (agreement.obligations.all() if agreement is not None else [])
            ],
            "form": form or ReasonForm(auto_id="reveal_%s"),
            "full": bool(names),
            "printed_at": self.now,
        }
        return private(render(request, "workbench/dispute_sheet.html", context, status=status))
