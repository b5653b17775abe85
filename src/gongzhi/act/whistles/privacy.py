"""What a whistle keeps about people, and for how long."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_DUTY = _("statutory duty to receive and answer residents' demands")


def _internal(model: str, field: str, why: str | Promise, clock: str) -> Personal:
    return Personal(
        model,
        field,
        why=why,
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock=clock,
        keep_days=1825,
    )


declare(
    _internal("whistles.Whistle", "need", _("to tell the units what they are needed for"), "ended_at"),
    _internal("whistles.Whistle", "site", _("to tell the units where to come"), "ended_at"),
    _internal("whistles.Whistle", "result", _("to tell what came of it"), "ended_at"),
    _internal("whistles.Invitation", "reason", _("to rule whether the unit must come"), "whistle__ended_at"),
    _internal("whistles.Invitation", "ruling", _("to say why it was ruled so"), "whistle__ended_at"),
    _internal("whistles.Invitation", "measures", _("to tell what the unit did"), "whistle__ended_at"),
    _internal("whistles.Invitation", "result", _("to tell what came of it"), "whistle__ended_at"),
    _internal("whistles.Appraisal", "words", _("so that both sides do better next time"), "at"),
    harmless={
        "whistles.Whistle.kind",
        "whistles.Whistle.state",
        "whistles.Whistle.place_path",
        "whistles.Invitation.role",
        "whistles.Invitation.outside",
        "whistles.Invitation.state",
        "whistles.Appraisal.side",
        "whistles.Appraisal.mark",
    },
)
