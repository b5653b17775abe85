"""Choosing how often, when and where to."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.learn.digests.models import HOURS, Rhythm, Weekday


class RhythmForm(forms.Form):
    rhythm = forms.ChoiceField(label=_("How often?"), choices=Rhythm.choices, widget=forms.RadioSelect)
    hour = forms.TypedChoiceField(label=_("At what time?"), choices=HOURS, coerce=int)
    weekday = forms.TypedChoiceField(
        label=_("On which day, when it is once a week?"), choices=Weekday.choices, coerce=int
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        max_length=200,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    phone = forms.CharField(
        label=_("Telephone for text messages"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )
