"""Background work of the record. The schedule stands in ``loop/schedule.py``."""

from __future__ import annotations

from datetime import datetime

from gongzhi.ground.ledger import witness
from gongzhi.ground.ledger.actions import seal


def seal_entries(*, now: datetime) -> int:
    """Seal until nothing waits; returns how many seals were made. Writes what the witness file lacks, too."""
    made = 0
    while seal(now=now) is not None:
        made += 1
    witness.catch_up()
    return made
