"""A length of time as people agree on it: an amount and one of four units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

HOUR = 3_600_000_000  # microseconds

_WRITTEN = re.compile(r"(-?\d{1,18}(?:\.\d{1,18}|/[1-9]\d{0,17})?) ([a-z_]+)")


class Unit(models.TextChoices):
    NATURAL_HOURS = "natural_hours", _("hours")
    WORKING_HOURS = "working_hours", _("working hours")
    NATURAL_DAYS = "natural_days", _("days")
    WORKING_DAYS = "working_days", _("working days")

    @property
    def counts_days(self) -> bool:
        return self in (Unit.NATURAL_DAYS, Unit.WORKING_DAYS)


@dataclass(frozen=True)
class Span:
    """So many hours or days. Amounts are exact, so stopping and restarting the clock loses nothing.

    ``str(span)`` is "5 working_days" and ``Span.parse`` reads it back: this is how a span is kept in a pack, in an
    override and in a column. Days are whole. A negative span is time overdue; it is no time limit.
    """

    amount: Fraction
    unit: Unit

    def __init__(self, amount: int | Decimal | Fraction, unit: Unit | str) -> None:
        object.__setattr__(self, "amount", Fraction(amount))
        object.__setattr__(self, "unit", Unit(unit))
        if self.unit.counts_days and self.amount.denominator != 1:
            raise ValueError(f"days are counted whole, not {amount}")

    @classmethod
    def parse(cls, written: Any) -> Self:
        """The span that ``written`` means: a Span, "5 working_days" or [5, "working_days"]. ValueError otherwise."""
        if isinstance(written, cls):
            return written
        if isinstance(written, list | tuple) and len(written) == 2:
            written = f"{written[0]} {written[1]}"
        match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
        if match is None:
            raise ValueError(f"{written!r} is no span of time; write for example '5 working_days'")
        return cls(Fraction(match[1]), match[2])

    def __str__(self) -> str:
        return f"{_plain(self.amount)} {self.unit.value}"

    def __bool__(self) -> bool:
        return self.amount != 0

    def in_words(self) -> str:
        """For people, in their language: "5 working days". Hours are rounded to one decimal."""
        number = round(float(self.amount), 1)
        values = {"amount": int(number) if number.is_integer() else number}
        count = int(number) if number.is_integer() else 2
        match self.unit:
            case Unit.NATURAL_HOURS:
                return ngettext("%(amount)s hour", "%(amount)s hours", count) % values
            case Unit.WORKING_HOURS:
                return ngettext("%(amount)s working hour", "%(amount)s working hours", count) % values
            case Unit.NATURAL_DAYS:
                return ngettext("%(amount)s day", "%(amount)s days", count) % values
            case _:
                return ngettext("%(amount)s working day", "%(amount)s working days", count) % values


def _plain(amount: Fraction) -> str:
    """Decimals where they are exact, a fraction where they are not."""
    if amount.denominator == 1:
        return str(amount.numerator)
    if 10**6 % amount.denominator == 0:
        return format(Decimal(amount.numerator) / Decimal(amount.denominator), "f")
    return str(amount)
