"""A pasted group chat: first the paste, then the drafts that a person makes into reports."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.formats import number_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gongzhi.front.asking import retired_words
from gongzhi.front.workbench.filters import category_choices
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.sense.channels.chat import LONGEST_PASTE, MOST_CLAIMS, Claim
from gongzhi.sense.channels.models import LONGEST_TEXT
from gongzhi.understand.cases.tree import category_by_code

_MOST_BYTES: Final = 1_000_000
_MOST_OFFERED: Final = 40
CONSENTS: Final = (
    ("group", _("The group was told that demands written there are taken up")),
    ("person", _("I asked each person whose words I take in")),
)


class PasteForm(forms.Form):
    paste = forms.CharField(
        label=_("The chat"),
        help_text=_("Copy several messages or an exported chat in here. Names are replaced at once; nothing is kept."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 10, "autocomplete": "off", "spellcheck": "false"}),
    )
    file = forms.FileField(
        label=_("Or the exported file"),
        help_text=_("A text file (.txt) of at most 1 MB."),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".txt,text/plain"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        text = data.get("paste") or ""
        file = data.get("file")
        if isinstance(file, UploadedFile) and not text.strip():
            text = self._read(file)
        if "file" in self.errors:
            return data
        if not text.strip():
            self.add_error("paste", _t("There is nothing to read. Paste the chat or choose a file."))
        elif len(text) > LONGEST_PASTE:
            self.add_error(
                "paste",
                _t("That is %(length)s characters; %(most)s are the most at once. Please paste it in parts.")
                % {"length": number_format(len(text)), "most": number_format(LONGEST_PASTE)},
            )
        data["text"] = text
        return data

    def _read(self, file: UploadedFile[bytes]) -> str:
        if (file.size or 0) > _MOST_BYTES:
            self.add_error("file", _t("This file is larger than 1 MB. Please split it."))
            return ""
        content = file.read()
        for encoding in ("utf-8-sig", "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "gb18030"):
            try:
                text: str = content.decode(encoding)
            except UnicodeDecodeError:
                continue
            if "\x00" not in text:
                return text
        self.add_error("file", _t("This is not a text file. Export the chat as text (.txt)."))
        return ""


class DraftForm(forms.Form):
    """One draft."""

    take = forms.ChoiceField(widget=PlainSelect)
    text = forms.CharField(
        label=_("What is the matter?"),
        max_length=LONGEST_TEXT,
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    category = forms.ChoiceField(label=_("What is it about?"), required=False, widget=PlainSelect)
    place = forms.ChoiceField(label=_("Community or grid"), required=False, widget=PlainSelect)
    agreed = forms.IntegerField(min_value=0, max_value=10_000, required=False, widget=forms.HiddenInput)

    def __init__(
        self, given: Any, *, number: int, numbers: int, on: date, tree: Any, places: Any, initial: dict[str, Any]
    ) -> None:
        super().__init__(given, prefix=f"d{number}", initial=initial)
        self.number, self.on = number, on
        if len(places) < 2:
            del self.fields["place"]
        for name, choices in (
            (
                "take",
                [
                    ("yes", _t("Take it in")),
                    ("no", _t("Leave it out")),
                    *(
                        (str(other), _t("Join it to no. %(number)d") % {"number": other})
                        for other in range(1, numbers + 1)
                        if other != number
                    ),
                ],
            ),
            ("category", tree),
            ("place", places),
        ):
            field = self.fields.get(name)
            if isinstance(field, forms.ChoiceField):
                field.choices = choices
        self.fields["take"].label = _t("No. %(number)d") % {"number": number}

    def clean_category(self) -> str:
        code: str = self.cleaned_data["category"]
        node = category_by_code(code) if code else None
        if node is not None and not node.is_in_force(self.on):
            raise forms.ValidationError(retired_words(code, self.on))
        return code

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data.setdefault("place", "")
        if data.get("take") == "yes" and not data.get("text") and "text" not in self.errors:
            self.add_error("text", _t("Tell us in a few words what happened."))
        return data


class TakeForm(forms.Form):
    """The drafts together, and that those who wrote agree."""

    consent = forms.ChoiceField(
        label=_("Do they know?"),
        help_text=_("Demands from a group are taken in only with the knowledge of those who wrote them."),
        choices=CONSENTS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say how those who wrote it know that it is taken up.")},
    )
    place = forms.ChoiceField(
        label=_("Which place is the group’s?"),
        help_text=_("For every draft that says nothing else."),
        required=False,
        widget=PlainSelect,
        error_messages={"invalid_choice": _("We do not know this place. Please choose from the list.")},
    )
    key = forms.CharField(max_length=40, widget=forms.HiddenInput)
    count = forms.IntegerField(min_value=1, max_value=MOST_CLAIMS, widget=forms.HiddenInput)

    def __init__(
        self,
        given: Any = None,
        *,
        on: date,
        places: Sequence[tuple[str, str]],
        place: str = "",
        claims: Sequence[Claim] = (),
    ) -> None:
        super().__init__(given, initial={"key": uuid.uuid4().hex, "count": len(claims), "place": place})
        choice = self.fields["place"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101
        choice.choices = [("", _t("Not known yet")), *places]
        count = len(claims)
        if given is not None:
            known = str(given.get("count", ""))
            count = min(int(known), MOST_CLAIMS) if known.isascii() and known.isdigit() and len(known) < 6 else 0
        shared: dict[str, Any] = {
            "numbers": count,
            "on": on,
            "tree": category_choices(on, everything=_t("Not sure")),
            # A hundred drafts with hundreds of places each would be a page of megabytes.
            "places": [("", _t("As said above")), *(places if len(places) <= _MOST_OFFERED else [])],
        }
        self.drafts = [
            DraftForm(
                given,
                number=number + 1,
                initial={}
                if given is not None
                else {"take": "yes", "text": claims[number].text, "agreed": claims[number].others},
                **shared,
            )
            for number in range(count)
        ]

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(draft.is_valid() for draft in self.drafts)])

    def joined(self) -> list[dict[str, Any]]:
        """The drafts to take in, those that were joined to them added below their words."""
        data = {draft.number: draft.cleaned_data for draft in self.drafts}

        def goal(number: int) -> int | None:
            """Where a draft ends up, along "join it to"; none when it is left out. Round in circles: where it began."""
            seen = [number]
            while (take := data[seen[-1]]["take"]) not in ("yes", "no"):
                if int(take) in seen:
                    return min(seen)
                seen.append(int(take))
            return seen[-1] if take == "yes" else None

        goals = {number: goal(number) for number in data}
        taken = []
        for number, one in data.items():
            if goals[number] != number:
                continue
            others = [data[other] for other in data if other != number and goals[other] == number]
            words = [one["text"], *(other["text"] for other in others)]
            taken.append(
                {
                    **one,
                    "number": number,
                    "text": "\n".join(word for word in words if word),
                    "agreed": (one["agreed"] or 0) + sum((other["agreed"] or 0) + 1 for other in others),
                    "category": one["category"]
                    or next((other["category"] for other in others if other["category"]), ""),
                    "place": one["place"]
                    or next((other["place"] for other in others if other["place"]), self.cleaned_data["place"]),
                }
            )
        return taken
