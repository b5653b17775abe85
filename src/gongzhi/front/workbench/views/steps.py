"""Supervision slips about directed work: on the screen, answered, on paper. The list is that of the other slips."""

from __future__ import annotations

from typing import Any

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gongzhi.act.directives.ladder import answer_step
from gongzhi.act.directives.models import Assignment, Step
from gongzhi.front.clock_words import running_clock
from gongzhi.front.story import position_words
from gongzhi.front.workbench.forms.rulings import AnswerSlipForm
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.refusals import NotThere, Refusal


def step_words(step: Step, now: Any) -> dict[str, Any]:
    piece = step.assignment
    return {
        "step": step,
        "piece": piece,
        "directive": piece.directive,
        "open": step.waits,
        "to": position_words(piece.role, piece.place.name),
        "supervisor": piece.asker_place.name,
        "clock": running_clock(step.due_at, None, now).html if step.waits and step.due_at else "",
    }


def with_words(rows: Any) -> Any:
    return rows.select_related("assignment__directive", "assignment__place", "assignment__asker_place", "answered_by")


class StepPage(Guarded):
    """One slip; the office whose piece is late answers here."""

    verb = "directives.work"

    def find(self, pk: int) -> Step:
        step: Step | None = with_words(Step.objects.visible_to(self.person).slips()).filter(pk=pk).first()
        if step is None:
            raise NotThere()
        return step

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.draw(self.find(pk), AnswerSlipForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        step = self.find(pk)
        form = AnswerSlipForm(request.POST)
        if not form.is_valid():
            return self.draw(step, form, status=422)
        try:
            answer_step(step_id=pk, answer=form.cleaned_data["answer"], by=self.person, now=self.now)
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.draw(self.find(pk), form, status=refusal.status)
        response = redirect("workbench:step", pk=pk)
        response.status_code = 303
        return response

    def draw(self, step: Step, form: AnswerSlipForm, *, status: int = 200) -> HttpResponse:
        mine = Assignment.objects.for_hands_of(self.person).filter(pk=step.assignment_id).exists()
        context = {**step_words(step, self.now), "form": form, "mine": mine}
        return render(self.request, "workbench/step.html", context, status=status)


class StepSheet(StepPage):
    """The slip on one sheet of paper, with a code that opens it again."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        link = request.build_absolute_uri(reverse("workbench:step", kwargs={"pk": pk}))
        context = {
            **step_words(self.find(pk), self.now),
            "code": segno.make(link, error="m").svg_data_uri(scale=3, border=1),
            "printed_at": self.now,
        }
        return render(request, "workbench/step_sheet.html", context)
