"""How far somebody's posts reach. Everything that asks "may they?" asks here."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone

from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.paths import below

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOTHING = Q(pk__in=[])


def posts_of(user: User | AnonymousUser, on: date | None = None) -> Sequence[Post]:
    """The posts of a person on a day (today). Read once for each user object, so once a request."""
    if not isinstance(user, User) or not user.is_active:
        return ()
    on = on or timezone.localdate()
    known: list[Post] | None = getattr(user, "_posts", None)
    if known is None:
        # Sorted here: telling the database to sort costs the ORM more than the handful of rows is worth.
        known = sorted(Post.objects.of(user).select_related("place"), key=lambda post: post.pk)
        user._posts = known  # type: ignore[attr-defined]
    return [post for post in known if post.is_current(on)]


def forget_posts(user: User) -> None:
    """Read the posts anew next time (after a change, or in tests)."""
    if hasattr(user, "_posts"):
        del user._posts


def limit_to(user: User, verbs: Iterable[str]) -> None:
    """From now on this user object may do at most these verbs: somebody acts for the person by a token."""
    user._scope = frozenset(verbs)  # type: ignore[attr-defined]


def in_scope(user: User | AnonymousUser, verb: str) -> bool:
    scope: frozenset[str] | None = getattr(user, "_scope", None)
    return scope is None or verb in scope


def posts_with(user: User | AnonymousUser, verb: str, on: date | None = None) -> list[Post]:
    return [post for post in posts_of(user, on) if verb in post.verbs] if in_scope(user, verb) else []


def reach(user: User | AnonymousUser, verb: str, field: str = "place_path") -> Q:
    """Rows whose place lies where the person may do ``verb``: a range for each post, nothing without one."""
    paths = sorted({post.place_path for post in posts_with(user, verb)})
    condition = Q()
    widest = ""
    for path in paths:
        if widest and path.startswith(widest):
            continue  # inside a range that is already there
        widest = path
        condition |= below(path, field)
    return condition if paths else NOTHING


def positions_of(user: User | AnonymousUser) -> list[tuple[str, int]]:
    """(role, place id) of each current post: what can be responsible for a case or a task."""
    return [(post.role, post.place_id) for post in posts_of(user)]


def holds_position(user: User | AnonymousUser, *, role: str = "role", place: str = "place_id") -> Q:
    """Rows whose responsible position is one that the person holds."""
    condition = Q()
    held = positions_of(user)
    for role_code, place_id in held:
        condition |= Q(**{role: role_code, place: place_id})
    return condition if held else NOTHING
