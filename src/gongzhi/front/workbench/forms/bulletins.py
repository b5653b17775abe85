"""Making a bulletin by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.selects import PlainSelect


class BulletinForm(forms.Form):
    place = forms.ChoiceField(
        label=_("Place"),
        widget=PlainSelect,
        error_messages={"invalid_choice": _("We do not know this place. Please choose from the list.")},
    )
    month = forms.CharField(
        label=_("Month"),
        max_length=7,
        widget=forms.TextInput(attrs={"type": "month"}),
        error_messages={"required": _("Which month? Write it like 2026-10.")},
    )

    def __init__(self, *args: Any, places: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["place"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = list(places)

    def clean_month(self) -> date:
        text: str = self.cleaned_data["month"].strip()
        try:
            if not re.fullmatch(r"\d{4}-\d{2}", text, re.ASCII):
                raise ValueError
            return date.fromisoformat(f"{text}-01")
        except ValueError:
            raise forms.ValidationError(_t("Which month? Write it like 2026-10.")) from None
