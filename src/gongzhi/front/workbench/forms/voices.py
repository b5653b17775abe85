"""What staff fill in when the same matter is told twice."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.cases import MoveForm
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.sense.channels.models import LONGEST_TEXT, AnswerBy, Channel


class MergeForm(MoveForm):
    target = forms.CharField(
        label=_("Number of the other case"),
        help_text=_("The one that is handled from now on, for example 261122-0482731."),
        max_length=14,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={"required": _("Give the number of the other case.")},
    )

    def clean_target(self) -> str:
        return str(self.cleaned_data["target"]).strip()


class UnmergeForm(MoveForm):
    """Only the version: there is nothing to choose."""


class AddVoiceForm(MoveForm):
    channel = forms.ChoiceField(
        label=_("How did it come?"),
        choices=[(Channel.PHONE.value, _("They called")), (Channel.VISIT.value, _("They came by"))],
        initial=Channel.PHONE,
        widget=PlainSelect,
        error_messages={"required": _("Say how it came."), "invalid_choice": _("Say how it came.")},
    )
    text = forms.CharField(
        label=_("What do they say?"),
        help_text=_("In the person’s own words; also what is new in them."),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
        error_messages={"required": _("Tell us in a few words what happened.")},
    )
    name = forms.CharField(
        label=_("Name"), max_length=60, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    phone = forms.CharField(
        label=_("Telephone"),
        help_text=_("Kept sealed; afterwards shown only with a reason."),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
    )
    answer_by = forms.ChoiceField(
        label=_("How shall they be asked whether it helped?"),
        choices=[
            (AnswerBy.PHONE.value, _("By telephone")),
            (AnswerBy.LINK.value, _("By the follow link")),
            (AnswerBy.NONE.value, _("No need")),
        ],
        initial=AnswerBy.PHONE,
        widget=PlainSelect,
        error_messages={"required": _("Choose one of these."), "invalid_choice": _("Choose one of these.")},
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.initial.setdefault("key", uuid.uuid4().hex)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        phone = str(data.get("phone") or "").strip()
        if phone and not 7 <= len(re.sub(r"\D", "", phone)) <= 15:
            self.add_error("phone", _t("This does not look like a telephone number. You may leave it empty."))
        if data.get("answer_by") == AnswerBy.PHONE and not phone and "phone" not in self.errors:
            self.add_error("phone", _t("To be called, they have to leave a number."))
        return data
