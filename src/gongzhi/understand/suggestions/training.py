"""Training the classifier. Needs scikit-learn, which no web process imports: only the command does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from gongzhi.understand.suggestions.classifier import Classifier
from gongzhi.understand.suggestions.features import Numbers, many_codes

FEWEST_TEXTS: Final = 200
FEWEST_OF_A_CATEGORY: Final = 5
MOST_GRAMS: Final = 60_000
HELD_OUT: Final = 0.2
CURVE: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
BANDS: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
THRESHOLDS: Final = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)

Say = Callable[[str], None]


class TooFew(ValueError):
    """There is not enough to learn from; the message says how much there is."""


@dataclass(frozen=True)
class Example:
    text: str
    code: str


@dataclass
class Figures:
    """How good a classifier was on cases it had not seen."""

    macro_f1: float
    accuracy: float
    top3: float
    texts: int
    curve: list[tuple[int, float]] = field(default_factory=list)
    coverage: list[tuple[float, float]] = field(default_factory=list)  # the surest share, and its accuracy
    thresholds: list[tuple[float, float, float]] = field(default_factory=list)  # at least so sure: share, accuracy
    per_category: dict[str, tuple[float, int]] = field(default_factory=dict)  # F1 and number of texts

    def as_json(self) -> dict[str, Any]:
        return {
            "macro_f1": round(self.macro_f1, 4),
            "accuracy": round(self.accuracy, 4),
            "top3": round(self.top3, 4),
            "held_out": self.texts,
            "curve": [[count, round(value, 4)] for count, value in self.curve],
            "coverage": [[share, round(value, 4)] for share, value in self.coverage],
            "thresholds": [[edge, round(share, 4), round(value, 4)] for edge, share, value in self.thresholds],
            "per_category": {code: [round(f1, 4), count] for code, (f1, count) in sorted(self.per_category.items())},
        }


def _silent(words: str) -> None:
    """Nobody is listening."""


def usable(examples: Sequence[Example], *, fewest: int = FEWEST_TEXTS) -> list[Example]:
    """The examples without repetitions and without categories that have too few of them. TooFew says why not."""
    seen: set[str] = set()
    different = []
    for example in examples:
        plain = example.text.strip()
        if plain and plain not in seen:
            seen.add(plain)
            different.append(Example(plain, example.code))
    counts = Counter(example.code for example in different)
    kept = [example for example in different if counts[example.code] >= FEWEST_OF_A_CATEGORY]
    if len(kept) < fewest or len({example.code for example in kept}) < 2:
        raise TooFew(
            f"{len(kept)} different texts in {len({one.code for one in kept})} categories with "
            f"{FEWEST_OF_A_CATEGORY} or more: at least {fewest} texts in 2 categories are needed"
        )
    return kept


def train(
    learn: Sequence[Example], held_out: Sequence[Example], *, curve: bool = True, say: Say = _silent
) -> tuple[Classifier, Figures]:
    """A classifier learnt from ``learn``, with its figures on ``held_out``, which it has not seen."""
    sharpness = _sharpness(learn)
    points: list[tuple[int, float]] = []
    order = np.random.default_rng(7).permutation(len(learn))
    for share in CURVE[:-1] if curve else ():
        part = [learn[index] for index in order[: int(len(learn) * share)]]
        if len({example.code for example in part}) < 2:
            continue
        points.append((len(part), measure(_fit(part, sharpness), held_out).macro_f1))
        say(f"  from {len(part):>7,} texts: macro-F1 {points[-1][1]:.3f}")
    model = _fit(learn, sharpness)
    figures = measure(model, held_out)
    figures.curve = [*points, (len(learn), figures.macro_f1)]
    say(f"  from {len(learn):>7,} texts: macro-F1 {figures.macro_f1:.3f}")
    return model, figures


def fit_all(examples: Sequence[Example], sharpness: float) -> Classifier:
    """The classifier that goes into use: learnt from everything, the held-out part too."""
    return _fit(examples, sharpness)


def _fit(examples: Sequence[Example], sharpness: float) -> Classifier:
    from sklearn.linear_model import SGDClassifier

    codes, lengths = many_codes([example.text for example in examples])
    owner = np.repeat(np.arange(len(examples), dtype=np.int64), lengths)
    grams, idf = _vocabulary(codes, owner, len(examples))
    labels = sorted({example.code for example in examples})
    empty = Classifier(
        grams, idf, np.zeros((len(grams), len(labels)), np.int8), np.ones(len(labels), np.float32),
        np.zeros(len(labels), np.float32), sharpness, tuple(labels),
    )  # fmt: skip
    number = {code: index for index, code in enumerate(labels)}
    wanted = np.array([number[example.code] for example in examples])
    matrix = _matrix(empty, [example.text for example in examples])
    linear = SGDClassifier(
        loss="modified_huber", alpha=2e-5, max_iter=30, tol=None, average=True, random_state=0, class_weight=None
    ).fit(matrix, wanted)
    weights, bias = linear.coef_.T.astype(np.float32), linear.intercept_.astype(np.float32)
    if len(labels) == 2:  # scikit-learn gives one border for two classes
        weights, bias = np.hstack((-weights, weights)), np.concatenate((-bias, bias))
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    small = np.rint(weights / scale).astype(np.int8)
    used = small.any(axis=1)
    return Classifier(grams[used], idf[used], small[used], scale.astype(np.float32), bias, sharpness, tuple(labels))


def _vocabulary(codes: Numbers, owner: Numbers, texts: int) -> tuple[Numbers, Numbers]:
    """The grams that stand in at least two texts, the most frequent first if there are too many; and their rarity."""
    order = np.lexsort((owner, codes))
    code, own = codes[order], owner[order]
    first = np.ones(len(code), bool)
    first[1:] = (code[1:] != code[:-1]) | (own[1:] != own[:-1])
    grams, frequency = np.unique(code[first], return_counts=True)
    kept = frequency >= 2
    grams, frequency = grams[kept], frequency[kept]
    if len(grams) > MOST_GRAMS:
        top = np.sort(np.argpartition(-frequency, MOST_GRAMS)[:MOST_GRAMS])
        grams, frequency = grams[top], frequency[top]
    idf = np.log((1 + texts) / (1 + frequency)) + 1
    return grams, idf.astype(np.float32)


def _matrix(model: Classifier, texts: Sequence[str]) -> Any:
    from scipy.sparse import csr_matrix

    starts, columns, values = model.rows(texts)
    return csr_matrix((values, columns, starts), shape=(len(texts), len(model.grams)))


def _sharpness(learn: Sequence[Example]) -> float:
    """How margins become confidence: fitted on a seventh of what is learnt from, which a first model has not seen."""
    parts = [example for index, example in enumerate(learn) if index % 7]
    rest = [example for index, example in enumerate(learn) if not index % 7]
    return calibrate(_fit(parts, 1.0), rest)


def calibrate(model: Classifier, examples: Sequence[Example]) -> float:
    """The sharpness with which the confidences of a model fit best to these examples, which it has not seen."""
    known = [example for example in examples if example.code in model.codes]
    if not known:
        return 4.0
    margins = model.margins([example.text for example in known]).astype(np.float64)
    right = np.array([model.codes.index(example.code) for example in known])
    best, found = np.inf, 4.0
    for sharpness in np.geomspace(0.5, 40, 60):
        logits = margins * sharpness
        logits -= logits.max(axis=1, keepdims=True)
        loss = float((np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(right)), right]).mean())
        if loss < best:
            best, found = loss, float(sharpness)
    return found


def measure(model: Classifier, examples: Sequence[Example]) -> Figures:
    """Macro-F1, accuracy, and how right the model is where it is sure. An unknown category counts as a mistake."""
    if not examples:
        return Figures(0.0, 0.0, 0.0, 0)
    texts = [example.text for example in examples]
    shares = np.concatenate(
        [model.confidences(model.margins(texts[start : start + 4096])) for start in range(0, len(texts), 4096)]
    )
    order = np.argsort(-shares, axis=1)
    said = [model.codes[column] for column in order[:, 0]]
    right = np.array([code == example.code for code, example in zip(said, examples, strict=True)])
    in_three = np.array(
        [
            example.code in {model.codes[column] for column in columns[:3]}
            for columns, example in zip(order, examples, strict=True)
        ]
    )
    sure = shares.max(axis=1)
    by_sureness = np.argsort(-sure, kind="stable")
    wanted, given = Counter(example.code for example in examples), Counter(said)
    hits = Counter(code for code, hit in zip(said, right, strict=True) if hit)
    per_category = {
        code: (2 * hits[code] / (count + given[code]) if count + given[code] else 0.0, count)
        for code, count in wanted.items()
    }
    coverage = []
    for share in BANDS:
        part = right[by_sureness[: max(1, round(len(right) * share))]]
        coverage.append((share, float(part.mean())))
    thresholds = []
    for edge in THRESHOLDS:
        above = sure >= edge
        thresholds.append((edge, float(above.mean()), float(right[above].mean()) if above.any() else 0.0))
    return Figures(
        macro_f1=float(np.mean([f1 for f1, _count in per_category.values()])),
        accuracy=float(right.mean()),
        top3=float(in_three.mean()),
        texts=len(examples),
        coverage=coverage,
        thresholds=thresholds,
        per_category=per_category,
    )
