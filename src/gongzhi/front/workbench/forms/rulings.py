"""What staff fill in to ask, to rule, to share the work, to talk with the reporter, and to answer a slip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.cases import MoveForm
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.understand.cases.models import Case, Reply

_NOT_OFFERED = _("This choice is not offered. Please choose from the list.")


def _words(label: Any, hint: Any = "", *, rows: int = 3, most: int = 500, required: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=most,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"required": required or _("Please write a few words.")},
    )


class ReferForm(MoveForm):
    referral = forms.ChoiceField(
        label=_("Which of the six kinds is it?"),
        choices=[("", _("Choose …")), *Case.Referral.choices],
        widget=PlainSelect,
        error_messages={"required": _("Choose one of the six kinds."), "invalid_choice": _NOT_OFFERED},
    )
    reason = _words(_("Explain it to the reporter"), _("The reporter reads this, with the way to the right channel."))


class ExcludeForm(MoveForm):
    reason = _words(_("Why can nobody here be held to it?"), _("Whoever rules reads this."))


class ContactForm(MoveForm):
    way = forms.ChoiceField(
        label=_("How?"),
        choices=[
            (Reply.Way.PAGE, _("I write on the reporter’s page")),
            (Reply.Way.PHONE, _("I have telephoned")),
            (Reply.Way.VISIT, _("We have spoken in person")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say how you reached them."), "invalid_choice": _NOT_OFFERED},
    )
    text = _words(
        _("What was said"),
        _("What you write on the page everybody behind the case reads. Of a call or a visit only colleagues read it."),
        most=1000,
        rows=4,
    )


class PartForm(MoveForm):
    position = forms.ChoiceField(
        label=_("Whom do you ask?"),
        widget=PlainSelect,
        error_messages={"required": _("Choose a post."), "invalid_choice": _("Nobody holds this post today.")},
    )
    need = _words(_("What do you ask of them?"), most=300, rows=2)
    days = forms.IntegerField(
        label=_("Within how many working days?"),
        help_text=_("Leave it empty for what the rules give."),
        required=False,
        min_value=1,
        max_value=60,
    )

    def __init__(self, *args: Any, positions: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["position"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = list(positions)


class DropPartForm(MoveForm):
    reason = _words(_("Why is it no longer needed?"), _("It is kept as a note for colleagues."), most=300, rows=2)


class WhoseForm(forms.Form):
    """The answer to "whose is it?"."""

    position = forms.ChoiceField(
        label=_("Who leads?"),
        widget=PlainSelect,
        error_messages={"required": _("Say who leads."), "invalid_choice": _("Nobody holds this post today.")},
    )
    words = _words(_("Reasons"), _("Those concerned read them. What is ruled here cannot be sent back."))

    def __init__(self, *args: Any, positions: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["position"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = list(positions)


class AgreeForm(forms.Form):
    agreed = forms.ChoiceField(
        label=_("Do you agree?"),
        choices=[("yes", _("Yes, I agree")), ("no", _("No, it goes on as before"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one of the two."), "invalid_choice": _NOT_OFFERED},
    )
    words = _words(_("Reasons"), _("Those concerned read them."))


class AnswerSlipForm(forms.Form):
    answer = _words(
        _("Why is it late, what happens now, and until when?"),
        most=1000,
        rows=5,
        required=_("Say why it is late and what happens now."),
    )
