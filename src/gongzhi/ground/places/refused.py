"""A file that was refused as a whole, with a reason for each faulty row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import ngettext

from gongzhi.ground.refusals import Refusal

MOST_FAULTS = 100


@dataclass(frozen=True)
class Fault:
    row: int  # counted from one; 0: the file itself
    reason: str


class FileRefused(Refusal):
    """Nothing of the file was taken over. ``faults`` says why, row by row (the first hundred)."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults[:MOST_FAULTS])
        first = self.faults[0]
        if first.row == 0:
            reason = first.reason
        else:
            reason = ngettext(
                "Nothing was taken over, because %(count)s row is faulty. Row %(row)s: %(reason)s",
                "Nothing was taken over, because %(count)s rows are faulty. The first is row %(row)s: %(reason)s",
                len(faults),
            ) % {"count": len(faults), "row": first.row, "reason": first.reason}
        super().__init__(reason, status=422)
