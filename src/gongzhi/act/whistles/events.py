"""What a whistle says."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class WhistleBlown(Event):
    label = _("Whistle blown")
    whistle_id: int
    kind: str
    case_ids: list[int]


class UnitCalled(Event):
    label = _("Unit called")
    whistle_id: int
    invitation_id: int


class UnitAccepted(Event):
    label = _("Unit comes")
    whistle_id: int
    invitation_id: int


class UnitDeclined(Event):
    label = _("Unit declines")
    whistle_id: int
    invitation_id: int


class RefusalRuled(Event):
    label = _("Ruled on a unit that declines")
    whistle_id: int
    invitation_id: int
    excused: bool


class UnitArrived(Event):
    label = _("Unit arrived")
    whistle_id: int
    invitation_id: int
    late: bool


class UnitReminded(Event):
    label = _("Unit is late: reminded")
    whistle_id: int
    invitation_id: int


class UnitReported(Event):
    label = _("Unit reported")
    whistle_id: int
    invitation_id: int


class UnitMissed(Event):
    label = _("Unit did not come")
    whistle_id: int
    invitation_id: int


class UnitReleased(Event):
    label = _("Unit no longer needed")
    whistle_id: int
    invitation_id: int


class WhistleEnded(Event):
    label = _("Whistle ended")
    whistle_id: int
    case_ids: list[int]


class WhistleCalledOff(Event):
    label = _("Whistle called off")
    whistle_id: int
    case_ids: list[int]


class AppraisalGiven(Event):
    label = _("Appraisal given")
    whistle_id: int
    invitation_id: int
    appraisal_id: int
    side: str
