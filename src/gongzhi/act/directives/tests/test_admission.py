"""What communities can refuse, and what nobody is asked for again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gongzhi.act.directives import actions, admission, held, pieces
from gongzhi.act.directives.models import Assignment, Directive, State
from gongzhi.act.directives.pieces import Piece
from gongzhi.act.directives.tests.conftest import an_ask
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import override

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 1)


def sent(town: Any, now: Any, **given: Any) -> Assignment:
    directive = actions.draft_directive(ask=an_ask(town, **given), by=town.street_clerk, now=now)
    actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)
    return Assignment.objects.get(directive=directive, place=town.community)


def test_every_code_of_the_packs_has_a_name_and_an_article(town: Any) -> None:
    for path in ("", "31", town.street.path):
        for kind in admission.KINDS:
            codes = admission.rule(admission._LISTS[kind], path=path, on=TODAY)
            assert [one.code for one in admission.listed(kind, path, TODAY)] == list(codes)
            assert admission._article(kind, path, TODAY).says.zh
    assert len(admission.listed("certificates", "", TODAY)) == 20
    assert admission.listed("barred", "", date(2025, 12, 1)) == [], "not before the rule of 2026"
    assert admission._article("assist", "3101", TODAY).code == "shanghai_27"
    assert ("disaster", "Floods, storms and other disasters") in admission.choices(town.street.path, TODAY)


def test_what_is_off_the_list_is_refused_in_one_step_with_its_article(town: Any, now: Any) -> None:
    piece = sent(town, now)
    refused = pieces.refuse_assignment(assignment_id=piece.pk, by=town.secretary, now=now)
    assert (refused.state, refused.article) == (State.REFUSED, "burden_2024")
    assert verify(now=now) == []


def test_what_is_on_the_list_is_not_refused(town: Any, now: Any) -> None:
    piece = sent(town, now, assist_item="disaster")
    with pytest.raises(Refusal, match="on the list"):
        pieces.refuse_assignment(assignment_id=piece.pk, by=town.secretary, now=now)
    piece.refresh_from_db()
    assert piece.state == State.SENT


@pytest.mark.parametrize(
    ("text", "code", "article"),
    [
        ("请为返乡人员开具婚姻状况证明。", "c_marriage", "ministries_2020"),
        ("请组织网格员每日打卡并上传巡查轨迹。", "b_checkin", "apps_2026"),
    ],
)
def test_what_nobody_may_ask_is_refused_under_any_heading(
    town: Any, now: Any, text: str, code: str, article: str
) -> None:
    stands = admission.judge(text, "disaster", path=town.community.path, on=TODAY)
    assert stands.barred is not None
    assert stands.article is not None
    assert (stands.barred.code, stands.article.code) == (code, article)
    assert admission.judge(text, "disaster", path=town.community.path, on=date(2019, 1, 1)).article is None


def test_the_list_is_that_of_the_day_and_the_place(town: Any, now: Any) -> None:
    piece = sent(town, now, assist_item="disaster")
    override(
        place=town.street,
        key="directives.assist_list",
        value=["mediation"],
        valid_from=now.date(),
        reason="本街道清单",
        by=None,
        now=now,
    )
    assert admission.choices(town.community.path, now.date()) == [("mediation", "Settling disputes among neighbours")]
    assert pieces.refuse_assignment(assignment_id=piece.pk, by=town.secretary, now=now).state == State.REFUSED
    with pytest.raises(Refusal) as refusal:
        actions.draft_directive(ask=an_ask(town, assist_item="disaster"), by=town.street_clerk, now=now)
    assert refusal.value.field == "assist_item"


def test_grids_and_parts_of_the_own_office_are_not_refused(town: Any, now: Any) -> None:
    piece = sent(town, now)
    wanted = [Piece(place_id=town.grid.pk), Piece(place_id=town.community.pk, part="汇总")]
    below, own = pieces.pass_down(assignment_id=piece.pk, pieces=wanted, by=town.secretary, now=now)
    for one, by in ((below, town.worker), (own, town.clerk)):
        with pytest.raises(Refusal, match="Only a community"):
            pieces.refuse_assignment(assignment_id=one.pk, by=by, now=now)
    assert not admission.needs_item(issuer_level="village", target_level="grid")
    assert admission.needs_item(issuer_level="town", target_level="village")


def test_data_that_is_held_is_not_asked_for(town: Any, now: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        actions.draft_directive(ask=an_ask(town, asks_for=["rates"]), by=town.street_clerk, now=now)
    assert refusal.value.field == "asks_for"
    assert "/staff/rates/" in str(refusal.value)
    with pytest.raises(Refusal):
        actions.draft_directive(ask=an_ask(town, asks_for=["nonsense"]), by=town.street_clerk, now=now)
    actions.draft_directive(ask=an_ask(town, asks_for=["other"]), by=town.street_clerk, now=now)


@pytest.mark.parametrize(
    "text",
    ["请于周五前上报网格员名单。", "请统计本月投诉数量。", "Please send a list of all grids.", "填报《走访情况表》。"],
)
def test_what_looks_like_held_data_has_to_say_why(town: Any, now: Any, text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        actions.draft_directive(ask=an_ask(town, text=text), by=town.street_clerk, now=now)
    assert refusal.value.field == "asks_because"
    directive = actions.draft_directive(
        ask=an_ask(town, text=text, asks_because="要的是节假日值守安排，平台没有。"), by=town.street_clerk, now=now
    )
    assert Directive.objects.get(pk=directive.pk).asks_because
    assert actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now).state == "issued"


@pytest.mark.parametrize(
    "text", ["逐楼排查地下空间，发现积水即处置。", "上门走访独居老人。", "Please visit every elder who lives alone."]
)
def test_ordinary_work_is_let_through(town: Any, now: Any, text: str) -> None:
    assert held.alike(text) == []
    actions.draft_directive(ask=an_ask(town, text=text), by=town.street_clerk, now=now)


def test_a_draft_is_looked_at_again_when_it_is_sent(town: Any, now: Any, monkeypatch: Any) -> None:
    directive = actions.draft_directive(ask=an_ask(town, text="请报送井盖数量。"), by=town.street_clerk, now=now)
    row = held.Held("manholes", "Manholes", ("井盖",), "workbench:places", "places.read", "?manholes")
    monkeypatch.setitem(held._HELD, "manholes", row)
    with pytest.raises(Refusal, match="Manholes"):
        actions.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)


def test_one_code_is_one_kind_of_data() -> None:
    known = held.everything()[0]
    held.declare_held(known)
    for code in (known.code, "other"):
        with pytest.raises(ValueError, match="called"):
            held.declare_held(held.Held(code, "x", ("x",), "workbench:today", "workbench.enter"))
