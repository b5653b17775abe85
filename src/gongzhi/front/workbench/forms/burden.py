"""The answer of a sender to the question about the burden."""

from django import forms
from django.utils.translation import gettext_lazy as _


class AnswerForm(forms.Form):
    words = forms.CharField(
        label=_("What is needed, and what will be asked less"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Those who oversee the office read it."),
    )
