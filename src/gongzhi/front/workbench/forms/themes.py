"""What is filled in at themes: looking for them, and everything a person makes of one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.understand.themes.actions import LONGEST_LOOK


def numbers_of(text: str) -> list[str]:
    """Case numbers as people write them down: with spaces, commas or lines between."""
    return [number for number in dict.fromkeys(re.split(r"[\s,，、;；]+", text.strip())) if number]


class LookForm(forms.Form):
    place = forms.ChoiceField(
        label=_("Where?"),
        widget=PlainSelect,
        error_messages={"invalid_choice": _("We do not know this place. Please choose from the list.")},
    )
    category = forms.ChoiceField(label=_("About what?"), widget=PlainSelect, required=False)
    days = forms.IntegerField(label=_("How many days back?"), min_value=1, max_value=LONGEST_LOOK, initial=90)

    def __init__(self, *args: Any, places: Sequence[Any], categories: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place: Any = self.fields["place"]
        place.choices = places
        category: Any = self.fields["category"]
        category.choices = categories


class CasesField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=8000, widget=forms.Textarea(attrs={"rows": 2}), **kwargs)

    def clean(self, value: Any) -> Any:
        found = numbers_of(super().clean(value))
        if wrong := [number for number in found if not re.fullmatch(r"[0-9A-Za-z-]{1,14}", number)]:
            raise forms.ValidationError(_t("This is no case number: %(number)s") % {"number": wrong[0][:20]})
        return found


class ByHandForm(forms.Form):
    """A theme that a person has seen without any comparing."""

    place = forms.ChoiceField(label=_("Where?"), widget=PlainSelect)
    name = forms.CharField(label=_("What is it called?"), max_length=80)
    cases = CasesField(label=_("Which cases?"), help_text=_("Their numbers, with spaces between them."))

    def __init__(self, *args: Any, places: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place: Any = self.fields["place"]
        place.choices = places


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("What is it called?"),
        help_text=_("Everybody behind it reads this name: no persons, no doors, no numbers."),
        max_length=80,
        error_messages={"required": _("Give the theme a name.")},
    )


class AddForm(forms.Form):
    cases = CasesField(label=_("Which cases?"), help_text=_("Their numbers, with spaces between them."))


class QuoteForm(forms.Form):
    case_id = forms.IntegerField(widget=forms.HiddenInput)
    text = forms.CharField(label=_("Sentence"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))


class OwnerForm(forms.Form):
    owner = forms.ChoiceField(
        label=_("Who answers it?"),
        widget=PlainSelect,
        error_messages={
            "required": _("Please choose who answers it."),
            "invalid_choice": _("Nobody holds this post today."),
        },
    )
    due_on = forms.DateField(label=_("By which day?"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, owners: Sequence[Any], limit: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner"]
        owner.choices = [("", _t("Choose …")), *owners]
        self.fields["due_on"].help_text = _t("Left empty: %(span)s, by the rule.") % {"span": limit}


class OutcomeForm(forms.Form):
    outcome = forms.CharField(
        label=_("What becomes of it?"),
        help_text=_("Everybody behind it reads these words."),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": _("Say in a few sentences what was done; everybody behind it reads it.")},
    )


class DropForm(forms.Form):
    reason = forms.CharField(
        label=_("Why is it no theme?"),
        max_length=300,
        error_messages={"required": _("Say why it is no theme.")},
    )
