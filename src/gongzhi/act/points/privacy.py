"""What household points keep about households, and for how long."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_CONSENT = _("consent of the household, which may leave at any time")
_DOOR = _("to know which household takes part; the only sign of it that is published")
_ASK = _("to find the household when something is unclear")
_DEED = _("to see whether the points are due")
_ANSWER = _("to answer an objection with the reason")


def _kept(field: str, why: str | Promise, clock: str, data_class: DataClass = DataClass.PERSONAL) -> Personal:
    model, _dot, name = field.rpartition(".")
    return Personal(
        model, name, why=why, basis=_CONSENT, data_class=data_class, clock=clock, keep_days="points.keep_days"
    )


declare(
    _kept("points.Household.label", _DOOR, "left_at"),
    _kept("points.Household.contact", _ASK, "left_at", DataClass.SENSITIVE),
    _kept("points.Claim.words", _DEED, "made_at"),
    _kept("points.Check.words", _DEED, "at"),
    _kept("points.Objection.words", _ANSWER, "made_at"),
    _kept("points.Objection.answer", _ANSWER, "made_at"),
    _kept("points.Exchange.reason", _ANSWER, "at"),
    harmless={
        "points.Rulebook.place_path",
        "points.Rulebook.state",
        "points.Rulebook.words",
        "points.Rulebook.meeting",
        "points.Rulebook.meeting_name",
        "points.Item.kind",
        "points.Item.name",
        "points.Item.checked",
        "points.Household.place_path",
        "points.Household.code_digest",
        "points.Household.consent_way",
        "points.Household.left_way",
        "points.Member.place_path",
        "points.Publication.place_path",
        "points.Claim.place_path",
        "points.Claim.way",
        "points.Claim.key",
        "points.Claim.state",
        "points.Objection.way",
        "points.Objection.state",
        "points.Good.place_path",
        "points.Good.kind",
        "points.Good.name",
        "points.Exchange.key",
        "points.Exchange.state",
        "points.Booking.place_path",
        "points.Booking.kind",
        "points.Booking.account",
    },
)
