"""Everything that can happen to a dispute: opening, choosing, meeting, agreeing, keeping, ending.

The mediator acts by name; a party acts by their own link (``by=None``), or the mediator records what the party did on
paper. Nobody is pressed: any party may refuse or stop at any time before the agreement is in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.disputes.events import (
    AgreementInForce,
    AgreementProposed,
    AgreementSigned,
    AgreementWithdrawn,
    CourtNoted,
    DisputeEnded,
    DisputeOpened,
    MediationBegan,
    MediatorChosen,
    MediatorProposed,
    MediatorWished,
    MeetingCancelled,
    MeetingHeld,
    MeetingPlanned,
    ObligationAgreed,
    ObligationReminded,
    ObligationSettled,
    PartyAdded,
    PartyConsented,
    PartyNamed,
    PartyRefused,
    RiskNoted,
    StatementGiven,
    TermExtended,
)
from gongzhi.act.disputes.models import (
    Agreement,
    Attendance,
    Dispute,
    Kind,
    Meeting,
    Move,
    Obligation,
    Party,
    Side,
    Signature,
    State,
    Way,
)
from gongzhi.act.tasks.actions import report_done
from gongzhi.act.tasks.models import Task
from gongzhi.ground.access.actions import holding, require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import positions_of
from gongzhi.ground.access.roles import roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import ancestors
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases.models import Case

MOST_PARTIES = 12
MOST_OBLIGATIONS = 12


@dataclass(frozen=True)
class NewParty:
    """Somebody who takes part. ``reporter``: whose report the case is."""

    name: str
    side: str
    phone: str = ""
    person: User | None = None
    reporter: bool = False


@dataclass(frozen=True)
class Promise:
    """What one party (by number) has to do by a day."""

    party: int
    what: str
    due_on: date


def _words(given: str, field: str, least: int, most: int, missing: str) -> str:
    clean = given.replace("\x00", "").strip()
    if len(clean) < least:
        raise Refusal(missing, field=field, status=422)
    if len(clean) > most:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": most}, field=field, status=422)
    return clean


def _say(
    event: Event,
    about: Recorded,
    dispute: Dispute,
    by: User | None,
    now: datetime,
    *save: str,
    created: bool = False,
) -> None:
    post = dispute.mediator_post if by is not None and by.pk == dispute.mediator_id else None
    record(event, about=about, by=by, now=now, post=post, place=dispute.place_path, save=None if created else save)


# --- opening -----------------------------------------------------------------------------------------


def mediators_for(path: str, on: date) -> list[Post]:
    """Who may mediate at this path: posts with the verb, there or above, one of each person."""
    posts = (
        Post.objects.current(on)
        .filter(role__in=sorted(roles_with("disputes.mediate")), place_path__in=ancestors(path), user__is_active=True)
        .select_related("place", "user")
        .order_by("-place_path", "pk")
    )
    return list({post.user_id: post for post in reversed(list(posts))}.values())[::-1]


@transaction.atomic
def open_dispute(
    *,
    place: Place,
    kind: str,
    subject: str,
    facts: str,
    parties: Sequence[NewParty],
    by: User,
    now: datetime,
    case: Case | None = None,
) -> Dispute:
    """Open a dispute, directly or from a case. Whoever opens it is proposed as its mediator."""
    post = require(by, "disputes.mediate", place.path, now)
    if kind not in Kind.values:
        raise Refusal(_("There is no such kind of dispute."), field="kind", status=422)
    title = _words(subject, "subject", 2, 120, _("Say what it is about, without names: every party reads it."))
    told = _words(facts, "facts", 2, 4000, _("Say what happened."))
    if case is not None:
        if not Case.objects.visible_to(by).filter(pk=case.pk).exists() or not case.is_open:
            raise NotThere()
        if case.category is None or not case.category.private:
            raise Refusal(
                _("First sort the case as a matter between people; until then others may be shown it."),
                field="case",
                status=422,
            )
        if Dispute.objects.live().filter(case=case).exists():
            raise Refusal(_("This case is already being mediated."), field="case")
    if len(parties) < 2:
        raise Refusal(_("A dispute has at least two parties."), field="parties", status=422)
    dispute = Dispute(
        kind=kind,
        place=place,
        place_path=place.path,
        subject=title,
        case=case,
        mediator=by,
        mediator_post=post,
        opened_at=now,
        opened_by=by,
    )
    dispute.facts = told
    dispute.save()
    _say(DisputeOpened(dispute_id=dispute.pk, kind=kind), dispute, dispute, by, now, created=True)
    for one in parties:
        _add(dispute, one, by=by, now=now)
    return dispute


def _add(dispute: Dispute, one: NewParty, *, by: User, now: datetime) -> Party:
    name = _words(one.name, "name", 1, 60, _("Each party has a name."))
    phone = one.phone.replace("\x00", "").strip()
    if len(phone) > 30:
        raise Refusal(_("This telephone number is too long."), field="phone", status=422)
    if one.side not in Side.values:
        raise Refusal(_("Please choose the side."), field="side", status=422)
    if _is_mediator(dispute.mediator, name, one.person):
        raise Refusal(_("The mediator must not be a party."), field="name", status=422)
    newest = dispute.parties.aggregate(newest=Max("number"))["newest"] or 0
    if newest >= MOST_PARTIES:
        raise Refusal(_("At most %(count)d parties, please.") % {"count": MOST_PARTIES}, field="name", status=422)
    party = Party(dispute=dispute, number=newest + 1, side=one.side, person=one.person, reporter=one.reporter)
    party.name = name
    party.phone = phone
    party.save()
    _say(PartyAdded(dispute_id=dispute.pk, party_id=party.pk, side=one.side), party, dispute, by, now, created=True)
    return party


def _is_mediator(mediator: User, name: str, person: User | None) -> bool:
    return (person is not None and person.pk == mediator.pk) or name == mediator.name.strip()


# --- who acts ----------------------------------------------------------------------------------------


def _mine(dispute_id: int, by: User, now: datetime) -> Dispute:
    """The dispute, locked, if the person mediates it. Who only reads it: 403; everybody else: not there."""
    found = (
        Dispute.objects.visible_to(by)
        .select_for_update(of=("self",))
        .select_related("mediator", "mediator_post", "case")
        .filter(pk=dispute_id)
        .first()
    )
    if found is None:
        raise NotThere()
    if found.mediator_id != by.pk or holding(by, "disputes.mediate", found.place_path, now) is None:
        raise Refusal(_("Only the mediator does this."), status=403)
    return found


def _party(party_id: int, by: User | None, now: datetime) -> tuple[Party, Dispute]:
    """The party, its dispute locked. ``by``: the mediator, who records it; none: the party's own link was checked."""
    row = Party.objects.filter(pk=party_id).first()
    if row is None:
        raise NotThere()
    if by is not None:
        dispute = _mine(row.dispute_id, by, now)
    else:
        dispute = (
            Dispute.objects.select_for_update(of=("self",))
            .select_related("mediator", "mediator_post", "case")
            .get(pk=row.dispute_id)
        )
    party = Party.objects.select_for_update(of=("self",)).get(pk=party_id)
    return party, dispute


