"""The morning page: what is due, what was promised, who is waiting for me, what is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.act.directives.models import Assignment
from gongzhi.act.directives.models import State as Piece
from gongzhi.act.tasks.models import WAITING, Task
from gongzhi.act.tasks.models import State as TaskState
from gongzhi.act.values.models import Item
from gongzhi.act.values.models import State as ItemState
from gongzhi.front.clock_words import Clock, running_clock
from gongzhi.front.story import position_words
from gongzhi.front.workbench.filters import clock_condition, end_of_day
from gongzhi.front.workbench.received import clock_of, waiting_for
from gongzhi.front.workbench.rows import CaseRow, case_rows, place_words
from gongzhi.front.workbench.views.values import full, lines
from gongzhi.front.working import modules_for, post_words, words_of, working_for
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_of, reach, stand_ins_of
from gongzhi.ground.access.roles import ADMINISTRATIONS
from gongzhi.ground.accounts.models import User
from gongzhi.ground.rules.working import Module
from gongzhi.learn.burden.models import BurdenQuestion
from gongzhi.understand.cases.models import Case, CaseQuerySet, Ruling, Slip, State
from gongzhi.verify.checks.models import Check

SHOWN: Final = 5  # entries of each list; the rest stands behind "all of them"


@dataclass
class Row:
    """One entry of a list on this page."""

    title: str
    url: str
    meta: str
    side: SafeString


@dataclass
class Section:
    """One list: what it is, how many there are, the first of them, and where all of them are."""

    name: str
    title: str
    total: int
    rows: list[Row]
    url: str = ""
    colour: str = ""
    empty: str = ""


@dataclass
class Door:
    """A page that somebody in administration may use."""

    title: str
    words: str
    url: str
    icon: str


# (verb, URL name, icon, title, words): what those see who have no cases. A page that is not there is left out.
ADMINISTRATION: Final = (
    (
        "rules.change",
        "workbench:rules",
        "book",
        gettext_lazy("Rules and deadlines"),
        gettext_lazy("What holds where, since when, and on which legal basis."),
    ),
    (
        "rules.change",
        "workbench:holidays",
        "calendar",
        gettext_lazy("Working calendar"),
        gettext_lazy("Holidays and working weekends: they move every deadline."),
    ),
    (
        "cases.categories",
        "workbench:responsibilities",
        "assign",
        gettext_lazy("Who is responsible for what"),
        gettext_lazy("The matrix of categories and places."),
    ),
    (
        "places.change",
        "workbench:places",
        "pin",
        gettext_lazy("Places and grids"),
        gettext_lazy("Divisions, communities and grid boundaries."),
    ),
    (
        "loop.read",
        "loop:jobs",
        "settings",
        gettext_lazy("Background work"),
        gettext_lazy("What runs by itself, and what got stuck."),
    ),
    (
        "access.read",
        "workbench:posts",
        "users",
        gettext_lazy("Posts"),
        gettext_lazy("Who holds which post, where and until when."),
    ),
    (
        "ledger.read",
        "workbench:audit",
        "shield",
        gettext_lazy("The record"),
        gettext_lazy("Everything that happened, by whom and when."),
    ),
    (
        "workbench.enter",
        "workbench:powers",
        "unlock",
        gettext_lazy("My powers"),
        gettext_lazy("Switch on administrative powers, for a limited time and with a reason."),
    ),
)


class Today(Guarded):
    """What is waiting, by what the person's posts may do. Somebody without a post is told what to do about it."""

    verb = Guarded.SIGNED_IN

    def get(self, request: HttpRequest) -> HttpResponse:
        posts = posts_of(self.person)
        context: dict[str, Any] = {"greeting": greeting(self.now), "today": timezone.localtime(self.now)}
        if not posts:
            return render(request, "workbench/today_nobody.html", context)
        context["post_words"] = " · ".join(post_words(post) for post in posts)
        context["standing_in"] = stand_ins_of(self.person)
        verbs = {verb for post in posts for verb in post.verbs}
        work = Work(self.person, self.now, verbs)
        sections = [work.tasks()] if "tasks.work" in verbs else []
        if "directives.work" in verbs:
            sections.append(work.received())
        if "values.work" in verbs and Module.VALUE_BOARD in modules_for(request):
            sections.append(work.items())
            if "values.manage" in verbs:
                sections.append(work.board())
        sections += work.cases()
        if "checks.check" in verbs:
            sections.append(work.checks())
        if "cases.rule" in verbs:
            sections.append(work.rulings())
        if "tasks.work" in verbs:
            sections.append(work.slips())
        if "directives.issue" in verbs and (asked := work.burden()).rows:
            sections.append(asked)
        if "directives.work" in verbs:
            sections.append(work.asked())
        # The desk begins with what is new, the hands with their own work orders.
        order = _DESK_ORDER if "cases.sort" in verbs else _HANDS_ORDER
        sections.sort(key=lambda section: order.index(section.name))
        context |= {
            "sections": sections,
            "quiet": " ".join(section.empty for section in sections if not section.rows),
            "doors": doors(posts),
            "may_enter": "cases.enter" in verbs,
            "promise": words_of(working_for(request)).promise if "directives.work" in verbs else "",
            "administration": any(post.role in ADMINISTRATIONS for post in posts),
        }
        return render(request, "workbench/today.html", context)


