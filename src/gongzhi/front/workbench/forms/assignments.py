"""What is filled in at a piece of directed work."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.act.directives.models import Question
from gongzhi.front.workbench.forms.enter import PhotosField, SeveralPhotos
from gongzhi.sense.channels.photos import MOST_PHOTOS

# Nobody measures by the minute: four answers are enough, and none is an answer too.
MINUTES = (
    ("10", _("A quarter of an hour or less")),
    ("40", _("Up to an hour")),
    ("120", _("A few hours")),
    ("480", _("A day or more")),
)


class ResultForm(forms.Form):
    words = forms.CharField(
        label=_("What came of it?"),
        help_text=_("One or two sentences are enough. The sender reads them."),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say in a sentence what was done.")},
    )
    minutes = forms.ChoiceField(
        label=_("How long did it take?"),
        help_text=_("Added up without names, so that the sender sees what it costs."),
        choices=MINUTES,
        required=False,
        widget=forms.RadioSelect,
    )
    photos = PhotosField(
        label=_("Photos"),
        required=False,
        help_text=_("Welcome, never required."),
        widget=SeveralPhotos(attrs={"accept": "image/*"}),
    )
    key = forms.UUIDField(required=False, widget=forms.HiddenInput)
    most_photos = MOST_PHOTOS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"key": uuid.uuid4()})  # pressed twice, it is one report
        super().__init__(*args, **kwargs)


class AskForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("What about it?"),
        choices=[(Question.Kind.CLARIFY, _("It is unclear")), (Question.Kind.CONTEST, _("It is not right"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one of the two.")},
    )
    words = forms.CharField(
        label=_("Your question"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say what you need to know.")},
    )


class DecideForm(forms.Form):
    words = forms.CharField(
        label=_("What cannot be decided here, and why?"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say what cannot be decided here, and why.")},
    )


class PassForm(forms.Form):
    places = forms.TypedMultipleChoiceField(
        label=_("To whom?"),
        coerce=int,
        widget=forms.CheckboxSelectMultiple(attrs={"data-tick": ""}),
        error_messages={"required": _("Choose at least one place below.")},
    )
    part = forms.CharField(
        label=_("Which part?"),
        help_text=_("Empty: all of it, each for their own area."),
        max_length=200,
        required=False,
    )
    own = forms.CharField(label=_("What stays with your own office?"), max_length=200, required=False)

    def __init__(self, *args: Any, below: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["places"].choices = below  # type: ignore[attr-defined]


class SplitForm(forms.Form):
    parts = forms.CharField(
        label=_("The parts"),
        help_text=_("One a line, at least two. They stay in your own office."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write at least two parts, one a line.")},
    )

    def clean_parts(self) -> list[str]:
        parts = list(dict.fromkeys(line.strip() for line in self.cleaned_data["parts"].splitlines() if line.strip()))
        if len(parts) < 2:
            raise forms.ValidationError(_("Write at least two parts, one a line."))
        return parts


class BackForm(forms.Form):
    reason = forms.CharField(
        label=_("What is missing?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say what is missing.")},
    )


class AnswerBelowForm(forms.Form):
    outcome = forms.ChoiceField(
        label=_("What becomes of it?"),
        choices=[
            (Question.Outcome.ANSWERED, _("The work goes on")),
            (Question.Outcome.TAKEN, _("We take it over")),
            (Question.Outcome.RELEASED, _("They are released from it")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what becomes of it.")},
    )
    answer = forms.CharField(
        label=_("Answer"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Answer in a sentence; the place reads it.")},
    )
