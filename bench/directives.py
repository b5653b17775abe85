"""One directive to 100,000 grids: how long until a grid worker sees it, and what a board of 1,000 places costs.

    DATABASE_URL=postgres://… python bench/directives.py [STREETS] [COMMUNITIES] [GRIDS]      (50 20 100)

Works in a database of its own (``gongzhi_bench``, dropped at the end) and prints; it asserts nothing. The same rows are
then written once more by COPY into a table with the same indexes and constraints, in the same run: the ratio says what
the directive costs beyond the bare rows.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from django.test import Client

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
COUNTY = "110108"


def main(streets: int, communities: int, grids: int) -> None:
    home = tempfile.mkdtemp(prefix="gongzhi-bench-")
    os.environ["GONGZHI_HOME"] = home
    os.environ["DJANGO_SETTINGS_MODULE"] = "gongzhi.config.settings"
    root = Path(__file__).resolve().parent.parent
    sys.path[:0] = [str(root / "src"), str(root)]
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    connection.settings_dict["TEST"]["NAME"] = (
        "gongzhi_bench" if connection.vendor == "postgresql" else str(Path(home) / "bench.sqlite3")
    )
    setup_test_environment()
    made = setup_databases(verbosity=0, interactive=False)
    try:
        measure(streets, communities, grids)
    finally:
        teardown_databases(made, verbosity=0)


def lay_out(streets: int, communities: int, grids: int) -> None:
    """The county: streets with communities with grids."""
    from gongzhi.ground.places.models import Place

    def made(path: str, level: str, name: str, parent: int | None) -> Place:
        return Place(code=path.ljust(12, "0"), path=path, level=level, name=name, parent_id=parent)

    above = None
    for path, level, name in (("11", "province", "省"), ("1101", "city", "市"), (COUNTY, "county", "区")):
        place = made(path, level, name, above)
        place.save()
        above = place.pk
    for level, name, count, width in (
        ("town", "街道", streets, 3),
        ("village", "社区", communities, 3),
        ("grid", "网格", grids, 3),
    ):
        upper = {"town": "county", "village": "town", "grid": "village"}[level]
        parents = list(Place.objects.filter(level=upper).values_list("pk", "path"))
        Place.objects.bulk_create(
            [
                made(f"{path}{number:0{width}}", level, f"第{number}{name}", pk)
                for pk, path in parents
                for number in range(1, count + 1)
            ],
            batch_size=2000,
        )


def measure(streets: int, communities: int, grids: int) -> None:
    from django.db import connection
    from django.test import Client

    from gongzhi.act.directives import actions
    from gongzhi.act.directives.asking import Ask
    from gongzhi.act.directives.models import Assignment
    from gongzhi.ground.places.models import Place
    from tests.town import make_user

    lay_out(streets, communities, grids)
    county = Place.objects.get(path=COUNTY)
    grid = Place.objects.filter(level="grid").order_by("-path")[0]
    officer = make_user("officer", "孙", ("department_officer", county), now=NOW)
    worker = make_user("worker", "王", ("grid_worker", grid), now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    total = streets * communities * grids
    print(f"{connection.vendor}: {streets} streets x {communities} communities x {grids} grids = {total:,} places")

    def send(level: str, title: str) -> tuple[int, float]:
        ask = Ask(
            title=title, text="逐户走访。", done_when="走到每一户。", target_level=level, target_places=[county.pk],
            reply_span="3 working_days", minutes=30,
        )  # fmt: skip
        draft = actions.draft_directive(ask=ask, by=officer, now=NOW)
        began, cpu = time.perf_counter(), time.process_time()
        actions.issue_directive(directive_id=draft.pk, by=officer, now=NOW)
        seen = Assignment.objects.for_hands_of(worker).count() if level == "grid" else -1
        wall, used = time.perf_counter() - began, time.process_time() - cpu
        print(f"sent to each {level:8} until visible {wall:6.2f} s wall, {used:6.2f} s CPU here, worker sees {seen}")
        return draft.pk, wall

    send("village", "每个社区")  # warm: rules, plans, caches
    big, sent_in = send("grid", "每个网格")
    if connection.vendor == "postgresql":
        copied = copy_rows(big)
        print(f"the same rows by COPY        {copied:6.2f} s wall, ratio {sent_in / copied:5.2f}")

    thousand, _wall = send("village", "一千个社区")
    for index, piece in enumerate(Assignment.objects.filter(directive_id=thousand).order_by("pk")[:200]):
        state = ("read", "accepted", "submitted", "done", "returned")[index % 5]
        ended = NOW if state == "done" else None
        Assignment.objects.filter(pk=piece.pk).update(
            state=state, read_at=NOW, reported_at=NOW if state in ("submitted", "done") else None, ended_at=ended
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(officer, backend="allauth.account.auth_backends.AuthenticationBackend")
    street = Place.objects.filter(level="town").order_by("path")[0]
    for words, url in (
        (f"board of {streets * communities:,} places", f"/staff/directives/{thousand}/"),
        ("the same, a street", f"/staff/directives/{thousand}/?at={street.path}"),
        ("the same, who has not read", f"/staff/directives/{thousand}/?show=unread"),
        (f"board of {total:,} places", f"/staff/directives/{big}/"),
        ("list of directives", "/staff/directives/"),
    ):
        timed(client, words, url)


def copy_rows(directive: int) -> float:
    """The rows of the directive once more, by COPY, into a table with the same indexes and constraints."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        table = "directives_assignment"
        cursor.execute(f"CREATE TABLE bench_copy (LIKE {table} INCLUDING ALL)")
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'f'",
            [table],
        )
        for name, definition in cursor.fetchall():
            cursor.execute(f'ALTER TABLE bench_copy ADD CONSTRAINT "bench_{name[:50]}" {definition}')
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
        columns = ", ".join(f'"{row[0]}"' for row in cursor.fetchall())
        where = f"FROM {table} WHERE directive_id = {int(directive)}"
        with cursor.copy(f"COPY (SELECT {columns} {where}) TO STDOUT") as out:
            text = b"".join(bytes(part) for part in out)
        began = time.perf_counter()
        with transaction.atomic():
            with cursor.copy(f"COPY bench_copy ({columns}) FROM STDIN") as into:
                into.write(text)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        took = time.perf_counter() - began
        cursor.execute("DROP TABLE bench_copy")
    return took


def timed(client: Client, words: str, url: str) -> None:
    """CPU of the page here, and of the database process that serves it."""
    from django.db import connection

    with connection.cursor() as cursor:
        pid = 0
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
    here, there, wall = [], [], []
    for round_ in range(23):
        before = resource.getrusage(resource.RUSAGE_SELF)
        asked, began = _cpu_of(pid), time.perf_counter()
        answer = client.get(url)
        assert answer.status_code == 200, answer.status_code
        after = resource.getrusage(resource.RUSAGE_SELF)
        if round_ > 2:
            wall.append((time.perf_counter() - began) * 1000)
            here.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
            there.append((_cpu_of(pid) - asked) * 1000)
    print(
        f"{words:36} {statistics.mean(here):6.1f} ms CPU here + {statistics.mean(there):6.1f} database,"
        f" {statistics.median(wall):6.0f} ms wall, {len(answer.content) // 1024} kB"
    )


def _cpu_of(pid: int) -> float:
    """Seconds of CPU of a process on this machine so far; its clock ticks in hundredths, so many rounds are summed."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sizes = [int(one) for one in sys.argv[1:4]]
    main(*(sizes or [50, 20, 100]))