_DESK_ORDER: Final = (
    "burden", "late", "due", "new", "received", "board", "items", "rulings", "slips", "asked", "contact",
    "checks", "promised", "review",
    "tasks",
)  # fmt: skip
_HANDS_ORDER: Final = (
    "burden",
    "tasks",
    "received",
    "items",
    "board",
    "slips",
    "asked",
    "checks",
    "late",
    "due",
    "contact",
    "rulings",
    "promised",
    "review",
    "new",
)


def greeting(now: datetime) -> str:
    hour = timezone.localtime(now).hour
    if 5 <= hour < 11:
        return _("Good morning")
    if 11 <= hour < 13:
        return _("Good day")
    return _("Good afternoon") if 13 <= hour < 18 else _("Good evening")


def doors(posts: Any) -> list[Door]:
    """The pages of administration that these posts may use."""
    administrations = [post for post in posts if post.role in ADMINISTRATIONS]
    verbs = {verb for post in administrations for verb in post.verbs}
    found = []
    for verb, name, icon, title, words in ADMINISTRATION:
        if verb in verbs:
            try:
                found.append(Door(str(title), str(words), reverse(name), icon))
            except NoReverseMatch:
                continue
    return found


class Work:
    """The lists of one person on one morning: one statement for all numbers, one for each list that has any case."""

    def __init__(self, person: User, now: datetime, verbs: set[str]) -> None:
        self.person, self.now, self.verbs = person, now, verbs
        self.today: date = timezone.localdate(now)
        self.midnight = end_of_day(now)

    def kinds(self) -> list[tuple[str, Q, str]]:
        """Name, condition and order of each list."""
        found = [
            ("late", clock_condition("late", self.now), "due_at"),
            ("due", clock_condition("today", self.now), "due_at"),
            ("promised", clock_condition("promised", self.now), "due_at"),
            ("review", clock_condition("review", self.now), "review_on"),
            ("contact", clock_condition("contact", self.now), "contact_due_at"),
        ]
        if "cases.sort" in self.verbs:
            found.append(("new", Q(state=State.NEW) & reach(self.person, "cases.sort"), "due_at"))
        return found

    def cases(self) -> list[Section]:
        """Late, due today, promised for today, paused to look at again, new at the desk."""
        if not {"cases.read", "tasks.work"} & self.verbs:
            return []
        kinds = self.kinds()
        visible: CaseQuerySet = Case.objects.visible_to(self.person)
        totals = visible.open().aggregate(**{name: Count("pk", filter=where) for name, where, _order in kinds})
        base = reverse("workbench:cases")
        inbox = reverse("workbench:inbox")
        titles = {
            "late": (_("Late"), "red", f"{base}?clock=late"),
            "due": (_("Due today"), "amber", f"{base}?clock=today"),
            "promised": (_("Promised for today"), "amber", f"{base}?clock=promised"),
            "review": (_("Paused: look at it again"), "", f"{base}?clock=review"),
            "contact": (_("Reporters to contact today"), "amber", f"{base}?clock=contact"),
            "new": (_("New at my desk"), "", inbox),
        }
        empty = {
            "late": _("Nothing is late."),
            "due": _("Nothing more is due today."),
            "promised": _("No later deadline was promised to anybody for today."),
            "review": _("No paused case has to be looked at today."),
            "contact": _("Every reporter has been contacted in time."),
            "new": _("Nothing new: everything is sorted."),
        }
        sections = []
        for name, where, order in kinds:
            title, colour, url = titles[name]
            total = int(totals[name])
            # One statement each: the first five of all lists in one make the database read every case there is.
            own = case_rows(visible.filter(where).order_by(order, "pk")[:SHOWN], self.now) if total else []
            shown = [
                Row(
                    title=row.summary,
                    url=f"{inbox}{row.number}/" if name == "new" else row.url,
                    meta=f"{row.place} · {row.category}" if name == "new" else with_whom(row),
                    side=row.clock_html,
                )
                for row in own
            ]
            sections.append(Section(name, title, total, shown, url, colour if total else "", empty[name]))
        return sections

    def tasks(self) -> Section:
        """The work orders of the person's own posts, the most pressing first."""
        mine = Task.objects.for_hands_of(self.person).filter(state__in=WAITING)
        waiting = mine.select_related("case", "place", "case__place__parent").order_by("due_at", "pk")
        found = list(waiting[:SHOWN])
        total = mine.count() if len(found) == SHOWN else len(found)
        rows = []
        for task in found:
            words = _("to be accepted") if task.state == TaskState.OPEN else _("accepted")
            place = task.case.place
            above = place.parent.name if place.parent is not None else ""
            where = place_words(place.name, place.level, above)
            rows.append(
                Row(
                    title=task.case.summary,
                    url=address("workbench:task", task.pk) or reverse("workbench:case", args=[task.case.number]),
                    meta=f"{where} · {task.case.address or position_words(task.role, task.place.name)} · {words}",
                    side=running_clock(task.due_at, task.yellow_at, self.now).html,
                )
            )
        url = address("workbench:tasks")
        return Section("tasks", _("My work orders"), total, rows, url, "", _("No work order waits for you."))

    def received(self) -> Section:
        """What other offices have sent to mine: unread, sent back, late or due today, lately answered."""
        mine = waiting_for(self.person, self.now)
        found = list(mine[:SHOWN])
        total = mine.count() if len(found) == SHOWN else len(found)
        rows = [
            Row(
                title=piece.directive.title,
                url=reverse("workbench:assignment", args=[piece.pk]),
                meta=f"{piece.directive.issuer_place.name} · {piece.get_state_display()}",
                side=clock_of(piece, self.now).html,
            )
            for piece in found
        ]
        url = reverse("workbench:assignments")
        return Section("received", _("Sent to us"), total, rows, url, "", _("Nothing new was sent to your office."))

    def items(self) -> Section:
        """The person's own valued items: to be done, and scored ones that can still be objected to."""
        mine = Item.objects.of(self.person).filter(state__in=[ItemState.OPEN, ItemState.SCORED])
        empty = _("No valued item waits for you.")
        return self._items(
            mine, Section("items", _("My valued items"), 0, [], reverse("workbench:values_mine"), "", empty)
        )

    def board(self) -> Section:
        """What waits at the value board for those who score: to answer, to score, to give out."""
        waits = Q(state__in=[ItemState.OBJECTED, ItemState.REPORTED]) | Q(state=ItemState.OPEN, holder=None)
        there = Item.objects.managed_by(self.person).filter(waits)
        empty = _("Nothing waits at the value board.")
        return self._items(
            there, Section("board", _("At the value board"), 0, [], reverse("workbench:values"), "", empty)
        )

    def _items(self, query: Any, section: Section) -> Section:
        found = list(full(query).order_by("due_at", "pk")[:SHOWN])
        section.total = query.count() if len(found) == SHOWN else len(found)
        section.rows = [
            Row(
                title=line.item.title or line.item.number,
                url=reverse("workbench:value", args=[line.item.pk]),
                meta=" · ".join(
                    [
                        str(line.item.get_state_display()),
                        _("value %(value)s") % {"value": line.item.value},
                        *([line.item.holder.name] if section.name == "board" and line.item.holder else []),
                    ]
                ),
                side=line.clock.html,
            )
            for line in lines(found, self.now)
        ]
        return section

    def rulings(self) -> Section:
        """What waits for a ruling by somebody like me."""
        mine = Ruling.objects.to_rule(self.person)
        found = list(mine.select_related("case__place", "place").order_by("due_at", "pk")[:SHOWN])
        total = mine.count() if len(found) == SHOWN else len(found)
        rows = [
            Row(
                title=ruling.case.summary,
                url=address("workbench:ruling", ruling.pk),
                meta=f"{ruling.get_kind_display()} · {ruling.case.place.name}",
                side=running_clock(ruling.due_at, None, self.now).html,
            )
            for ruling in found
        ]
        late = any(ruling.due_at < self.now for ruling in found)
        url = address("workbench:rulings")
        colour = "red" if late else ""
        return Section("rulings", _("To be ruled"), total, rows, url, colour, _("Nothing waits for a ruling."))

    def slips(self) -> Section:
        """Why is it late? What the person's own posts have to answer."""
        mine = Slip.objects.to_answer(self.person)
        found = list(mine.select_related("case__place", "part", "ruling").order_by("due_at", "pk")[:SHOWN])
        total = mine.count() if len(found) == SHOWN else len(found)
        rows = [
            Row(
                title=slip.case.summary,
                url=address("workbench:slip", slip.pk),
                meta=f"{slip.number} · {slip.what} · {slip.case.place.name}",
                side=running_clock(slip.due_at, None, self.now).html,
            )
            for slip in found
        ]
        url = address("workbench:slips")
        colour = "red" if found else ""
        return Section("slips", _("Supervision slips"), total, rows, url, colour, _("No slip asks for an answer."))

    def burden(self) -> Section:
        """A threshold was passed: is all of it needed? What the person's own office has to answer."""
        found = list(
            BurdenQuestion.objects.to_answer(self.person).select_related("place").order_by("week", "pk")[:SHOWN]
        )
        rows = [
            Row(
                title=_("You asked %(places)d places for %(reports)d reports")
                % {"places": one.places, "reports": one.reports},
                url=f"{reverse('workbench:burden')}?week={one.week.isoformat()}",
                meta=_("%(over)d posts are above their limit · week of %(week)s")
                % {"over": one.over, "week": one.week.isoformat()},
                side=SafeString(""),
            )
            for one in found
        ]
        url = reverse("workbench:burden")
        return Section("burden", _("Is all of it needed?"), len(found), rows, url, "amber" if found else "")

    def asked(self) -> Section:
        """Questions and results of places that got work from the person's own office."""
        waiting = Assignment.objects.asked_by(self.person).filter(state__in=[Piece.ASKING, Piece.SUBMITTED])
        found = list(waiting.select_related("directive", "place").order_by("state", "reported_at", "pk")[:SHOWN])
        total = waiting.count() if len(found) == SHOWN else len(found)
        rows = [
            Row(
                title=piece.directive.title,
                url=address("workbench:directive_piece", piece.pk),
                meta=piece.place.name,
                side=Clock("still", piece.get_state_display()).html,
            )
            for piece in found
        ]
        url = address("workbench:directives") if "directives.issue" in self.verbs else ""
        colour = "amber" if found else ""
        empty = _("Nobody below waits for your answer.")
        return Section("asked", _("Answers and results for me"), total, rows, url, colour, empty)

    def checks(self) -> Section:
        """What somebody else has reported as done and I may check."""
        mine = Check.objects.for_hands_of(self.person)
        found = list(mine.select_related("case__place__parent").order_by("due_at", "pk")[:SHOWN])
        total = mine.count() if len(found) == SHOWN else len(found)
        rows = []
        for check in found:
            place = check.case.place
            above = place.parent.name if place.parent is not None else ""
            rows.append(
                Row(
                    title=check.case.summary,
                    url=address("workbench:check", check.pk) or reverse("workbench:case", args=[check.case.number]),
                    meta=place_words(place.name, place.level, above),
                    side=running_clock(check.due_at, None, self.now).html,
                )
            )
        url = address("workbench:checks")
        return Section("checks", _("Waiting for my check"), total, rows, url, "", _("Nothing waits for your check."))


def with_whom(row: CaseRow) -> str:
    """Who has it, and where it is when that does not say it already."""
    return row.lead if row.place in row.lead else f"{row.lead} · {row.place}"


def address(name: str, *args: object) -> str:
    """The address of a page; empty while that page does not exist."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
