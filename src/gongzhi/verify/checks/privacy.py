"""What a check keeps about people, and for how long."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import Personal, declare

declare(
    Personal(
        "checks.Check",
        "words",
        why=_("to know whether it helped, and what is still wrong"),
        basis=_("statutory duty to receive and answer residents' demands"),
        clock="concluded_at",
        keep_days=1825,
    ),
    Personal(
        "checks.Answer",
        "words",
        why=_("to know whether it helped, and what is still wrong"),
        basis=_("statutory duty to receive and answer residents' demands"),
        clock="at",
        keep_days=1825,
    ),
    harmless={
        "checks.Check.said",
        "checks.Check.satisfied",
        "checks.Answer.satisfied",
        "checks.Answer.method",
        "checks.Check.place_path",
        "checks.Check.worker_role",
        "checks.Check.state",
        "checks.Check.method",
        "checks.Check.result",
    },
)
