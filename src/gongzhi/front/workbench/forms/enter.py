"""What staff fill in for somebody who calls, comes by, or whom they meet on their way."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.front.asking import AskingForm, retired_words
from gongzhi.front.workbench.filters import category_choices
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.sense.channels.models import LONGEST_TEXT, AnswerBy, Channel
from gongzhi.sense.channels.photos import MOST_PHOTOS
from gongzhi.understand.cases.tree import category_by_code
from gongzhi.verify.notices.carriers import is_open

WAYS: Final = (
    (Channel.PHONE.value, _("They called")),
    (Channel.VISIT.value, _("They came by")),
    (Channel.FIELD.value, _("I saw it myself")),
)


class SeveralPhotos(forms.ClearableFileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Several photos in one field; the action looks at what is in them."""

    widget = SeveralPhotos

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[bytes]]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        return [file for file in files if isinstance(file, UploadedFile)]


class EnterForm(AskingForm):
    channel = forms.ChoiceField(
        label=_("How did it come?"),
        choices=WAYS,
        widget=forms.RadioSelect,
        initial=Channel.PHONE,
        error_messages={"required": _("Say how it came."), "invalid_choice": _("Say how it came.")},
    )
    text = forms.CharField(
        label=_("What is the matter?"),
        help_text=_("In the person’s own words, as far as possible."),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
        error_messages={"required": _("Tell us in a few words what happened.")},
    )
    category = forms.ChoiceField(
        label=_("What is it about?"),
        required=False,
        widget=PlainSelect,
        error_messages={"invalid_choice": _("There is no such category. Please choose from the list.")},
    )
    photos = PhotosField(
        label=_("Photos"),
        required=False,
        help_text=_("At most four. We remove where and when they were taken."),
        widget=SeveralPhotos(attrs={"accept": "image/*"}),
    )
    place = forms.ChoiceField(
        label=_("Community or grid"),
        required=False,
        widget=PlainSelect,
        error_messages={"invalid_choice": _("We do not know this place. Please choose from the list.")},
    )
    address = forms.CharField(
        label=_("Address or landmark"),
        help_text=_("For example: behind building 8, beside the school gate."),
        max_length=200,
        required=False,
    )
    lon = forms.FloatField(required=False, widget=forms.HiddenInput)
    lat = forms.FloatField(required=False, widget=forms.HiddenInput)
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
        initial=AnswerBy.PHONE,
        widget=PlainSelect,
        error_messages={"required": _("Choose one of these."), "invalid_choice": _("Choose one of these.")},
    )
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=120,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"invalid": _("This does not look like an e-mail address. You may leave it empty.")},
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    joins = forms.CharField(max_length=14, required=False)  # the number of the case that this is one more voice of

    def __init__(self, *args: Any, on: date, places: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on
        for name, choices in (
            ("category", category_choices(on, everything=_t("Not sure"))),
            ("place", [("", _t("Not known yet")), *places]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101
            field.choices = list(choices)
        retired = retired_words(str(self.data.get("category", "")), on) if self.is_bound else ""
        if retired:
            self.fields["category"].error_messages["invalid_choice"] = retired
        ways = self.fields["answer_by"]
        assert isinstance(ways, forms.ChoiceField)  # noqa: S101
        offered = [(AnswerBy.PHONE.value, _t("By telephone")), (AnswerBy.LINK.value, _t("By the follow link"))]
        if is_open(AnswerBy.SMS):
            offered.append((AnswerBy.SMS.value, _t("By text message, each step")))
        if is_open(AnswerBy.EMAIL):
            offered.append((AnswerBy.EMAIL.value, _t("By e-mail, each step")))
        else:
            del self.fields["email"]
        ways.choices = [*offered, (AnswerBy.NONE.value, _t("No need"))]
        if not self.is_bound:
            self.initial.setdefault("key", uuid.uuid4().hex)
        self.ask(on)

    @property
    def point(self) -> tuple[float, float] | None:
        lon, lat = self.cleaned_data.get("lon"), self.cleaned_data.get("lat")
        return (lon, lat) if lon is not None and lat is not None else None

    def clean_category(self) -> str:
        code: str = self.cleaned_data["category"]
        node = category_by_code(code) if code else None
        if code and (node is None or not node.is_in_force(self.on)):
            raise forms.ValidationError(retired_words(code, self.on) or _t("There is no such category."))
        return code

    def clean_phone(self) -> str:
        phone: str = self.cleaned_data["phone"].strip()
        if phone and not 7 <= len(re.sub(r"\D", "", phone)) <= 15:
            raise forms.ValidationError(_t("This does not look like a telephone number. You may leave it empty."))
        return phone

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        self.check_questions(data)
        if len(data.get("photos") or []) > MOST_PHOTOS:
            self.add_error("photos", _t("At most four photos, please."))
        if data.get("channel") == Channel.FIELD:
            # Nobody asks the one who saw it on duty; another post looks.
            data["answer_by"] = data.get("answer_by") if data.get("phone") else AnswerBy.NONE
        elif data.get("answer_by") == AnswerBy.PHONE and not data.get("phone") and "phone" not in self.errors:
            self.add_error("phone", _t("To call them back, we need the number. Or choose another way to ask."))
        if data.get("answer_by") == AnswerBy.SMS and not data.get("phone") and "phone" not in self.errors:
            self.add_error("phone", _t("To write to them, we need the number."))
        if data.get("answer_by") == AnswerBy.EMAIL and not data.get("email") and "email" not in self.errors:
            self.add_error("email", _t("To write to them, we need the address."))
        if (data.get("lon") is None) != (data.get("lat") is None) and not {"lon", "lat"} & set(self.errors):
            self.add_error(None, _t("This point is not on the map."))
        return data
