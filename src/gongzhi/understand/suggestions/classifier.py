"""The classifier: a linear model over grams of characters, read from a file of numbers. Needs NumPy and nothing else.

The file is an ``.npz`` without pickles: it can hold numbers and one JSON text, and no code.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from gongzhi.understand.suggestions.features import Numbers, grams_of, many_codes

PACKAGED: Final = Path(__file__).parent / "data" / "synthetic.npz"
FORMAT: Final = 1
BATCH: Final = 256
SHOWN_SPANS: Final = 6


@dataclass(frozen=True)
class Guess:
    """What a text seems to be about: categories by code, the likeliest first, with confidence from 0 to 1."""

    ranked: tuple[tuple[str, float], ...]

    @property
    def code(self) -> str:
        return self.ranked[0][0] if self.ranked else ""

    @property
    def confidence(self) -> float:
        return self.ranked[0][1] if self.ranked else 0.0


@dataclass
class Classifier:
    """Weights for each gram and category, made smaller to one byte each."""

    grams: Numbers  # uint64, sorted
    idf: Numbers  # float32, for each gram
    weights: Numbers  # int8, grams × categories
    scale: Numbers  # float32, for each category
    bias: Numbers  # float32, for each category
    sharpness: float  # turns margins into confidence
    codes: tuple[str, ...]  # of the categories
    facts: dict[str, Any] = field(default_factory=dict)  # version, figures: what people ask of a model

    @property
    def version(self) -> str:
        return str(self.facts.get("version", ""))

    # --- classifying ------------------------------------------------------------------------------------------------

    def rows(self, texts: Sequence[str]) -> tuple[Numbers, Numbers, Numbers]:
        """The known grams of the texts as a sparse matrix: (row starts, columns, values), each row of length one."""
        codes, lengths = many_codes(texts)
        columns = np.searchsorted(self.grams, codes)
        columns[columns == len(self.grams)] = 0
        known = self.grams[columns] == codes if len(self.grams) else np.zeros(len(codes), bool)
        owner = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)[known]
        keys, counts = np.unique(owner * len(self.grams) + columns[known], return_counts=True)
        row, column = np.divmod(keys, max(len(self.grams), 1))
        values = (1.0 + np.log(counts.astype(np.float32))) * self.idf[column]
        starts = np.searchsorted(row, np.arange(len(texts) + 1))
        squares = np.add.reduceat(np.append(values * values, np.float32(0)), np.minimum(starts[:-1], len(values)))
        squares = np.where(starts[1:] > starts[:-1], squares, 1.0).astype(np.float32)
        return starts, column, values / np.sqrt(squares)[row]

    def margins(self, texts: Sequence[str]) -> Numbers:
        """For each text and category, on which side of the border it lies and how far."""
        found = np.empty((len(texts), len(self.codes)), np.float32)
        for first in range(0, len(texts), BATCH):
            starts, columns, values = self.rows(texts[first : first + BATCH])
            for index in range(len(starts) - 1):
                here = slice(starts[index], starts[index + 1])
                found[first + index] = values[here] @ self.weights[columns[here]].astype(np.float32)
        found *= self.scale
        found += self.bias
        return found

    def confidences(self, margins: Numbers) -> Numbers:
        """The margins as shares that sum to one."""
        sharp = (margins - margins.max(axis=1, keepdims=True)) * np.float32(self.sharpness)
        shares = np.exp(sharp)
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray(shares)

    def guess_many(self, texts: Sequence[str], *, most: int = 3) -> list[Guess]:
        if not self.codes or not texts:
            return [Guess(()) for _text in texts]
        shares = self.confidences(self.margins(texts))
        best = np.argsort(-shares, axis=1)[:, :most]
        return [
            Guess(tuple((self.codes[column], round(float(row[column]), 4)) for column in order))
            for row, order in zip(shares, best, strict=True)
        ]

    def guess(self, text: str, *, most: int = 3) -> Guess:
        return self.guess_many([text], most=most)[0]

    # --- explaining -------------------------------------------------------------------------------------------------

    def explain(self, text: str, code: str, *, most: int = SHOWN_SPANS) -> list[tuple[int, int]]:
        """From where to where the words stand that spoke most for this category, the strongest first."""
        if code not in self.codes or not len(self.grams):
            return []
        grams = grams_of(text)
        columns = np.searchsorted(self.grams, grams.codes)
        columns[columns == len(self.grams)] = 0
        known = self.grams[columns] == grams.codes
        weights = self.weights[columns, self.codes.index(code)].astype(np.float32) * self.idf[columns] * known
        share = weights / (grams.ends - grams.starts)
        steps = np.zeros(len(text) + 2, np.float32)
        np.add.at(steps, grams.starts, share)
        np.add.at(steps, grams.ends, -share)
        strength = np.cumsum(steps)[:-1]
        return _spans(text, strength, most)


def _spans(text: str, strength: Numbers, most: int) -> list[tuple[int, int]]:
    """The stretches of at least two characters that lie clearly above the rest."""
    peak = float(strength.max(initial=0.0))
    if peak <= 0:
        return []
    spans: list[tuple[float, int, int]] = []
    start = -1
    for place in range(len(text) + 1):
        high = place < len(text) and strength[place] >= 0.35 * peak and (text[place].isalnum())
        if high and start < 0:
            start = place
        elif not high and start >= 0:
            begin, end = _widen(text, strength, start, place)
            spans.append((float(strength[begin:end].sum()), begin, end))
            start = -1
    spans.sort(reverse=True)
    chosen: list[tuple[int, int]] = []
    said: set[str] = set()
    for _strength, begin, end in spans:
        words = text[begin:end]
        if words not in said and not any(begin < other_end and other < end for other, other_end in chosen):
            said.add(words)
            chosen.append((begin, end))
    return chosen[:most]


def _widen(text: str, strength: Numbers, start: int, end: int) -> tuple[int, int]:
    """A single character is no word: the stronger neighbour comes along."""
    if end - start > 1:
        return start, end
    left = start > 0 and text[start - 1].isalnum()
    right = end < len(text) and text[end].isalnum()
    if left and (not right or strength[start - 1] >= strength[end]):
        return start - 1, end
    return (start, end + 1) if right else (start, end)


# --- the file ---------------------------------------------------------------------------------------------------------


def to_bytes(model: Classifier) -> bytes:
    facts = {"format": FORMAT, "codes": list(model.codes), "sharpness": model.sharpness, **model.facts}
    out = io.BytesIO()
    np.savez_compressed(
        out,
        grams=model.grams.astype(np.uint64),
        idf=model.idf.astype(np.float32),
        weights=model.weights.astype(np.int8),
        scale=model.scale.astype(np.float32),
        bias=model.bias.astype(np.float32),
        facts=np.frombuffer(json.dumps(facts, ensure_ascii=False).encode(), np.uint8),
    )
    return out.getvalue()


def read(path: Path) -> Classifier:
    """The classifier in a file. ValueError when it is none of ours."""
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = {name: file[name] for name in ("grams", "idf", "weights", "scale", "bias", "facts")}
        facts = json.loads(parts["facts"].tobytes())
        codes = tuple(str(code) for code in facts.pop("codes"))
        sharpness = float(facts.pop("sharpness"))
        right = facts.pop("format") == FORMAT and parts["weights"].shape == (len(parts["grams"]), len(codes))
    except (OSError, KeyError, TypeError, EOFError, ValueError, BadZipFile) as error:
        raise ValueError(f"{path.name} is no classifier: {error}") from error
    if not right:
        raise ValueError(f"{path.name} is a classifier of another release")
    return Classifier(
        parts["grams"], parts["idf"], parts["weights"], parts["scale"], parts["bias"], sharpness, codes, facts
    )


def own_file() -> Path:
    """Where the installation's own classifier lies once it has been trained."""
    from django.conf import settings

    return Path(settings.HOME) / "classifier" / "categories.npz"


_known: tuple[Path, float, Classifier] | None = None
_checked = 0.0
_lock = threading.Lock()
_TRUSTED_FOR = 5.0  # seconds until another process's training is noticed


def forget() -> None:
    global _known, _checked
    _known, _checked = None, 0.0


def classifier() -> Classifier:
    """The classifier in use: the installation's own, else the one that came with the product."""
    global _known, _checked
    moment = time.monotonic()
    if _known is not None and moment - _checked < _TRUSTED_FOR:
        return _known[2]
    with _lock:
        path = own_file()
        if not path.exists():
            path = PACKAGED
        written = path.stat().st_mtime_ns
        if _known is None or _known[:2] != (path, written):
            try:
                found = read(path)
            except ValueError:
                if path == PACKAGED:
                    raise
                path, found = PACKAGED, read(PACKAGED)  # a file that was damaged does not stop the desk
            _known = (path, written, found)
        _checked = moment
        return _known[2]
