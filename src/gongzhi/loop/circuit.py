"""Who reacts to which event. This page is the whole circuit; ``docs/explanation/the-circuit.md`` tells how it runs."""

from __future__ import annotations

from gongzhi.loop.wires import When

CIRCUIT: tuple[When, ...] = ()
