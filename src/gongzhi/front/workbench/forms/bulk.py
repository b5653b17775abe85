"""What is done to many cases at once. Each form asks what the same step asks for one case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.cases import NoteForm, PauseForm
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.understand.cases.models import Case


class BulkForm(forms.Form):
    """Nothing to fill in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "bulk_%s")
        super().__init__(*args, **kwargs)


class BulkSort(BulkForm):
    category = forms.ChoiceField(
        label=_("What are they about?"),
        widget=PlainSelect,
        error_messages={
            "required": _("Say what it is about."),
            "invalid_choice": _("There is no such category. Please choose from the list."),
        },
    )
    assign = forms.BooleanField(
        label=_("Give them at once to whom the responsibility matrix names"), required=False, initial=True
    )

    def __init__(self, *args: Any, categories: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["category"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = list(categories)


class BulkGive(BulkForm):
    position = forms.ChoiceField(
        label=_("To whom?"),
        widget=PlainSelect,
        error_messages={
            "required": _("Choose who leads from now on."),
            "invalid_choice": _("Nobody holds this post today."),
        },
    )

    def __init__(self, *args: Any, positions: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["position"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [("", _("Choose …")), *positions]


class BulkPause(BulkForm):
    reason = PauseForm.base_fields["reason"]
    review_on = PauseForm.base_fields["review_on"]

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_review_on(self) -> date:
        return PauseForm.clean_review_on(self)  # type: ignore[arg-type]  # the same field and the same day


class BulkNote(BulkForm):
    text = NoteForm.base_fields["text"]


class BulkUrgency(BulkForm):
    urgency = forms.ChoiceField(
        label=_("How urgent are they?"), choices=Case.Urgency.choices, widget=PlainSelect, initial=Case.Urgency.URGENT
    )


class BulkMerge(BulkForm):
    into = forms.ChoiceField(
        label=_("Which one is handled?"),
        help_text=_("The others go into it. Everybody who reported is told, and it can be undone."),
        widget=PlainSelect,
        error_messages={"required": _("Choose one of them."), "invalid_choice": _("Choose one of them.")},
    )

    def __init__(self, *args: Any, cases: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["into"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = list(cases)
