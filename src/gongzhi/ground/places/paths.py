"""Paths: digit strings in which a child's path starts with its parent's.

| level    | length of the path | example              |
| -------- | ------------------ | -------------------- |
| province | 2                  | ``33``               |
| city     | 4                  | ``3306``             |
| county   | 6                  | ``330603``           |
| town     | 9                  | ``330603010``        |
| village  | 12                 | ``330603010002``     |
| grid     | 15                 | ``330603010002005``  |
| building | 18                 | ``330603010002005001`` |

The first five are the significant digits of the national division code. Digits sort alike under every collation,
which is why "everything below" can be a plain range on an ordinary index of every database.
"""

from __future__ import annotations

from django.db.models import Q

LENGTHS: dict[str, int] = {
    "province": 2,
    "city": 4,
    "county": 6,
    "town": 9,
    "village": 12,
    "grid": 15,
    "building": 18,
}
LEVELS: dict[int, str] = {length: level for level, length in LENGTHS.items()}
LONGEST = max(LEVELS)
DIGITS = "0123456789"


def is_path(text: str) -> bool:
    """Whether the text is digits (0-9 only) of a length that some level has."""
    return len(text) in LEVELS and not text.strip(DIGITS)


def level_of(path: str) -> str:
    """The level that the length of a path says. ValueError for what is no path."""
    if not is_path(path):
        raise ValueError(f"no path: {path!r}")
    return LEVELS[len(path)]


def ancestors(path: str) -> list[str]:
    """The path itself first, then upwards to the province. The empty path (everywhere) has none."""
    return [path, *(path[:length] for length in sorted(LEVELS, reverse=True) if length < len(path))] if path else []


def parent_of(path: str) -> str:
    """The path one level up; empty for a province."""
    return next((path[:length] for length in sorted(LEVELS, reverse=True) if length < len(path)), "")


def successor(path: str) -> str:
    """The smallest digit string above everything that starts with ``path``; empty when there is none (all nines)."""
    kept = path.rstrip("9")
    return kept[:-1] + str(int(kept[-1]) + 1) if kept else ""


def below(path: str, field: str = "path") -> Q:
    """The place with this path and everything below it, as a range on ``field``. The empty path is everything."""
    if path.strip(DIGITS):
        raise ValueError(f"no path: {path!r}")
    if not path:
        return Q()
    bound = successor(path)
    return Q(**{f"{field}__gte": path, f"{field}__lt": bound}) if bound else Q(**{f"{field}__gte": path})


def is_below(path: str, top: str) -> bool:
    """The same question for two paths in hand. A place is below itself, and everything is below the empty path."""
    return path.startswith(top)
