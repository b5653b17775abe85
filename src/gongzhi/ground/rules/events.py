"""What this room says."""

from __future__ import annotations

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class RuleOverridden(Event):
    """A place decided its own value of a rule. The value stands in the override's row and its fingerprint."""

    label: ClassVar[Promise] = _("rule changed for a place")
    override_id: int
    key: str
    valid_from: str
    valid_to: str | None


class RuleOverrideEnded(Event):
    """An override stops holding on a day."""

    label: ClassVar[Promise] = _("change of a rule ended")
    override_id: int
    key: str
    valid_to: str


class CalendarDayAdded(Event):
    """A day was declared off, or a working day, everywhere or below a place."""

    label: ClassVar[Promise] = _("day entered in the calendar")
    day_id: int
    date: str
    kind: str


class CalendarDayRemoved(Event):
    """A declared day no longer counts; the holiday pack and the week decide again."""

    label: ClassVar[Promise] = _("day taken out of the calendar")
    day_id: int
    date: str
    kind: str
