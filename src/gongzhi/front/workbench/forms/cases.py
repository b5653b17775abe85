"""What staff fill in about a case. Each form belongs to one move."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.understand.cases.models import Case

# Who leads is left to the responsibility matrix.
MATRIX = "matrix"


class MoveForm(forms.Form):
    """A form of a page that somebody else may have changed meanwhile: it carries the version it was drawn with."""

    version = forms.IntegerField(
        min_value=0, widget=forms.HiddenInput, error_messages={"required": _("Please open the page again.")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{type(self).__name__.lower()}_%s")
        super().__init__(*args, **kwargs)


class SortForm(MoveForm):
    """What it is about, where, in one line, and who leads."""

    category = forms.ChoiceField(
        label=_("What is it about?"),
        widget=PlainSelect(attrs={"data-key": "e"}),
        error_messages={
            "required": _("Say what it is about."),
            "invalid_choice": _("There is no such category. Please choose from the list."),
        },
    )
    place = forms.ChoiceField(
        label=_("Where does it belong?"),
        widget=PlainSelect,
        error_messages={
            "required": _("Say first where the case belongs."),
            "invalid_choice": _("We do not know this place. Please choose from the list."),
        },
    )
    urgency = forms.ChoiceField(
        label=_("How urgent is it?"),
        choices=Case.Urgency.choices,
        required=False,
        widget=PlainSelect,
        error_messages={"invalid_choice": _("This choice is not offered. Please choose from the list.")},
    )
    summary = forms.CharField(
        label=_("In one line"),
        max_length=120,
        help_text=_("So that everybody knows it again in a list. No names, no telephone numbers."),
        error_messages={"required": _("Say it in one line.")},
    )
    position = forms.ChoiceField(
        label=_("Who leads?"),
        initial=MATRIX,
        widget=PlainSelect,
        error_messages={
            "required": _("Choose who leads from now on."),
            "invalid_choice": _("Nobody holds this post today."),
        },
    )

    def __init__(
        self,
        *args: Any,
        categories: Sequence[Any],
        places: Sequence[Any],
        positions: Sequence[Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("category", categories), ("place", places), ("position", positions)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101
            field.choices = list(choices)


class HandOverForm(MoveForm):
    position = forms.ChoiceField(
        label=_("To whom?"),
        widget=PlainSelect,
        error_messages={
            "required": _("Choose who leads from now on."),
            "invalid_choice": _("Nobody holds this post today."),
        },
    )

    def __init__(self, *args: Any, positions: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["position"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = list(positions)


class PauseForm(MoveForm):
    kind = forms.ChoiceField(
        label=_("What do we wait for?"),
        choices=Case.Pause.choices,
        initial=Case.Pause.REPORTER,
        required=False,
        widget=forms.RadioSelect,
        error_messages={
            "invalid_choice": _("This choice is not offered. Please choose from the list."),
        },
    )
    reason = forms.CharField(
        label=_("Why does the clock stop?"),
        help_text=_("The reporter reads this."),
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why the clock stops; the reporter reads it.")},
    )
    review_on = forms.DateField(
        label=_("When do you look at it again?"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": _("Name the day."),
            "invalid": _("This is not a day. Write it like 2026-11-22."),
        },
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_review_on(self) -> date:
        day: date = self.cleaned_data["review_on"]
        if day <= self.today:
            raise forms.ValidationError(_t("The day to look again must lie ahead."))
        if day > self.today + timedelta(days=366):
            raise forms.ValidationError(_t("At most one year ahead, please."))
        return day


class ResumeForm(MoveForm):
    """Nothing to say but that it goes on."""


class ExtendForm(MoveForm):
    amount = forms.IntegerField(
        label=_("How much longer?"),
        min_value=1,
        max_value=60,
        error_messages={
            "required": _("Say how much longer."),
            "invalid": _("Between 1 and 60, please."),
            "min_value": _("Between 1 and 60, please."),
            "max_value": _("Between 1 and 60, please."),
        },
    )
    reason = forms.CharField(
        label=_("Why does it take longer?"),
        help_text=_("The reporter reads this."),
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why; the reporter reads it.")},
    )


class NoteForm(forms.Form):
    text = forms.CharField(
        label=_("A note for colleagues"),
        help_text=_("The reporter does not see it."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("The note is empty.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "note_%s")
        super().__init__(*args, **kwargs)


class ReopenForm(MoveForm):
    reason = forms.CharField(
        label=_("Why is it taken up again?"),
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why the case is reopened.")},
    )


class RevealForm(forms.Form):
    """Which sealed value of which message, and why."""

    message = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    field = forms.ChoiceField(
        label=_("What do you need?"),
        choices=[("reporter_phone", _("Telephone")), ("reporter_name", _("Name"))],
        widget=PlainSelect,
    )
    reason = forms.CharField(
        label=_("Why do you need to see it?"),
        help_text=_("The look is recorded; the reporter can read post, time and reason."),
        min_length=4,
        max_length=200,
        error_messages={"required": _("Say in a few words why you need to see this.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "reveal_%s")
        super().__init__(*args, **kwargs)
