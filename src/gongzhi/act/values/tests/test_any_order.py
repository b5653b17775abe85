"""Whatever is done in whatever order: no score without an event and its reason, no judging of one's own work."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gongzhi.act.values import actions as values
from gongzhi.act.values.models import MOVES, Agreement, Item, Objection, Score, State, Turn
from gongzhi.act.values.scoring import Marks, Weights, points
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from tests.town import NOW, make_user

SCORERS = ("secretary", "deputy")
CADRES = ("worker", "second_worker", "clerk", *SCORERS)
PEOPLE = (*CADRES, "other_worker", "street_clerk")
someone = st.sampled_from(PEOPLE)
scorer = st.sampled_from([*SCORERS, *SCORERS, *SCORERS, *SCORERS, *PEOPLE])
cadre = st.sampled_from([*CADRES, "other_worker"])
good = st.integers(0, 100)
bad = st.just(Marks(50, 101, 50))
marks_ = st.one_of(st.builds(Marks, good, good, good), st.builds(Marks, good, good, good), bad)
said = st.sampled_from(["按约定看过。", "按约定看过。", "按约定看过。", "按约定看过。", " "])
which = st.integers(0, 6)
hands = st.one_of(st.none(), st.none(), st.none(), someone)  # none: whoever has the item
LEGAL = {(before, target or before) for allowed, target in MOVES.values() for before in allowed}


# What may happen next, and what it is done with. One rule draws from it, so that every example meets every kind.
STEPS: dict[str, dict[str, Any]] = {
    "another_agreement": {
        "weights": st.sampled_from([Weights(0, 0, 100), Weights(33, 33, 33)]),
        "by": someone,
        "often": st.integers(0, 3),
    },
    "write_one": {"by": scorer, "value": st.sampled_from([1, 7, 1000, 1001]), "to": st.one_of(st.none(), cadre)},
    "give": {"which": which, "by": scorer, "to": cadre, "words": said},
    "away": {"who": cadre, "by": scorer, "to": cadre, "words": said},
    "back": {"who": cadre, "by": scorer},
    "report": {"which": which, "by": hands},
    "score": {"which": which, "by": scorer, "marks": marks_, "reason": said},
    "score_again": {"which": which, "by": scorer, "marks": marks_, "reason": said},
    "accept": {"which": which, "by": hands, "often": st.integers(0, 3)},
    "objection": {"which": which, "by": hands, "words": said},
    "answer": {"which": which, "by": scorer, "words": said, "marks": st.one_of(st.none(), marks_)},
    "withdraw": {"which": which, "by": scorer, "words": said, "often": st.integers(0, 3)},
    "time_passes": {"days": st.integers(0, 2)},
}
OFTEN = ("report", "score", "objection", "answer", "answer")


class Village(RuleBasedStateMachine):
    town: ClassVar[Any]
    people: ClassVar[dict[str, Any]]

    def __init__(self) -> None:
        super().__init__()
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.now = NOW
        self.states: dict[int, State] = {}
        self.scores: dict[int, dict[str, Any]] = {}
        self.turns: dict[int, list[int]] = {}

    @initialize()
    def agree(self) -> None:
        self.adopt(Weights(40, 30, 30))
        for to in ("clerk", "worker", "secretary"):
            self.write("deputy", 300, to)
        for item in Item.objects.order_by("pk")[1:]:
            self.act(values.report_item, self.holder(item.pk), item_id=item.pk, words="做完了")
            if item.holder_id == self.people["worker"].pk:
                marks = Marks(90, 80, 70)
                self.act(values.score_item, "secretary", item_id=item.pk, marks=marks, reason="按约定看过。")

    def adopt(self, weights: Weights, by: str = "secretary") -> None:
        today = self.now.date()
        self.act(
            values.adopt_agreement, by, place=self.town.community, adopted_on=today, meeting="联席会议通过",
            weights=weights, objection_days=5, starts_on=today, ends_on=today + timedelta(days=200),
        )  # fmt: skip

    def act(self, what: Any, by: str, **given: Any) -> None:
        entries = Entry.objects.count()
        try:
            with transaction.atomic():
                what(**given, by=self.people[by], now=self.now)
        except Refusal:
            assert Entry.objects.count() == entries, "a refusal changes nothing"

    def item(self, which: int, *fitting: State) -> int:
        """One of the items for which this makes sense; one time in seven any item."""
        found = Item.objects.order_by("pk")
        if which < 6 and found.filter(state__in=fitting).exists():
            found = found.filter(state__in=fitting)
        keys = list(found.values_list("pk", flat=True))
        return keys[which % len(keys)] if keys else 0

    def post(self, who: str) -> int:
        return int(self.people[who].posts.get().pk)

    @rule(what=st.sampled_from([*STEPS, *OFTEN]), data=st.data())
    def step(self, what: str, data: Any) -> None:
        getattr(self, what)(**{name: data.draw(drawn) for name, drawn in STEPS[what].items()})

    def another_agreement(self, weights: Weights, by: str, often: int) -> None:
        if not often:
            self.adopt(weights, by)

    def write_one(self, by: str, value: int, to: str | None) -> None:
        self.write(by, value, to)

    def write(self, by: str, value: int, to: str | None) -> None:
        post = self.post(to) if to else None
        due = self.now + timedelta(days=3)
        self.act(
            values.write_item, by, place=self.town.community, title="一件事", done_when="做完", value=value,
            due_at=due, post_id=post,
        )  # fmt: skip

    def give(self, which: int, by: str, to: str, words: str) -> None:
        given = {"post_id": self.post(to), "words": words}
        self.act(values.give_item, by, item_id=self.item(which, State.OPEN), **given)

    def away(self, who: str, by: str, to: str, words: str) -> None:
        given = {"from_user_id": self.people[who].pk, "post_id": self.post(to), "words": words}
        self.act(values.hand_over, by, place=self.town.community, **given)

    def back(self, who: str, by: str) -> None:
        steps = values.handed_over(self.town.community, self.people[who].pk)
        at = steps[0].at if steps else self.now
        self.act(values.hand_back, by, place=self.town.community, to_user_id=self.people[who].pk, at=at)

    def report(self, which: int, by: str | None) -> None:
        pk = self.item(which, State.OPEN)
        self.act(values.report_item, by or self.holder(pk), item_id=pk, words="做完了")

    def holder(self, pk: int) -> str:
        item = Item.objects.filter(pk=pk).first()
        return next((name for name in CADRES if item and self.people[name].pk == item.holder_id), "worker")

    def score(self, which: int, by: str, marks: Marks, reason: str) -> None:
        pk = self.item(which, State.REPORTED)
        self.act(values.score_item, by, item_id=pk, marks=marks, reason=reason)

    def score_again(self, which: int, by: str, marks: Marks, reason: str) -> None:
        pk = self.item(which, State.SCORED)
        self.act(values.score_item, by, item_id=pk, marks=marks, reason=reason)

    def accept(self, which: int, by: str | None, often: int) -> None:
        if not often:
            pk = self.item(which, State.SCORED)
            self.act(values.accept_score, by or self.holder(pk), item_id=pk)

    def objection(self, which: int, by: str | None, words: str) -> None:
        pk = self.item(which, State.SCORED)
        self.act(values.object_to_score, by or self.holder(pk), item_id=pk, words=words)

    def answer(self, which: int, by: str, words: str, marks: Marks | None) -> None:
        pk = self.item(which, State.OBJECTED)
        self.act(values.answer_objection, by, item_id=pk, words=words, marks=marks)

    def withdraw(self, which: int, by: str, words: str, often: int) -> None:
        if not often:
            self.act(values.withdraw_item, by, item_id=self.item(which, State.OPEN), words=words)

    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)
        values.settle_unopposed(now=self.now)

    @invariant()
    def states_move_as_the_table_says(self) -> None:
        for item in Item.objects.all():
            before = self.states.get(item.pk, State(item.state))
            now = State(item.state)
            assert now == before or (before, now) in LEGAL, f"{before} -> {now}"
            self.states[item.pk] = now
            assert now != State.SCORED or self.now.date() <= item.object_by.date() + timedelta(days=1)

    @invariant()
    def a_score_stands_in_the_record_with_its_reason_and_never_changes(self) -> None:
        """Each score has exactly one entry that says the same, a reason, and the points that its marks make."""
        written = {entry.object_id: entry for entry in Entry.objects.filter(event="values.ScoreWritten")}
        rows = {row["id"]: row for row in Score.objects.values()}
        assert set(written) == set(rows)
        for pk, row in rows.items():
            assert self.scores.setdefault(pk, row) == row, "a score is never edited"
            entry = written[pk]
            said = ("item_id", "round", "done", "timeliness", "quality", "points")
            assert {name: entry.data[name] for name in said} == {name: row[name] for name in said}
            assert (entry.by_id, entry.at, entry.post_id) == (row["by_id"], row["at"], row["post_id"])
            assert row["reason"].strip()
            assert row["by_id"] != row["holder_id"], "nobody scores their own work"
        assert set(self.scores) == set(rows), "no score goes away"
        for item in Item.objects.select_related("agreement"):
            mine = sorted((row for row in rows.values() if row["item_id"] == item.pk), key=lambda row: row["round"])
            assert [row["round"] for row in mine] == list(range(1, item.rounds + 1))
            for row in mine:
                marks = Marks(row["done"], row["timeliness"], row["quality"])
                assert row["points"] == points(item.value, item.agreement.weights, marks)
                assert row["holder_id"] == item.holder_id

    @invariant()
    def moving_adds_to_the_history(self) -> None:
        for item in Item.objects.all():
            turns = list(Turn.objects.filter(item=item).order_by("number").values_list("user_id", flat=True))
            before = self.turns.get(item.pk, [])
            assert turns[: len(before)] == before
            assert len(turns) == item.turns
            assert not turns or turns[-1] == item.holder_id
            self.turns[item.pk] = turns

    @invariant()
    def answers_come_from_somebody_else_or_name_the_street(self) -> None:
        for one in Objection.objects.exclude(answered_at=None):
            assert one.answered_by_id != one.raised_by_id
            assert one.answer
            if one.answered_by_id == one.scored_by_id:
                assert one.next_place_id == self.town.street.pk
                others = {self.people[name].pk for name in SCORERS} - {one.scored_by_id, one.raised_by_id}
                assert not others

    @invariant()
    def the_version_counts_the_entries(self) -> None:
        for model in (Agreement, Item, Score, Objection):
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
    assert date(2026, 11, 18) == NOW.date()
    Village.town = town
    Village.people = {
        **{name: getattr(town, name) for name in PEOPLE if name != "deputy"},
        "deputy": make_user("deputy", "段副书记", (Role.COMMUNITY_SECRETARY, town.community)),
    }
    run_state_machine_as_test(
        Village,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
