"""What one person has to do until when: of their posts, of those they stand in for, and what is named to them.

Only numbers and kinds: a calendar lies on other people's servers, and a digest in a mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks.models import Task
from gongzhi.act.values.models import Item
from gongzhi.act.values.models import State as ItemState
from gongzhi.act.visits.models import Visit
from gongzhi.act.whistles.models import Invitation
from gongzhi.ground.accounts.models import User
from gongzhi.understand.cases.models import Slip

MOST: Final = 500  # of one kind


@dataclass(frozen=True)
class Deadline:
    """One thing to be done. ``due`` is a moment, or a day when no hour was said."""

    key: str  # the same for ever: "task-12"
    title: str
    due: datetime | date
    path: str  # the page that opens it
    known_at: datetime  # since when it is there
    version: int

    def is_late(self, now: datetime) -> bool:
        if isinstance(self.due, datetime):
            return self.due < now
        return self.due < timezone.localdate(now)

    @property
    def day(self) -> date:
        return timezone.localdate(self.due) if isinstance(self.due, datetime) else self.due


@dataclass(frozen=True)
class Kind:
    """One source of deadlines: its name in a digest, and how its rows become deadlines."""

    name: str
    label: Any
    read: Callable[[User], Iterator[Deadline]]
    page: str  # the list, by its URL name


def _first(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows[:MOST]


def page(name: str, **given: Any) -> str:
    """The path of a page; the first page of the staff while there is none of this name."""
    try:
        return reverse(name, kwargs=given)
    except NoReverseMatch:
        return reverse("workbench:today")


def _tasks(user: User) -> Iterator[Deadline]:
    rows = Task.objects.for_hands_of(user).waiting().filter(due_at__isnull=False)
    for row in _first(rows.select_related("case__category").order_by("due_at", "pk")):
        given = {"number": str(row), "category": row.case.category.name if row.case.category is not None else ""}
        title = _("Work order %(number)s %(category)s") % given
        path = reverse("workbench:task", kwargs={"pk": row.pk})
        yield Deadline(f"task-{row.pk}", title.strip(), row.due_at, path, row.opened_at, row.version)


def _assignments(user: User) -> Iterator[Deadline]:
    rows = Assignment.objects.for_hands_of(user).owed().filter(due_at__isnull=False)
    for row in _first(rows.select_related("directive", "round").order_by("due_at", "pk")):
        title = _("Directive %(number)s: result due") % {"number": row}
        path = page("workbench:assignment", pk=row.pk)
        yield Deadline(f"assignment-{row.pk}", title, row.due_at, path, row.round.sent_at, row.version)


def _items(user: User) -> Iterator[Deadline]:
    for row in _first(Item.objects.of(user).filter(state=ItemState.OPEN).order_by("due_at", "pk")):
        title = _("Valued item %(number)s") % {"number": row.number}
        path = page("workbench:value", pk=row.pk)
        yield Deadline(f"item-{row.pk}", title, row.due_at, path, row.written_at, row.version)


def _whistles(user: User) -> Iterator[Deadline]:
    rows = Invitation.objects.for_hands_of(user).waiting().select_related("whistle")
    for row in _first(rows.order_by("whistle__arrive_by", "pk")):
        title = _("Whistle %(number)s: be there") % {"number": row.whistle.number}
        path = reverse("workbench:whistle", kwargs={"pk": row.whistle_id})
        yield Deadline(f"whistle-{row.pk}", title, row.whistle.arrive_by, path, row.whistle.blown_at, row.version)


def _slips(user: User) -> Iterator[Deadline]:
    for row in _first(Slip.objects.to_answer(user).order_by("due_at", "pk")):
        title = _("Supervision slip %(number)s: answer") % {"number": row.number}
        path = reverse("workbench:slip", kwargs={"pk": row.pk})
        yield Deadline(f"slip-{row.pk}", title, row.due_at, path, row.opened_at, row.version)


def _visits(user: User) -> Iterator[Deadline]:
    for row in _first(Visit.objects.visible_to(user).planned().order_by("day", "pk")):
        title = _("Planned visit %(number)s") % {"number": row.pk}
        yield Deadline(f"visit-{row.pk}", title, row.day, page("field:visits"), row.entered_at, row.version)


def _promises(user: User) -> Iterator[Deadline]:
    for row in _first(Visit.objects.visible_to(user).promised().order_by("promise_due", "pk")):
        if row.promise_due is None:
            continue
        title = _("Promise of visit %(number)s") % {"number": row.pk}
        key = f"promise-{row.pk}"
        yield Deadline(key, title, row.promise_due, page("field:visits"), row.entered_at, row.version)


KINDS: Final = (
    Kind("task", gettext_lazy("Work orders"), _tasks, "workbench:tasks"),
    Kind("assignment", gettext_lazy("Pieces of directives"), _assignments, "workbench:assignments"),
    Kind("item", gettext_lazy("Valued items"), _items, "workbench:values_mine"),
    Kind("whistle", gettext_lazy("Whistles"), _whistles, "workbench:whistles"),
    Kind("slip", gettext_lazy("Supervision slips"), _slips, "workbench:slips"),
    Kind("visit", gettext_lazy("Planned visits"), _visits, "field:visits"),
    Kind("promise", gettext_lazy("Promises made at a door"), _promises, "field:visits"),
)


def deadlines_of(user: User) -> list[Deadline]:
    """All of it, the nearest first."""
    found = [one for kind in KINDS for one in kind.read(user)]
    return sorted(found, key=lambda one: (one.day, one.key))
