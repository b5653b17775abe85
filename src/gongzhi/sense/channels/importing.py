"""Taking a table in: upload, look, start, and then batch by batch until every row is dealt with.

A batch is one transaction: the messages, the refused rows, the entries and how far we are. Whoever is killed leaves
the last finished batch behind, and the next one goes on from there. A row is known by its source and its number
there, so the same row never enters twice, however often and in how many files it comes.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import task

from gongzhi.ground.access.actions import require
from gongzhi.ground.accounts.models import User
from gongzhi.ground.filling import build, pour
from gongzhi.ground.ledger.actions import record, record_brought
from gongzhi.ground.places.actions import grids_at, nearest_grids
from gongzhi.ground.places.divisions import significant
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import below
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels import mapping, tables
from gongzhi.sense.channels.events import (
    ImportFinished,
    ImportStarted,
    MessagesImported,
    TableDiscarded,
    TableUploaded,
)
from gongzhi.sense.channels.mapping import Incoming, Plan, Problem, Reason
from gongzhi.sense.channels.models import AnswerBy, BulkImport, Ending, Message, RefusedRow, draw_number
from gongzhi.sense.channels.models import Mapping as SavedMapping
from gongzhi.sense.channels.tables import Cell, Layout

BATCH = 1000  # rows in one transaction: half a second during which SQLite lets nobody else write
AT_A_TIME = 5.0  # seconds that one background job works before it makes room for others
# A case belongs to a street or town, or to something below one; a county is no place where anybody could look.
PLACED = frozenset({"town", "village", "grid", "building"})


# --- what people do -----------------------------------------------------------------------------------------------


def upload_table(
    *,
    file: File[bytes],
    name: str,
    source: str,
    place: Place,
    by: User | None,
    now: datetime,
    encoding: str = "",
    columns: Mapping[str, Any] | None = None,
) -> BulkImport:
    """Keep a table that was brought, after looking through it once. Nothing is taken in yet."""
    post = require(by, "channels.import", place.path, now) if by is not None else None
    source = source.strip()
    if not source:
        raise Refusal(_("Say which system the table comes from."), field="source", status=422)
    if len(source) > 40:
        raise Refusal(_("Please use at most %(most)d characters.") % {"most": 40}, field="source", status=422)
    if file.file is None:
        raise Refusal(_("Choose a file."), field="file", status=422)
    found = tables.survey(file.file, encoding=encoding)
    layout = found.layout
    if columns is None:
        columns = mapping.guess(layout.header, [cells for _number, cells in found.sample])
    bulk = BulkImport(
        file_name=name[-200:],
        sha256=found.sha256,
        source=source,
        layout=layout.as_json(),
        columns=dict(columns),
        place=place,
        place_path=place.path,
        rows_total=layout.rows,
        rows_read=layout.header_row,
        by=by,
        created_at=now,
    )
    file.seek(0)
    with transaction.atomic():
        bulk.file.save("table.csv" if layout.kind == "csv" else "table.xlsx", file, save=False)
        bulk.save()
        record(TableUploaded(import_id=bulk.pk), about=bulk, by=by, now=now, post=post, place=bulk.place_path)
    return bulk


@transaction.atomic
def change_columns(*, import_id: int, columns: Mapping[str, Any], by: User | None, now: datetime) -> BulkImport:
    """Say anew what the columns mean. Refusal (422) for a mapping that does not fit the table."""
    bulk = _own(import_id, by, now)
    _must_wait(bulk)
    mapping.compiled(columns, Layout.from_json(bulk.layout).header)
    bulk.columns = dict(columns)
    bulk.save(update_fields=["columns"])
    return bulk


@transaction.atomic
def start_import(*, import_id: int, by: User | None, now: datetime, background: bool = True) -> BulkImport:
    """Begin to take the rows in; with ``background`` a worker does it."""
    bulk = _own(import_id, by, now)
    _must_wait(bulk)
    mapping.compiled(bulk.columns, Layout.from_json(bulk.layout).header)
    post = require(by, "channels.import", bulk.place_path, now) if by is not None else None
    bulk.state = BulkImport.State.RUNNING
    record(
        ImportStarted(import_id=bulk.pk), about=bulk, by=by, now=now, post=post, place=bulk.place_path, save=("state",)
    )
    if background:
        continue_import.enqueue(bulk.pk)
    return bulk


@transaction.atomic
def take_up_again(*, import_id: int, by: User, now: datetime) -> BulkImport:
    """Have a worker go on with an import that stands still. Harmless when it does not."""
    bulk = _own(import_id, by, now)
    if bulk.state == BulkImport.State.RUNNING:
        continue_import.enqueue(bulk.pk)
    return bulk


@transaction.atomic
def discard_table(*, import_id: int, by: User, now: datetime) -> None:
    """Throw away a table that was uploaded and not taken in."""
    bulk = _own(import_id, by, now)
    _must_wait(bulk)
    post = require(by, "channels.import", bulk.place_path, now)
    name, storage = bulk.file.name, bulk.file.storage
    bulk.state, bulk.finished_at, bulk.file = BulkImport.State.DISCARDED, now, ""
    record(
        TableDiscarded(import_id=bulk.pk),
        about=bulk,
        by=by,
        now=now,
        post=post,
        place=bulk.place_path,
        save=("state", "finished_at", "file"),
    )
    transaction.on_commit(lambda: storage.delete(str(name)))


def save_mapping(*, name: str, columns: Mapping[str, Any], by: User | None, now: datetime) -> SavedMapping:
    """Keep a mapping under a name for next time. The same name again: the newer one holds, for its own author."""
    name = name.strip()[:80]
    if not name:
        raise Refusal(_("Give the mapping a name."), field="mapping_name", status=422)
    known = SavedMapping.objects.filter(name=name).first()
    if known is not None and by is not None and known.created_by_id != by.pk:
        raise Refusal(_("Somebody else has a mapping of this name."), field="mapping_name", status=409)
    saved, _new = SavedMapping.objects.update_or_create(
        name=name, defaults={"columns": dict(columns), "created_by": by, "changed_at": now}
    )
    return saved


def _own(import_id: int, by: User | None, now: datetime) -> BulkImport:
    rows = BulkImport.objects.select_for_update(of=("self",)).select_related("place")
    bulk = (rows if by is None else rows.visible_to(by)).filter(pk=import_id).first()
    if bulk is None:
        raise NotThere()
    if by is not None:
        require(by, "channels.import", bulk.place_path, now)
    return bulk


def _must_wait(bulk: BulkImport) -> None:
    if bulk.state != BulkImport.State.UPLOADED:
        raise Refusal(_("This import has already begun."), status=409)


# --- looking before anything happens ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Placed:
    """A row that can be taken, with its place."""

    incoming: Incoming
    place: Place | None = None
    nearest: Place | None = None
    metres: int | None = None


@dataclass
class Preview:
    """What would become of the rows looked at."""

    rows: list[tuple[int, Placed | Problem]] = field(default_factory=list)  # the first ones
    looked_at: int = 0
    takeable: int = 0
    known: int = 0
    closed: int = 0
    without_place: int = 0
    problems: Counter[tuple[Reason, str]] = field(default_factory=Counter)  # (reason, column)


def preview(
    bulk: BulkImport, *, now: datetime, shown: int = 20, look_at: int | None = 1000, file: Any = None
) -> Preview:
    """What the first rows would become (all of them without ``look_at``). Changes nothing."""
    layout = Layout.from_json(bulk.layout)
    plan = mapping.compiled(bulk.columns, layout.header)
    result = Preview()
    seen: set[str] = set()
    with Source(file or bulk.file.storage.open(str(bulk.file.name), "rb").file, layout, plan) as source:
        while result.looked_at < (look_at or tables.MOST_ROWS):
            rows = source.take(BATCH)
            if not rows:
                break
            for number, answer, is_known in judge(rows, bulk=bulk, plan=plan, now=now, seen=seen):
                if look_at is not None and result.looked_at >= look_at:
                    break
                result.looked_at += 1
                if len(result.rows) < shown:
                    result.rows.append((number, answer))
                if isinstance(answer, Problem):
                    result.problems[answer.reason, answer.column] += 1
                elif is_known:
                    result.known += 1
                else:
                    result.takeable += 1
                    result.closed += answer.incoming.closed
                    result.without_place += answer.place is None
    return result


def values_of(bulk: BulkImport, column: str, *, look_at: int = 5000, most: int = 60) -> list[tuple[str, int]]:
    """What stands in a column, most frequent first."""
    layout = Layout.from_json(bulk.layout)
    if column not in layout.header:
        return []
    at = layout.header.index(column)
    counted: Counter[str] = Counter()
    with bulk.file.open("rb") as file:
        for step, (_number, cells) in enumerate(tables.read_rows(file.file, layout)):
            if step >= look_at:
                break
            cell = cells[at]
            if isinstance(cell, str) and cell and len(cell) <= 80:
                counted[cell] += 1
    return counted.most_common(most)


# --- reading on where we stopped ----------------------------------------------------------------------------------

Row = tuple[int, list[Cell], str]  # number, cells, external id


class Occurrences:
    """How often each content has come so far. On disk, because a table may have a million different rows."""

    def __init__(self) -> None:
        self.counts = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # "": a temporary file
        self.counts.execute("PRAGMA synchronous=OFF")
        self.counts.execute("PRAGMA journal_mode=OFF")
        self.counts.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID")

    def next(self, content: str) -> int:
        found = self.counts.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1 RETURNING times",
            [content],
        ).fetchone()
        return int(found[0])

    def close(self) -> None:
        self.counts.close()


class Source:
    """The rows of one file from the top, each with its external id. ``position`` is the last row given out."""

    def __init__(self, file: Any, layout: Layout, plan: Plan) -> None:
        self.file = file
        self.rows = tables.read_rows(file, layout)
        self.plan = plan
        self.position = layout.header_row
        self.occurrences: Occurrences | None = None

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def take(self, count: int) -> list[Row]:
        taken: list[Row] = []
        for number, cells in self.rows:
            self.position = number
            taken.append((number, cells, self._id(cells)))
            if len(taken) >= count:
                break
        return taken

    def skip_to(self, position: int) -> None:
        """Pass over the rows up to and including this number. They count among the equal ones all the same."""
        while self.position < position:
            found = next(self.rows, None)
            if found is None:
                break
            self.position = found[0]
            self._id(found[1])

    def _id(self, cells: Sequence[Cell]) -> str:
        given = self.plan.external_id(cells)
        if given:
            return given
        if self.occurrences is None:
            self.occurrences = Occurrences()
        content = mapping.content_id(cells, 0)
        return mapping.content_id(cells, self.occurrences.next(content))

    def close(self) -> None:
        if self.occurrences is not None:
            self.occurrences.close()
        self.file.close()


class _Open:
    """Files that this process is in the middle of, so that each batch does not begin at the top again."""

    def __init__(self, most: int = 3) -> None:
        self.most = most
        self.sources: OrderedDict[tuple[int, str], Source] = OrderedDict()
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def at(self, bulk: BulkImport, plan: Plan) -> Iterator[Source]:
        """The file of an import, at the row where it stopped. Kept open only when the batch succeeds."""
        key = (bulk.pk, bulk.sha256)
        with self.lock:
            source = self.sources.pop(key, None)
        if source is not None and source.position > bulk.rows_read:
            source.close()  # it ran ahead of what was committed
            source = None
        if source is None:
            source = Source(bulk.file.storage.open(str(bulk.file.name), "rb").file, Layout.from_json(bulk.layout), plan)
        source.plan = plan
        try:
            source.skip_to(bulk.rows_read)
            yield source
        except BaseException:
            source.close()
            raise
        with self.lock:
            self.sources[key] = source
            while len(self.sources) > self.most:
                self.sources.popitem(last=False)[1].close()

    def forget(self, bulk: BulkImport) -> None:
        with self.lock:
            source = self.sources.pop((bulk.pk, bulk.sha256), None)
        if source is not None:
            source.close()


_files = _Open()


# --- judging rows -------------------------------------------------------------------------------------------------


def judge(
    rows: Sequence[Row], *, bulk: BulkImport, plan: Plan, now: datetime, seen: set[str] | None = None
) -> Iterator[tuple[int, Placed | Problem, bool]]:
    """What becomes of each row: its number, the answer, and whether the house knows it already."""
    read = [(number, plan.read(cells, given, now), given) for number, cells, given in rows]
    places = _find_places(
        {answer.place for _number, answer, _given in read if isinstance(answer, Incoming) and answer.place},
        plan,
        bulk.place_path,
    )
    known = set(
        Message.objects.filter(
            source=bulk.source, external_id__in={given for _number, _answer, given in read}
        ).values_list("external_id", flat=True)
    )
    seen = set() if seen is None else seen
    placed = _place_all([answer for _number, answer, _given in read], places, bulk.place_path, plan)
    for (number, _answer, given), judged in zip(read, placed, strict=True):
        yield number, judged, isinstance(judged, Placed) and (given in known or given in seen)
        if isinstance(judged, Placed):
            seen.add(given)


def _find_places(wanted: set[str], plan: Plan, path: str) -> dict[str, Place]:
    """The places with these codes or names; a name that two places of the same level bear is nobody's."""
    current = Place.objects.current()
    if plan.place_by == "name":
        found: dict[str, list[Place]] = {}
        for place in current.filter(below(path), name__in=wanted).order_by("path"):
            found.setdefault(place.name, []).append(place)
        best = {}
        for name, places in found.items():
            fitting = [place for place in places if place.level in PLACED]
            highest = [place for place in fitting if len(place.path) == min(len(one.path) for one in fitting)]
            if len(highest) == 1:
                best[name] = highest[0]
        return best
    return places_by_code(wanted)


