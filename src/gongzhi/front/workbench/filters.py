"""The filters of the case list: read from the address, said as a sentence, turned into one query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.front.rates import UNSORTED
from gongzhi.ground.access.reach import reach
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.places.paths import below, is_path
from gongzhi.sense.channels.models import Channel
from gongzhi.understand.cases.models import OPEN, RUNNING, Case, CaseQuerySet, Category, State
from gongzhi.understand.cases.tree import category_by_code, subtree, tree
from gongzhi.understand.search import marks
from gongzhi.understand.search.finding import matching
from gongzhi.verify.checks import rates

MOST_PLACES: Final = 600
ALL: Final = "all"
# Every filter of a list, in the order in which a kept view says them.
FILTERS: Final = ("state", "place", "category", "clock", "urgency", "q", "lead", "channel", "from", "to", "sort")

CLOCKS: Final = (
    ("", gettext_lazy("whatever the deadline")),
    ("green", gettext_lazy("in time")),
    ("amber", gettext_lazy("due soon")),
    ("late", gettext_lazy("late")),
    ("today", gettext_lazy("due today")),
    ("promised", gettext_lazy("promised for today")),
    ("review", gettext_lazy("paused, to look at again")),
    ("contact", gettext_lazy("reporter to be contacted today")),
)
LEADS: Final = (
    ("", gettext_lazy("anybody")),
    ("mine", gettext_lazy("my posts")),
    ("nobody", gettext_lazy("nobody yet")),
)
URGENCIES: Final = (
    ("", gettext_lazy("any urgency")),
    *((urgency.value, urgency.label) for urgency in Case.Urgency),
)
ORDERS: Final = (
    ("", gettext_lazy("as usual")),
    ("due", gettext_lazy("earliest deadline first")),
    ("newest", gettext_lazy("newest first")),
    ("oldest", gettext_lazy("oldest first")),
)
STATES: Final = (
    ("", gettext_lazy("open")),
    *((state.value, state.label) for state in State),
    (ALL, gettext_lazy("all")),
)


def end_of_day(now: datetime) -> datetime:
    return datetime.combine(timezone.localdate(now) + timedelta(days=1), time(), timezone.get_current_timezone())


def clock_condition(name: str, now: datetime) -> Q:
    """Which cases a clock filter means. The morning page counts with the same conditions."""
    match name:
        case "green":
            return Q(state__in=RUNNING, yellow_at__gt=now)
        case "amber":
            return Q(state__in=RUNNING, yellow_at__lte=now, due_at__gte=now)
        case "late":
            return Q(state__in=RUNNING, due_at__lt=now)
        case "today":
            return Q(state__in=RUNNING, due_at__gte=now, due_at__lt=end_of_day(now))
        case "promised":
            return Q(state__in=RUNNING, extensions__gt=0, due_at__lt=end_of_day(now))
        case "contact":
            return Q(state__in=OPEN, contacted_at__isnull=True, contact_due_at__lt=end_of_day(now))
        case "review":
            return Q(state=State.PAUSED, review_on__lte=timezone.localdate(now))
        case _:
            return Q()


Choice = tuple[str, Any]
Choices = Sequence[Choice | tuple[str, Sequence[Choice]]]


def category_choices(on: date, *, everything: str = "", retired: bool = False) -> list[Any]:
    """The tree as a grouped select: each group begins with its own top. Made once a day and language by the caller."""
    children = tree().children

    def shown(node: Category) -> bool:
        return retired or node.is_in_force(on)

    def under(node: Category, depth: int) -> list[Choice]:
        found: list[Choice] = []
        for child in children.get(node.pk, []):
            if shown(child):
                found.append((child.code, "　" * depth + child.name))
                found += under(child, depth + 1)
        return found

    groups: list[Any] = [("", everything)] if everything else []
    for top in children.get(None, []):
        if shown(top):
            own = under(top, 0)
            groups.append((top.name, [(top.code, _("%(group)s, in general") % {"group": top.name}), *own]))
    return groups


def place_choices(
    person: User, verb: str, *, levels: Sequence[str] = (Level.TOWN, Level.VILLAGE, Level.GRID)
) -> list[tuple[str, str]]:
    """(path, name) of the places in reach, in the order of the paths, grids set in; the lowest level is left out
    when that would be more than a select can carry."""
    scope = reach(person, verb, field="path")
    found = list(
        Place.objects.current()
        .filter(scope, level__in=levels)
        .order_by(Length("path"), "path")
        .values_list("path", "name")[: MOST_PLACES + 1]
    )
    if len(found) > MOST_PLACES:
        lowest = len(found[-1][0])
        found = [entry for entry in found if len(entry[0]) < lowest]
    top = min((len(path) for path, _name in found), default=0)
    depth = {length: index for index, length in enumerate(sorted({len(path) for path, _n in found} | {top}))}
    return [(path, "　" * depth[len(path)] + name) for path, name in sorted(found)]


@dataclass(frozen=True)
class Select:
    """One choice of the sentence."""

    name: str
    label: str
    chosen: str
    choices: Sequence[Any]


class CaseFilter:
    """The filters as the address gives them. ``errors`` says, by field, what could not be understood."""

    def __init__(
        self, given: Mapping[str, str], *, person: User, now: datetime, base: CaseQuerySet | None = None
    ) -> None:
        """``base`` is a queue with a state and an order of its own (the inbox); the filters then only narrow it."""
        self.person, self.now, self.base = person, now, base
        self.errors: dict[str, str] = {}
        self.state = self._choice(given, "state", STATES)
        self.clock = self._choice(given, "clock", CLOCKS)
        self.lead = self._choice(given, "lead", LEADS)
        self.channel = self._choice(given, "channel", (("", ""), *Channel.choices))
        self.urgency = self._choice(given, "urgency", URGENCIES)
        # A number of the rates or of a bulletin, opened: from and to are then its period.
        self.rate = self._choice(given, "rate", (("", ""), *rates.Kind.choices))
        self.unit = self._unit(given.get("unit", ""))
        self.order = self._choice(given, "sort", ORDERS)
        self.since = self._day(given, "from")
        self.until = self._day(given, "to")
        self.words = given.get("q", "").replace("\x00", "").strip()
        if len(self.words) > 100:
            self.errors["q"] = _("At most 100 characters, please.")
        self.category = given.get("category", "").replace("\x00", "")
        self.place = given.get("place", "")
        if self.category not in ("", UNSORTED) and category_by_code(self.category) is None:
            self.errors["category"] = _("There is no such category.")
        if self.place and not is_path(self.place):
            self.errors["place"] = _("We do not know this place. Please choose from the list.")
        if self.since and self.until and self.until < self.since and not self.errors:
            self.errors["to"] = _("The last day lies before the first.")

    def _choice(self, given: Mapping[str, str], name: str, choices: Sequence[Any]) -> str:
        value = given.get(name, "")
        if value not in {key for key, _label in choices}:
            self.errors[name] = _("This choice is not offered. Please choose from the list.")
            return ""
        return value

    def _unit(self, text: str) -> tuple[str, int] | None:
        """ "role@place": the position that leads."""
        if not text:
            return None
        role, _at, place = text.partition("@")
        if role not in Role.values or not (place.isascii() and place.isdigit() and len(place) < 19):
            self.errors["unit"] = _("This choice is not offered. Please choose from the list.")
            return None
        return role, int(place)

    def _day(self, given: Mapping[str, str], name: str) -> date | None:
        value = given.get(name, "").strip()
        if not value:
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
                raise ValueError
            day = date.fromisoformat(value)
            if not 1990 <= day.year <= 2200:
                raise ValueError
        except ValueError:
            self.errors[name] = _("This is not a day. Write it like 2026-11-22.")
            return None
        return day

    def selects(self) -> dict[str, Select]:
        """What the sentence offers. Costs one statement: the places in reach."""
        places: list[Any] = [("", _("my places")), *place_choices(self.person, "cases.read")]
        if self.place and not self.errors.get("place") and self.place not in {path for path, _name in places}:
            place = Place.objects.filter(path=self.place).first()
            if place is None:
                self.errors["place"] = _("We do not know this place. Please choose from the list.")
            else:
                places.append((place.path, place.name))
        categories = category_choices(timezone.localdate(self.now), everything=_("everything"), retired=True)
        if self.category == UNSORTED:
            categories.insert(1, (UNSORTED, _("not sorted yet")))
        channels = [("", _("any channel")), *Channel.choices]
        return {
            "state": Select("state", _("State"), self.state, STATES),
            "place": Select("place", _("Place"), self.place, places),
            "category": Select("category", _("Category"), self.category, categories),
            "clock": Select("clock", _("Deadline"), self.clock, CLOCKS),
            "lead": Select("lead", _("Responsible"), self.lead, LEADS),
            "channel": Select("channel", _("Channel"), self.channel, channels),
            "urgency": Select("urgency", _("Urgency"), self.urgency, URGENCIES),
            "sort": Select("sort", _("Order"), self.order, ORDERS),
        }

    @property
    def rate_words(self) -> str:
        return str(rates.Kind(self.rate).label) if self.rate else ""

    @property
    def sorting(self) -> str:
        """By deadline, unless somebody looks back at what has ended or looks for words."""
        looks_back = self.words or self.rate
        return self.order or ("due" if self.state in ("", *OPEN) and not looks_back else "newest")

    @property
    def narrowed(self) -> bool:
        """Whether one of the less used filters is in use."""
        return bool(
            self.lead
            or self.channel
            or self.urgency
            or self.since
            or self.until
            or self.order
            or self.rate
            or self.unit
        )

    def tries(self) -> Iterator[CaseQuerySet]:
        """What to read until a page is full: words are looked for in the newest two months first, then everywhere."""
        newest = self.words and self.sorting == "newest" and self.since is None and self.until is None
        if newest and self.base is None and connection.vendor == "postgresql":
            yield self.rows(late=True)
        yield self.rows()

    def marks(self, *, late: bool) -> list[marks.Marks]:
        """What the index may narrow by: the same conditions that ``rows`` asks of the cases themselves."""
        found = [] if self.base is not None else [marks.of_reach(self.person)]
        if self.place:
            found.append(marks.of_place(self.place))
        if self.category and (node := category_by_code(self.category)) is not None:
            found.append(marks.of_categories(subtree(node)))
        if (self.since or self.until) and not self.rate:
            found.append(marks.of_days(self.since, self.until or timezone.localdate(self.now)))
        if late:
            found.append(marks.of_late(self.now))
        return found

    def rows(self, *, late: bool = False) -> CaseQuerySet:
        """The cases meant, in order; all of them lie within the person's reach."""
        found: CaseQuerySet = self.base if self.base is not None else Case.objects.visible_to(self.person)
        if self.base is not None:
            pass
        elif self.state == "" and not self.rate:
            found = found.filter(state__in=OPEN)
        elif self.state not in ("", ALL):
            found = found.filter(state=self.state)
        if self.clock:
            found = found.filter(clock_condition(self.clock, self.now))
        if self.place:
            found = found.filter(below(self.place, "place_path"))
        if self.category == UNSORTED:
            found = found.filter(category__isnull=True)
        elif self.category:
            node = category_by_code(self.category)
            found = found.filter(category_id__in=subtree(node) if node is not None else [])
        if self.channel:
            found = found.filter(channel=self.channel)
        if self.urgency:
            found = found.filter(urgency=self.urgency)
        if self.lead == "mine":
            found = found.led_by(self.person)
        elif self.lead == "nobody":
            found = found.filter(state=State.NEW)
        if self.unit is not None:
            found = found.filter(lead_role=self.unit[0], lead_place_id=self.unit[1])
        if self.rate:
            period = rates.Period(self.since or date(1990, 1, 1), self.until or date(2200, 1, 1))
            found = found.filter(rates.cases_behind(self.rate, period, now=self.now))
        if self.since and not self.rate:
            found = found.filter(opened_at__gte=_midnight(self.since))
        if self.until and not self.rate:
            found = found.filter(opened_at__lt=_midnight(self.until + timedelta(days=1)))
        if self.words:
            found = found.filter(matching(self.words, *self.marks(late=late)))
        if self.base is not None:
            return found
        match self.sorting:
            case "newest":
                return found.order_by("-opened_at", "-id")
            case "oldest":
                return found.order_by("opened_at", "id")
            case _:
                return found.order_by(F("due_at").asc(nulls_last=True), "id")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())
