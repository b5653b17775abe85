"""Repeatable chance: the same seed gives the same demonstration on every machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")

_TENTH = 1.2815515655446004  # the standard normal's 90th percentile


def dice(seed: int, purpose: str) -> Random:
    """Independent dice for each purpose, so that a change in one part leaves the others as they were."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 (invented data, no secret)


def pick(die: Random, items: Sequence[T], weights: Sequence[float] | None = None) -> T:
    return die.choices(items, weights)[0]


def chance(die: Random, share: float) -> bool:
    return die.random() < share


@dataclass(frozen=True)
class Spread:
    """A log-normal amount with its own spread below and above the median, as measured data have it."""

    median: float
    below: float  # sigma of the logarithm below the median
    above: float
    least: float = 0.0
    most: float = math.inf

    @classmethod
    def of_percentiles(cls, p10: float, median: float, p90: float, *, least: float = 0.0, most: float = 9e9) -> Spread:
        return cls(median, math.log(median / p10) / _TENTH, math.log(p90 / median) / _TENTH, least, most)

    def draw(self, die: Random) -> float:
        z = die.gauss(0.0, 1.0)
        amount = self.median * math.exp(z * (self.above if z > 0 else self.below))
        return min(max(amount, self.least), self.most)
