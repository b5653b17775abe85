"""In which mode the reader's place is: the band at the top of every page.

Read at most every few seconds in each process, because every page shows it.
"""

from __future__ import annotations

from datetime import datetime

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.front.mode import ORDINARY, Mode
from gongzhi.ground.places.finding import Standing, mode_of
from gongzhi.ground.places.models import Colour, EmergencyLevel, Place
from gongzhi.ground.places.paths import ancestors
from gongzhi.understand.cases.responsibility import desks

# Seconds for which another process may still show what was.
_TRUSTED_FOR = 5
_SERVED = "standing:served"
_TURN = "standing:turn"


def forget() -> None:
    """Ask anew next time: this process has just switched a mode."""
    cache.delete(_SERVED)
    cache.set(_TURN, _turn() + 1, None)


def _turn() -> int:
    """Counts the switches made by this process, so that what was read before them no longer counts."""
    turn: int = cache.get(_TURN, 0)
    return turn


def served(now: datetime) -> list[Place]:
    """The streets and towns that residents write to here; none before anybody has a post."""
    known: list[Place] | None = cache.get(_SERVED)
    if known is None:
        known = desks(timezone.localdate(now))
        cache.set(_SERVED, known, _TRUSTED_FOR)
    return known


def desk_path(now: datetime) -> str:
    """The path of the nearest place that holds all of them."""
    paths = [place.path for place in served(now)]
    if not paths:
        return ""
    return next((path for path in ancestors(paths[0]) if all(other.startswith(path) for other in paths)), "")


def band(path: str, now: datetime) -> Mode:
    """What the band says at the place with this path."""
    if not path:
        return ORDINARY
    key = f"standing:{_turn()}:{path}"
    standing: Standing | None = cache.get(key)
    if standing is None:
        standing = mode_of(path, now)
        cache.set(key, standing, _TRUSTED_FOR)
    if not standing.emergency:
        return ORDINARY
    level = str(EmergencyLevel(standing.level).label)
    if standing.colour:
        level = _("%(level)s (%(colour)s)") % {"level": level, "colour": Colour(standing.colour).label}
    return Mode(
        emergency=True, colour=standing.colour or "red", level=level, matter=standing.reason, until=standing.until
    )
