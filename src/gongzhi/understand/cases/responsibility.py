"""Who leads: the matrix category × place, read from the nearest place and the nearest category outwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.roles import ROLE_VERBS, Role, roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import ancestors, below
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases.events import ResponsibilityEnded, ResponsibilitySet
from gongzhi.understand.cases.models import Category, Responsibility
from gongzhi.understand.cases.tree import category_by_code, lineage, tree


@dataclass(frozen=True)
class Position:
    """A role at a place: what is responsible, whoever holds it today."""

    role: str
    place_id: int
    place_name: str

    @property
    def code(self) -> str:
        return f"{self.role}@{self.place_id}"

    def __str__(self) -> str:
        return _("%(role)s, %(place)s") % {"role": Role(self.role).label, "place": self.place_name}


def row_for(category: Category, place: Place, on: date) -> Responsibility | None:
    """The row of the matrix that decides here; None: no row speaks of this category and place."""
    line = lineage(category)
    rows = list(
        Responsibility.objects.filter(
            Q(ended_on__isnull=True) | Q(ended_on__gt=on),
            category_id__in=[node.pk for node in line],
            place_path__in=ancestors(place.path),
        ).select_related("seat", "place")
    )
    nearness = {node.pk: index for index, node in enumerate(line)}
    return min(rows, key=lambda row: (-len(row.place_path), nearness[row.category_id]), default=None)


@dataclass(frozen=True)
class Proposal:
    """Who should lead, and why: a row of the matrix, or else the category's own role."""

    role: str  # "" when nothing names one
    row: Responsibility | None
    position: Position | None  # None when nobody holds the role here today


def proposal_for(category: Category, place: Place, on: date) -> Proposal:
    """Who should lead a case of this category at this place.

    Only a position that somebody holds on this day counts: from the place upwards, the nearest post of the role.
    """
    row = row_for(category, place, on)
    if row is not None:
        role, seat = row.role, row.seat
    else:
        role, seat = next((node.role for node in lineage(category) if node.role), ""), None
    if not role:
        return Proposal("", row, None)
    posts = Post.objects.current(on).filter(role=role)
    posts = posts.filter(place=seat) if seat is not None else posts.filter(place_path__in=ancestors(place.path))
    nearest = max(posts.select_related("place"), key=lambda post: len(post.place_path), default=None)
    held = Position(role, nearest.place_id, nearest.place.name) if nearest is not None else None
    return Proposal(role, row, held)


def role_for(category: Category, place: Place, on: date) -> tuple[str, Place | None]:
    """The role that the matrix names and, where the row says so, the place of its post. ("", None): no row says."""
    row = row_for(category, place, on)
    if row is not None:
        return row.role, row.seat
    return next((node.role for node in lineage(category) if node.role), ""), None


def lead_for(category: Category, place: Place, on: date) -> Position | None:
    """The position that leads a case of this category at this place; None when somebody has to rule."""
    return proposal_for(category, place, on).position


def nearest_holder(role: str, seat: str, path: str, on: date) -> Position | None:
    """The position of a role that somebody holds today: at the place with the code ``seat``, else the nearest on the
    way up from ``path``."""
    posts = Post.objects.current(on).filter(role=role).select_related("place")
    posts = posts.filter(place__code=seat) if seat else posts.filter(place_path__in=ancestors(path))
    near = max(posts, key=lambda post: len(post.place_path), default=None)
    return Position(role, near.place_id, near.place.name) if near is not None else None


def positions_at(path: str, on: date) -> list[Position]:
    """Every position that may be given a case at this path: held today, at a place above or below it."""
    reachable = Q(place_path__in=ancestors(path)) | below(path, "place_path")
    posts = (
        Post.objects.current(on)
        .filter(reachable, role__in=sorted(roles_with("tasks.work")))
        .select_related("place")
        .order_by("place_path", "role")
    )
    found = {(post.role, post.place_id): Position(post.role, post.place_id, post.place.name) for post in posts}
    return list(found.values())


