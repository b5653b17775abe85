"""What somebody fills in who lets a program act for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.administration import DayInput


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("What is it for?"),
        help_text=_("For example: the screen in the hall, the hotline’s system."),
        max_length=60,
    )
    verbs = forms.MultipleChoiceField(
        label=_("What may the program do?"),
        help_text=_("Only what your own posts allow, and only as long as they do."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one thing that the program may do.")},
    )
    expires_on = forms.DateField(label=_("Until"), widget=DayInput())

    def __init__(self, *args: Any, verbs: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["verbs"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101
        field.choices = verbs
