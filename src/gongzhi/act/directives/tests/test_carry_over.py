"""A place was merged after the work had been sent: its pieces are found by the office that answers for it now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gongzhi.act.directives import actions, pieces
from gongzhi.act.directives.models import Assignment, Directive, State
from gongzhi.act.directives.tests.conftest import an_ask
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.places.actions import merge_places
from gongzhi.ground.refusals import Refusal

pytestmark = pytest.mark.django_db


def test_the_successor_gets_the_piece(town: Any, now: Any) -> None:
    directive = actions.draft_directive(
        ask=an_ask(town, target_places=[town.other_community.pk]), by=town.street_clerk, now=now
    )
    actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)
    merge_places(old=town.other_community, into=town.community, by=None, now=now)
    later = now + timedelta(days=1)
    assert actions.carry_over(now=later) == 1
    assert actions.carry_over(now=later) == 0
    piece = Assignment.objects.get()
    assert (piece.place, piece.parent) == (town.community, None)
    pieces.accept_assignment(assignment_id=piece.pk, by=town.secretary, now=later)
    assert verify(now=later) == []


def test_where_it_has_its_own_the_other_becomes_a_part(town: Any, issued: Directive, now: Any) -> None:
    merge_places(old=town.other_community, into=town.community, by=None, now=now)
    later = now + timedelta(days=1)
    assert actions.carry_over(now=later) == 1
    own = Assignment.objects.get(parent__isnull=True)
    part = Assignment.objects.get(parent=own)
    assert (part.part, part.place) == ("西区社区", town.community)
    with pytest.raises(Refusal, match="still at it"):
        pieces.report_result(assignment_id=own.pk, words="好了", by=town.secretary, now=later)
    pieces.report_result(assignment_id=part.pk, words="西区也看了。", by=town.clerk, now=later)
    pieces.report_result(assignment_id=own.pk, words="都好了。", by=town.secretary, now=later)
    own.refresh_from_db()
    assert own.state == State.SUBMITTED
    assert verify(now=later) == []