def desks(on: date) -> list[Place]:
    """The places that this installation serves: where somebody may sort cases, without those that lie below another."""
    posts = Post.objects.current(on).filter(role__in=sorted(roles_with("cases.sort"))).select_related("place")
    tops: list[Place] = []
    for place in sorted({post.place_id: post.place for post in posts}.values(), key=lambda place: place.path):
        if not any(place.path.startswith(top.path) for top in tops):
            tops.append(place)
    return tops


# At one place the first of these receives: whoever answers the telephone before whoever is in charge.
_RECEIVES: Final = (
    Role.HOTLINE_DESK,
    Role.COMMUNITY_CLERK,
    Role.COMMUNITY_SECRETARY,
    Role.STREET_CLERK,
    Role.STREET_LEADER,
)


def desk_for(path: str, on: date) -> Position:
    """First receiver leads (首接负责): the nearest post at or above the place that may sort cases.

    Above everything that is served, the highest desk receives. LookupError when nobody may sort cases anywhere: the
    message waits (and is tried again) until somebody gets such a post.
    """
    posts = Post.objects.current(on).filter(role__in=sorted(roles_with("cases.sort"))).select_related("place")
    near = nearest_desk(posts.filter(place_path__in=ancestors(path)))
    if near is None:
        top = desk_place(on)
        near = nearest_desk(posts.filter(place=top)) if top is not None else None
    if near is None:
        raise LookupError("nobody may sort cases anywhere: give somebody a post with the verb cases.sort")
    return near


def nearest_desk(posts: Iterable[Post]) -> Position | None:
    """Of posts on one way up: the one at the lowest place, and of those there the one that receives first."""
    order = {role: place for place, role in enumerate(_RECEIVES)}
    found = min(posts, key=lambda post: (-len(post.place_path), order.get(Role(post.role), len(order))), default=None)
    return Position(found.role, found.place_id, found.place.name) if found is not None else None


class Desks:
    """``desk_for``, asked once for each place of a batch; for all ``paths`` that are known beforehand in one go."""

    def __init__(self, on: date, paths: Collection[str] = ()) -> None:
        self.on = on
        self.known: dict[str, Position] = {}
        if paths:
            self._find(paths)

    def of(self, path: str) -> Position:
        if path not in self.known:
            self.known[path] = desk_for(path, self.on)
        return self.known[path]

    def _find(self, paths: Collection[str]) -> None:
        posts = Post.objects.current(self.on).filter(role__in=sorted(roles_with("cases.sort"))).select_related("place")
        found = _by_path(posts.filter(place_path__in=_ways_up(paths)))
        for path in paths:
            near = next((found[above] for above in ancestors(path) if above in found), None)
            if near is not None and (desk := nearest_desk(near)) is not None:
                self.known[path] = desk


