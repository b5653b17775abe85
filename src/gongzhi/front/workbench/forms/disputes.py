"""What a mediator fills in: opening a dispute, and each step of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.act.disputes.actions import NewParty, Promise
from gongzhi.act.disputes.models import Agreement, Dispute, Kind, Side
from gongzhi.front.workbench.forms.selects import PlainSelect

ROWS = 4


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def _choices(form: forms.Form, name: str, choices: Sequence[Any]) -> None:
    field: Any = form.fields[name]
    field.choices = choices


class PartyForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=60, error_messages={"required": _("Each party has a name.")})
    phone = forms.CharField(label=_("Telephone"), max_length=30, required=False)
    side = forms.ChoiceField(label=_("Side"), choices=Side.choices, widget=PlainSelect, initial=Side.RESPONDENT)

    def party(self) -> NewParty:
        data = self.cleaned_data
        return NewParty(name=data["name"], phone=data["phone"], side=data["side"])


class OpenForm(forms.Form):
    """A dispute with its first parties: up to four rows of name, telephone and side."""

    place = forms.ChoiceField(
        label=_("Where?"),
        widget=PlainSelect,
        error_messages={"invalid_choice": _("We do not know this place. Please choose from the list.")},
    )
    kind = forms.ChoiceField(label=_("What kind of dispute?"), choices=Kind.choices, widget=PlainSelect)
    subject = forms.CharField(
        label=_("What is the dispute about?"),
        help_text=_(
            "A few words that every party reads, the one complained of as well: no names, nothing of the report."
        ),
        max_length=120,
        error_messages={"required": _("Say what it is about, without names: every party reads it.")},
    )
    facts = forms.CharField(
        label=_("What happened?"),
        help_text=_("Kept sealed. No party reads it."),
        max_length=4000,
        widget=_area(4),
        error_messages={"required": _("Say what happened.")},
    )
    case = forms.CharField(max_length=14, required=False, widget=forms.HiddenInput)
    reporter = forms.BooleanField(label=_("The first party is who reported the case"), required=False, initial=True)

    def __init__(self, *args: Any, places: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choices(self, "place", places)
        for row in range(1, ROWS + 1):
            first = Side.APPLICANT if row == 1 else Side.RESPONDENT
            self.fields[f"name_{row}"] = forms.CharField(label=_t("Name"), max_length=60, required=row <= 2)
            self.fields[f"name_{row}"].error_messages["required"] = _t("Each party has a name.")
            self.fields[f"phone_{row}"] = forms.CharField(label=_t("Telephone"), max_length=30, required=False)
            self.fields[f"side_{row}"] = forms.ChoiceField(
                label=_t("Side"), choices=Side.choices, widget=PlainSelect, initial=first, required=row <= 2
            )

    def rows(self) -> list[list[forms.BoundField]]:
        return [[self[f"{name}_{row}"] for name in ("name", "phone", "side")] for row in range(1, ROWS + 1)]

    def more_parties(self) -> bool:
        """Whether more than two were named, or something is wrong with one of them."""
        more = [f"{name}_{row}" for row in range(3, ROWS + 1) for name in ("name", "phone")]
        return any(self[name].value() or name in self.errors for name in more)

    def parties(self) -> list[NewParty]:
        data = self.cleaned_data
        return [
            NewParty(
                name=data[f"name_{row}"],
                phone=data[f"phone_{row}"],
                side=data[f"side_{row}"] or Side.THIRD,
                reporter=row == 1 and bool(data["case"]) and data["reporter"],
            )
            for row in range(1, ROWS + 1)
            if data.get(f"name_{row}")
        ]


class MediatorForm(forms.Form):
    post = forms.ChoiceField(
        label=_("Who shall mediate?"),
        widget=PlainSelect,
        error_messages={"invalid_choice": _("This mediator is not on the list.")},
    )

    def __init__(self, *args: Any, mediators: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choices(self, "post", mediators)


class MeetForm(forms.Form):
    at = forms.DateTimeField(label=_("When?"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    site = forms.CharField(label=_("Where?"), max_length=200, error_messages={"required": _("Say where to meet.")})
    parties = forms.MultipleChoiceField(
        label=_("Who is asked?"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose who is asked to the meeting.")},
    )

    def __init__(self, *args: Any, parties: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choices(self, "parties", parties)


class HoldForm(forms.Form):
    minutes = forms.CharField(
        label=_("What was said, and what came of it?"),
        help_text=_("Kept sealed. No party reads it here."),
        max_length=8000,
        widget=_area(5),
        error_messages={"required": _("Write down what was said and what came of it.")},
    )


class TermForm(forms.Form):
    until = forms.DateField(label=_("Until when do the parties agree?"), widget=forms.DateInput(attrs={"type": "date"}))


class AgreementForm(forms.Form):
    """What is agreed, and who does what by when: up to four rows."""

    content = forms.CharField(
        label=_("What is agreed?"),
        help_text=_("The facts, who is responsible for what, and how it is settled. All parties read it."),
        max_length=4000,
        widget=_area(6),
        error_messages={"required": _("Write down what is agreed.")},
    )
    oral = forms.BooleanField(label=_("Agreed by word of mouth; I record it, and it is in force"), required=False)

    def __init__(self, *args: Any, parties: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for row in range(1, ROWS + 1):
            self.fields[f"who_{row}"] = forms.ChoiceField(
                label=_t("Who"), choices=[("", "—"), *parties], widget=PlainSelect, required=False
            )
            self.fields[f"what_{row}"] = forms.CharField(label=_t("does what"), max_length=300, required=False)
            self.fields[f"due_{row}"] = forms.DateField(
                label=_t("by when"), required=False, widget=forms.DateInput(attrs={"type": "date"})
            )

    def rows(self) -> list[list[forms.BoundField]]:
        return [[self[f"{name}_{row}"] for name in ("who", "what", "due")] for row in range(1, ROWS + 1)]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        for row in range(1, ROWS + 1):
            given = [bool(data.get(f"{name}_{row}")) for name in ("who", "what", "due")]
            if any(given) and not all(given):
                self.add_error(f"what_{row}", _t("Each obligation has a party and a day that lies ahead."))
        return data

    def promises(self) -> list[Promise]:
        data = self.cleaned_data
        return [
            Promise(party=int(data[f"who_{row}"]), what=data[f"what_{row}"], due_on=data[f"due_{row}"])
            for row in range(1, ROWS + 1)
            if data.get(f"what_{row}")
        ]


class CourtForm(forms.Form):
    court = forms.ChoiceField(
        label=_("What happened at the court?"), choices=Agreement.Court.choices, widget=PlainSelect
    )
    on = forms.DateField(label=_("On which day?"), widget=forms.DateInput(attrs={"type": "date"}))


_TOLD = _("What does the reporter of the case read?")
_TOLD_HELP = _("Reported with your work order, where it lies with you. Nothing about the other side.")


class FinishForm(forms.Form):
    told = forms.CharField(label=_TOLD, help_text=_TOLD_HELP, max_length=500, required=False, widget=_area(2))


class TerminateForm(FinishForm):
    ending = forms.ChoiceField(label=_("How did it end?"), choices=Dispute.Ending.choices, widget=PlainSelect)
    words = forms.CharField(
        label=_("Why?"), max_length=1000, widget=_area(2), error_messages={"required": _("Say why it ended.")}
    )
    field_order = ("ending", "words", "told")


class ReferForm(FinishForm):
    referral = forms.ChoiceField(label=_("Where does it go?"), choices=Dispute.Referral.choices, widget=PlainSelect)
    words = forms.CharField(
        label=_("Why?"), max_length=1000, widget=_area(2), error_messages={"required": _("Say why it goes there.")}
    )
    field_order = ("referral", "words", "told")


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Why do you need to see the names?"),
        max_length=200,
        error_messages={"required": _("Say in a few words why you need to see this.")},
    )