def _way(by: User | None) -> Way:
    return Way.LINK if by is None else Way.PAPER


# --- what a party does, or the mediator records for them ---------------------------------------------


@transaction.atomic
def add_party(*, dispute_id: int, party: NewParty, by: User, now: datetime) -> Party:
    dispute = _mine(dispute_id, by, now)
    if dispute.state != State.OPEN:
        raise Refusal(_("Parties are added before the mediation begins."))
    return _add(dispute, party, by=by, now=now)


@transaction.atomic
def consent(*, party_id: int, by: User | None, now: datetime) -> Party:
    """The party agrees to be mediated."""
    party, dispute = _party(party_id, by, now)
    dispute.must_allow(Move.CHANGE)
    if party.consented_at is not None:
        raise Refusal(_("This has already been said."))
    party.consented_at, party.consented_by, party.refused_at = now, _way(by), None
    event = PartyConsented(dispute_id=dispute.pk, party_id=party.pk, way=_way(by).value)
    _say(event, party, dispute, by, now, "consented_at", "consented_by", "refused_at")
    _maybe_begin(dispute, by, now)
    return party


@transaction.atomic
def refuse(*, party_id: int, by: User | None, now: datetime) -> Party:
    """The party does not want mediation, or not any more: it ends at once. Nobody asks for a reason."""
    party, dispute = _party(party_id, by, now)
    dispute.must_allow(Move.CHANGE)
    began = dispute.state == State.MEDIATING
    party.consented_at, party.consented_by, party.refused_at = None, "", now
    event = PartyRefused(dispute_id=dispute.pk, party_id=party.pk)
    _say(event, party, dispute, by, now, "consented_at", "consented_by", "refused_at")
    dispute.go(Move.TERMINATE)
    dispute.ending = Dispute.Ending.STOPPED if began else Dispute.Ending.REFUSED
    _end(dispute, by, now)
    return party


