"""Whatever the street and the units do, in whatever order: what must hold of a whistle holds."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gongzhi.act.whistles import actions as whistles
from gongzhi.act.whistles.actions import Called
from gongzhi.act.whistles.models import AWAITED, UNIT_MOVES, Invitation, State, UnitMove, UnitState, Whistle
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from tests.town import NOW

PEOPLE = ("street_clerk", "leader", "officer", "property_manager", "clerk", "stranger")
someone = st.sampled_from(PEOPLE)
which = st.integers(0, 2)


class Street(RuleBasedStateMachine):
    """One whistle with two units of the house and one outside."""

    town: ClassVar[Any]
    people: ClassVar[dict[str, Any]]

    def __init__(self) -> None:
        super().__init__()
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.now = NOW
        self.states: dict[int, str] = {}

    @initialize(
        kind=st.sampled_from(["outstanding", "joint", "urgent"]), by=st.sampled_from(["street_clerk", "leader"])
    )
    def blow(self, kind: str, by: str) -> None:
        self.whistle = whistles.blow_whistle(
            place=self.town.street,
            kind=kind,
            need="请到场。",
            site="东门",
            units=[
                Called("department_officer", self.town.county.pk),
                Called("property_manager", self.town.community.pk),
                Called(outside="供电所"),
            ],
            by=self.people[by],
            now=self.now,
        )
        self.units = list(Invitation.objects.filter(whistle=self.whistle).order_by("pk").values_list("pk", flat=True))

    def act(self, what: Any, by: str, **given: Any) -> None:
        entries = Entry.objects.count()
        try:
            with transaction.atomic():
                what(**given, by=self.people[by], now=self.now)
        except Refusal:
            assert Entry.objects.count() == entries, "a refusal changes nothing"

    @rule(unit=which, by=someone)
    def accept(self, unit: int, by: str) -> None:
        self.act(whistles.accept_call, by, invitation_id=self.units[unit])

    @rule(unit=which, by=someone)
    def decline(self, unit: int, by: str) -> None:
        self.act(whistles.decline_call, by, invitation_id=self.units[unit], reason="不归我们管")

    @rule(unit=which, by=someone, excused=st.booleans())
    def rule_on(self, unit: int, by: str, excused: bool) -> None:
        self.act(whistles.rule_on_refusal, by, invitation_id=self.units[unit], excused=excused, words="依职责清单")

    @rule(unit=which, by=someone)
    def arrive(self, unit: int, by: str) -> None:
        self.act(whistles.note_arrival, by, invitation_id=self.units[unit])

    @rule(unit=which, by=someone)
    def report(self, unit: int, by: str) -> None:
        self.act(whistles.report_measures, by, invitation_id=self.units[unit], measures="做了", result="好了")

    @rule(unit=which, by=someone)
    def appraise(self, unit: int, by: str) -> None:
        self.act(whistles.appraise, by, invitation_id=self.units[unit], mark="partly", words="还行")

    @rule(by=someone)
    def end(self, by: str) -> None:
        self.act(whistles.end_whistle, by, whistle_id=self.whistle.pk, result="完了")

    @rule(by=someone, often=st.integers(0, 3))
    def call_off(self, by: str, often: int) -> None:
        if not often:
            self.act(whistles.call_off, by, whistle_id=self.whistle.pk, reason="不需要了")

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        whistles.remind_late(now=self.now)

    @invariant()
    def units_move_legally(self) -> None:
        if not hasattr(self, "whistle"):
            return
        legal = {(before, target) for allowed, target in UNIT_MOVES.values() for before in allowed}
        for pk, state in Invitation.objects.values_list("pk", "state"):
            before = self.states.get(pk, UnitState.CALLED)
            assert before == state or (before, state) in legal, f"{before} -> {state}"
            self.states[pk] = state

    @invariant()
    def an_ended_whistle_waits_for_nobody(self) -> None:
        for whistle in Whistle.objects.exclude(state=State.BLOWN):
            assert not whistle.invitations.filter(state__in=AWAITED).exists()
            assert whistle.ended_by is not None

    @invariant()
    def units_speak_for_themselves_and_nobody_rules_on_their_own(self) -> None:
        for one in Invitation.objects.select_related("whistle"):
            own = {"department_officer": "officer", "property_manager": "property_manager"}.get(one.role)
            for by in (one.accepted_by, one.declined_by, one.reported_by):
                if by is not None and own is not None:
                    assert by == self.people[own]
            if one.state == UnitState.EXCUSED:
                assert one.ruled_by == self.people["leader"]
                assert one.ruled_by_id != one.declined_by_id
            if one.reminded_at is not None:
                assert one.reminded_at > one.whistle.arrive_by

    @invariant()
    def the_version_counts_the_entries(self) -> None:
        for model in (Whistle, Invitation):
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
    Street.town = town
    Street.people = {name: getattr(town, name) for name in PEOPLE if hasattr(town, name)}
    Street.people["leader"] = town.leader
    run_state_machine_as_test(
        Street,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_move_leads_out_of_an_end() -> None:
    ends = {UnitState.DONE, UnitState.EXCUSED, UnitState.ABSENT, UnitState.RELEASED}
    assert not [move for move in UnitMove if UNIT_MOVES[move][0] & ends]
