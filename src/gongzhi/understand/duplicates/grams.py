"""Texts as numbers: pairs and triples of characters, hashed; which of them are rare; how like two texts are.

Everything is arithmetic on arrays, because it stands in the path of every report.
"""

from __future__ import annotations

import functools
import threading
import time
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gongzhi.understand.duplicates.models import Frequencies

Array = np.ndarray[Any, np.dtype[Any]]

KEPT = 24  # grams of a signature
PROBES = 160  # grams of a text that are looked up, the rarest first
LONGEST = 2000  # characters of a text that count
BUCKETS = 1 << 21  # of the frequencies
# A process looks this often (seconds) whether the frequencies were counted anew.
_TRUSTED_FOR = 60.0

# What everybody writes around a matter says nothing about it.
COURTESY = (
    "请尽快处理谢谢", "请及时处理谢谢", "请尽快解决谢谢", "请帮忙解决谢谢", "请帮忙处理谢谢", "请予以处理",
    "请给予解决", "请核实处理", "请回复谢谢", "希望尽快处理", "希望尽快解决", "希望得到答复",
    "希望能给个答复", "希望有关部门重视", "盼望早日得到答复", "盼复", "望回复", "望尽快处理", "望尽快解决",
    "麻烦尽快处理", "麻烦你们", "请有关部门处理", "请相关部门核实", "请领导重视", "望领导重视", "您好",
    "你好", "领导好", "工作人员您好", "尊敬的领导", "谢谢您", "谢谢你们", "多谢", "非常感谢", "辛苦了谢谢",
    "此致敬礼", "祝工作顺利", "市民来电反映", "居民来电反映", "来电人反映", "来访居民反映",
)  # fmt: skip

_A, _B, _C, _D = (
    np.uint64(one) for one in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
)
_32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@functools.cache
def _folds() -> Array:
    """For every code point what it is compared as: one width, one case; 0 for what does not count (punctuation)."""
    table = np.arange(0x110000, dtype=np.uint32)
    for code in range(0x30000):  # beyond lies nothing that has another form
        mark = chr(code)
        folded = unicodedata.normalize("NFKC", mark).lower()[:1]
        table[code] = ord(folded) if folded.isalnum() else 0
    return table


def _mixed(numbers: Array) -> Array:
    numbers = numbers ^ (numbers >> _32)
    numbers = numbers * _D
    mixed: Array = (numbers ^ (numbers >> _32)) & _LOW
    return mixed


