"""Model fields for sensitive values: sealed in the database, masked wherever they are printed.

``SealedTextField`` keeps a text sealed. ``BlindIndexField`` stands beside it where equal values must be found again.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from django.apps import apps
from django.core import checks
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Exact, In, IsNull, Lookup
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import pre_save

from gongzhi.ground.privacy import keys, seals, spellings

if TYPE_CHECKING:
    from django.db.models.sql.compiler import SQLCompiler


class Secret:
    """A sensitive text. It prints masked; ``open()`` gives the plain text.

    It knows its row and its field, so it opens only where it belongs. It is not a str: it cannot be turned into JSON,
    pickled, or opened by a template.
    """

    __slots__ = ("_field", "_plain", "_row", "_sealed")

    def __init__(self, field: SealedTextField, row: models.Model, *, plain: str | None, sealed: bytes | None) -> None:
        self._field = field
        self._row = row
        self._plain = plain
        self._sealed = sealed

    def open(self) -> str:
        """The plain text. Raises SealBroken when the value was changed or does not belong here."""
        if self._plain is None:
            self._plain = seals.unseal(self._sealed or b"", self._field.place_of(self._row))
        return self._plain

    open.alters_data = True  # type: ignore[attr-defined]  # a template shows nothing in its place

    def masked(self) -> str:
        """As everybody may see it: "王**", "138****5678"."""
        if self._field.mask == "all":
            return spellings.STARS if self else ""
        return spellings.mask(self._field.mask, self.open())

    def __str__(self) -> str:
        return self.masked()

    def __format__(self, spec: str) -> str:
        return format(self.masked(), spec)

    def __repr__(self) -> str:
        return f"<Secret {self._field.name}>"

    def __bool__(self) -> bool:
        return bool(self._plain) if self._plain is not None else bool(self._sealed)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Secret):
            other = other.open()
        if isinstance(other, str):
            return hmac.compare_digest(self.open().encode(), other.encode())
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: its plain text would leave the house")


class SealedAttribute(DeferredAttribute):
    """What stands on the instance: always a Secret (or None). Opened only when somebody asks for it."""

    field: SealedTextField

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if value is not None and not isinstance(value, Secret):
            value = Secret(self.field, instance, plain=None, sealed=bytes(value))
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, str):
            value = Secret(self.field, instance, plain=value, sealed=None)
        elif isinstance(value, Secret) and (value._row is not instance or value._field is not self.field):
            value = self._moved(instance, value)
        elif value is not None and not isinstance(value, bytes | memoryview | Secret):
            raise TypeError(f"{self.field.name} is sealed: assign a text, not {type(value).__name__}")
        instance.__dict__[self.field.attname] = value

    def _moved(self, instance: models.Model, value: Secret) -> Secret:
        """The same text for another row or field (sealed anew), or for the same row read twice (as it is)."""
        same_field = value._field.column_label() == self.field.column_label()
        if same_field and value._sealed is not None and self.field.key_of(value._row) == self.field.key_of(instance):
            return Secret(self.field, instance, plain=value._plain, sealed=value._sealed)
        return Secret(self.field, instance, plain=value.open(), sealed=None)


if TYPE_CHECKING:
    _SealedBase = models.BinaryField["str | Secret", Secret]
    _IndexBase = models.BinaryField["bytes | None", "bytes | None"]
else:
    _SealedBase = _IndexBase = models.BinaryField


class SealedTextField(_SealedBase):
    """A text that is sealed in the database with AES-256-GCM (or SM4-GCM) and reads as a ``Secret``.

    Assign a plain str to seal it. The model needs a key that is known before the row is inserted: a UUID field
    ``uid``, or the field named by the model's ``seal_key``. ``mask`` says how the value prints: "name", "phone",
    "identity", "address" or "all". ``values()``, raw SQL and dumps give the sealed bytes, never the plain text.
    ``update(field="…")``, ``bulk_update`` and searches by content are refused; ``bulk_create``, ``save`` and
    ``ledger.actions.record(save=…)`` work.
    """

    _pyi_private_set_type: str | Secret
    _pyi_private_get_type: Secret  # type: ignore[assignment]

    descriptor_class = SealedAttribute
    holds_text = True  # a privacy declaration is due, though the column is binary

    def __init__(self, *args: Any, mask: str = "all", **kwargs: Any) -> None:
        if mask not in spellings.MASKS:
            raise ValueError(f"mask must be one of {', '.join(spellings.MASKS)}")
        self.mask = mask
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.mask != "all":
            kwargs["mask"] = self.mask
        return name, path, args, kwargs

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found = super().check(**kwargs)
        try:
            key = self.model._meta.get_field(seal_key(self.model))
        except FieldDoesNotExist:
            key = None
        if not isinstance(key, models.Field) or not key.unique or isinstance(key, models.AutoField):
            found.append(
                checks.Error(
                    "A model with sealed fields needs a unique key that is known before the row is inserted.",
                    hint="Add uid = models.UUIDField(default=uuid.uuid4, unique=True), or name the field in seal_key.",
                    obj=self,
                    id="privacy.E002",
                )
            )
        return found

    # Where a value belongs ------------------------------------------------------------------------------------------

    def column_label(self) -> tuple[str, str]:
        return self.model._meta.db_table, str(self.column)

    def key_of(self, row: models.Model) -> str:
        """The row's own key, in one spelling."""
        field = row._meta.get_field(seal_key(type(row)))
        value = field.to_python(getattr(row, field.attname))  # type: ignore[union-attr]
        if value in (None, ""):
            raise ValueError(f"{type(row).__name__} has no {field.name} yet, so nothing can be sealed to it")
        return value.hex if isinstance(value, uuid.UUID) else str(value)

    def place_of(self, row: models.Model) -> bytes:
        return seals.where(*self.column_label(), self.key_of(row))

    @cached_property
    def written_with(self) -> tuple[str, ...]:
        """The blind indexes of this field: whoever writes one column writes the others."""
        return tuple(
            field.name
            for field in self.model._meta.concrete_fields
            if isinstance(field, BlindIndexField) and field.source == self.name
        )

    # To the database ------------------------------------------------------------------------------------------------

    def pre_save(self, model_instance: models.Model, add: bool) -> bytes | None:
        """The sealed bytes. A value that was not changed keeps the bytes it was read with."""
        secret: Secret | None = getattr(model_instance, self.attname)
        if secret is None:
            return None
        if secret._plain == "":
            secret._sealed = b""  # nothing stays nothing, wherever it belongs
        elif secret._plain is not None and (add or secret._sealed is None):
            secret._sealed = seals.seal(secret._plain, self.place_of(model_instance))
        elif add:
            secret.open()  # a copied row with a new key: its bytes must fit, or nothing is written
        return secret._sealed

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, str) and not value:
            return b""
        if isinstance(value, str | Secret):
            raise TypeError(
                f"{self.model.__name__}.{self.name} is sealed to its row: it can be neither searched nor written by "
                "update() or bulk_update(). Search by its blind index; write with save(), bulk_create() or record()."
            )
        return super().get_prep_value(value)

    def get_lookup(self, lookup_name: str) -> type[Lookup[Any]] | None:
        """Only "is there something?" can be asked of sealed bytes."""
        lookup = super().get_lookup(lookup_name)
        return lookup if lookup in (Exact, In, IsNull) else None

    def value_to_string(self, obj: models.Model) -> str:
        """For dumps: the sealed bytes in hexadecimal."""
        return (self.pre_save(obj, False) or b"").hex()

    def to_python(self, value: Any) -> Any:
        return value


