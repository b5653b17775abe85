"""Writing many new rows at once: COPY on PostgreSQL, one prepared statement on SQLite; and naming them again.

``bulk_create`` spells out a statement with a placeholder for every value, which costs more than the database's own
work. Here each column is prepared once. Keys, defaults, sealed fields, constraints and triggers hold as ever; rows
that are there already are not replaced but refused by the database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import connection, models

Reader = Callable[[Any], Any]

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


def pour(kind: type[models.Model], rows: Sequence[Any]) -> None:
    """Insert new rows of one model, in order, inside the caller's transaction. They get their ids as by ``save()``."""
    if not rows:
        return
    if not connection.in_atomic_block:
        raise RuntimeError("pour() belongs inside the transaction of its action")
    number_rows(kind, rows)
    columns, plain, readers = _columns(kind, connection.vendor)
    moment = connection.ops.adapt_datetimefield_value

    def spell(value: Any) -> Any:
        return moment(value) if isinstance(value, datetime) else str(value)

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
    for row in rows:
        row._state.adding = False
        row._state.db = connection.alias


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
    fresh = [row for row in rows if row.pk is None]
    for row, number in zip(fresh, _next_ids(kind._meta.db_table, str(pk.column), len(fresh)), strict=True):
        row.pk = number


def _next_ids(table: str, column: str, count: int) -> Iterator[int]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)", [table, column, count]
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
    taken = attrgetter(*(field.attname for field in plain))
    return names, (lambda row: (taken(row),)) if len(plain) == 1 else taken, [_reader(field) for field in special]


def _is_plain(field: Any) -> bool:
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    usual = type(field).pre_save is models.Field.pre_save or (
        isinstance(field, models.DateTimeField) and not field.auto_now and not field.auto_now_add
    )
    return usual and isinstance(target, _PLAIN) and type(target).__module__.startswith("django.")


def _reader(field: Any) -> Reader:
    prepare = field.pre_save
    if isinstance(field, models.BinaryField):  # sealed texts and their indexes: bytes, or nothing
        return lambda row: prepare(row, True)
    if isinstance(field, models.JSONField):
        return lambda row: None if (value := prepare(row, True)) is None else json.dumps(value, cls=field.encoder)
    return lambda row: field.get_db_prep_save(prepare(row, True), connection)
