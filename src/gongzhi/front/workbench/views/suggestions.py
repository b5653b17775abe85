"""How often suggestions were right; and the earlier cases of somebody who calls."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.rows import case_rows
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases.models import Case
from gongzhi.understand.cases.tree import category_by_code
from gongzhi.understand.search.actions import look_up_caller
from gongzhi.understand.suggestions.accuracy import accuracy_for
from gongzhi.understand.suggestions.classifier import classifier
from gongzhi.understand.suggestions.models import TrainedModel

SHOWN_TRAININGS = 8
SHOWN_CATEGORIES = 60


class Suggestions(Guarded):
    """Suggestions against decisions, and what the classifier in use has shown on held-out cases."""

    verb = "cases.sort"

    def get(self, request: HttpRequest) -> HttpResponse:
        model = classifier()
        figures: dict[str, Any] = model.facts.get("figures", {})
        seen = accuracy_for(self.person)
        weakest = sorted(figures.get("per_category", {}).items(), key=lambda pair: pair[1][0])
        context = {
            "seen": seen,
            "categories": seen.categories[:SHOWN_CATEGORIES],
            "model": model,
            "own": model.facts.get("source") == TrainedModel.Source.OWN,
            "trained_at": model.facts.get("trained_at", "")[:10],
            "figures": figures,
            "macro_f1": percent(figures.get("macro_f1")),
            "accuracy": percent(figures.get("accuracy")),
            "unseen": percent(figures.get("unseen", {}).get("macro_f1")),
            "curve": [(count, percent(value)) for count, value in figures.get("curve", [])],
            "coverage": [(percent(share), percent(value)) for share, value in figures.get("coverage", [])],
            "weakest": [
                (node.name, percent(f1), count)
                for code, (f1, count) in weakest
                if (node := category_by_code(code)) is not None
            ][:10],
            "trainings": list(TrainedModel.objects.all()[:SHOWN_TRAININGS]),
        }
        return render(request, "workbench/suggestions.html", context)


def percent(share: Any) -> int | None:
    return round(100 * share) if isinstance(share, int | float) else None


class CallerForm(forms.Form):
    phone = forms.CharField(
        label=_("Telephone"),
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
        error_messages={"required": _("This does not look like a telephone number.")},
    )
    reason = forms.CharField(
        label=_("Why do you look?"),
        help_text=_("The search is recorded; the reporter can read post, time and reason."),
        max_length=200,
        error_messages={"required": _("Say in a few words why you look.")},
    )


class Callers(Guarded):
    """Somebody calls and gives their number: what have they reported before? Sent, so that no log has the number."""

    verb = "cases.enter"  # looking asks for privacy.reveal besides

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.draw(CallerForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CallerForm(request.POST)
        if not form.is_valid():
            return self.draw(form, status=422)
        data = form.cleaned_data
        try:
            found = look_up_caller(phone=data["phone"], reason=data["reason"], by=self.person, now=self.now)
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.draw(form, status=refusal.status)
        cases = Case.objects.visible_to(self.person).filter(pk__in=[case.pk for case in found]).order_by("-opened_at")
        return self.draw(form, rows=case_rows(cases, self.now))

    def draw(self, form: CallerForm, *, rows: list[Any] | None = None, status: int = 200) -> HttpResponse:
        context = {"form": form, "rows": rows, "today": timezone.localdate(self.now)}
        response = render(self.request, "workbench/callers.html", context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response
