"""What somebody says who moves work to others: whose, why, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.administration import DayInput
from gongzhi.ground.access.models import Why


class MoveForm(forms.Form):
    """``person`` empty: the work of everybody in the place."""

    place = forms.ChoiceField(label=_("Place"), required=False)
    person = forms.ChoiceField(label=_("Whose work?"), required=False)
    why = forms.ChoiceField(label=_("Why?"), choices=Why.choices, initial=Why.ABSENCE, widget=forms.RadioSelect)
    until = forms.DateField(
        label=_("Until"), help_text=_("The last day. After it everything is as before by itself."), widget=DayInput()
    )
    words = forms.CharField(
        label=_("In a few words"),
        help_text=_("Optional. For example: on a course. Nothing about an illness."),
        max_length=200,
        required=False,
    )

    def __init__(
        self, *args: Any, places: Sequence[tuple[str, str]], people: Sequence[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("place", places), ("person", people)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not found.get("place") and not found.get("person") and not self.errors:
            self.add_error("place", _("Choose a person, or a place."))
        return found