class Matrix:
    """``lead_for`` for the cases of a batch: the rows and the posts that may matter are read together."""

    def __init__(self, wanted: Collection[tuple[Category, str]], on: date) -> None:
        """``wanted``: category and path of the place."""
        self.on = on
        self.lines = {category.pk: lineage(category) for category, _path in wanted}
        self.paths = _ways_up({path for _category, path in wanted})
        self.rows: dict[tuple[str, int], Responsibility] = {}
        if wanted:
            current = Responsibility.objects.filter(
                Q(ended_on__isnull=True) | Q(ended_on__gt=on),
                category_id__in={node.pk for line in self.lines.values() for node in line},
                place_path__in=self.paths,
            )
            for row in current:
                self.rows.setdefault((row.place_path, row.category_id), row)
        self.posts: dict[str, dict[str, list[Post]]] = {}  # role: path: posts
        self.seats: dict[tuple[str, int], list[Post]] = {}
        self.known: dict[tuple[int, str], Position | None] = {}

    def lead_for(self, category: Category, path: str) -> Position | None:
        key = (category.pk, path)
        if key not in self.known:
            self.known[key] = self._lead_for(category, path)
        return self.known[key]

    def _lead_for(self, category: Category, path: str) -> Position | None:
        line, ways = self.lines[category.pk], ancestors(path)
        row = next((self.rows[way, node.pk] for way in ways for node in line if (way, node.pk) in self.rows), None)
        role = row.role if row is not None else next((node.role for node in line if node.role), "")
        if not role:
            return None
        if row is not None and row.seat_id is not None:
            posts = self._at_seat(role, row.seat_id)
        else:
            held = self._of_role(role)
            posts = next((held[way] for way in ways if way in held), [])
        return Position(role, posts[0].place_id, posts[0].place.name) if posts else None

    def _of_role(self, role: str) -> dict[str, list[Post]]:
        if role not in self.posts:
            held = Post.objects.current(self.on).filter(role=role, place_path__in=self.paths)
            self.posts[role] = _by_path(held.select_related("place"))
        return self.posts[role]

    def _at_seat(self, role: str, place_id: int) -> list[Post]:
        key = (role, place_id)
        if key not in self.seats:
            held = Post.objects.current(self.on).filter(role=role, place_id=place_id)
            self.seats[key] = list(held.select_related("place")[:1])
        return self.seats[key]


def _ways_up(paths: Iterable[str]) -> set[str]:
    return {above for path in paths for above in ancestors(path)}


def _by_path(posts: Iterable[Post]) -> dict[str, list[Post]]:
    found: dict[str, list[Post]] = {}
    for post in posts:
        found.setdefault(post.place_path, []).append(post)
    return found


def desk_place(on: date) -> Place | None:
    """Where a message without a place is looked after: the highest of the desks."""
    return min(desks(on), key=lambda place: (len(place.path), place.path), default=None)


@transaction.atomic
def set_responsibility(
    *,
    category: str,
    place: Place,
    role: str,
    by: User,
    now: datetime,
    seat: Place | None = None,
    co_handlers: Sequence[Mapping[str, str]] = (),
) -> Responsibility:
    """Say which role leads for a category at a place and below it, and who has a part in it with which limit.

    The row that said so before ends. ``seat`` is the place of the leading post when it is not on the way up from the
    case. A part is ``{"role": …, "seat": the place's code or "", "limit": a span like "3 working_days" or ""}``.
    """
    post = require(by, "cases.categories", place.path, now)
    node = category_by_code(category)
    if node is None:
        raise Refusal(_("There is no such category."), field="category", status=422)
    if not node.is_in_force(timezone.localdate(now)):
        raise Refusal(_("This category is no longer used. Please choose another."), field="category", status=422)
    if role not in Role.values or "tasks.work" not in ROLE_VERBS[role]:
        raise Refusal(_("This role does not take work orders."), field="role", status=422)
    parts = check_parts(co_handlers, lead=(role, seat.code if seat is not None else ""))
    _end_row(node, place, by=by, now=now, post=post)
    row = Responsibility.objects.create(
        category=node, place=place, place_path=place.path, role=role, seat=seat, co_handlers=parts
    )
    record(
        ResponsibilitySet(category_id=node.pk, place_id=place.pk, role=role),
        about=row,
        by=by,
        now=now,
        post=post,
        place=place.path,
    )
    return row


MOST_PARTS: Final = 8


