"""When something happened, as people write it: 昨天晚上8点, 连续三天, 上周五以后, 每天夜里十二点."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.utils import timezone

from gongzhi.understand.search.spelling import fold_each

_DIGITS: Final = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_N: Final = r"(?:\d{1,3}|[零一二三四五六七八九十两〇百几半]{1,4})"
_PART: Final = r"凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|半夜|深夜|夜间|晚间|早|晚"
_AFTERNOON: Final = frozenset({"下午", "傍晚", "晚上", "晚间", "夜里", "半夜", "深夜", "夜间", "晚"})
_CLOCK: Final = (
    rf"(?P<part>{_PART})?(?P<hour>{_N})[点时](?:(?P<half>半)|(?P<minute>{_N})分?)?(?!间)"
    r"|(?P<h24>[01]?\d|2[0-3])[::](?P<m60>[0-5]\d)"
)
_DAY: Final = (
    r"(?P<near>大前天|前天|昨天|昨日|昨|今天|今日|今|刚才|刚刚)"
    r"|(?P<week>上上|上个?|这个?|本)(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])"
    rf"|(?:(?P<year>20\d\d)年)?(?P<month>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])月(?P<day>3[01]|[12]\d|0?[1-9]|{_N})[日号]?"
)
_MOMENT: Final = re.compile(rf"(?:{_DAY})(?:的?(?:{_CLOCK}|(?P<only>{_PART})))?")
_DAILY: Final = re.compile(rf"(?:每天|天天|每晚|每日|每到)(?:的?(?:{_CLOCK}|(?P<only>{_PART})))?")
_SPAN: Final = re.compile(
    rf"(?:(?P<lead>连续|持续|已经|已|都|将近|快|近)(?:了|有)?)?(?P<n>{_N}多?)(?P<unit>天|日|个?星期|个?礼拜|周|个月|个?小时|年)(?P<tail>了|以来|多了|左右)?"
)
_WEEKDAYS: Final = {character: index for index, character in enumerate("一二三四五六日")} | {"天": 6}
_NEAR: Final = {
    "大前天": 3,
    "前天": 2,
    "昨天": 1,
    "昨日": 1,
    "昨": 1,
    "今天": 0,
    "今日": 0,
    "今": 0,
    "刚才": 0,
    "刚刚": 0,
}
_HOURS: Final = {"天": 24, "日": 24, "星期": 168, "礼拜": 168, "周": 168, "月": 720, "小时": 1, "年": 8760}


@dataclass(frozen=True)
class Time:
    """A time that a text names. ``kind``: at (a moment or a day), since, daily, lasting."""

    start: int
    end: int
    kind: str
    moment: str = ""  # ISO, a day or a minute, in local time; of daily only HH:MM
    hours: int = 0  # how long it has lasted
    confidence: float = 0.9

    def as_json(self) -> list[object]:
        return [self.start, self.end, self.kind, self.moment, self.hours, self.confidence]


def number(words: str) -> int | None:
    """三 is 3, 十二 is 12, 二十 is 20; 几 and 半 are no numbers."""
    if words.isdecimal():
        return int(words)
    if not words or any(character not in "十百" and character not in _DIGITS for character in words):
        return None
    if "百" in words:
        return None
    tens, ten, ones = words.partition("十")
    if not ten:
        return _DIGITS[words] if len(words) == 1 else None
    if len(tens) > 1 or len(ones) > 1:
        return None
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)


def times_in(text: str, now: datetime) -> list[Time]:
    """The times that a text names, in their order; ``now`` is when it was written."""
    folded = fold_each(text)
    here = timezone.localtime(now)
    found: list[Time] = []
    for pattern, reading in ((_DAILY, _daily), (_MOMENT, _moment), (_SPAN, _lasting)):
        for match in pattern.finditer(folded):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            read: Callable[[re.Match[str], str, datetime], Time | None] = reading
            if (one := read(match, folded, here)) is not None:
                found.append(one)
    return sorted(found, key=lambda one: one.start)[:8]


def _clock(match: re.Match[str]) -> time | None:
    groups = match.groupdict()
    if groups.get("h24"):
        return time(int(groups["h24"]), int(groups["m60"]))
    hour = number(groups.get("hour") or "")
    if hour is None or hour > 24:
        return None
    part = groups.get("part") or ""
    if groups.get("near") in ("昨", "今") and not part:
        part = ""
    if part in _AFTERNOON and hour < 12 and not (part in ("夜里", "半夜", "深夜") and hour < 6):
        hour += 12
    elif part in ("夜里", "半夜", "深夜", "晚上") and hour == 12:
        hour = 0
    elif part == "中午" and hour < 3:
        hour += 12
    minute = 30 if groups.get("half") else number(groups.get("minute") or "") or 0
    return time(hour % 24, minute) if minute < 60 else None


def _day(match: re.Match[str], here: datetime) -> date | None:
    groups = match.groupdict()
    today = here.date()
    if groups["near"]:
        return today - timedelta(days=_NEAR[groups["near"]])
    if groups["week"]:
        monday = today - timedelta(days=today.weekday())
        back = {"上上": 14, "上": 7, "上个": 7}.get(groups["week"], 0)
        return monday - timedelta(days=back) + timedelta(days=_WEEKDAYS[groups["weekday"]])
    month, day = number(groups["month"]), number(groups["day"])
    if month is None or day is None:
        return None
    year = int(groups["year"]) if groups["year"] else today.year
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return (
        found.replace(year=year - 1) if not groups["year"] and found > today + timedelta(days=2) and day < 29 else found
    )


def _moment(match: re.Match[str], text: str, here: datetime) -> Time | None:
    groups = match.groupdict()
    if groups["near"] in ("昨", "今") and not (groups.get("part") or groups.get("only")):
        return None
    day = _day(match, here)
    if day is None:
        return None
    since = text[match.end() : match.end() + 3].startswith(("以后", "之后", "以来", "开始", "起")) or text[
        max(0, match.start() - 1) : match.start()
    ] in ("从", "自")
    at = _clock(match)
    words = f"{day.isoformat()}T{at:%H:%M}" if at is not None else day.isoformat()
    return Time(match.start(), match.end(), "since" if since else "at", words, confidence=0.95 if at else 0.9)


def _daily(match: re.Match[str], text: str, here: datetime) -> Time:
    at = _clock(match)
    return Time(match.start(), match.end(), "daily", f"{at:%H:%M}" if at is not None else "")


def _lasting(match: re.Match[str], text: str, here: datetime) -> Time | None:
    lead, tail, words = match["lead"], match["tail"], match["n"].rstrip("多")
    if not lead and not tail:
        return None
    unit = match["unit"].removeprefix("个")
    each = _HOURS[unit]
    amount = 0.5 if words == "半" else number(words)
    if amount is None and len(words) > 1:
        return None  # 十几年: nobody can say how many
    if amount is None:
        return Time(match.start(), match.end(), "lasting", hours=3 * each, confidence=0.5)  # 几天, 好几天
    return Time(match.start(), match.end(), "lasting", hours=max(1, int(amount * each)))
