"""Admission (准入): what communities assist with, what they must not certify, and what nobody may ask of them.

Which codes hold where and since when is rule data; their names and articles stand in ``data/items.yaml``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.directives.models import Assignment, Directive
from gongzhi.ground.places.models import Level
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.packs import Text

FILE: Final = Path(__file__).parent / "data" / "items.yaml"
KINDS: Final = ("assist", "certificates", "barred")


@dataclass(frozen=True)
class Article:
    """What a refusal is founded on."""

    code: str
    name: Text
    says: Text
    verified: bool


@dataclass(frozen=True)
class Item:
    """One line of a list: work that communities assist with, a certificate, or a demand that is barred."""

    code: str
    kind: str
    name: Text
    words: tuple[str, ...] = ()

    def is_named_in(self, text: str) -> bool:
        return any(word in text for word in self.words)


@dataclass(frozen=True)
class Book:
    items: Mapping[str, Item] = field(default_factory=dict)
    articles: Mapping[str, Article] = field(default_factory=dict)


@functools.cache
def book() -> Book:
    """The names and articles that ship with the product, read once."""
    said: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    items = {
        row["code"]: Item(
            row["code"],
            kind,
            Text(**row["name"]),
            () if kind == "assist" else tuple(dict.fromkeys([row["name"]["zh"], *row.get("words", ())])),
        )
        for kind in KINDS
        for row in said[kind]
    }
    articles = {
        row["code"]: Article(row["code"], Text(**row["name"]), Text(**row["says"]), row["verified"])
        for row in said["articles"]
    }
    return Book(items, articles)


def item(code: str) -> Item | None:
    return book().items.get(code)


def article(code: str) -> Article | None:
    return book().articles.get(code)


def choices(path: str, on: date) -> list[tuple[str, str]]:
    """Code and name of what communities at a place assist with on a day, for the sender's form."""
    return [(one.code, str(one.name)) for one in listed("assist", path, on)]


def listed(kind: str, path: str, on: date) -> list[Item]:
    """The items of a list as they hold at a place on a day. A code that has no name is left out."""
    codes = rule(_LISTS[kind], path=path, on=on)
    return [found for code in codes if (found := item(str(code))) is not None]


_LISTS: Final = {
    "assist": "directives.assist_list",
    "certificates": "directives.certificate_list",
    "barred": "directives.barred_list",
}
_ARTICLES: Final = {
    "assist": "directives.assist_article",
    "certificates": "directives.certificate_article",
    "barred": "directives.barred_article",
}


def needs_item(*, issuer_level: str, target_level: str) -> bool:
    """Whether the sender should say which item of the list it is. What goes to grids or the own staff needs none."""
    return target_level == Level.VILLAGE and issuer_level != Level.VILLAGE


def check_item(code: str, *, path: str, on: date) -> None:
    """Refuse an item that is not on the list there. None at all may be given: the communities can then refuse."""
    if code and code not in rule(_LISTS["assist"], path=path, on=on):
        raise Refusal(
            _("This is not on the list of what communities assist with here."), field="assist_item", status=422
        )


@dataclass(frozen=True)
class Standing:
    """How a piece stands to the lists. ``article``: by it the community may refuse; none: it is on the list."""

    item: Item | None = None  # that the sender has named
    barred: Item | None = None  # a certificate, or a demand that nobody may make, found in the words
    article: Article | None = None


def standing(piece: Assignment) -> Standing | None:
    """How a community's piece stands to the lists of the day it was sent; None where the lists do not count."""
    if piece.place.level != Level.VILLAGE or piece.asker_place_id == piece.place_id:
        return None
    directive: Directive = piece.directive
    on = timezone.localdate(directive.issued_at or directive.created_at)
    return judge(f"{directive.title}\n{directive.text}", directive.assist_item, path=piece.place_path, on=on)


def judge(words: str, code: str, *, path: str, on: date) -> Standing:
    named = item(code)
    for kind in ("certificates", "barred"):
        for one in listed(kind, path, on):
            if one.is_named_in(words):
                return Standing(named, one, _article(kind, path, on))
    if named is not None and code in rule(_LISTS["assist"], path=path, on=on):
        return Standing(named)
    return Standing(named, None, _article("assist", path, on))


def _article(kind: str, path: str, on: date) -> Article:
    """A place may name its own article in words instead of a code of ours."""
    said = str(rule(_ARTICLES[kind], path=path, on=on))[:60]
    return article(said) or Article(said, Text(said, said), Text(), verified=False)
