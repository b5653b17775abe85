"""Supervision slips (督办单): mine to answer, mine to supervise; on the screen and on paper."""

from __future__ import annotations

from typing import Any

import segno
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gongzhi.act.directives.models import Step
from gongzhi.front.clock_words import running_clock
from gongzhi.front.story import position_words
from gongzhi.front.workbench.forms.rulings import AnswerSlipForm
from gongzhi.front.workbench.rows import state_tag
from gongzhi.front.workbench.views.steps import step_words, with_words
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import positions_of, posts_of, posts_with
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases.escalation import answer_slip
from gongzhi.understand.cases.models import Slip, SlipQuerySet

A_PAGE = 50
A_SHEET = 200


def slip_words(slip: Slip, now: Any) -> dict[str, Any]:
    waits = slip.state == Slip.State.OPEN
    return {
        "slip": slip,
        "open": waits,
        "to": position_words(slip.role, slip.place.name),
        "supervisor": position_words(slip.supervisor_role, slip.supervisor_place.name)
        if slip.supervisor_place is not None
        else "",
        "clock": running_clock(slip.due_at, None, now).html if waits else "",
    }


class SlipLists(Guarded):
    verb = "tasks.work"

    def listed(self, request: HttpRequest) -> tuple[SlipQuerySet, str, bool]:
        """Which slips, how that choice is called, and whether this person supervises others."""
        supervises = bool(posts_with(self.person, "cases.supervise"))
        shown = request.GET.get("show", "")
        if shown == "ours" and supervises:
            query = Slip.objects.supervised_by(self.person).order_by("state", "due_at", "pk")
        elif shown == "all":
            query = Slip.objects.visible_to(self.person).order_by("-opened_at", "-pk")
        else:
            shown, query = "mine", Slip.objects.to_answer(self.person).order_by("due_at", "pk")
        return query.select_related("case", "place", "supervisor_place", "part", "ruling"), shown, supervises


class Slips(SlipLists):
    def get(self, request: HttpRequest) -> HttpResponse:
        query, shown, supervises = self.listed(request)
        page = Paginator(query, A_PAGE).get_page(request.GET.get("page"))
        context = {
            "page": page,
            "total": page.paginator.count,
            "rows": [slip_words(slip, self.now) for slip in page.object_list],
            "shown": shown,
            "supervises": supervises,
            "of_directives": self.of_directives(shown),
        }
        return render(request, "workbench/slips.html", context)

    def of_directives(self, shown: str) -> list[dict[str, Any]]:
        """The slips about directed work that belong to the same choice, the newest of them."""
        steps = Step.objects
        chosen = {"mine": steps.to_answer, "ours": steps.supervised_by}.get(shown, steps.visible_to)(self.person)
        found = with_words(chosen.slips()).order_by("-at", "-pk")[:A_PAGE]
        return [step_words(step, self.now) for step in found]


class SlipsPrint(SlipLists):
    """The list on paper, with an empty column for what is said about each."""

    def get(self, request: HttpRequest) -> HttpResponse:
        query, shown, _supervises = self.listed(request)
        context = {
            "rows": [slip_words(slip, self.now) for slip in query.select_related("case__place")[:A_SHEET]],
            "shown": shown,
            "printed_at": self.now,
            "posts": posts_of(self.person),
        }
        return render(request, "workbench/slips_print.html", context)


class SlipPage(Guarded):
    """One slip; whoever holds the post it is addressed to answers here."""

    verb = "tasks.work"

    def find(self, pk: int) -> Slip:
        rows = Slip.objects.visible_to(self.person).select_related(
            "case__place", "case__category", "place", "supervisor_place", "answered_by", "part", "ruling"
        )
        slip = rows.filter(pk=pk).first()
        if slip is None:
            raise NotThere()
        return slip

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.draw(self.find(pk), AnswerSlipForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        slip = self.find(pk)
        form = AnswerSlipForm(request.POST)
        if not form.is_valid():
            return self.draw(slip, form, status=422)
        try:
            answer_slip(slip_id=pk, answer=form.cleaned_data["answer"], by=self.person, now=self.now)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.draw(self.find(pk), form, status=refusal.status)
        response = redirect("workbench:slip", pk=pk)
        response.status_code = 303
        return response

    def draw(self, slip: Slip, form: AnswerSlipForm, *, status: int = 200) -> HttpResponse:
        context = {
            **slip_words(slip, self.now),
            "case": slip.case,
            "form": form,
            "mine": (slip.role, slip.place_id) in positions_of(self.person, own=True),
            "state_html": state_tag(slip.case.state),
        }
        return render(self.request, "workbench/slip.html", context, status=status)


class SlipSheet(SlipPage):
    """The slip on one sheet of paper, with a code that opens it again."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        slip = self.find(pk)
        link = request.build_absolute_uri(reverse("workbench:slip", kwargs={"pk": pk}))
        context = {
            **slip_words(slip, self.now),
            "case": slip.case,
            "code": segno.make(link, error="m").svg_data_uri(scale=3, border=1),
            "printed_at": self.now,
        }
        return render(request, "workbench/slip_sheet.html", context)
