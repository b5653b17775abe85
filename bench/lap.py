"""What one request and one whole lap cost, on PostgreSQL with 100,000 cases and two server processes.

    python -m bench.lap [--cases 100000] [--keep FOLDER] [--rounds 3] [--requests 240] [--only create,list]

Starts a PostgreSQL cluster of its own with the settings it is installed with, fills it (bench/load.py), starts the
web server as ``gongzhi serve`` does, and drives it over HTTP. CPU milliseconds are user and system time of the
server's process tree plus those of the database's, divided by the requests: they hold on a busy machine, wall times
do not. The number of statements comes from pg_stat_statements and leaves out BEGIN, COMMIT and SAVEPOINT,
and what PostgreSQL asks itself for foreign keys.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import re
import signal
import statistics
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.house import Answer, Browser, Cluster, House, cpu, scratch

CLIENTS = 8
CONTROL = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET |START TRANSACTION)", re.IGNORECASE)


@dataclass(frozen=True)
class Goal:
    statements: int | None = None
    cpu: float | None = None
    transactions: int | None = None


@dataclass
class Scene:
    """One kind of request: how a client makes it, what it must answer, and what it may cost."""

    name: str
    words: str
    make: Callable[[Browser, int], Answer]
    status: int = 200
    goal: Goal = Goal()
    cpu_one: list[float] = field(default_factory=list)
    cpu_many: list[float] = field(default_factory=list)
    walls_one: list[float] = field(default_factory=list)
    walls_many: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    statements: float = 0.0
    transactions: float = 0.0
    spelled: list[tuple[float, str]] = field(default_factory=list)


class Bench:
    def __init__(self, cluster: Cluster, house: House, requests: int) -> None:
        self.cluster, self.house, self.requests = cluster, house, requests
        self.database = cluster.connect()
        self.server: subprocess.Popen[bytes] | None = None
        self.cookies: dict[str, str] = {}

    # --- driving --------------------------------------------------------------------------------------------------

    def browser(self) -> Browser:
        browser = Browser(self.house.port, self.cookies)
        return browser

    def drive(self, scene: Scene, clients: int, requests: int) -> tuple[list[float], float]:
        """So many requests from so many clients; the wall time of each in milliseconds, and of all in seconds."""
        walls: list[list[float]] = [[] for _ in range(clients)]
        wrong: list[str] = []
        numbers = iter(range(requests))
        lock = threading.Lock()

        def client(mine: list[float]) -> None:
            browser = self.browser()
            while not wrong:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                began = time.perf_counter()
                answer = scene.make(browser, number)
                mine.append((time.perf_counter() - began) * 1000)
                if answer.status // 100 != scene.status // 100:
                    wrong.append(f"{scene.name}: {answer.status} {answer.body[:300]!r}")

        crew = [threading.Thread(target=client, args=(mine,)) for mine in walls]
        began = time.perf_counter()
        for one in crew:
            one.start()
        for one in crew:
            one.join()
        if wrong:
            raise SystemExit(wrong[0])
        return [wall for mine in walls for wall in mine], time.perf_counter() - began

    def measure(self, scene: Scene, clients: int) -> None:
        assert self.server is not None
        before = cpu(self.server.pid, self.cluster.pid)
        walls, seconds = self.drive(scene, clients, self.requests)
        used = (cpu(self.server.pid, self.cluster.pid) - before) * 1000 / len(walls)
        if clients == 1:
            scene.cpu_one.append(used)
            scene.walls_one += walls
        else:
            scene.cpu_many.append(used)
            scene.walls_many += walls
            scene.rates.append(len(walls) / seconds)

    def count(self, scene: Scene, requests: int = 40) -> None:
        """How many statements and explicit transactions one request costs."""
        self.drive(scene, 1, 10)
        self.database.execute("SELECT pg_stat_statements_reset()")
        self.drive(scene, 1, requests)
        rows = self.database.execute(
            "SELECT calls, query FROM pg_stat_statements WHERE dbid ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE 'SELECT 1 FROM ONLY %'"
        ).fetchall()
        spelled = [(calls / requests, query) for calls, query in rows]
        scene.statements = sum(calls for calls, query in spelled if not CONTROL.match(query))
        scene.transactions = sum(calls for calls, query in spelled if re.match(r"\s*BEGIN", query))
        scene.spelled = sorted(spelled, reverse=True)

    def warm(self, scene: Scene) -> None:
        self.drive(scene, CLIENTS, 64)

    @contextmanager
    def serving(self, **environment: str) -> Iterator[None]:
        self.server = self.house.serve(workers=2, threads=4, **environment)
        try:
            yield
        finally:
            self.house.stop(self.server)


# --- the requests -------------------------------------------------------------------------------------------------


def sign_in(username: str) -> dict[str, str]:
    """The cookie of somebody who has signed in."""
    from django.conf import settings
    from django.test import Client

    from gongzhi.ground.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username=username), backend=settings.AUTHENTICATION_BACKENDS[-1])
    return {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}


def report_fields(number: int) -> dict[str, str]:
    die = random.Random(number)
    return {
        "text": f"楼道里的灯坏了有一个星期了，晚上老人上下楼看不清台阶，希望尽快派人来修。第{number}次反映。",
        "category": "",
        "place": "",
        "lon": f"{116.326 + die.random() / 200:.6f}",
        "lat": f"{40.002 + die.random() / 200:.6f}",
        "address": "8号楼2单元门口",
        "name": "王小明",
        "phone": "10033331234",
        "answer_by": "link",
        "key": uuid.uuid4().hex,
    }


def post_report(browser: Browser, number: int) -> Answer:
    if "csrftoken" not in browser.cookies:
        browser.get("/report/")  # once for each client, as a person opens the form first
    browser.come_from_elsewhere()  # or else the limit of reports from one address ends it
    return browser.post("/report/", report_fields(number))


def scenes(bench: Bench) -> list[Scene]:
    from bench.load import sample_closed

    samples = list(sample_closed("110108014", 400))
    clerk = sign_in("street-014-1")
    tag = {"etag": ""}

    def as_clerk(path: Callable[[int], str]) -> Callable[[Browser, int], Answer]:
        def make(browser: Browser, number: int) -> Answer:
            browser.cookies.update(clerk)
            return browser.get(path(number))

        return make

    def unchanged(browser: Browser, number: int) -> Answer:
        if not tag["etag"]:
            tag["etag"] = browser.get("/categories.json").headers["etag"]
        return browser.get("/categories.json", If_None_Match=tag["etag"])

    filters = "/staff/cases/?state=closed&category=environment"
    return [
        Scene("create", "create a report (POST of the public form)", post_report, 303, Goal(14, 16, 1)),
        Scene("form", "the public form (GET)", lambda b, n: b.get("/report/")),
        Scene("list", "staff list of 50, two filters", as_clerk(lambda n: filters), goal=Goal(8, 30)),
        Scene(
            "page2", "staff list of 50, two filters, page 2", as_clerk(lambda n: filters + "&page=2"), goal=Goal(8, 30)
        ),
        Scene("open", "staff list of 50, all open", as_clerk(lambda n: "/staff/cases/"), goal=Goal(8, 30)),
        Scene(
            "case",
            "one case with its timeline (staff)",
            as_clerk(lambda n: f"/staff/cases/{samples[n % len(samples)][0]}/"),
            goal=Goal(12, 20),
        ),
        Scene("tree", "category tree as JSON", lambda b, n: b.get("/categories.json"), goal=Goal(None, 2)),
        Scene("tree304", "category tree, unchanged (ETag)", unchanged, 304, Goal(None, 2)),
        Scene(
            "follow",
            "follow page of a report",
            lambda b, n: b.get(f"/follow/{samples[n % len(samples)][1]}/"),
        ),
        Scene("today", "today page of a street clerk", as_clerk(lambda n: "/staff/")),
    ]


# --- the lap ------------------------------------------------------------------------------------------------------


class Lap:
    """What the background worker does for one report until its case is closed and its entries are sealed.

    The worker sleeps (SIGSTOP) while the bench does what people do, so that only its own work is counted.
    """

    def __init__(self, bench: Bench, reports: int) -> None:
        self.bench, self.reports = bench, reports
        self.rows: list[tuple[str, float, float]] = []

    def run(self, *, whole: bool = True) -> None:
        """All of it, or only what follows a report right away."""
        bench = self.bench
        numbers: list[str] = []
        browser = bench.browser()
        worker = bench.house.start("-m", "gongzhi.config.command", "worker")
        try:
            self.quiet()
            time.sleep(3)
            self.worker = worker
            self.idle = self.rest(6.0)
            os.kill(worker.pid, signal.SIGSTOP)
            for number in range(self.reports):
                answer = post_report(browser, number)
                numbers.append(answer.headers["location"].split("/")[2])
            self.work("report becomes a case")
            if not whole:
                return
            steps = self.people(numbers)
            for words, deed in steps:
                deed()
                self.work(words)
            os.kill(worker.pid, signal.SIGCONT)
            self.sealed()
        finally:
            os.kill(worker.pid, signal.SIGCONT)
            bench.house.stop(worker)

    def people(self, tokens: list[str]) -> list[tuple[str, Callable[[], None]]]:
        """What a clerk, the ones who work and the reporters do, through the same actions as the pages."""
        from django.utils import timezone

        from gongzhi.act.tasks.actions import report_done
        from gongzhi.act.tasks.models import Task
        from gongzhi.ground.access.models import Post
        from gongzhi.ground.accounts.models import User
        from gongzhi.sense.channels.follow import message_of
        from gongzhi.understand.cases.actions import dispatch_case
        from gongzhi.understand.cases.models import Case
        from gongzhi.verify.checks.actions import answer_by_link

        messages = [message for token in tokens if (message := message_of(token)) is not None]
        clerk = User.objects.get(username="street-014-1")

        def dispatch() -> None:
            for message in messages:
                case = Case.objects.get(voices__message=message)
                dispatch_case(case_id=case.pk, category="environment.litter", by=clerk, now=timezone.now())

        def work() -> None:
            for message in messages:
                task = Task.objects.get(case__voices__message=message)
                post = Post.objects.filter(role=task.role, place=task.place).select_related("user")[0]
                report_done(task_id=task.pk, words="已清理干净，并提醒了商户。", by=post.user, now=timezone.now())

        def answer() -> None:
            for message in messages:
                answer_by_link(message=message, helped=True, words="谢谢", now=timezone.now())

        return [
            ("assigned case gets its work order", dispatch),
            ("reported work awaits its check, reporter asked", work),
            ("reporter's yes closes the case", answer),
        ]

    def pending(self) -> int:
        row = self.bench.database.execute("SELECT count(*) FROM loop_job WHERE due IS NOT NULL").fetchone()
        return int(row[0])

    def quiet(self) -> None:
        until = time.monotonic() + 120
        while self.pending():
            if time.monotonic() > until:
                raise SystemExit("the worker does not come to rest")
            time.sleep(0.1)

    def used(self) -> tuple[float, float]:
        return cpu(self.worker.pid), cpu(self.bench.cluster.pid)

    def rest(self, seconds: float) -> float:
        """CPU of worker and database together, a second, when there is nothing to do."""
        before = sum(self.used())
        time.sleep(seconds)
        return (sum(self.used()) - before) / seconds

    def work(self, words: str) -> None:
        before, began = self.used(), time.perf_counter()
        os.kill(self.worker.pid, signal.SIGCONT)
        self.quiet()
        os.kill(self.worker.pid, signal.SIGSTOP)
        self.add(words, before, began)

    def add(self, words: str, before: tuple[float, float], began: float) -> None:
        after = self.used()
        idle = self.idle * (time.perf_counter() - began)
        own, database = after[0] - before[0] - idle / 2, after[1] - before[1] - idle / 2
        self.rows.append((words, max(own, 0) * 1000 / self.reports, max(database, 0) * 1000 / self.reports))

    def sealed(self) -> None:
        """Wait for the minute's sealing."""
        before, began = self.used(), time.perf_counter()
        newest = self.bench.database.execute("SELECT max(id) FROM ledger_entry").fetchone()[0]
        until = time.monotonic() + 90
        while self.bench.database.execute("SELECT max(entry_id) FROM ledger_leaf").fetchone()[0] < newest:
            if time.monotonic() > until:
                raise SystemExit("the entries are not sealed")
            time.sleep(0.5)
        self.add("entries sealed (12 of this case)", before, began)


