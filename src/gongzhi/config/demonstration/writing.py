"""Writes what residents say and what offices answer, from the sentences of ``texts.yaml``."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from gongzhi.config.demonstration.catalogue import read_yaml
from gongzhi.config.demonstration.chance import Spread, chance, pick
from gongzhi.config.demonstration.ground import FOLDER, DemoPlace

# Characters in a message. Written ones as in 2,815 real messages with replies: median 190, longest 3,120; a telephone
# note is what an operator types while listening.
WRITTEN = Spread(190, 0.82, 0.82, least=24, most=3120)
NOTED = Spread(68, 0.42, 0.42, least=24, most=400)
# Characters in an answer: median 269 in writing; what is told by telephone is noted in a few lines.
ANSWERED = Spread(269, 0.55, 0.55, least=60, most=1600)
TOLD = Spread(92, 0.4, 0.4, least=40, most=400)
LONG = 420  # from this length on a letter tells its story day by day


@functools.cache
def texts() -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(FOLDER / "texts.yaml")
    return found


@dataclass(frozen=True)
class Scene:
    """What the sentences of one case have in common: the place, its names, the day and the words for times."""

    place: DemoPlace
    home: str
    spot: str
    days: str
    since: str
    hour: str
    on: date


def under(code: str, prefixes: Iterable[str]) -> bool:
    """Whether the category is one of these or lies below one."""
    return any(code == one or code.startswith(one + ".") for one in prefixes)


def _spot(die: Random, place: DemoPlace, code: str) -> str:
    """A spot of the place where this category can happen."""
    known = texts()
    if under(code, known["counters"]):
        return f"{place.name}便民服务站"
    fields = [spot for spot in place.spots if any(word in spot for word in known["field_words"])]
    streets = [spot for spot in place.spots if spot not in fields]
    if under(code, known["fields"]):
        return pick(die, fields or streets)
    return pick(die, place.spots if code.startswith("rural.") else streets)


def scene(die: Random, place: DemoPlace, code: str, on: date) -> Scene:
    home = pick(die, place.homes)
    if place.urban and home.endswith(("楼", "公寓")) and chance(die, 0.5):
        home += f"{die.randint(1, 4)}单元"
    slots = texts()["slots"]
    since: str = pick(die, slots["since"])
    if since == "国庆节以后" and on.month not in (10, 11):
        since = "上周末"
    if since == "一场大雨以后" and on.month not in (6, 7, 8, 9):
        since = "前些天"
    return Scene(place, home, _spot(die, place, code), pick(die, slots["days"]), since, pick(die, slots["hour"]), on)


def fitting(sentences: Sequence[str], place: DemoPlace) -> list[str]:
    """Without the sentences that speak of lifts in a village of courtyards, or of fields in town."""
    words = texts()["not_in_towns" if place.urban else "not_in_villages"]
    return [sentence for sentence in sentences if not any(word in sentence for word in words)] or list(sentences)


def fill(die: Random, sentence: str, at: Scene) -> str:
    return sentence.format(
        home=at.home,
        spot=at.spot,
        days=at.days,
        since=at.since,
        hour=at.hour,
        n=die.randint(2, 9),
        temp=die.randint(13, 17),
        community=at.place.name,
    )


def demand(die: Random, code: str, channel: str, at: Scene) -> str:
    """What the person said, at the length that this channel usually has."""
    if channel in ("phone", "visit"):
        return _noted(die, code, channel, at)
    return _written(die, code, channel, at)


def _leaf(code: str) -> dict[str, Any]:
    leaf: dict[str, Any] = texts()["leaves"][code]
    return leaf


def _pools(code: str, style: dict[str, Any]) -> dict[str, Any]:
    """The general sentences for this category: those about things, or those about people and papers."""
    if under(code, texts()["between_people"]):
        return {**style, **texts()["people"]}
    return style


def _more(leaf: dict[str, Any], said: Sequence[str], place: DemoPlace) -> list[str]:
    """The details that go with what was said: those marked for another opening are left out."""
    numbers = {leaf["say"].index(sentence) + 1 for sentence in said}
    found = []
    for sentence in fitting(leaf["more"], place):
        mark, _space, rest = sentence.partition(" ") if sentence.startswith("@") else ("", "", sentence)
        if not mark or int(mark[1:]) in numbers:
            found.append(rest)
    return found


def _noted(die: Random, code: str, channel: str, at: Scene) -> str:
    style = texts()["telephone"]
    opening: str = pick(die, style["opening"] if channel == "phone" else texts()["visit"]["opening"])
    target = NOTED.draw(die)
    first = pick(die, fitting(_leaf(code)["say"], at.place))
    said = [fill(die, first, at)]
    more = _more(_leaf(code), [first], at.place)
    die.shuffle(more)
    ending = [pick(die, style["wish"])] if chance(die, 0.8) else []
    extra = [*more, *die.sample(style["contact"], 1)]
    for sentence in extra:
        length = len(opening) + sum(len(part) + 1 for part in (*said, *ending))
        if length + len(sentence) / 2 > target:
            break
        said.append(fill(die, sentence, at))
    return opening + "，".join(said) + ("。" + ending[0] if ending else "") + "。"


def _written(die: Random, code: str, channel: str, at: Scene) -> str:
    web = _pools(code, texts()["web"])
    target = WRITTEN.draw(die)
    leaf = _leaf(code)
    front: str = pick(die, web["greeting"]) if channel == "web" else pick(die, texts()["import"]["opening"])
    says = fitting(leaf["say"], at.place)
    die.shuffle(says)
    parts: dict[str, list[str]] = {"say": [fill(die, says[0], at)]}
    if target > 70 and channel == "web":
        parts["who"] = [fill(die, pick(die, web["who"]), at)]
    closing: str = pick(die, web["closing"]) if target > 60 else ""
    pools = {
        "more": _more(leaf, says[:1], at.place),
        "background": fitting(web["background"], at.place),
        "effect": fitting(web["effect"], at.place),
        "tried": fitting(web["tried"], at.place),
        "wish": fitting(web["wish"], at.place),
        "also": says[1:2],
    }
    for pool in pools.values():
        die.shuffle(pool)
    story = [line for _round in range(8) for line in die.sample(web["story"], len(web["story"]))]
    order = itertools.cycle(("more", "wish", "more", "effect", "background", "tried", "more", "also", "story"))
    length = len(front) + len(closing) + sum(len(text) + 1 for group in parts.values() for text in group)
    while length < target and (any(pools.values()) or (story and target > LONG)):
        kind = next(order)
        if kind == "story":
            if not story or target <= LONG:
                continue
            sentence = story.pop()
        elif pools[kind]:
            sentence = fill(die, pools[kind].pop(), at)
        else:
            continue
        if length + (len(sentence) + 1) / 2 > target or length + len(sentence) + 1 > WRITTEN.most:
            break
        parts.setdefault(kind, []).append(sentence)
        length += len(sentence) + 1
    parts["story"] = _dated(die, parts.get("story", []), at.on)
    told = [
        sentence
        for kind in ("who", "say", "more", "also", "background", "effect", "tried", "story", "wish")
        for sentence in parts.get(kind, ())
    ]
    return front + "。".join(told) + "。" + closing


def _dated(die: Random, lines: Sequence[str], on: date) -> list[str]:
    """The lines of a story in order of their days, one a day, all before the message."""
    back = sorted(die.sample(range(1, 8 + 5 * len(lines)), len(lines)), reverse=True)
    days = [on - timedelta(days=number) for number in back]
    return [line.replace("{date}", f"{day.month}月{day.day}日") for day, line in zip(days, lines, strict=True)]


def answer(die: Random, code: str, at: Scene, said: str, *, written: bool) -> str:
    """What the office reports as done, in words for the person who asked."""
    style = _pools(code, texts()["reply"])
    target = (ANSWERED if written else TOLD).draw(die)
    parts: dict[str, list[str]] = {
        "opening": [pick(die, style["opening"])] if written else [],
        "done": [fill(die, _nearest(die, fitting(_leaf(code)["done"], at.place), said), at)],
        "closing": [pick(die, style["closing"])],
    }
    pools = {name: fitting(style[name], at.place) for name in ("check", "measure", "explain")}
    for pool in pools.values():
        die.shuffle(pool)
    length = sum(len(text) + 1 for group in parts.values() for text in group)
    for kind in itertools.chain(("check", "measure", "explain"), itertools.cycle(("measure", "check", "measure"))):
        if not any(pools.values()) or length >= target:
            break
        if not pools[kind]:
            if not pools["measure"] and not pools["check"]:
                break
            continue
        sentence = fill(die, pools[kind].pop(), at)
        if length + (len(sentence) + 1) / 2 > target:
            break
        parts.setdefault(kind, []).append(sentence)
        length += len(sentence) + 1
    told = [
        text for kind in ("opening", "check", "done", "measure", "explain", "closing") for text in parts.get(kind, ())
    ]
    return "。".join(told) + "。"


def _nearest(die: Random, sentences: Sequence[str], said: str) -> str:
    """The sentence that shares most pairs of characters with what was said, so that a lamp does not answer a bench."""
    pairs = {said[index : index + 2] for index in range(len(said) - 1)}

    def shared(sentence: str) -> float:
        own = {sentence[index : index + 2] for index in range(len(sentence) - 1)}
        return len(own & pairs) + die.random() * 0.9

    return max(sentences, key=shared)


def phrase(die: Random, name: str, code: str) -> str:
    """A short phrase of the list ``name`` (notes, not_helped …), mostly one made for the category if there is any."""
    special: list[str] = [
        text for prefix, found in texts().get(f"{name}_for", {}).items() if under(code, [prefix]) for text in found
    ]
    general: list[str] = texts()[name]
    return pick(die, special if special and chance(die, 0.7) else general)


@functools.cache
def _openings() -> tuple[str, ...]:
    known = texts()
    found = {*known["telephone"]["opening"], *known["visit"]["opening"], *known["import"]["opening"]}
    found |= {*known["web"]["greeting"], *known["people"].get("greeting", ())}
    return tuple(sorted((one for one in found if one), key=len, reverse=True))


def gist(text: str) -> str:
    """What a desk writes on the case: the matter in some thirty characters, without greeting and introduction."""
    for opening in _openings():
        text = text.removeprefix(opening)
    who = tuple(one.partition("{")[0] for one in (*texts()["web"]["who"], *texts()["people"].get("who", ())))
    sentences = [one for one in text.split("。") if one]
    told = next((one for one in sentences if not one.startswith(who)), sentences[0])
    short, *clauses = told.split("，")
    for clause in clauses:
        if len(short) >= 12 and len(short) + len(clause) > 32:
            break
        short += "，" + clause
    return short[:80]
