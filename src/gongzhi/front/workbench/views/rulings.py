"""Questions to a higher post, co-handlers, and talking with the reporter: what stands beside a case."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import F
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.act.tasks.models import State as TaskState
from gongzhi.act.tasks.models import Task
from gongzhi.front.clock_words import running_clock
from gongzhi.front.story import position_words
from gongzhi.front.workbench.forms.rulings import (
    AgreeForm,
    ContactForm,
    DropPartForm,
    ExcludeForm,
    PartForm,
    ReferForm,
    WhoseForm,
)
from gongzhi.front.workbench.rows import state_tag
from gongzhi.front.workbench.views.case import CaseMove, find_case, may_do
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.accounts.models import User
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.spans import Span
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import contact, parts, rulings
from gongzhi.understand.cases.asides import WHOSE, objected_to
from gongzhi.understand.cases.models import Case, CoHandler, Reply, Ruling, Slip
from gongzhi.understand.cases.referrals import BASIS, WHERE_TO
from gongzhi.understand.cases.responsibility import positions_at

A_PAGE = 50


def choices_at(case: Case, today: Any, *, without: tuple[str, int | None] = ("", None)) -> list[tuple[str, str]]:
    """The posts that may be given something of this case."""
    held = positions_at(case.place_path, today)
    others = [position for position in held if (position.role, position.place_id) != without]
    return [("", _("Choose …")), *((position.code, str(position)) for position in others)]


def seat_of(code: str) -> tuple[str, int]:
    role, _at, place = code.partition("@")
    return role, int(place)


class Refer(CaseMove):
    name = "refer"
    title = gettext_lazy("Propose a referral")
    words = gettext_lazy("Nothing happens until somebody else agrees. Then the reporter reads why, and may object.")
    button = gettext_lazy("Propose the referral")
    icon = "external"
    template = "workbench/case_refer.html"

    def form(self, case: Case, given: QueryDict | None = None) -> ReferForm:
        return ReferForm(given)

    def draw(self, case: Case, form: Form, **more: Any) -> HttpResponse:
        kinds = [(Case.Referral(kind).label, where) for kind, where in WHERE_TO.items()]
        return super().draw(case, form, kinds=kinds, basis=BASIS, **more)

    def act(self, case: Case, data: dict[str, Any]) -> None:
        rulings.propose_referral(case_id=case.pk, by=self.person, now=self.now, **data)


class Exclude(CaseMove):
    name = "exclude"
    title = gettext_lazy("Propose that it does not count")
    words = gettext_lazy(
        "A matter beyond anybody’s duty stays outside the three rates, after somebody else has agreed. It is handled "
        "and answered all the same."
    )
    button = gettext_lazy("Propose it")
    icon = "minus"

    def form(self, case: Case, given: QueryDict | None = None) -> ExcludeForm:
        return ExcludeForm(given)

    def act(self, case: Case, data: dict[str, Any]) -> None:
        rulings.propose_exclusion(case_id=case.pk, by=self.person, now=self.now, **data)


class Contact(CaseMove):
    name = "contact"
    title = gettext_lazy("Talk with the reporter")
    words = gettext_lazy("The first contact has a time of its own. Everybody behind the case reads what you write.")
    button = gettext_lazy("Keep it")
    icon = "phone"

    def form(self, case: Case, given: QueryDict | None = None) -> ContactForm:
        return ContactForm(given, initial={"way": Reply.Way.PAGE})

    def act(self, case: Case, data: dict[str, Any]) -> None:
        contact.contact_reporter(case_id=case.pk, way=data["way"], text=data["text"], by=self.person, now=self.now)


class AskPart(CaseMove):
    name = "part"
    title = gettext_lazy("Ask a co-handler")
    words = gettext_lazy(
        "They get a work order of their own with its own deadline. Who leads stays; the work is reported as done when "
        "the parts are."
    )
    button = gettext_lazy("Ask them")
    icon = "people"

    def form(self, case: Case, given: QueryDict | None = None) -> PartForm:
        today = timezone.localdate(self.now)
        return PartForm(given, positions=choices_at(case, today, without=(case.lead_role, case.lead_place_id)))

    def act(self, case: Case, data: dict[str, Any]) -> None:
        role, place_id = seat_of(data["position"])
        span = Span(data["days"], "working_days") if data["days"] else None
        parts.ask_part(
            case_id=case.pk,
            role=role,
            place_id=place_id,
            need=data["need"],
            span=span,
            by=self.person,
            now=self.now,
        )


class DropPart(CaseMove):
    name = "part"
    title = gettext_lazy("Do without a co-handler")
    words = gettext_lazy("Their work order ends.")
    button = gettext_lazy("They are no longer needed")
    icon = "cross"

    def get(self, request: HttpRequest, number: str, pk: int = 0) -> HttpResponse:
        return super().get(request, number)

    def post(self, request: HttpRequest, number: str, pk: int = 0) -> HttpResponse:
        return super().post(request, number)

    def form(self, case: Case, given: QueryDict | None = None) -> DropPartForm:
        if not CoHandler.objects.filter(pk=self.kwargs["pk"], case=case).exists():
            raise NotThere()
        return DropPartForm(given)

    def act(self, case: Case, data: dict[str, Any]) -> None:
        parts.drop_part(part_id=self.kwargs["pk"], reason=data["reason"], by=self.person, now=self.now)


class Beside(Guarded):
    """Who rules, who has a part, what was said, which slips there are. A fragment of the case page, or a page."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        able = may_do(case, self.person, self.now)
        rows = Ruling.objects.filter(case=case).select_related("place", "asked_place", "asked_by", "decided_by")
        context = {
            "case": case,
            "may": able,
            "rulings": [ruling_words(ruling, self.person, self.now) for ruling in rows.order_by("-pk")],
            "parts": [
                {
                    "part": part,
                    "who": position_words(part.role, part.place.name),
                    "open": part.state == CoHandler.State.ASKED,
                    "clock": running_clock(part.due_at, None, self.now).html
                    if part.state == CoHandler.State.ASKED
                    else "",
                }
                for part in CoHandler.objects.filter(case=case).select_related("place").order_by("pk")
            ],
            "slips": [
                {
                    "slip": slip,
                    "clock": running_clock(slip.due_at, None, self.now).html if slip.state == Slip.State.OPEN else "",
                }
                for slip in Slip.objects.visible_to(self.person)
                .filter(case=case)
                .select_related("part", "ruling")
                .order_by("-pk")
            ],
            "replies": Reply.objects.filter(case=case).select_related("by", "message").order_by("-pk")[:50],
            "contact_clock": running_clock(case.contact_due_at, None, self.now).html
            if case.is_open and case.contacted_at is None and case.contact_due_at is not None
            else "",
        }
        name = "case_beside_part" if request.headers.get("HX-Request") else "case_beside"
        response = render(request, f"workbench/{name}.html", context)
        response["Cache-Control"] = "private, no-store"
        response["Vary"] = "HX-Request, Cookie"
        return response


