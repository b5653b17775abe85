"""The rule packs: dated values with their sources, read from YAML once per process and checked while reading."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from gongzhi.ground.places.models import AXES, Profile
from gongzhi.ground.rules.spans import Span

FOLDER = Path(__file__).parent / "packs"
HOLIDAYS = "holidays.yaml"
TYPES = ("span", "number", "text", "list", "bool", "choice", "hours", "zone")
DayKind = Literal["holiday", "workday"]

Hours = tuple[tuple[int, int], ...]  # minutes after midnight


class BrokenPack(Exception):
    """A pack cannot be read. Says which file and which rule, because somebody must mend it."""


@dataclass(frozen=True)
class Text:
    """A short text in both languages of the packs; ``str()`` gives the one the reader uses."""

    zh: str = ""
    en: str = ""

    def __str__(self) -> str:
        return self.zh if (get_language() or "").startswith("zh") else self.en

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)


@dataclass(frozen=True)
class Dated:
    """One value of a rule and where it comes from. ``value`` is ready for use, ``plain`` is as it was written."""

    since: date
    value: Any
    plain: Any
    article: Text
    source: Text
    verified: bool
    pack: str
    place_path: str
    bound_to: tuple[str, ...] = ()  # what a profile must say on its axes for this value, "rich", "high"


@dataclass(frozen=True)
class Rule:
    """What a rule is about and which values it may take."""

    key: str
    about: Text
    type: str
    measure: Text = Text()
    whole: bool = False
    least: float | None = None
    most: float | None = None
    options: tuple[str, ...] = ()

    def ready(self, value: Any) -> Any:
        """The value as code uses it (a Span, a number, a tuple …). ValueError with a readable reason if it is wrong."""
        match self.type:
            case "span":
                span = _span(value)
                if span.amount <= 0:
                    raise ValueError(_("A time limit is longer than nothing."))
                if span.amount > 100_000:
                    raise ValueError(_("This time limit is too long."))
                return span
            case "number":
                return self._number(value)
            case "bool":
                if not isinstance(value, bool):
                    raise ValueError(_("This is yes or no."))
                return value
            case "choice":
                if value not in self.options:
                    raise ValueError(_("Choose one of: %(options)s") % {"options": ", ".join(self.options)})
                return value
            case "list":
                if not isinstance(value, list | tuple) or not all(
                    isinstance(item, str | int | float) for item in value
                ):
                    raise ValueError(_("This is a list of words or numbers."))
                if self.options and not set(value) <= set(self.options):
                    raise ValueError(_("Choose one of: %(options)s") % {"options": ", ".join(self.options)})
                return tuple(value)
            case "hours":
                return _hours(value)
            case "zone":
                return _zone(value)
            case _:
                if not isinstance(value, str) or "\x00" in value:
                    raise ValueError(_("This is a text."))
                return value

    def _number(self, value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise ValueError(_("This is a number."))
        if self.whole and value != int(value):
            raise ValueError(_("This is a whole number."))
        if self.least is not None and value < self.least:
            raise ValueError(_("At least %(least)s.") % {"least": self.least})
        if self.most is not None and value > self.most:
            raise ValueError(_("At most %(most)s.") % {"most": self.most})
        return int(value) if self.whole else value

    def in_words(self, value: Any) -> str:
        """A ready value for people."""
        match self.type:
            case "span":
                return str(value.in_words())
            case "bool":
                return _("yes") if value else _("no")
            case "hours":
                return ", ".join(f"{clock_time(start)}–{clock_time(end)}" for start, end in value)
            case "list":
                return ", ".join(str(item) for item in value)
            case _:
                return f"{value} {self.measure}".strip()


def _is_plain(item: Any) -> bool:
    return isinstance(item, int | float) or (isinstance(item, str) and "\x00" not in item)


def clock_time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _span(value: Any) -> Span:
    try:
        return Span.parse(value)
    except ValueError:
        raise ValueError(
            _("Write an amount and a unit, for example “5 working_days”. The units are: %(units)s")
            % {"units": "natural_hours, working_hours, natural_days, working_days"}
        ) from None


def _hours(value: Any) -> Hours:
    """[["09:00", "12:00"], …] as minutes after midnight: in order, apart, inside one day, at least one."""
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(_("Office hours are at least one pair of times, for example 09:00 to 12:00."))
    pairs: list[tuple[int, int]] = []
    for pair in value:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(_("Office hours are pairs of times, for example 09:00 to 12:00."))
        start, end = _minutes(pair[0]), _minutes(pair[1])
        if start >= end or (pairs and start < pairs[-1][1]):
            raise ValueError(_("Office hours follow one another within one day."))
        pairs.append((start, end))
    return tuple(pairs)


def _minutes(value: Any) -> int:
    if value == "24:00":
        return 24 * 60
    try:
        moment = time.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(_("A time is written like 09:00.")) from None
    return moment.hour * 60 + moment.minute


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (TypeError, ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(_("This is no time zone; write for example Asia/Shanghai.")) from None


@dataclass(frozen=True)
class PackDay:
    date: date
    kind: DayKind
    name: str


@dataclass(frozen=True)
class Packs:
    """Everything the packs say. ``values[key][place path]`` is newest first.

    ``bound[key][profile]`` are the values of packs that are bound to a profile, newest first. They come after those
    of a place's own packs and before the general ones. Of two packs that fit, the one that asks more counts.
    """

    rules: Mapping[str, Rule]
    values: Mapping[str, Mapping[str, Sequence[Dated]]]
    names: Mapping[str, Text]
    days: Mapping[date, PackDay]
    years: Mapping[int, Text] = field(default_factory=dict)  # the years whose holidays are known, and from where
    bound: Mapping[str, Mapping[Profile, Sequence[Dated]]] = field(default_factory=dict)


@functools.cache
def packs() -> Packs:
    """The packs that ship with the product, read once."""
    return read_packs(FOLDER)


def read_packs(folder: Path) -> Packs:
    """Read every pack in a folder. BrokenPack names the file and the rule that is wrong."""
    rules: dict[str, Rule] = {}
    values: dict[str, dict[str, list[Dated]]] = {}
    names: dict[str, Text] = {}
    asked: dict[str, dict[tuple[str, ...], list[Dated]]] = {}
    files = sorted(path for path in folder.glob("*.yaml") if path.name != HOLIDAYS)
    documents = [(path.stem, _document(path)) for path in files]
    # The general pack first: it describes the rules that the packs of places and profiles give values to.
    for stem, document in sorted(
        documents, key=lambda item: ("profile" in item[1], len(str(item[1].get("place", ""))))
    ):
        place_path, bound_to = _holds_at(document, stem)
        names[stem] = _text(document.get("name"), f"{stem}.yaml: name")
        for item in document.get("rules") or []:
            key = item.get("key") if isinstance(item, dict) else None
            where = f"{stem}.yaml: {key or item!r}"
            if not isinstance(key, str):
                raise BrokenPack(f"{where}: a rule needs a key")
            if "type" in item:
                if key in rules:
                    raise BrokenPack(f"{where}: described twice")
                if bound_to:
                    raise BrokenPack(f"{where}: a pack of a profile gives values to rules that are described elsewhere")
                rules[key] = _rule(item, key, where)
            elif key not in rules:
                raise BrokenPack(f"{where}: no pack says what type this rule has")
            dated = _dated(item, rules[key], where, stem, place_path, bound_to)
            if bound_to:
                if bound_to in asked.setdefault(key, {}):
                    raise BrokenPack(f"{where}: has values for this profile in two packs")
                asked[key][bound_to] = dated
                continue
            if place_path in values.setdefault(key, {}):
                raise BrokenPack(f"{where}: has values for this place in two packs")
            values[key][place_path] = dated
    for key, by_place in values.items():
        if "" not in by_place:
            raise BrokenPack(f"{key}: has no value that holds everywhere")
    days, years = _holidays(folder / HOLIDAYS)
    bound = {key: _by_profile(key, by_axes) for key, by_axes in asked.items()}
    return Packs(rules=rules, values=values, names=names, days=days, years=years, bound=bound)


def _holds_at(document: Mapping[str, Any], stem: str) -> tuple[str, tuple[str, ...]]:
    """The path of a place ("" is everywhere), or what the pack asks of a profile, in the order of AXES."""
    if "profile" not in document:
        place_path = document.get("place")
        if not isinstance(place_path, str) or not (place_path == "" or place_path.isdigit()):
            raise BrokenPack(f"{stem}.yaml: 'place' must be the path of a place in quotes, or \"\" for everywhere")
        return place_path, ()
    axes = document["profile"]
    if "place" in document:
        raise BrokenPack(f"{stem}.yaml: a pack holds at a place or for a profile, not both")
    if not isinstance(axes, dict) or not axes or any(axes[name] not in AXES.get(name, ()) for name in axes):
        known = "; ".join(f"{name}: {' or '.join(said)}" for name, said in AXES.items())
        raise BrokenPack(f"{stem}.yaml: 'profile' must say something on at least one axis ({known})")
    return "", tuple(axes[name] for name in AXES if name in axes)


def _by_profile(key: str, by_axes: Mapping[tuple[str, ...], list[Dated]]) -> dict[Profile, list[Dated]]:
    """For each profile the values of the pack that asks most of it. BrokenPack when two ask equally much."""
    found: dict[Profile, list[Dated]] = {}
    for profile in Profile:
        fitting = [axes for axes in by_axes if set(axes) <= set(profile.axes.values())]
        most = max((len(axes) for axes in fitting), default=0)
        nearest = [axes for axes in fitting if len(axes) == most]
        if len(nearest) > 1:
            raise BrokenPack(f"{key}: two packs fit the profile {profile.value} equally well")
        if nearest:
            found[profile] = by_axes[nearest[0]]
    return found


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise BrokenPack(f"{path.name}: is not readable YAML: {problem}") from problem
    if not isinstance(document, dict):
        raise BrokenPack(f"{path.name}: must be a mapping")
    return document


def _text(value: Any, where: str, *, needed: bool = True) -> Text:
    if value is None and not needed:
        return Text()
    if not isinstance(value, dict) or set(value) != {"zh", "en"} or not all(isinstance(v, str) for v in value.values()):
        raise BrokenPack(f"{where}: write {{zh: …, en: …}}")
    return Text(**value)


def _rule(item: Mapping[str, Any], key: str, where: str) -> Rule:
    unknown = set(item) - {"key", "about", "type", "measure", "whole", "min", "max", "options", "values"}
    if unknown:
        raise BrokenPack(f"{where}: does not know {', '.join(sorted(unknown))}")
    if item["type"] not in TYPES:
        raise BrokenPack(f"{where}: type must be one of {', '.join(TYPES)}")
    if item["type"] == "choice" and not item.get("options"):
        raise BrokenPack(f"{where}: a choice needs options")
    return Rule(
        key=key,
        about=_text(item.get("about"), f"{where}: about"),
        type=item["type"],
        measure=_text(item.get("measure"), f"{where}: measure", needed=False),
        whole=bool(item.get("whole", False)),
        least=item.get("min"),
        most=item.get("max"),
        options=tuple(item.get("options") or ()),
    )


def _dated(
    item: Mapping[str, Any], rule: Rule, where: str, pack: str, place_path: str, bound_to: tuple[str, ...]
) -> list[Dated]:
    found: list[Dated] = []
    for entry in item.get("values") or []:
        if not isinstance(entry, dict) or not isinstance(entry.get("from"), date):
            raise BrokenPack(f"{where}: each value needs a 'from' date")
        here = f"{where} from {entry['from']}"
        if unknown := set(entry) - {"from", "value", "article", "source", "verified"}:
            raise BrokenPack(f"{here}: does not know {', '.join(sorted(unknown))}")
        if not isinstance(entry.get("verified"), bool):
            raise BrokenPack(f"{here}: say 'verified: true' or 'verified: false'")
        if any(other.since == entry["from"] for other in found):
            raise BrokenPack(f"{here}: two values begin on this day")
        try:
            value = rule.ready(entry.get("value"))
        except ValueError as problem:
            raise BrokenPack(f"{here}: {problem}") from problem
        found.append(
            Dated(
                since=entry["from"],
                value=value,
                plain=entry["value"],
                article=_text(entry.get("article"), f"{here}: article", needed=False),
                source=_text(entry.get("source"), f"{here}: source"),
                verified=entry["verified"],
                pack=pack,
                place_path=place_path,
                bound_to=bound_to,
            )
        )
    if not found:
        raise BrokenPack(f"{where}: has no values")
    return sorted(found, key=lambda dated: dated.since, reverse=True)


def _holidays(path: Path) -> tuple[dict[date, PackDay], dict[int, Text]]:
    days: dict[date, PackDay] = {}
    years: dict[int, Text] = {}
    for year, item in (_document(path).get("years") or {}).items():
        where = f"{path.name}: {year}"
        try:
            years[year] = _text(item.get("source"), f"{where}: source")
            for entry in item.get("holidays") or []:
                for ordinal in range(entry["from"].toordinal(), entry["to"].toordinal() + 1):
                    _put(days, PackDay(date.fromordinal(ordinal), "holiday", entry["name"]), year, where)
            for entry in item.get("workdays") or []:
                for day in entry["days"]:
                    _put(days, PackDay(day, "workday", entry["name"]), year, where)
        except (AttributeError, KeyError, TypeError) as problem:
            raise BrokenPack(f"{where}: cannot be read: {problem!r}") from problem
    return days, years


def _put(days: dict[date, PackDay], day: PackDay, year: int, where: str) -> None:
    if day.date in days:
        raise BrokenPack(f"{where}: {day.date} stands there twice")
    if day.date.year != year:
        raise BrokenPack(f"{where}: {day.date} is not in this year")
    if day.kind == "workday" and day.date.isoweekday() <= 5:
        raise BrokenPack(f"{where}: {day.date} is a working day anyway")
    days[day.date] = day
