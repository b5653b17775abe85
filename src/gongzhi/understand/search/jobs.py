"""What runs by itself."""

from __future__ import annotations

from datetime import datetime

from gongzhi.understand.search.actions import tidy


def tidy_index(*, now: datetime) -> None:
    """Let go of what the index still holds of erased texts. Daily, after the erasing."""
    tidy()