class BlindIndexField(_IndexBase):
    """A keyed hash of a sealed text, by which equal texts are found: ``filter(phone_index=blind(label, "138…"))``.

    It follows its source by itself whenever the row is saved. ``normalise`` makes spellings equal: "phone",
    "identity", "text", or a function; by default it follows the mask of the source. Empty texts have no index.
    """

    _pyi_private_set_type: bytes | None
    _pyi_private_get_type: bytes | None  # type: ignore[assignment]

    def __init__(
        self,
        *args: Any,
        source: str,
        normalise: str | Callable[[str], str] | None = None,
        size: int = 12,
        **kwargs: Any,
    ) -> None:
        if not 10 <= size <= 16:
            raise ValueError("a blind index is 10 to 16 bytes long")
        self.source = source
        self.normalise = normalise
        self.size = size
        kwargs["null"] = kwargs["blank"] = True
        kwargs.setdefault("db_index", True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["null"], kwargs["blank"]
        kwargs.update(source=self.source, db_index=getattr(self, "db_index", True))
        if self.normalise is not None:
            kwargs["normalise"] = self.normalise
        if self.size != 12:
            kwargs["size"] = self.size
        return name, path, args, kwargs

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found = super().check(**kwargs)
        try:
            source: models.Field[Any, Any] | None = self.source_field
        except (FieldDoesNotExist, TypeError):
            source = None
        if source is None:
            found.append(checks.Error(f"{self.source!r} is not a SealedTextField.", obj=self, id="privacy.E003"))
        return found

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        if not cls._meta.abstract:
            pre_save.connect(self._refuse_half_a_save, sender=cls, weak=False, dispatch_uid=f"{cls!r}.{name}")

    def _refuse_half_a_save(self, *, update_fields: frozenset[str] | None, raw: bool, **_more: Any) -> None:
        if update_fields is not None and self.source in update_fields and self.name not in update_fields:
            raise TypeError(f"save {self.source!r} together with its index: update_fields must name {self.name!r} too")

    @property
    def source_field(self) -> SealedTextField:
        field = self.model._meta.get_field(self.source)
        if not isinstance(field, SealedTextField):
            raise TypeError(f"{self.source} is not sealed")
        return field

    @property
    def purpose(self) -> str:
        """Names the subkey: the same telephone number has unrelated indexes in two fields."""
        return f"index {self.model._meta.label}.{self.source}"

    def normalised(self, plain: str) -> bytes:
        way = self.normalise
        if way is None:
            way = self.source_field.mask if self.source_field.mask in spellings.SPELLINGS else "text"
        return (spellings.SPELLINGS[way] if isinstance(way, str) else way)(plain).encode()

    def blind(self, plain: str, key: keys.Key | None = None, family: str | None = None) -> bytes | None:
        """The index of this text under a key (by default the current one), or None for an empty text."""
        message = self.normalised(plain) if plain else b""
        if not message:
            return None
        return keys.digest(key or keys.current(), family or keys.cipher(), self.purpose, message)[: self.size]

    def pre_save(self, model_instance: models.Model, add: bool) -> bytes | None:
        """Follows the source. A source that nobody touched since it was read is not opened for it."""
        if self.source_field.attname not in model_instance.__dict__:
            return getattr(model_instance, self.attname)  # type: ignore[no-any-return]  # source not loaded
        secret: Secret | None = getattr(model_instance, self.source_field.attname)
        if secret is None:
            index = None
        elif secret._plain is None and self.attname in model_instance.__dict__:
            index = getattr(model_instance, self.attname)
        else:
            index = self.blind(secret.open())
        setattr(model_instance, self.attname, index)
        return index

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, str | Secret):
            raise TypeError(f"search {self.name} by blind(…), not by the text itself")
        return super().get_prep_value(value)

    def get_lookup(self, lookup_name: str) -> type[Lookup[Any]] | None:
        lookup = super().get_lookup(lookup_name)
        return lookup if lookup in (BlindExact, In, IsNull) else None


