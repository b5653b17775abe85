"""One text read: everything that can be suggested about it, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils import timezone

from gongzhi.understand.cases.models import Case, Category
from gongzhi.understand.cases.tree import tree
from gongzhi.understand.search.spelling import fold
from gongzhi.understand.suggestions.classifier import Guess, classifier
from gongzhi.understand.suggestions.gazetteer import Named, places_in
from gongzhi.understand.suggestions.times import Time, times_in
from gongzhi.understand.suggestions.urgency import Alarm, alarms

SHORTEST: Final = 4  # characters: below that nothing is suggested
BY_KEYWORD: Final = 0.3  # the confidence of a category that only its keywords speak for
LEAST: Final = 0.15  # below this confidence nothing is preselected


@dataclass(frozen=True)
class Reading:
    ranked: tuple[tuple[Category, float], ...]
    spans: tuple[tuple[int, int], ...]
    urgency: str
    alarms: tuple[Alarm, ...]
    places: tuple[Named, ...]
    times: tuple[Time, ...]
    model: str

    @property
    def category(self) -> Category | None:
        return self.ranked[0][0] if self.ranked else None

    @property
    def confidence(self) -> float:
        return self.ranked[0][1] if self.ranked else 0.0

    @property
    def place(self) -> Named | None:
        return next((one for one in self.places if one.place_id is not None), None)


def read_texts(texts: Sequence[tuple[str, str]], now: datetime) -> list[Reading]:
    """Read several texts, each with the path of the place it was sent to ("" when nobody knows)."""
    model = classifier()
    on = timezone.localdate(now)
    guesses = model.guess_many([text for text, _path in texts], most=8)
    return [_read(text, path, guess, now, on) for (text, path), guess in zip(texts, guesses, strict=True)]


def read_text(text: str, path: str, now: datetime) -> Reading:
    return read_texts([(text, path)], now)[0]


def _read(text: str, path: str, guess: Guess, now: datetime, on: date) -> Reading:
    model = classifier()
    enough = sum(character.isalnum() for character in text) >= SHORTEST
    ranked = _usable(guess, text, on) if enough else []
    spans = tuple(model.explain(text, ranked[0][0].code)) if ranked else ()
    if ranked and not spans:
        spans = _keyword_spans(text, ranked[0][0])
    met = tuple(alarms(text))
    return Reading(
        ranked=tuple(ranked[:3]),
        spans=spans,
        urgency=met[0].rule.urgency if met else Case.Urgency.NORMAL.value,
        alarms=met,
        places=tuple(places_in(text, path)),
        times=tuple(times_in(text, now)),
        model=model.version,
    )


def _usable(guess: Guess, text: str, on: date) -> list[tuple[Category, float]]:
    """The guesses that are categories in force here. A category that the model has never seen comes by its keywords."""
    codes = tree().codes
    found = [
        (node, confidence)
        for code, confidence in guess.ranked
        if (node := codes.get(code)) is not None and node.is_in_force(on) and confidence >= 0.01
    ]
    if not found or found[0][1] < BY_KEYWORD:
        known = set(classifier().codes)
        folded = fold(text)
        found += [
            (node, BY_KEYWORD)
            for node in codes.values()
            if node.code not in known
            and node.parent_id is not None
            and node.is_in_force(on)
            and any(len(word := fold(str(one))) > 1 and word in folded for one in node.keywords)
        ]
        found.sort(key=lambda pair: -pair[1])
    return found


def _keyword_spans(text: str, node: Category) -> tuple[tuple[int, int], ...]:
    return tuple(
        (text.index(word), text.index(word) + len(word)) for one in node.keywords if (word := str(one)) and word in text
    )[:4]
