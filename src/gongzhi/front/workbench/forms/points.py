"""What the secretary and the assessment group fill in about household points."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.act.points.models import Good, Item, Rulebook, Way
from gongzhi.front.workbench.forms.selects import PlainSelect

_NOTED = [(Way.PAPER.value, Way.PAPER.label), (Way.ORAL.value, Way.ORAL.label)]


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def _day() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class RulebookForm(forms.Form):
    cap = forms.IntegerField(
        label=_("Points that may be given in a year, at most"),
        help_text=_("The yearly budget. What goes beyond it waits for the next year."),
    )
    reset_month = forms.IntegerField(
        label=_("Month in which the year of points begins"),
        help_text=_("What is left of the year before lapses then."),
        initial=1,
    )
    deductions = forms.BooleanField(
        label=_("The meeting wants deductions as well"),
        help_text=_("Off is better. A deduction needs evidence, two others who confirm it, and a time to object."),
        required=False,
    )
    words = forms.CharField(label=_("What else the rules say"), max_length=2000, required=False, widget=_area(3))


class ItemForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=Item.Kind.choices, widget=PlainSelect)
    name = forms.CharField(label=_("For what?"), max_length=80)
    value = forms.IntegerField(label=_("Points"))
    checked = forms.CharField(
        label=_("How is it checked?"), help_text=_("For example: two of the group look at the yard."), max_length=200
    )
    yearly = forms.IntegerField(label=_("Times in a year, at most"), required=False)
    deducts = forms.BooleanField(label=_("This item deducts points"), required=False)


class AdoptForm(forms.Form):
    meeting = forms.ChoiceField(label=_("Which meeting?"), choices=Rulebook.Meeting.choices, widget=PlainSelect)
    meeting_name = forms.CharField(
        label=_("Name of the meeting"), help_text=_("As it stands in the minutes."), max_length=120
    )
    adopted_on = forms.DateField(label=_("On which day?"), widget=_day())
    entitled = forms.IntegerField(label=_("How many were entitled?"))
    present = forms.IntegerField(label=_("How many were present?"))
    in_favour = forms.IntegerField(label=_("How many were in favour?"))


class JoinForm(forms.Form):
    label = forms.CharField(
        label=_("Door"), help_text=_("A short label such as “3-12”. It is what is published; no names."), max_length=30
    )
    contact = forms.CharField(
        label=_("Whom to ask for"), help_text=_("Kept sealed, never published."), max_length=60, required=False
    )
    way = forms.ChoiceField(label=_("How did the household agree?"), choices=_NOTED, widget=PlainSelect)
    consent = forms.BooleanField(
        label=_(
            "The household agrees: its door, the item and the points are published for the days of the "
            "publication; it may leave at any time."
        ),
        required=False,
    )


class MemberForm(forms.Form):
    user = forms.ChoiceField(label=_("Who?"), widget=PlainSelect)
    household = forms.ChoiceField(
        label=_("Their own household"),
        help_text=_("Nobody checks or answers for their own household."),
        widget=PlainSelect,
        required=False,
    )

    def __init__(
        self, *args: Any, users: Sequence[tuple[str, str]], households: Sequence[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "user", users)
        choose(self, "household", [("", _("takes no part here")), *households])


class DeedForm(forms.Form):
    """A claim on paper, or (with evidence) a deduction."""

    item = forms.ChoiceField(label=_("Which item?"), widget=PlainSelect)
    on = forms.DateField(label=_("On which day?"), widget=_day())
    words = forms.CharField(
        label=_("In the household’s words"),
        help_text=_("Only the group reads it. No names of children."),
        max_length=500,
        required=False,
        widget=_area(2),
    )
    key = forms.CharField(max_length=32, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, items: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "item", items)
        if not self.is_bound:
            self.initial.setdefault("key", uuid.uuid4().hex)


class EvidenceForm(DeedForm):
    words = forms.CharField(
        label=_("The evidence"),
        help_text=_("What was seen, when, by whom. The household reads it."),
        max_length=500,
        widget=_area(3),
    )


class LeaveForm(forms.Form):
    way = forms.ChoiceField(label=_("How did the household say so?"), choices=_NOTED, widget=PlainSelect)


class CheckForm(forms.Form):
    words = forms.CharField(
        label=_("If not: why?"), help_text=_("The household reads it."), max_length=300, required=False
    )


class ObjectForm(forms.Form):
    words = forms.CharField(label=_("What is wrong?"), max_length=500, widget=_area(2))
    way = forms.ChoiceField(label=_("How was it said?"), choices=_NOTED, widget=PlainSelect)
    household = forms.ChoiceField(label=_("By which household?"), widget=PlainSelect, required=False)

    def __init__(self, *args: Any, households: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "household", [("", _("somebody else, or the group itself")), *households])


class AnswerForm(forms.Form):
    upheld = forms.TypedChoiceField(
        label=_("What does the group find?"),
        choices=[("yes", _("The objection is right")), ("no", _("It stays as it is"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("The reason"), help_text=_("Everybody concerned reads it."), max_length=500, widget=_area(2)
    )


class GoodForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=Good.Kind.choices, widget=PlainSelect)
    name = forms.CharField(label=_("What?"), max_length=60)
    price = forms.IntegerField(label=_("Points"))
    stock = forms.IntegerField(
        label=_("Pieces in stock"), help_text=_("An honour need not be counted."), required=False
    )


class StockForm(forms.Form):
    stock = forms.IntegerField(label=_("Pieces in stock"), required=False)
    offered = forms.BooleanField(label=_("Offered"), required=False)


class ExchangeForm(forms.Form):
    household = forms.ChoiceField(label=_("Door"), widget=PlainSelect)
    good = forms.ChoiceField(label=_("For what?"), widget=PlainSelect)
    count = forms.IntegerField(label=_("How many?"), initial=1)
    key = forms.CharField(max_length=32, required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, households: Sequence[tuple[str, str]], goods: Sequence[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choose(self, "household", households)
        choose(self, "good", goods)
        if not self.is_bound:
            self.initial.setdefault("key", uuid.uuid4().hex)


class BackForm(forms.Form):
    reason = forms.CharField(label=_("Why is it taken back?"), max_length=300)


def choose(form: forms.Form, name: str, choices: Sequence[Any]) -> None:
    field: Any = form.fields[name]
    field.choices = choices
