"""How far somebody's posts reach. Everything that asks "may they?" asks here."""

from __future__ import annotations

import copy
from datetime import date
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from gongzhi.ground.access.models import Post, StandIn
from gongzhi.ground.access.roles import work_of
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.paths import below

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOTHING = Q(pk__in=[])
# Whether the person of a post is anybody's deputy: answered with the posts, so that the others pay no statement for it.
_STANDS_IN = (
    f"EXISTS (SELECT 1 FROM {StandIn._meta.db_table} s"  # noqa: S608
    f" WHERE s.deputy_id = {Post._meta.db_table}.user_id AND s.ended_at IS NULL AND s.until >= %s)"
)


def posts_of(user: User | AnonymousUser, on: date | None = None) -> Sequence[Post]:
    """The posts of a person on a day (today). Read once for each user object, so once a request."""
    if not isinstance(user, User) or not user.is_active:
        return ()
    on = on or timezone.localdate()
    known: list[Post] | None = getattr(user, "_posts", None)
    if known is None:
        # Sorted here: telling the database to sort costs the ORM more than the handful of rows is worth.
        asked = Post.objects.of(user).select_related("place")
        asked = asked.annotate(stands_in=RawSQL(_STANDS_IN, [on], output_field=BooleanField()))  # noqa: S611
        known = sorted(asked, key=lambda post: post.pk)
        user._posts = known  # type: ignore[attr-defined]
    return [post for post in known if post.is_current(on)]


def forget_posts(user: User) -> None:
    """Read the posts anew next time (after a change, or in tests)."""
    for name in ("_posts", "_stand_ins"):
        if hasattr(user, name):
            delattr(user, name)


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


def stand_ins_of(user: User | AnonymousUser, on: date | None = None) -> list[StandIn]:
    """Whose deputy the person is on a day, as far as their own posts allow such work. A statement only for deputies."""
    own = posts_of(user, on)
    if not isinstance(user, User) or not any(getattr(post, "stands_in", False) for post in own):
        return []
    on = on or timezone.localdate()
    known: list[StandIn] | None = getattr(user, "_stand_ins", None)
    if known is None:
        current = StandIn.objects.filter(deputy=user, ended_at__isnull=True, until__gte=on).select_related("place")
        known = sorted(current, key=lambda row: row.pk)
        user._stand_ins = known  # type: ignore[attr-defined]
    able = frozenset().union(*(work_of(post.role) for post in own))
    return [row for row in known if row.is_current(on) and work_of(row.role) <= able]


def positions_of(user: User | AnonymousUser, *, own: bool = False) -> list[tuple[str, int]]:
    """(role, place id) of what can be responsible for a case or a task: current posts, and those stood in for.

    ``own``: without the latter, for whatever is not work: rulings, appraisals, answers for a whole post.
    """
    held = [(post.role, post.place_id) for post in posts_of(user)]
    if own:
        return held
    return held + [one for row in stand_ins_of(user) if (one := (row.role, row.place_id)) not in held]


def holds_position(user: User | AnonymousUser, *, role: str = "role", place: str = "place_id", own: bool = False) -> Q:
    """Rows whose responsible position is one that the person holds (or, without ``own``, stands in for)."""
    condition = Q()
    held = positions_of(user, own=own)
    for role_code, place_id in held:
        condition |= Q(**{role: role_code, place: place_id})
    return condition if held else NOTHING


def acting_for(
    user: User | AnonymousUser, role: str, place_id: int | None, verb: str, on: date | None = None
) -> Post | None:
    """The post through which the person does the work of this position, by a verb of work; None when they may not.

    Their own post at the position; or, standing in for it, their own post that has the verb. The latter comes as a
    copy that says for which stand-in, and the record keeps both: who did it, and that it was as a deputy.
    """
    able = [post for post in posts_of(user, on) if verb in post.verbs]
    for post in able:
        if (post.role, post.place_id) == (role, place_id):
            return post
    if not able or verb not in work_of(role):
        return None
    for row in stand_ins_of(user, on):
        if (row.role, row.place_id) == (role, place_id):
            acting = copy.copy(able[0])
            acting.stand_in_id = row.pk
            return acting
    return None
