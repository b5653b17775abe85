"""Imported messages become cases, a batch at a time: placed, sorted as the mapping said, and with whoever leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime

from django.utils import timezone

from gongzhi.ground.filling import among, pour
from gongzhi.ground.ledger.actions import record_many
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.sense.channels.models import BulkImport, Ending, Message
from gongzhi.understand.cases.events import CaseAssigned, CaseClosed, CaseOpened
from gongzhi.understand.cases.models import Case, State, Voice
from gongzhi.understand.cases.responsibility import Position, lead_for

Lead = tuple[str, int | None]
# What a case takes from its message.
MADE_OF = (
    "number", "channel", "received_at", "text", "category", "place", "nearest", "nearest_metres", "address", "lon",
    "lat", "answer_by",
)  # fmt: skip
NEAR = 5_000  # metres within which a grid's own street looks for the place


def open_batch(messages: Sequence[Message], *, make: Callable[[Message], Case], now: datetime) -> list[Case]:
    """Write a case for each message, table by table, and everything into the record.

    The messages know their ``place``, ``nearest`` and ``ending`` (``with_surroundings``).
    """
    if not messages:
        return []
    bulk = BulkImport.objects.select_related("place", "by").get(messages__pk=messages[0].pk)
    leads = _Leads(timezone.localdate(now))
    streets = _Streets()
    opened = [_case(message, bulk, make, leads, streets, now) for message in messages]
    cases = [case for case, _desk in opened]
    pour(Case, cases)
    pour(
        Voice,
        [
            Voice(case_id=case.pk, first_case_id=case.pk, message_id=message.pk)
            for case, message in zip(cases, messages, strict=True)
        ],
    )
    record_many(_told(opened, messages), by=bulk.by, now=now)
    return cases


def with_surroundings(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages with their places and endings: many messages of few places, so each place is read once."""
    places = Place.objects.in_bulk(
        {pk for message in messages for pk in (message.place_id, message.nearest_id) if pk is not None}
    )
    pks = [message.pk for message in messages]
    ended = Ending.objects.filter(among("message_id", pks)) if pks else []
    endings = {ending.message_id: ending for ending in ended}
    for message in messages:
        message._state.fields_cache.update(
            place=places[message.place_id] if message.place_id is not None else None,
            nearest=places[message.nearest_id] if message.nearest_id is not None else None,
            ending=endings.get(message.pk),
        )
    return messages


def ending_of(message: Message) -> Ending | None:
    return getattr(message, "ending", None)


def _case(
    message: Message,
    bulk: BulkImport,
    make: Callable[[Message], Case],
    leads: _Leads,
    streets: _Streets,
    now: datetime,
) -> tuple[Case, Lead]:
    """The case as it will be, and the desk that received it."""
    placed = message.place is not None
    if message.place is None:
        message.place = streets.of(message, bulk.place)  # in memory only: who looks for the place
    case = make(message)
    case.placed = placed
    desk = (case.lead_role, case.lead_place_id)
    category = case.category
    if category is not None and not category.is_in_force(leads.on):
        category = case.category = None
    if category is not None:
        case.sorted_at = now  # whoever made the mapping has sorted it
    if (ending := ending_of(message)) is not None:
        case.state, case.closed_as = State.CLOSED, Case.ClosedAs.IMPORTED
        case.closed_at, case.outcome = ending.ended_at, ending.words
        # Another house's promise, which nobody here can have kept or broken.
        case.due_at, case.yellow_at = None, None
        case.lead_role, case.lead_place_id = "", None
    elif category is not None and placed and (lead := leads.of(case)) is not None:
        case.state = State.ASSIGNED
        case.lead_role, case.lead_place_id = lead.role, lead.place_id
    case.version = 1 if case.state == State.NEW else 2
    return case, desk


def _told(opened: Sequence[tuple[Case, Lead]], messages: Sequence[Message]) -> Iterator[tuple[Event, Recorded]]:
    """What happened to each case, step by step, with the row as it was after that step."""
    for (case, desk), message in zip(opened, messages, strict=True):
        state, closed_at, closed_as, role, place_id = (
            case.state, case.closed_at, case.closed_as, case.lead_role, case.lead_place_id,
        )  # fmt: skip
        case.version, case.state = 1, State.NEW
        case.closed_at, case.closed_as, (case.lead_role, case.lead_place_id) = None, "", desk
        yield CaseOpened(case_id=case.pk, message_id=message.pk), case
        if state == State.NEW:
            continue
        case.version, case.state = 2, state
        case.closed_at, case.closed_as, case.lead_role, case.lead_place_id = closed_at, closed_as, role, place_id
        if state == State.CLOSED:
            yield CaseClosed(case_id=case.pk, closed_as=case.closed_as), case
        elif place_id is not None:
            yield CaseAssigned(case_id=case.pk, role=role, place_id=place_id), case


class _Leads:
    """Who leads, asked once for each category and place of a batch."""

    def __init__(self, on: date) -> None:
        self.on = on
        self.known: dict[tuple[int, int], Position | None] = {}

    def of(self, case: Case) -> Position | None:
        if case.category is None:
            return None
        key = (case.category.pk, case.place_id)
        if key not in self.known:
            self.known[key] = lead_for(case.category, case.place, self.on)
        return self.known[key]


class _Streets:
    """Who looks for the place of a case without one: the street of the nearest grid, else the import's place."""

    def __init__(self) -> None:
        self.known: dict[str, Place | None] = {}

    def of(self, message: Message, otherwise: Place) -> Place:
        if message.nearest is None or (message.nearest_metres or 0) >= NEAR:
            return otherwise
        path = message.nearest.path[:9]
        if path not in self.known:
            self.known[path] = Place.objects.filter(level="town", path=path).first()
        return self.known[path] or otherwise