@transaction.atomic
def allow_name(*, party_id: int, by: User | None, now: datetime) -> Party:
    """The other parties may be told who this is."""
    party, dispute = _party(party_id, by, now)
    dispute.must_allow(Move.CHANGE)
    if party.named_at is not None:
        raise Refusal(_("This has already been said."))
    party.named_at = now
    _say(PartyNamed(dispute_id=dispute.pk, party_id=party.pk), party, dispute, by, now, "named_at")
    return party


@transaction.atomic
def choose_mediator(*, party_id: int, by: User | None, now: datetime, post_id: int | None = None) -> Party:
    """The party agrees to the proposed mediator, or (``post_id``) wishes for another one from the list."""
    party, dispute = _party(party_id, by, now)
    if dispute.state != State.OPEN:
        raise Refusal(_("The mediation has already begun."))
    if post_id is not None and post_id != dispute.mediator_post_id:
        wished = next(
            (one for one in mediators_for(dispute.place_path, timezone.localdate(now)) if one.pk == post_id), None
        )
        if wished is None:
            raise Refusal(_("This mediator is not on the list."), field="post", status=422)
        party.wish, party.mediator_at, party.mediator_by = wished, None, ""
        event: Event = MediatorWished(dispute_id=dispute.pk, party_id=party.pk, post_id=wished.pk)
        _say(event, party, dispute, by, now, "wish", "mediator_at", "mediator_by")
        return party
    if party.mediator_at is not None:
        raise Refusal(_("This has already been said."))
    party.mediator_at, party.mediator_by, party.wish = now, _way(by), None
    event = MediatorChosen(dispute_id=dispute.pk, party_id=party.pk, way=_way(by).value)
    _say(event, party, dispute, by, now, "mediator_at", "mediator_by", "wish")
    _maybe_begin(dispute, by, now)
    return party


