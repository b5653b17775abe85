"""Invented demands with their categories: what the packaged classifier has learnt from.

Half are built like the demonstration's letters and telephone notes, half in a line or two from the words that the
category tree itself offers (names, hints, keywords). Nothing here was said by anybody, so a figure measured on such
texts says that the machinery works, and nothing about real demands.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from gongzhi.config.demonstration.chance import dice, pick
from gongzhi.config.demonstration.ground import DemoPlace, places
from gongzhi.config.demonstration.writing import Scene, demand, fill, fitting, scene, texts

ON = date(2026, 10, 14)

# How people put a keyword into a sentence when they have nothing else to say about it.
SHORT = (
    "{where}{word}的问题，{days}了没人管",
    "反映{where}{word}，请处理",
    "请问{word}的事找谁",
    "{where}又出现{word}，{since}就有",
    "{word}，{where}，麻烦来看看",
    "想反映一下{where}的{word}情况",
    "{where}这边{word}太严重了",
    "关于{word}，希望给个答复",
)


@dataclass(frozen=True)
class Invented:
    text: str
    code: str


@functools.cache
def _tree() -> dict[str, dict[str, Any]]:
    from gongzhi.understand.cases.loading import packaged

    return {row["code"]: row for row in packaged("categories.yaml")["categories"]}


def invented(seed: int, each: int, *, unseen: bool | None = None) -> Iterator[Invented]:
    """``each`` texts for each category that the sentences know, and what the tree says of it; the same for one seed.

    ``unseen`` splits the sentences: True gives texts around each category's last opening sentence and last keyword,
    False only texts without them. So a classifier can be asked about sentences that it has never read.
    """
    die = dice(seed, "examples")
    ground = places()
    for code in sorted(texts()["leaves"]):
        if unseen is not True:
            row = _tree().get(code, {})
            words = _part([str(word) for word in row.get("keywords", [])], unseen)
            for said in (row.get("name_zh", ""), row.get("hint_zh", ""), *words):
                if said:
                    yield Invented(f"{said}。", code)
        for number in range(each):
            place = ground[die.randrange(len(ground))]
            at = scene(die, place, code, ON)
            if unseen is None and number % 2:
                channel = pick(die, ("web", "phone", "web", "visit"))
                yield Invented(demand(die, code, channel, at), code)
            else:
                yield Invented(_line(die, code, at, place, unseen), code)


def _line(die: Random, code: str, at: Scene, place: DemoPlace, unseen: bool | None) -> str:
    """A message of one to four sentences."""
    leaf = texts()["leaves"][code]
    says = _part(leaf["say"], unseen)
    words = _part([str(word) for word in _tree().get(code, {}).get("keywords", [])], unseen)
    kind = die.random()
    if words and kind < 0.35:
        where = pick(die, (at.home, at.spot, "", "小区", "我们这里"))
        line = pick(die, SHORT).format(word=pick(die, words), where=where, days=at.days, since=at.since)
    else:
        line = fill(die, pick(die, fitting(says, place)), at)
    more = []
    if kind > 0.5 and unseen is not True:
        details = [one.partition(" ")[2] if one.startswith("@") else one for one in fitting(leaf["more"], place)]
        more = [fill(die, one, at) for one in die.sample(details, min(len(details), die.randint(1, 2)))]
    style = texts()["web"] if die.random() < 0.5 else texts()["people"]
    general = [pick(die, texts()["web"]["greeting"])] if die.random() < 0.3 else []
    close = (
        [fill(die, pick(die, style[die.choice(("wish", "effect", "background"))]), at)] if die.random() < 0.5 else []
    )
    return "".join(general) + "，".join([line, *more, *close]) + "。"


def _part(choices: list[str], unseen: bool | None) -> list[str]:
    if unseen is None or len(choices) < 2:
        return choices
    return choices[-1:] if unseen else choices[:-1]
