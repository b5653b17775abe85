"""One spelling for what was written and for what is looked for: the pairs of characters that both databases index.

Chinese is written without spaces. Two characters that stand side by side are indexed as one word, so that every part of
a sentence, of a name of a place or of a road is found, without a dictionary that would have to know it.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LONGEST_QUERY: Final = 100
LONGEST_NUMBER: Final = 6  # longer runs of digits are telephone and identity numbers: they are never indexed
MOST_PAIRS: Final = 60  # of one question

_OF_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f\u3040-\u30ff\uac00-\ud7af〇"
_HAN: Final = re.compile(f"[{_OF_HAN}]")
_RUNS: Final = re.compile(rf"([{_OF_HAN}]+)|([^\W_{_OF_HAN}]+)")


@functools.cache
def _folding() -> dict[int, str]:
    """Traditional characters and the simplified ones in their place."""
    lines = (Path(__file__).parent / "data" / "traditional.txt").read_text("utf-8").splitlines()
    pairs = [pair for line in lines if not line.startswith("#") for pair in line.split()]
    return {ord(pair[0]): pair[1] for pair in pairs if pair[0] != pair[1]}


@functools.cache
def _traditional() -> re.Pattern[str]:
    """Whether there is anything to fold: most texts have no such character, and looking is quicker than folding."""
    return re.compile("[" + "".join(map(chr, _folding())) + "]")


def fold(text: str) -> str:
    """The text with one spelling for what people take to be the same: width, case, traditional and simplified."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return plain.translate(_folding()) if _traditional().search(plain) else plain


def fold_each(text: str) -> str:
    """The same, character by character: the result has the length of the text, so that places in it stay true."""
    folded = fold(text)
    if len(folded) == len(text):
        return folded
    return "".join(short if len(short := fold(character)) == 1 else character for character in text)


def _runs(folded: str) -> Iterator[tuple[str, bool]]:
    """The words of a folded text: (run, whether it is Chinese). Numbers that may be a telephone's are left out."""
    for han, other in _RUNS.findall(folded):
        if han:
            yield han, True
        elif len(other) <= LONGEST_NUMBER or sum(map(str.isdecimal, other)) <= LONGEST_NUMBER:
            yield other, False


def bigrams(text: str) -> list[str]:
    """What is indexed of a text, in its order: each pair of Chinese characters, the last character of each run, and
    other words whole. "路灯不亮了 3号楼" gives 路灯 灯不 不亮 亮了 了 3 号楼 楼.
    """
    found: list[str] = []
    for run, han in _runs(fold(text)):
        if han:
            found += [run[start : start + 2] for start in range(len(run))]
        else:
            found.append(run[:40])
    return found


@dataclass(frozen=True)
class Word:
    """A part of a question: ``pairs`` must all be there (side by side if ``exact``); the last may be a beginning."""

    pairs: tuple[str, ...]
    exact: bool = False
    begins: bool = False


_QUOTED: Final = re.compile(r'["“”„«»「」『』]([^"“”„«»「」『』]*)["“”„«»「」『』]?|([^\s"“”„«»「」『』]+)')


def ask(words: str) -> list[Word]:
    """What somebody looks for. Every word must be there; words in quotation marks stand side by side, as they are.

    One character finds every word that begins with it or ends a run with it; a Latin word or a number is also found by
    its beginning, from two characters on.
    """
    question: list[Word] = []
    left = MOST_PAIRS
    for quoted, plain in _QUOTED.findall(words.replace("\x00", "")[:LONGEST_QUERY]):
        runs = list(_runs(fold(quoted or plain)))
        if quoted:
            pairs = [pair for run, _han in runs[:-1] for pair in bigrams(run)]
            if runs:
                last, han = runs[-1]
                pairs += _pairs(last) if han else [last]
                question.append(Word(tuple(pairs[:left]), exact=True, begins=han and len(last) == 1))
        else:
            for run, han in runs:
                pairs = _words(run) if han else [run]
                question.append(Word(tuple(pairs[:left]), begins=len(run) == 1 if han else len(run) > 1))
        left = MOST_PAIRS - sum(len(word.pairs) for word in question)
        if left <= 0:
            break
    return [word for word in question if word.pairs]


def is_han(word: str) -> bool:
    """Whether a word of the index is made of Chinese characters."""
    return _HAN.match(word) is not None


def _pairs(run: str) -> list[str]:
    """Of a question: no single last character, which the index has only at the end of a run."""
    return [run] if len(run) == 1 else [run[start : start + 2] for start in range(len(run) - 1)]


def _words(run: str) -> list[str]:
    """The pairs that a run is asked by when they need not stand side by side: each character once, an odd last one
    twice. 路灯不亮 asks for 路灯 and 不亮: fewer look-ups, and who wants exactly that puts it in quotation marks."""
    if len(run) < 3:
        return [run]
    starts = [*range(0, len(run) - 1, 2), *([len(run) - 2] if len(run) % 2 else [])]
    return [run[start : start + 2] for start in starts]