@transaction.atomic
def propose_mediator(*, dispute_id: int, post_id: int, by: User, now: datetime) -> Dispute:
    """Hand the dispute to another mediator from the list, whom every party has to agree to anew.

    A party that wished for this one has agreed by that. The one who hands over sees the dispute no more.
    """
    dispute = _mine(dispute_id, by, now)
    if dispute.state != State.OPEN:
        raise Refusal(_("The mediation has already begun."))
    chosen = next(
        (one for one in mediators_for(dispute.place_path, timezone.localdate(now)) if one.pk == post_id), None
    )
    if chosen is None:
        raise Refusal(_("This mediator is not on the list."), field="post", status=422)
    if chosen.user_id == dispute.mediator_id:
        raise Refusal(_("This is the mediator already."), field="post", status=422)
    parties = list(dispute.parties.select_for_update(of=("self",)).order_by("number"))
    if any(_is_mediator(chosen.user, one.name.open(), one.person) for one in parties):
        raise Refusal(_("The mediator must not be a party."), field="post", status=422)
    post = dispute.mediator_post
    dispute.mediator, dispute.mediator_post = chosen.user, chosen
    record(
        MediatorProposed(dispute_id=dispute.pk, post_id=chosen.pk),
        about=dispute,
        by=by,
        now=now,
        post=post,
        place=dispute.place_path,
        save=("mediator", "mediator_post"),
    )
    for party in parties:
        wished = party.wish_id == chosen.pk
        if party.mediator_at is None and not wished:
            continue
        party.mediator_at, party.mediator_by = (now, Way.LINK) if wished else (None, "")
        party.wish = None
        event = (
            MediatorChosen(dispute_id=dispute.pk, party_id=party.pk, way=Way.LINK.value)
            if wished
            else MediatorWished(dispute_id=dispute.pk, party_id=party.pk, post_id=chosen.pk)
        )
        _say(event, party, dispute, None, now, "mediator_at", "mediator_by", "wish")
    _maybe_begin(dispute, None, now)
    return dispute


@transaction.atomic
def give_statement(*, party_id: int, words: str, by: User | None, now: datetime) -> Party:
    """What happened, in the party's own words. The other parties never read it."""
    party, dispute = _party(party_id, by, now)
    dispute.must_allow(Move.CHANGE)
    clean = _words(words, "words", 2, 4000, _("Say in your own words what happened and what you wish."))
    party.statement, party.stated_at = clean, now
    event = StatementGiven(dispute_id=dispute.pk, party_id=party.pk)
    _say(event, party, dispute, by, now, "statement", "stated_at")
    return party


def _maybe_begin(dispute: Dispute, by: User | None, now: datetime) -> None:
    """It begins when every party has agreed, to be mediated and to this mediator. The term counts from then."""
    if dispute.state != State.OPEN or not all(party.ready for party in dispute.parties.all()):
        return
    dispute.go(Move.BEGIN)
    span = Span.parse(rule("disputes.term", path=dispute.place_path, on=timezone.localdate(now)))
    dispute.began_at, dispute.due_at = now, clock.deadline(now, span, path=dispute.place_path)
    _say(MediationBegan(dispute_id=dispute.pk), dispute, dispute, by, now, "state", "began_at", "due_at")


# --- what the mediator does --------------------------------------------------------------------------


@transaction.atomic
def extend_term(*, dispute_id: int, until: date, by: User, now: datetime) -> Dispute:
    """The parties agreed to take longer; the mediator notes until when."""
    dispute = _mine(dispute_id, by, now)
    dispute.must_allow(Move.NEGOTIATE)
    on = timezone.localdate(now)
    if dispute.due_at is None or until <= max(on, timezone.localdate(dispute.due_at)):
        raise Refusal(_("The new day lies after the present one."), field="until", status=422)
    if (until - on).days > 365:
        raise Refusal(_("At most one year from now."), field="until", status=422)
    dispute.due_at = clock.deadline(now, Span.parse(f"{(until - on).days} natural_days"), path=dispute.place_path)
    dispute.longer = True
    _say(TermExtended(dispute_id=dispute.pk), dispute, dispute, by, now, "due_at", "longer")
    return dispute


@transaction.atomic
def note_risk(*, dispute_id: int, by: User, now: datetime) -> Dispute:
    """It may escalate: the mediator does not wait, and refers it to the police when it has to be."""
    dispute = _mine(dispute_id, by, now)
    if not dispute.is_live:
        raise Refusal(_("This dispute has already ended."))
    if dispute.risk_at is not None:
        raise Refusal(_("This has already been noted."))
    dispute.risk_at = now
    _say(RiskNoted(dispute_id=dispute.pk), dispute, dispute, by, now, "risk_at")
    return dispute