def check_parts(given: Sequence[Mapping[str, str]], *, lead: tuple[str, str]) -> list[dict[str, str]]:
    """The co-handlers of a row as they are kept. Refusal (422) for what is none."""
    parts: list[dict[str, str]] = []
    for one in given:
        role, seat, limit = one.get("role", ""), one.get("seat", "").strip(), one.get("limit", "").strip()
        if role not in Role.values or "tasks.work" not in ROLE_VERBS[role]:
            raise Refusal(_("This role does not take work orders."), field="co_handlers", status=422)
        if (role, seat) == lead or any((role, seat) == (part["role"], part["seat"]) for part in parts):
            raise Refusal(_("Everybody has one part only: this one is named twice."), field="co_handlers", status=422)
        if seat and not Place.objects.filter(code=seat, valid_to__isnull=True).exists():
            raise Refusal(_("There is no such place."), field="co_handlers", status=422)
        if limit:
            try:
                span = Span.parse(limit)
            except ValueError:
                span = Span(0, "natural_hours")
            if span.amount <= 0:
                raise Refusal(
                    _("A limit is written like “3 working_days” or “4 working_hours”."), field="co_handlers", status=422
                )
        parts.append({"role": role, "seat": seat, "limit": limit})
    if len(parts) > MOST_PARTS:
        raise Refusal(
            _("At most %(most)d have a part besides the lead.") % {"most": MOST_PARTS}, field="co_handlers", status=422
        )
    return parts


def _end_row(node: Category, place: Place, *, by: User, now: datetime, post: Post) -> None:
    for row in Responsibility.objects.select_for_update(of=("self",)).filter(
        category=node, place=place, ended_on__isnull=True
    ):
        row.ended_on = timezone.localdate(now)
        record(
            ResponsibilityEnded(category_id=node.pk, place_id=place.pk),
            about=row,
            by=by,
            now=now,
            post=post,
            place=place.path,
            save=("ended_on",),
        )


@transaction.atomic
def end_responsibility(*, row_id: int, by: User, now: datetime) -> None:
    """Let a row of the matrix end: what stands above it counts again."""
    row = Responsibility.objects.select_related("category", "place").filter(pk=row_id, ended_on__isnull=True).first()
    if row is None:
        raise NotThere()
    post = require(by, "cases.categories", row.place_path, now)
    _end_row(row.category, row.place, by=by, now=now, post=post)


# --- what the matrix leaves open ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gap:
    """A category that nobody would be given at a place: no rule names a role, or nobody holds the one it names."""

    category: Category
    role: str  # "" when no rule names one
    row: bool  # whether a row of the matrix names it, not only the category


def gaps_at(places: Sequence[Place], on: date) -> list[tuple[Place, list[Gap]]]:
    """For each place, the categories that would wait for a ruling there. The same answer as ``proposal_for`` gives,
    for many places and all categories with three queries."""
    nodes = [node for node in tree().nodes.values() if node.is_in_force(on) and not _is_heading(node)]
    wanted = {path for place in places for path in ancestors(place.path)}
    rows: dict[tuple[int, str], Responsibility] = {
        (row.category_id, row.place_path): row
        for row in Responsibility.objects.filter(
            Q(ended_on__isnull=True) | Q(ended_on__gt=on), place_path__in=sorted(wanted)
        )
    }
    held: dict[str, set[str]] = {}
    seats: set[tuple[str, int]] = set()
    for role, path, place_id in Post.objects.current(on).values_list("role", "place_path", "place_id"):
        held.setdefault(role, set()).add(path)
        seats.add((role, place_id))
    lines = {node.pk: lineage(node) for node in nodes}
    found = []
    for place in places:
        above = ancestors(place.path)
        gaps = []
        for node in nodes:
            row = next((rows[one.pk, path] for path in above for one in lines[node.pk] if (one.pk, path) in rows), None)
            role = row.role if row is not None else next((one.role for one in lines[node.pk] if one.role), "")
            if row is not None and row.seat_id is not None:
                served = (role, row.seat_id) in seats
            else:
                served = bool(role) and any(path in held.get(role, ()) for path in above)
            if not served:
                gaps.append(Gap(node, role, row is not None))
        if gaps:
            found.append((place, gaps))
    return found


def _is_heading(node: Category) -> bool:
    """A top entry that only groups others: nothing is reported under it by the form."""
    return node.parent_id is None and bool(tree().children.get(node.pk))