# --- sizes --------------------------------------------------------------------------------------------------------


def sizes(browser: Browser) -> list[tuple[str, int, int, str]]:
    """(asset, bytes as served, bytes unpacked, encoding) of the resident's form at the first visit."""
    page = browser.get("/report/")
    html = unpack(page).decode()
    found = [("/report/", page)]
    links = re.findall(r'<link[^>]+rel="(?:stylesheet|icon|manifest)"[^>]+href="([^"]+)"', html)
    links += re.findall(r'<link[^>]+href="([^"]+)"[^>]+rel="stylesheet"', html)
    links += re.findall(r'<script[^>]+src="([^"]+)"', html)
    links += [href.partition("#")[0] for href in re.findall(r'<use[^>]+href="([^"]+)"', html)]
    for link in dict.fromkeys(link for link in links if link.startswith("/")):
        answer = browser.get(link)
        found.append((link, answer))
        if link.endswith(".css"):
            for inner in re.findall(r'url\("?([^")]+)"?\)', unpack(answer).decode()):
                if not inner.startswith("data:") and not inner.startswith("#"):
                    address = str((Path(link).parent / inner).as_posix())
                    found.append((address, browser.get(address)))
    return [
        (re.sub(r"\.[0-9a-f]{12}\.", ".", name), len(answer.body), len(unpack(answer)), coding(answer))
        for name, answer in found
    ]