@transaction.atomic
def plan_meeting(
    *, dispute_id: int, at: datetime, site: str, party_ids: Sequence[int], by: User, now: datetime
) -> Meeting:
    """Ask parties to a meeting: all, or one side alone. Who does not want to be named meets nobody else."""
    dispute = _mine(dispute_id, by, now)
    dispute.must_allow(Move.CHANGE)
    where = _words(site, "site", 2, 200, _("Say where to meet."))
    if at <= now:
        raise Refusal(_("The meeting lies ahead."), field="at", status=422)
    asked = list(dispute.parties.filter(pk__in=party_ids))
    if not asked or len(asked) != len(set(party_ids)):
        raise Refusal(_("Choose who is asked to the meeting."), field="parties", status=422)
    if len(asked) > 1 and any(one.named_at is None for one in asked):
        raise Refusal(
            _("A party has not agreed to be named. Until then meet each side alone."), field="parties", status=422
        )
    meeting = Meeting.objects.create(dispute=dispute, at=at, site=where)
    Attendance.objects.bulk_create([Attendance(meeting=meeting, party=one) for one in asked])
    _say(MeetingPlanned(dispute_id=dispute.pk, meeting_id=meeting.pk), meeting, dispute, by, now, created=True)
    return meeting


def _meeting(meeting_id: int, by: User, now: datetime) -> tuple[Meeting, Dispute]:
    row = Meeting.objects.filter(pk=meeting_id).first()
    if row is None:
        raise NotThere()
    dispute = _mine(row.dispute_id, by, now)
    meeting = Meeting.objects.select_for_update(of=("self",)).get(pk=meeting_id)
    if meeting.state != Meeting.State.PLANNED:
        raise Refusal(_("This meeting has already ended."))
    return meeting, dispute


@transaction.atomic
def hold_meeting(*, meeting_id: int, minutes: str, came: Sequence[int], by: User, now: datetime) -> Meeting:
    """The meeting took place: who came (ids of parties), and the minutes."""
    meeting, dispute = _meeting(meeting_id, by, now)
    clean = _words(minutes, "minutes", 2, 8000, _("Write down what was said and what came of it."))
    if meeting.at > now:
        raise Refusal(_("This meeting has not begun yet."))
    meeting.state, meeting.ended_at = Meeting.State.HELD, now
    meeting.minutes = clean
    for one in meeting.attendances.all():
        one.came = one.party_id in set(came)
        one.save(update_fields=["came"])
    event = MeetingHeld(dispute_id=dispute.pk, meeting_id=meeting.pk)
    _say(event, meeting, dispute, by, now, "state", "ended_at", "minutes")
    return meeting


@transaction.atomic
def cancel_meeting(*, meeting_id: int, by: User, now: datetime) -> Meeting:
    meeting, dispute = _meeting(meeting_id, by, now)
    meeting.state, meeting.ended_at = Meeting.State.CANCELLED, now
    event = MeetingCancelled(dispute_id=dispute.pk, meeting_id=meeting.pk)
    _say(event, meeting, dispute, by, now, "state", "ended_at")
    return meeting


# --- agreeing ----------------------------------------------------------------------------------------


