"""The six kinds of demands that are not dispatched: where each belongs instead, in words for the reporter."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.understand.cases.models import Case

BASIS: Final[Promise] = _(
    "Beijing ordinance on the immediate response to public complaints (2021): six kinds are not dispatched"
)

WHERE_TO: Final[dict[str, Promise]] = {
    Case.Referral.EMERGENCY_LINE: _("Call 110 (police), 119 (fire), 120 (ambulance) or 122 (road accidents) at once."),
    Case.Referral.LEGAL_CHANNEL: _(
        "A court, an arbitration or a review decides this, and not an office. Free legal advice: call 12348."
    ),
    Case.Referral.ALREADY_HANDLED: _(
        "It has been handled already. If there are new facts, tell us which: object below."
    ),
    Case.Referral.SECRET: _("Please do not write about it here. Speak with the office in person."),
    Case.Referral.OUTSIDE_DUTY: _("No office here has the duty or the right to settle this."),
    Case.Referral.UNLAWFUL: _("What is asked for would break the law, so nobody may do it."),
}
