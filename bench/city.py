"""What lists, searches, the map and a new report cost in a house of any size; two server processes, PostgreSQL.

    python -m bench.city --cases 1000000 [--keep FOLDER]            a cluster of its own, filled by bench/load.py
    python -m bench.city --url postgres://… --pid 123 --home FOLDER  a filled database whose server has this process id

CPU milliseconds are those of the server's processes and the database's together, as in bench/lap.py. Run it with a
small house and with a large one: the figures should hardly differ.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.house import Answer, Browser, Cluster, House, scratch
from bench.lap import Bench, Goal, Lap, Scene, percentile, post_report, sign_in

LIST = Goal(8, 40)
WALL = 150  # milliseconds, p95 of a list alone

# (name, who, filters): any two filters, and full text.
LISTS = (
    ("state and category", "clerk", "state=closed&category=environment"),
    ("state and category", "district", "state=closed&category=environment"),
    ("category and place", "district", "category=environment.litter&place=110108014"),
    ("all states, place", "district", "state=all&place=110108014001"),
    ("late, category", "district", "clock=late&category=environment"),
    ("channel, since", "district", "state=all&channel=phone&from=2026-06-01"),
    ("state and urgency", "district", "state=assigned&urgency=normal"),
    ("led by me, all", "clerk", "state=all&lead=mine"),
    ("rare pair: withdrawn, category", "district", "state=withdrawn&category=environment.litter"),
    ("oldest, closed, channel", "district", "state=closed&channel=visit&sort=oldest"),
    ("words: frequent", "district", "state=all&q=垃圾"),
    ("words: frequent", "clerk", "state=all&q=垃圾"),
    ("words: two", "district", "state=all&q=路灯 晚上"),
    ("words: two, open", "district", "q=路灯 晚上"),
    ("words, category", "district", "state=closed&category=environment&q=垃圾"),
    ("words: one that is nowhere", "district", "state=all&q=紫禁城"),
    ("number", "district", "state=all&q=261101"),
)


class Known:
    """A database server that somebody else has started."""

    def __init__(self, url: str, pid: int) -> None:
        self.url, self.pid = url, pid

    def connect(self) -> Any:
        import psycopg

        return psycopg.connect(self.url.replace("postgres://", "postgresql://"), autocommit=True)

    def __enter__(self) -> Known:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def scenes(*, widest: str) -> list[Scene]:
    people = {"clerk": sign_in("street-014-1"), "district": sign_in("district")}

    def opening(who: str, address: str) -> Callable[[Browser, int], Answer]:
        def make(browser: Browser, number: int) -> Answer:
            browser.cookies.update(people[who])
            return browser.get(address)

        return make

    found = [Scene("create", "create a report (POST of the public form)", post_report, 303, Goal(14, 25, 1))]
    found += [
        Scene(f"list {index}", f"{who}: {name}", opening(who, f"/staff/cases/?{quote(query, safe='=&')}"), goal=LIST)
        for index, (name, who, query) in enumerate(LISTS)
    ]
    box = "/staff/map/points.json?bbox=115,39,118,42&zoom="
    found += [
        Scene("map 11", "map, district, zoom 11", opening("district", f"{box}11&{widest}"), goal=Goal(6, 60)),
        Scene("map 14", "map, district, zoom 14", opening("district", f"{box}14&{widest}"), goal=Goal(6, 60)),
        Scene("map page", "page of the map", opening("district", f"/staff/map/?{widest}"), goal=Goal(8, 60)),
        Scene("rates", "the three rates, this month", opening("district", "/staff/rates/"), goal=Goal(12, 60)),
        Scene("inbox", "inbox of a street", opening("clerk", "/staff/inbox/"), goal=Goal(8, 60)),
    ]
    return found


def hundred_thousand() -> tuple[str, int]:
    """Filters that the district's map shows about 100,000 cases with, or as many as there are."""
    from django.db.models import Count

    from gongzhi.front.workbench.filters import subtree
    from gongzhi.understand.cases.models import Case
    from gongzhi.understand.cases.tree import tree

    located = Case.objects.filter(cell__isnull=False).order_by()
    counts = dict(located.values_list("category").annotate(count=Count("pk")))
    best = ("state=all", sum(counts.values()))
    for node in tree().nodes.values():
        count = sum(counts.get(pk, 0) for pk in subtree(node))
        if abs(count - 100_000) < abs(best[1] - 100_000):
            best = (f"state=all&category={node.code}", count)
    return best