def places_by_code(codes: Iterable[str]) -> dict[str, Place]:
    """The places in force with these codes, written in full (12 digits) or only as far as they say something."""
    paths = {
        code: significant(code, padded=True) for code in codes if code.isascii() and code.isdigit() and len(code) <= 18
    }
    current = Place.objects.current()
    found = {place.code: place for place in current.filter(code__in=paths)}
    found |= {place.path: place for place in current.filter(path__in={*paths, *paths.values()})}
    answers = {code: found.get(code) or found.get(path) for code, path in paths.items()}
    return {code: place for code, place in answers.items() if place is not None}


def _place_all(
    answers: Sequence[Incoming | Problem], places: Mapping[str, Place], path: str, plan: Plan
) -> list[Placed | Problem]:
    """The place of each row; where there is none, the nearest grid as a proposal."""
    pointed = [at for at, answer in enumerate(answers) if isinstance(answer, Incoming) and answer.point is not None]
    grids = dict(zip(pointed, grids_at([_point(answers[at]) for at in pointed]), strict=True))
    placed = [
        answer if isinstance(answer, Problem) else _place(answer, grids.get(at), places, path, plan)
        for at, answer in enumerate(answers)
    ]
    lost = [at for at in pointed if isinstance(one := placed[at], Placed) and one.place is None]
    for at, near in zip(lost, nearest_grids([_point(answers[at]) for at in lost]) if lost else [], strict=True):
        answer = answers[at]
        if near is not None and near[0].path.startswith(path) and isinstance(answer, Incoming):
            placed[at] = Placed(answer, None, near[0], round(near[1]))
    return placed


