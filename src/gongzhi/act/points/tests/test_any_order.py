"""Whatever households, group, secretary and clock do, in whatever order: what must hold of points holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gongzhi.act.points import actions as points
from gongzhi.act.points.models import Booking, Check, Claim, Exchange, Item, Objection, Rulebook, State
from gongzhi.act.points.tests.conftest import make_village
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from tests.town import NOW

someone = st.sampled_from(["first", "second", "third", "secretary", "stranger"])
door = st.integers(0, 2)
CAP = 90


class Year(RuleBasedStateMachine):
    """Three households, a group of three (one of them of the first household), a secretary, and the clock."""

    town: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.now = NOW
        self.seen: dict[int, tuple[Any, ...]] = {}  # each booked row as it was when it was first seen

    @initialize(deductions=st.booleans())
    def begin(self, deductions: bool) -> None:
        self.village = make_village(self.town, cap=CAP, deductions=deductions)
        self.people = {
            "first": self.village.first,
            "second": self.village.second,
            "third": self.village.third,
            "secretary": self.village.secretary,
            "stranger": self.town.stranger,
        }
        self.good = points.offer_good(
            place=self.town.community, kind="good", name="盐", price=7, stock=4, by=self.village.secretary, now=self.now
        )

    def act(self, what: Any, **given: Any) -> Any:
        entries = Entry.objects.count()
        try:
            with transaction.atomic():
                return what(**given, now=self.now)
        except Refusal:
            assert Entry.objects.count() == entries, "a refusal changes nothing"
            return None

    def some_claim(self, number: int) -> int:
        found = list(Claim.objects.order_by("pk").values_list("pk", flat=True))
        return found[number % len(found)] if found else 0

    @rule(house=door, help=st.booleans(), ago=st.integers(0, 6), by=st.sampled_from([None, "second", "stranger"]))
    def claim(self, house: int, help: bool, ago: int, by: str | None) -> None:
        item = Item.objects.filter(rulebook__state="adopted", dropped=False, deducts=False).order_by("value")[help]
        self.act(
            points.claim,
            household_id=self.village.households[house].pk,
            item_id=item.pk,
            on=self.now.date() - timedelta(days=ago),
            by=self.people[by] if by else None,
        )

    @rule(house=door, by=someone, old=st.booleans())
    def deduct(self, house: int, by: str, old: bool) -> None:
        items = Item.objects.filter(dropped=False) if old else Item.objects.filter(deducts=True)
        item = items.first()
        if item is not None:
            self.act(
                points.propose_deduction,
                household_id=self.village.households[house].pk,
                item_id=item.pk,
                on=self.now.date(),
                evidence="门口堆放三天，两人见证",
                by=self.people[by],
            )

    @rule(number=st.integers(0, 9), by=someone, agrees=st.sampled_from([True, True, True, False]))
    def check(self, number: int, by: str, agrees: bool) -> None:
        given = {"claim_id": self.some_claim(number), "agrees": agrees, "words": "看过"}
        self.act(points.check, by=self.people[by], **given)

    @rule(number=st.integers(0, 9))
    def two_check(self, number: int) -> None:
        for by in ("second", "third"):
            self.check(number, by, True)

    @rule(by=someone)
    def publish(self, by: str) -> None:
        self.act(points.publish, place=self.town.community, by=self.people[by])

    @rule(number=st.integers(0, 9), house=door, by=st.sampled_from([None, None, "first", "secretary"]))
    def object_to(self, number: int, house: int, by: str | None) -> None:
        self.act(
            points.object_to,
            claim_id=self.some_claim(number),
            words="不对",
            household_id=self.village.households[house].pk if by is None else None,
            by=self.people[by] if by else None,
        )

    @rule(number=st.integers(0, 5), by=someone, upheld=st.booleans())
    def answer(self, number: int, by: str, upheld: bool) -> None:
        found = list(Objection.objects.order_by("pk").values_list("pk", flat=True))
        if found:
            pk = found[number % len(found)]
            self.act(points.answer_objection, objection_id=pk, upheld=upheld, answer="理由", by=self.people[by])

    @rule(number=st.integers(0, 9), by=st.sampled_from([None, "second"]))
    def withdraw(self, number: int, by: str | None) -> None:
        self.act(points.withdraw, claim_id=self.some_claim(number), by=self.people[by] if by else None)

    @rule(house=door, count=st.integers(1, 2), by=someone)
    def exchange(self, house: int, count: int, by: str) -> None:
        given = {"household_id": self.village.households[house].pk, "good_id": self.good.pk, "count": count}
        self.act(points.exchange, by=self.people[by], **given)

    @rule(by=someone)
    def take_back(self, by: str) -> None:
        found = Exchange.objects.order_by("-pk").first()
        if found is not None:
            self.act(points.take_back, exchange_id=found.pk, reason="退货", by=self.people[by])

    @rule(house=door, seldom=st.integers(0, 4))
    def leave(self, house: int, seldom: int) -> None:
        if not seldom:
            self.act(points.leave, household_id=self.village.households[house].pk, by=None)

    @rule(deductions=st.booleans(), seldom=st.integers(0, 3))
    def meet(self, deductions: bool, seldom: int) -> None:
        if seldom:
            return
        by = self.village.secretary
        draft = self.act(points.draft_rulebook, place=self.town.community, cap=CAP, deductions=deductions, by=by)
        if draft is not None:
            self.act(
                points.adopt_rulebook,
                rulebook_id=draft.pk,
                meeting="villagers",
                meeting_name="村民会议",
                adopted_on=self.now.date(),
                entitled=9,
                present=9,
                in_favour=9,
                by=by,
            )

    @rule(days=st.sampled_from([1, 3, 8, 8, 40]))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)
        points.turn_years(now=self.now)
        points.book_ended(now=self.now)

    @invariant()
    def the_balance_is_the_sum_of_the_booked_rows(self) -> None:
        if not hasattr(self, "village"):
            return
        counted: dict[int, int] = {}
        for row in Booking.objects.order_by("pk"):
            facts = (row.household_id, row.kind, row.account, row.amount, row.claim_id, row.counters_id, row.year)
            assert self.seen.setdefault(row.pk, facts) == facts, "a booked row has changed"
            counted[row.household_id] = counted.get(row.household_id, 0) + row.amount
        assert len(self.seen) == Booking.objects.count(), "a booked row is gone"
        for household in self.village.households:
            assert household.balance_now() == counted.get(household.pk, 0)
        shown = {one.pk: one.balance for one in type(self.village.households[0]).objects.with_balance()}
        assert shown == {one.pk: counted.get(one.pk, 0) for one in self.village.households}

    @invariant()
    def nothing_is_booked_without_two_and_a_publication(self) -> None:
        for row in Booking.objects.filter(kind="claim").select_related("claim"):
            claim = row.claim
            checks = [claim.first_check, claim.second_check]
            assert claim.state == State.BOOKED
            assert len({one.checker_id for one in checks}) == 2
            assert all(one.agrees and one.round == claim.round and one.claim_id == claim.pk for one in checks)
            assert row.at > claim.published_until
            assert row.by is None
            early = Objection.objects.filter(claim=claim, made_at__lte=row.at, late=False)
            assert not early.filter(state="open").exists()
            assert not early.filter(answered_at__gt=row.at).exists()
            assert row.amount == claim.signed
        assert Booking.objects.filter(kind="claim").count() == Claim.objects.filter(state=State.BOOKED).count()

    @invariant()
    def nobody_checks_or_answers_for_their_own(self) -> None:
        if not hasattr(self, "village"):
            return
        own = self.village.households[0].pk
        assert not Check.objects.filter(checker=self.village.first, household_id=own).exists()
        assert not Objection.objects.filter(answered_by=self.village.first, about_id=own).exists()
        assert not Check.objects.filter(checker=self.village.secretary).exists()

    @invariant()
    def no_deduction_without_the_switch(self) -> None:
        for claim in Claim.objects.filter(deducts=True).select_related("item__rulebook"):
            assert claim.item.rulebook.deductions
            assert claim.words
            assert claim.entered_by is not None
        for row in Booking.objects.filter(kind="claim", amount__lt=0):
            held = Rulebook.objects.filter(place_path=row.place_path, entered_at__lte=row.at).exclude(
                ended_at__lte=row.at
            )
            assert held.get().deductions

    @invariant()
    def the_budget_holds(self) -> None:
        for year in (2026, 2027, 2028):
            assert Booking.objects.given(self.town.community.path, year) <= CAP

    @invariant()
    def the_stock_is_what_was_not_handed_over(self) -> None:
        if hasattr(self, "good"):
            self.good.refresh_from_db()
            given = sum(Exchange.objects.filter(state="given").values_list("count", flat=True))
            assert self.good.stock == 4 - given

    def teardown(self) -> None:
        try:
            assert verify(now=self.now) == []
        finally:
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)


@pytest.mark.django_db
def test_whatever_anybody_does_in_whatever_order(town: Any) -> None:
    Year.town = town
    run_state_machine_as_test(
        Year,
        settings=settings(
            max_examples=14,
            stateful_step_count=32,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
