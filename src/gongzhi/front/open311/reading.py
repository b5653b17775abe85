"""Requests as everybody may read them, and the questions by which they are asked for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from gongzhi.front.public import COARSE, coarse, is_open, is_private, kind_of, public_cases
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.events import event_type
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.models import OPEN, Case, CaseQuerySet, State
from gongzhi.understand.cases.tree import category_by_code

MOST: Final = 1000
LONGEST: Final = timedelta(days=90)
# What is told of a request's way, and whether it is open after it.
UPDATES: Final = {
    "cases.CaseOpened": "open",
    "cases.CaseAssigned": "open",
    "cases.CasePaused": "open",
    "cases.CaseResumed": "open",
    "cases.DeadlineExtended": "open",
    "cases.CaseAwaitsCheck": "open",
    "cases.CaseReopened": "open",
    "cases.CasesUnmerged": "open",
    "cases.CaseClosed": "closed",
    "cases.CaseWithdrawn": "closed",
    "cases.CasesMerged": "closed",
    "cases.CaseReferred": "closed",
}


def wrong(words: str, status: int = 400) -> Refusal:
    return Refusal(words, status=status)


def moment(value: datetime | None) -> str | None:
    return None if value is None else timezone.localtime(value).isoformat(timespec="seconds")


def words_of(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


@dataclass(frozen=True)
class Asked:
    """What a client asked to see."""

    ids: Sequence[str] = ()
    categories: Sequence[int] = ()
    states: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    box: tuple[float, float, float, float] | None = None
    page: int = 1
    size: int = MOST

    @property
    def first(self) -> int:
        return (self.page - 1) * self.size


def window(given: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """From when to when: at most 90 days, the last 90 when nothing is said."""
    since, until = _moment(given, "start_date"), _moment(given, "end_date")
    if since is None and until is None:
        return now - LONGEST, now + timedelta(minutes=1)
    if since is None:
        assert until is not None  # noqa: S101
        since = until - LONGEST
    elif until is None:
        until = since + LONGEST
    if until < since:
        raise wrong(_("end_date lies before start_date."))
    if until - since > LONGEST:
        raise wrong(_("start_date and end_date may not span more than 90 days."))
    return since, until


def _moment(given: Mapping[str, str], name: str) -> datetime | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        # A plus sign that a client forgot to encode arrives as a space.
        spelled = (text, text.replace(" ", "+"), f"{text}T00:00:00")
        found = next((one for one in map(parse_datetime, spelled) if one is not None), None)
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year <= 2200:
        raise wrong(_("%(name)s is not a time like 2026-01-31T00:00:00+08:00.") % {"name": name})
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def asked(given: Mapping[str, str], now: datetime) -> Asked:
    page, size = _number(given, "page", 1, 10_000), _number(given, "page_size", MOST, MOST)
    ids = words_of(given.get("service_request_id", ""))
    if ids:  # overrides everything else
        return Asked(ids=ids[:MOST], page=page, size=size)
    since, until = window(given, now)
    categories = []
    for code in words_of(given.get("service_code", "")):
        node = category_by_code(code)
        if node is None:
            raise wrong(_("There is no service with the code “%(code)s”.") % {"code": code[:80]}, 404)
        categories.append(node.pk)
    states = frozenset(words_of(given.get("status", "")))
    if states - {"open", "closed"}:
        raise wrong(_("status is open, closed or both."))
    box = _box(given.get("bbox", ""))
    return Asked(categories=categories, states=states, since=since, until=until, box=box, page=page, size=size)


def _number(given: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    text = given.get(name, "").strip()
    if not text:
        return otherwise
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) < 1:
        raise wrong(_("%(name)s is a number from 1 to %(most)d.") % {"name": name, "most": most})
    if int(text) > most:
        if name == "page_size":
            return most
        raise wrong(_("%(name)s is a number from 1 to %(most)d.") % {"name": name, "most": most})
    return int(text)


def _box(text: str) -> tuple[float, float, float, float] | None:
    if not text.strip():
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = south = east = north = float("nan")
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise wrong(_("bbox is west,south,east,north in degrees."))
    return west, south, east, north


def _inside(box: tuple[float, float, float, float]) -> Q:
    """By the coarse coordinates: asking for smaller and smaller boxes must not tell more than an answer does."""
    half = COARSE / 2
    west, south, east, north = box
    return Q(
        lon__gte=_up(west) - half, lon__lt=_down(east) + half, lat__gte=_up(south) - half, lat__lt=_down(north) + half
    )


def _up(degrees: float) -> float:
    return math.ceil(round(degrees / COARSE, 6)) * COARSE


def _down(degrees: float) -> float:
    return math.floor(round(degrees / COARSE, 6)) * COARSE


def find(wanted: Asked) -> list[tuple[str, Case]]:
    """(the id that was asked for or is its own, the case), newest first or in the order of the ids."""
    if wanted.ids:
        return by_ids(wanted.ids[wanted.first : wanted.first + wanted.size])
    found: CaseQuerySet = public_cases().select_related("merged_into", "lead_place", "place")
    found = found.filter(opened_at__gte=wanted.since, opened_at__lte=wanted.until)
    if wanted.categories:
        found = found.filter(category_id__in=wanted.categories)
    if wanted.states == {"open"}:
        found = found.filter(Q(state__in=OPEN) | Q(state=State.MERGED, merged_into__state__in=OPEN))
    elif wanted.states == {"closed"}:
        found = found.exclude(state__in=OPEN).exclude(state=State.MERGED, merged_into__state__in=OPEN)
    if wanted.box is not None:
        found = found.filter(_inside(wanted.box))
    rows = found.order_by("-opened_at", "-id")[wanted.first : wanted.first + wanted.size]
    return [(case.number, case) for case in rows]


def by_ids(ids: Sequence[str]) -> list[tuple[str, Case]]:
    """By the numbers of the messages that were handed in: each finds the case that speaks for it now."""
    clean = [one for one in ids if re.fullmatch(r"[0-9A-Za-z-]{1,14}", one)]
    chosen = public_cases().select_related("merged_into", "lead_place", "place")
    found: dict[str, Case] = {case.number: case for case in chosen.filter(number__in=clean)}
    missing = [one for one in clean if one not in found]
    if missing:
        joined = chosen.filter(voices__message__number__in=missing).values_list("voices__message__number", "pk")
        numbers = {number: pk for number, pk in joined if number in missing}
        cases = {case.pk: case for case in chosen.filter(pk__in=numbers.values())}
        found |= {number: cases[pk] for number, pk in numbers.items()}
    return [(one, found[one]) for one in dict.fromkeys(clean) if one in found]


def shown(number: str, case: Case) -> dict[str, Any]:
    """One request as the standard spells it. What we never tell is there and empty."""
    kind, opened = kind_of(case), is_open(case)
    handled = case.merged_into if case.merged_into is not None else case
    by = None
    if handled.lead_role and case.lead_place is not None and case.merged_into is None:
        by = _("%(role)s, %(place)s") % {"role": Role(case.lead_role).label, "place": case.lead_place.name}
    moments = [case.opened_at, case.sorted_at, case.paused_at, case.done_at, case.closed_at]
    updated = case.closed_at if not opened and case.closed_at is not None else max(one for one in moments if one)
    return {
        "service_request_id": number,
        "status": "open" if opened else "closed",
        "status_notes": str(State(case.state).label),
        "service_name": kind.name,
        "service_code": kind.code,
        "description": kind.name,
        "agency_responsible": by or case.place.name or None,
        "service_notice": None,
        "requested_datetime": moment(case.opened_at),
        "updated_datetime": moment(updated),
        "expected_datetime": moment(case.due_at),
        "address": None,
        "address_id": None,
        "zipcode": None,
        "lat": coarse(case.lat),
        "long": coarse(case.lon),
        "media_url": None,
    }


def waiting(number: str) -> dict[str, Any] | None:
    """A request that was taken in a moment ago and is no case yet: a worker makes it one."""
    message = Message.objects.filter(number=number, voice__isnull=True).exclude(category="").first()
    kind = category_by_code(message.category) if message is not None else None
    if message is None or kind is None or is_private(kind):
        return None
    case = Case(number=number, category=kind, opened_at=message.received_at, lat=message.lat, lon=message.lon)
    case.place = message.place or Place()
    return shown(number, case)


def notes_of(cases: Iterable[Case]) -> dict[int, list[dict[str, Any]]]:
    """What happened to each, oldest first."""
    ids = [case.pk for case in cases]
    notes: dict[int, list[dict[str, Any]]] = {pk: [] for pk in ids}
    entries = Entry.objects.filter(noun=Case.noun(), object_id__in=ids, event__in=list(UPDATES)).order_by("pk")
    for entry in entries[: MOST * 10]:
        notes[entry.object_id].append({"datetime": moment(entry.at), "description": str(event_type(entry.event).label)})
    return notes


def updates(given: Mapping[str, str], now: datetime) -> list[dict[str, Any]]:
    """What happened to public requests in a span of time, oldest first, at most a thousand steps."""
    since, until = window(given, now)
    entries = list(
        Entry.objects.filter(event__in=list(UPDATES), noun=Case.noun(), at__gte=since, at__lte=until).order_by("pk")[
            :MOST
        ]
    )
    numbers = dict(public_cases().filter(pk__in={entry.object_id for entry in entries}).values_list("pk", "number"))
    return [
        {
            "update_id": entry.pk,
            "service_request_id": numbers[entry.object_id],
            "status": UPDATES[entry.event],
            "updated_datetime": moment(entry.at),
            "description": str(event_type(entry.event).label),
        }
        for entry in entries
        if entry.object_id in numbers
    ]
