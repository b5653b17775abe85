"""What a check says."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class CheckAsked(Event):
    label = _("The reporter is asked whether it helped")
    check_id: int
    case_id: int
    by_link: bool


class CheckMovedToDesk(Event):
    label = _("To be checked by another post")
    check_id: int
    case_id: int


class CallFailed(Event):
    label = _("Call reached nobody")
    check_id: int
    case_id: int
    attempt: int
    message_id: int | None = None


class AnswerGiven(Event):
    """One reporter's answer. ``satisfied`` is empty when nothing was said about it."""

    label = _("A reporter answered")
    check_id: int
    case_id: int
    message_id: int
    helped: bool
    satisfied: str
    method: str


class SatisfactionGiven(Event):
    """Said later than whether it helped."""

    label = _("A reporter said how satisfied they are")
    check_id: int
    case_id: int
    message_id: int
    satisfied: str


class CheckPassed(Event):
    label = _("Check: it helped")
    check_id: int
    case_id: int
    result: str


class CheckFailed(Event):
    label = _("Check: it did not help")
    check_id: int
    case_id: int
    result: str


class CheckDropped(Event):
    label = _("Check no longer needed")
    check_id: int
    case_id: int
