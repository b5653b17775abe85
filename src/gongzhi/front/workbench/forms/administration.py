"""What those fill in who look after posts, places, rules and the calendar."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gongzhi.ground.access.roles import Role
from gongzhi.ground.places.models import Colour, EmergencyLevel, Mode, Place, Profile


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class PowersForm(forms.Form):
    minutes = forms.IntegerField(label=_("For how many minutes?"), min_value=1, initial=30)
    reason = forms.CharField(
        label=_("What do you need them for?"),
        help_text=_("The reason stands in the record, and the audit administration reads it."),
        max_length=200,
    )


class PostForm(forms.Form):
    username = forms.CharField(label=_("User name"), max_length=60, help_text=_("Of an account that exists."))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    path = forms.CharField(
        label=_("Place"), max_length=30, help_text=_("The digits of the place, for example 110108014 for a street.")
    )
    starts_on = forms.DateField(label=_("From"), widget=DayInput())
    ends_on = forms.DateField(label=_("Until"), required=False, widget=DayInput())
    reason = forms.CharField(label=_("Reason"), max_length=200)

    def clean_path(self) -> Place:
        place = Place.objects.filter(path=self.cleaned_data["path"].strip(), valid_to__isnull=True).first()
        if place is None:
            raise forms.ValidationError(_("There is no such place."))
        return place


class ModeForm(forms.Form):
    mode = forms.ChoiceField(
        label=_("Mode"),
        choices=[("", _("as the place above")), *Mode.choices],
        required=False,
        widget=forms.RadioSelect,
    )
    level = forms.ChoiceField(label=_("Level"), choices=[("", "—"), *EmergencyLevel.choices], required=False)
    colour = forms.ChoiceField(label=_("Warning colour"), choices=[("", "—"), *Colour.choices], required=False)
    until = forms.DateTimeField(
        label=_("Until"),
        required=False,
        help_text=_("It ends by itself then. Leave it empty if nobody knows yet."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=200, help_text=_("Everybody reads it at the top of every page.")
    )


class ProfileForm(forms.Form):
    profile = forms.ChoiceField(
        label=_("Profile"), choices=[("", _("as the place above")), *Profile.choices], required=False
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("It stands in the history of the place, for colleagues to read.")
    )


class OverrideForm(forms.Form):
    key = forms.ChoiceField(label=_("Rule"))
    value = forms.CharField(
        label=_("New value"),
        max_length=300,
        help_text=_("A time is written like “5 working_days” or “4 working_hours”."),
    )
    valid_from = forms.DateField(label=_("From"), widget=DayInput())
    reason = forms.CharField(label=_("Reason"), max_length=200)

    def __init__(self, *args: Any, keys: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["key"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = keys


class CalendarDayForm(forms.Form):
    day = forms.DateField(label=_("Day"), widget=DayInput())
    kind = forms.ChoiceField(
        label=_("It is"),
        choices=[("holiday", _("a day off")), ("workday", _("a working day"))],
        widget=forms.RadioSelect,
    )
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=60, required=False)


class AuditForm(forms.Form):
    event = forms.CharField(label=_("Event"), max_length=80, required=False)
    path = forms.RegexField(label=_("Place"), regex=r"^\d{0,30}$", required=False)
    username = forms.CharField(label=_("User name"), max_length=60, required=False)
    since = forms.DateField(label=_("From"), required=False, widget=DayInput())
    until = forms.DateField(label=_("Until"), required=False, widget=DayInput())


def today_initial(today: date) -> dict[str, object]:
    return {"starts_on": today, "valid_from": today}
