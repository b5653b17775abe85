"""The burden meter as people see it: the post, the community, the sender, and the question that is answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives.asking import Ask
from gongzhi.ground.rules import in_force
from gongzhi.ground.rules.actions import override
from gongzhi.learn.burden.actions import count_burden
from gongzhi.learn.burden.counting import monday_of
from gongzhi.learn.burden.models import BurdenQuestion

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(town, moment):
    """Two directives to both communities, one to all grids, counted; one community has a low limit."""
    now = moment.now
    for level in ("village", "village", "grid"):
        ask = Ask(
            title="防汛排查",
            text="逐楼排查。",
            done_when="都看过。",
            target_level=level,
            target_places=[town.street.pk],
            reply_span="3 working_days",
            minutes=30,
        )
        draft = directives.draft_directive(ask=ask, by=town.street_clerk, now=now)
        directives.issue_directive(directive_id=draft.pk, by=town.street_clerk, now=now)
    override(place=town.community, key="burden.reports_week", value=1, valid_from=monday_of(now.date()),
             reason="trial", by=None, now=now)  # fmt: skip
    assert count_burden(now=now) == 1
    return BurdenQuestion.objects.get()


def test_a_post_sees_its_own_figures_only(town, at, asked):
    page = at(town.worker).get("/staff/burden/").content.decode()
    assert "东区第一网格" in page
    assert "西区" not in page
    assert "Is all of it needed" not in page
    assert at(town.system).get("/staff/burden/").status_code == 404


def test_the_community_sees_its_posts_and_the_street_its_communities(town, at, asked):
    page = at(town.secretary).get("/staff/burden/").content.decode()
    assert "Posts in 东区社区" in page
    assert "above the limit" in page
    assert "西区" not in page
    client = at(town.leader)
    page = client.get("/staff/burden/").content.decode()
    assert "Posts in 清华园街道" in page
    assert page.index("东区社区") < page.index("西区社区")
    within = client.get(f"/staff/burden/?place={town.other_community.path}").content.decode()
    assert "西区第一网格" in within
    assert at(town.secretary).get(f"/staff/burden/?place={town.other_community.path}").status_code == 404


def test_the_sender_is_asked_on_the_morning_page_and_answers(town, at, asked):
    client = at(town.street_clerk)
    morning = client.get("/staff/").content.decode()
    assert "You asked 4 places for 3 reports" in morning
    page = client.get("/staff/burden/").content.decode()
    assert "This week you asked 4 places for 3 reports, about 180 minutes" in page
    url = f"/staff/burden/{asked.pk}/answer/"
    assert client.get(url).status_code == 302
    assert client.post(url, {"words": ""}).status_code == 422
    assert client.post(url, {"words": "两次合并为一次。"}).status_code == 302
    assert client.post(url, {"words": "再答一次。"}).status_code == 409
    assert "两次合并为一次。" in client.get("/staff/burden/").content.decode()
    assert "You asked 4 places" not in client.get("/staff/").content.decode()
    assert at(town.secretary).post(url, {"words": "两次合并为一次。"}).status_code == 404
    assert at(town.worker).post(url, {"words": "两次合并为一次。"}).status_code == 404


@pytest.mark.parametrize("week", ["x", "2026-13-01", "1800-01-01", "2999-01-01", "0000-00-00"])
def test_weeks_that_cannot_be(town, at, week):
    assert at(town.worker).get(f"/staff/burden/?week={week}").status_code == 404


def test_an_earlier_week_is_empty_not_wrong(town, at, asked, moment):
    week = (moment.now - timedelta(weeks=3)).date().isoformat()
    page = at(town.leader).get(f"/staff/burden/?week={week}").content.decode()
    assert "Nothing was counted for this week" in page


def test_the_page_costs_few_statements(town, at, asked, django_assert_max_num_queries):
    client = at(town.leader)
    connection.run_on_commit.clear()  # the changed rule counts as committed: nobody reads the rules anew each time
    in_force.forget()
    client.get("/staff/burden/")
    with django_assert_max_num_queries(14):
        client.get("/staff/burden/")
