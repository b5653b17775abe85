"""What a directive and its pieces say."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gongzhi.ground.ledger.events import Event


class DirectiveDrafted(Event):
    label = _("Directive drafted")
    directive_id: int


class DirectiveChanged(Event):
    label = _("Draft changed")
    directive_id: int


class DirectiveIssued(Event):
    label = _("Directive issued")
    directive_id: int


class DirectiveWithdrawn(Event):
    label = _("Directive withdrawn")
    directive_id: int
    pieces: int


class DirectiveClosed(Event):
    label = _("Directive closed")
    directive_id: int


class RoundSent(Event):
    label = _("Sent to the places")
    directive_id: int
    round_id: int
    number: int
    places: int


class AssignmentRead(Event):
    label = _("Read")
    assignment_id: int


class AssignmentAccepted(Event):
    label = pgettext_lazy("directed work", "Accepted")
    assignment_id: int


class AssignmentSplit(Event):
    label = _("Split")
    assignment_id: int
    piece_ids: list[int]


class AssignmentPassedDown(Event):
    label = _("Passed down")
    assignment_id: int
    piece_ids: list[int]


class AssignmentRecalled(Event):
    label = _("Taken back from those below")
    assignment_id: int


class PieceGiven(Event):
    label = _("Piece given")
    assignment_id: int
    parent_id: int


class QuestionAsked(Event):
    label = _("Question to the sender")
    assignment_id: int
    question_id: int
    kind: str


class QuestionAnswered(Event):
    label = _("Question answered")
    assignment_id: int
    question_id: int
    outcome: str


class AssignmentReported(Event):
    label = _("Result reported")
    assignment_id: int
    report_id: int
    counted: bool


class AssignmentReturned(Event):
    label = _("Sent back to be done better")
    assignment_id: int


class AssignmentConfirmed(Event):
    label = _("Result accepted")
    assignment_id: int


class AssignmentRefused(Event):
    label = _("Refused: not on the list")
    assignment_id: int
    article: str


class AssignmentCarriedOver(Event):
    label = _("Carried over to the office that answers for the place now")
    assignment_id: int
    from_place_id: int
    to_place_id: int


class AssignmentWithdrawn(Event):
    label = _("No longer asked for")
    assignment_id: int


class StepTaken(Event):
    label = _("Reminder, slip or talk")
    assignment_id: int
    step_id: int
    kind: str


class PlacesReminded(Event):
    label = _("Places reminded")
    directive_id: int
    whom: str  # "unread", "late"
    places: int


class StepAnswered(Event):
    label = _("Slip answered")
    assignment_id: int
    step_id: int


class GroupKept(Event):
    label = _("Group of places kept")
    group_id: int
    places: int
