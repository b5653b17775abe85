"""What runs by itself."""

from __future__ import annotations

from datetime import datetime

from gongzhi.ground.privacy.actions import erase_due


def erase_expired(*, now: datetime) -> None:
    """Erase the personal data whose time is over. Daily."""
    erase_due(now=now)
