"""A clerk's morning of 200 demands in a real browser: keys, clicks, pages and seconds for each.

    python -m bench.morning [--demands 200]

The same steps as tests/browser/test_morning.py (sorted by keyboard, merged, left to a ruling or referred, called back,
done in bulk), on SQLite, in one process with its server: seconds are those of this machine, the rest are facts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demands", type=int, default=200)
    given = parser.parse_args()
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "tests/browser/test_morning.py"]
    environment = {**os.environ, "MORNING_DEMANDS": str(given.demands)}
    raise SystemExit(subprocess.call(command, cwd=root, env=environment))


if __name__ == "__main__":
    main()
