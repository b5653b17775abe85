"""Forms of the call list and of claims."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gongzhi.act.callups.models import Claim, Group, Skill, Way
from gongzhi.act.directives.models import Assignment


class CapableForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=40)
    phone = forms.CharField(label=_("Telephone"), max_length=30, widget=forms.TextInput(attrs={"inputmode": "tel"}))
    skills = forms.MultipleChoiceField(
        label=_("What they can do"), choices=Skill.choices, widget=forms.CheckboxSelectMultiple
    )
    consent = forms.ChoiceField(
        label=_("How they agreed to be called"),
        choices=Way.choices,
        help_text=_("Nobody is entered without it. They may leave at any time."),
    )


class CallForm(forms.Form):
    skill = forms.ChoiceField(label=_("Who is needed"), choices=Skill.choices)
    words = forms.CharField(
        label=_("What for, where, when"),
        max_length=200,
        help_text=_("It is the reason for which you see the numbers, and stands in the record."),
    )


class GroupForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=60)
    kind = forms.ChoiceField(label=_("Kind"), choices=Group.Kind.choices)


class ClaimForm(forms.Form):
    assignment = forms.ChoiceField(label=_("Assignment"))
    group = forms.ChoiceField(label=_("Group"))
    part = forms.CharField(label=_("Which piece"), max_length=200)

    def __init__(self, *args: Any, pieces: list[Assignment], groups: list[Group], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (
            ("assignment", [(str(one.pk), f"{one.directive.number} {one.directive.title}") for one in pieces]),
            ("group", [(str(one.pk), one.name) for one in groups]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101
            field.choices = choices


class EndClaimForm(forms.Form):
    claim = forms.IntegerField(widget=forms.HiddenInput)
    state = forms.ChoiceField(
        label=_("What became of it"),
        choices=[
            (Claim.State.DONE.value, _("It is done")),
            (Claim.State.GIVEN_BACK.value, _("The group gives it back")),
        ],
    )
    words = forms.CharField(label=_("In words"), max_length=500)
