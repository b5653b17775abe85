"""What the register of capable people keeps, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_CONSENT = _("Consent of the person, who may leave the register at any time")
_WORK = _("work of the committee with groups that take part of their own will")

declare(
    Personal(
        "callups.Capable",
        "name",
        why=_("to know whom to ask when something must be done that they can do"),
        basis=_CONSENT,
        data_class=DataClass.SENSITIVE,
        clock="left_at",
        keep_days=0,
    ),
    Personal(
        "callups.Capable",
        "phone",
        why=_("to call them when they are needed"),
        basis=_CONSENT,
        data_class=DataClass.SENSITIVE,
        clock="left_at",
        keep_days=0,
    ),
    Personal(
        "callups.CallUp",
        "words",
        why=_("to say what people are needed for"),
        basis=_WORK,
        data_class=DataClass.INTERNAL,
        clock="called_at",
        keep_days=365,
    ),
    Personal(
        "callups.Claim",
        "part",
        why=_("to say which piece a group has taken"),
        basis=_WORK,
        data_class=DataClass.INTERNAL,
        clock="ended_at",
        keep_days=1095,
    ),
    Personal(
        "callups.Claim",
        "words",
        why=_("to say what came of it"),
        basis=_WORK,
        data_class=DataClass.INTERNAL,
        clock="ended_at",
        keep_days=1095,
    ),
    harmless={
        "callups.Capable.place_path",
        "callups.Capable.skills",
        "callups.Capable.consent",
        "callups.CallUp.place_path",
        "callups.CallUp.skill",
        "callups.Called.answer",
        "callups.Group.place_path",
        "callups.Group.kind",
        "callups.Group.name",
        "callups.Claim.place_path",
        "callups.Claim.state",
    },
)
