"""Where the demonstration is plugged in. Whoever has ``load_demo`` provides its content."""

from __future__ import annotations

import importlib
from datetime import datetime
from types import ModuleType

from django.db import DatabaseError

from gongzhi.config.terminal import Report, say
from gongzhi.ground.accounts.models import User


def _content() -> ModuleType | None:
    for name in ("gongzhi.config.demo", "gongzhi.config.demonstration"):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name == name:
                continue
            raise
        if hasattr(module, "load_demo"):
            return module
    return None


def is_loaded() -> bool:
    """Whether this database holds the demonstration, complete."""
    content = _content()
    try:
        if content is not None and hasattr(content, "is_loaded"):
            return bool(content.is_loaded())
        return User.objects.filter(is_demo=True).exists()
    except DatabaseError:
        return False  # no tables yet


def load(*, now: datetime, progress: Report) -> None:
    content = _content()
    if content is None:
        say("There is no demonstration in this version; the platform starts empty.")
        return
    content.load_demo(now=now, progress=progress)
