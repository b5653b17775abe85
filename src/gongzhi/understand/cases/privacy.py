"""What a case keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_DUTY = _("statutory duty to receive and answer residents' demands")

declare(
    Personal(
        "cases.Case",
        "summary",
        why=_("to know the matter again in a list"),
        basis=_DUTY,
        clock="closed_at",
        keep_days=1825,
    ),
    Personal(
        "cases.Case",
        "address",
        why=_("to find the place of the matter"),
        basis=_DUTY,
        clock="closed_at",
        keep_days=1825,
    ),
    Personal("cases.Case", "outcome", why=_("to tell the outcome"), basis=_DUTY, clock="closed_at", keep_days=1825),
    Personal(
        "cases.Case",
        "pause_reason",
        why=_("to tell the reporter why the clock stands"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="closed_at",
        keep_days=1825,
    ),
    Personal(
        "cases.Case",
        "extension_reason",
        why=_("to tell the reporter why it takes longer"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="closed_at",
        keep_days=1825,
    ),
    Personal(
        "cases.Note",
        "text",
        why=_("to work on the matter together"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="case__closed_at",
        keep_days=1825,
    ),
    harmless={
        "cases.Case.number",
        "cases.Case.state",
        "cases.Case.channel",
        "cases.Case.place_path",
        "cases.Case.lead_role",
        "cases.Case.deadline_rule",
        "cases.Case.left",
        "cases.Case.closed_as",
        "cases.Category.code",
        "cases.Category.name_zh",
        "cases.Category.name_en",
        "cases.Category.hint_zh",
        "cases.Category.hint_en",
        "cases.Category.kind",
        "cases.Category.deadline_rule",
        "cases.Category.role",
        "cases.Category.basis",
        "cases.Category.icon",
        "cases.Category.keywords",
        "cases.Responsibility.place_path",
        "cases.Responsibility.role",
    },
)
