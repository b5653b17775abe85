"""Every event that a room can say: named, labelled, and without room for personal data."""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import date, datetime
from decimal import Decimal

import pytest

from gongzhi.ground.ledger.events import Event, every_event

EVENTS = [
    event for event in every_event() if event.__module__.startswith("gongzhi.") and ".tests." not in event.__module__
]
PLAIN = (int, bool, str, float, date, datetime, Decimal, type(None))


def test_there_are_events():
    assert len(EVENTS) > 10


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_event_has_a_label(event: type[Event]):
    assert str(event.label).strip(), f"{event.name} needs label = _(…)"
    assert not isinstance(event.label, str), f"the label of {event.name} must be translated lazily"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_event_stands_in_the_events_of_its_room(event: type[Event]):
    assert event.__module__.endswith(".events")


def plain(hint: object) -> bool:
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        return all(plain(option) for option in typing.get_args(hint))
    if origin in {list, tuple, typing.Literal}:
        return all(
            option is Ellipsis or plain(option) or isinstance(option, str | int) for option in typing.get_args(hint)
        )
    return isinstance(hint, type) and issubclass(hint, PLAIN)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_event_holds_plain_facts(event: type[Event]):
    hints = typing.get_type_hints(event)
    for field in dataclasses.fields(event):
        assert plain(hints[field.name]), f"{event.name}.{field.name}: {hints[field.name]}"


# Words that would be somebody's, in a field of an event that is never erased.
PERSONAL = {"phone", "telephone", "identity", "address", "email", "text", "words", "note", "title", "person_name"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_event_has_no_field_for_personal_data(event: type[Event]):
    assert not PERSONAL & {field.name for field in dataclasses.fields(event)}
