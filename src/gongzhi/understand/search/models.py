"""The full-text index of cases: one row for each case, in the way that each database searches best.

SQLite keeps the words in the row and finds them with FTS5; PostgreSQL keeps a ``tsvector`` with a GIN index. What
differs between them stands in this module and in the first migration; ``spelling.py`` makes the words for both.

On PostgreSQL marks stand among the words: the places that a case lies in, its category, its month, with whom it is. A
question about a word that stands in 50,000 cases of a million, of which the person may see a hundred, is then answered
by the index alone; the case's own columns still decide (a mark may be some seconds behind).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Lookup
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.understand.cases.models import Case
from gongzhi.understand.search.spelling import Word, is_han

MARK: Final = "@"  # begins what is no word: where a case lies, when it came, with whom it is
LAST_POSITION: Final = 16383  # of a tsvector; words behind it count as standing there
MOST_POSITIONS: Final = 200  # of one word in one tsvector, which takes 255


class Bigrams(models.Field[Sequence[str], Any]):
    """The words of a case as ``spelling.bigrams`` gives them: a ``tsvector``, or text for FTS5."""

    holds_text = True  # for the declaration of personal data

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "tsvector" if connection.vendor == "postgresql" else "text"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if isinstance(value, str):
            value = value.split()
        if connection.vendor == "postgresql":
            return as_vector(value)
        return " ".join(word for word in value if not word.startswith(MARK))

    def get_placeholder(self, value: Any, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> str:
        return "%s::tsvector" if connection.vendor == "postgresql" else "%s"


@dataclass(frozen=True)
class Question:
    """Words that must all be there, and marks of which one of each group must be there (PostgreSQL only)."""

    words: tuple[Word, ...]
    marks: tuple[tuple[str, ...], ...] = ()


def as_vector(words: Sequence[str]) -> str:
    """The words with their positions, as PostgreSQL reads a ``tsvector``. They hold no quotation marks.

    Single characters stand among them too (without a position unless they end a run): to look through all words that
    begin with one costs too much.
    """
    places: dict[str, str] = {}
    if len(words) <= MOST_POSITIONS:  # as nearly always: no limit is reached
        for place, word in enumerate(words, start=1):
            places[word] = f"{places[word]},{place}" if word in places else f":{place}"
    else:
        found: dict[str, list[int]] = {}
        for place, word in enumerate(words, start=1):
            found.setdefault(word, []).append(min(place, LAST_POSITION))
        places = {word: ":" + ",".join(map(str, at[:MOST_POSITIONS])) for word, at in found.items()}
    for word in list(places):
        if word[0] == MARK:
            places[word] = ""
        elif len(word) == 2 and word[0] not in places and is_han(word):
            places[word[0]] = ""
    return " ".join([f"'{word}'{at}" for word, at in places.items()])


def as_tsquery(question: Question) -> str:
    parts = ["(" + " | ".join(f"'{mark}'" for mark in group) + ")" for group in question.marks if group]
    for word in question.words:
        pairs = [f"'{pair}'" for pair in word.pairs]
        if word.begins and not (len(word.pairs) == 1 and is_han(word.pairs[0])):
            pairs[-1] += ":*"
        parts.append("(" + " <-> ".join(pairs) + ")" if word.exact else " & ".join(dict.fromkeys(pairs)))
    return " & ".join(parts)


def as_match(question: Question) -> str:
    """The same for FTS5, which needs no marks: what it serves is small."""
    parts = []
    for word in question.words:
        end = " *" if word.begins else ""
        if word.exact:
            parts.append('"' + " ".join(word.pairs) + '"' + end)
        else:
            parts += [f'"{pair}"' for pair in word.pairs[:-1]] + [f'"{word.pairs[-1]}"{end}']
    return " AND ".join(parts)


@Bigrams.register_lookup
class Answers(Lookup[Any]):
    """Whether the words answer a ``Question``."""

    lookup_name = "answers"
    prepare_rhs = False
    lhs: Any
    rhs: Question

    def get_prep_lookup(self) -> Any:
        return self.rhs

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        if not self.rhs.words:
            raise EmptyResultSet
        left, params = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{left} @@ %s::tsquery", [*params, as_tsquery(self.rhs)]
        table = left.rpartition(".")[0]
        found = "SELECT rowid FROM search_casetext_found WHERE search_casetext_found MATCH %s"
        return f'{table}."case_id" IN ({found})', [*params, as_match(self.rhs)]


class CaseText(models.Model):
    """The words of one case: its number, what its voices say, the summary, the address. Never who said it."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, primary_key=True, related_name="words")
    words = Bigrams(_("words"))

    def __str__(self) -> str:
        return f"words of {self.case_id}"


class CallerSearch(Recorded):
    """One look for the earlier cases behind a telephone number. The number itself is not kept."""

    reason = models.CharField(_("reason"), max_length=200)
    found = models.PositiveIntegerField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"))

    RECORDED = ("found", "by_id", "post_id", "at")
    WORDS = ("reason",)

    class Meta:
        verbose_name = _("search by telephone")
        verbose_name_plural = _("searches by telephone")

    def __str__(self) -> str:
        return f"{self.by}, {self.at:%Y-%m-%d}"
