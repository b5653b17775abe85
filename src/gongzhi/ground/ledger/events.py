"""What an event is: a frozen fact in the past tense, made of ids, codes and numbers."""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, dataclass_transform

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.models import canonical

_REGISTRY: dict[str, type[Event]] = {}
_AS_IT_IS = frozenset({int, str, bool, type(None)})  # what JSON gives back exactly as it was


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Event:
    """Base of all events. A subclass is made a frozen, keyword-only dataclass and registered as ``room.Name``.

    Fields hold ids, codes, numbers and times (int, bool, str codes, date, datetime, None, lists of those); never
    names or free text.
    """

    name: ClassVar[str]
    # What a timeline shows, in the past tense: ``label = _("Case opened")`` with gettext_lazy.
    label: ClassVar[str | Promise] = ""
    # True when the row may be gone after this event (erased, destroyed). Any other missing row is a finding.
    ends_row: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        room = cls.__module__.split(".")[-2]
        cls.name = f"{room}.{cls.__name__}"
        known = _REGISTRY.get(cls.name)
        if known is not None and known.__module__ != cls.__module__:
            raise TypeError(f"two events are called {cls.name}")
        _REGISTRY[cls.name] = cls

    def data(self) -> dict[str, Any]:
        """The fields as the record keeps them (plain JSON)."""
        facts = dict(sorted(vars(self).items()))
        if all(type(value) in _AS_IT_IS for value in facts.values()):
            return facts
        facts = dataclasses.asdict(self)  # type: ignore[call-overload]
        return typing.cast("dict[str, Any]", json.loads(canonical(facts)))


def event_type(name: str) -> type[Event]:
    """The class of a recorded event name. KeyError for a name that no room speaks."""
    return _REGISTRY[name]


def every_event() -> list[type[Event]]:
    return [_REGISTRY[name] for name in sorted(_REGISTRY)]


def label_of(name: str) -> str | Promise:
    """What a timeline shows for a recorded event name; the name itself when no room speaks it any more."""
    kind = _REGISTRY.get(name)
    return (kind.label if kind is not None else "") or name


def read(name: str, data: dict[str, Any]) -> Event:
    """The event again, from an entry. Fields that were added since take their defaults."""
    kind = _REGISTRY[name]
    readers = _readers(name)
    return kind(**{key: readers[key](value) for key, value in data.items() if key in readers})


@functools.cache
def _readers(name: str) -> dict[str, Callable[[Any], Any]]:
    """How each field is read back: times and decimals are kept as text."""
    kind = _REGISTRY[name]
    hints = typing.get_type_hints(kind)
    return {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}  # type: ignore[arg-type]


def _reader(hint: Any) -> Callable[[Any], Any]:
    options = typing.get_args(hint) if typing.get_origin(hint) in {typing.Union, types.UnionType} else (hint,)
    for kind, parse in _PARSERS.items():
        if kind in options:
            return lambda value: None if value is None else parse(value)
    return lambda value: value


_PARSERS: dict[type, Callable[[str], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
}


class RowsBrought(Event):
    """Rows of version 0 that came with the import the entry is about: ids as runs (first, count), and fingerprints."""

    label = _("Rows brought in by an import")
    noun: str
    runs: list[list[int]]
    digests: str  # the first 16 bytes of each fingerprint, one after the other, in base64

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """(id, digest) of each row, in the order of ids."""
        digests = base64.b64decode(self.digests)
        ids = (first + step for first, count in self.runs for step in range(count))
        for place, pk in enumerate(ids):
            yield pk, digests[16 * place : 16 * place + 16]
