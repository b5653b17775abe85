"""``gongzhi import cases``: a table of messages, taken in from the command line to its end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from gongzhi.config.terminal import Report, progress, say

DELIVER_EVERY = 10  # batches


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mapping",
    "mapping_name",
    metavar="NAME|FILE.yaml",
    help="What the columns mean. Default: guessed from the header.",
)
@click.option("--place", "place_code", required=True, metavar="CODE", help="Code or path of the place it is for.")
@click.option("--source", default="", help="Which system it comes from. Default: as the mapping says.")
@click.option("--dry-run", is_flag=True, help="Look at every row and change nothing.")
@click.option("--as", "username", metavar="USER", help="On behalf of this user, within that person's posts.")
def cases(
    file: Path, mapping_name: str | None, place_code: str, source: str, dry_run: bool, username: str | None
) -> None:
    """Take in a table of reported matters (CSV or XLSX), and make cases of them.

    A row that came with an earlier import is recognised by its number, so the same file, or one that overlaps with
    it, can be imported again and again. After a breakdown the same command goes on where it stopped.

    Exit codes: 0 all rows are in, 1 the table was refused as a whole, 3 some rows were refused.
    """
    from django.core.files import File
    from django.utils import timezone

    from gongzhi.config.people import find
    from gongzhi.ground.filling import much_at_once
    from gongzhi.ground.refusals import Refusal
    from gongzhi.sense.channels import importing, mapping

    place = importing.places_by_code([place_code]).get(place_code)
    if place is None:
        raise Refusal(f"There is no place with the code {place_code!r}.", field="place", status=404)
    by = find(username) if username else None
    columns = _columns(mapping_name)
    source = source or str((columns or {}).get("source") or "")
    encoding = str((columns or {}).get("encoding") or "")
    now = timezone.now()
    with file.open("rb") as stream:
        bulk = None if dry_run else _unfinished(stream, source, place.pk)
        if bulk is not None:
            say(f"Going on with import {bulk.pk} after row {bulk.rows_read}.")
        else:
            _must_know(columns)
            with File(stream, name=file.name) as upload:
                if dry_run:
                    _dry_run(upload, name=file.name, source=source, place=place, columns=columns, encoding=encoding)
                    return
                bulk = importing.upload_table(
                    file=upload,
                    name=file.name,
                    source=source,
                    place=place,
                    by=by,
                    now=now,
                    encoding=encoding,
                    columns=columns,
                )
            mapping.compiled(bulk.columns, bulk.layout["header"])
            bulk = importing.start_import(import_id=bulk.pk, by=by, now=now, background=False)
    started, before = time.monotonic(), bulk.rows_done
    with progress() as report, much_at_once():
        bulk = _take_in(bulk, report)
    seconds = time.monotonic() - started
    _summary(bulk, seconds, bulk.rows_done - before)
    if bulk.rows_refused:
        raise SystemExit(3)


def _columns(name: str | None) -> dict[str, Any] | None:
    from gongzhi.ground.refusals import Refusal
    from gongzhi.sense.channels.mapping import read_file
    from gongzhi.sense.channels.models import Mapping

    if name is None:
        return None
    if Path(name).suffix in (".yaml", ".yml"):
        return read_file(Path(name))
    saved = Mapping.objects.filter(name=name).first()
    if saved is None:
        known = ", ".join(Mapping.objects.order_by("name").values_list("name", flat=True)) or "none"
        raise Refusal(f"There is no mapping {name!r}. Saved mappings: {known}", field="mapping", status=404)
    return dict(saved.columns)


def _must_know(columns: dict[str, Any] | None) -> None:
    from gongzhi.ground.refusals import Refusal
    from gongzhi.sense.channels.mapping import unknown_codes
    from gongzhi.understand.cases.tree import category_by_code

    if columns and (unknown := unknown_codes(columns, lambda code: category_by_code(code) is not None)):
        raise Refusal(
            f"The mapping names categories that this installation does not have: {', '.join(unknown)}",
            field="mapping",
            status=422,
        )


def _unfinished(stream: Any, source: str, place_id: int) -> Any:
    """The same file on its way in for the same place, if it was broken off."""
    import hashlib

    from gongzhi.sense.channels.models import BulkImport

    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    running = BulkImport.objects.filter(sha256=digest, place_id=place_id, state=BulkImport.State.RUNNING)
    return (running.filter(source=source) if source else running).first()


def _take_in(bulk: Any, report: Report) -> Any:
    from django.db import IntegrityError
    from django.utils import timezone

    from gongzhi.sense.channels import importing
    from gongzhi.sense.channels.models import BulkImport

    batches = clashes = 0
    while bulk.state == BulkImport.State.RUNNING:
        try:
            bulk = importing.take_batch(import_id=bulk.pk, now=timezone.now())
        except IntegrityError:  # another import has just brought one of these rows: look again
            clashes += 1
            if clashes > 10:
                raise
            continue
        report("Rows", bulk.rows_done, bulk.rows_total)
        batches += 1
        if not batches % DELIVER_EVERY:
            _deliver()
    report("Cases and work orders", 0)
    _deliver()
    report("Cases and work orders", 1, 1)
    return bulk


def _deliver() -> None:
    """What the rows set off: cases, work orders. A worker may be doing the same; each is done once."""
    from gongzhi.loop.delivery import run_until_quiet

    run_until_quiet(forgiving=True, limit=10_000_000)


def _dry_run(upload: Any, *, name: str, source: str, place: Any, columns: Any, encoding: str) -> None:
    """Judge every row as an import would."""
    from django.utils import timezone

    from gongzhi.ground.refusals import Refusal
    from gongzhi.sense.channels import importing, mapping, tables
    from gongzhi.sense.channels.models import BulkImport

    if not source:
        raise Refusal("Say which system the table comes from (--source).", field="source", status=422)
    found = tables.survey(upload.file, encoding=encoding)
    if columns is None:
        columns = mapping.guess(found.layout.header, [cells for _number, cells in found.sample])
    bulk = BulkImport(
        file_name=name,
        source=source,
        place=place,
        place_path=place.path,
        layout=found.layout.as_json(),
        columns=columns,
    )
    started = time.monotonic()
    seen = importing.preview(bulk, now=timezone.now(), look_at=None, file=upload.file)
    click.echo(
        f"{seen.looked_at} rows: {seen.takeable} would be taken in ({seen.closed} of them closed, "
        f"{seen.without_place} without a place), {seen.known} known before, {sum(seen.problems.values())} refused. "
        f"{time.monotonic() - started:.1f} s. Nothing was changed."
    )
    for (reason, column), count in seen.problems.most_common():
        click.echo(f"  {count} × {reason.label}" + (f" (column {column})" if column else ""))


def _summary(bulk: Any, seconds: float, rows: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from gongzhi.sense.channels.importing import reasons
    from gongzhi.understand.cases.models import Case

    made = Case.objects.filter(voices__message__bulk_import=bulk)
    table = Table(title=f"Import {bulk.pk}: {bulk.file_name}", show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    lines: list[tuple[str, object]] = [
        ("Rows in the table", bulk.rows_total),
        ("Taken in", bulk.rows_taken),
        ("Known before", bulk.rows_known),
        ("Refused", bulk.rows_refused),
        *((f"  {reason.label}" + (f" ({column})" if column else ""), count) for reason, column, count in reasons(bulk)),
        ("Cases", made.count()),
        ("  closed where they came from", made.filter(state="closed").count()),
        ("  with whoever leads", made.filter(state="assigned").count()),
        ("  at the desk", made.filter(state="new").count()),
        ("  without a place yet", made.filter(placed=False).count()),
        ("  with a point on the map", made.filter(lon__isnull=False).count()),
        ("Seconds", f"{seconds:.1f}"),
        ("Rows a second", f"{rows / seconds:.0f}" if seconds else "-"),
    ]
    for words, value in lines:
        table.add_row(words, str(value))
    Console(width=100).print(table)
