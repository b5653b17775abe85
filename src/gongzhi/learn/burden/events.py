"""What the burden meter says."""

from datetime import date

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class BurdenQuestionAsked(Event):
    """A threshold was passed; the sender is asked whether all this is needed."""

    label = _("Asked whether so much must be reported")
    question_id: int
    week: date
    reports: int
    places: int
    over: int


class BurdenQuestionAnswered(Event):
    label = _("Answered what will be asked less")
    question_id: int
