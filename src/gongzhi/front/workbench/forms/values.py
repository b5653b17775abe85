"""What is filled in for valued work: the agreement, an item, a report, a score, an objection and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.act.values.models import Agreement, Objection
from gongzhi.act.values.scoring import Marks, Weights
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.front.working import role_words
from gongzhi.ground.access.models import Post
from gongzhi.ground.rules.working import Working

Choices = Sequence[tuple[str, str]]


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def _number(label: Any, message: Any, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={"required": message, "invalid": message},
        **options,
    )


def _day(label: Any, **options: Any) -> forms.DateField:
    message = _("Please give a day, for example 2026-11-30.")
    return forms.DateField(
        label=label,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": message, "invalid": message},
        **options,
    )


def last_moment(day: date) -> datetime:
    """A deadline given as a day means all of that day."""
    return timezone.make_aware(datetime.combine(day, time(23, 59, 59)))


def person_choices(posts: Sequence[Post], working: Working) -> list[tuple[str, str]]:
    """By name, as the posts come, each called as the place calls it."""
    return [
        (str(post.pk), _t("%(name)s (%(post)s)") % {"name": post.user.name, "post": role_words(post.role, working)})
        for post in posts
    ]


def _fill(form: forms.Form, name: str, choices: Choices) -> None:
    field: Any = form.fields[name]
    field.choices = choices


WEIGHT = _("A weight is a whole number from 0 to 100.")


class AgreementForm(forms.Form):
    place = forms.ChoiceField(
        label=_("For which village or community?"),
        widget=PlainSelect,
        error_messages={"invalid_choice": _("We do not know this place. Please choose from the list.")},
    )
    meeting = forms.CharField(
        label=_("Which meeting adopted it, and how?"),
        help_text=_("For example: joint meeting of the two committees, 8 of 9 present, all in favour."),
        max_length=1000,
        widget=_area(3),
        error_messages={"required": _("Say which meeting adopted it, and how it decided.")},
    )
    adopted_on = _day(_("On which day?"))
    done_weight = _number(_("What completion counts"), WEIGHT, initial=40)
    timeliness_weight = _number(_("What timeliness counts"), WEIGHT, initial=30)
    quality_weight = _number(_("What quality counts"), WEIGHT, initial=30)
    objection_days = _number(
        _("Working days in which a cadre may object"), _("Please give a whole number of working days.")
    )
    starts_on = _day(_("It holds from"))
    ends_on = _day(_("until (the last day)"))

    def __init__(self, *args: Any, places: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _fill(self, "place", places)

    def weights(self) -> Weights:
        data = self.cleaned_data
        return Weights(data["done_weight"], data["timeliness_weight"], data["quality_weight"])


class ItemForm(forms.Form):
    place = forms.ChoiceField(
        label=_("For which village or community?"),
        widget=PlainSelect,
        error_messages={"invalid_choice": _("We do not know this place. Please choose from the list.")},
    )
    source = forms.ChoiceField(
        label=_("From which received work?"),
        required=False,
        widget=PlainSelect,
        error_messages={"invalid_choice": _("This work does not wait here. Please choose from the list.")},
    )
    origin = forms.CharField(
        label=_("Or, in your own words, where does it come from?"),
        help_text=_("For example: the village’s own plan; a notice of the town."),
        max_length=200,
        required=False,
    )
    title = forms.CharField(
        label=_("What is to be done?"), max_length=120, error_messages={"required": _("Say what is to be done.")}
    )
    done_when = forms.CharField(
        label=_("What counts as done?"),
        help_text=_("So that nobody has to guess, and the score can be explained."),
        max_length=1000,
        widget=_area(3),
        error_messages={"required": _("Say what counts as done, so that nobody has to guess.")},
    )
    value = _number(_("Value of the item"), _("Please give the value as a whole number."))
    due_at = _day(_("To be done by"), help_text=_("The whole of that day counts."))
    post = forms.ChoiceField(
        label=_("Who does it?"),
        required=False,
        widget=PlainSelect,
        error_messages={"invalid_choice": _("Nobody holds this post here today.")},
    )

    def __init__(
        self, *args: Any, places: Choices, sources: Choices, people: Choices, most: int, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        _fill(self, "place", places)
        _fill(self, "source", [("", _t("None: own words")), *sources])
        _fill(self, "post", [("", _t("Give it out later")), *people])
        self.fields["value"].help_text = _t("From 1 to %(most)d.") % {"most": most}


class GiveForm(forms.Form):
    post = forms.ChoiceField(
        label=_("Who does it?"),
        widget=PlainSelect,
        error_messages={
            "required": _("Please choose who does it."),
            "invalid_choice": _("Nobody holds this post here today."),
        },
    )
    words = forms.CharField(label=_("What should they know?"), max_length=500, required=False, widget=_area(2))
    due_at = _day(_("Another deadline"), required=False)

    def __init__(self, *args: Any, people: Choices, moving: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _fill(self, "post", [("", _t("Choose …")), *people])
        if moving:
            self.fields["words"].label = _t("Why does it go to somebody else?")
            self.fields["words"].help_text = _t("Both read it.")
            self.fields["words"].required = True
            self.fields["words"].error_messages["required"] = _t("Say why it goes to somebody else; both read it.")


class WithdrawForm(forms.Form):
    words = forms.CharField(
        label=_("Why is it not needed any more?"),
        max_length=500,
        widget=_area(2),
        error_messages={"required": _("Say why it is withdrawn; the cadre reads it.")},
    )


class ReportForm(forms.Form):
    words = forms.CharField(
        label=_("What was done?"),
        help_text=_("A sentence is enough. No photos are asked for."),
        max_length=1000,
        widget=_area(3),
        error_messages={"required": _("Say in a sentence what was done.")},
    )


MARK = _("Each mark is a whole number from 0 to 100.")


class MarksForm(forms.Form):
    """Three marks; the labels say what each counts."""

    done = _number(_("Completion"), MARK)
    timeliness = _number(_("Timeliness"), MARK)
    quality = _number(_("Quality"), MARK)

    def __init__(self, *args: Any, agreement: Agreement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("done", "timeliness", "quality"):
            self.fields[name].label = _t("%(condition)s (counts %(weight)d %%)") % {
                "condition": self.fields[name].label,
                "weight": getattr(agreement.weights, name),
            }

    def marks(self) -> Marks:
        data = self.cleaned_data
        return Marks(data["done"], data["timeliness"], data["quality"])


class ScoreForm(MarksForm):
    reason = forms.CharField(
        label=_("The reason"),
        help_text=_("The cadre reads it, and it stands in the minutes."),
        max_length=1000,
        widget=_area(3),
        error_messages={"required": _("A score needs a reason; the cadre reads it.")},
    )
    rounds = forms.IntegerField(widget=forms.HiddenInput)


class ObjectForm(forms.Form):
    words = forms.CharField(
        label=_("What do you object to?"),
        help_text=_("And what you would think right. Somebody else than the scorer answers, where there is somebody."),
        max_length=1000,
        widget=_area(3),
        error_messages={"required": _("Say what you object to, and what you would think right.")},
    )


class AnswerForm(MarksForm):
    outcome = forms.ChoiceField(
        label=_("Does the score stay?"),
        choices=Objection.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one of the two.")},
    )
    words = forms.CharField(
        label=_("The answer, with its reason"),
        help_text=_("The cadre reads it, and it stands in the minutes."),
        max_length=1000,
        widget=_area(3),
        error_messages={"required": _("An objection needs an answer with a reason; the cadre reads it.")},
    )
    field_order = ("outcome", "done", "timeliness", "quality", "words")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("done", "timeliness", "quality"):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("outcome") == Objection.Outcome.CHANGED:
            for name in ("done", "timeliness", "quality"):
                if data.get(name) is None and name not in self.errors:
                    self.add_error(name, str(MARK))
        return data