def _point(answer: Incoming | Problem) -> tuple[float, float]:
    point = answer.point if isinstance(answer, Incoming) else None
    if point is None:
        raise ValueError("a row without a point has no grid")
    return point


def _place(
    incoming: Incoming, grid: Place | None, places: Mapping[str, Place], path: str, plan: Plan
) -> Placed | Problem:
    """The grid at the point; else the place that the row names; else nothing, and somebody will look for it."""
    rule = plan.rules.get("place")
    named = places.get(incoming.place) if incoming.place else None
    if incoming.place and named is None and rule is not None and rule.otherwise == mapping.REFUSE:
        return Problem(Reason.UNKNOWN_PLACE, rule.column)
    if grid is not None and grid.path.startswith(path):
        return Placed(incoming, grid)
    if named is not None and not named.path.startswith(path):
        return Problem(Reason.OUTSIDE, rule.column if rule is not None else "")
    if named is not None and named.level in PLACED:
        return Placed(incoming, named)
    if grid is not None:
        return Problem(Reason.OUTSIDE, plan.rules["lon"].column)
    return Placed(incoming)


# --- taking in ----------------------------------------------------------------------------------------------------


@transaction.atomic
def take_batch(*, import_id: int, now: datetime, size: int = BATCH) -> BulkImport:
    """Take the next rows in. All of the batch or nothing of it; at the end of the file the import is done."""
    bulk = BulkImport.objects.select_for_update(of=("self",)).select_related("place", "by").get(pk=import_id)
    if bulk.state != BulkImport.State.RUNNING:
        return bulk
    plan = mapping.compiled(bulk.columns, Layout.from_json(bulk.layout).header)
    with _files.at(bulk, plan) as source:
        rows = source.take(size)
        first, last, count = _write(bulk, rows, plan, now)
        if rows:
            bulk.rows_read = rows[-1][0]
            record(
                MessagesImported(import_id=bulk.pk, first=first, last=last, count=count),
                about=bulk,
                by=bulk.by,
                now=now,
                place=bulk.place_path,
                save=("rows_read", "rows_taken", "rows_known", "rows_refused"),
            )
            if count:
                record_brought(
                    Message.objects.filter(bulk_import=bulk, pk__gte=first, pk__lte=last),
                    about=bulk,
                    by=bulk.by,
                    now=now,
                    place=bulk.place_path,
                )
        if len(rows) < size:
            _finish(bulk, now)
    if bulk.state == BulkImport.State.DONE:
        _files.forget(bulk)
    return bulk


