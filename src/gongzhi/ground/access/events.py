"""What access says."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class PostGranted(Event):
    label = _("Post given")
    post_id: int
    user_id: int
    role: str


class PostEnded(Event):
    label = _("Post ended")
    post_id: int
    user_id: int
    role: str


class PowersSwitchedOn(Event):
    label = _("Administrative powers switched on")
    power_id: int
    post_id: int
    minutes: int


class PowersSwitchedOff(Event):
    label = _("Administrative powers switched off")
    power_id: int
    post_id: int


class TokenCreated(Event):
    label = _("Access token made")
    token_id: int
    user_id: int
    verbs: list[str]


class TokenRevoked(Event):
    label = _("Access token revoked")
    token_id: int
    user_id: int


class WorkMoved(Event):
    label = _("Work moved to others")
    move_id: int
    why: str
    person_id: int | None
    stand_ins: int


class StandInMade(Event):
    label = _("Deputy named")
    move_id: int
    stand_in_id: int
    user_id: int
    role: str


class StandInEnded(Event):
    label = _("Deputy no longer needed")
    move_id: int
    stand_in_id: int
    user_id: int


class MoveUndone(Event):
    label = _("Moved work given back")
    move_id: int
