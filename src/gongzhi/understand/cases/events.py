"""What a case says."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class CaseOpened(Event):
    label = _("Case opened")
    case_id: int
    message_id: int


class CaseSorted(Event):
    label = _("Sorted")
    case_id: int
    category_id: int | None
    urgency: str = ""  # as the person who sorted it found; none: they did not say


class UrgencyMarked(Event):
    label = _("Urgency marked")
    case_id: int
    urgency: str


class CasePlaced(Event):
    label = _("Place corrected")
    case_id: int
    place_id: int


class DeskLeads(Event):
    """A case from before every open case had a lead was laid with the desk of its place."""

    label = _("The desk that received it leads")
    case_id: int


class CaseAssigned(Event):
    label = _("Assigned")
    case_id: int
    role: str
    place_id: int
    from_role: str = ""
    from_place_id: int | None = None


class CaseTakenBack(Event):
    label = _("Back at the desk")
    case_id: int
    task_id: int | None  # the order that was returned; none: the desk itself has undone the assignment


class CasePaused(Event):
    label = _("Clock paused")
    case_id: int


class CaseResumed(Event):
    label = _("Clock runs again")
    case_id: int


class DeadlineExtended(Event):
    label = _("Deadline extended")
    case_id: int
    amount: int
    unit: str


class NoteAdded(Event):
    label = _("Note")
    case_id: int
    note_id: int


class CaseAwaitsCheck(Event):
    label = _("Reported as done")
    case_id: int
    task_id: int


class CaseClosed(Event):
    label = _("Closed")
    case_id: int
    closed_as: str


class CaseReopened(Event):
    label = _("Reopened")
    case_id: int
    role: str
    place_id: int | None


class CaseWithdrawn(Event):
    label = _("Withdrawn by the reporter")
    case_id: int


class CasesMerged(Event):
    """About the case that goes into another one. ``was``: its state before, for the day on which it is undone."""

    label = _("Merged into another case")
    case_id: int
    target_id: int
    voices: int
    was: str


class VoicesCame(Event):
    """About the case that another one was merged into."""

    label = _("Another case was merged into this one")
    case_id: int
    from_case_id: int
    voices: int


class CasesUnmerged(Event):
    """About the case that is handled on its own again, by the position that led it."""

    label = _("Taken out of the other case")
    case_id: int
    target_id: int
    voices: int
    role: str
    place_id: int | None


class VoicesLeft(Event):
    """About the case that another one was taken out of."""

    label = _("A merged case was taken out again")
    case_id: int
    to_case_id: int
    voices: int


class VoiceJoined(Event):
    label = _("Somebody else reported the same")
    case_id: int
    message_id: int


class VoiceWithdrawn(Event):
    """One of several reporters took their own part back."""

    label = _("One reporter withdrew")
    case_id: int
    message_id: int


class CaseReferred(Event):
    label = _("Referred elsewhere")
    case_id: int
    referral: str


class CaseExcluded(Event):
    label = _("Not counted in the three rates")
    case_id: int


class CaseEscalated(Event):
    label = _("Late: one step up")
    case_id: int
    step: int


class ReporterContacted(Event):
    label = _("Reporter contacted for the first time")
    case_id: int
    way: str


class ReplyWritten(Event):
    """Staff told the reporters something, on their page, by telephone or in person."""

    label = _("Reply to the reporter")
    case_id: int
    reply_id: int
    way: str


class ReporterWrote(Event):
    label = _("The reporter wrote")
    case_id: int
    reply_id: int


class RulingAsked(Event):
    label = _("Ruling asked for")
    case_id: int
    ruling_id: int
    kind: str


class RulingMade(Event):
    label = _("Ruled")
    case_id: int
    ruling_id: int
    kind: str
    agreed: bool


class RulingDropped(Event):
    label = _("Ruling no longer needed")
    case_id: int
    ruling_id: int


class RulingEscalated(Event):
    label = _("Ruling late: one step up")
    case_id: int
    ruling_id: int
    step: int


class PartAsked(Event):
    label = _("Co-handler asked")
    case_id: int
    part_id: int


class PartDone(Event):
    label = _("Co-handler has done their part")
    case_id: int
    part_id: int


class PartReturned(Event):
    label = _("Co-handler says it is not theirs")
    case_id: int
    part_id: int


class PartDropped(Event):
    label = _("Co-handler no longer needed")
    case_id: int
    part_id: int


class PartEscalated(Event):
    label = _("Co-handler late: one step up")
    case_id: int
    part_id: int
    step: int


class SlipOpened(Event):
    label = _("Supervision slip")
    case_id: int
    slip_id: int


class SlipAnswered(Event):
    label = _("Supervision slip answered")
    case_id: int
    slip_id: int


class SlipDropped(Event):
    label = _("Supervision slip no longer needed")
    case_id: int
    slip_id: int


class CategoryLoaded(Event):
    """A node of the tree came with the product, or was brought up to it."""

    label = _("Category loaded")
    category_id: int


class CategoryAdded(Event):
    label = _("Category added")
    category_id: int
    parent_id: int | None


class CategoryChanged(Event):
    """``fields`` are the names of what changed; what people here have set, the product leaves alone from then on."""

    label = _("Category changed")
    category_id: int
    fields: list[str]


class CategoryMoved(Event):
    label = _("Category moved")
    category_id: int
    parent_id: int | None
    from_parent_id: int | None


class CategoryRetired(Event):
    label = _("Category retired")
    category_id: int
    successor_id: int | None


class CategoryRevived(Event):
    label = _("Category in use again")
    category_id: int


class QuestionLoaded(Event):
    """A question came with the product, or was brought up to it."""

    label = _("Question loaded")
    question_id: int
    category_id: int


class QuestionSet(Event):
    label = _("Question written")
    question_id: int
    category_id: int


class QuestionRetired(Event):
    label = _("Question retired")
    question_id: int
    category_id: int


class ResponsibilitySet(Event):
    label = _("Responsibility set")
    category_id: int
    place_id: int
    role: str


class ResponsibilityEnded(Event):
    label = _("Responsibility ended")
    category_id: int
    place_id: int