def _finish(bulk: BulkImport, now: datetime) -> None:
    bulk.state, bulk.finished_at = BulkImport.State.DONE, now
    record(
        ImportFinished(import_id=bulk.pk, taken=bulk.rows_taken, known=bulk.rows_known, refused=bulk.rows_refused),
        about=bulk,
        by=bulk.by,
        now=now,
        place=bulk.place_path,
        save=("state", "finished_at"),
    )


def _write(bulk: BulkImport, rows: Sequence[Row], plan: Plan, now: datetime) -> tuple[int, int, int]:
    """Write a batch and count it; the ids of the first and the last message, and how many there are."""
    new: list[Placed] = []
    refused: list[RefusedRow] = []
    for number, answer, is_known in judge(rows, bulk=bulk, plan=plan, now=now):
        if isinstance(answer, Problem):
            refused.append(RefusedRow(bulk_import=bulk, row=number, column=answer.column[:120], reason=answer.reason))
        elif is_known:
            bulk.rows_known += 1
        else:
            new.append(answer)
    pour(RefusedRow, refused)
    bulk.rows_refused += len(refused)
    bulk.rows_taken += len(new)
    if not new:
        return 0, 0, 0
    numbers = _numbers([placed.incoming.received_at for placed in new])
    messages = [_message(bulk, plan, placed, number) for placed, number in zip(new, numbers, strict=True)]
    pour(Message, messages)
    pour(
        Ending,
        [
            build(
                Ending,
                {
                    "message_id": message.pk,
                    "ended_at": placed.incoming.closed_at or now,
                    "words": placed.incoming.outcome,
                },
            )
            for message, placed in zip(messages, new, strict=True)
            if placed.incoming.closed
        ],
    )
    ids = [message.pk for message in messages]
    return min(ids), max(ids), len(ids)


