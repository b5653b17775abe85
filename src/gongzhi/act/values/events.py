"""What the room of values says. Ids, codes and numbers; the words stand in the rows."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class AgreementAdopted(Event):
    label = _("Agreement on scoring adopted")
    agreement_id: int
    edition: int
    done: int
    timeliness: int
    quality: int


class AgreementReplaced(Event):
    label = _("Agreement on scoring replaced by a newer one")
    agreement_id: int


class ItemWritten(Event):
    label = _("Item written")
    item_id: int
    agreement_id: int
    value: int
    task_id: int | None = None
    assignment_id: int | None = None


class ItemGiven(Event):
    label = _("Item given out")
    item_id: int
    turn: int
    user_id: int
    post_id: int


class ItemMoved(Event):
    label = _("Item given to somebody else")
    item_id: int
    turn: int
    user_id: int
    post_id: int


class ItemReported(Event):
    label = _("Work reported")
    item_id: int
    days_late: int


class ScoreWritten(Event):
    label = _("Score written")
    item_id: int
    score_id: int
    round: int
    done: int
    timeliness: int
    quality: int
    points: int


class ItemScored(Event):
    label = _("Item scored")
    item_id: int
    score_id: int
    round: int
    object_by: datetime


class ScoreAccepted(Event):
    label = _("Score accepted")
    item_id: int


class ScoreStood(Event):
    label = _("Nobody objected in time: the score stands")
    item_id: int


class ObjectionRaised(Event):
    label = _("Objection written")
    item_id: int
    objection_id: int
    score_id: int


class ItemObjected(Event):
    label = _("The cadre objects")
    item_id: int
    objection_id: int


class ObjectionAnswered(Event):
    label = _("Answer written")
    item_id: int
    objection_id: int
    outcome: str


class ItemSettled(Event):
    label = _("Objection answered")
    item_id: int
    objection_id: int
    outcome: str
    round: int


class ItemWithdrawn(Event):
    label = _("Item withdrawn")
    item_id: int
