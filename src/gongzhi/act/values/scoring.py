"""How marks become points. Whole numbers in, a whole number out; nothing else counts."""

from __future__ import annotations

from dataclasses import dataclass

FULL = 100  # the best mark of a condition, and what the weights add up to


@dataclass(frozen=True)
class Marks:
    """Three marks from 0 to 100."""

    done: int
    timeliness: int
    quality: int

    @property
    def fit(self) -> bool:
        return all(0 <= one <= FULL for one in (self.done, self.timeliness, self.quality))


@dataclass(frozen=True)
class Weights:
    """What each condition counts, as agreed. They add up to 100."""

    done: int
    timeliness: int
    quality: int

    @property
    def fit(self) -> bool:
        each = (self.done, self.timeliness, self.quality)
        return sum(each) == FULL and all(0 <= one <= FULL for one in each)


def points(value: int, weights: Weights, marks: Marks) -> int:
    """The value times the weighted mean of the marks, rounded to the nearest whole number, a half upwards."""
    weighed = weights.done * marks.done + weights.timeliness * marks.timeliness + weights.quality * marks.quality
    whole = FULL * FULL
    return (2 * value * weighed + whole) // (2 * whole)


def timeliness_by_clock(days_late: int, step: int) -> int:
    """What the clock proposes: full marks in time, and ``step`` less for each working day begun after the deadline."""
    return max(0, FULL - step * max(0, days_late))
