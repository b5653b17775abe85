"""Reminding everybody who has not read, or is late, in one statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gongzhi.act.directives import pieces
from gongzhi.act.directives.models import Assignment, Directive, Step
from gongzhi.act.directives.supervision import QUIET, remind
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal

pytestmark = pytest.mark.django_db


def test_whoever_has_not_read_is_reminded_once(town: Any, issued: Directive, now: Any) -> None:
    read = Assignment.objects.get(place=town.community)
    pieces.read_assignment(assignment_id=read.pk, by=town.clerk, now=now)
    assert remind(directive_id=issued.pk, whom="unread", by=town.leader, now=now) == 1
    step = Step.objects.get()
    assert (step.kind, step.assignment.place, step.by) == ("remind", town.other_community, town.leader)
    assert remind(directive_id=issued.pk, whom="unread", by=town.street_clerk, now=now + timedelta(minutes=1)) == 0
    assert remind(directive_id=issued.pk, whom="unread", by=town.leader, now=now + QUIET + timedelta(minutes=1)) == 1
    assert verify(now=now) == []


def test_whoever_is_late_is_reminded(town: Any, issued: Directive, now: Any) -> None:
    assert remind(directive_id=issued.pk, whom="late", by=town.leader, now=now) == 0
    assert remind(directive_id=issued.pk, whom="late", by=town.leader, now=now + timedelta(days=30)) == 2


def test_who_may_not_remind(town: Any, issued: Directive, now: Any) -> None:
    with pytest.raises(Refusal) as refused:
        remind(directive_id=issued.pk, whom="unread", by=town.secretary, now=now)
    assert refused.value.status == 403
    with pytest.raises(NotThere):
        remind(directive_id=issued.pk, whom="unread", by=town.officer, now=now)
    with pytest.raises(Refusal):
        remind(directive_id=issued.pk, whom="everybody", by=town.leader, now=now)
