"""What the telephone desk fills in while somebody is on the line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.verify.checks.models import Result, Satisfied

NOBODY: Final = "nobody"
LONGEST_WAIT: Final = timedelta(days=30)


class CallForm(forms.Form):
    """One call: what was said, or that nobody answered."""

    result = forms.ChoiceField(
        label=_("Did it help?"),
        choices=[
            (Result.HELPED, _("It helped")),
            (Result.NOT_HELPED, _("It did not help")),
            (NOBODY, _("Nobody answered")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say how the call went."), "invalid_choice": _("Say how the call went.")},
    )
    satisfied = forms.ChoiceField(
        label=_("How satisfied are they with the way it was handled?"),
        choices=Satisfied.choices,
        required=False,
        widget=forms.RadioSelect,
    )
    words = forms.CharField(
        label=_("In the reporter’s words"),
        help_text=_("Needed when something is still wrong."),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    again_at = forms.DateTimeField(
        label=_("Nobody answered: call again at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": _("This is not a day and time.")},
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean_again_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["again_at"]
        if moment is not None and moment > self.now + LONGEST_WAIT:
            raise forms.ValidationError(_t("At most thirty days ahead, please."))
        return moment

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("result") == Result.NOT_HELPED and not data.get("words") and "words" not in self.errors:
            self.add_error("words", _t("Say in a few words what is still wrong."))
        return data


class ShowNumberForm(forms.Form):
    reason = forms.CharField(
        label=_("Why do you need to see it?"),
        help_text=_("The look is recorded; the reporter can read post, time and reason."),
        min_length=4,
        max_length=200,
        error_messages={"required": _("Say in a few words why you need to see this.")},
    )
