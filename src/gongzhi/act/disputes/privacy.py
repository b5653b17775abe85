"""What a dispute keeps about people, and for how long."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.privacy import DataClass, Personal, declare

_CONSENT = _("consent of the party, who may stop at any time (People’s Mediation Law)")
_WHOM = _("to know between whom it is, and to reach them")
_HEAR = _("to hear each side and find an agreement")
_FILE = _("the file of the mediation, by which the agreement is watched over")


def _kept(field: str, why: str | Promise, clock: str, days: int | str, data_class: DataClass) -> Personal:
    model, _dot, name = field.rpartition(".")
    return Personal(model, name, why=why, basis=_CONSENT, data_class=data_class, clock=clock, keep_days=days)


declare(
    _kept("disputes.Dispute.subject", _HEAR, "ended_at", 3650, DataClass.PERSONAL),
    _kept("disputes.Dispute.facts", _HEAR, "ended_at", 3650, DataClass.SENSITIVE),
    _kept("disputes.Dispute.end_words", _FILE, "ended_at", 3650, DataClass.SENSITIVE),
    _kept("disputes.Party.name", _WHOM, "dispute__ended_at", 3650, DataClass.SENSITIVE),
    _kept("disputes.Party.phone", _WHOM, "dispute__ended_at", "privacy.keep_days.contact", DataClass.SENSITIVE),
    _kept("disputes.Party.statement", _HEAR, "dispute__ended_at", 1825, DataClass.SENSITIVE),
    _kept("disputes.Meeting.site", _WHOM, "dispute__ended_at", 1825, DataClass.INTERNAL),
    _kept("disputes.Meeting.minutes", _FILE, "dispute__ended_at", 3650, DataClass.SENSITIVE),
    _kept("disputes.Agreement.content", _FILE, "dispute__ended_at", 3650, DataClass.PERSONAL),
    _kept("disputes.Obligation.what", _FILE, "agreement__dispute__ended_at", 3650, DataClass.PERSONAL),
    harmless={
        "disputes.Dispute.kind",
        "disputes.Dispute.state",
        "disputes.Dispute.place_path",
        "disputes.Dispute.ending",
        "disputes.Dispute.referral",
        "disputes.Party.side",
        "disputes.Party.consented_by",
        "disputes.Party.mediator_by",
        "disputes.Meeting.state",
        "disputes.Agreement.form",
        "disputes.Agreement.state",
        "disputes.Agreement.court",
        "disputes.Signature.way",
        "disputes.Obligation.state",
    },
)
