"""What the classifier sees of a text: its single characters and pairs of characters; Latin words and pairs of words.

A text becomes numbers by table look-ups in NumPy. Training and prediction use this one module, so they cannot differ.
"""

from __future__ import annotations

import functools
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gongzhi.understand.search.spelling import fold

Numbers = np.ndarray[Any, np.dtype[Any]]

LONGEST: Final = 4000  # characters of a text that are read
PAIR: Final = 21  # bits of one code point
WORD: Final = 1 << 61
WORDS: Final = 1 << 60
_LATIN: Final = re.compile(r"[^\W\d_\u2e80-\U0010ffff]{2,}")
_ZERO: Final = ord("0")


@functools.cache
def _table() -> Numbers:
    """For each code point of the basic plane the one that stands for it; 0 for what separates words."""
    table = np.zeros(0x10000, np.uint32)
    for point in range(0x21, 0x10000):
        if 0xD800 <= point < 0xE000:
            continue
        folded = fold(chr(point))
        if len(folded) != 1 or not folded.isalnum():
            continue
        table[point] = _ZERO if unicodedata.category(folded) == "Nd" else ord(folded)
    return table


def points_of(text: str) -> Numbers:
    """The folded code points of a text, one for each of its characters."""
    raw = np.frombuffer(text[:LONGEST].encode("utf-32-le", "replace"), np.uint32)
    points: Numbers = _table()[np.minimum(raw, 0xFFFF)]
    beyond = (raw >= 0x20000) & (raw <= 0x3134F)
    return np.where(beyond, raw, points) if beyond.any() else points


@dataclass(frozen=True)
class Grams:
    """The grams of one text: their codes, and from where to where in the text each stands."""

    codes: Numbers
    starts: Numbers
    ends: Numbers


def grams_of(text: str) -> Grams:
    """All grams of a text in order, with their places (for explanations)."""
    points = points_of(text)
    places = np.arange(len(points), dtype=np.int32)
    latin = _is_latin(points)
    single = (points > 0) & ~latin
    pair = single[:-1] & single[1:] if len(points) > 1 else np.zeros(0, bool)
    codes = [points[single].astype(np.uint64), _pairs(points)[pair]]
    starts, ends = [places[single], places[:-1][pair]], [places[single] + 1, places[:-1][pair] + 2]
    if latin.any():
        more, begin, end = _latin_grams(points)
        codes.append(more)
        starts.append(begin)
        ends.append(end)
    return Grams(np.concatenate(codes), np.concatenate(starts), np.concatenate(ends))


def codes_of(text: str) -> Numbers:
    """The codes alone: all that classifying needs."""
    points = points_of(text)
    latin = _is_latin(points)
    if not latin.any():
        inside = points > 0
        pair = inside[:-1] & inside[1:]
        return np.concatenate((points[inside].astype(np.uint64), _pairs(points)[pair]))
    return grams_of(text).codes


def _is_latin(points: Numbers) -> Numbers:
    latin: Numbers = (points > 0x60) & (points < 0x2E80)
    return latin


def _pairs(points: Numbers) -> Numbers:
    wide = points.astype(np.uint64)
    pairs: Numbers = (wide[:-1] << np.uint64(PAIR)) | wide[1:]
    return pairs


def _latin_grams(points: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    text = np.where(points == 0, 0x20, points).astype("<u4").tobytes().decode("utf-32-le")
    codes: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    before: re.Match[str] | None = None
    for found in _LATIN.finditer(text):
        codes.append(WORD | zlib.crc32(found[0].encode()))
        starts.append(found.start())
        ends.append(found.end())
        if before is not None and found.start() - before.end() <= 2:
            codes.append(WORDS | zlib.crc32(f"{before[0]} {found[0]}".encode()))
            starts.append(before.start())
            ends.append(found.end())
        before = found
    return np.array(codes, np.uint64), np.array(starts, np.int32), np.array(ends, np.int32)


def many_codes(texts: Sequence[str]) -> tuple[Numbers, Numbers]:
    """The codes of many texts, one after the other, and how many each has."""
    found = [codes_of(text) for text in texts]
    lengths = np.array([len(codes) for codes in found], np.int64)
    return (np.concatenate(found) if found else np.zeros(0, np.uint64)), lengths
