"""The addresses to which somebody wants their numbers sent."""

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_WISH = _("Consent: the person asked for reminders and can stop them at any time")
_UNTIL = _("the person switches reminders off, or the account is closed")

declare(
    Personal(
        "digests.Digest",
        "email",
        why=_("to send the person the numbers of their own open work"),
        basis=_WISH,
        data_class=DataClass.SENSITIVE,
        until=_UNTIL,
    ),
    Personal(
        "digests.Digest",
        "phone",
        why=_("to send the person the numbers of their own open work"),
        basis=_WISH,
        data_class=DataClass.SENSITIVE,
        until=_UNTIL,
    ),
    harmless={
        "digests.Digest.rhythm",
        "digests.Sending.way",
        "digests.Sending.state",
        "digests.Sending.why",
    },
)
