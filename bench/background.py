"""What background work costs: enqueue, claim and run, a delivery, and how soon a killed worker is replaced.

    python -m bench.background [--jobs 2000] [--workers 2] [--kill]

Uses a database of its own: a temporary SQLite file, or a new database on the server of ``DATABASE_URL``.
CPU figures hold on a busy machine; jobs per second are a floor.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

START = "import sys, django; django.setup(); from bench import background; background.child(*sys.argv[1:])"


# --- the children: their own process, with Django set up ----------------------------------------------------------


def child(command: str, *words: str) -> None:
    from bench import bells

    bells.connect()
    if command == "prepare":
        from django.core.management import call_command

        call_command("migrate", "loop", verbosity=0)
    elif command == "work":
        from gongzhi.loop import worker

        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        before = cpu()
        worker.run(threads=1, stop=stop)
        print(f"cpu {cpu() - before:.4f}")
    elif command == "put":
        kind, count = words[0], int(words[1])
        if count > 20:
            getattr(bells, f"put_{kind}")(20)  # warm
        before, start = cpu(), time.perf_counter()
        getattr(bells, f"put_{kind}")(count)
        print(f"cpu {cpu() - before:.4f} wall {time.perf_counter() - start:.4f}")
    elif command == "left":
        from gongzhi.loop.models import Job

        jobs = Job.objects.filter(due__isnull=False)
        full = jobs.count()
        while jobs.count() == full:
            time.sleep(0.01)
        start, begun = time.perf_counter(), full - jobs.count()
        while jobs.exists():
            time.sleep(0.05)
        print(f"rate {(full - begun) / (time.perf_counter() - start):.4f}")


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# --- the bench ----------------------------------------------------------------------------------------------------


class Bench:
    def __init__(self, folder: Path, url: str, server: int | None) -> None:
        self.folder, self.url, self.server = folder, url, server

    def start(self, *words: str) -> subprocess.Popen[str]:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "gongzhi.config.settings",
            "DATABASE_URL": self.url,
            "GONGZHI_HOME": str(self.folder),
            "GONGZHI_DELIVERY": "worker",
            "BENCH_FLAG": str(self.folder / "flag"),
        }
        log = (self.folder / "log").open("a")
        return subprocess.Popen(
            [sys.executable, "-c", START, *words], env=environment, text=True, stdout=subprocess.PIPE, stderr=log
        )

    def run(self, *words: str) -> dict[str, float]:
        process = self.start(*words)
        output, _ = process.communicate()
        if process.returncode:
            raise SystemExit((self.folder / "log").read_text())
        return figures(output)

    def server_cpu(self) -> float:
        """CPU seconds of the database server and all its processes (PostgreSQL on this machine)."""
        if self.server is None:
            return 0.0
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                if int(path.parent.name) == self.server:
                    ticks += sum(map(int, fields[11:15]))
                elif int(fields[1]) == self.server:
                    ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def measure(self, kind: str, count: int, workers: int) -> None:
        before = self.server_cpu()
        put = self.run("put", kind, str(count))
        put_server = self.server_cpu() - before
        before = self.server_cpu()
        crew = [self.start("work") for _ in range(workers)]
        rate = self.run("left")["rate"]
        for process in crew:
            process.send_signal(signal.SIGTERM)
        used = sum(figures(process.communicate()[0])["cpu"] for process in crew)
        server = self.server_cpu() - before
        every = 1000 / count
        print(
            f"{kind:10} put {put['cpu'] * every:.2f} ms CPU (+ {put_server * every:.2f} server)   "
            f"claim+run {used * every:.2f} ms CPU (+ {server * every:.2f} server)   "
            f"{rate:.0f}/s with {workers} workers"
        )

    def kill(self) -> None:
        flag = self.folder / "flag"
        self.run("put", "hangs", "1")
        victim = self.start("work")
        while not flag.exists():
            time.sleep(0.02)
        heir = self.start("work")
        time.sleep(5)
        victim.kill()
        start = time.perf_counter()
        while flag.read_text().count("\n") < 2:
            time.sleep(0.02)
        print(f"kill -9 in the middle of a job: taken up again after {time.perf_counter() - start:.1f} s")
        heir.terminate()
        heir.wait()


def figures(output: str) -> dict[str, float]:
    words = output.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2], strict=False)}


@contextlib.contextmanager
def database(folder: Path):
    """A URL of an empty database, and the process id of its server if there is one on this machine."""
    given = os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgres"):
        yield f"sqlite:///{folder / 'bench.sqlite3'}", None
        return
    import psycopg

    name = f"bench_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(given, autocommit=True) as master:
        master.execute(f"CREATE DATABASE {name}")
        backend = master.execute("SELECT pg_backend_pid()").fetchone()[0]
        stat = Path(f"/proc/{backend}/stat")
        server = int(stat.read_text().rpartition(")")[2].split()[1]) if stat.exists() else None
        base, question, options = given.partition("?")
        try:
            yield f"{base.rpartition('/')[0]}/{name}{question}{options}", server
        finally:
            master.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=2000)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--kill", action="store_true", help="also kill a worker in the middle of a job")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name, database(Path(name)) as (url, server):
        bench = Bench(Path(name), url, server)
        bench.run("prepare")
        print(f"{'PostgreSQL' if server or 'postgres' in url else 'SQLite'}, {chosen.jobs} each")
        for kind in ("jobs", "deliveries"):
            bench.measure(kind, chosen.jobs, chosen.workers)
        if chosen.kill:
            bench.kill()


if __name__ == "__main__":
    main()
