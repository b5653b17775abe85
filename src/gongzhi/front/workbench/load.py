"""The open load of every post: pieces, and the hours that they may take. By position, in the order of places.

Never by how much somebody has done, never sorted by a number, and nothing of it is kept: it is counted anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.db.models import Count, F, QuerySet, Sum
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks.models import Task
from gongzhi.act.values.models import Item
from gongzhi.act.values.models import State as ItemState
from gongzhi.act.visits.models import Visit
from gongzhi.act.whistles.models import Invitation, Whistle
from gongzhi.front.clock_words import Clock, running_clock
from gongzhi.ground.access.models import Post, StandIn
from gongzhi.ground.access.roles import Role, work_of
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import below
from gongzhi.ground.rules.actions import rule
from gongzhi.understand.cases.models import Slip

Position = tuple[str, int]  # role, place id
ROLE_ORDER: Final = {role: number for number, role in enumerate(Role.values)}
MOST_PIECES: Final = 200  # of one source on the page of a position


@dataclass(frozen=True)
class Source:
    """One kind of open work: which rows wait, whose they are, and how long one of them is thought to take."""

    name: str
    label: Any
    waiting: Callable[[], QuerySet[Any]]
    place: str = "place"  # the field of the position's place
    role: str = "role"  # and of its role
    minutes: str = ""  # a field with the sender's own estimate; empty: the rule ``load.minutes.<name>``


def _tasks() -> QuerySet[Any]:
    return Task.objects.waiting()


def _whistles() -> QuerySet[Any]:
    return Invitation.objects.waiting()


def _slips() -> QuerySet[Any]:
    return Slip.objects.filter(state=Slip.State.OPEN)


def _items() -> QuerySet[Any]:
    return Item.objects.filter(state=ItemState.OPEN)


def _visits() -> QuerySet[Any]:
    return Visit.objects.planned()


def _assignments() -> QuerySet[Any]:
    return Assignment.objects.owed()


SOURCES: Final = (
    Source("task", gettext_lazy("Work orders"), _tasks),
    Source("assignment", gettext_lazy("Pieces of directives"), _assignments, minutes="directive__minutes"),
    # Named to a person: they count for the post through which that person has them.
    Source("item", gettext_lazy("Valued items"), _items, place="post__place", role="post__role"),
    Source("whistle", gettext_lazy("Whistles"), _whistles),
    Source("slip", gettext_lazy("Supervision slips"), _slips),
    Source("visit", gettext_lazy("Planned visits"), _visits, place="position_place"),
)


@dataclass
class Line:
    """One position: who holds it, what is open, and who stands in."""

    role: str
    place_id: int
    place_path: str
    place_name: str
    people: dict[int, str] = field(default_factory=dict)  # who holds it today
    pieces: dict[str, int] = field(default_factory=dict)  # source -> how many
    minutes: int = 0
    stand_ins: list[StandIn] = field(default_factory=list)

    @property
    def holders(self) -> list[str]:
        return list(self.people.values())

    @property
    def position(self) -> Position:
        return self.role, self.place_id

    @property
    def role_words(self) -> str:
        return str(Role(self.role).label)

    @property
    def words(self) -> str:
        return _("%(role)s, %(place)s") % {"role": self.role_words, "place": self.place_name}

    @property
    def total(self) -> int:
        return sum(self.pieces.values())

    @property
    def hours(self) -> float:
        return self.minutes / 60

    @property
    def url(self) -> str:
        return reverse("workbench:load_position", kwargs={"role": self.role, "place": self.place_id})

    @property
    def moves(self) -> list[tuple[str, str]]:
        """(whose, address) for each who holds it: where their work is moved. Nobody holds it: of the place."""
        start = reverse("workbench:standins")
        if not self.people:
            return [(self.place_name, f"{start}?place={self.place_path}")]
        return [(name, f"{start}?person={pk}") for pk, name in self.people.items()]

    @property
    def counted(self) -> list[tuple[str, int, str]]:
        """(label, how many, where they are opened) of what is not zero."""
        return [
            (str(source.label), count, f"{self.url}#{source.name}")
            for source in SOURCES
            if (count := self.pieces.get(source.name, 0))
        ]


def lines_of(path: str, *, on: date) -> list[Line]:
    """Every position of work at a place and below: held today, or with something open. In the order of places.

    One statement for the posts, one for each source, one for the stand-ins; one more for places that nobody holds.
    """
    found: dict[Position, Line] = {}
    held = (
        Post.objects.current(on)
        .filter(below(path, "place_path"), user__is_active=True)
        .order_by("place_path", "pk")
        .values_list("role", "place_id", "place_path", "place__name", "user_id", "user__name", "user__username")
    )
    for role, place_id, place_path, place_name, user_id, name, username in held:
        if not work_of(role):
            continue
        line = found.setdefault((role, place_id), Line(role, place_id, place_path, place_name))
        line.people[user_id] = name or username
    counted = {source: list(_count(source, path)) for source in SOURCES}
    unknown = {place for rows in counted.values() for role, place, *_ in rows if (role, place) not in found}
    places = Place.objects.in_bulk(unknown) if unknown else {}
    for source, rows in counted.items():
        each = int(rule(f"load.minutes.{source.name}", path=path, on=on)) if not source.minutes else 0
        for role, place_id, pieces, minutes in rows:
            if (role, place_id) not in found:
                place = places[place_id]
                found[role, place_id] = Line(role, place_id, place.path, place.name)
            line = found[role, place_id]
            line.pieces[source.name] = pieces
            line.minutes += minutes if source.minutes else each * pieces
    for row in StandIn.objects.current(on).filter(below(path, "place_path")).select_related("deputy").order_by("pk"):
        if (row.role, row.place_id) in found:
            found[row.role, row.place_id].stand_ins.append(row)
    return sorted(found.values(), key=lambda line: (line.place_path, ROLE_ORDER.get(line.role, 99)))


def _count(source: Source, path: str) -> Iterator[tuple[str, int, int, int]]:
    rows = source.waiting().filter(below(path, f"{source.place}__path"), **{f"{source.place}__isnull": False})
    grouped = rows.order_by().values_list(source.role, f"{source.place}_id").annotate(pieces=Count("pk"))
    if source.minutes:
        grouped = grouped.annotate(minutes=Sum(F(source.minutes)))
    for role, place_id, pieces, *minutes in grouped:
        yield role, place_id, pieces, (minutes[0] or 0) if minutes else 0


# --- the pieces of one position --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """One open piece, without anything that a resident said."""

    title: str
    clock: Clock | None
    url: str = ""  # empty for whoever may not open it


@dataclass(frozen=True)
class Pieces:
    """The open pieces of one source."""

    name: str
    label: str
    total: int
    rows: list[Piece]
    minutes: int


def pieces_of(role: str, place: Place, *, person: User, now: datetime, on: date) -> list[Pieces]:
    """What is open at one position, source by source."""
    found = []
    for source in SOURCES:
        waiting = source.waiting().filter(**{source.role: role, source.place: place})
        total = waiting.count()
        if not total:
            continue
        each = int(rule(f"load.minutes.{source.name}", path=place.path, on=on)) if not source.minutes else 0
        minutes = waiting.aggregate(sum=Sum(F(source.minutes)))["sum"] if source.minutes else each * total
        rows = list(_SHOWN[source.name](waiting, person, now))
        found.append(Pieces(source.name, str(source.label), total, rows, minutes or 0))
    return found


def _seen(visible: QuerySet[Any], rows: Iterable[Any]) -> set[int]:
    return set(visible.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))


def _show_tasks(waiting: QuerySet[Any], person: User, now: datetime) -> Iterator[Piece]:
    rows = list(waiting.select_related("case__category").order_by("due_at", "pk")[:MOST_PIECES])
    seen = _seen(Task.objects.visible_to(person), rows)
    for row in rows:
        title = f"{row} {row.case.category.name if row.case.category is not None else ''}".strip()
        url = reverse("workbench:task", kwargs={"pk": row.pk}) if row.pk in seen else ""
        yield Piece(title, running_clock(row.due_at, row.yellow_at, now), url)


def page(name: str, pk: int) -> str:
    """The page of a row; empty while there is none."""
    try:
        return reverse(name, kwargs={"pk": pk})
    except NoReverseMatch:
        return ""


def _show_assignments(waiting: QuerySet[Any], person: User, now: datetime) -> Iterator[Piece]:
    rows = list(waiting.select_related("directive").order_by("due_at", "pk")[:MOST_PIECES])
    seen = _seen(Assignment.objects.visible_to(person), rows)
    for row in rows:
        url = page("workbench:assignment", row.pk) if row.pk in seen else ""
        yield Piece(str(row), running_clock(row.due_at, row.yellow_at, now), url)


def _show_items(waiting: QuerySet[Any], person: User, now: datetime) -> Iterator[Piece]:
    rows = list(waiting.order_by("due_at", "pk")[:MOST_PIECES])
    seen = _seen(Item.objects.visible_to(person), rows)
    for row in rows:
        url = page("workbench:value", row.pk) if row.pk in seen else ""
        yield Piece(row.number, running_clock(row.due_at, None, now), url)


def _show_whistles(waiting: QuerySet[Any], person: User, now: datetime) -> Iterator[Piece]:
    rows = list(waiting.select_related("whistle").order_by("whistle__arrive_by", "pk")[:MOST_PIECES])
    seen = _seen(Whistle.objects.visible_to(person), [row.whistle for row in rows])
    for row in rows:
        url = reverse("workbench:whistle", kwargs={"pk": row.whistle_id}) if row.whistle_id in seen else ""
        yield Piece(
            f"{row.whistle.number} {row.get_state_display()}", running_clock(row.whistle.arrive_by, None, now), url
        )


def _show_slips(waiting: QuerySet[Any], person: User, now: datetime) -> Iterator[Piece]:
    rows = list(waiting.order_by("due_at", "pk")[:MOST_PIECES])
    seen = _seen(Slip.objects.visible_to(person), rows)
    for row in rows:
        url = reverse("workbench:slip", kwargs={"pk": row.pk}) if row.pk in seen else ""
        yield Piece(row.number, running_clock(row.due_at, None, now), url)


def _show_visits(waiting: QuerySet[Any], person: User, now: datetime) -> Iterator[Piece]:
    """Where and when. With whom is known to those who visit."""
    for row in waiting.select_related("place").order_by("day", "pk")[:MOST_PIECES]:
        yield Piece(f"{row.place.name} {row.day:%Y-%m-%d}", None)


_SHOWN: Final[dict[str, Callable[[QuerySet[Any], User, datetime], Iterator[Piece]]]] = {
    "task": _show_tasks,
    "assignment": _show_assignments,
    "item": _show_items,
    "whistle": _show_whistles,
    "slip": _show_slips,
    "visit": _show_visits,
}
