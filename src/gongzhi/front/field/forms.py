"""Results from paper: a code, what came of it, and words; as many rows as there is paper."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

ROWS: Final = 10
RESULTS: Final = (
    ("done", _("Done")),
    ("accepted", _("Accepted")),
    ("not", _("Not possible, or not ours")),
)


class RowForm(forms.Form):
    code = forms.CharField(
        label=pgettext_lazy("of a row", "Code"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "data-code": ""}),
    )
    result = forms.ChoiceField(label=_("What came of it"), choices=RESULTS, initial="done", required=False)
    words = forms.CharField(
        label=_("Words on the paper"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.initial.setdefault("key", uuid.uuid4().hex)


TypeForms = forms.formset_factory(RowForm, extra=ROWS, max_num=100, absolute_max=100)