@transaction.atomic
def propose_agreement(
    *,
    dispute_id: int,
    content: str,
    promises: Sequence[Promise],
    by: User,
    now: datetime,
    oral: bool = False,
) -> Agreement:
    """Put an agreement before all parties. An oral one is recorded and in force at once.

    Everybody has agreed to be named before: an agreement names who owes what to whom.
    """
    dispute = _mine(dispute_id, by, now)
    dispute.must_allow(Move.NEGOTIATE)
    text = _words(content, "content", 4, 4000, _("Write down what is agreed."))
    parties = {one.number: one for one in dispute.parties.all()}
    if any(one.named_at is None for one in parties.values()):
        raise Refusal(_("An agreement names the parties: first each of them agrees to be named."))
    if dispute.agreements.exclude(state=Agreement.State.WITHDRAWN).exists():
        raise Refusal(_("An agreement is already before the parties; withdraw it first."))
    if not promises:
        raise Refusal(_("Say who does what by when."), field="promises", status=422)
    if len(promises) > MOST_OBLIGATIONS:
        raise Refusal(
            _("At most %(count)d obligations, please.") % {"count": MOST_OBLIGATIONS}, field="promises", status=422
        )
    newest = dispute.agreements.aggregate(newest=Max("round"))["newest"] or 0
    form = Agreement.Form.ORAL if oral else Agreement.Form.WRITTEN
    agreement = Agreement.objects.create(dispute=dispute, round=newest + 1, form=form, content=text, proposed_at=now)
    event: Event = AgreementProposed(dispute_id=dispute.pk, agreement_id=agreement.pk)
    _say(event, agreement, dispute, by, now, created=True)
    for number, promise in enumerate(promises, 1):
        party = parties.get(promise.party)
        what = _words(promise.what, "promises", 2, 300, _("Say what has to be done."))
        if party is None or promise.due_on < timezone.localdate(now):
            raise Refusal(_("Each obligation has a party and a day that lies ahead."), field="promises", status=422)
        obligation = Obligation.objects.create(
            agreement=agreement, number=number, party=party, what=what, due_on=promise.due_on
        )
        event = ObligationAgreed(dispute_id=dispute.pk, obligation_id=obligation.pk)
        _say(event, obligation, dispute, by, now, created=True)
    if oral:
        for party in parties.values():
            Signature.objects.create(agreement=agreement, party=party, at=now, way=Way.ORAL)
        _in_force(agreement, dispute, by, now)
    return agreement


@transaction.atomic
def withdraw_agreement(*, agreement_id: int, by: User, now: datetime) -> Agreement:
    """Take back what nobody is bound by yet, to write it anew."""
    agreement, dispute = _agreement(agreement_id, by, now)
    if agreement.state != Agreement.State.PROPOSED:
        raise Refusal(_("Only a proposed agreement is withdrawn."))
    agreement.state = Agreement.State.WITHDRAWN
    event = AgreementWithdrawn(dispute_id=dispute.pk, agreement_id=agreement.pk)
    _say(event, agreement, dispute, by, now, "state")
    return agreement


def _agreement(agreement_id: int, by: User, now: datetime) -> tuple[Agreement, Dispute]:
    row = Agreement.objects.filter(pk=agreement_id).first()
    if row is None:
        raise NotThere()
    dispute = _mine(row.dispute_id, by, now)
    return Agreement.objects.select_for_update(of=("self",)).get(pk=agreement_id), dispute


@transaction.atomic
def sign_agreement(*, agreement_id: int, party_id: int, by: User | None, now: datetime) -> Agreement:
    """A party signs, by link or on paper. With the last signature it is in force."""
    party, dispute = _party(party_id, by, now)
    agreement = Agreement.objects.select_for_update(of=("self",)).filter(pk=agreement_id, dispute_id=dispute.pk).first()
    if agreement is None:
        raise NotThere()
    if agreement.state != Agreement.State.PROPOSED or dispute.state != State.MEDIATING:
        raise Refusal(_("This agreement cannot be signed any more."))
    if agreement.signatures.filter(party=party).exists():
        raise Refusal(_("This party has already signed."))
    Signature.objects.create(agreement=agreement, party=party, at=now, way=_way(by))
    event = AgreementSigned(dispute_id=dispute.pk, agreement_id=agreement.pk, party_id=party.pk, way=_way(by).value)
    _say(event, party, dispute, by, now)
    if agreement.signatures.count() == dispute.parties.count():
        _in_force(agreement, dispute, by, now)
    return agreement


