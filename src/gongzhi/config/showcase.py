"""Where the demonstration is plugged in; its content is only imported when it has to be loaded."""

from __future__ import annotations

from datetime import datetime

from django.db import DatabaseError

from gongzhi.config.terminal import Report
from gongzhi.ground.accounts.models import User


def is_loaded() -> bool:
    """Whether this database holds the demonstration. It is loaded in one transaction, so: whole or not at all."""
    try:
        return User.objects.filter(is_demo=True).exists()
    except DatabaseError:
        return False  # no tables yet


def load(*, now: datetime, progress: Report, count: int | None = None, days: int | None = None) -> None:
    from gongzhi.config.demonstration import load as content

    content.load_demo(now=now, progress=progress, count=count or content.COUNT, days=days or content.DAYS)
