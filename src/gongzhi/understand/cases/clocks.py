"""The clocks of a case and of what hangs on it: deadline, yellow, the next step up, the first contact.

In memory; actions save.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils import timezone

from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases.models import Case
from gongzhi.understand.cases.tree import deadline_rule_of

# What moves whenever a deadline moves, and all that a new clock sets.
DUE: Final = ("due_at", "yellow_at", "escalate_at", "escalation")
CLOCK: Final = ("deadline_rule", *DUE)

# The rules that say when each goes up, and how far.
OF_A_CASE: Final = "cases.escalation_steps"
OF_A_PART: Final = "cases.part_escalation_steps"
OF_A_RULING: Final = "cases.ruling_escalation_steps"

_URGENT: Final = {
    Case.Urgency.URGENT: "cases.urgent_limit",
    Case.Urgency.DANGER: "cases.deadline.emergency",
}


def start_clock(case: Case, *, since: datetime) -> None:
    """Set the deadline of the case's category, counted from ``since``; what is urgent is due no later than its own."""
    before = case.due_at
    case.deadline_rule = deadline_rule_of(case.category)
    on = timezone.localdate(since)
    path = case.place_path
    due = clock.deadline(since, Span.parse(rule(case.deadline_rule, path=path, on=on)), path=path)
    pressing = _URGENT.get(Case.Urgency(case.urgency))
    if pressing is not None:
        sooner = clock.deadline(since, Span.parse(rule(pressing, path=path, on=on)), path=path)
        if sooner < due:
            due, case.deadline_rule = sooner, pressing
    set_due(case, due, since=since, before=before)


def press(case: Case) -> None:
    """What has become urgent is due sooner, counted from its opening; nothing gets more time by it."""
    rule_of = _URGENT.get(Case.Urgency(case.urgency))
    if rule_of is None or case.due_at is None:
        return
    path, since = case.place_path, case.opened_at
    sooner = clock.deadline(since, Span.parse(rule(rule_of, path=path, on=timezone.localdate(since))), path=path)
    if sooner < case.due_at:
        case.deadline_rule = rule_of
        set_due(case, sooner, since=since, before=case.due_at)


def set_due(case: Case, due: datetime, *, since: datetime, before: datetime | None = None) -> None:
    """A new deadline. Steps up begin anew when there is more time than ``before``."""
    share = float(rule("cases.yellow_share", path=case.place_path, on=timezone.localdate(since)))
    case.due_at, case.yellow_at = due, clock.yellow_at(since, due, share)
    if before is None or due > before:
        case.escalation = 0
    case.escalate_at = next_step_at(case)


def stop_clock(case: Case) -> None:
    """Nobody is late any more (or for now), so nothing goes up."""
    case.due_at = case.yellow_at = case.escalate_at = None


def steps_up(path: str, at: datetime, key: str = OF_A_CASE) -> list[Span]:
    """How long after its deadline something goes up each step."""
    return [Span.parse(step) for step in rule(key, path=path, on=timezone.localdate(at))]


def next_step_at(case: Case, *, not_before: datetime | None = None) -> datetime | None:
    """When the next step up is taken; None when there is none left."""
    if case.due_at is None:
        return None
    return step_up_at(OF_A_CASE, case.due_at, case.place_path, taken=case.escalation, not_before=not_before)


def step_up_at(
    key: str, due_at: datetime, path: str, *, taken: int = 0, not_before: datetime | None = None
) -> datetime | None:
    """When what was due then takes its next step up, by the rule ``key``; None when there is none left."""
    steps = steps_up(path, due_at, key)
    if taken >= len(steps):
        return None
    then = clock.deadline(due_at, steps[taken], path=path)
    return max(then, not_before) if not_before is not None else then


def contact_due(opened_at: datetime, path: str) -> datetime:
    span = Span.parse(rule("cases.contact_limit", path=path, on=timezone.localdate(opened_at)))
    return clock.deadline(opened_at, span, path=path)


def limit(key: str, path: str, now: datetime) -> datetime:
    """When a span that the rules give, counted from now, is over."""
    return clock.deadline(now, Span.parse(rule(key, path=path, on=timezone.localdate(now))), path=path)