def measure(cluster: Any, house: House, chosen: argparse.Namespace) -> None:
    os.environ.update(DATABASE_URL=cluster.url, GONGZHI_HOME=str(house.home), GONGZHI_PROXIES="1")
    from bench import load

    load.start_django()
    from django.utils import timezone

    from gongzhi.config import preparation
    from gongzhi.understand.cases.models import Case

    preparation.prepare()
    if not Case.objects.exists():
        load.fill(chosen.cases, seed=2026, now=timezone.now())
    bench = Bench(cluster, house, chosen.requests)
    bench.database.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    widest, count = (chosen.map, -1) if chosen.map else hundred_thousand()
    if count < 0:
        from django.http import QueryDict

        print(f"the map shows {QueryDict(widest).urlencode()}")
    else:
        print(f"the map shows {widest}: {count:,} cases")
    only = [word for word in chosen.only.split(",") if word]
    with bench.serving():
        wanted = [scene for scene in scenes(widest=widest) if not only or any(scene.name.startswith(o) for o in only)]
        print(f"{Case.objects.count():,} cases; load {os.getloadavg()[0]:.1f}; {time.strftime('%Y-%m-%d %H:%M')}")
        print(f"{'request':44}{'SQL':>6}{'CPU ms':>9}{'p50':>8}{'p95':>8}")
        for scene in wanted:
            bench.drive(scene, 4, 16)
            bench.count(scene, 10)
            for _ in range(chosen.rounds):
                bench.measure(scene, 1)
            one, p95 = statistics.median(scene.cpu_one), percentile(scene.walls_one, 0.95)
            good = one <= (scene.goal.cpu or 1e9) and (not scene.name.startswith("list") or p95 <= WALL)
            print(
                f"{scene.words:44}{scene.statements:6.1f}{one:9.1f}{percentile(scene.walls_one, 0.5):8.1f}{p95:8.1f}"
                f"  {'' if good else 'SHORT'}",
                flush=True,
            )
            if scene.name == "create":
                lap = Lap(bench, chosen.requests)
                lap.run(whole=False)
                own, database = lap.rows[0][1:]
                print(
                    f"{'  and the worker makes a case of it':44}{'':6}{own + database:9.1f}"
                    f"   together {one + own + database:.1f} (goal 25)",
                    flush=True,
                )
            if chosen.statements:
                for calls, query in scene.spelled:
                    print(f"     {calls:5.2f}  {' '.join(query.split())[:300]}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=1_000_000)
    options.add_argument("--keep", type=Path)
    options.add_argument("--url", default="")
    options.add_argument("--pid", type=int, default=0)
    options.add_argument("--home", type=Path)
    options.add_argument("--map", default="", help="the filters of the map")
    options.add_argument("--only", default="")
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--requests", type=int, default=40)
    options.add_argument("--statements", action="store_true")
    chosen = options.parse_args()
    with scratch() as folder:
        home = chosen.home or (chosen.keep.resolve() if chosen.keep else folder) / "home"
        home.mkdir(parents=True, exist_ok=True)
        cluster = Known(chosen.url, chosen.pid) if chosen.url else Cluster(chosen.keep / "pg" if chosen.keep else None)
        with cluster:
            measure(cluster, House(home, cluster.url, {"GONGZHI_PROXIES": "1"}), chosen)


if __name__ == "__main__":
    main()
