"""Imported messages become cases, a batch at a time: placed, sorted as the mapping said, and with whoever leads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from gongzhi.ground.filling import among, build, pour
from gongzhi.ground.ledger.actions import record_many
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.sense.channels.models import BulkImport, Ending, Message
from gongzhi.understand.cases.events import CaseAssigned, CaseClosed, CaseOpened
from gongzhi.understand.cases.models import Case, State, Voice
from gongzhi.understand.cases.responsibility import Desks, Matrix

Lead = tuple[str, int | None]
NEAR = 5_000  # metres within which a grid's own street looks for the place


@dataclass(slots=True)
class Imported:
    """What a case takes from an imported message. What is sealed stays where it is."""

    pk: int
    number: str
    channel: str
    received_at: datetime
    text: str
    category: str
    place_id: int | None
    nearest_id: int | None
    nearest_metres: int | None
    address: str
    lon: float | None
    lat: float | None
    answer_by: str
    place: Place | None = None
    nearest: Place | None = None
    ended: tuple[datetime, str] | None = None  # when and with what words, where it came from


MADE_OF = (
    "pk", "number", "channel", "received_at", "text", "category", "place_id", "nearest_id", "nearest_metres",
    "address", "lon", "lat", "answer_by",
)  # fmt: skip


def read_batch(import_id: int, first: int, last: int) -> list[Imported]:
    """The messages that an import wrote together, with their places and endings."""
    told = Message.objects.filter(bulk_import_id=import_id, pk__gte=first, pk__lte=last).order_by("pk")
    messages = [Imported(*values) for values in told.values_list(*MADE_OF)]
    places = Place.objects.in_bulk(
        {pk for message in messages for pk in (message.place_id, message.nearest_id) if pk is not None}
    )
    ended = Ending.objects.filter(among("message_id", [message.pk for message in messages]))
    endings = {pk: (at, words) for pk, at, words in ended.values_list("message_id", "ended_at", "words")}
    for message in messages:
        message.place = places[message.place_id] if message.place_id is not None else None
        message.nearest = places[message.nearest_id] if message.nearest_id is not None else None
        message.ended = endings.get(message.pk)
    return messages


def open_batch(
    messages: Sequence[Imported], *, import_id: int, make: Callable[[Imported, Desks], Case], now: datetime
) -> list[Case]:
    """Write a case for each message, table by table, and everything into the record."""
    if not messages:
        return []
    bulk = BulkImport.objects.select_related("place", "by").get(pk=import_id)
    on = timezone.localdate(now)
    streets = _Streets()
    placed = [message.place is not None for message in messages]
    for message in messages:
        if message.place is None:
            message.place = streets.of(message, bulk.place)  # in memory only: who looks for the place
    desks = Desks(on, {message.place.path for message in messages if message.place is not None})
    cases = [make(message, desks) for message in messages]
    leads = [(case.lead_role, case.lead_place_id) for case in cases]
    for case, message, is_placed in zip(cases, messages, placed, strict=True):
        _begin(case, message, is_placed, on, now)
    _assign([case for case in cases if case.state == State.NEW and case.placed], on)
    pour(Case, cases)
    pour(
        Voice,
        [
            build(Voice, {"case_id": case.pk, "first_case_id": case.pk, "message_id": message.pk})
            for case, message in zip(cases, messages, strict=True)
        ],
    )
    record_many(_told(zip(cases, leads, messages, strict=True)), by=bulk.by, now=now)
    return cases


def _begin(case: Case, message: Imported, placed: bool, on: date, now: datetime) -> None:
    """The case as it comes in: sorted by whoever made the mapping, and ended if it had ended."""
    case.placed = placed
    category = case.category
    if category is not None and not category.is_in_force(on):
        category = case.category = None
    if category is not None:
        case.sorted_at = now
    if message.ended is not None:
        case.state, case.closed_as = State.CLOSED.value, Case.ClosedAs.IMPORTED.value
        case.closed_at, case.outcome = message.ended
        # Another house's promise, which nobody here can have kept or broken.
        case.due_at, case.yellow_at = None, None
        case.lead_role, case.lead_place_id = "", None
        case.version = 2


def _assign(cases: Sequence[Case], on: date) -> None:
    """Give the open cases to whoever leads."""
    wanted = [(case, case.category) for case in cases if case.category is not None]
    matrix = Matrix([(category, case.place.path) for case, category in wanted], on)
    for case, category in wanted:
        if (lead := matrix.lead_for(category, case.place.path)) is not None:
            case.state, case.version = State.ASSIGNED.value, 2
            case.lead_role, case.lead_place_id = lead.role, lead.place_id


def _told(opened: Iterable[tuple[Case, Lead, Imported]]) -> Iterator[tuple[Event, Recorded]]:
    """What happened to each case, step by step, with the row as it was after that step."""
    for case, desk, message in opened:
        state, closed_at, closed_as, role, place_id = (
            case.state, case.closed_at, case.closed_as, case.lead_role, case.lead_place_id,
        )  # fmt: skip
        case.version, case.state = 1, State.NEW.value
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


class _Streets:
    """Who looks for the place of a case without one: the street of the nearest grid, else the import's place."""

    def __init__(self) -> None:
        self.known: dict[str, Place | None] = {}

    def of(self, message: Imported, otherwise: Place) -> Place:
        if message.nearest is None or (message.nearest_metres or 0) >= NEAR:
            return otherwise
        path = message.nearest.path[:9]
        if path not in self.known:
            self.known[path] = Place.objects.filter(level="town", path=path).first()
        return self.known[path] or otherwise