class Blind(bytes):
    """The blind index of a text: under the current key as bytes, under all keys as ``candidates``."""

    candidates: tuple[bytes, ...] = ()


def blind(label: str, plain: str) -> Blind:
    """What to search for: ``filter(phone_index=blind("channels.Message.phone", "138 0013 8000"))``.

    ``label`` is the sealed field. While keys are being rotated it finds rows under the old and the new key. An empty
    text finds nothing.
    """
    model_label, _dot, source = label.rpartition(".")
    fields = apps.get_model(model_label)._meta.concrete_fields
    field = next((one for one in fields if isinstance(one, BlindIndexField) and one.source == source), None)
    if field is None:
        raise LookupError(f"{label} has no blind index")
    found = [field.blind(plain, key, family) for key in keys.ring() for family in keys.families()]
    result = Blind(field.blind(plain) or b"")
    result.candidates = tuple(one for one in found if one is not None)
    return result


@BlindIndexField.register_lookup
class BlindExact(Exact[Any]):
    """Equal under any key of the ring."""

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        if not isinstance(self.rhs, Blind):
            return super().as_sql(compiler, connection)
        if not self.rhs.candidates:
            raise EmptyResultSet
        lhs, params = self.process_lhs(compiler, connection)
        marks = ", ".join(["%s"] * len(self.rhs.candidates))
        values = [self.lhs.output_field.get_db_prep_value(one, connection) for one in self.rhs.candidates]
        return f"{lhs} IN ({marks})", [*params, *values]


def seal_key(model: type[models.Model]) -> str:
    """The name of the field that sealed values of this model are bound to."""
    name: str = getattr(model, "seal_key", "uid")
    return name
