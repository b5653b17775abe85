"""What a dispute says. Never who the parties are."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class DisputeOpened(Event):
    label = _("Dispute opened")
    dispute_id: int
    kind: str


class PartyAdded(Event):
    label = _("Party added")
    dispute_id: int
    party_id: int
    side: str


class PartyConsented(Event):
    label = _("Party agrees to be mediated")
    dispute_id: int
    party_id: int
    way: str


class PartyRefused(Event):
    label = _("Party does not want mediation")
    dispute_id: int
    party_id: int


class PartyNamed(Event):
    label = _("Party may be named to the others")
    dispute_id: int
    party_id: int


class MediatorProposed(Event):
    label = _("Mediator proposed")
    dispute_id: int
    post_id: int


class MediatorChosen(Event):
    label = _("Party agrees to the mediator")
    dispute_id: int
    party_id: int
    way: str


class MediatorWished(Event):
    label = _("Party wishes for another mediator")
    dispute_id: int
    party_id: int
    post_id: int


class StatementGiven(Event):
    label = _("Statement given")
    dispute_id: int
    party_id: int


class MediationBegan(Event):
    label = _("Mediation began")
    dispute_id: int


class TermExtended(Event):
    label = _("The parties agreed to take longer")
    dispute_id: int


class RiskNoted(Event):
    label = _("It may escalate")
    dispute_id: int


class MeetingPlanned(Event):
    label = _("Meeting planned")
    dispute_id: int
    meeting_id: int


class MeetingHeld(Event):
    label = _("Meeting held")
    dispute_id: int
    meeting_id: int


class MeetingCancelled(Event):
    label = _("Meeting cancelled")
    dispute_id: int
    meeting_id: int


class AgreementProposed(Event):
    label = _("Agreement proposed")
    dispute_id: int
    agreement_id: int


class AgreementWithdrawn(Event):
    label = _("Proposed agreement withdrawn")
    dispute_id: int
    agreement_id: int


class AgreementSigned(Event):
    label = _("Party signed the agreement")
    dispute_id: int
    agreement_id: int
    party_id: int
    way: str


class AgreementInForce(Event):
    label = _("Agreement in force")
    dispute_id: int
    agreement_id: int


class ObligationAgreed(Event):
    label = _("Obligation written down")
    dispute_id: int
    obligation_id: int


class ObligationSettled(Event):
    label = _("Obligation looked at")
    dispute_id: int
    obligation_id: int
    done: bool


class ObligationReminded(Event):
    label = _("Obligation is due: mediator reminded")
    dispute_id: int
    obligation_id: int


class CourtNoted(Event):
    label = _("Court confirmation noted")
    dispute_id: int
    agreement_id: int
    court: str


class DisputeEnded(Event):
    label = _("Dispute ended")
    dispute_id: int
    state: str
