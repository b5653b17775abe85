"""An exported or copied group chat becomes separate draft claims. Nicknames end here: people are 居民甲, 居民乙 …

Nothing is stored by this module. A person reads, mends, joins and drops the drafts before any becomes a message.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gongzhi.sense.channels.models import LONGEST_TEXT

LONGEST_PASTE: Final = 200_000  # characters
MOST_CLAIMS: Final = 100  # a person reads them all
_NAME: Final = r"[^\n\t:：\[\]【】<>]{1,30}?"
_DATE: Final = r"(?:(?P<year>\d{4})[-/.年])?(?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?"
_TIME: Final = (
    r"(?:(?:上午|下午|凌晨|早上|中午|晚上)\s?)?(?P<hour>\d{1,2})[:：](?P<minute>\d{2})(?:[:：]\d{2})?(?:\s?[AaPp][Mm])?"
)
_WEEKDAY: Final = r"(?:\s*(?:星期|周)[一二三四五六日天])?"
# A line that says who speaks, in the layouts that chat programs write when something is exported or copied. The names
# stand in one group each; what follows on the same line is already said. In turn: "[20:15] 李四: …",
# "2026/11/20 20:15 - 李四: …", "2026-11-20 20:15 王五", "张三 2026/11/20 08:15:22", "20:15 李四：…".
_TIMED: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^\[(?:{_DATE}{_WEEKDAY},?\s+)?{_TIME}\]\s*(?P<name>{_NAME})\s*[:：]\s*(?P<text>.*)$",
        rf"^{_DATE}{_WEEKDAY},?\s+{_TIME}\s+[-–]\s+(?P<name>{_NAME})\s*[:：]\s*(?P<text>.*)$",
        rf"^{_DATE}{_WEEKDAY}\s+{_TIME}\s+(?P<name>{_NAME})(?:[(<（]\S{{1,40}}[)>）])?\s*(?P<text>)$",
        rf"^(?P<name>{_NAME})(?:[(<（]\S{{1,40}}[)>）])?\s+(?:{_DATE}{_WEEKDAY}\s+)?{_TIME}\s*(?P<text>)$",
        rf"^{_TIME}\s+(?P<name>{_NAME})\s*[:：]\s*(?P<text>.*)$",
    )
)
_COLON: Final = re.compile(r"^(?P<name>[^\n\t:：\[\]【】<>，。！？,!?；;、]{1,20})[:：]\s*(?P<text>.*)$")
_DAY_LINE: Final = re.compile(rf"^[\s—–=*·-]*{_DATE}{_WEEKDAY}[\s—–=*·-]*$")
# Words before a colon that are no names.
_NO_NAMES: Final = frozenset({
    "时间", "日期", "地址", "地点", "位置", "电话", "联系电话", "联系人", "手机", "微信", "通知", "公告",
    "群公告", "提醒", "温馨提示", "注意", "注意事项", "备注", "说明", "问题", "诉求", "回复", "引用", "转发",
    "附", "另", "补充", "附件", "链接", "原因", "要求", "内容", "标题", "来源", "结果", "例如", "比如",
    "比方说", "总结", "建议", "一", "二", "三", "http", "https", "ftp", "note", "time", "address", "phone",
    "re", "fw", "fwd",
})  # fmt: skip
_SYSTEM: Final = re.compile(
    r"撤回了一条消息|撤回了一条成员消息|加入了?群聊|加入本群|加入了本群|移出了?群聊|退出了?群聊|修改群名|群名为|拍了拍|"
    r"以上是打招呼|以下是?(?:为)?新消息|开启了(?:朋友验证|群聊邀请确认)|领取了.{0,12}红包|发出了?红包|"
    r"^.{0,4}(?:红包|接龙)\]?$|被.{1,20}(?:禁言|设为管理员)|成为(?:新)?群主|This message was deleted|joined using|"
    r"(?:added|removed|left) (?:you|the group)|[Mm]essages and calls are end-to-end|<Media omitted>"
)
_QUOTE: Final = re.compile(
    r"^「(?:[^「」：:\n]{1,30}[：:]\s*)?(?P<quoted>[^」]*)」\s*(?:\n?\s*(?:[-—–]\s*){3,}\s*\n?)?"
)
_REPLY_TO: Final = re.compile(r"^(?:回复|引用|Re|re)\s*@?[^\n：:]{1,30}[：:]\s*")
_PICTURE: Final = re.compile(r"\[(?:图片|照片|视频|语音|文件|Photo|Image|Video|Voice|Sticker|File)[^\]\n]{0,60}\]")
_FACE: Final = re.compile(r"\[[\w\u4e00-\u9fff]{1,8}\]")  # [微笑]
_TELEPHONE: Final = re.compile(
    r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)"
)
_IDENTITY: Final = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
_MENTION: Final = re.compile(r"@([^\s@：:，。,!?！？\u2005]{1,30})[\s\u2005]?")
_AGREES: Final = re.compile(
    r"^(?:[+＋]\s?1(?:0086)?|加1|加一|顶|同上|同感|同问|同求|附议|支持|赞同|同意|确实(?:是)?|是的|没错|对的?|一样|"
    r"(?:我|我们|俺|咱)(?:们)?(?:这|这边|这里|家|家里|楼|单元|这栋|栋)?也(?:是|有|一样|遇到|听到|看到|闻到|这样)(?:了|的)?(?:这样)?|"
    r"\+\s?\d{1,3}|me too)"
)
_NOISE: Final = re.compile(
    r"^(?:(?:大家|各位|邻居们?|群主|书记|主任)?(?:早上?好?|上午好|中午好|下午好|晚上好|晚安|早安|新年好|节日快乐)(?:啊|呀|哦)?|"
    r"(?:大家|各位|你|您)好|在吗|在么|有人吗|收到|好的?|好滴|好嘞|行|可以|嗯+|哦+|噢+|啊+|哈+|呵+|嘿+|谢谢.{0,6}|感谢.{0,6}|多谢|"
    r"收到.{0,10}|马上(?:安排|处理|就来).{0,6}|辛苦.{0,6}|不客气|没事|明白|知道了|了解|欢迎.{0,8}|点赞|赞|厉害|真棒|加油|"
    r"ok|okay|yes|no|thanks?|thank you|hi|hello|good (?:morning|evening|night)|群接龙|接龙|https?://\S+)$",
    re.IGNORECASE,
)
_STEMS: Final = "甲乙丙丁戊己庚辛壬癸"
_TOGETHER: Final = timedelta(minutes=10)
_ALIKE: Final = 0.5
_LOOK_BACK: Final = 12


@dataclass(frozen=True)
class Said:
    """One message of the chat, its speaker under a pseudonym."""

    speaker: str
    text: str
    at: datetime | None = None
    pictures: int = 0
    quoted: str = ""


@dataclass
class Claim:
    """One draft: what somebody brought up, and how many others said the same."""

    speaker: str
    text: str
    at: datetime | None = None
    pictures: int = 0
    agreed: set[str] = field(default_factory=set)

    @property
    def others(self) -> int:
        return len(self.agreed)


@dataclass(frozen=True)
class Chat:
    claims: list[Claim]
    said: int = 0  # messages that were found
    people: int = 0
    noise: int = 0  # greetings, thanks, faces: left out
    system: int = 0  # lines of the program itself: left out
    agreements: int = 0
    dropped: list[Said] = field(default_factory=list)  # the noise, for whoever wants to look through it


def pseudonym(number: int) -> str:
    """居民甲 … 居民癸, then 居民11, 居民12 …"""
    return f"居民{_STEMS[number]}" if number < len(_STEMS) else f"居民{number + 1}"


def read_chat(paste: str, *, now: datetime) -> Chat:
    """The claims in a pasted chat, in the order in which they came up. ``now`` completes dates without a year."""
    lines = _clean(paste).split("\n")
    heads = _heads(lines, now)
    if not any(head is not None for head in heads):
        return _without_heads(lines)
    raw, system = _messages(lines, heads)
    names = {name: pseudonym(number) for number, name in enumerate(dict.fromkeys(name for name, _at, _text in raw))}
    hide = _Hiding(names)
    said: list[Said] = []
    for name, at, text in raw:
        if _SYSTEM.search(text[:200]) and len(text) < 120:
            system += 1
            continue
        said.append(_said(names[name], at, text, hide))
    return _grouped(said, people=len(names), system=system)


def _clean(paste: str) -> str:
    text = paste.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "").replace("\u3000", " ")
    return "".join(
        one
        for one in text.replace("\u2005", " ")
        if one == "\n" or one == "\t" or unicodedata.category(one) not in ("Cc", "Cf", "Cs")
    )


@dataclass(frozen=True)
class _Head:
    name: str
    text: str
    at: datetime | None


def _heads(lines: Sequence[str], now: datetime) -> list[_Head | None]:
    """Which lines say who speaks. Lines with a time decide; without any, "name: words" does."""
    timed = [_timed(line, now) for line in lines]
    if any(head is not None for head in timed):
        return timed
    colon = [_colon(line) for line in lines]
    # One such line in a long text is a sentence with a colon, not a chat.
    return colon if sum(head is not None for head in colon) > 1 else [None] * len(lines)


def _timed(line: str, now: datetime) -> _Head | None:
    start = line[:160].strip()
    if not any(one.isdigit() for one in start[:60]):
        return None
    for pattern in _TIMED:
        # A head that ends its line is short; one with words may go on.
        match = pattern.match(line.strip() if len(line) < 5000 else start)
        if match is None:
            continue
        name = match["name"].strip(" ~·-–|,，")
        if not name or name.isdigit() or not _is_moment(match):
            continue
        text = match["text"] if len(line) < 5000 else match["text"] + line.strip()[len(start) :]
        return _Head(name, text, _moment(match, now))
    return None


def _is_moment(match: re.Match[str]) -> bool:
    return int(match["hour"]) < 24 and int(match["minute"]) < 60


def _moment(match: re.Match[str], now: datetime) -> datetime | None:
    groups = match.groupdict()
    try:
        moment = now.replace(hour=int(groups["hour"]), minute=int(groups["minute"]), second=0, microsecond=0)
        if groups.get("month"):
            moment = moment.replace(
                year=int(groups["year"] or now.year), month=int(groups["month"]), day=int(groups["day"])
            )
    except ValueError:
        return None
    return moment


def _colon(line: str) -> _Head | None:
    match = _COLON.match(line.strip()[:5000])
    if match is None:
        return None
    name = match["name"].strip()
    if not name or name.casefold() in _NO_NAMES or name.isdigit() or match["text"].startswith("//"):
        return None
    return _Head(name, match["text"] + line.strip()[5000:], None)


def _messages(
    lines: Sequence[str], heads: Sequence[_Head | None]
) -> tuple[list[tuple[str, datetime | None, str]], int]:
    """(name, moment, words) of each message; lines below a head belong to it. And how many lines of the program."""
    found: list[tuple[str, datetime | None, list[str]]] = []
    system = 0
    for line, head in zip(lines, heads, strict=True):
        if head is not None:
            found.append((head.name, head.at, [head.text] if head.text else []))
        elif _DAY_LINE.match(line[:60]) or (_SYSTEM.search(line[:120]) and len(line) < 120):
            system += bool(line.strip())
        elif found:
            found[-1][2].append(line.rstrip())
    return [(name, at, "\n".join(words).strip()) for name, at, words in found], system


class _Hiding:
    """Takes nicknames and numbers of people out of what was said."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        long = sorted((name for name in names if len(name) > 1), key=len, reverse=True)
        self.known = re.compile("|".join(re.escape(name) for name in long)) if long else None

    def __call__(self, text: str) -> str:
        text = _IDENTITY.sub("（证件号已隐去）", _TELEPHONE.sub("（电话已隐去）", text))
        if self.known is not None:
            text = self.known.sub(lambda match: self.names[match[0]], text)
        known = set(self.names.values())
        return _MENTION.sub(lambda match: match[0] if match[1] in known else "@某人 ", text)


