"""Make a large house of a filled one, inside PostgreSQL: a hundred thousand rows a second instead of a few thousand.

Every copy has towns of its own beside the real ones, with their communities and grids, and the same matters there, a
little earlier and a little elsewhere. What a copy lacks: photos, checks, notes, the reporters' names and telephone
numbers (they are sealed to one row), and all entries but the first and the last of each case. Fingerprints of copied
entries are those of the rows they were copied from, so ``gongzhi ledger verify`` is no use on such a house.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

TOWNS = ("110108014", "110108030")
FIRST_TOWN = 300  # towns of copies are called 110108300, 110108301, …
TASK_MOMENTS = ("due_at", "yellow_at", "opened_at", "accepted_at", "ended_at")
APART = 1_000_000  # between the place ids of one copy and the next
# Copies lie beside each other on the map, five in a row, each a few kilometres wide.
EAST, NORTH = 0.06, 0.05


def path_expression(column: str, copy: int) -> str:
    """The path of a place in the town that stands for the real one in this copy."""
    branches = " ".join(
        f"WHEN '{town}' THEN '110108{FIRST_TOWN + 2 * copy + index}' || substr({column}, 10)"
        for index, town in enumerate(TOWNS)
    )
    return f"CASE substr({column}, 1, 9) {branches} ELSE {column} END"


def place_expression(column: str, copy: int) -> str:
    return f"CASE WHEN {column} IN (SELECT id FROM bench_town) THEN {column} + {copy * APART} ELSE {column} END"


def moment(column: str, copy: int) -> str:
    return f"{column} - interval '{copy * 97} minutes'"


class Press:
    """Copies the rows of one table with other values in some columns."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        self.columns: dict[str, list[str]] = {}

    def copy(self, table: str, changed: Mapping[str, str], where: str = "true", *, leave: tuple[str, ...] = ()) -> int:
        if table not in self.columns:
            self.cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'"
                " AND is_generated = 'NEVER' ORDER BY ordinal_position",
                [table],
            )
            self.columns[table] = [row[0] for row in self.cursor.fetchall()]
        names = [name for name in self.columns[table] if name not in leave]
        taken = ", ".join(changed.get(name, f't."{name}"') for name in names)
        listed = ", ".join(f'"{name}"' for name in names)
        self.cursor.execute(f"INSERT INTO {table} ({listed}) SELECT {taken} FROM {table} t WHERE {where}")
        return int(self.cursor.rowcount)


def multiply(copies: int, *, say: Callable[[str], None] = print) -> None:
    """Add so many copies of every case of the house."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM channels_message")
        cases = cursor.fetchone()[0]
        cursor.execute("SELECT coalesce(max(id), 0) FROM tasks_task")
        tasks = cursor.fetchone()[0]
        cursor.execute("SELECT coalesce(max(id), 0) FROM ledger_entry")
        entries = cursor.fetchone()[0]
        cursor.execute("SET session_replication_role = replica")  # the copies refer to what is surely there
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(
            "CREATE TEMP TABLE bench_town AS SELECT id FROM places_place WHERE substr(path, 1, 9) = ANY(%s)",
            [list(TOWNS)],
        )
        cursor.execute("CREATE UNIQUE INDEX ON bench_town (id)")
        cursor.execute("ANALYZE bench_town")
        cursor.execute(
            "CREATE TEMP TABLE bench_entry AS SELECT min(id) AS first, max(id) AS last FROM ledger_entry"
            " WHERE noun = 'cases.Case' GROUP BY object_id"
        )
        words = set_aside(cursor, "search_casetext")
        press = Press(cursor)
        for copy in range(1, copies + 1):
            began = time.perf_counter()
            written = copy_once(press, copy, cases, tasks, entries)
            if copy in (1, copies) or copy % 5 == 0:
                say(f"    copy {copy} of {copies}: {written:,} rows in {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        for statement in words:
            cursor.execute(statement)
        say(f"    the index of words built in {time.perf_counter() - began:.1f} s")
        cursor.execute("SET session_replication_role = origin")
        for table in ("channels_message", "cases_case", "cases_voice", "tasks_task", "ledger_entry"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")


def set_aside(cursor: Any, table: str) -> list[str]:
    """Drop the slow indexes of a table; the statements that build them again."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexdef LIKE '%%gin%%'", [table]
    )
    found = cursor.fetchall()
    for name, _definition in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [definition for _name, definition in found]


