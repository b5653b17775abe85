"""What household points say. Doors and names never."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class RulebookDrafted(Event):
    label = _("Rules of points drafted")
    rulebook_id: int
    number: int


class RulebookChanged(Event):
    label = _("Draft of the rules changed")
    rulebook_id: int


class ItemWritten(Event):
    label = _("Item written into the draft")
    rulebook_id: int
    item_id: int
    value: int
    deducts: bool


class ItemDropped(Event):
    label = _("Item taken out of the draft")
    rulebook_id: int
    item_id: int


class RulebookAdopted(Event):
    label = _("Rules of points adopted by a meeting")
    rulebook_id: int
    meeting: str
    present: int
    in_favour: int


class RulebookReplaced(Event):
    label = _("Rules of points replaced")
    rulebook_id: int
    by_rulebook_id: int


class RulebookDropped(Event):
    label = _("Draft of the rules dropped")
    rulebook_id: int


class HouseholdJoined(Event):
    label = _("Household takes part, with its consent")
    household_id: int
    way: str
    consent_version: int


class HouseholdLeft(Event):
    label = _("Household takes part no longer")
    household_id: int
    way: str


class CodeRenewed(Event):
    label = _("Household’s code renewed")
    household_id: int
    turn: int


class MemberAdded(Event):
    label = _("Member of the assessment group added")
    member_id: int
    user_id: int


class MemberEnded(Event):
    label = _("Member left the assessment group")
    member_id: int
    user_id: int


class PointsClaimed(Event):
    label = _("Points claimed")
    claim_id: int
    item_id: int
    value: int
    way: str


class DeductionProposed(Event):
    label = _("Deduction proposed, with its evidence")
    claim_id: int
    item_id: int
    value: int


class ClaimChecked(Event):
    label = _("Checked by a member of the group")
    claim_id: int
    agrees: bool
    round: int


class ClaimPublished(Event):
    label = _("Claim published")
    claim_id: int
    publication_id: int


class PublicationOpened(Event):
    label = _("List of points published")
    publication_id: int
    claims: int
    days: int


class ClaimWithdrawn(Event):
    label = _("Claim withdrawn")
    claim_id: int


class ClaimStruck(Event):
    label = _("Claim struck off")
    claim_id: int
    objection_id: int | None = None


class ObjectionRaised(Event):
    label = _("Objection raised")
    claim_id: int
    objection_id: int
    way: str


class ObjectionAnswered(Event):
    label = _("Objection answered, with the reason")
    claim_id: int
    objection_id: int
    upheld: bool


class ObjectionDropped(Event):
    label = _("Objection no longer needed")
    claim_id: int
    objection_id: int


class PointsBooked(Event):
    label = _("Points booked")
    household_id: int
    booking_id: int
    kind: str
    amount: int


class GoodOffered(Event):
    label = _("Good for exchange offered")
    good_id: int
    price: int


class GoodChanged(Event):
    label = _("Good for exchange changed")
    good_id: int
    stock: int | None
    offered: bool


class PointsExchanged(Event):
    label = _("Points exchanged")
    exchange_id: int
    good_id: int
    count: int


class ExchangeTakenBack(Event):
    label = _("Exchange taken back")
    exchange_id: int
