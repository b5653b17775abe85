"""What a wire is: a room's function that reacts to an event of another room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gongzhi.ground.ledger.events import Event


@dataclass(frozen=True)
class When:
    """``When(CaseAssigned, then=tasks.open_for_case)``: this event, then that reaction.

    The reaction is called as ``then(event, entry=entry, now=now)`` in a transaction of its own. With ``batch`` the
    events that were recorded together are handed over together: ``then(events, entries=entries, now=now)``.
    ``back`` marks a wire that runs against the order of the loop. ``only`` lets through the events it says yes to.
    """

    event: type[Event]
    then: Callable[..., object]
    back: bool = False
    batch: bool = False
    only: Callable[[Any], bool] | None = None

    @property
    def name(self) -> str:
        """``room.function``. It is kept with every delivery: renaming a reaction makes a new wire."""
        return f"{self.then.__module__.split('.')[-2]}.{self.then.__name__}"
