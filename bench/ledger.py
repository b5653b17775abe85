"""How fast the record is written, sealed and verified.

    python bench/ledger.py [ENTRIES]          on the embedded database
    DATABASE_URL=postgres://… python bench/ledger.py 1000000

Works in a database of its own (``gongzhi_bench``, dropped at the end) and prints; it asserts nothing.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PER_ROW = 5


def main(entries: int) -> None:
    home = tempfile.mkdtemp(prefix="gongzhi-bench-")
    os.environ["GONGZHI_HOME"] = home
    os.environ["DJANGO_SETTINGS_MODULE"] = "gongzhi.config.settings"
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    connection.settings_dict["TEST"]["NAME"] = (
        "gongzhi_bench" if connection.vendor == "postgresql" else str(Path(home) / "bench.sqlite3")
    )
    made = setup_databases(verbosity=0, interactive=False)
    try:
        measure(entries)
    finally:
        teardown_databases(made, verbosity=0)


def measure(entries: int) -> None:
    from django.conf import settings
    from django.db import connection, transaction

    from gongzhi.ground.ledger import actions
    from gongzhi.ground.ledger.jobs import seal_entries
    from gongzhi.ground.ledger.models import Entry, Seal
    from gongzhi.ground.ledger.verify import verify
    from gongzhi.ground.places.events import PlaceRenamed
    from gongzhi.ground.places.models import Place

    actions._listeners.clear()  # the record alone, without the circuit
    rows = max(1, entries // PER_ROW)

    def told(what: str, count: int, began: float, cpu: float) -> None:
        wall, used = time.perf_counter() - began, time.process_time() - cpu
        print(f"{what:34} {count:>9,} in {wall:7.1f} s  {count / wall:>9,.0f} a second  {used:7.1f} s CPU here")

    print(f"{connection.vendor}, {entries:,} entries about {rows:,} rows")
    began, cpu = time.perf_counter(), time.process_time()
    for start in range(0, rows, 10_000):
        with transaction.atomic():
            places = [
                Place(path=f"{n:012}", code=f"{n:012}", level="village", name=f"Village {n}", version=PER_ROW)
                for n in range(start, min(start + 10_000, rows))
            ]
            Place.objects.bulk_create(places, batch_size=1000)
            for step in range(1, PER_ROW + 1):
                for place in places:
                    place.version = step
                moment = NOW + timedelta(seconds=step)
                actions.record_many(
                    [
                        (PlaceRenamed(place_id=place.pk, path=place.path, former_name_id=step), place)
                        for place in places
                    ],
                    by=None,
                    now=moment,
                    place=lambda row: row.path,
                )
    told("recorded in bulk", rows * PER_ROW, began, cpu)

    began, cpu = time.perf_counter(), time.process_time()
    singles = 1000
    for place in Place.objects.order_by("pk")[:singles]:
        with transaction.atomic():
            event = PlaceRenamed(place_id=place.pk, path=place.path, former_name_id=0)
            actions.record(event, about=place, by=None, now=NOW + timedelta(hours=1), place=place.path, save=["name"])
    told("recorded one by one", singles, began, cpu)

    began, cpu = time.perf_counter(), time.process_time()
    seal_entries(now=NOW + timedelta(hours=2))
    total = Entry.objects.count()
    told("sealed", total, began, cpu)

    began, cpu = time.perf_counter(), time.process_time()
    assert actions.seal(now=NOW + timedelta(hours=2)) is None
    told("looked for new entries, at worst", 1, began, cpu)
    place = Place.objects.order_by("pk")[0]
    with transaction.atomic():
        event = PlaceRenamed(place_id=place.pk, path=place.path, former_name_id=0)
        actions.record(event, about=place, by=None, now=NOW + timedelta(hours=4), place=place.path, save=["name"])
    actions.seal(now=NOW + timedelta(hours=4))
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(100):
        assert actions.seal(now=NOW + timedelta(hours=4)) is None
    told("looked for new entries, as usual", 100, began, cpu)
    total += 1

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    marks: list[str] = []
    last = [began]

    def progress(step: str, done: int, expected: int) -> None:
        if done == expected:
            marks.append(f"{step} {time.perf_counter() - last[0]:.1f} s")
            last[0] = time.perf_counter()

    findings = verify(now=NOW + timedelta(hours=5), witness=Path(settings.GONGZHI_LEDGER_WITNESS), progress=progress)
    told("verified", total, began, cpu)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"  {', '.join(marks)}; {Seal.objects.count()} seals; {len(findings)} findings; {grown:.0f} MB more memory")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