def copy_once(press: Press, copy: int, cases: int, tasks: int, entries: int) -> int:
    off, later = copy * cases, moment
    east, north = (copy % 5) * EAST, (copy // 5) * NORTH
    lon = f"t.lon + {east} + ((t.id * 7919 + {copy} * 104729) % 1000 - 500) / 100000.0"
    lat = f"t.lat + {north} + ((t.id * 6841 + {copy} * 15485) % 1000 - 500) / 125000.0"
    number = f"substr(t.number, 1, 7) || lpad((t.id + {off})::text, 7, '0')"
    path = path_expression("t.place_path", copy)
    place = place_expression("t.place_id", copy)
    written = press.copy(
        "places_place",
        {
            "id": f"t.id + {copy * APART}",
            "code": path_expression("t.code", copy),
            "path": path_expression("t.path", copy),
            "parent_id": place_expression("t.parent_id", copy),
        },
        "t.id IN (SELECT id FROM bench_town)",
    )
    base = f"t.id <= {cases}"
    written += press.copy(
        "channels_message",
        {
            "id": f"t.id + {off}", "uid": "gen_random_uuid()", "number": number, "lon": lon, "lat": lat,
            "received_at": later("t.received_at", copy), "place_path": path, "place_id": place,
            "nearest_id": place_expression("t.nearest_id", copy), "idempotency_key": "NULL",
            "reporter_name": "''::bytea", "reporter_phone": "''::bytea", "reporter_email": "''::bytea",
            "reporter_phone_index": "NULL",
        },
        base,
    )  # fmt: skip
    cell = f"floor(({lat} + 90) / 0.0025 + 1e-9)::bigint * 144000 + floor(({lon} + 180) / 0.0025 + 1e-9)::bigint"
    moments = (
        "opened_at", "sorted_at", "due_at", "yellow_at", "paused_at", "done_at", "closed_at", "contact_due_at",
        "contacted_at", "escalate_at",
    )  # fmt: skip
    written += press.copy(
        "cases_case",
        {
            **{name: later(f"t.{name}", copy) for name in moments},
            "id": f"t.id + {off}", "number": number, "lon": lon, "lat": lat, "cell": cell, "place_path": path,
            "place_id": place, "lead_place_id": place_expression("t.lead_place_id", copy),
            "nearest_id": place_expression("t.nearest_id", copy),
        },
        base,
    )  # fmt: skip
    written += press.copy(
        "cases_voice",
        {
            "id": f"t.id + {off}", "case_id": f"t.case_id + {off}", "first_case_id": f"t.first_case_id + {off}",
            "message_id": f"t.message_id + {off}", "joined_at": later("t.joined_at", copy),
        },
        base,
    )  # fmt: skip
    written += press.copy(
        "tasks_task",
        {
            **{name: later(f"t.{name}", copy) for name in TASK_MOMENTS},
            "id": f"t.id + {copy * tasks}", "uid": "gen_random_uuid()", "case_id": f"t.case_id + {off}",
            "place_path": path, "place_id": place,
        },
        f"t.id <= {tasks}",
    )  # fmt: skip
    for which in ("first", "last"):
        written += press.copy(
            "ledger_entry",
            {
                "object_id": f"t.object_id + {off}", "at": later("t.at", copy), "place_path": path,
                "data": f"t.data || jsonb_build_object('case_id', t.object_id + {off})",
            },
            f"t.id <= {entries} AND t.id IN (SELECT {which} FROM bench_entry WHERE {which} IS NOT NULL"
            + (" AND last > first)" if which == "last" else ")"),
            leave=("id",),
        )  # fmt: skip
    written += copy_words(press, copy, cases)
    mine = {"case_id": f"t.case_id + {off}"}
    written += press.copy("suggestions_suggestion", mine, f"t.case_id <= {cases}")
    written += press.copy(
        "duplicates_signature", {**mine, "message_id": f"t.message_id + {off}"}, f"t.case_id <= {cases}"
    )
    written += press.copy("duplicates_posting", {"message_id": f"t.message_id + {off}"}, f"t.message_id <= {cases}")
    return written


def copy_words(press: Press, copy: int, cases: int) -> int:
    """The same words, with the marks of the copy's own towns (the month and the lead are those of the real ones)."""
    words = "t.words::text"
    for index, town in enumerate(TOWNS):
        words = f"replace({words}, '{town}', '110108{FIRST_TOWN + 2 * copy + index}')"
    return press.copy(
        "search_casetext", {"case_id": f"t.case_id + {copy * cases}", "words": f"({words})::tsvector"},
        f"t.case_id <= {cases}",
    )  # fmt: skip
