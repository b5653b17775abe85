"""Mediation: who sees it, who chooses, what binds, and that nobody is given away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from gongzhi.act.disputes import actions as disputes
from gongzhi.act.disputes.actions import NewParty, Promise
from gongzhi.act.disputes.links import party_of, token_of
from gongzhi.act.disputes.models import LIVE, MOVES, Agreement, Dispute, Move, Obligation, Party, State
from gongzhi.act.tasks.models import Task
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.privacy.actions import erase_due, reveal
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Category
from tests.town import make_user

pytestmark = pytest.mark.django_db

COMPLAINANT, NEIGHBOUR = "秦告发", "尤对门"


@pytest.fixture
def mediator(town):
    return make_user("mediator", "何调解", (Role.MEDIATOR, town.community))


@pytest.fixture
def leader(town):
    return make_user("leader", "马主任", (Role.STREET_LEADER, town.street))


@pytest.fixture
def opened(town, moment, mediator):
    def opened(**fields):
        given = {
            "place": town.community,
            "kind": "neighbours",
            "subject": "夜间噪音",
            "facts": f"{COMPLAINANT}反映{NEIGHBOUR}半夜拖椅子。",
            "parties": [
                NewParty(COMPLAINANT, "applicant", phone="13800000001", reporter=True),
                NewParty(NEIGHBOUR, "respondent", phone="13800000002"),
            ],
            "by": mediator,
            "now": moment.now,
        }
        return disputes.open_dispute(**{**given, **fields})

    return opened


@pytest.fixture
def dispute(opened):
    return opened()


@pytest.fixture
def begun(dispute, moment):
    for party in dispute.parties.all():
        disputes.consent(party_id=party.pk, by=None, now=moment.now)
        disputes.choose_mediator(party_id=party.pk, by=None, now=moment.now)
    return Dispute.objects.get(pk=dispute.pk)


@pytest.fixture
def agreed(begun, mediator, moment):
    for party in begun.parties.all():
        disputes.allow_name(party_id=party.pk, by=None, now=moment.now)
    agreement = propose(begun, mediator, moment)
    for party in begun.parties.all():
        disputes.sign_agreement(agreement_id=agreement.pk, party_id=party.pk, by=None, now=moment.now)
    return Agreement.objects.get(pk=agreement.pk)


def propose(dispute, mediator, moment, **fields):
    day = moment.now.date() + timedelta(days=10)
    given = {
        "dispute_id": dispute.pk,
        "content": "晚十点后不拖动家具；铺设地垫。",
        "promises": [Promise(2, "铺设地垫", day), Promise(1, "不再夜间敲墙", day)],
        "by": mediator,
        "now": moment.now,
    }
    return disputes.propose_agreement(**{**given, **fields})


def sides(dispute):
    return list(Party.objects.filter(dispute=dispute).order_by("number"))


# --- who sees it -------------------------------------------------------------------------------------


def test_only_the_mediator_and_who_reads_above_see_it(dispute, town, mediator, leader):
    everybody = [
        town.worker, town.clerk, town.other_clerk, town.secretary, town.street_clerk, town.desk, town.officer,
        town.property_manager, town.system, town.security, town.audit, town.stranger,
        make_user("mediator2", "石调解", (Role.MEDIATOR, town.community)),
    ]  # fmt: skip
    for user in everybody:
        assert not Dispute.objects.visible_to(user).exists(), user
    for user in (mediator, leader):
        assert Dispute.objects.visible_to(user).get() == dispute


def test_a_mediator_who_left_the_post_sees_it_no_more(dispute, town, mediator, moment):
    from gongzhi.ground.access.actions import end_post
    from gongzhi.ground.access.reach import forget_posts

    end_post(post_id=mediator.posts.get().pk, by=None, now=moment.now)
    forget_posts(mediator)
    assert not Dispute.objects.visible_to(mediator).exists()


def test_who_reads_above_changes_nothing_and_a_party_reads_nothing(dispute, opened, leader, moment, town):
    with pytest.raises(Refusal) as refusal:
        disputes.note_risk(dispute_id=dispute.pk, by=leader, now=moment.now)
    assert refusal.value.status == 403
    own = opened(parties=[NewParty("甲乙", "applicant"), NewParty("马主任", "respondent", person=leader)])
    assert not Dispute.objects.visible_to(leader).filter(pk=own.pk).exists()


def test_names_and_words_are_sealed_in_the_database(dispute):
    with connection.cursor() as cursor:
        for table, column in (("disputes_party", "name"), ("disputes_party", "phone"), ("disputes_dispute", "facts")):
            cursor.execute(f"SELECT {column} FROM {table}")
            for (value,) in cursor.fetchall():
                raw = bytes(value)
                assert COMPLAINANT.encode() not in raw
                assert b"138000" not in raw
    party = sides(dispute)[0]
    assert (str(party.name), str(party.phone)) == ("秦**", "138****0001")


def test_the_record_tells_nobody_apart(dispute, begun, moment):
    for entry in Entry.objects.filter(event__startswith="disputes."):
        for words in (COMPLAINANT, NEIGHBOUR, "噪音", "13800"):
            assert words.encode() not in entry.canonical()
    assert verify(now=moment.now) == []


def test_a_look_at_a_name_needs_a_reason_and_is_recorded(dispute, mediator, moment):
    party = sides(dispute)[0]
    party.place_path = dispute.place_path
    with pytest.raises(Refusal):
        reveal(party, "name", by=mediator, reason="", now=moment.now)
    assert reveal(party, "name", by=mediator, reason="to write the agreement", now=moment.now) == COMPLAINANT
    assert Entry.objects.filter(event="privacy.PersonalDataRevealed").count() == 1


# --- opening -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"kind": "war"}, "kind"),
        ({"subject": ""}, "subject"),
        ({"subject": "长" * 121}, "subject"),
        ({"facts": " \x00"}, "facts"),
        ({"facts": "长" * 4001}, "facts"),
        ({"parties": [NewParty("甲", "applicant")]}, "parties"),
        ({"parties": []}, "parties"),
        ({"parties": [NewParty("甲", "applicant"), NewParty(" ", "respondent")]}, "name"),
        ({"parties": [NewParty("甲", "applicant"), NewParty("乙", "enemy")]}, "side"),
        ({"parties": [NewParty("甲", "applicant"), NewParty("乙", "respondent", phone="1" * 31)]}, "phone"),
        ({"parties": [NewParty("甲", "applicant"), NewParty("何调解", "respondent")]}, "name"),
        ({"parties": [NewParty(f"甲{n}", "third") for n in range(13)]}, "name"),
    ],
)
def test_what_a_dispute_needs(opened, fields, beside):
    with transaction.atomic(), pytest.raises(Refusal) as refusal:
        opened(**fields)
    assert refusal.value.field == beside
    assert not Dispute.objects.exists()
    assert not Entry.objects.filter(event__startswith="disputes.").exists()


def test_only_mediators_open(opened, town):
    for by in (town.clerk, town.street_clerk, town.officer, town.worker, town.stranger):
        with pytest.raises(Refusal) as refusal:
            opened(by=by)
        assert refusal.value.status == 403
    assert opened(by=town.secretary).mediator == town.secretary


def test_from_a_case(opened, report, town, moment):
    _message, case = report(text="楼上半夜拖椅子。")
    with pytest.raises(Refusal) as refusal:
        opened(by=town.secretary, case=case)
    assert refusal.value.field == "case"
    private = Category.objects.filter(private=True).first()
    cases.sort_case(case_id=case.pk, category=private.code, by=town.secretary, now=moment.now)
    case.refresh_from_db()
    dispute = opened(by=town.secretary, case=case)
    assert dispute.case == case
    with pytest.raises(Refusal):
        opened(by=town.secretary, case=case)
    _other, elsewhere = report(text="西区的事。", place=town.other_grid)
    with pytest.raises(NotThere):
        opened(by=town.secretary, case=elsewhere)


# --- choosing ----------------------------------------------------------------------------------------


def test_it_begins_when_all_have_agreed(dispute, moment):
    first, second = sides(dispute)
    disputes.consent(party_id=first.pk, by=None, now=moment.now)
    disputes.choose_mediator(party_id=first.pk, by=None, now=moment.now)
    disputes.consent(party_id=second.pk, by=None, now=moment.now)
    assert Dispute.objects.get().state == State.OPEN
    disputes.choose_mediator(party_id=second.pk, by=None, now=moment.now)
    dispute = Dispute.objects.get()
    assert dispute.state == State.MEDIATING
    assert (dispute.due_at - moment.now).days == 30


def test_on_paper_the_mediator_records_it(dispute, mediator, leader, town, moment):
    for party in sides(dispute):
        with pytest.raises(Refusal) as refusal:
            disputes.consent(party_id=party.pk, by=leader, now=moment.now)
        assert refusal.value.status == 403
        with pytest.raises(NotThere):
            disputes.consent(party_id=party.pk, by=town.clerk, now=moment.now)
        disputes.consent(party_id=party.pk, by=mediator, now=moment.now)
        disputes.choose_mediator(party_id=party.pk, by=mediator, now=moment.now)
    assert Dispute.objects.get().state == State.MEDIATING
    assert {party.consented_by for party in sides(dispute)} == {"paper"}


def test_the_parties_choose_another_mediator(dispute, mediator, town, moment):
    second = make_user("mediator2", "石调解", (Role.MEDIATOR, town.street))
    post = second.posts.get()
    listed = disputes.mediators_for(dispute.place_path, moment.now.date())
    assert {one.user for one in listed} == {mediator, second, town.secretary}
    one, other = sides(dispute)
    disputes.choose_mediator(party_id=one.pk, by=None, now=moment.now)
    disputes.choose_mediator(party_id=other.pk, post_id=post.pk, by=None, now=moment.now)
    disputes.propose_mediator(dispute_id=dispute.pk, post_id=post.pk, by=mediator, now=moment.now)
    one, other = sides(dispute)
    assert one.mediator_at is None
    assert other.mediator_at is not None
    assert not Dispute.objects.visible_to(mediator).exists()
    assert Dispute.objects.visible_to(second).exists()
    with pytest.raises(Refusal) as refusal:
        disputes.choose_mediator(party_id=one.pk, post_id=town.worker.posts.get().pk, by=None, now=moment.now)
    assert refusal.value.field == "post"


def test_a_party_never_mediates(opened, town, mediator, moment):
    second = make_user("mediator2", "石调解", (Role.MEDIATOR, town.community))
    dispute = opened(parties=[NewParty("甲乙", "applicant"), NewParty("石某", "respondent", person=second)])
    with pytest.raises(Refusal) as refusal:
        disputes.propose_mediator(dispute_id=dispute.pk, post_id=second.posts.get().pk, by=mediator, now=moment.now)
    assert refusal.value.field == "post"


@pytest.mark.parametrize("began", [False, True])
def test_any_party_may_refuse_or_stop(dispute, request, moment, began):
    if began:
        request.getfixturevalue("begun")
    disputes.refuse(party_id=sides(dispute)[1].pk, by=None, now=moment.now)
    dispute = Dispute.objects.get()
    assert (dispute.state, dispute.ending) == (State.TERMINATED, "stopped" if began else "refused")
    for what in (disputes.consent, disputes.refuse, disputes.allow_name):
        with pytest.raises(Refusal):
            what(party_id=sides(dispute)[0].pk, by=None, now=moment.now)


# --- meeting -----------------------------------------------------------------------------------------


def test_who_is_not_named_meets_nobody_else(begun, mediator, moment):
    first, second = sides(begun)
    given = {"dispute_id": begun.pk, "at": moment.now + timedelta(days=1), "site": "社区调解室", "by": mediator}
    with pytest.raises(Refusal) as refusal:
        disputes.plan_meeting(**given, party_ids=[first.pk, second.pk], now=moment.now)
    assert refusal.value.field == "parties"
    alone = disputes.plan_meeting(**given, party_ids=[first.pk], now=moment.now)
    for party in (first, second):
        disputes.allow_name(party_id=party.pk, by=None, now=moment.now)
    together = disputes.plan_meeting(**given, party_ids=[first.pk, second.pk], now=moment.now)
    with pytest.raises(Refusal):
        disputes.hold_meeting(meeting_id=together.pk, minutes="谈了。", came=[], by=mediator, now=moment.now)
    moment.now += timedelta(days=2)
    disputes.hold_meeting(
        meeting_id=together.pk, minutes="双方各让一步。", came=[first.pk], by=mediator, now=moment.now
    )
    assert sorted(together.attendances.values_list("came", flat=True)) == [False, True]
    disputes.cancel_meeting(meeting_id=alone.pk, by=mediator, now=moment.now)
    with pytest.raises(Refusal):
        disputes.cancel_meeting(meeting_id=alone.pk, by=mediator, now=moment.now)


@pytest.mark.parametrize(
    ("change", "beside"), [({"site": ""}, "site"), ({"at": 0}, "at"), ({"party_ids": []}, "parties"),
                           ({"party_ids": [999_999]}, "parties")],
)  # fmt: skip
def test_what_a_meeting_needs(dispute, mediator, moment, change, beside):
    given = {"dispute_id": dispute.pk, "site": "调解室", "party_ids": [sides(dispute)[0].pk], "by": mediator}
    at = moment.now + timedelta(days=0 if "at" in change else 1)
    change = {name: value for name, value in change.items() if name != "at"}
    with pytest.raises(Refusal) as refusal:
        disputes.plan_meeting(**{**given, **change}, at=at, now=moment.now)
    assert refusal.value.field == beside


# --- agreeing ----------------------------------------------------------------------------------------


def test_no_agreement_before_all_are_named(begun, mediator, moment):
    disputes.allow_name(party_id=sides(begun)[0].pk, by=None, now=moment.now)
    with pytest.raises(Refusal):
        propose(begun, mediator, moment)


def test_in_force_with_the_last_signature(agreed, moment):
    assert agreed.state == Agreement.State.EFFECTIVE
    assert (agreed.confirm_by - moment.now.date()).days == 30
    assert Dispute.objects.get().state == State.AGREED
    with pytest.raises(Refusal):
        disputes.refuse(party_id=agreed.dispute.parties.first().pk, by=None, now=moment.now)


def test_an_oral_agreement_is_recorded(begun, mediator, moment):
    for party in sides(begun):
        disputes.allow_name(party_id=party.pk, by=mediator, now=moment.now)
    agreement = propose(begun, mediator, moment, oral=True)
    assert Agreement.objects.get().state == "effective"
    assert set(agreement.signatures.values_list("way", flat=True)) == {"oral"}


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"content": ""}, "content"),
        ({"content": "长" * 4001}, "content"),
        ({"promises": []}, "promises"),
        ({"promises": [Promise(9, "铺设地垫", None)]}, "promises"),
        ({"promises": [Promise(1, "", None)]}, "promises"),
        ({"promises": [Promise(1, "铺设地垫", -1)]}, "promises"),
    ],
)
def test_what_an_agreement_needs(begun, mediator, moment, fields, beside):
    for party in sides(begun):
        disputes.allow_name(party_id=party.pk, by=None, now=moment.now)
    if "promises" in fields:
        fields = {
            "promises": [
                Promise(one.party, one.what, moment.now.date() + timedelta(days=one.due_on or 1))
                for one in fields["promises"]
            ]
        }
    with transaction.atomic(), pytest.raises(Refusal) as refusal:
        propose(begun, mediator, moment, **fields)
    assert refusal.value.field == beside
    assert not Agreement.objects.exists()


def test_a_proposal_is_withdrawn_and_written_anew(begun, mediator, moment):
    for party in sides(begun):
        disputes.allow_name(party_id=party.pk, by=None, now=moment.now)
    first = propose(begun, mediator, moment)
    with pytest.raises(Refusal):
        propose(begun, mediator, moment)
    disputes.withdraw_agreement(agreement_id=first.pk, by=mediator, now=moment.now)
    with pytest.raises(Refusal):
        disputes.sign_agreement(agreement_id=first.pk, party_id=sides(begun)[0].pk, by=None, now=moment.now)
    assert propose(begun, mediator, moment).round == 2


def test_nobody_signs_for_another_dispute(agreed, opened, moment):
    other = opened()
    with pytest.raises(NotThere):
        disputes.sign_agreement(agreement_id=agreed.pk, party_id=sides(other)[0].pk, by=None, now=moment.now)


def test_keeping_it(agreed, mediator, moment):
    moment.now += timedelta(days=11)
    assert disputes.remind_obligations(now=moment.now) == 2
    assert disputes.remind_obligations(now=moment.now) == 0
    one, other = agreed.obligations.all()
    given = {"by": mediator, "now": moment.now}
    disputes.settle_obligation(obligation_id=one.pk, done=False, **given)
    with pytest.raises(Refusal):
        disputes.finish(dispute_id=agreed.dispute_id, told="", **given)
    disputes.settle_obligation(obligation_id=one.pk, done=True, **given)
    disputes.settle_obligation(obligation_id=other.pk, done=True, **given)
    disputes.finish(dispute_id=agreed.dispute_id, told="", **given)
    assert Dispute.objects.get().state == State.PERFORMED
    with pytest.raises(Refusal):
        disputes.settle_obligation(obligation_id=one.pk, done=True, **given)
    assert verify(now=moment.now) == []


def test_the_court_is_asked_within_the_time(agreed, mediator, moment):
    given = {"agreement_id": agreed.pk, "by": mediator}
    for court, on, beside in (
        ("confirmed", moment.now.date(), "court"),
        ("judged", moment.now.date(), "court"),
        ("asked", moment.now.date() + timedelta(days=1), "on"),
        ("asked", moment.now.date() - timedelta(days=1), "on"),
    ):
        with pytest.raises(Refusal) as refusal:
            disputes.note_court(**given, court=court, on=on, now=moment.now)
        assert refusal.value.field == beside
    later = moment.now + timedelta(days=31)
    with pytest.raises(Refusal):
        disputes.note_court(**given, court="asked", on=later.date(), now=later)
    disputes.note_court(**given, court="asked", on=moment.now.date(), now=moment.now)
    disputes.note_court(**given, court="confirmed", on=later.date(), now=later)


# --- ending ------------------------------------------------------------------------------------------


def test_the_ways_to_end(opened, begun, mediator, moment):
    given = {"dispute_id": begun.pk, "words": "谈不拢。", "told": "", "by": mediator, "now": moment.now}
    for ending in ("not_kept", "tired"):
        with pytest.raises(Refusal) as refusal:
            disputes.terminate(**given, ending=ending)
        assert refusal.value.field == "ending"
    with pytest.raises(Refusal) as refusal:
        disputes.refer(**given, referral="newspaper")
    assert refusal.value.field == "referral"
    disputes.note_risk(dispute_id=begun.pk, by=mediator, now=moment.now)
    disputes.refer(**given, referral="police")
    assert Dispute.objects.get(pk=begun.pk).state == State.REFERRED
    with pytest.raises(Refusal):
        disputes.terminate(**given, ending="no_agreement")


def test_ending_cancels_what_was_planned(begun, mediator, moment):
    meeting = disputes.plan_meeting(
        dispute_id=begun.pk,
        at=moment.now + timedelta(days=1),
        site="调解室",
        party_ids=[sides(begun)[0].pk],
        by=mediator,
        now=moment.now,
    )
    disputes.refuse(party_id=sides(begun)[1].pk, by=None, now=moment.now)
    meeting.refresh_from_db()
    assert meeting.state == "cancelled"


def test_the_work_order_goes_its_way(opened, report, town, moment, deliver, mediator):
    """Through the room of tasks and the wire that is there already: then somebody else checks."""
    _message, case = report(text="楼上半夜拖椅子。")
    private = Category.objects.filter(private=True).first()
    seat = {"role": "community_secretary", "place_id": town.community.pk}
    cases.dispatch_case(case_id=case.pk, category=private.code, by=town.clerk, now=moment.now, **seat)
    deliver(now=moment.now)
    case.refresh_from_db()
    dispute = opened(by=town.secretary, case=case)
    given = {"words": "一方不愿调解。", "by": town.secretary, "now": moment.now}
    disputes.terminate(dispute_id=dispute.pk, ending="refused", told="对方不愿调解，可向法院起诉。", **given)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert case.state == "to_check"
    assert Task.objects.get(case=case).words == "对方不愿调解，可向法院起诉。"


def test_taking_longer(begun, mediator, moment):
    given = {"dispute_id": begun.pk, "by": mediator, "now": moment.now}
    for days in (0, 30, 400):
        with pytest.raises(Refusal) as refusal:
            disputes.extend_term(**given, until=moment.now.date() + timedelta(days=days))
        assert refusal.value.field == "until"
    disputes.extend_term(**given, until=moment.now.date() + timedelta(days=60))
    assert Dispute.objects.get().longer


# --- links, database, time ---------------------------------------------------------------------------


def test_each_link_opens_one_party(dispute):
    first, second = sides(dispute)
    assert party_of(token_of(first)) == first
    assert party_of(token_of(second)) == second
    for wrong in (
        "",
        "a" * 52,
        token_of(first)[:-1],
        token_of(first) + "a",
        "东",
        token_of(first)[:26] + token_of(second)[26:],
    ):
        assert party_of(wrong) is None


def test_the_database_refuses_what_the_actions_refuse(agreed):
    for model, fields in (
        (Dispute, {"state": "lost"}),
        (Dispute, {"state": "terminated"}),
        (Dispute, {"state": "mediating", "due_at": None}),
        (Dispute, {"referral": "court"}),
        (Party, {"side": "x"}),
        (Party, {"refused_at": agreed.proposed_at}),
        (Party, {"consented_by": ""}),
        (Agreement, {"state": "proposed"}),
        (Agreement, {"court": "asked"}),
        (Obligation, {"state": "done"}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.update(**fields)


def test_the_table_of_moves():
    ends = {State.PERFORMED, State.TERMINATED, State.REFERRED}
    assert not [move for move in Move if MOVES[move][0] & ends]
    assert {State.OPEN, State.MEDIATING, State.AGREED} == set(LIVE)


def test_what_is_kept_goes_in_time(agreed, mediator, moment):
    given = {"by": mediator, "now": moment.now}
    for one in agreed.obligations.all():
        disputes.settle_obligation(obligation_id=one.pk, done=True, **given)
    disputes.finish(dispute_id=agreed.dispute_id, told="", **given)
    erase_due(now=moment.now + timedelta(days=800))
    party = sides(agreed.dispute)[0]
    assert not party.phone
    assert party.name
    erase_due(now=moment.now + timedelta(days=3700))
    party = sides(agreed.dispute)[0]
    assert not party.name
    assert Agreement.objects.get().content == ""
