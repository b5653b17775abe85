"""Place paths: strings of digits, where a path below another one starts with it."""

from __future__ import annotations

from django.db.models import Q


def successor(path: str) -> str | None:
    """The first path behind everything that starts with ``path``; None when nothing can stand behind it (all nines)."""
    if not (path.isascii() and path.isdigit()):
        raise ValueError(f"a place path is made of digits, not {path!r}")
    following = str(int(path) + 1).zfill(len(path))
    return following if len(following) == len(path) else None


def below(path: str, *, field: str = "path") -> Q:
    """The place with this path and all below it, as one range of an ordinary index. The empty path is everywhere.

    A range, because LIKE uses an index only under some collations; digits sort alike under all of them.
    """
    if not path:
        return Q()
    condition = Q(**{f"{field}__gte": path})
    behind = successor(path)
    return condition if behind is None else condition & Q(**{f"{field}__lt": behind})
