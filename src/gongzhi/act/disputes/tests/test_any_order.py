"""Whatever parties and staff do, in whatever order: consent comes first, and nobody is bound or shown unasked."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gongzhi.act.disputes import actions as disputes
from gongzhi.act.disputes.actions import NewParty, Promise
from gongzhi.act.disputes.models import LIVE, MOVES, Agreement, Dispute, Meeting, Obligation, Party, State
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from tests.town import NOW, make_user

PEOPLE = ("mediator", "second", "secretary", "leader", "clerk")
someone = st.sampled_from(PEOPLE)
# Mostly the party itself, sometimes staff for it on paper.
speaker = st.sampled_from([None, None, None, "mediator", "second", "leader", "clerk"])
which = st.integers(0, 1)
LEGAL = {(before, target or before) for allowed, target in MOVES.values() for before in allowed}


class Hearing(RuleBasedStateMachine):
    town: ClassVar[Any]
    people: ClassVar[dict[str, Any]]

    def __init__(self) -> None:
        super().__init__()
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.now = NOW
        self.state = State.OPEN

    @initialize()
    def open(self) -> None:
        self.dispute = disputes.open_dispute(
            place=self.town.community,
            kind="neighbours",
            subject="噪音",
            facts="半夜拖椅子",
            parties=[NewParty("甲乙", "applicant"), NewParty("丙丁", "respondent")],
            by=self.people["mediator"],
            now=self.now,
        )
        self.parties = list(Party.objects.order_by("number").values_list("pk", flat=True))

    def act(self, what: Any, by: str | None, **given: Any) -> None:
        entries = Entry.objects.count()
        try:
            with transaction.atomic():
                what(**given, by=self.people[by] if by is not None else None, now=self.now)
        except Refusal:
            assert Entry.objects.count() == entries, "a refusal changes nothing"

    @rule(party=which, by=speaker)
    def consent(self, party: int, by: str | None) -> None:
        self.act(disputes.consent, by, party_id=self.parties[party])

    @rule(party=which, by=speaker, wish=st.sampled_from([None, None, None, "second"]))
    def choose(self, party: int, by: str | None, wish: str | None) -> None:
        post = self.people[wish].posts.get().pk if wish else None
        self.act(disputes.choose_mediator, by, party_id=self.parties[party], post_id=post)

    @rule(party=which, by=speaker)
    def name(self, party: int, by: str | None) -> None:
        self.act(disputes.allow_name, by, party_id=self.parties[party])

    @rule(party=which, by=speaker, often=st.integers(0, 9))
    def refuse(self, party: int, by: str | None, often: int) -> None:
        if not often:
            self.act(disputes.refuse, by, party_id=self.parties[party])

    @rule(by=someone, to=st.sampled_from(["mediator", "second"]))
    def hand_over(self, by: str, to: str) -> None:
        post = self.people[to].posts.get().pk
        self.act(disputes.propose_mediator, by, dispute_id=self.dispute.pk, post_id=post)

    @rule(by=someone, both=st.booleans())
    def meet(self, by: str, both: bool) -> None:
        asked = self.parties if both else self.parties[:1]
        at = self.now + timedelta(hours=1)
        self.act(disputes.plan_meeting, by, dispute_id=self.dispute.pk, at=at, site="调解室", party_ids=asked)

    @rule(by=someone)
    def hold(self, by: str) -> None:
        meeting = Meeting.objects.filter(state="planned").first()
        if meeting is not None:
            self.act(disputes.hold_meeting, by, meeting_id=meeting.pk, minutes="谈了", came=self.parties)

    @rule(by=someone, oral=st.booleans())
    def propose(self, by: str, oral: bool) -> None:
        promises = [Promise(1, "不再敲墙", self.now.date() + timedelta(days=3))]
        self.act(
            disputes.propose_agreement, by, dispute_id=self.dispute.pk, content="各让一步", promises=promises, oral=oral
        )

    @rule(by=someone)
    def withdraw(self, by: str) -> None:
        agreement = Agreement.objects.order_by("-round").first()
        if agreement is not None:
            self.act(disputes.withdraw_agreement, by, agreement_id=agreement.pk)

    @rule(party=which, by=speaker)
    def sign(self, party: int, by: str | None) -> None:
        agreement = Agreement.objects.order_by("-round").first()
        if agreement is not None:
            self.act(disputes.sign_agreement, by, agreement_id=agreement.pk, party_id=self.parties[party])

    @rule(by=someone, done=st.booleans())
    def settle(self, by: str, done: bool) -> None:
        obligation = Obligation.objects.order_by("-pk").first()
        if obligation is not None:
            self.act(disputes.settle_obligation, by, obligation_id=obligation.pk, done=done)

    @rule(by=someone)
    def finish(self, by: str) -> None:
        self.act(disputes.finish, by, dispute_id=self.dispute.pk, told="")

    @rule(by=someone, often=st.integers(0, 9), ending=st.sampled_from(["no_agreement", "not_kept"]))
    def terminate(self, by: str, often: int, ending: str) -> None:
        if not often:
            given = {"dispute_id": self.dispute.pk, "words": "谈不拢", "told": ""}
            self.act(disputes.terminate, by, ending=ending, **given)

    @rule(days=st.integers(1, 5))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)
        disputes.remind_obligations(now=self.now)

    @invariant()
    def what_must_hold(self) -> None:
        if not hasattr(self, "dispute"):
            return
        dispute = Dispute.objects.get(pk=self.dispute.pk)
        parties = list(Party.objects.order_by("number"))
        assert dispute.state == self.state or (self.state, dispute.state) in LEGAL, f"{self.state} -> {dispute.state}"
        self.state = State(dispute.state)
        if dispute.state in (State.MEDIATING, State.AGREED, State.PERFORMED):
            assert all(party.ready for party in parties), "it begins when all have agreed"
        for meeting in Meeting.objects.all():
            if meeting.attendances.count() > 1:
                assert all(party.named_at is not None for party in parties), "who is not named meets nobody else"
        for agreement in Agreement.objects.exclude(state="withdrawn"):
            assert all(party.named_at is not None for party in parties)
            if agreement.state == "effective":
                assert agreement.signatures.count() == len(parties), "all have signed"
        if dispute.state == State.PERFORMED:
            assert not Obligation.objects.filter(agreement__state="effective").exclude(state="done").exists()
        if dispute.state not in LIVE:
            assert not Meeting.objects.filter(state="planned").exists()
            assert not Agreement.objects.filter(state="proposed").exists()
        for name in PEOPLE:
            seen = Dispute.objects.visible_to(self.people[name]).exists()
            assert seen is (name == "leader" or self.people[name].pk == dispute.mediator_id), name

    @invariant()
    def the_version_counts_the_entries(self) -> None:
        for model in (Dispute, Party, Meeting, Agreement, Obligation):
            written = Counter(Entry.objects.filter(noun=model.noun()).values_list("object_id", flat=True))
            assert dict(model.objects.values_list("pk", "version")) == dict(written)

    def teardown(self) -> None:
        try:
            assert verify(now=self.now) == []
        finally:
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)


@pytest.mark.django_db
def test_whatever_anybody_does_in_whatever_order(town: Any) -> None:
    Hearing.town = town
    Hearing.people = {
        "mediator": make_user("mediator", "何调解", (Role.MEDIATOR, town.community)),
        "second": make_user("mediator2", "石调解", (Role.MEDIATOR, town.street)),
        "secretary": town.secretary,
        "leader": make_user("leader", "马主任", (Role.STREET_LEADER, town.street)),
        "clerk": town.clerk,
    }
    run_state_machine_as_test(
        Hearing,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