def _in_force(agreement: Agreement, dispute: Dispute, by: User | None, now: datetime) -> None:
    on = timezone.localdate(now)
    span = Span.parse(rule("disputes.court_confirmation", path=dispute.place_path, on=on))
    agreement.state, agreement.effective_at = Agreement.State.EFFECTIVE, now
    agreement.confirm_by = timezone.localdate(clock.deadline(now, span, path=dispute.place_path))
    event = AgreementInForce(dispute_id=dispute.pk, agreement_id=agreement.pk)
    _say(event, agreement, dispute, by, now, "state", "effective_at", "confirm_by")
    dispute.go(Move.AGREE)
    _say(event, dispute, dispute, by, now, "state")


@transaction.atomic
def note_court(*, agreement_id: int, court: str, on: date, by: User, now: datetime) -> Agreement:
    """The parties asked the court together to confirm the agreement, or the court has answered."""
    agreement, dispute = _agreement(agreement_id, by, now)
    if agreement.state != Agreement.State.EFFECTIVE or agreement.confirm_by is None:
        raise Refusal(_("Only an agreement in force is confirmed by a court."))
    if court not in Agreement.Court.values:
        raise Refusal(_("Please choose what the court did."), field="court", status=422)
    if not timezone.localdate(agreement.effective_at) <= on <= timezone.localdate(now):
        raise Refusal(_("This day lies between the agreement and today."), field="on", status=422)
    if court == Agreement.Court.ASKED and on > agreement.confirm_by:
        raise Refusal(
            _("The time to ask the court ended on %(day)s.") % {"day": agreement.confirm_by}, field="on", status=422
        )
    if (court == Agreement.Court.ASKED) == bool(agreement.court):
        raise Refusal(_("First the parties ask the court together, then it answers."), field="court", status=422)
    agreement.court, agreement.court_on = court, on
    event = CourtNoted(dispute_id=dispute.pk, agreement_id=agreement.pk, court=court)
    _say(event, agreement, dispute, by, now, "court", "court_on")
    return agreement


@transaction.atomic
def settle_obligation(*, obligation_id: int, done: bool, by: User, now: datetime) -> Obligation:
    """The mediator has looked: done, or not done. A "not done" can be put right later."""
    row = Obligation.objects.select_related("agreement").filter(pk=obligation_id).first()
    if row is None:
        raise NotThere()
    dispute = _mine(row.agreement.dispute_id, by, now)
    if dispute.state != State.AGREED or row.agreement.state != Agreement.State.EFFECTIVE:
        raise Refusal(_("Only an agreement in force is watched over."))
    obligation = Obligation.objects.select_for_update(of=("self",)).get(pk=obligation_id)
    if obligation.state == Obligation.State.DONE:
        raise Refusal(_("This has already been noted as done."))
    obligation.state = Obligation.State.DONE if done else Obligation.State.NOT_DONE
    obligation.settled_at, obligation.settled_by = now, by
    event = ObligationSettled(dispute_id=dispute.pk, obligation_id=obligation.pk, done=done)
    _say(event, obligation, dispute, by, now, "state", "settled_at", "settled_by")
    return obligation


# --- ending ------------------------------------------------------------------------------------------


@transaction.atomic
def finish(*, dispute_id: int, told: str, by: User, now: datetime) -> Dispute:
    """Everything agreed has been done. ``told``: what the reporter of the case reads."""
    dispute = _mine(dispute_id, by, now)
    dispute.go(Move.PERFORM)
    standing = Obligation.objects.filter(agreement__dispute=dispute, agreement__state=Agreement.State.EFFECTIVE)
    if standing.exclude(state=Obligation.State.DONE).exists():
        raise Refusal(_("Something that was agreed has not been noted as done yet."))
    _end(dispute, by, now)
    _go_on(dispute, told, by, now)
    return dispute


