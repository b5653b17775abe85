"""What the system administration fills in to have another system told."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import label_of
from gongzhi.ground.places.models import Place
from gongzhi.loop.webhooks.models import EVENTS


class WebhookForm(forms.Form):
    name = forms.CharField(label=_("What is it for?"), max_length=60)
    url = forms.CharField(
        label=_("Address"),
        help_text=_("https:// only, and only on the open Internet: addresses of private networks are refused."),
        max_length=500,
        widget=forms.URLInput,
    )
    path = forms.CharField(
        label=_("Place"),
        max_length=30,
        help_text=_("The digits of the place; events there and everywhere below it are told."),
    )
    events = forms.MultipleChoiceField(
        label=_("What is told?"),
        help_text=_("Only numbers and codes are sent. What they mean, the other system asks with a token."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one kind of event.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["events"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101
        field.choices = [(name, label_of(name)) for name in EVENTS]

    def clean_path(self) -> Place:
        place = Place.objects.filter(path=self.cleaned_data["path"].strip(), valid_to__isnull=True).first()
        if place is None:
            raise forms.ValidationError(_("There is no such place."))
        return place
