"""What is filled in at work orders and checks."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.enter import PhotosField, SeveralPhotos
from gongzhi.sense.channels.photos import MOST_PHOTOS
from gongzhi.verify.checks.models import Result, Satisfied


class DoneForm(forms.Form):
    words = forms.CharField(
        label=_("What was done?"),
        help_text=_("One or two sentences. The reporter reads them."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say in a sentence what was done; the reporter reads it.")},
    )
    photos = PhotosField(
        label=_("Photos"),
        required=False,
        help_text=_("Welcome, never required."),
        widget=SeveralPhotos(attrs={"accept": "image/*"}),
    )
    most_photos = MOST_PHOTOS


class ReturnForm(forms.Form):
    reason = forms.CharField(
        label=_("Why is it not yours?"),
        help_text=_("And whose it could be, if you know."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why this is not yours, and whose it could be.")},
    )


class PhoneForm(forms.Form):
    """What the reporter said on the telephone."""

    result = forms.ChoiceField(
        label=_("What does the reporter say?"),
        choices=[(Result.HELPED, _("It helped")), (Result.NOT_HELPED, _("It did not help"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one of the two.")},
    )
    satisfied = forms.ChoiceField(
        label=_("How satisfied are they with the way it was handled?"),
        choices=Satisfied.choices,
        required=False,
        widget=forms.RadioSelect,
    )
    words = forms.CharField(
        label=_("In the reporter's words"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class SiteForm(forms.Form):
    """What was seen on site."""

    result = forms.ChoiceField(
        label=_("What did you see?"),
        choices=[
            (Result.SEEN_DONE, _("It is done")),
            (Result.SEEN_NOT_DONE, _("It is not done")),
            (Result.UNREACHABLE, _("It is done, and the reporter could not be reached")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose what you saw.")},
    )
    words = forms.CharField(
        label=_("What exactly?"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