def _message(bulk: BulkImport, plan: Plan, placed: Placed, number: str) -> Message:
    incoming = placed.incoming
    return build(
        Message,
        {
            "version": 0,  # its fingerprint stands with those of its companions (record_brought)
            "number": number,
            "channel": incoming.channel,
            "received_at": incoming.received_at,
            "text": incoming.text,
            "category": incoming.category[:80],
            "place_id": placed.place.pk if placed.place is not None else None,
            "place_path": placed.place.path if placed.place is not None else "",
            "address": incoming.address,
            "lon": incoming.point[0] if incoming.point else None,
            "lat": incoming.point[1] if incoming.point else None,
            "nearest_id": placed.nearest.pk if placed.nearest is not None else None,
            "nearest_metres": placed.metres,
            "reporter_name": incoming.name,
            "reporter_phone": incoming.phone,
            "answer_by": AnswerBy.PHONE if incoming.phone else AnswerBy.NONE,
            "language": plan.language,
            "entered_by_id": bulk.by_id,
            "source": bulk.source,
            "external_id": incoming.external_id,
            "bulk_import_id": bulk.pk,
        },
    )


def _numbers(received: Sequence[datetime]) -> list[str]:
    """A free number for each message."""
    numbers: list[str] = []
    used: set[str] = set()
    zone = timezone.get_current_timezone()
    drawn = [draw_number(moment, zone=zone) for moment in received]
    used.update(Message.objects.filter(number__in=drawn).values_list("number", flat=True))
    for moment, number in zip(received, drawn, strict=True):
        while number in used:
            number = draw_number(moment)
            if Message.objects.filter(number=number).exists():
                used.add(number)
        used.add(number)
        numbers.append(number)
    return numbers


