"""What residents fill in."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.front.asking import AskingForm, retired_words
from gongzhi.front.standing import served
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import below
from gongzhi.sense.channels.models import LONGEST_TEXT, AnswerBy
from gongzhi.sense.channels.photos import MOST_PHOTOS
from gongzhi.understand.cases.tree import category_by_code, leaves
from gongzhi.verify.checks.models import Satisfied
from gongzhi.verify.notices.carriers import is_open

# A select with more entries than this is a burden on a telephone; then the community is typed.
_MOST_OFFERED = 200


def communities(now: datetime) -> list[tuple[str, list[tuple[int, str]]]]:
    """The communities and villages that residents may choose, by street: (street, [(id, name)]).

    Empty when they are too many to list; then the map and the address do the work. Kept for half a minute.
    """
    key = "communities:" + ",".join(place.path for place in served(now))
    known: list[tuple[str, list[tuple[int, str]]]] | None = cache.get(key)
    if known is None:
        found = Place.objects.filter(_served_villages(now)).order_by("path")
        rows = list(found.values_list("parent__name", "pk", "name")[: _MOST_OFFERED + 1])
        known = []
        for street, pk, name in rows if len(rows) <= _MOST_OFFERED else []:
            if not known or known[-1][0] != (street or ""):
                known.append((street or "", []))
            known[-1][1].append((pk, name))
        cache.set(key, known, 30)
    return known


def _served_villages(now: datetime) -> Q:
    scope = Q(pk__in=[])
    for top in served(now):
        scope |= below(top.path)
    return scope & Q(level="village", valid_to__isnull=True)


class Words(forms.CharField):
    """Text over several lines. A browser counts a line break once and sends two characters."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n")


class PhotosInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Several photos in one field. What is in them is looked at by the action."""

    widget = PhotosInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[bytes]]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        return [file for file in files if isinstance(file, UploadedFile)]


class PointMixin(forms.Form):
    lon = forms.FloatField(required=False, widget=forms.HiddenInput)
    lat = forms.FloatField(required=False, widget=forms.HiddenInput)

    @property
    def point(self) -> tuple[float, float] | None:
        lon, lat = self.cleaned_data.get("lon"), self.cleaned_data.get("lat")
        return (lon, lat) if lon is not None and lat is not None else None


class ReportForm(AskingForm, PointMixin):
    """What, where, how to reach you. Only the first is asked of everybody."""

    text = Words(
        label=_("What is the matter?"),
        help_text=_("What do you see, since when, what would help? You may also name it in one sentence."),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
        error_messages={"required": _("Tell us in a few words what happened.")},
    )
    category = forms.ChoiceField(
        label=_("What is it about?"),
        required=False,
        help_text=_("If you are not sure, leave it: we sort it."),
        error_messages={"invalid_choice": _("There is no such category. Please choose from the list.")},
    )
    photos = PhotosField(
        label=_("Photos"),
        required=False,
        help_text=_("At most four. We remove where and when they were taken."),
        widget=PhotosInput(attrs={"accept": "image/*"}),
    )
    place = forms.ModelChoiceField(
        label=_("Community or village"),
        queryset=Place.objects.none(),
        required=False,
        empty_label=_("Choose, or show it on the map"),
        error_messages={"invalid_choice": _("We do not know this place. Please choose from the list.")},
    )
    address = forms.CharField(
        label=_("Address or landmark"),
        help_text=_("For example: behind building 8, beside the school gate."),
        max_length=200,
        required=False,
    )
    name = forms.CharField(
        label=_("How may we address you?"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    phone = forms.CharField(
        label=_("Telephone"),
        help_text=_("Only for questions and for the answer. It is kept sealed and shown to staff only with a reason."),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )
    answer_by = forms.ChoiceField(
        label=_("How shall we ask you whether it helped?"),
        initial=AnswerBy.LINK,
        widget=forms.RadioSelect,
    )
    email = forms.EmailField(
        label=_("E-mail"),
        help_text=_("Only to tell you each step. Kept sealed like the telephone number."),
        max_length=120,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"invalid": _("This does not look like an e-mail address. You may leave it empty.")},
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    joins = forms.CharField(max_length=200, required=False)  # what neighbours.py proposed; "no": looked, and it is not

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on = timezone.localdate(now)
        ways = self.fields["answer_by"]
        assert isinstance(ways, forms.ChoiceField)  # noqa: S101
        offered = [(AnswerBy.LINK.value, _t("On the follow page"))]
        if is_open(AnswerBy.SMS):
            offered.append((AnswerBy.SMS.value, _t("By text message, and tell me each step")))
        if is_open(AnswerBy.EMAIL):
            offered.append((AnswerBy.EMAIL.value, _t("By e-mail, and tell me each step")))
        else:
            del self.fields["email"]
        ways.choices = [*offered, (AnswerBy.PHONE.value, _t("Call me")), (AnswerBy.NONE.value, _t("No need"))]
        category = self.fields["category"]
        place = self.fields["place"]
        assert isinstance(category, forms.ChoiceField)  # noqa: S101
        assert isinstance(place, forms.ModelChoiceField)  # noqa: S101
        category.choices = [("", _t("Not sure"))] + [
            (top.name, [(leaf.code, leaf.name) for leaf in below] or [(top.code, top.name)])
            for top, below in leaves(on, public=True)
        ]
        self.communities = communities(now)
        # Only what this house serves: elsewhere nobody would look at it.
        place.queryset = Place.objects.filter(_served_villages(now))
        place.widget.choices = [("", place.empty_label), *self.communities]
        retired = retired_words(str(self.data.get("category", "")), on) if self.is_bound else ""
        if retired:
            category.error_messages["invalid_choice"] = retired
        if not self.is_bound:
            self.initial.setdefault("key", uuid.uuid4().hex)
        self.ask(on)

    def clean_category(self) -> str:
        code: str = self.cleaned_data["category"]
        if code:
            node = category_by_code(code)
            if node is None or not node.is_in_force(self.on):
                raise forms.ValidationError(retired_words(code, self.on))
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
        if data.get("answer_by") == AnswerBy.PHONE and not data.get("phone") and "phone" not in self.errors:
            self.add_error("phone", _t("To call you, we need your number."))
        if data.get("answer_by") == AnswerBy.SMS and not data.get("phone") and "phone" not in self.errors:
            self.add_error("phone", _t("To write to you, we need your number."))
        if data.get("answer_by") == AnswerBy.EMAIL and not data.get("email") and "email" not in self.errors:
            self.add_error("email", _t("To write to you, we need your address."))
        if (data.get("lon") is None) != (data.get("lat") is None) and not {"lon", "lat"} & set(self.errors):
            self.add_error(None, _t("This point is not on the map."))
        return data


class SatisfiedForm(forms.Form):
    """The second question; it may be answered later than the first, or not at all."""

    satisfied = forms.ChoiceField(
        label=_("How satisfied are you with the way it was handled?"),
        choices=Satisfied.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one of the three.")},
    )


class NeighbourlyForm(PointMixin):
    """As much of a report as is there while somebody writes."""

    text = forms.CharField(max_length=LONGEST_TEXT)
    category = forms.CharField(max_length=80, required=False)
    place = forms.ModelChoiceField(queryset=Place.objects.none(), required=False)

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place = self.fields["place"]
        assert isinstance(place, forms.ModelChoiceField)  # noqa: S101
        place.queryset = Place.objects.filter(_served_villages(now))


class AnswerForm(forms.Form):
    helped = forms.ChoiceField(
        label=_("Did it help?"),
        choices=[("yes", _("Yes, it helped")), ("no", _("No, something is still wrong"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one of the two.")},
    )
    satisfied = forms.ChoiceField(
        label=_("How satisfied are you with the way it was handled?"),
        choices=Satisfied.choices,
        required=False,
        widget=forms.RadioSelect,
    )
    words = Words(
        label=_("In your words"),
        help_text=_("What is still wrong, or what went well."),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class LetterForm(forms.Form):
    """What a reporter adds to a matter that is already with us."""

    text = Words(
        label=_("In your words"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Please write a few words.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "letter_%s")
        super().__init__(*args, **kwargs)
