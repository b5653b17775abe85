"""What happens to a piece, told step by step."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from gongzhi.act.directives import actions, pieces
from gongzhi.act.directives.models import Assignment, Directive, DirectiveState, Question, State
from gongzhi.act.directives.pieces import Piece
from gongzhi.act.directives.tests.conftest import an_ask
from gongzhi.ground.access.roles import Role
from gongzhi.ground.access.standins import Seat, move_work
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.places.actions import merge_places
from gongzhi.ground.refusals import NotThere, Refusal

pytestmark = pytest.mark.django_db


def test_every_community_gets_a_piece_at_once(town: Any, issued: Directive, now: Any) -> None:
    assert set(Assignment.objects.values_list("place__name", "role", "state")) == {
        ("东区社区", "community_secretary", "sent"),
        ("西区社区", "community_secretary", "sent"),
    }
    assert issued.rounds.get().places == 2
    assert verify(now=now) == []


def test_from_reading_to_an_accepted_result(town: Any, piece: Assignment, now: Any) -> None:
    pieces.read_assignment(assignment_id=piece.pk, by=town.clerk, now=now)
    pieces.accept_assignment(assignment_id=piece.pk, by=town.secretary, now=now)
    pieces.report_result(assignment_id=piece.pk, words="都看过了。", minutes=40, by=town.clerk, now=now)
    pieces.return_result(assignment_id=piece.pk, reason="缺三号楼", by=town.leader, now=now)
    pieces.report_result(assignment_id=piece.pk, words="三号楼也看了。", by=town.clerk, now=now)
    done = pieces.confirm_result(assignment_id=piece.pk, by=town.street_clerk, now=now)
    assert (done.state, done.returns) == (State.DONE, 1)
    assert verify(now=now) == []


@pytest.mark.parametrize("kind", ["clarify", "contest", "decide"])
def test_the_clock_waits_for_an_answer(town: Any, piece: Assignment, now: Any, kind: str) -> None:
    due = piece.due_at
    assert due is not None
    question = pieces.ask_sender(assignment_id=piece.pk, kind=kind, words="商户也要查吗？", by=town.secretary, now=now)
    assert (question.due_at == due) == (kind == "decide"), "only a decision takes the clock with it"
    piece.refresh_from_db()
    assert (piece.state, piece.due_at) == (State.ASKING, None)
    later = now + timedelta(days=7)
    pieces.answer_question(question_id=question.pk, outcome="answered", answer="都要查。", by=town.leader, now=later)
    piece.refresh_from_db()
    assert piece.state == State.ACCEPTED
    assert piece.due_at == due + timedelta(days=7), "a week of waiting is a week more"


def test_released_and_taken_over(town: Any, issued: Directive, now: Any) -> None:
    for place, outcome, by, state in (
        (town.community, "released", town.secretary, State.WITHDRAWN),
        (town.other_community, "taken", town.other_clerk, State.TAKEN),
    ):
        piece = Assignment.objects.get(place=place)
        question = pieces.ask_sender(assignment_id=piece.pk, kind="contest", words="不是我们的", by=by, now=now)
        pieces.answer_question(question_id=question.pk, outcome=outcome, answer="同意。", by=town.leader, now=now)
        piece.refresh_from_db()
        assert piece.state == state
    assert actions.close_directive(directive_id=issued.pk, by=town.leader, now=now).state == DirectiveState.CLOSED


def test_passed_down_and_up_again(town: Any, piece: Assignment, now: Any) -> None:
    wanted = [Piece(place_id=town.grid.pk), Piece(place_id=town.community.pk, part="汇总")]
    below, own = pieces.pass_down(assignment_id=piece.pk, pieces=wanted, by=town.secretary, now=now)
    with pytest.raises(Refusal, match="still at it"):
        pieces.report_result(assignment_id=piece.pk, words="好了", by=town.secretary, now=now)
    pieces.report_result(assignment_id=below.pk, words="看了三栋。", by=town.worker, now=now)
    pieces.confirm_result(assignment_id=below.pk, by=town.secretary, now=now)
    pieces.report_result(assignment_id=own.pk, words="汇总好了。", by=town.clerk, now=now)
    own.refresh_from_db()
    assert own.state == State.DONE, "a part of the own office needs no second look"
    pieces.report_result(assignment_id=piece.pk, words="全部看过。", by=town.secretary, now=now)
    piece.refresh_from_db()
    assert piece.state == State.SUBMITTED


@pytest.mark.parametrize("where", ["street", "other_grid", "county"])
def test_work_never_goes_up_or_sideways(town: Any, piece: Assignment, now: Any, where: str) -> None:
    with pytest.raises(Refusal, match="Work goes down"):
        pieces.pass_down(
            assignment_id=piece.pk, pieces=[Piece(place_id=getattr(town, where).pk)], by=town.secretary, now=now
        )


def test_taking_it_back_ends_what_hangs_below(town: Any, piece: Assignment, now: Any) -> None:
    (below,) = pieces.pass_down(
        assignment_id=piece.pk, pieces=[Piece(place_id=town.grid.pk)], by=town.secretary, now=now
    )
    pieces.recall_pieces(assignment_id=piece.pk, by=town.clerk, now=now)
    below.refresh_from_db()
    assert below.state == State.WITHDRAWN
    report = pieces.report_result(assignment_id=below.pk, words="已经做完了", by=town.worker, now=now)
    assert not report.counted, "kept, and it does not count"
    below.refresh_from_db()
    assert below.state == State.WITHDRAWN


def test_the_same_key_is_one_report(town: Any, piece: Assignment, now: Any) -> None:
    key = uuid.uuid4()
    first = pieces.report_result(assignment_id=piece.pk, words="好了", key=key, by=town.clerk, now=now)
    again = pieces.report_result(assignment_id=piece.pk, words="好了好了", key=key, by=town.clerk, now=now)
    assert (again.pk, again.words) == (first.pk, "好了")


def test_a_withdrawn_directive_ends_everything(town: Any, issued: Directive, piece: Assignment, now: Any) -> None:
    question = pieces.ask_sender(assignment_id=piece.pk, kind="clarify", words="范围？请说明", by=town.clerk, now=now)
    ended = actions.withdraw_directive(directive_id=issued.pk, reason="市里已统一安排", by=town.leader, now=now)
    assert ended == 2
    question.refresh_from_db()
    assert question.outcome == Question.Outcome.DROPPED
    assert not Assignment.objects.open().exists()
    assert verify(now=now) == []


def test_another_office_does_not_even_see_it(town: Any, piece: Assignment, now: Any) -> None:
    for by in (town.other_clerk, town.stranger, town.officer):
        with pytest.raises(NotThere):
            pieces.read_assignment(assignment_id=piece.pk, by=by, now=now)
    with pytest.raises(Refusal, match="another office"):
        pieces.read_assignment(assignment_id=piece.pk, by=town.street_clerk, now=now)


def test_what_recurs_is_sent_on_its_days(town: Any, now: Any) -> None:
    today = now.date()
    ask = an_ask(town, rhythm="weekly", starts_on=today, ends_on=today + timedelta(days=15))
    directive = actions.draft_directive(ask=ask, by=town.street_clerk, now=now)
    directive = actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)
    assert (directive.rounds.count(), directive.next_on) == (1, today + timedelta(days=7))
    assert actions.send_due_rounds(now=now) == 0
    assert actions.send_due_rounds(now=now + timedelta(days=7)) == 1
    assert actions.send_due_rounds(now=now + timedelta(days=7)) == 0
    assert actions.send_due_rounds(now=now + timedelta(days=20)) == 1, "a missed day is made up for once"
    directive.refresh_from_db()
    assert directive.next_on is None
    assert Assignment.objects.count() == 6


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"value": 10**9}, "value"),
        ({"value": -1}, "value"),
        ({"reply_span": ""}, "reply_span"),
        ({"reply_span": "-3 working_days"}, "reply_span"),
        ({"reply_span": "soon"}, "reply_span"),
        ({"rhythm": "weekly"}, "starts_on"),
        ({"evidence": "photo"}, "evidence_reason"),
        ({"title": " "}, "title"),
        ({"text": "长" * 5001}, "text"),
        ({"target_places": []}, "target_places"),
        ({"target_places": [999999]}, "target_places"),
        ({"target_level": "province"}, "target_level"),
        ({"target_profile": "poor"}, "target_profile"),
    ],
)
def test_bad_input_is_named_and_keeps_nothing(town: Any, now: Any, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as refusal:
        actions.draft_directive(ask=an_ask(town, **wrong), by=town.street_clerk, now=now)
    assert refusal.value.field == field
    assert not Directive.objects.exists()


def test_recurring_without_end_and_a_moment_in_the_past(town: Any, now: Any) -> None:
    for wrong, field in (
        ({"rhythm": "daily", "starts_on": now.date()}, "ends_on"),
        ({"rhythm": "daily", "starts_on": now.date(), "ends_on": now.date() + timedelta(days=4000)}, "ends_on"),
        ({"reply_span": "", "reply_by": now - timedelta(hours=1)}, "reply_by"),
    ):
        with pytest.raises(Refusal) as refusal:
            actions.draft_directive(ask=an_ask(town, **wrong), by=town.street_clerk, now=now)
        assert refusal.value.field == field


def test_a_community_sends_to_its_own_grids_only(town: Any, now: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        actions.draft_directive(ask=an_ask(town), by=town.secretary, now=now)
    assert refusal.value.field == "target_places"
    ask = an_ask(town, target_level="grid", target_places=[town.community.pk])
    directive = actions.draft_directive(ask=ask, by=town.secretary, now=now)
    actions.issue_directive(directive_id=directive.pk, by=town.secretary, now=now)
    assert Assignment.objects.get().role == "grid_worker"


def test_what_was_merged_is_asked_as_its_successor(town: Any, now: Any) -> None:
    ask = an_ask(town, target_places=[town.other_community.pk])
    directive = actions.draft_directive(ask=ask, by=town.street_clerk, now=now)
    merge_places(old=town.other_community, into=town.community, by=None, now=now)
    later = now + timedelta(days=1)
    actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=later)
    assert Assignment.objects.get().place == town.community


def test_a_deputy_does_the_work_and_the_record_says_so(town: Any, issued: Directive, now: Any) -> None:
    ask = an_ask(town, target_level="grid", target_places=[town.grid.pk])
    directive = actions.draft_directive(ask=ask, by=town.secretary, now=now)
    actions.issue_directive(directive_id=directive.pk, by=town.secretary, now=now)
    piece = Assignment.objects.get(directive=directive)
    with pytest.raises(NotThere):
        pieces.accept_assignment(assignment_id=piece.pk, by=town.other_worker, now=now)
    seat = Seat(Role.GRID_WORKER, town.grid.pk, (town.other_worker.pk,))
    move_work(
        seats=[seat],
        place=town.grid,
        why="absence",
        until=now.date() + timedelta(days=9),
        by=town.street_clerk,
        now=now,
    )
    deputy = User.objects.get(pk=town.other_worker.pk)
    pieces.accept_assignment(assignment_id=piece.pk, by=deputy, now=now)
    entry = Entry.objects.get(event="directives.AssignmentAccepted", object_id=piece.pk)
    assert entry.by_id == deputy.pk
    assert entry.data["stand_in"]
