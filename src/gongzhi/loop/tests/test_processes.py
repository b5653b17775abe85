"""The promises that only hold between processes: exactly once side by side, and after ``kill -9``."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
BELLS = 150
START = "import sys, django; django.setup(); from gongzhi.loop.tests import crew; crew.main(*sys.argv[1:])"


class House:
    """A database of its own, and processes that work on it."""

    def __init__(self, url: str, ask, folder: Path) -> None:
        self.url, self.ask, self.folder = url, ask, folder
        self.flag = folder / "flag"
        self._running: list[subprocess.Popen] = []

    def start(self, *words: str, wires: str = "note", delivery: str = "worker") -> subprocess.Popen:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "gongzhi.config.settings",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "GONGZHI_HOME": str(self.folder),
            "DATABASE_URL": self.url,
            "GONGZHI_DELIVERY": delivery,
            "CREW_WIRES": wires,
            "CREW_FLAG": str(self.flag),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", START, *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=(self.folder / f"log-{len(self._running)}").open("w"),
            text=True,
        )
        self._running.append(process)
        return process

    def run(self, *words: str, **options: str) -> str:
        process = self.start(*words, **options)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, self.logs()
        return output

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("log-*")))

    def count(self, table: str) -> int:
        return self.ask(f"SELECT count(*) FROM {table}")

    def open_deliveries(self) -> int:
        return self.ask("SELECT count(*) FROM loop_job WHERE task LIKE 'wire:%'")

    def wait_until(self, fact, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < end, self.logs()
            time.sleep(0.05)

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def house(tmp_path):
    with contextlib.ExitStack() as stack:
        if connection.vendor == "postgresql":
            given = settings.DATABASES["default"]
            name = f"crew_{uuid.uuid4().hex[:12]}"
            server = {
                "host": given["HOST"] or None,
                "port": given["PORT"] or None,
                "user": given["USER"] or None,
                "password": given["PASSWORD"] or None,
            }
            master = stack.enter_context(psycopg.connect(**server, dbname="postgres", autocommit=True))
            master.execute(f"CREATE DATABASE {name}")
            stack.callback(master.execute, f"DROP DATABASE {name} WITH (FORCE)")
            ours = stack.enter_context(psycopg.connect(**server, dbname=name, autocommit=True))
            host = f"?host={given['HOST']}" if given["HOST"].startswith("/") else ""
            where = "" if host else given["HOST"]
            url = f"postgres://{given['USER']}:{given['PASSWORD']}@{where}:{given['PORT']}/{name}{host}"

            def ask(sql):
                return ours.execute(sql).fetchone()[0]
        else:
            file = tmp_path / "house.sqlite3"
            url = f"sqlite:///{file}"

            def ask(sql):
                with contextlib.closing(sqlite3.connect(file, timeout=20)) as reader:
                    return reader.execute(sql).fetchone()[0]

        house = House(url, ask, tmp_path)
        stack.callback(house.stop)
        house.run("prepare")
        yield house


def test_side_by_side_every_bell_is_noted_once(house):
    workers = [house.start("work", "2") for _ in range(2)]
    ringers = [
        # Half of the bells are delivered by whoever rings them, half by the workers.
        house.start("ring", "0", str(BELLS), delivery="worker"),
        house.start("ring", str(BELLS), str(2 * BELLS), delivery="inline"),
    ]
    for ringer in ringers:
        assert ringer.wait(120) == 0, house.logs()
    house.wait_until(lambda: house.open_deliveries() == 0, 60)
    for worker in workers:
        worker.terminate()
        assert worker.wait(20) == 0, house.logs()
    assert house.count("effect") == house.ask("SELECT count(DISTINCT bell) FROM effect") == 2 * BELLS
    assert house.count("loop_delivery") == house.count("ledger_entry") == 2 * BELLS


def test_a_killed_worker_is_replaced_within_fifteen_seconds(house):
    house.run("ring", "0", "1", wires="hang_once")
    victim = house.start("work", wires="hang_once")
    house.wait_until(house.flag.exists, 30)  # it has written its effect and has not committed
    heir = house.start("work", wires="hang_once")
    time.sleep(4)  # long enough for a heartbeat: the lease is fresh
    assert house.ask("SELECT attempts FROM loop_job WHERE task LIKE 'wire:%'") == 1
    victim.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    house.wait_until(lambda: house.open_deliveries() == 0, 30)
    assert time.monotonic() - killed <= 15
    assert house.count("effect") == house.count("loop_delivery") == 1
    heir.terminate()
    assert heir.wait(20) == 0


def test_a_killed_request_is_made_good_by_a_worker(house):
    victim = house.start("ring", "0", "1", wires="hang_once", delivery="inline")
    house.wait_until(house.flag.exists, 30)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert house.open_deliveries() == 1  # recorded and promised, not yet delivered
    house.start("work", wires="hang_once")
    house.wait_until(lambda: house.open_deliveries() == 0, 30)
    assert house.count("effect") == house.count("loop_delivery") == 1


def test_a_stopped_worker_finishes_what_it_has_begun_and_gives_back_the_rest(house):
    house.run("ring", "0", "40")
    worker = house.start("work", wires="note,poison")
    house.wait_until(lambda: house.count("effect") >= 0 and house.count("loop_delivery") > 3, 30)
    worker.terminate()
    assert worker.wait(20) == 0, house.logs()
    assert house.ask("SELECT count(*) FROM loop_job WHERE state = 'running'") == 0
    assert house.count("effect") == house.count("loop_delivery")
    house.run("once", wires="note,poison")
    assert house.count("effect") == 40


@pytest.mark.postgres
def test_a_worker_survives_a_database_that_goes_away(house):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite does not go away")
    worker = house.start("work", "2")
    house.run("ring", "0", "1")
    house.wait_until(lambda: house.count("effect") == 1, 30)
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    assert house.ask(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}") >= 3
    house.run("ring", "1", "2")
    house.wait_until(lambda: house.count("effect") == 2, 30)
    assert worker.poll() is None


def test_a_schedule_is_taken_once_by_many_workers(house):
    house.run("once")  # makes the schedules' rows, runs them, and thereby moves them ahead
    before = house.ask("SELECT count(*) FROM loop_schedule")
    if connection.vendor == "postgresql":
        house.ask("WITH t AS (UPDATE loop_schedule SET next_run = '2020-01-01Z' RETURNING 1) SELECT count(*) FROM t")
    else:
        with contextlib.closing(sqlite3.connect(house.url.removeprefix("sqlite:///"), timeout=20)) as writer:
            writer.execute("UPDATE loop_schedule SET next_run = '2020-01-01 00:00:00'")
            writer.commit()
    many = [house.start("tick") for _ in range(3)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in many) == before
