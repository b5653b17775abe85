"""What access does by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from gongzhi.ground.access.models import Repeat, Tally

KEEP_REPEATS = timedelta(days=2)


def forget_tallies(*, now: datetime) -> int:
    """Delete the counts of windows that are over, and what was kept to recognise repeated requests."""
    over, _ = Tally.objects.filter(until__lt=now).delete()
    old, _ = Repeat.objects.filter(at__lt=now - KEEP_REPEATS).delete()
    return over + old
