"""Taking over an edition of the division table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, groupby
from typing import cast

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import Acting, record, record_brought
from gongzhi.ground.places import divisions, paths
from gongzhi.ground.places.events import (
    DivisionsImported,
    PlaceClosed,
    PlaceReopened,
)
from gongzhi.ground.places.models import (
    DivisionImport,
    Level,
    Place,
)
from gongzhi.ground.places.refused import MOST_FAULTS, Fault, FileRefused
from gongzhi.ground.places.renaming import rename, save_many
from gongzhi.ground.refusals import Refusal

CHUNK = 5000
MANY = 10_000  # new rows, after which the database should count again
INSERTED_AT_ONCE = 190  # rows; five parameters each, below the limit of every SQLite
LARGEST_SHARE_CLOSED = 0.2

Progress = Callable[[int, int], None]


@dataclass
class _Tally:
    added: int = 0
    renamed: int = 0
    closed: int = 0
    reopened: int = 0
    unchanged: int = 0


@transaction.atomic
def import_divisions(
    *,
    rows: Iterable[divisions.Row],
    edition: date,
    by: User | None,
    now: datetime,
    complete: str | None = None,
    close_many: bool = False,
    demonstration: bool = False,
    post: Acting | None = None,
    progress: Progress | None = None,
) -> DivisionImport:
    """Take over an edition of the division table: all of it, or nothing with the reason.

    New rows are added (recorded together, as this one import), changed names are recorded one by one, rows that are
    as they were stay untouched; so importing the same table again changes nothing. ``complete`` names the path that
    the table speaks for entirely ("" is the whole country): places below it that the table lacks get an end, but only
    on levels that the table has at all, and never more than a fifth of them unless ``close_many``. Without
    ``complete`` nothing is closed. Grids and buildings are never touched ("places.manage").
    """
    table = divisions.in_order(rows)
    if not table:
        raise FileRefused([Fault(0, _("There are no divisions in it."))])
    if complete is not None:
        newest = DivisionImport.objects.filter(complete=True).order_by("-edition").first()
        if newest is not None and newest.edition > edition:
            raise Refusal(_("A newer edition of the table has already been taken over."), field="edition", status=422)
    first_edition = not DivisionImport.objects.exists()
    valid_from = None if first_edition or complete is None else edition
    parents = dict(Place.objects.parents_of_divisions().values_list("path", "pk"))
    tally = _Tally()
    newest_before = Place.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    done = 0
    for length, level_rows in groupby(table, key=lambda row: len(row.path)):
        level = paths.LEVELS[length]
        listed = list(level_rows)
        floor = ""
        for start in range(0, len(listed), CHUNK):
            chunk = listed[start : start + CHUNK]
            ceiling = "" if start + CHUNK >= len(listed) else chunk[-1].path
            _merge_chunk(
                chunk, level, floor, ceiling, complete, parents, valid_from, demonstration, tally,
                edition=edition, by=by, now=now, post=post,
            )  # fmt: skip
            floor = ceiling
            done += len(chunk)
            if progress is not None:
                progress(done, len(table))
        if level != Level.VILLAGE:
            parents.update(Place.objects.at(level).values_list("path", "pk"))
        if level in (Level.TOWN, Level.VILLAGE) and tally.added >= MANY:
            _tell_the_planner()
    standing = Place.objects.below(complete or "").filter(level__in=[*paths.LENGTHS][:5]).current().count()
    if not close_many and tally.closed > LARGEST_SHARE_CLOSED * (standing + tally.closed):
        raise Refusal(
            _("This table would end %(count)s places, more than a fifth of those it speaks for. Is it whole?")
            % {"count": tally.closed},
            status=422,
        )
    row = DivisionImport.objects.create(
        edition=edition,
        sha256=divisions.digest(table),
        complete=complete is not None,
        root=complete or "",
        rows=len(table),
        at=now,
        by=by,
        **vars(tally),
    )
    event = DivisionsImported(import_id=row.pk, rows=row.rows, **{
        name: count for name, count in vars(tally).items() if name != "unchanged"
    })  # fmt: skip
    record(event, about=row, by=by, now=now, post=post, place=row.root)
    brought = Place.objects.filter(pk__gt=newest_before, version=Place.UNRECORDED_VERSION)
    record_brought(brought, about=row, by=by, now=now, post=post, place=row.root)
    return row


def _tell_the_planner() -> None:
    """Let the database count the table again; until then PostgreSQL takes it for empty and reads it whole each time."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {connection.ops.quote_name(Place._meta.db_table)}")


