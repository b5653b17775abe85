"""A suggestion as the desk sees it: the words marked in the text, how sure it is, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.ground.places.models import Place
from gongzhi.understand.cases.models import Case, Category
from gongzhi.understand.cases.tree import category_by_id
from gongzhi.understand.suggestions.models import Suggestion
from gongzhi.understand.suggestions.reading import LEAST, Reading
from gongzhi.understand.suggestions.urgency import Rule, rules

# What a stretch of the text stands for; where two overlap, the earlier one here is marked.
KINDS: Final = ("danger", "urgent", "category", "place", "time")
MOST_CHIPS: Final = 3


@dataclass(frozen=True)
class Choice:
    """One category that may be meant."""

    category: Category
    percent: int


@dataclass
class Suggested:
    """What the page says of one suggestion. Without one, everything is empty."""

    choices: list[Choice] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # that led to the first choice
    urgency: str = Case.Urgency.NORMAL
    alarms: list[tuple[Rule, list[str]]] = field(default_factory=list)
    place: Place | None = None
    place_words: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    marked: str = ""  # safe markup, made by mark_up

    def __bool__(self) -> bool:
        return bool(self.choices or self.alarms or self.place_words or self.times)

    @property
    def first(self) -> Choice | None:
        """What may be preselected: sure enough not to mislead."""
        return self.choices[0] if self.choices and self.choices[0].percent >= LEAST * 100 else None


def of_case(case: Case, text: str, on: date) -> Suggested:
    """The suggestion kept for a case, on the text it was made from. One statement (two when it names a place)."""
    kept = Suggestion.objects.select_related("place").filter(case=case).first()
    if kept is None:
        return Suggested(marked=mark_up(text, []))
    return drawn(
        text,
        ranked=[(category_by_id(pk), share) for pk, share in kept.ranked],
        spans=kept.spans,
        alarms=kept.urgency_rules,
        places=kept.places,
        times=kept.times,
        urgency=kept.urgency,
        place=kept.place,
        on=on,
    )


def of_reading(reading: Reading, text: str, on: date) -> Suggested:
    """The same for a text that nobody has sent yet."""
    named = reading.place
    return drawn(
        text,
        ranked=list(reading.ranked),
        spans=[list(span) for span in reading.spans],
        alarms=[[alarm.rule.code, *span] for alarm in reading.alarms for span in alarm.spans],
        places=[[one.start, one.end, one.place_id, one.confidence] for one in reading.places],
        times=[one.as_json() for one in reading.times],
        urgency=reading.urgency,
        place=Place.objects.filter(pk=named.place_id).first() if named is not None and named.place_id else None,
        on=on,
    )


def drawn(
    text: str,
    *,
    ranked: Sequence[tuple[Category | None, float]],
    spans: Sequence[Sequence[int]],
    alarms: Sequence[Sequence[Any]],
    places: Sequence[Sequence[Any]],
    times: Sequence[Sequence[Any]],
    urgency: str,
    place: Place | None,
    on: date,
) -> Suggested:
    known = rules()
    met: dict[str, list[str]] = {}
    stretches: list[tuple[int, int, str]] = []
    for code, start, end in alarms:
        rule = known.by_code(code)
        if rule is not None:
            met.setdefault(code, []).append(text[start:end])
            stretches.append((start, end, rule.urgency))
    stretches += [(start, end, "category") for start, end in spans]
    stretches += [(one[0], one[1], "place") for one in places]
    stretches += [(one[0], one[1], "time") for one in times]
    return Suggested(
        choices=[
            Choice(node, round(share * 100)) for node, share in ranked if node is not None and node.is_in_force(on)
        ][:MOST_CHIPS],
        words=_said(text[start:end] for start, end in spans),
        urgency=urgency,
        alarms=[(rule, _said(words)) for code, words in met.items() if (rule := known.by_code(code)) is not None],
        place=place,
        place_words=_said(text[one[0] : one[1]] for one in places),
        times=_said(time_words(text[one[0] : one[1]], *one[2:5]) for one in times),
        marked=mark_up(text, stretches),
    )


def _said(words: Iterable[str]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.strip()]


def time_words(said: str, kind: str, moment: str, hours: int) -> str:
    """ "昨天晚上8点: 2026-11-21 20:00"."""
    read = moment.replace("T", " ")
    match kind:
        case "since":
            return _("“%(said)s”: since %(moment)s") % {"said": said, "moment": read}
        case "daily":
            return _("“%(said)s”: every day") % {"said": said}
        case "lasting":
            if hours >= 48:
                days = hours // 24
                lasted = ngettext("for %(days)d day", "for %(days)d days", days) % {"days": days}
            else:
                lasted = ngettext("for %(hours)d hour", "for %(hours)d hours", hours) % {"hours": hours}
            return _("“%(said)s”: %(lasted)s") % {"said": said, "lasted": lasted}
        case _:
            return _("“%(said)s”: %(moment)s") % {"said": said, "moment": read}


def mark_up(text: str, stretches: Iterable[tuple[int, int, str]]) -> SafeString:
    """The text as markup, with its stretches marked by kind. Every letter of it is escaped here."""
    free = [""] * len(text)
    for start, end, kind in sorted(stretches, key=lambda one: KINDS.index(one[2])):
        for place in range(max(0, start), min(end, len(text))):
            free[place] = free[place] or kind
    titles = {
        "danger": _("speaks of danger"),
        "urgent": _("speaks of urgency"),
        "category": _("led to the suggestion"),
        "place": _("names a place"),
        "time": _("names a time"),
    }
    parts: list[str] = []
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or free[place] != free[start]:
            piece = str(escape(text[start:place])).replace("\n", "<br>")
            kind = free[start]
            parts.append(
                f'<mark class="why why--{kind}" title="{escape(titles[kind])}">{piece}</mark>' if kind else piece
            )
            start = place
    return mark_safe("".join(parts))  # noqa: S308 - every piece is escaped above


def choose(case: Case, suggested: Suggested, asked: str, on: date) -> tuple[str, str]:
    """Which category the form begins with, and where it comes from: the case, a click, or the first suggestion."""
    category = case.category
    if category is not None and not category.is_in_force(on):
        category = None
    clicked = next((choice for choice in suggested.choices if choice.category.code == asked), None)
    if clicked is not None:
        return asked, _("Taken from the suggestion. Correct it if it is wrong.")
    if category is not None:
        return category.code, "" if case.sorted_at else _("Chosen by the reporter. Correct it if it is wrong.")
    if suggested.first is not None and case.sorted_at is None:
        return suggested.first.category.code, _(
            "Suggested because of the words marked in the text (%(percent)d %% sure). You decide."
        ) % {"percent": suggested.first.percent}
    return "", ""
