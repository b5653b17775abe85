"""The clock supervises: reminder, slip, talk, without anybody doing anything."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gongzhi.act.directives import pieces
from gongzhi.act.directives.ladder import answer_step, take_steps
from gongzhi.act.directives.models import Assignment, Directive, Step
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import override

pytestmark = pytest.mark.django_db


def kinds(piece: Assignment) -> list[str]:
    return list(piece.steps.order_by("pk").values_list("kind", flat=True))


def test_step_by_step(town: Any, issued: Directive, piece: Assignment, now: Any) -> None:
    assert piece.yellow_at is not None
    assert piece.due_at is not None
    assert take_steps(now=now) == 0
    assert take_steps(now=piece.yellow_at) == 2
    assert take_steps(now=piece.yellow_at) == 0
    assert kinds(piece) == ["remind"]
    assert take_steps(now=piece.due_at + timedelta(days=1)) == 2
    assert kinds(piece) == ["remind", "slip"]
    pieces.report_result(assignment_id=piece.pk, words="补上了", by=town.clerk, now=piece.due_at + timedelta(days=2))
    assert take_steps(now=piece.due_at + timedelta(days=30)) == 1, "who has reported is left in peace"
    assert kinds(piece) == ["remind", "slip"]
    assert verify(now=now) == []


def test_a_slip_is_answered_by_its_office_once(town: Any, piece: Assignment, now: Any) -> None:
    assert piece.due_at is not None
    take_steps(now=now + timedelta(days=60))
    take_steps(now=now + timedelta(days=60))
    slip = Step.objects.get(assignment=piece, kind="slip")
    assert Step.objects.to_answer(town.clerk).get() == slip
    assert slip in Step.objects.supervised_by(town.leader)
    later = now + timedelta(days=60)
    with pytest.raises(NotThere):
        answer_step(step_id=slip.pk, answer="下雨耽误了", by=town.other_clerk, now=later)
    with pytest.raises(Refusal, match="another office"):
        answer_step(step_id=slip.pk, answer="下雨耽误了", by=town.leader, now=later)
    with pytest.raises(Refusal):
        answer_step(step_id=slip.pk, answer=" ", by=town.clerk, now=later)
    answer_step(step_id=slip.pk, answer="下雨耽误了，明天补上。", by=town.clerk, now=later)
    with pytest.raises(Refusal, match="already"):
        answer_step(step_id=slip.pk, answer="再说一次", by=town.clerk, now=later)
    assert verify(now=later) == []


def test_a_place_may_have_no_ladder(town: Any, piece: Assignment, now: Any) -> None:
    override(
        key="directives.ladder", value=[], place=town.community, valid_from=now.date(), reason="试行", by=None, now=now
    )
    take_steps(now=now + timedelta(days=60))
    assert kinds(piece) == []
    assert Step.objects.exists(), "the other community keeps its ladder"


def test_who_waits_for_an_answer_is_not_late(town: Any, piece: Assignment, now: Any) -> None:
    pieces.ask_sender(assignment_id=piece.pk, kind="contest", words="不该我们做", by=town.secretary, now=now)
    take_steps(now=now + timedelta(days=60))
    assert kinds(piece) == []
