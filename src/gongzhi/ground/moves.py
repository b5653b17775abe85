"""Rows with states: which moves are legal in which state is a table of the room, and this is how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models

from gongzhi.ground.refusals import Refusal


class Moving(models.Model):
    """A row whose ``state`` changes by its moves alone.

    ``MOVES`` says for each move from which states it is legal and to which it leads (none: the state stays);
    ``NOT_POSSIBLE`` is what somebody reads otherwise, with ``%(move)s`` and ``%(state)s``.
    """

    MOVES: ClassVar[Mapping[Any, tuple[frozenset[Any], Any]]]
    NOT_POSSIBLE: ClassVar[Any]

    class Meta:
        abstract = True

    def must_allow(self, move: models.TextChoices) -> None:
        """Refusal when the move is not legal in the present state."""
        row: Any = self
        if row.state not in self.MOVES[move][0]:
            raise Refusal(str(self.NOT_POSSIBLE) % {"move": move.label, "state": row.get_state_display()})

    def go(self, move: models.TextChoices) -> None:
        """Check the move and take it (in memory)."""
        self.must_allow(move)
        target = self.MOVES[move][1]
        if target is not None:
            row: Any = self
            row.state = target
