"""In which mode the reader's place is: the band at the top of every page.

Read at most every few seconds in each process, because every page shows it.
"""

from __future__ import annotations

import time
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.front.mode import ORDINARY, Mode
from gongzhi.ground.places.finding import Standing, mode_of
from gongzhi.ground.places.models import Colour, EmergencyLevel
from gongzhi.understand.cases.responsibility import desk_place

_TRUSTED_FOR = 5.0
_standings: dict[str, tuple[float, Standing]] = {}
_desk: tuple[float, str] | None = None


def forget() -> None:
    """Ask anew next time (this process has just switched a mode; tests)."""
    global _desk
    _standings.clear()
    _desk = None


def desk_path(now: datetime) -> str:
    """The path of the place that residents write to; empty before anybody has a post."""
    global _desk
    moment = time.monotonic()
    if _desk is None or moment - _desk[0] > _TRUSTED_FOR:
        place = desk_place(timezone.localdate(now))
        _desk = (moment, place.path if place is not None else "")
    return _desk[1]


def band(path: str, now: datetime) -> Mode:
    """What the band says at the place with this path."""
    if not path:
        return ORDINARY
    moment = time.monotonic()
    known = _standings.get(path)
    if known is None or moment - known[0] > _TRUSTED_FOR:
        known = (moment, mode_of(path, now))
        if len(_standings) > 5000:
            _standings.clear()
        _standings[path] = known
    standing = known[1]
    if not standing.emergency:
        return ORDINARY
    level = str(EmergencyLevel(standing.level).label)
    if standing.colour:
        level = _("%(level)s (%(colour)s)") % {"level": level, "colour": Colour(standing.colour).label}
    return Mode(
        emergency=True, colour=standing.colour or "red", level=level, matter=standing.reason, until=standing.until
    )
