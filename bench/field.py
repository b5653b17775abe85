"""A telephone that comes back with 500 entries: how long until the house has taken in each of them.

    python -m bench.field [--entries 500]

A real browser on a line of 200 ms, 1 Mbit/s and 5 % loss (tests/browser/line.py), SQLite, the server in one process
with the browser's driver and the line: seconds are those of this machine. Nine in ten are visits, the tenth a report
that becomes a case at once. The exit code is 1 when it takes more than ten seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=500)
    given = parser.parse_args()
    root = Path(__file__).parents[1]
    one = "tests/browser/test_field.py::test_a_full_outbox_goes_over_a_bad_line"
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", one]
    environment = {**os.environ, "FIELD_ENTRIES": str(given.entries)}
    raise SystemExit(subprocess.call(command, cwd=root, env=environment))


if __name__ == "__main__":
    main()
