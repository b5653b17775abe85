"""Slips about directed work stand with the other slips, are answered by their office and printed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gongzhi.act.directives import actions
from gongzhi.act.directives.ladder import take_steps
from gongzhi.act.directives.models import Assignment, Step
from gongzhi.act.directives.tests.conftest import an_ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def slip(town: Any, now: Any) -> Step:
    directive = actions.draft_directive(ask=an_ask(town), by=town.street_clerk, now=now)
    actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)
    for _time in range(2):
        take_steps(now=now + timedelta(days=20))
    return Step.objects.get(kind="slip", assignment=Assignment.objects.get(place=town.community))


def test_the_office_finds_answers_and_prints_it(as_user: Any, town: Any, slip: Step) -> None:
    clerk = as_user(town.clerk)
    assert f"/staff/steps/{slip.pk}/" in clerk.get("/staff/slips/").text
    assert clerk.post(f"/staff/steps/{slip.pk}/", {"answer": " "}).status_code == 422
    assert clerk.post(f"/staff/steps/{slip.pk}/", {"answer": "下雨耽误了，周五补上。"}).status_code == 303
    assert clerk.post(f"/staff/steps/{slip.pk}/", {"answer": "再答一次"}).status_code == 409
    page = clerk.get(f"/staff/steps/{slip.pk}/sheet/").text
    assert "下雨耽误了" in page
    assert slip.number in page
    assert f"/staff/steps/{slip.pk}/" not in clerk.get("/staff/slips/").text


def test_who_supervises_reads_and_does_not_answer(as_user: Any, town: Any, slip: Step) -> None:
    leader = as_user(town.leader)
    assert f"/staff/steps/{slip.pk}/" in leader.get("/staff/slips/?show=ours").text
    assert leader.get(f"/staff/steps/{slip.pk}/").status_code == 200
    assert leader.post(f"/staff/steps/{slip.pk}/", {"answer": "替他们答"}).status_code == 403


def test_others_do_not_know_of_it(as_user: Any, town: Any, slip: Step) -> None:
    for user in (town.other_clerk, town.officer):
        assert as_user(user).get(f"/staff/steps/{slip.pk}/").status_code == 404
