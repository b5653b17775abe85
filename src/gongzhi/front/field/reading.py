"""What a device takes along for the day: the person's own work, and nothing that the work does not need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks.models import Task
from gongzhi.act.visits.models import Visit
from gongzhi.front.codes import code_of
from gongzhi.front.field.actions import aside
from gongzhi.ground.access.reach import posts_of, reach
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.rules.actions import rule
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.tree import leaves

MOST: Final = 200  # rows of each list; a telephone shows no more, and paper neither
MOST_PLACES: Final = 300
MOST_TEXT: Final = 1000


def owner_of(user: User) -> str:
    """By which a device knows whose things it holds; it says nothing about the person."""
    return salted_hmac("gongzhi.field.owner", str(user.pk), algorithm="sha256").hexdigest()[:24]


def _when(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%m-%d %H:%M") if moment else ""


def _iso(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""


def _day(day: date | None) -> str:
    return day.strftime("%m-%d") if day else ""


def task_rows(user: User) -> list[dict[str, Any]]:
    found = list(
        Task.objects.for_hands_of(user)
        .waiting()
        .select_related("case", "case__place", "case__category")
        .order_by("due_at", "pk")[:MOST]
    )
    told: dict[int, str] = {}
    for case_id, text in (
        Message.objects.filter(voice__case__in=[task.case_id for task in found])
        .order_by("voice__pk")
        .values_list("voice__case_id", "text")
    ):
        told.setdefault(case_id, text[:MOST_TEXT])
    return [
        {
            "id": task.pk,
            "code": code_of("T", task.pk),
            "title": task.case.summary or task.case.number,
            "number": task.case.number,
            "where": " · ".join(part for part in (task.case.place.name, task.case.address) if part),
            "what": task.case.category.name if task.case.category is not None else "",
            "told": told.get(task.case_id, ""),
            "state": task.state,
            "accepted": task.state == "accepted",
            "open": task.state == "open",
            "due": _when(task.due_at),
            "due_iso": _iso(task.due_at),
            "url": reverse("workbench:task", kwargs={"pk": task.pk}),
        }
        for task in found
    ]


def piece_rows(user: User) -> list[dict[str, Any]]:
    """What was sent down to the person's own offices and is in their hands, or waits for an answer."""
    found = (
        Assignment.objects.for_hands_of(user)
        .filter(state__in=["sent", "read", "accepted", "returned", "asking"])
        .select_related("directive", "directive__issuer_place", "place")
        .order_by("due_at", "pk")[:MOST]
    )
    return [
        {
            "id": piece.pk,
            "code": code_of("A", piece.pk),
            "title": piece.directive.title,
            "number": piece.directive.number,
            "where": piece.place.name,
            "part": piece.part,
            "from": f"{piece.directive.issuer_place.name} · {piece.directive.get_issuer_role_display()}",
            "told": piece.directive.text[:MOST_TEXT],
            "done_when": piece.directive.done_when,
            "photo_why": piece.directive.evidence_reason if piece.directive.evidence == "photo" else "",
            "back": piece.return_reason if piece.state == "returned" else "",
            "state": piece.get_state_display(),
            "unread": piece.state == "sent",
            "open": piece.state in ("sent", "read"),
            "accepted": piece.state == "accepted",
            "asking": piece.state == "asking",
            "mine": piece.state != "asking",
            "due": _when(piece.due_at),
            "due_iso": _iso(piece.due_at),
        }
        for piece in found
    ]


def visit_rows(user: User, today: date) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Visits that are planned, and promises that are not kept yet."""

    def row(visit: Visit, letter: str) -> dict[str, Any]:
        return {
            "uid": str(visit.uid),
            "code": code_of(letter, visit.pk),
            "where": visit.place.name,
            "place": visit.place_path,
            "whom": visit.whom,
            "title": visit.whom or visit.place.name,
            "asked": visit.asked,
            "promise": visit.promise,
            "day": _day(visit.day),
            "due": _day(visit.promise_due) if letter == "P" else _day(visit.day),
            "due_iso": str(visit.promise_due if letter == "P" else visit.day),
            "today": letter == "V" and visit.day <= today,
        }

    own = Visit.objects.visible_to(user).select_related("place")
    planned = own.planned().order_by("day", "pk")[:MOST]
    promised = own.promised().order_by("promise_due", "pk")[:MOST]
    return [row(one, "V") for one in planned], [row(one, "P") for one in promised]


def places_for(user: User, verb: str, levels: Sequence[str]) -> list[tuple[str, str]]:
    """(path, name), a building with its grid. Those nearest to the person's own posts come first."""
    found = list(
        Place.objects.current()
        .filter(reach(user, verb, field="path"), level__in=levels)
        .order_by("path")
        .values_list("path", "name", "level")[:MOST_PLACES]
    )
    names = {path: name for path, name, _level in found}
    return [
        (path, f"{names[path[:15]]} · {name}" if level == Level.BUILDING and path[:15] in names else name)
        for path, name, level in found
    ]


def category_choices(on: date) -> list[tuple[str, str]]:
    """Codes and names, each with its group, as one flat list."""
    return [
        (leaf.code, f"{top.name} · {leaf.name}" if leaf is not top else leaf.name)
        for top, below in leaves(on, public=True)
        for leaf in below or [top]
    ]


def today_of(user: User, now: datetime) -> dict[str, Any]:
    """Everything at once: one request in the morning, and the day can be worked without a network."""
    today = timezone.localdate(now)
    planned, promised = visit_rows(user, today)
    return {
        "owner": owner_of(user),
        "language": get_language() or "",
        "now": _iso(now),
        "read": _when(now),
        "today": str(today),
        "posts": [str(post) for post in posts_of(user)],
        "tasks": task_rows(user),
        "pieces": piece_rows(user),
        "visits": planned,
        "promises": promised,
        "aside": aside(by=user),
        "places": places_for(user, "directives.work", (Level.GRID, Level.BUILDING)),
        "report_places": places_for(user, "cases.enter", (Level.VILLAGE, Level.GRID, Level.BUILDING)),
        "categories": [("", _("Not sure")), *category_choices(today)],
        "oldest_days": int(rule("field.oldest_days", path="", on=today)),
    }
