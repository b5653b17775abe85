"""What the system administration fills in about the category tree, its questions and the matrix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.ground.access.roles import ROLE_VERBS, Role
from gongzhi.ground.places.models import Place
from gongzhi.understand.cases.categories import DETAILS
from gongzhi.understand.cases.models import Category, Question

WORKING_ROLES: Final = [(role.value, role.label) for role in Role if "tasks.work" in ROLE_VERBS[role]]


def _code_field() -> forms.CharField:
    return forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("Small letters, digits and underscores. It never changes."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class DetailsForm(forms.Form):
    """A node of the tree, without where it stands."""

    version = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
    name_zh = forms.CharField(label=_("Chinese name"), max_length=60)
    name_en = forms.CharField(label=_("English name"), max_length=80)
    kind = forms.ChoiceField(label=_("Kind"), choices=Category.Kind.choices, widget=PlainSelect)
    role = forms.ChoiceField(
        label=_("Responsible role"),
        required=False,
        widget=PlainSelect,
        help_text=_("A row of the matrix says something else where it applies."),
    )
    deadline_rule = forms.ChoiceField(label=_("Deadline rule"), required=False, widget=PlainSelect)
    hint_zh = forms.CharField(label=_("What the form asks to tell (Chinese)"), max_length=200, required=False)
    hint_en = forms.CharField(label=_("What the form asks to tell (English)"), max_length=300, required=False)
    basis = forms.CharField(label=_("Legal basis"), max_length=300, required=False)
    basis_verified = forms.BooleanField(label=_("Somebody has read the text for this purpose"), required=False)
    opens_when_zh = forms.CharField(
        label=_("Taken up when (Chinese)"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    opens_when_en = forms.CharField(
        label=_("Taken up when (English)"), max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    closes_when_zh = forms.CharField(
        label=_("Done when (Chinese)"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    closes_when_en = forms.CharField(
        label=_("Done when (English)"), max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    keywords = forms.CharField(
        label=_("Keywords"),
        max_length=600,
        required=False,
        help_text=_("Words that point to this category, parted by commas."),
    )
    in_public_form = forms.BooleanField(label=_("Residents can choose it"), required=False)
    urban = forms.BooleanField(label=_("In towns"), required=False)
    rural = forms.BooleanField(label=_("In villages"), required=False)
    private = forms.BooleanField(
        label=_("Between people: never proposed to others, never on public maps and lists"), required=False
    )

    def __init__(self, *args: Any, rules: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (
            ("role", [("", _t("as the category above")), *WORKING_ROLES]),
            ("deadline_rule", [("", _t("as the category above")), *rules]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101
            field.choices = choices

    def details(self) -> dict[str, Any]:
        data: dict[str, Any] = {name: self.cleaned_data[name] for name in DETAILS if name in self.cleaned_data}
        data["keywords"] = [word for word in re.split(r"[、,，;；\s]+", data["keywords"]) if word]
        return data


class AddForm(forms.Form):
    word = _code_field()
    name_zh = forms.CharField(label=_("Chinese name"), max_length=60)
    name_en = forms.CharField(label=_("English name"), max_length=80)


class WhereForm(forms.Form):
    """Another node: a new parent, or a successor."""

    def __init__(self, *args: Any, name: str, label: Any, nodes: Sequence[Any], hint: Any = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[name] = forms.ChoiceField(
            label=label,
            help_text=hint,
            choices=nodes,
            required=False,
            widget=PlainSelect,
            error_messages={"invalid_choice": _("There is no such category. Please choose from the list.")},
        )


class QuestionForm(forms.Form):
    code = _code_field()
    kind = forms.ChoiceField(label=_("Kind of answer"), choices=Question.Kind.choices, widget=PlainSelect)
    label_zh = forms.CharField(label=_("Chinese wording"), max_length=120)
    label_en = forms.CharField(label=_("English wording"), max_length=160)
    choices = forms.CharField(
        label=_("Choices"),
        required=False,
        max_length=4000,
        help_text=_("One a line: key | Chinese | English. Only for “one of these” and “some of these”."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )
    required = forms.BooleanField(label=_("Must be answered"), required=False)
    position = forms.IntegerField(label=_("Place in the order"), min_value=0, max_value=999, initial=0)

    def clean_choices(self) -> list[dict[str, str]]:
        found = []
        for line in self.cleaned_data["choices"].splitlines():
            if not line.strip():
                continue
            parts = [part.strip() for part in re.split(r"[|｜]", line)]
            if len(parts) != 3 or not all(parts) or len(parts[0]) > 40:
                raise forms.ValidationError(_t("Write each choice like: road | 路边 | By the road"))
            found.append({"key": parts[0], "zh": parts[1], "en": parts[2]})
        return found


class PartForm(forms.Form):
    """Somebody who has a part besides the lead."""

    role = forms.ChoiceField(label=_("Has a part"), required=False, widget=PlainSelect)
    seat = forms.CharField(label=_("Of which place (code)"), max_length=12, required=False)
    limit = forms.CharField(
        label=_("Limit"),
        max_length=40,
        required=False,
        help_text=_("For example “3 working_days” or “4 working_hours”."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [("", "—"), *WORKING_ROLES]


class RowForm(forms.Form):
    """A row of the matrix."""

    category = forms.ChoiceField(
        label=_("Subject"),
        widget=PlainSelect,
        error_messages={"invalid_choice": _("There is no such category. Please choose from the list.")},
    )
    path = forms.CharField(label=_("Place"), max_length=30, help_text=_("The digits of the place; also for all below."))
    role = forms.ChoiceField(label=_("Leads"), choices=WORKING_ROLES, widget=PlainSelect)
    seat = forms.CharField(
        label=_("At which place is that post?"),
        max_length=30,
        required=False,
        help_text=_("Only if it does not lie on the way up from the case, like a department elsewhere."),
    )

    def __init__(self, *args: Any, nodes: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["category"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = nodes

    def _find(self, name: str) -> Place | None:
        given = self.cleaned_data[name].strip()
        if not given:
            return None
        places = Place.objects.filter(valid_to__isnull=True)
        place = places.filter(path=given).first() or places.filter(code=given).first()
        if place is None:
            raise forms.ValidationError(_t("There is no such place."))
        return place

    def clean_path(self) -> Place | None:
        return self._find("path")

    def clean_seat(self) -> Place | None:
        return self._find("seat")


class TableForm(forms.Form):
    """A table that is brought back."""

    file = forms.FileField(
        label=_("Table"),
        help_text=_("CSV or XLSX with the headers of the table that you can take out here."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx"}),
    )
