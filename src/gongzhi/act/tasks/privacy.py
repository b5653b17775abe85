"""What a task keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_DUTY = _("statutory duty to receive and answer residents' demands")

declare(
    Personal(
        "tasks.Task",
        "words",
        why=_("to tell the reporter what was done"),
        basis=_DUTY,
        clock="ended_at",
        keep_days=1825,
    ),
    Personal(
        "tasks.Task",
        "return_reason",
        why=_("to rule whose matter it is"),
        basis=_DUTY,
        data_class=DataClass.INTERNAL,
        clock="ended_at",
        keep_days=1825,
    ),
    Personal(
        "tasks.TaskPhoto",
        "large",
        why=_("to show what was done"),
        basis=_DUTY,
        clock="task__ended_at",
        keep_days="privacy.keep_days.photo",
    ),
    Personal(
        "tasks.TaskPhoto",
        "small",
        why=_("to show what was done"),
        basis=_DUTY,
        clock="task__ended_at",
        keep_days="privacy.keep_days.photo",
    ),
    harmless={"tasks.Task.state", "tasks.Task.role", "tasks.Task.place_path"},
)
