"""What calls and claims say."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class CapableEntered(Event):
    label = _("Capable person entered in the register")
    capable_id: int
    skills: list[str]


class CapableLeft(Event):
    label = _("Capable person left the register")
    capable_id: int


class CalledUp(Event):
    label = _("Capable people called")
    call_up_id: int
    skill: str
    people: int


class CallListed(Event):
    label = _("Put on the list of a call")
    call_up_id: int
    called_id: int


class CallAnswered(Event):
    label = _("Answered a call")
    call_up_id: int
    called_id: int
    answer: str


class CallEnded(Event):
    label = _("Call ended")
    call_up_id: int
    came: int


class GroupJoined(Event):
    label = _("Group joined the alliance")
    group_id: int
    kind: str


class GroupLeft(Event):
    label = _("Group left the alliance")
    group_id: int


class PieceClaimed(Event):
    label = _("Piece of an assignment claimed by a group")
    claim_id: int
    assignment_id: int
    group_id: int


class ClaimEnded(Event):
    label = _("Claim ended")
    claim_id: int
    state: str
