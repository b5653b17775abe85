"""Translations are kept in git as text; what the program reads is made from it at set-up."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

PACKAGE = Path(__file__).resolve().parent.parent


def compile_all() -> int:
    """Compile every catalogue that is newer than its compiled form, and say how many there were."""
    count = 0
    for source in sorted(PACKAGE.glob("**/locale/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name, abort_invalid=True)
        fresh = target.with_suffix(f".{os.getpid()}")  # another process may be reading, or writing, the old one
        with fresh.open("wb") as file:
            write_mo(file, catalogue)
        fresh.replace(target)
        count += 1
    return count


if __name__ == "__main__":
    sys.stderr.write(f"Translations compiled: {compile_all()}\n")