def coding(answer: Answer) -> str:
    return answer.headers.get("content-encoding", "none")


def unpack(answer: Answer) -> bytes:
    return gzip.decompress(answer.body) if coding(answer) == "gzip" else answer.body


# --- printing -----------------------------------------------------------------------------------------------------


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def show(all_scenes: list[Scene]) -> bool:
    print()
    columns = ("SQL", 6), ("tx", 5), ("CPU ms", 9), ("at 8", 8), ("p50", 8), ("p95", 8), ("p50/8", 8), ("p95/8", 8)
    head = f"{'request':42}" + "".join(f"{name:>{width}}" for name, width in (*columns, ("/s", 7)))
    print(head + "  goal")
    good = True
    for scene in all_scenes:
        one = statistics.median(scene.cpu_one)
        goal = scene.goal
        words, passed = [], True
        for name, limit, is_value in (
            ("SQL", goal.statements, scene.statements),
            ("tx", goal.transactions, scene.transactions),
            ("CPU", goal.cpu, one),
        ):
            if limit is not None:
                words.append(f"{name} ≤ {limit:g}")
                passed = passed and round(is_value, 1) <= limit
        good = good and passed
        mark = ("PASS  " if passed else "SHORT ") + ", ".join(words) if words else ""
        print(
            f"{scene.words:42}{scene.statements:6.1f}{scene.transactions:5.1f}"
            f"{one:9.1f}{statistics.median(scene.cpu_many):8.1f}"
            f"{percentile(scene.walls_one, 0.5):8.1f}{percentile(scene.walls_one, 0.95):8.1f}"
            f"{percentile(scene.walls_many, 0.5):8.1f}{percentile(scene.walls_many, 0.95):8.1f}"
            f"{statistics.median(scene.rates):7.0f}  {mark}"
        )
    return good


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=100_000)
    options.add_argument("--keep", type=Path, help="keep the filled database in this folder, and use it again")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--requests", type=int, default=240, help="in each round, of each kind")
    options.add_argument("--only", default="", help="only these, separated by commas")
    options.add_argument("--statements", action="store_true", help="print the statements of each request")
    options.add_argument("--reports", type=int, default=200, help="reports that go the whole lap")
    chosen = options.parse_args()
    with scratch() as folder:
        keep: Path | None = chosen.keep.resolve() if chosen.keep else None
        home = (keep or folder) / "home"
        home.mkdir(parents=True, exist_ok=True)
        with Cluster(keep / "pg" if keep else None) as cluster:
            run(cluster, House(home, cluster.url, {"GONGZHI_PROXIES": "1"}), chosen)


