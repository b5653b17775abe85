"""How quickly a long table becomes cases, and how much memory that takes.

    GONGZHI_HOME=$(mktemp -d) python bench/import_cases.py --rows 200000

Writes a synthetic CSV of so many rows (1 in 50 still open, 1 in 200 wrong), imports it with the command line into the
database of GONGZHI_HOME or DATABASE_URL (which must be empty), and prints rows a second and the highest memory of the
process. With ``--kill`` the import is killed with SIGKILL again and again and started anew, and the numbers must come
out the same.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

HEADER = (
    "number", "received", "kind", "words", "place", "address", "lon", "lat", "phone", "state", "closed", "outcome",
)  # fmt: skip
ROOT = Path(__file__).resolve().parent.parent
CODE = "990101001000"
MAPPING = """\
name: bench
source: bench
fields:
  external_id: number
  received_at: {column: received, format: "%Y-%m-%d %H:%M:%S"}
  text: {columns: [kind, words], join: "; "}
  category: {column: kind, values: {litter: environment.litter, noise: neighbours.noise.home}, otherwise: other.general}
  place: {column: place, by: code}
  address: address
  lon: lon
  lat: lat
  phone: phone
  status: {column: state, values: {closed: closed}, otherwise: open}
  closed_at: {column: closed, format: "%Y-%m-%d %H:%M:%S"}
  outcome: outcome
"""


def write_table(path: Path, rows: int) -> int:
    """The table; returns how many of its rows are wrong."""
    chance, start, wrong = random.Random(7), datetime.fromisoformat("2025-01-01"), 0
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for number in range(rows):
            received = start + timedelta(seconds=chance.randrange(500 * 86400))
            closed = number % 50 != 0
            bad = number % 200 == 199
            wrong += bad
            table.writerow(
                [
                    f"B{number}",
                    "?" if bad else f"{received:%Y-%m-%d %H:%M:%S}",
                    chance.choice(("litter", "noise", "other")),
                    f"垃圾堆在门口第{number}次，请尽快处理。",
                    f"9901010{chance.randrange(1, 13):02d}000",
                    f"Street {chance.randrange(900)}",
                    f"{-73.9 + chance.random() / 10:.6f}",
                    f"{40.7 + chance.random() / 10:.6f}",
                    f"138{chance.randrange(10**8):08d}" if number % 3 == 0 else "",
                    "closed" if closed else "open",
                    f"{received + timedelta(days=2):%Y-%m-%d %H:%M:%S}" if closed else "",
                    "已处理。" if closed else "",
                ]
            )
    return wrong


def gongzhi(*arguments: str, **more: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "gongzhi.config.command", *arguments], **more)  # type: ignore[call-overload]


def run(*arguments: str) -> None:
    if code := gongzhi(*arguments, stdout=subprocess.DEVNULL).wait():
        sys.exit(f"gongzhi {' '.join(arguments)}: exit code {code}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--kill", action="store_true", help="Kill the import again and again.")
    options = parser.parse_args()
    demonstration = ROOT / "src/gongzhi/config/demonstration"
    with tempfile.TemporaryDirectory() as folder:
        table, mapping = Path(folder) / "table.csv", Path(folder) / "bench.yaml"
        wrong = write_table(table, options.rows)
        mapping.write_text(MAPPING, encoding="utf-8")
        print(f"{options.rows} rows, {table.stat().st_size / 1e6:.0f} MB, {wrong} of them wrong")
        run("migrate")
        run("import", "divisions", str(demonstration / "mappings/nyc_divisions.csv"))
        run("manage", "shell", "-v0", "-c", "from gongzhi.understand.cases.loading import *; load_categories()")
        run("user", "create", "bench", "--password", "a quiet harbour 9")
        for role in ("street_clerk", "grid_worker", "community_clerk"):
            run("user", "grant", "bench", role, "9901", "--reason", "bench")
        command = ["import", "cases", str(table), "--mapping", str(mapping), "--place", "9901"]
        started, killed = time.monotonic(), 0
        while True:
            process = gongzhi(*command)
            if options.kill and killed < 10:
                time.sleep(random.uniform(2, 8))
                process.send_signal(signal.SIGKILL)
                killed += 1
            code = process.wait()
            if code in (0, 3):
                break
            if code != -signal.SIGKILL:
                sys.exit(f"exit code {code}")
        seconds = time.monotonic() - started
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"{seconds:.1f} s, {options.rows / seconds:.0f} rows/s, {usage.ru_utime + usage.ru_stime:.1f} CPU seconds, "
            f"highest memory {usage.ru_maxrss / 1024:.0f} MB, killed {killed} times, {os.cpu_count()} cores"
        )
        count = (
            "from gongzhi.sense.channels.models import *; from gongzhi.understand.cases.models import Case; "
            "from gongzhi.act.tasks.models import Task; "
            "print(Message.objects.count(), Case.objects.count(), Case.objects.exclude(state='closed').count(), "
            "Task.objects.count(), RefusedRow.objects.count())"
        )
        print("messages, cases, open cases, work orders, refused rows:", flush=True)
        gongzhi("manage", "shell", "-v0", "-c", count).wait()


if __name__ == "__main__":
    main()
