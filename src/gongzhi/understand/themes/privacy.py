"""What a theme keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_DUTY = _("statutory duty to receive and answer residents' demands")

declare(
    Personal(
        "themes.Theme",
        "name",
        why=_("to know the theme again"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="proposed_at",
        keep_days=3650,
    ),
    Personal(
        "themes.Theme",
        "terms",
        why=_("to show what the demands have in common"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="proposed_at",
        keep_days=1825,
    ),
    Personal(
        "themes.Theme",
        "outcome",
        why=_("to tell everybody behind it what became of it"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="answered_at",
        keep_days=3650,
    ),
    Personal(
        "themes.Theme",
        "drop_reason",
        why=_("to say why it is no theme"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="dropped_at",
        keep_days=1825,
    ),
    Personal(
        "themes.Quote",
        "text",
        why=_("to let the owner hear how residents say it, with everything personal masked"),
        basis=_DUTY,
        clock="chosen_at",
        keep_days=1825,
    ),
    harmless={
        "themes.Survey.place_path",
        "themes.Survey.category",
        "themes.Survey.state",
        "themes.Theme.state",
        "themes.Theme.place_path",
        "themes.Theme.owner_role",
    },
)
