"""Tests about the circuit: it can be read as the loop, and every wire in it can be delivered."""

from __future__ import annotations

import inspect

import pytest

from gongzhi.ground.ledger import events
from gongzhi.loop import delivery
from gongzhi.loop.circuit import CIRCUIT
from gongzhi.loop.wires import When

STAGES = ("sense", "understand", "decide", "act", "verify", "learn")
MOST_BACK = 4


def stage(thing: object) -> int:
    """Where in the loop a room's event or reaction stands."""
    name = thing.__module__.split(".")[1]
    assert name in STAGES, f"{thing.__module__} belongs to no stage; wires join rooms of stages"
    return STAGES.index(name)


def problems(wire: When) -> list[str]:
    found = []
    forward = stage(wire.event) <= stage(wire.then)  # a step inside a stage is no step back
    if not forward and not wire.back:
        found.append("does not go forward and is not marked back=True")
    if forward and wire.back:
        found.append("is marked back=True and goes forward")
    if wire.event not in events.every_event():
        found.append("reacts to something that is not a registered event")
    if not wire.then.__module__.endswith(".actions"):
        found.append("does not call an action")
    try:
        told = "events" if wire.batch else "event"
        entries = "entries" if wire.batch else "entry"
        bound = inspect.signature(wire.then).bind(object(), **{entries: object(), "now": object()})
        first = next(iter(bound.signature.parameters.values()))
        if first.kind is inspect.Parameter.KEYWORD_ONLY:
            found.append(f"takes no positional {told}")
    except TypeError as error:
        found.append(f"cannot be called with ({told}, *, {entries}, now): {error}")
    if len(wire.name) > 80:
        found.append("has a name that is too long to keep")
    return found


@pytest.mark.parametrize("wire", CIRCUIT, ids=lambda wire: f"{wire.event.name} > {wire.name}")
def test_every_wire_goes_forward_and_can_be_called(wire):
    assert problems(wire) == []


def test_at_most_four_wires_run_back():
    back = [wire.name for wire in CIRCUIT if wire.back]
    assert len(back) <= MOST_BACK, back


def test_no_wire_stands_twice():
    pairs = [(wire.event.name, wire.name) for wire in CIRCUIT]
    assert len(pairs) == len(set(pairs))
    # Deliveries are kept and found by wire name, so two different reactions must not share one.
    names = {wire.name for wire in CIRCUIT}
    assert len(names) == len({(wire.then, wire.batch) for wire in CIRCUIT})


def test_the_house_listens_with_exactly_these_wires():
    assert {wire for wires in delivery._by_event.values() for wire in wires} == set(CIRCUIT)


def test_a_wrong_wire_is_found_out():
    def reaction(told, *, row): ...

    class Happened(events.Event):
        pass

    events._REGISTRY.pop(Happened.name)
    Happened.__module__ = "gongzhi.act.tasks.events"
    reaction.__module__ = "gongzhi.sense.channels.actions"
    found = " ".join(problems(When(Happened, then=reaction)))
    assert "not marked back" in found
    assert "cannot be called" in found
    assert "not a registered event" in found
    reaction.__module__ = "gongzhi.verify.checks.actions"
    assert "marked back=True and goes forward" in " ".join(problems(When(Happened, then=reaction, back=True)))