@task()
def continue_import(import_id: int) -> str:
    """Take batch after batch for some seconds, then queue again (background job). Safe to run twice or again."""
    until = time.monotonic() + AT_A_TIME
    while True:
        with transaction.atomic():
            bulk = take_batch(import_id=import_id, now=timezone.now())
            if bulk.state != BulkImport.State.RUNNING:
                return bulk.state
            if time.monotonic() > until:
                continue_import.enqueue(import_id)
                return bulk.state


def reasons(bulk: BulkImport) -> list[tuple[Reason, str, int]]:
    """Why rows were refused: reason, column, how many; most frequent first."""
    counted: Counter[tuple[str, str]] = Counter()
    for reason, column in RefusedRow.objects.filter(bulk_import=bulk).values_list("reason", "column").iterator():
        counted[reason, column] += 1
    return [(Reason(reason), column, count) for (reason, column), count in counted.most_common()]


def write_refused(bulk: BulkImport) -> Iterable[list[str]]:
    """The refused rows for a CSV file: number, column, reason, and the row itself from the file while it is kept."""
    layout = Layout.from_json(bulk.layout)
    yield [tables.safe_cell(cell) for cell in (_("Row"), _("Column"), _("Reason"), *layout.header)]
    waiting = RefusedRow.objects.filter(bulk_import=bulk).order_by("row").iterator()
    refused = next(waiting, None)
    if refused is None:
        return
    if not bulk.file:
        while refused is not None:
            yield [str(refused.row), tables.safe_cell(refused.column), str(refused.get_reason_display())]
            refused = next(waiting, None)
        return
    with bulk.file.open("rb") as file:
        for number, cells in tables.read_rows(file.file, layout):
            if refused is None:
                return
            if number == refused.row:
                yield [
                    str(number),
                    tables.safe_cell(refused.column),
                    str(refused.get_reason_display()),
                    *(tables.safe_cell(cell) for cell in cells),
                ]
                refused = next(waiting, None)
