"""Personal data has no default: each text-like field is declared personal (why, how long) or harmless.

Fields are named by label (``"channels.Message"``, ``"text"``), so the order of importing does not matter. A room
declares its own fields in its ``privacy.py``, which is read at start-up.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

AnyField = models.Field[Any, Any]

# What can carry words. The column of a SealedTextField is binary; it says itself that it holds text.
TEXT_LIKE: tuple[type[AnyField], ...] = (
    models.CharField,
    models.TextField,
    models.JSONField,
    models.FileField,
    models.FilePathField,
    models.GenericIPAddressField,
)


class DataClass(models.TextChoices):
    """How grave it is when a value gets out."""

    INTERNAL = "internal", _("internal")  # written at work; may happen to name somebody
    PERSONAL = "personal", _("personal")  # says something about a person
    SENSITIVE = "sensitive", _("sensitive")  # identity, health, money, tracks, secrets: sealed, shown with a reason


@dataclass(frozen=True)
class Personal:
    """One personal field: what it is for, on what basis it is held, and when it is erased.

    ``keep_days`` is a number, the key of a rule, or None for a field that lives as long as its row; ``until`` then
    says in words how long that is. ``clock`` is the date or time field that the days count from
    (``"case__closed_at"`` reaches through a relation), or the name of a QuerySet method ``method(before)`` that gives
    the rows whose clock stands before that moment. ``whole_row`` deletes the row with the field (for log tables).
    """

    model: str
    field: str
    _: KW_ONLY
    why: str | Promise
    basis: str | Promise
    data_class: DataClass = DataClass.PERSONAL
    keep_days: int | str | None = None
    clock: str = ""
    until: str | Promise = ""
    whole_row: bool = False

    @property
    def label(self) -> str:
        return f"{self.model}.{self.field}"

    def model_class(self) -> type[models.Model]:
        return apps.get_model(self.model)

    def model_field(self) -> AnyField:
        field = self.model_class()._meta.get_field(self.field)
        if not isinstance(field, models.Field):
            raise FieldDoesNotExist(f"{self.label} is not a column")
        return field

    def clock_is_field(self) -> bool:
        """Whether the clock is a column (else it is a QuerySet method)."""
        try:
            _last_field(self.model_class(), self.clock)
        except FieldDoesNotExist:
            return False
        return True

    def clock_is_time(self) -> bool:
        """Whether the clock is a moment (else it is a day)."""
        return isinstance(_last_field(self.model_class(), self.clock), models.DateTimeField)


_personal: list[Personal] = []
_harmless: list[str] = []


def declare(*personal: Personal, harmless: Iterable[str] = ()) -> None:
    """Say what is personal and what is harmless (``"places.Place.name"``). Each field once, in the room it lives in."""
    _personal.extend(personal)
    _harmless.extend(harmless)


def every_personal() -> list[Personal]:
    """All declared personal fields, by room, model and field."""
    return sorted(_personal, key=lambda one: one.label)


def every_harmless() -> list[str]:
    return sorted(_harmless)


def declared_harmless(label: str) -> bool:
    return label in _harmless


def personal(label: str) -> Personal | None:
    """The declaration of ``"channels.Message.text"``, when it is a personal field."""
    return next((one for one in _personal if one.label == label), None)


def is_text_like(field: AnyField) -> bool:
    """Whether words can stand in this field."""
    return isinstance(field, TEXT_LIKE) or bool(getattr(field, "holds_text", False))


def text_like_fields() -> Iterator[str]:
    """The labels of all text-like fields of all installed models, third-party ones included."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.local_concrete_fields:
            if is_text_like(field):
                yield f"{model._meta.label}.{field.name}"


def undeclared() -> list[str]:
    """Text-like fields that nobody has declared."""
    known = {one.label for one in _personal} | set(_harmless)
    return sorted(set(text_like_fields()) - known)


def problems() -> list[str]:
    """What is wrong with the declarations themselves: unknown fields, double ones, clocks that do not run."""
    found = []
    counts = Counter([one.label for one in _personal] + _harmless)
    found += [f"{label} is declared {count} times." for label, count in sorted(counts.items()) if count > 1]
    found += [problem for label in every_harmless() if (problem := _unknown(label))]
    for one in every_personal():
        if problem := _unknown(one.label):
            found.append(problem)
        else:
            found += [f"{one.label}: {problem}" for problem in _contradictions(one)]
    return found


def _unknown(label: str) -> str:
    model_label, _dot, field_name = label.rpartition(".")
    try:
        model = apps.get_model(model_label)
        field = model._meta.get_field(field_name)
    except (LookupError, ValueError, FieldDoesNotExist):
        return f"{label} is declared, but there is no such field."
    if f"{model._meta.label}.{field.name}" != label:
        return f"{label} is spelled {model._meta.label}.{field.name}."
    return ""


def _contradictions(one: Personal) -> Iterator[str]:
    from gongzhi.ground.rules.actions import known_keys  # models are not there yet when this module is imported

    model = one.model_class()
    field = one.model_field()
    if not (one.why and one.basis):
        yield "a purpose (why) and a basis are missing."
    if one.keep_days is None and not one.until:
        yield "neither keep_days nor until says when it goes."
    if one.keep_days is not None and not one.clock:
        yield "keep_days needs a clock."
    if one.clock and not one.clock_is_field():
        method = getattr(model._default_manager.get_queryset(), one.clock, None)
        if not callable(method) or "before" not in inspect.signature(method).parameters:
            yield f"the clock {one.clock!r} is neither a field nor a QuerySet method with the argument 'before'."
    elif one.clock and not isinstance(_last_field(model, one.clock), models.DateField):
        yield f"the clock {one.clock!r} is not a date or a time."
    if field.attname in getattr(model, "RECORDED", ()):
        yield "it stands in RECORDED: erasing it would break the record's fingerprint."
    if isinstance(one.keep_days, str) and one.keep_days not in known_keys(one.keep_days):
        yield f"there is no rule {one.keep_days!r}."
    if isinstance(one.keep_days, int) and one.keep_days < 0:
        yield "keep_days is less than nothing."


def _last_field(model: type[models.Model], path: str) -> AnyField:
    *relations, last = path.split("__")
    for name in relations:
        related = model._meta.get_field(name).related_model
        if not (isinstance(related, type) and issubclass(related, models.Model)):
            raise FieldDoesNotExist(path)
        model = related
    field = model._meta.get_field(last)
    if not isinstance(field, models.Field):
        raise FieldDoesNotExist(path)
    return field