def grams_of_all(texts: Sequence[str]) -> tuple[Array, Array]:
    """Every pair and triple of characters of these texts as numbers below 2**32, and beside each whose it is.

    In one pass over all of them: a loop over short texts would take five times as long. A text of one character is a
    gram of its own.
    """
    shown = [text[:LONGEST] for text in texts]
    codes = np.frombuffer("".join(shown).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owners = np.repeat(np.arange(len(shown)), [len(text) for text in shown])
    codes = _folds()[codes]
    kept = codes != 0
    codes, owners = codes[kept].astype(np.uint64), owners[kept]
    pair = owners[:-1] == owners[1:]
    pairs = _mixed((codes[:-1] * _A) ^ (codes[1:] * _B))[pair]
    triple = pair[:-1] & pair[1:]
    triples = _mixed((codes[:-2] * _A + codes[1:-1] * _B) ^ (codes[2:] * _C))[triple]
    alone = np.bincount(owners, minlength=len(texts))[owners] == 1
    single = _mixed(codes[alone] * _A)
    grams = np.concatenate([pairs, triples, single])
    return grams, np.concatenate([owners[:-1][pair], owners[:-2][triple], owners[alone]])


def grams_of(text: str) -> Array:
    return grams_of_all([text])[0]


@functools.cache
def _meaning() -> Array:
    """By bucket: 0 for the grams of courtesy, 1 for all others."""
    table = np.ones(BUCKETS, dtype=np.float32)
    table[(grams_of_all(COURTESY)[0] & np.uint64(BUCKETS - 1)).astype(np.int64)] = 0
    return table


def means_something(grams: Array) -> Array:
    found: Array = _meaning()[(grams & np.uint64(BUCKETS - 1)).astype(np.int64)]
    return found


# --- how often ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    texts: int
    found: Array  # by bucket

    def of(self, grams: Array) -> Array:
        return self.found[(grams & np.uint64(BUCKETS - 1)).astype(np.int64)]

    def weights(self, grams: Array) -> Array:
        """Inverse document frequency: what stands in every text says nothing, and courtesy nothing from the start."""
        weighed: Array = (np.log((self.texts + 1.0) / (self.of(grams) + 1.0)) + 1.0) * means_something(grams)
        return weighed


NOTHING = Counts(0, np.zeros(BUCKETS, dtype=np.uint16))
_known = NOTHING
_stamp: object = None
_checked = 0.0
_lock = threading.Lock()


def forget() -> None:
    """Read the frequencies anew next time (they were just counted; tests)."""
    global _checked, _stamp, _known
    _checked, _stamp, _known = 0.0, None, NOTHING


def counts() -> Counts:
    """The frequencies as they were last counted; nothing before the first time, and then every gram is as rare."""
    global _checked, _stamp, _known
    moment = time.monotonic()
    if _checked and moment - _checked < _TRUSTED_FOR:
        return _known
    with _lock:
        stamp = next(iter(Frequencies.objects.order_by("-pk").values_list("pk", "counted_at")[:1]), None)
        if stamp != _stamp:
            if stamp is None:
                _known = NOTHING
            else:
                row = Frequencies.objects.get(pk=stamp[0])
                _known = Counts(row.texts, np.frombuffer(zlib.decompress(row.counts), dtype=np.uint16))
            _stamp = stamp
        _checked = moment
    return _known


def count(texts: Iterable[str]) -> Counts:
    """Count in how many of these texts each bucket's grams stand."""
    found = np.zeros(BUCKETS, dtype=np.int64)
    number = 0
    for text in texts:
        grams = np.unique(grams_of(text) & np.uint64(BUCKETS - 1)).astype(np.int64)
        found[grams] += 1
        number += 1
    return Counts(number, np.minimum(found, 65535).astype(np.uint16))


# --- signatures -----------------------------------------------------------------------------------------------------


def _signed(grams: Array) -> list[int]:
    """As signed 32-bit numbers, which every database has."""
    return [int(one) for one in grams.astype(np.uint32).view(np.int32)]


def _rarest(text: str, most: int) -> Array:
    grams = np.unique(grams_of(text))
    grams = grams[means_something(grams) > 0]
    if len(grams) > most:
        # Among equally rare ones the number decides: the same ones in every text that has them.
        grams = grams[np.lexsort((grams, counts().of(grams)))[:most]]
    return grams


def signature(text: str) -> list[int]:
    """The rarest grams of a text: what is written down of it."""
    return _signed(_rarest(text, KEPT))


def probes(text: str) -> list[tuple[int, int]]:
    """The grams by which others are looked for (nearly all of them), each with what it weighs, in hundredths."""
    grams = _rarest(text, PROBES)
    weights = np.rint(100 * counts().weights(grams)).astype(np.int64)
    return list(zip(_signed(grams), weights.tolist(), strict=True))


def pack(grams: Sequence[int]) -> bytes:
    return np.array(grams, dtype="<i4").tobytes()


# --- likeness -------------------------------------------------------------------------------------------------------


def likenesses(text: str, others: Sequence[str]) -> list[float]:
    """The cosine of the weighed grams (1 + ln occurrences, times rarity) of a text and each of the others."""
    if not others:
        return []
    pieces = [text, *others]
    found, owner = grams_of_all(pieces)
    keys, times = np.unique(owner.astype(np.uint64) << _32 | found, return_counts=True)
    grams, owners = keys & _LOW, (keys >> _32).astype(np.int64)
    values = (1.0 + np.log(times)) * counts().weights(grams)
    lengths = np.sqrt(np.bincount(owners, values * values, minlength=len(pieces)))
    mine = int(np.searchsorted(owners, 1))  # what comes before belongs to the text itself
    own_grams, own_values = grams[:mine], values[:mine]
    if not mine:
        return [0.0] * len(others)
    place = np.minimum(np.searchsorted(own_grams, grams[mine:]), mine - 1)
    shared = own_grams[place] == grams[mine:]
    products = np.bincount(
        owners[mine:][shared], own_values[place[shared]] * values[mine:][shared], minlength=len(pieces)
    )
    bounds = lengths[0] * lengths
    cosines = np.divide(products, bounds, out=np.zeros(len(pieces)), where=bounds > 0)
    return [min(1.0, float(one)) for one in cosines[1:]]


def marked(text: str, other: str) -> list[tuple[str, bool]]:
    """The text in runs, each with whether its words stand in the other one too (three characters or more in a row).

    For staff, who may read both.
    """
    shown = text[:LONGEST]
    places = [place for place, mark in enumerate(shown) if mark.isalnum()]
    letters = "".join(shown[place].lower() for place in places)
    there = "".join(mark.lower() for mark in other[:LONGEST] if mark.isalnum())
    known = {there[start : start + 3] for start in range(len(there) - 2)}
    shared = [False] * len(shown)
    for start in range(len(letters) - 2):
        if letters[start : start + 3] in known:
            for place in range(places[start], places[start + 2] + 1):
                shared[place] = True
    runs: list[tuple[str, bool]] = []
    begin = 0
    for place in range(1, len(shown) + 1):
        if place == len(shown) or shared[place] != shared[begin]:
            runs.append((shown[begin:place], shared[begin]))
            begin = place
    return runs


def shared_words(text: str, other: str, most: int = 5) -> list[str]:
    """The longest runs that both texts have."""
    runs = {run for run, both in marked(text, other) if both and means_something(grams_of(run)).any()}
    return sorted(runs, key=lambda run: (-len(run), run))[:most]