def _said(speaker: str, at: datetime | None, text: str, hide: _Hiding) -> Said:
    quoted = ""
    match = _QUOTE.match(text)
    if match is not None:
        quoted, text = match["quoted"], text[match.end() :]
    text = "\n".join(line for line in text.split("\n") if not re.fullmatch(r"\s*(?:[-—–]\s*){3,}", line))
    text = _REPLY_TO.sub("", text, count=1)
    pictures = len(_PICTURE.findall(text))
    text = _FACE.sub("", _PICTURE.sub("", text))
    text = hide("\n".join(line.strip() for line in text.split("\n") if line.strip()))
    return Said(speaker, text.strip(), at, pictures, hide(quoted).strip())


# --- from messages to claims --------------------------------------------------------------------------------------


def _bare(text: str) -> str:
    """Letters and digits only: what is left is what somebody says."""
    return "".join(one for one in text if one.isalnum() or one in "+＋").casefold()


def _pairs(text: str) -> Counter[str]:
    bare = _bare(text)
    return Counter(bare[at : at + 2] for at in range(len(bare) - 1))


def _alike(one: Counter[str], other: Counter[str]) -> float:
    """How much of the shorter text stands in the other."""
    least = min(sum(one.values()), sum(other.values()))
    return sum((one & other).values()) / least if least else 0.0