def ruling_words(ruling: Ruling, person: User, now: Any) -> dict[str, Any]:
    """One question as the lists and the case show it: who asks what, who rules by when, or what was ruled."""
    waits = ruling.state == Ruling.State.OPEN
    asked = (
        position_words(ruling.asked_role, ruling.asked_place.name) if ruling.asked_place is not None else _("by rule")
    )
    return {
        "ruling": ruling,
        "open": waits,
        "asked": asked,
        "late": waits and ruling.due_at < now,
        "clock": running_clock(ruling.due_at, None, now).html if waits else "",
        "mine": waits
        and ruling.asked_by_id != person.pk
        and holding(person, "cases.rule", ruling.place_path, now) is not None,
    }


class Rulings(Guarded):
    """What waits for a ruling by somebody like me, the most pressing first; or all I may see."""

    verb = "cases.rule"

    def get(self, request: HttpRequest) -> HttpResponse:
        shown = "all" if request.GET.get("show") == "all" else "mine"
        if shown == "mine":
            query = Ruling.objects.to_rule(self.person).order_by("due_at", "pk")
        else:
            query = Ruling.objects.visible_to(self.person).order_by(F("decided_at").desc(nulls_first=True), "-pk")
        query = query.select_related("case__place", "place", "asked_place", "asked_by", "decided_by")
        page = Paginator(query, A_PAGE).get_page(request.GET.get("page"))
        rows = [ruling_words(ruling, self.person, self.now) for ruling in page.object_list]
        context = {"page": page, "total": page.paginator.count, "rows": rows, "shown": shown}
        return render(request, "workbench/rulings.html", context)


class RulingPage(Guarded):
    """One question with everything that is needed to answer it, and the form to do so."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        ruling = self.find(pk)
        return self.draw(ruling, self.form(ruling))

    def find(self, pk: int) -> Ruling:
        rows = Ruling.objects.visible_to(self.person).select_related(
            "case__place", "case__category", "case__lead_place", "place", "asked_place", "asked_by", "decided_by"
        )
        ruling = rows.filter(pk=pk).first()
        if ruling is None:
            raise NotThere()
        return ruling

    def form(self, ruling: Ruling, given: QueryDict | None = None) -> WhoseForm | AgreeForm:
        if ruling.kind in WHOSE:
            return WhoseForm(given, positions=choices_at(ruling.case, timezone.localdate(self.now)))
        return AgreeForm(given)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        ruling = self.find(pk)
        form = self.form(ruling, request.POST)
        if not form.is_valid():
            return self.draw(ruling, form, status=422)
        data = form.cleaned_data
        given: dict[str, Any] = {"agreed": data.get("agreed") == "yes"}
        if data.get("position"):
            given["role"], given["place_id"] = seat_of(data["position"])
        try:
            rulings.decide(ruling_id=ruling.pk, words=data["words"], by=self.person, now=self.now, **given)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.draw(self.find(pk), form, status=refusal.status)
        response = redirect("workbench:ruling", pk=pk)
        response.status_code = 303
        return response

    def draw(self, ruling: Ruling, form: Form, *, status: int = 200) -> HttpResponse:
        case = ruling.case
        words = ruling_words(ruling, self.person, self.now)
        barred = words["mine"] and self.person.pk in objected_to(case, ruling.kind)
        returned = Task.objects.filter(case=case, state=TaskState.RETURNED, part=None).order_by("-round").first()
        context = {
            **words,
            "mine": words["mine"] and not barred,
            "barred": barred,
            "slips": Slip.objects.visible_to(self.person).filter(ruling=ruling).order_by("-pk"),
            "case": case,
            "form": form,
            "state_html": state_tag(case.state),
            "reason": ruling.reason
            or (returned.return_reason if returned is not None and ruling.kind == Ruling.Kind.NOT_OURS else ""),
            "where_to": WHERE_TO.get(ruling.referral, ""),
            "basis": BASIS if ruling.referral else "",
            "told": list(Message.objects.filter(voice__case=case).order_by("voice__id")[:10]),
            "lead": position_words(case.lead_role, case.lead_place.name) if case.lead_place is not None else "",
            "whose": ruling.kind in WHOSE,
        }
        response = render(self.request, "workbench/ruling.html", context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response