@transaction.atomic
def terminate(*, dispute_id: int, ending: str, words: str, told: str, by: User, now: datetime) -> Dispute:
    """End it without success: nobody is kept in a mediation."""
    dispute = _mine(dispute_id, by, now)
    if ending not in Dispute.Ending.values:
        raise Refusal(_("Please choose how it ended."), field="ending", status=422)
    if (ending == Dispute.Ending.NOT_KEPT) != (dispute.state == State.AGREED):
        raise Refusal(_("This does not fit: say whether an agreement was in force."), field="ending", status=422)
    clean = _words(words, "words", 2, 1000, _("Say why it ended."))
    dispute.go(Move.TERMINATE)
    dispute.ending, dispute.end_words = ending, clean
    _end(dispute, by, now)
    _go_on(dispute, told, by, now)
    return dispute


@transaction.atomic
def refer(*, dispute_id: int, referral: str, words: str, told: str, by: User, now: datetime) -> Dispute:
    """Refer it to a court, to arbitration, to the authority in charge, or to the police."""
    dispute = _mine(dispute_id, by, now)
    if referral not in Dispute.Referral.values:
        raise Refusal(_("Please choose where it goes."), field="referral", status=422)
    clean = _words(words, "words", 2, 1000, _("Say why it goes there."))
    dispute.go(Move.REFER)
    dispute.referral, dispute.end_words = referral, clean
    _end(dispute, by, now)
    _go_on(dispute, told, by, now)
    return dispute


def _end(dispute: Dispute, by: User | None, now: datetime) -> None:
    dispute.ended_at, dispute.ended_by = now, by
    event = DisputeEnded(dispute_id=dispute.pk, state=dispute.state)
    _say(event, dispute, dispute, by, now, "state", "ending", "referral", "end_words", "ended_at", "ended_by")
    for meeting in dispute.meetings.select_for_update(of=("self",)).filter(state=Meeting.State.PLANNED):
        meeting.state, meeting.ended_at = Meeting.State.CANCELLED, now
        cancelled = MeetingCancelled(dispute_id=dispute.pk, meeting_id=meeting.pk)
        _say(cancelled, meeting, dispute, by, now, "state", "ended_at")
    for agreement in dispute.agreements.select_for_update(of=("self",)).filter(state=Agreement.State.PROPOSED):
        agreement.state = Agreement.State.WITHDRAWN
        withdrawn = AgreementWithdrawn(dispute_id=dispute.pk, agreement_id=agreement.pk)
        _say(withdrawn, agreement, dispute, by, now, "state")


def _go_on(dispute: Dispute, told: str, by: User, now: datetime) -> None:
    """The work order behind it is reported, where it lies with the mediator and they said what the reporter reads."""
    if not told.strip() or dispute.case_id is None:
        return
    task = Task.objects.filter(case_id=dispute.case_id).waiting().first()
    if task is not None and (task.role, task.place_id) in positions_of(by):
        report_done(task_id=task.pk, words=told, by=by, now=now)


# --- what the clock does -----------------------------------------------------------------------------


def remind_obligations(*, now: datetime, by: User | None = None) -> int:
    """Remind the mediator, once, of each obligation whose day has passed. By the clock."""
    today = timezone.localdate(now)
    reminded = 0
    for pk in list(Obligation.objects.late(today).filter(reminded_at__isnull=True).values_list("pk", flat=True)[:500]):
        with transaction.atomic():
            row = (
                Obligation.objects.select_for_update(of=("self",))
                .select_related("agreement__dispute__mediator_post")
                .get(pk=pk)
            )
            if row.reminded_at is not None or row.state != Obligation.State.OPEN:
                continue
            row.reminded_at = now
            dispute = row.agreement.dispute
            _say(ObligationReminded(dispute_id=dispute.pk, obligation_id=row.pk), row, dispute, by, now, "reminded_at")
            reminded += 1
    return reminded


def read_words(row: Dispute | Party | Meeting, field: str, dispute: Dispute, by: User) -> str:
    """The plain words of a sealed text for the mediator, whose work it is to read them; for others the mask."""
    secret = getattr(row, field)
    if secret is None:
        return ""
    return secret.open() if by.pk == dispute.mediator_id else str(secret)
