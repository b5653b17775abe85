"""What a visit keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_DUTY = _("statutory duty to receive and answer residents' demands")

declare(
    Personal(
        "visits.Visit",
        "whom",
        why=_("to know whom to look in on, and to whom something was promised"),
        basis=_DUTY,
        clock="day",
        keep_days="privacy.keep_days.visit",
    ),
    Personal(
        "visits.Visit",
        "asked",
        why=_("to settle what was asked for at the door"),
        basis=_DUTY,
        clock="day",
        keep_days="privacy.keep_days.visit",
    ),
    Personal(
        "visits.Visit",
        "promise",
        why=_("to keep what was promised"),
        basis=_DUTY,
        clock="day",
        keep_days="privacy.keep_days.visit",
    ),
    Personal(
        "visits.Visit",
        "kept_words",
        why=_("to keep what was promised"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="day",
        keep_days="privacy.keep_days.visit",
    ),
    harmless={"visits.Visit.state", "visits.Visit.place_path", "visits.Visit.role"},
)
