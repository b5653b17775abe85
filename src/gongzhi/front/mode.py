"""What the band at the top of a page says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Mode:
    """What the band at the top says: ordinary times, or an emergency with its level, matter and meaning."""

    emergency: bool = False
    colour: str = ""  # red, orange, yellow or blue
    level: str = ""  # in words, with the colour: "Level II (orange)"
    matter: str = ""
    meaning: str = ""  # what it means for the person who reads it
    until: datetime | None = None
    url: str = ""


ORDINARY: Final = Mode()
