"""When a recurring directive is sent again: on a day of the week, the month, the quarter or the year.

A day that the month does not have is its last day (the 31st in April is the 30th). A day off moves the sending to the
next working day of the place; the rhythm itself does not move with it.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.rules.working_days import is_working_day

MOST_ROUNDS: Final = 400  # of one directive: a year of working days is less


class Rhythm(models.TextChoices):
    ONCE = "", _("Once")
    DAILY = "daily", _("Every working day")
    WEEKLY = "weekly", _("Every week")
    MONTHLY = "monthly", _("Every month")
    QUARTERLY = "quarterly", _("Every quarter")
    YEARLY = "yearly", _("Every year")


_MONTHS: Final = {Rhythm.MONTHLY: 1, Rhythm.QUARTERLY: 3, Rhythm.YEARLY: 12}


def planned(rhythm: str, start: date, number: int) -> date:
    """The planned day of sending ``number`` (0 is the first, on ``start``), before days off are looked at."""
    if rhythm == Rhythm.DAILY:
        return start + timedelta(days=number)
    if rhythm == Rhythm.WEEKLY:
        return start + timedelta(weeks=number)
    months = start.month - 1 + _MONTHS[Rhythm(rhythm)] * number
    year, month = start.year + months // 12, months % 12 + 1
    return date(year, month, min(start.day, monthrange(year, month)[1]))


def next_sending(rhythm: str, start: date, end: date, after: date | None, path: str) -> date | None:
    """The first day of sending later than ``after`` (any, when None) and not later than ``end``; None: no more."""
    for number in range(MOST_ROUNDS * 2):
        day = planned(rhythm, start, number)
        if day > end:
            return None
        if rhythm == Rhythm.DAILY:
            if not is_working_day(day, path):
                continue
        else:
            while not is_working_day(day, path):
                day += timedelta(days=1)
        if day > end:
            return None
        if after is None or day > after:
            return day
    return None
