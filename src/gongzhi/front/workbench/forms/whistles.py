"""What is filled in at whistles: blowing one, answering it, ending it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.act.whistles.actions import MOST_CASES, MOST_UNITS, Called
from gongzhi.act.whistles.models import Kind, Mark
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.ground.access.models import Post
from gongzhi.ground.rules.spans import Span, Unit

OUTSIDE = "outside"


class BlowForm(forms.Form):
    """A call: what, where, who, and who of them leads."""

    place = forms.ChoiceField(label=_("Which street calls?"), widget=PlainSelect)
    kind = forms.ChoiceField(
        label=_("What kind of matter?"),
        choices=Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose what kind of matter it is.")},
    )
    need = forms.CharField(
        label=_("What are the units needed for?"),
        help_text=_("The units read this. No names of residents, no telephone numbers."),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Say what the units are needed for.")},
    )
    site = forms.CharField(
        label=_("Where to meet?"), max_length=200, error_messages={"required": _("Say where to meet.")}
    )
    units = forms.MultipleChoiceField(
        label=_("Which units are called?"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("Nobody holds this post today.")},
    )
    outside = forms.CharField(
        label=_("Units outside this house"),
        help_text=_("One a line, for example a power supplier. You note for them whether they come."),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    lead = forms.ChoiceField(
        label=_("Which of them leads?"),
        widget=PlainSelect,
        error_messages={
            "required": _("Say which of the called units leads."),
            "invalid_choice": _("Say which of the called units leads."),
        },
    )
    amount = forms.IntegerField(
        label=_("Another time to arrive"),
        help_text=_("Left empty, the rule of the kind holds."),
        required=False,
        min_value=1,
        max_value=1000,
    )
    unit = forms.ChoiceField(
        label=_("counted in"), choices=Unit.choices, required=False, widget=PlainSelect, initial=Unit.WORKING_HOURS
    )
    cases = forms.CharField(
        label=_("About these cases"),
        help_text=_("Their numbers, with spaces between them. May be left empty."),
        required=False,
        max_length=1000,
    )

    def __init__(self, *args: Any, places: Sequence[tuple[int, str]], posts: Sequence[Post], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(f"{post.role}@{post.place_id}", str(post)) for post in posts]
        self._choices("place").choices = [(str(pk), name) for pk, name in places]
        self._choices("units").choices = known
        self._choices("lead").choices = [("", _t("Choose …")), *known, (OUTSIDE, _t("the first unit outside"))]
        self.fields["units"].help_text = _t("At most %(count)d units, please.") % {"count": MOST_UNITS}

    def _choices(self, name: str) -> Any:
        return self.fields[name]

    def clean_cases(self) -> list[str]:
        numbers = re.split(r"[\s,，、;；]+", self.cleaned_data["cases"].strip())
        found = list(dict.fromkeys(number for number in numbers if number))
        if len(found) > MOST_CASES:
            raise forms.ValidationError(_t("At most %(count)d cases, please.") % {"count": MOST_CASES})
        if wrong := [number for number in found if not re.fullmatch(r"[0-9A-Za-z-]{1,14}", number)]:
            raise forms.ValidationError(_t("This is no case number: %(number)s") % {"number": wrong[0][:20]})
        return found

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        names = [line.strip() for line in (data.get("outside") or "").splitlines() if line.strip()]
        chosen = list(data.get("units") or [])
        lead = data.get("lead")
        if lead and lead != OUTSIDE and lead not in chosen:
            chosen.insert(0, lead)  # who leads is called
        called = [Called(role=one.partition("@")[0], place_id=int(one.partition("@")[2])) for one in chosen]
        called += [Called(outside=name) for name in names]
        if not called and "units" not in self.errors:
            self.add_error("units", _t("Call at least one unit."))
        data["called"] = called
        data["lead_at"] = -1
        if lead == OUTSIDE:
            if names:
                data["lead_at"] = len(chosen)
            else:
                self.add_error("outside", _t("Name the unit outside that leads."))
        elif lead:
            data["lead_at"] = chosen.index(lead)
        data["within"] = None
        if data.get("amount"):
            data["within"] = Span(data["amount"], Unit(data.get("unit") or Unit.WORKING_HOURS))
        return data


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Why can your unit not come?"),
        help_text=_("And who could, if you know. The leader of the street rules on it."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say why your unit cannot come, and who could.")},
    )


class RulingForm(forms.Form):
    excused = forms.ChoiceField(
        label=_("Must the unit come?"),
        choices=[("no", _("It must come")), ("yes", _("It is excused"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one of the two.")},
    )
    words = forms.CharField(
        label=_("Why?"),
        help_text=_("The unit reads it."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why you rule so; the unit reads it.")},
    )


class MeasuresForm(forms.Form):
    measures = forms.CharField(
        label=_("What did your unit do?"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say what your unit did.")},
    )
    result = forms.CharField(
        label=_("What came of it?"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say what came of it.")},
    )


class EndForm(forms.Form):
    result = forms.CharField(
        label=_("What came of it?"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say what came of it.")},
    )


class CallOffForm(forms.Form):
    reason = forms.CharField(
        label=_("Why is nobody needed any more?"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why nobody is needed any more; the units read it.")},
    )


class AppraisalForm(forms.Form):
    mark = forms.ChoiceField(
        label=_("How was it?"),
        choices=Mark.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose how it was.")},
    )
    words = forms.CharField(
        label=_("In words"),
        help_text=_("What was good, what was missing. The other side reads it once both have spoken."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say it in words: what was good, what was missing.")},
    )
