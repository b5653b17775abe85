"""Data that the platform already holds: nobody is asked for it again (政务数据共享条例: one source for each datum).

Whoever has a page that shows data declares it. A directive that names such data is stopped with a pointer to the page;
one whose words look like it has to say why it is something else, and every place that gets it reads that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.ground.refusals import Refusal

OTHER: Final = "other"  # data that no page of the platform shows
# Asking for rows or numbers, and not only for work.
_ASKING: Final = re.compile(
    r"名单|数量|件数|总数|户数|人数|台账|清单|报表|表格|统计|明细|登记表|情况表|汇总表|一览表|花名册|通讯录|填表|填报"
    r"|\b(?:lists?|counts?|number of|numbers of|how many|statistics|tables?|registers?|spreadsheets?|fill in)\b",
    re.IGNORECASE,
)
_SENTENCES: Final = re.compile(r"[。；;！？!?\n]|\.(?:\s|$)")
LEAST_WORDS: Final = 4


@dataclass(frozen=True)
class Held:
    """Something that can be looked up instead of asked for."""

    code: str
    title: Any
    words: tuple[str, ...]  # by which people ask for it, in Chinese and English
    page: str  # the URL name
    verb: str  # who may open it
    query: str = ""

    @property
    def url(self) -> str:
        """Its address; empty while the page does not exist."""
        try:
            return reverse(self.page) + self.query
        except NoReverseMatch:
            return ""

    def is_meant_by(self, sentence: str) -> bool:
        low = sentence.lower()
        return any(
            re.search(rf"\b{re.escape(word)}", low) is not None if word.isascii() else word in low
            for word in self.words
        )


_HELD: Final[dict[str, Held]] = {}


def declare_held(*rows: Held) -> None:
    """Say what a page shows. Declaring the same again changes nothing; another one under a known code is a mistake."""
    for row in rows:
        known = _HELD.setdefault(row.code, row)
        if (known.page, known.query) != (row.page, row.query) or row.code == OTHER:
            raise ValueError(f"two kinds of held data are called {row.code}")


def everything() -> list[Held]:
    """What is held and can be opened, in the order in which it was declared."""
    return [row for row in _HELD.values() if row.url]


def choices() -> list[tuple[str, Any]]:
    """For the sender's form: which data does it ask for?"""
    return [*((row.code, row.title) for row in everything()), (OTHER, gettext_lazy("Other data"))]


def named(codes: Iterable[str]) -> list[Held]:
    """Which of these codes are held."""
    wanted = set(codes)
    return [row for row in everything() if row.code in wanted]


def alike(*texts: str) -> list[Held]:
    """What these words seem to ask for: a sentence with a word for the data, and one for a list or a number."""
    sentences = [one for text in texts for one in _SENTENCES.split(text) if _ASKING.search(one)]
    return [row for row in everything() if any(row.is_meant_by(one) for one in sentences)]


def check_held(*, asks_for: Iterable[str], asks_because: str, texts: Iterable[str]) -> None:
    """Stop what asks for data that is there already; what only looks so has to say why it is something else."""
    codes = list(asks_for)
    if set(codes) - {OTHER, *_HELD}:
        raise Refusal(_("There is no such kind of data."), field="asks_for", status=422)
    if found := named(codes):
        raise Refusal(
            _("The platform already has this: “%(title)s”. Take it from %(page)s instead of asking the places for it.")
            % {"title": found[0].title, "page": found[0].url},
            field="asks_for",
            status=422,
        )
    if len(asks_because.strip()) < LEAST_WORDS and (seen := alike(*texts)):
        raise Refusal(
            _(
                "This looks like “%(title)s”, which the platform already shows at %(page)s. Take it from there, or say "
                "why it is not the same; every place that gets this reads it."
            )
            % {"title": seen[0].title, "page": seen[0].url},
            field="asks_because",
            status=422,
        )
