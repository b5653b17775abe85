"""The three rates: how many were contacted in time, were helped, were satisfied. Of matters, never of persons.

Every number is a set of cases (``cases_behind``), so that it can be opened; ``count_rates`` counts the same sets with
two aggregates. ``docs/explanation/three-rates.md`` says what is counted and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Substr
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.paths import LENGTHS, below
from gongzhi.understand.cases.models import Case, State
from gongzhi.verify.checks.models import LEAST_CONTENT_FIRST, Check, Result, Satisfied
from gongzhi.verify.checks.models import State as CheckState

ENDED: Final = (CheckState.PASSED, CheckState.FAILED)
# Cases that are nobody's to answer for here: handled with another one, referred elsewhere.
OUTSIDE: Final = (State.MERGED, State.REFERRED)


class Kind(models.TextChoices):
    """A set of cases that a rate counts."""

    CONTACT_DUE = "contact_due", _("the first contact was due")
    CONTACT_IN_TIME = "contact_in_time", _("contacted in time")
    CONTACT_LATE = "contact_late", _("not contacted in time")
    ASKED = "asked", _("a check ended")
    ANSWERED = "answered", _("the reporters answered")
    HELPED = "helped", _("it helped")
    NOT_HELPED = "not_helped", _("it did not help")
    RATED = "rated", _("said how satisfied they are")
    SATISFIED = "satisfied", _("satisfied")
    PARTLY = "partly", _("partly satisfied")
    NOT_SATISFIED = "not_satisfied", _("not satisfied")
    UNREACHABLE = "unreachable", _("nobody could be reached")
    SEEN = "seen", _("seen on site only, without an answer")
    EXCLUDED = "excluded", _("beyond duty, after review")
    CLOSED = "closed", _("closed in this time")  # of bulletins; no rate counts it


CONTACT: Final = (Kind.CONTACT_DUE, Kind.CONTACT_IN_TIME, Kind.CONTACT_LATE)


@dataclass(frozen=True)
class Period:
    """Whole days, the last one included."""

    since: date
    until: date

    @property
    def begins(self) -> datetime:
        return _midnight(self.since)

    @property
    def ends(self) -> datetime:
        return _midnight(self.until + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_default_timezone())


@dataclass
class Rates:
    """Counts of cases. A rate is None where nothing was counted: no data is not zero."""

    contact_due: int = 0
    contact_in_time: int = 0
    contact_late: int = 0
    asked: int = 0
    answered: int = 0
    helped: int = 0
    not_helped: int = 0
    rated: int = 0
    satisfied: int = 0
    partly: int = 0
    not_satisfied: int = 0
    unreachable: int = 0
    seen: int = 0
    excluded: int = 0

    @property
    def response(self) -> float | None:
        return _share(self.contact_in_time, self.contact_due)

    @property
    def resolution(self) -> float | None:
        return _share(self.helped, self.answered)

    @property
    def satisfaction(self) -> float | None:
        return _share(self.satisfied, self.rated)

    def add(self, counts: Mapping[str, int]) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + counts.get(one.name, 0))

    def as_numbers(self) -> dict[str, int]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


# --- the sets --------------------------------------------------------------------------------------

_CALLED_BACK: Final[Mapping[Kind, Q]] = {
    Kind.ASKED: Q(),
    Kind.ANSWERED: ~Q(said=""),
    Kind.HELPED: Q(said=Result.HELPED),
    Kind.NOT_HELPED: Q(said=Result.NOT_HELPED),
    Kind.RATED: ~Q(satisfied=""),
    Kind.SATISFIED: Q(satisfied=Satisfied.SATISFIED),
    Kind.PARTLY: Q(satisfied=Satisfied.PARTLY),
    Kind.NOT_SATISFIED: Q(satisfied=Satisfied.NOT),
    Kind.UNREACHABLE: Q(said="", result=Result.UNREACHABLE),
    Kind.SEEN: Q(said="") & ~Q(result=Result.UNREACHABLE),
}


def last_checks(period: Period) -> QuerySet[Check]:
    """The last check of each case that ended in the period: what the reporters said last counts."""
    ended = Q(state__in=ENDED, concluded_at__gte=period.begins, concluded_at__lt=period.ends)
    later = Check.objects.filter(ended, case=OuterRef("case"), pk__gt=OuterRef("pk"))
    return Check.objects.filter(ended, ~Exists(later)).order_by()


def _contact(now: datetime, period: Period) -> dict[Kind, Q]:
    due = Q(contact_due_at__gte=period.begins, contact_due_at__lt=period.ends) & (
        Q(contact_due_at__lte=now) | Q(contacted_at__isnull=False)
    )
    in_time = Q(contacted_at__isnull=False, contacted_at__lte=F("contact_due_at"))
    late = Q(contacted_at__isnull=True) | Q(contacted_at__gt=F("contact_due_at"))
    return {Kind.CONTACT_DUE: due, Kind.CONTACT_IN_TIME: due & in_time, Kind.CONTACT_LATE: due & late}


def counted(prefix: str = "") -> Q:
    """Cases that the rates are about at all."""
    return (
        ~Q(**{f"{prefix}state__in": OUTSIDE})
        & ~Q(**{f"{prefix}closed_as": Case.ClosedAs.IMPORTED})
        & Q(**{f"{prefix}excluded_at__isnull": True})
    )


def cases_behind(kind: str, period: Period, *, now: datetime) -> Q:
    """The cases that a number counts, as a condition on cases."""
    if kind == Kind.EXCLUDED:
        return Q(excluded_at__gte=period.begins, excluded_at__lt=period.ends)
    if kind == Kind.CLOSED:
        return Q(state=State.CLOSED, closed_at__gte=period.begins, closed_at__lt=period.ends)
    if kind in CONTACT:
        return counted() & ~Q(state=State.WITHDRAWN) & _contact(now, period)[Kind(kind)]
    return counted() & Q(pk__in=last_checks(period).filter(_CALLED_BACK[Kind(kind)]).values("case_id"))


# --- counting --------------------------------------------------------------------------------------

By = str  # "", "unit", "place" or "category"
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Scope:
    """Which cases are looked at: ``where`` makes the condition, for cases or (with a prefix) for their checks."""

    path: str = ""
    categories: Sequence[int] | None = None
    role: str = ""
    place_id: int | None = None
    visible: Callable[[str], Q] | None = field(default=None, compare=False)

    def where(self, prefix: str = "") -> Q:
        found = below(self.path, f"{prefix}place_path") if self.path else Q()
        if self.categories is not None:
            found &= Q(**{f"{prefix}category_id__in": list(self.categories)})
        if self.role:
            found &= Q(**{f"{prefix}lead_role": self.role, f"{prefix}lead_place_id": self.place_id})
        if self.visible is not None:
            found &= self.visible(prefix)
        return found


def _columns(by: By, path: str, prefix: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    match by:
        case "unit":
            return (f"{prefix}lead_role", f"{prefix}lead_place_id"), {}
        case "category":
            return (f"{prefix}category_id",), {}
        case "place":
            below_here = next((length for length in LENGTHS.values() if length > len(path)), len(path))
            return ("part",), {"part": Substr(f"{prefix}place_path", 1, below_here)}
        case _:
            return ("everything",), {"everything": models.Value(1)}


def count_rates(period: Period, scope: Scope, *, now: datetime, by: By = "") -> dict[Key, Rates]:
    """The counts, for each unit, place or category (or one entry for all). Three aggregates, whatever the size."""
    found: dict[Key, Rates] = {}

    def take(rows: QuerySet[Any, Any], conditions: Mapping[Kind, Q], prefix: str) -> None:
        columns, extra = _columns(by, scope.path, prefix)
        # The names of the counts may not be names of fields.
        numbers = {f"count_{kind.value}": Count("pk", filter=condition) for kind, condition in conditions.items()}
        for row in rows.order_by().annotate(**extra).values(*columns).annotate(**numbers):
            counts = {kind.value: row[f"count_{kind.value}"] for kind in conditions}
            found.setdefault(tuple(row[column] for column in columns), Rates()).add(counts)

    take(
        last_checks(period).filter(counted("case__"), scope.where("case__")),
        {kind: condition or Q(pk__isnull=False) for kind, condition in _CALLED_BACK.items()},
        "case__",
    )
    contact = _contact(now, period)
    due = Case.objects.filter(cases_behind(Kind.CONTACT_DUE, period, now=now), scope.where())
    take(due, contact, "")
    beyond = Case.objects.filter(cases_behind(Kind.EXCLUDED, period, now=now), scope.where())
    take(beyond, {Kind.EXCLUDED: Q(pk__isnull=False)}, "")
    return found


def total(groups: Iterable[Rates]) -> Rates:
    """All of them together: every case is in one group."""
    found = Rates()
    for one in groups:
        found.add(one.as_numbers())
    return found


# --- counting anew ---------------------------------------------------------------------------------


def recount(period: Period, scope: Scope, *, now: datetime) -> Rates:
    """The same numbers from the record: what each entry says, step by step, without what stands beside the checks."""
    said: dict[int, list[bool]] = {}
    satisfied: dict[int, set[str]] = {}
    for event, data in (
        Entry.objects.filter(event__in=["checks.AnswerGiven", "checks.SatisfactionGiven"])
        .order_by("pk")
        .values_list("event", "data")
        .iterator(chunk_size=2000)
    ):
        check_id = data["check_id"]
        if event == "checks.AnswerGiven":
            said.setdefault(check_id, []).append(data["helped"])
        if data["satisfied"]:
            satisfied.setdefault(check_id, set()).add(data["satisfied"])
    last: dict[int, tuple[int, str]] = {}
    ended = Entry.objects.filter(
        event__in=["checks.CheckPassed", "checks.CheckFailed"], at__gte=period.begins, at__lt=period.ends
    )
    for data in ended.order_by("pk").values_list("data", flat=True).iterator(chunk_size=2000):
        if data["check_id"] >= last.get(data["case_id"], (0, ""))[0]:
            last[data["case_id"]] = (data["check_id"], data["result"])
    found = Rates()
    cases = Case.objects.filter(scope.where())
    inside = set(cases.filter(counted()).values_list("pk", flat=True))
    for case_id, (check_id, result) in last.items():
        if case_id not in inside:
            continue
        found.asked += 1
        answers, content = said.get(check_id, []), satisfied.get(check_id, set())
        if answers:
            found.answered += 1
            found.add({"helped" if all(answers) else "not_helped": 1})
        elif result == Result.UNREACHABLE:
            found.unreachable += 1
        else:
            found.seen += 1
        least = next((one for one in LEAST_CONTENT_FIRST if one in content), None)
        if least is not None:
            found.rated += 1
            found.add({"not_satisfied" if least == Satisfied.NOT else least.value: 1})
    for state, due, made in cases.filter(counted(), contact_due_at__isnull=False).values_list(
        "state", "contact_due_at", "contacted_at"
    ):
        assert due is not None  # noqa: S101
        if state == State.WITHDRAWN or not period.begins <= due < period.ends or (due > now and made is None):
            continue
        found.contact_due += 1
        found.add({"contact_in_time" if made is not None and made <= due else "contact_late": 1})
    found.excluded = cases.filter(excluded_at__gte=period.begins, excluded_at__lt=period.ends).count()
    return found
