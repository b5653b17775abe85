"""Where something happened, as people write it: names of places, their short forms, roads and house numbers."""

from __future__ import annotations

import re
import threading
import uuid
from dataclasses import dataclass
from typing import Final

from django.core.cache import cache

from gongzhi.ground.places.models import FormerName, Level, Place
from gongzhi.ground.places.paths import below
from gongzhi.understand.search.spelling import fold, fold_each

MOST_NAMES: Final = 60_000
_TRUSTED_FOR: Final = 300
# What people leave away from the full name of a community, a village or a street.
_TAILS: Final = (
    "居民委员会",
    "村民委员会",
    "居委会",
    "村委会",
    "社区居委会",
    "社区",
    "街道办事处",
    "街道",
    "镇",
    "乡",
    "村",
)
_ROAD: Final = re.compile(
    # No name of a road holds one of these small words; a street lamp and a passer-by are no roads.
    r"(?:(?![的了在与和从到把被给是有就很太都不没这那])[\u4e00-\u9fff]){1,6}?"
    r"(?:大街|大道|胡同|街|路(?![灯人面边障费政牌])|巷|里弄|桥|环岛)(?:路口|[东南西北中]?段|[东南西北]侧|[东南西北]口)?"
    r"(?:甲|乙|丙)?(?:\d{1,4}号?院?|[一二三四五六七八九十]{1,3}号院?)?"
)
_HOUSE: Final = re.compile(
    r"(?:\d{1,4}|[一二三四五六七八九十]{1,3})(?:号楼|栋|幢|号院|单元|号门)(?:\d{1,2}单元|[一二三四五六七八九十]单元|\d{1,2}门)?"
)
# Words that end like a road and are none.
_NO_ROAD: Final = (
    "马路",
    "道路",
    "公路",
    "铁路",
    "线路",
    "电路",
    "小路",
    "大路",
    "门路",
    "思路",
    "一路",
    "半路",
    "走路",
    "过路",
    "修路",
    "堵路",
    "占路",
    "拦路",
    "挡路",
    "路路",
    "下路",
    "上路",
    "让路",
    "这条街",
    "条路",
    "条街",
    "整条",
)


@dataclass(frozen=True)
class Named:
    """A place that a text names: which, where in the text, and how sure that is. No id: a road or a house number."""

    start: int
    end: int
    place_id: int | None
    path: str
    confidence: float


@dataclass(frozen=True)
class _Name:
    words: str
    place_id: int
    path: str
    confidence: float


@dataclass
class Gazetteer:
    by_beginning: dict[str, list[_Name]]

    def find(self, folded: str, near: str) -> list[Named]:
        """The names in a folded text, longest first at each place, the nearest to the path ``near`` of equal names."""
        found: list[Named] = []
        place = 0
        while place < len(folded) - 1:
            fitting = [
                name
                for name in self.by_beginning.get(folded[place : place + 2], ())
                if folded.startswith(name.words, place)
            ]
            if not fitting:
                place += 1
                continue
            longest = max(len(name.words) for name in fitting)
            best = sorted(
                (name for name in fitting if len(name.words) == longest),
                key=lambda name: (-_shared(name.path, near), -name.confidence, -len(name.path)),
            )
            sure = best[0].confidence if len({_shared(name.path, near) for name in best}) == len(best) else 0.4
            found.append(Named(place, place + longest, best[0].place_id, best[0].path, sure))
            place += longest
        return found


def _shared(path: str, near: str) -> int:
    count = 0
    for one, other in zip(path, near, strict=False):
        if one != other:
            break
        count += 1
    return count


_known: dict[str, tuple[str, Gazetteer]] = {}
_lock = threading.Lock()
_TURN: Final = "gazetteer:turn"


def gazetteer(county: str) -> Gazetteer:
    """The names of all places below a path (a county's), kept in memory for some minutes."""
    turn: str | None = cache.get(_TURN)
    known = _known.get(county)
    if turn is not None and known is not None and known[0] == turn:
        return known[1]
    with _lock:
        if turn is None:
            turn = uuid.uuid4().hex
            cache.set(_TURN, turn, _TRUSTED_FOR)
        made = _read(county)
        if len(_known) > 16:
            _known.clear()
        _known[county] = (turn, made)
    return made


def _read(county: str) -> Gazetteer:
    levels = (Level.TOWN, Level.VILLAGE, Level.GRID, Level.BUILDING)
    places = Place.objects.current().filter(below(county), level__in=levels)
    names: dict[tuple[str, int], _Name] = {}

    def add(words: str, pk: int, path: str, confidence: float) -> None:
        if len(words) >= 2 and not words.isdecimal() and (words, pk) not in names:
            names[words, pk] = _Name(words, pk, path, confidence)

    for pk, path, name in places.order_by("path").values_list("pk", "path", "name")[:MOST_NAMES]:
        full = fold(name)
        add(full, pk, path, 0.95)
        for tail in _TAILS:
            if full.endswith(tail) and len(full) - len(tail) >= 2:
                short = full.removesuffix(tail)
                add(short + "社区" if "居" in tail else short + tail[0] if tail[0] == "村" else short, pk, path, 0.85)
                add(short, pk, path, 0.75 if len(short) > 2 else 0.6)
    for pk, path, name in FormerName.objects.filter(below(county, "place__path")).values_list(
        "place_id", "place__path", "name"
    )[:MOST_NAMES]:
        add(fold(name), pk, path, 0.8)
    by_beginning: dict[str, list[_Name]] = {}
    for one in names.values():
        by_beginning.setdefault(one.words[:2], []).append(one)
    return Gazetteer(by_beginning)


def places_in(text: str, path: str) -> list[Named]:
    """The places that a text names, in the county of ``path``, the surest first. Roads and houses have no place."""
    folded = fold_each(text)
    found = gazetteer(path[:6]).find(folded, path) if len(path) >= 6 else []
    for pattern in (_ROAD, _HOUSE):
        for match in pattern.finditer(folded):
            if pattern is _ROAD and (len(match[0]) < 3 or any(word in match[0] for word in _NO_ROAD)):
                continue
            if not any(match.start() < other.end and other.start < match.end() for other in found):
                found.append(Named(match.start(), match.end(), None, "", 0.5))
    return sorted(found, key=lambda one: (-one.confidence, one.start))[:8]
