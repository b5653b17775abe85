"""What an event is: a frozen fact in the past tense, made of ids, codes and numbers."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, dataclass_transform

_REGISTRY: dict[str, type[Event]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Event:
    """Base of all events. A subclass is made a frozen, keyword-only dataclass and registered as ``room.Name``.

    Fields hold ids, codes and numbers (int, bool, str codes, None, lists of those); never names or free text.
    """

    name: ClassVar[str]

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
        return dataclasses.asdict(self)  # type: ignore[call-overload,no-any-return]


def event_type(name: str) -> type[Event]:
    """The class of a recorded event name. KeyError for a name that no room speaks."""
    return _REGISTRY[name]


def every_event() -> list[type[Event]]:
    return [_REGISTRY[name] for name in sorted(_REGISTRY)]


def read(name: str, data: dict[str, Any]) -> Event:
    """The event again, from an entry. Fields that were added since take their defaults."""
    kind = _REGISTRY[name]
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: value for key, value in data.items() if key in known})
