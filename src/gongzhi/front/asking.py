"""The questions of a category inside a form that takes a report: the residents' and the desk's.

With a script they appear as soon as the category is chosen. Without one they are asked after the first press of the
button, unless photos would have to be chosen again for it and no answer is a must.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.refusals import Refusal
from gongzhi.understand.cases.models import Category, Question
from gongzhi.understand.cases.questions import LONGEST_ANSWER, check_answer, field_of
from gongzhi.understand.cases.tree import category_by_code, in_force, questions_of

NOT_ANSWERED: Final = ("", "—")


def field_for(question: Question) -> forms.Field:
    """The form field of a question. What was typed is checked by ``check_answer``, the same for every door."""
    choices = [(choice["key"], _named(choice)) for choice in question.choices]
    field: forms.Field
    match question.kind:
        case Question.Kind.SOME:
            field = forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple)
        case Question.Kind.ONE:
            field = forms.ChoiceField(choices=[NOT_ANSWERED, *choices])
        case Question.Kind.DAY:
            field = forms.CharField(max_length=20, widget=forms.DateInput(attrs={"type": "date"}))
        case Question.Kind.NUMBER:
            field = forms.CharField(max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
        case _:
            field = forms.CharField(max_length=LONGEST_ANSWER)
    field.label = question.label
    field.required = question.required
    field.error_messages["required"] = _("Please answer this question.")
    field.error_messages["invalid_choice"] = _("This choice is not offered. Please choose from the list.")
    return field


def _named(choice: dict[str, Any]) -> str:
    probe = Question(label_zh=choice.get("zh", ""), label_en=choice.get("en", ""))
    return probe.label or str(choice["key"])


class AskingForm(forms.Form):
    """A form with a field ``category`` that goes on to ask what the chosen category asks."""

    def ask(self, on: date) -> None:
        """Add the questions of the chosen category. To be called at the end of ``__init__``."""
        chosen = self.data.get("category", "") if self.is_bound else self.initial.get("category", "")
        category = category_by_code(str(chosen))
        self.asks = str(chosen) if category is not None else ""
        self.questions: list[Question] = questions_of(category, on) if category is not None else []
        for question in self.questions:
            self.fields[field_of(question)] = field_for(question)
        # The page says which category's questions it showed; a caller without a page says nothing, and has its answers.
        self.not_asked_yet = bool(self.questions) and self.is_bound and self.data.get("asked", self.asks) != self.asks
        if self.not_asked_yet:
            for question in self.questions:
                self.fields[field_of(question)].required = False

    @property
    def asked_fields(self) -> list[Any]:
        return [self[field_of(question)] for question in self.questions]

    @property
    def asks_first(self) -> bool:
        """Whether the page has to come back with the questions before anything is sent."""
        must = any(question.required for question in self.questions)
        return self.not_asked_yet and (must or not self.files)

    def check_questions(self, data: dict[str, Any]) -> None:
        """Read the answers into ``answers``; what is wrong is said beside the question."""
        self.answers: dict[str, Any] = {}
        for question in self.questions:
            name = field_of(question)
            try:
                value = check_answer(question, data.get(name))
            except Refusal as refusal:
                self.add_error(name, str(refusal.reason))
                continue
            if value not in ("", []):
                self.answers[question.code] = value


def retired_words(code: str, on: date) -> str:
    """What to say to somebody who chose a category that is no longer used; "" for one that is, or never was."""
    node: Category | None = category_by_code(code)
    if node is None or node.is_in_force(on):
        return ""
    new = in_force(node, on)
    if new is None:
        return _("“%(old)s” is no longer used. Please choose another.") % {"old": node.name}
    return _("“%(old)s” is no longer used. Please choose “%(new)s” instead.") % {"old": node.name, "new": new.name}


class Questions(Guarded):
    """The questions of one category, as the piece of a form that a script asks for."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        on = timezone.localdate(self.now)
        category = category_by_code(request.GET.get("category", "")[:80])
        if category is None or not category.is_in_force(on):
            raise Http404
        form = AskingForm(initial={"category": category.code})
        form.ask(on)
        response = render(request, "pieces/questions.html", {"form": form})
        response["Cache-Control"] = "no-store"
        return response