def _merge_chunk(
    chunk: list[divisions.Row],
    level: str,
    floor: str,
    ceiling: str,
    complete: str | None,
    parents: dict[str, int],
    valid_from: date | None,
    demonstration: bool,
    tally: _Tally,
    *,
    edition: date,
    by: User | None,
    now: datetime,
    post: Acting | None,
) -> None:
    """Compare one stretch of one level with the table: from its first to its last row, or, where the table is
    complete, everything in (floor, ceiling]."""
    listed = Q(path__gte=chunk[0].path, path__lte=chunk[-1].path)
    if complete is not None:
        spoken_for = paths.below(complete) & Q(path__gt=floor)
        listed |= spoken_for & Q(path__lte=ceiling) if ceiling else spoken_for
    known = {
        path: (name, valid_to, replaced_by)
        for path, name, valid_to, replaced_by in Place.objects.at(level)
        .filter(listed)
        .values_list("path", "name", "valid_to", "replaced_by_id")
    }
    fresh: list[divisions.Row] = []
    renamed: dict[str, str] = {}
    reopened: list[str] = []
    for row in chunk:
        if row.path not in known:
            fresh.append(row)
            continue
        name, valid_to, replaced_by = known.pop(row.path)
        ended = valid_to is not None and replaced_by is None
        back_again = ended and complete is not None and row.path.startswith(complete)
        if name != row.name:
            renamed[row.path] = row.name
        if back_again:
            reopened.append(row.path)
        if name == row.name and not back_again:
            tally.unchanged += 1
    _insert(fresh, level, parents, valid_from, demonstration)
    tally.added += len(fresh)
    if renamed:
        found = _by_path(renamed)
        rename([(place, renamed[place.path]) for place in found], by=by, now=now, post=post)
        tally.renamed += len(found)
    if reopened:
        back = _by_path(reopened)
        for place in back:
            place.valid_to = None
        events = [PlaceReopened(place_id=place.pk, path=place.path) for place in back]
        save_many(back, ["valid_to"], events, by=by, now=now, post=post)
        tally.reopened += len(back)
    if complete is not None:
        gone = _by_path(
            path for path, (_name, valid_to, _by) in known.items() if valid_to is None and path.startswith(complete)
        )
        for place in gone:
            place.valid_to = max(edition, place.valid_from or edition)
        ends = [
            PlaceClosed(place_id=place.pk, path=place.path, until=cast("date", place.valid_to).isoformat())
            for place in gone
        ]
        save_many(gone, ["valid_to"], ends, by=by, now=now, post=post)
        tally.closed += len(gone)


def _by_path(wanted: Iterable[str]) -> list[Place]:
    """The places with these paths, locked."""
    wanted = list(wanted)
    found: list[Place] = []
    for start in range(0, len(wanted), 900):  # SQLite's limit of parameters
        part = Place.objects.select_for_update(of=("self",)).filter(path__in=wanted[start : start + 900])
        found.extend(part.order_by("path"))
    return found


def _insert(
    fresh: list[divisions.Row],
    level: str,
    parents: dict[str, int],
    valid_from: date | None,
    demonstration: bool,
) -> None:
    new: list[tuple[str, str, str, str, int | None]] = []
    faults: list[Fault] = []
    for row in fresh:
        # A few cities (Dongguan) have towns but no counties: their towns say 00 for it. Nothing else skips a level.
        nearest = paths.ancestors(row.path)[1 : 3 if level == Level.TOWN and row.path[4:6] == "00" else 2]
        above = next((parents[path] for path in nearest if path in parents), None)
        if above is None and level != Level.PROVINCE:
            reason = _("The place %(code)s belongs to no division that is known or in the table.")
            faults.append(Fault(0, reason % {"code": row.path}))
            if len(faults) >= MOST_FAULTS:
                break
            continue
        new.append((row.path, row.path, divisions.kind_of(row.path), row.name, above))
    if faults:
        raise FileRefused(faults)
    pattern = Place(version=Place.UNRECORDED_VERSION, level=level, valid_from=valid_from, demonstration=demonstration)
    for start in range(0, len(new), INSERTED_AT_ONCE):
        _insert_like(pattern, new[start : start + INSERTED_AT_ONCE])


def _insert_like(pattern: Place, rows: Sequence[tuple[str, str, str, str, int | None]]) -> None:
    """Insert copies of a pattern that differ in code, path, kind, name and parent.

    Not bulk_create: making 660,000 model instances and 21 parameters for each takes four times as long.
    """
    differing = {"code": "column1", "path": "column2", "kind": "column3", "name": "column4"}
    differing["parent_id"] = "CAST(column5 AS bigint)"
    columns, values, parameters = [], [], []
    for field in Place._meta.concrete_fields:
        if field.primary_key:
            continue
        columns.append(connection.ops.quote_name(field.attname))
        values.append(differing.get(field.attname, "%s"))
        if field.attname not in differing:
            parameters.append(field.get_db_prep_save(getattr(pattern, field.attname), connection))
    table = connection.ops.quote_name(Place._meta.db_table)
    marks = ", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))
    statement = (
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 (names of our own columns; values are parameters)
        f"SELECT {', '.join(values)} FROM (VALUES {marks}) AS fresh"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *chain.from_iterable(rows)])
