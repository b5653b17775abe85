"""Whatever the offices do with their pieces, in whatever order: none is lost or doubled, and the clock adds up."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gongzhi.act.directives import actions, pieces
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import (
    ENDED,
    MOVES,
    OPEN,
    Assignment,
    Directive,
    DirectiveState,
    Question,
    Report,
    State,
)
from gongzhi.act.directives.pieces import Piece
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from tests.town import NOW

PEOPLE = (
    "street_clerk", "leader", "secretary", "clerk", "worker", "second_worker", "other_worker", "other_clerk",
    "stranger",
)  # fmt: skip
which = st.integers(0, 7)
# Mostly somebody of the office whose turn it is, sometimes anybody.
own = st.sampled_from(["first", "second", "first", "second", "first", "stranger", "leader", "other_clerk"])
STEPS = (
    "wait", "read_assignment", "accept_assignment", "recall_pieces", "refuse", "ask", "ask", "answer", "pass_down",
    "pass_down", "report", "report", "send_back", "confirm_result", "release_piece", "recall_pieces", "end",
)  # fmt: skip
OFFICES = {
    "street": ("street_clerk", "leader"),
    "community": ("secretary", "clerk"),
    "other_community": ("other_clerk", "other_clerk"),
    "grid": ("worker", "second_worker"),
    "other_grid": ("other_worker", "other_worker"),
}


class Offices(RuleBasedStateMachine):
    """One directive of a street to its two communities."""

    town: ClassVar[Any]
    people: ClassVar[dict[str, Any]]
    seen: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.now = NOW
        self.states: dict[int, str] = {}
        self.keys: dict[uuid.UUID, int] = {}

    @initialize(by=st.sampled_from(["street_clerk", "leader"]))
    def issue(self, by: str) -> None:
        ask = Ask(
            title="防汛排查",
            text="逐楼排查地下空间。",
            done_when="每个地下空间都看过。",
            target_level="village",
            target_places=[self.town.street.pk],
            reply_span="3 working_days",
        )
        self.directive = actions.draft_directive(ask=ask, by=self.people[by], now=self.now)
        actions.issue_directive(directive_id=self.directive.pk, by=self.people[by], now=self.now)

    def piece(self, number: int) -> int:
        ids = list(Assignment.objects.order_by("pk").values_list("pk", flat=True))
        return ids[number % len(ids)]

    def of(self, office: int, who: str) -> str:
        names = next(names for name, names in OFFICES.items() if getattr(self.town, name).pk == office)
        return {"first": names[0], "second": names[1]}.get(who, who)

    def act(self, what: Any, by: str, **given: Any) -> Any:
        entries, rows = Entry.objects.count(), Assignment.objects.count()
        try:
            with transaction.atomic():
                return what(**given, by=self.people[by], now=self.now)
        except Refusal:
            assert (Entry.objects.count(), Assignment.objects.count()) == (entries, rows), "a refusal changes nothing"
            return None

    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def simple(self, number: int, who: str, move: str) -> None:
        piece = Assignment.objects.get(pk=self.piece(number))
        self.act(getattr(pieces, move), self.of(piece.place_id, who), assignment_id=piece.pk)

    def refuse(self, number: int, who: str, sure: int) -> None:
        if sure == 0:
            piece = Assignment.objects.get(pk=self.piece(number))
            by = self.of(piece.place_id, who)
            self.act(pieces.refuse_assignment, by, assignment_id=piece.pk)

    def ask(self, number: int, who: str, kind: str) -> None:
        before = Assignment.objects.get(pk=self.piece(number))
        by = self.of(before.place_id, who)
        question = self.act(pieces.ask_sender, by, assignment_id=before.pk, kind=kind, words="请说明范围")
        if question is not None and kind == "decide" and before.due_at > self.now:
            assert question.due_at == before.due_at, "the clock passes on"

    def answer(self, who: str, outcome: str) -> None:
        question = Question.objects.filter(outcome="").order_by("pk").first()
        if question is not None:
            by = self.of(question.assignment.asker_place_id, who)
            self.act(pieces.answer_question, by, question_id=question.pk, outcome=outcome, answer="照此办理。")

    def pass_down(self, number: int, who: str, places: list[str], below: bool) -> None:
        piece = Assignment.objects.get(pk=self.piece(number))
        chosen = [getattr(self.town, name) for name in places]
        if below:
            chosen = [getattr(self.town, name) for name in OFFICES]
            chosen = [place for place in chosen if place.path.startswith(piece.place_path)]
        wanted = [Piece(place_id=place.pk, part=f"第{i}部分") for i, place in enumerate(chosen)]
        by = self.of(piece.place_id, who)
        made = self.act(pieces.pass_down, by, assignment_id=piece.pk, pieces=wanted)
        for child in made or []:
            assert child.place_path.startswith(child.parent.place_path)
            assert child.due_at == child.parent.due_at

    def report(self, number: int, who: str, again: bool) -> None:
        pk = self.piece(number)
        by = self.of(Assignment.objects.get(pk=pk).place_id, who)
        if again and self.keys:
            key, first = next(iter(self.keys.items()))
            before = Report.objects.count()
            done = self.act(pieces.report_result, by, assignment_id=pk, words="看过了", key=key)
            assert Report.objects.count() == before, "the same key is one report"
            assert done is None or done.pk == first
            return
        key = uuid.uuid4()
        ended = Assignment.objects.get(pk=pk).state in ENDED
        done = self.act(pieces.report_result, by, assignment_id=pk, words="看过了", minutes=20, key=key)
        if done is not None:
            self.keys[key] = done.pk
            assert done.counted == (not ended)

    def send_back(self, number: int, who: str) -> None:
        piece = Assignment.objects.filter(state=State.SUBMITTED).first() or Assignment.objects.get(
            pk=self.piece(number)
        )
        by = self.of(piece.asker_place_id, who)
        self.act(pieces.return_result, by, assignment_id=piece.pk, reason="缺少两栋")

    def look(self, number: int, who: str, move: str) -> None:
        reported = Assignment.objects.filter(state=State.SUBMITTED).values_list("pk", flat=True).first()
        pk = reported if reported is not None and number % 2 else self.piece(number)
        by = self.of(Assignment.objects.get(pk=pk).asker_place_id, who)
        piece = self.act(getattr(pieces, move), by, assignment_id=pk)
        if piece is not None and move == "confirm_result":
            assert piece.reports.filter(counted=True).latest("pk").by_id != self.people[by].pk

    def end(self, by: str, close: int) -> None:
        if close:
            self.act(actions.close_directive, by, directive_id=self.directive.pk)
        elif len(self.keys) > 1:
            self.act(actions.withdraw_directive, by, directive_id=self.directive.pk, reason="市里已统一安排")

    @rule(data=st.data())
    def anything(self, data: st.DataObject) -> None:
        """One rule that draws what to do: of many rules, hypothesis leaves some out of each walk."""
        draw = data.draw
        what = draw(st.sampled_from(STEPS), label="what")
        number, who = draw(which), draw(own)
        if what == "wait":
            self.wait(draw(st.integers(1, 40)))
        elif what == "refuse":
            self.refuse(number, who, draw(st.integers(0, 2)))
        elif what == "ask":
            self.ask(number, who, draw(st.sampled_from(["clarify", "contest", "decide", "nonsense"])))
        elif what == "answer":
            self.answer(who, draw(st.sampled_from(["answered", "answered", "released", "taken", "dropped"])))
        elif what == "pass_down":
            places = draw(st.lists(st.sampled_from([*OFFICES]), min_size=1, max_size=2))
            self.pass_down(number, who, places, draw(st.booleans()))
        elif what == "report":
            self.report(number, who, draw(st.booleans()))
        elif what == "send_back":
            self.send_back(number, who)
        elif what == "end":
            self.end(draw(st.sampled_from(["street_clerk", "leader", "secretary"])), draw(st.integers(0, 1)))
        elif what in ("confirm_result", "release_piece"):
            self.look(number, who, what)
        else:
            self.simple(number, who, what)

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        top = Assignment.objects.filter(parent__isnull=True)
        assert {piece.place_id for piece in top} == {self.town.community.pk, self.town.other_community.pk}
        assert top.count() == 2
        for report in self.keys.values():
            assert Report.objects.filter(pk=report).exists()

    @invariant()
    def states_follow_the_table(self) -> None:
        legal = {(start, end) for starts, end in MOVES.values() for start in starts}
        for pk, state in Assignment.objects.values_list("pk", "state"):
            before = self.states.get(pk, State.SENT)
            assert before == state or _reachable(before, state, legal), (before, state)
            assert before in OPEN or before == state, "what has ended stays ended"
            self.states[pk] = state

    @invariant()
    def an_ended_directive_has_no_open_piece(self) -> None:
        directive = Directive.objects.get()
        if directive.state in (DirectiveState.WITHDRAWN, DirectiveState.CLOSED):
            assert not Assignment.objects.open().exists()
            assert not Question.objects.filter(outcome="").exists()

    @invariant()
    def below_what_has_ended_nothing_is_open(self) -> None:
        for child in Assignment.objects.open().filter(parent__isnull=False).select_related("parent"):
            assert child.parent is not None
            assert child.parent.state == State.PASSED

    @invariant()
    def clocks_wait_only_for_an_answer(self) -> None:
        for piece in Assignment.objects.all():
            if piece.due_at is None:
                assert piece.state == State.ASKING
                assert piece.left
                assert piece.questions.filter(outcome="").count() == 1

    def teardown(self) -> None:
        try:
            assert verify(now=self.now) == []
            names = Entry.objects.filter(event__startswith="directives.").values_list("event", flat=True)
            self.seen.update(name.removeprefix("directives.") for name in names)
        finally:
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)


def _reachable(start: str, end: str, legal: set[tuple[State, State]]) -> bool:
    """One action may take two steps: a question falls away and the result is reported; an own part is accepted."""
    found, edge = {start}, {start}
    for _step in range(3):
        edge = {str(there) for here, there in legal if here in edge}
        found |= edge
    return end in found


@pytest.mark.django_db
def test_whatever_the_offices_do_in_whatever_order(town: Any) -> None:
    Offices.town = town
    Offices.people = {name: getattr(town, name) for name in PEOPLE}
    run_state_machine_as_test(
        Offices,
        settings=settings(
            max_examples=25,
            stateful_step_count=50,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    # The walk has been everywhere: an action that always refuses would prove nothing.
    assert Offices.seen >= {
        "AssignmentRead", "AssignmentAccepted", "AssignmentPassedDown", "AssignmentRecalled", "AssignmentReported",
        "AssignmentReturned", "AssignmentConfirmed", "AssignmentRefused", "AssignmentWithdrawn", "QuestionAsked",
        "QuestionAnswered", "PieceGiven", "DirectiveWithdrawn",
    }  # fmt: skip