def run(cluster: Cluster, house: House, chosen: argparse.Namespace) -> None:
    os.environ.update(DATABASE_URL=cluster.url, GONGZHI_HOME=str(house.home), GONGZHI_PROXIES="1")
    from bench import load

    load.start_django()
    from django.utils import timezone

    from gongzhi.config import preparation
    from gongzhi.sense.channels.models import Message

    preparation.prepare()
    if not Message.objects.exists():
        print(f"filling the database with {chosen.cases:,} cases …", flush=True)
        load.fill(chosen.cases, seed=2026, now=timezone.now())
    bench = Bench(cluster, house, chosen.requests)
    bench.database.execute("ANALYZE")
    only = {name for name in chosen.only.split(",") if name}
    good = True
    with bench.serving():
        wanted = [scene for scene in scenes(bench) if not only or scene.name in only]
        for scene in wanted:
            bench.warm(scene)
            bench.count(scene)
        for _ in range(chosen.rounds):
            for scene in wanted:
                bench.measure(scene, 1)
                bench.measure(scene, CLIENTS)
        good = show(wanted) and good
        if chosen.statements:
            for scene in wanted:
                print(f"\n{scene.name}")
                for calls, query in scene.spelled:
                    print(f"  {calls:5.2f}  {' '.join(query.split())[:220]}")
        if not only or "sizes" in only:
            print("\nthe resident's form, first load (bytes as served, unpacked, encoding)")
            assets = sizes(bench.browser())
            for name, served, plain, encoding in assets:
                print(f"  {served:>8,} {plain:>9,}  {encoding:5} {name}")
            total = sum(served for _name, served, _plain, _encoding in assets)
            good = good and total <= 100_000
            print(f"  {total:>8,} in all; goal ≤ 100,000: {'PASS' if total <= 100_000 else 'SHORT'}")
        if not only or "lap" in only:
            lap = Lap(bench, chosen.reports)
            lap.run()
            print(f"\nthe worker's CPU ms for one report (worker, database), {chosen.reports} reports")
            for words, own, database in lap.rows:
                print(f"  {words:52}{own:7.1f}{database:7.1f}")
            print(f"  {'whole lap':52}{sum(r[1] for r in lap.rows):7.1f}{sum(r[2] for r in lap.rows):7.1f}")
            print(f"  at rest, worker and database together: {lap.idle * 1000:.1f} ms a second")
    if not only or "floor" in only:
        floor = Scene(
            "floor", "floor: the same inserts in a bare view", lambda b, n: b.post("/report/", report_fields(n)), 303
        )
        with bench.serving(DJANGO_SETTINGS_MODULE="bench.floor_settings"):
            bench.warm(floor)
            bench.count(floor)
            for _ in range(chosen.rounds):
                bench.measure(floor, 1)
                bench.measure(floor, CLIENTS)
        show([floor])
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
