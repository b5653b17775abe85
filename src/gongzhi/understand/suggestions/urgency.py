"""Words of danger: rules read from data, each with the words that were met."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from django.utils.translation import get_language

from gongzhi.understand.cases.models import Case
from gongzhi.understand.search.spelling import _folding, fold, fold_each

NEAR: Final = 4  # characters before a word in which a negation counts
_ORDER: Final = {Case.Urgency.NORMAL.value: 0, Case.Urgency.URGENT.value: 1, Case.Urgency.DANGER.value: 2}


@dataclass(frozen=True)
class Rule:
    code: str
    urgency: str
    call: tuple[str, ...]
    say_zh: str
    say_en: str
    words: tuple[str, ...]
    unless: tuple[str, ...]

    @property
    def say(self) -> str:
        return self.say_zh if (get_language() or "zh").startswith("zh") else self.say_en


@dataclass(frozen=True)
class Alarm:
    """A rule that a text meets, and where its words stand."""

    rule: Rule
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Rules:
    negations: tuple[str, ...]
    rules: tuple[Rule, ...]

    def by_code(self, code: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.code == code), None)


@functools.cache
def rules() -> Rules:
    content: dict[str, Any] = yaml.safe_load(
        (Path(__file__).parent / "data" / "urgency.yaml").read_text(encoding="utf-8")
    )
    return Rules(
        tuple(fold(one) for one in content["negations"]),
        tuple(
            Rule(
                row["code"],
                Case.Urgency(row["urgency"]).value,
                tuple(str(number) for number in row["call"]),
                row["say_zh"],
                row["say_en"],
                tuple(fold(str(word)) for word in row["words"]),
                tuple(fold(str(word)) for word in row["unless"]),
            )
            for row in content["rules"]
        ),
    )


def alarms(text: str) -> list[Alarm]:
    """The rules that a text meets, the gravest first."""
    folded = fold_each(text)
    known = rules()
    found = []
    for rule in known.rules:
        if not any(word in folded for word in rule.words) or any(phrase in folded for phrase in rule.unless):
            continue
        spans = [
            (place, place + len(word))
            for word in rule.words
            for place in _places(folded, word)
            if not _denied(folded, place, known.negations)
        ]
        if spans:
            found.append(Alarm(rule, tuple(sorted(set(spans)))))
    return sorted(found, key=lambda alarm: -_ORDER[alarm.rule.urgency])


def _places(text: str, word: str) -> list[int]:
    found, place = [], text.find(word)
    while place >= 0:
        found.append(place)
        place = text.find(word, place + 1)
    return found


def _denied(text: str, place: int, negations: tuple[str, ...]) -> bool:
    before = text[max(0, place - NEAR) : place]
    return any(one in before for one in negations)


@functools.cache
def for_the_form(language: str) -> bytes:
    """The danger rules as JSON, for the resident's form: it looks for the words itself, so that nothing that is being
    typed leaves the telephone."""
    known = rules()
    back: dict[str, list[str]] = {}
    for point, plain in _folding().items():
        back.setdefault(plain, []).append(chr(point))

    def spellings(word: str) -> list[str]:
        """The word, and as somebody who writes traditional characters types it (the first of several)."""
        old = "".join(back.get(character, [character])[0] for character in word)
        return [word] if old == word else [word, old]

    chinese = language.startswith("zh")
    return json.dumps(
        {
            "near": NEAR,
            "negations": [one for word in known.negations for one in spellings(word)],
            "rules": [
                {
                    "code": rule.code,
                    "say": rule.say_zh if chinese else rule.say_en,
                    "call": rule.call,
                    "words": [one for word in rule.words for one in spellings(word)],
                    "unless": [one for word in rule.unless for one in spellings(word)],
                }
                for rule in known.rules
                if rule.urgency == Case.Urgency.DANGER
            ],
        },
        ensure_ascii=False,
    ).encode()