_NUMBERS: Final = re.compile(r"\d+")


def _elsewhere(one: str, other: str) -> bool:
    """Whether both name numbers (buildings, floors) and not one of them is the same."""
    here, there = set(_NUMBERS.findall(one)), set(_NUMBERS.findall(other))
    return bool(here) and bool(there) and not here & there


def _is_noise(text: str) -> bool:
    trimmed = _FACE.sub("", _PICTURE.sub("", _MENTION.sub("", text))).strip(" \n~～!！。.,，、?？…")
    letters = [one for one in trimmed if one.isalpha()]
    return not letters or _NOISE.match(trimmed) is not None


def _grouped(said: Iterable[Said], *, people: int, system: int) -> Chat:
    claims: list[Claim] = []
    pairs: list[Counter[str]] = []
    dropped: list[Said] = []
    agreements = count = 0
    last: Said | None = None
    for one in said:
        count += 1
        agreed = _AGREES.match(one.text)
        about = _meant(one, claims)
        # Only as many characters as an agreement has; a long message that begins with "it is so" says more.
        if agreed and len(one.text) <= 30 and about is not None:
            if one.speaker != about.speaker:
                about.agreed.add(one.speaker)
                rest = one.text[agreed.end() :].strip(" ，,。.!！~～")
                if len(_bare(rest)) > 2 and len(about.text) < LONGEST_TEXT - 60:
                    about.text += f"\n{one.speaker}：{one.text}"
                agreements += 1
            about.pictures += one.pictures
            last = one
            continue
        if _is_noise(one.text):
            if claims and one.pictures and last is not None and last.speaker == one.speaker:
                claims[-1].pictures += one.pictures
            else:
                dropped.append(one)
            continue
        if any(claim.speaker == one.speaker and one.text in claim.text for claim in claims[-_LOOK_BACK:]):
            dropped.append(one)  # said again in the same words
            continue
        goes_on = last is not None and _goes_on(last, one) and bool(claims) and claims[-1].speaker == one.speaker
        if goes_on and len(claims[-1].text) + len(one.text) < LONGEST_TEXT:
            claims[-1].text += f"\n{one.text}"
            claims[-1].pictures += one.pictures
            pairs[-1] = _pairs(claims[-1].text[:600])
            last = one
            continue
        here = _pairs(one.text[:600])
        same = _same(one.text, here, claims, pairs)
        if same is not None and claims[same].speaker != one.speaker:
            claims[same].agreed.add(one.speaker)
            if len(claims[same].text) + len(one.text) < LONGEST_TEXT - 20:
                claims[same].text += f"\n{one.speaker}：{one.text}"
            claims[same].pictures += one.pictures
            agreements += 1
        else:
            claims.append(Claim(one.speaker, one.text, one.at, one.pictures))
            pairs.append(here)
        last = one
    return Chat(claims, count, people, len(dropped), system, agreements, dropped)


