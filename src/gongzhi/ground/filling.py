"""Writing many new rows at once: COPY on PostgreSQL, one prepared statement on SQLite; and naming them again.

``bulk_create`` spells out a statement with a placeholder for every value, which costs more than the database's own
work. Here each column is prepared once. Keys, defaults, sealed fields, constraints and triggers hold as ever; rows
that are there already are not replaced but refused by the database.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute

Reader = Callable[[Any], Any]
Row = TypeVar("Row", bound=models.Model)

_PLAIN = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.BooleanField,
    models.FloatField,
    models.DateTimeField,
    models.BinaryField,
)
_AS_IT_IS = frozenset({int, str, bytes, bool, float, type(None)})


def build(kind: type[Row], values: dict[str, Any]) -> Row:
    """A new row as ``kind(**values)`` makes it, at a fraction of the price: for thousands at once.

    ``values`` names columns (``place_id``, not ``place``) and is used up. What is left out has its default. Nothing is
    looked at or turned into anything else: a wrong name or type is the caller's.
    """
    fixed, drawn, apart = _defaults(kind)
    row = kind.__new__(kind)
    row._state = ModelState()
    inside = row.__dict__
    inside.update(fixed)
    for name, draw in drawn:
        if name not in values:
            values[name] = draw()
    guarded = [(name, values.pop(name)) for name in apart]
    inside.update(values)
    for name, value in guarded:  # sealed texts and files, which know their row
        setattr(row, name, value)
    return row


@cache
def _defaults(kind: type[models.Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]], list[str]]:
    """What a new row begins with: values, values to be drawn anew each time, and the names of guarded columns."""
    fixed: dict[str, Any] = {}
    drawn: list[tuple[str, Callable[[], Any]]] = []
    apart: list[str] = []
    for field in kind._meta.concrete_fields:
        guarded = field.descriptor_class not in (DeferredAttribute, ForeignKeyDeferredAttribute)
        if guarded:
            apart.append(field.attname)
        if guarded or (field.has_default() and callable(field.default)):
            drawn.append((field.attname, field.get_default))
        else:
            value = field.get_default()
            fixed[field.attname] = value.value if isinstance(value, Enum) else value  # as it comes from the database
    return fixed, drawn, apart


def pour(kind: type[models.Model], rows: Sequence[Any]) -> None:
    """Insert new rows of one model, in order, inside the caller's transaction. They get their ids as by ``save()``."""
    if not rows:
        return
    if not connection.in_atomic_block:
        raise RuntimeError("pour() belongs inside the transaction of its action")
    number_rows(kind, rows)
    columns, plain, readers = _columns(kind, connection.vendor)
    spell = _speller()
    values = (
        [value if type(value) in _AS_IT_IS else spell(value) for value in plain(row)] + [read(row) for read in readers]
        for row in rows
    )
    table = connection.ops.quote_name(kind._meta.db_table)
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values))  # noqa: S608
    alias = connection.alias
    for row in rows:
        row._state.adding = False
        row._state.db = alias


def _speller() -> Reader:
    """How this database takes what is neither a number nor a text: moments, and what prints as a text."""
    if connection.vendor == "postgresql":
        return str  # COPY takes texts
    moment = connection.ops.adapt_datetimefield_value
    plainly = connection.timezone is UTC  # then as the backend does, without asking thrice

    def spell(value: Any) -> Any:
        if not isinstance(value, datetime):
            return str(value)
        return str(value.replace(tzinfo=None)) if plainly and value.tzinfo is UTC else moment(value)

    return spell


@contextmanager
def much_at_once() -> Iterator[None]:
    """For the time of a long import: what is in memory already is not looked through for garbage again and again."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def among(name: str, ids: Collection[int]) -> models.Q:
    """The rows whose field is one of these ids.

    What was poured together has ids without a gap: that is asked as "from … to", with two parameters for a thousand.
    """
    first, last = min(ids, default=0), max(ids, default=0)
    if len(ids) > 2 and len(set(ids)) == last - first + 1:
        return models.Q(**{f"{name}__gte": first, f"{name}__lte": last})
    return models.Q(**{f"{name}__in": ids})


def number_rows(kind: type[models.Model], rows: Sequence[Any]) -> None:
    """Give the rows the next ids, in order. Rows that have one keep it."""
    pk = kind._meta.pk
    if not isinstance(pk, models.AutoField | models.BigAutoField):
        return
    name = pk.attname
    fresh = [row for row in rows if row.__dict__.get(name) is None]
    for row, number in zip(fresh, _next_ids(kind._meta.db_table, str(pk.column), len(fresh)), strict=True):
        row.__dict__[name] = number


def _next_ids(table: str, column: str, count: int) -> Iterator[int]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                # OFFSET 0: the sequence is looked up once and not for each number.
                "SELECT nextval(name) FROM (SELECT pg_get_serial_sequence(%s, %s)::regclass AS name OFFSET 0) AS one, "
                "generate_series(1, %s)",
                [table, column, count],
            )
            return iter(sorted(row[0] for row in cursor.fetchall()))
        # Whoever writes holds the only write lock of the file, so nobody else can take these.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
        first = (found[0] if found else 0) + 1
        return iter(range(first, first + count))


@cache
def _columns(kind: type[models.Model], vendor: str) -> tuple[list[str], Reader, list[Reader]]:
    """The columns: first those whose values are taken as they are, all at once; then those that prepare theirs."""
    fields = [field for field in kind._meta.concrete_fields if not getattr(field, "generated", False)]
    plain = [field for field in fields if _is_plain(field)]
    special = [field for field in fields if field not in plain]
    names = [connection.ops.quote_name(str(field.column)) for field in (*plain, *special)]
    return names, _taker([field.attname for field in plain]), [_reader(field, vendor) for field in special]


def _taker(names: Sequence[str]) -> Reader:
    """The values of these attributes, straight from the row: a foreign key makes more of being asked."""
    if len(names) == 1:
        return lambda row: (getattr(row, names[0]),)
    inside, asked = itemgetter(*names), attrgetter(*names)

    def take(row: Any) -> Any:
        try:
            return inside(row.__dict__)
        except KeyError:  # not loaded
            return asked(row)

    return take


def _is_plain(field: Any) -> bool:
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    usual = type(field).pre_save is models.Field.pre_save or (
        isinstance(field, models.DateTimeField) and not field.auto_now and not field.auto_now_add
    )
    return usual and isinstance(target, _PLAIN) and type(target).__module__.startswith("django.")


def _reader(field: Any, vendor: str) -> Reader:
    prepare = field.pre_save
    if isinstance(field, models.BinaryField):  # sealed texts and their indexes: bytes, or nothing
        return lambda row: prepare(row, True)
    if isinstance(field, models.UUIDField):
        return lambda row: str(prepare(row, True)) if vendor == "postgresql" else prepare(row, True).hex
    if isinstance(field, models.JSONField):
        return lambda row: None if (value := prepare(row, True)) is None else json.dumps(value, cls=field.encoder)
    return lambda row: field.get_db_prep_save(prepare(row, True), connection)
