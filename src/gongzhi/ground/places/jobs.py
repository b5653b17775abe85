"""What happens by itself as time passes."""

from __future__ import annotations

from datetime import datetime

from gongzhi.ground.places.actions import switch_mode
from gongzhi.ground.places.models import Mode, Place
from gongzhi.ground.refusals import Refusal


def end_expired_modes(*, now: datetime) -> int:
    """Let places follow the place above again when the end of their emergency has passed. How many there were.

    ``mode_of`` no longer counts them anyway; this puts the end on record, where others can react to it.
    """
    ended = 0
    for place in Place.objects.filter(mode=Mode.EMERGENCY, mode_until__lte=now):
        try:
            switch_mode(place=place, mode="", by=None, now=now)
            ended += 1
        except Refusal:  # somebody switched it a moment ago, or the place has ended
            continue
    return ended