def _meant(one: Said, claims: Sequence[Claim]) -> Claim | None:
    """What an agreement agrees to: what it quotes, else the newest claim."""
    start = _bare(one.quoted)[:12]
    if start:
        quoted = next((claim for claim in reversed(claims) if start in _bare(claim.text)), None)
        if quoted is not None:
            return quoted
    return claims[-1] if claims else None


def _goes_on(last: Said, one: Said) -> bool:
    """Whether somebody who spoke last simply goes on."""
    if last.speaker != one.speaker or one.quoted:
        return False
    return last.at is None or one.at is None or abs(one.at - last.at) <= _TOGETHER


def _same(text: str, here: Counter[str], claims: Sequence[Claim], pairs: Sequence[Counter[str]]) -> int | None:
    """The newest earlier claim that says much the same."""
    if sum(here.values()) < 4:
        return None
    for index in range(len(claims) - 1, max(-1, len(claims) - 1 - _LOOK_BACK), -1):
        if _elsewhere(text, claims[index].text) or sum(pairs[index].values()) < 4:
            continue
        if _alike(here, pairs[index]) >= _ALIKE:
            return index
    return None


def _without_heads(lines: Sequence[str]) -> Chat:
    """Plain notes, nobody named: each paragraph is a draft."""
    hide = _Hiding({})
    claims = [Claim("", hide(words)) for words in _paragraphs(lines) if not _is_noise(words)]
    return Chat(claims, said=len(claims))


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    together: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            together.append(line.strip())
        elif together:
            yield "\n".join(together)
            together = []
