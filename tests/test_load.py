"""The open load of every post, and the pages that move work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gongzhi.act.tasks import actions as tasks
from gongzhi.front.workbench.deputies import candidates, propose
from gongzhi.front.workbench.load import lines_of
from gongzhi.ground.access.models import Move, StandIn
from gongzhi.ground.access.roles import Role
from gongzhi.ground.access.standins import posts_within
from gongzhi.ground.accounts.models import User
from gongzhi.ground.rules.actions import rule
from tests.test_budgets import at_most
from tests.town import make_user

pytestmark = pytest.mark.django_db


def test_pieces_and_hours_by_position(town: Any, assigned: Any, moment: Any) -> None:
    assigned()
    assigned(text="西门的路灯不亮。")
    on = moment.now.date()
    lines = lines_of(town.street.path, on=on)
    assert [line.place_path for line in lines] == sorted(line.place_path for line in lines), "in the order of places"
    grid = next(line for line in lines if line.position == (Role.GRID_WORKER, town.grid.pk))
    assert grid.pieces["task"] == 2
    assert grid.minutes == 2 * int(rule("load.minutes.task", path=town.street.path, on=on))
    assert grid.holders == ["王格一", "王格二"]
    assert not any(line.role.endswith("administrator") for line in lines)


def test_work_that_lies_with_nobody_is_seen(town: Any, assigned: Any, moment: Any) -> None:
    assigned()
    town.worker.posts.update(ended_at=moment.now)
    town.second_worker.posts.update(ended_at=moment.now)
    line = next(one for one in lines_of(town.community.path, on=moment.now.date()) if one.role == Role.GRID_WORKER)
    assert (line.holders, line.total) == ([], 1)


def test_the_load_costs_one_statement_a_source(town: Any, assigned: Any, moment: Any) -> None:
    for number in range(5):
        assigned(text=f"第{number}件，路灯不亮。")
    lines_of(town.street.path, on=moment.now.date())
    from gongzhi.front.workbench.load import SOURCES

    with at_most(2 + len(SOURCES)):
        lines_of(town.street.path, on=moment.now.date())


def test_the_pages_of_the_load(town: Any, assigned: Any, as_user: Any, moment: Any) -> None:
    _message, case = assigned()
    order = case.tasks.get()
    client = as_user(town.secretary)
    page = client.get("/staff/load/").content.decode()
    assert "王格一" in page
    assert "Work orders 1" in page
    opened = client.get(f"/staff/load/grid_worker/{town.grid.pk}/").content.decode()
    assert f"/staff/tasks/{order.pk}/" in opened
    assert case.number in opened
    assert "垃圾" not in opened, "what a resident said is not shown here"
    for address in (
        f"/staff/load/?place={town.other_community.path}",
        "/staff/load/?place=x",
        "/staff/load/?place=99",
        f"/staff/load/grid_worker/{town.other_grid.pk}/",
        f"/staff/load/audit_administrator/{town.grid.pk}/",
        "/staff/load/king/1/",
        "/staff/load/grid_worker/999999/",
    ):
        assert client.get(address).status_code == 404, address
    assert as_user(town.street_clerk).get(f"/staff/load/?place={town.other_community.path}").status_code == 200


def given(moment: Any, **more: Any) -> dict[str, Any]:
    return {
        "person": "", "place": "", "why": "absence", "words": "",
        "until": str(moment.now.date() + timedelta(days=3)), **more,
    }  # fmt: skip


def test_without_a_choice_the_choice_is_offered_without_reproaches(town: Any, as_user: Any) -> None:
    answer = as_user(town.street_clerk).get("/staff/standins/new/", {"person": town.worker.pk})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "data-errors" not in page
    assert f'<option value="{town.worker.pk}" selected>' in page


def test_moving_a_person_s_work_in_one_step_and_undoing_it(town: Any, assigned: Any, as_user: Any, moment: Any) -> None:
    _message, case = assigned()
    client = as_user(town.street_clerk)
    wanted = given(moment, person=town.worker.pk)
    page = client.get("/staff/standins/new/", wanted)
    assert page.status_code == 200
    name = f"seat-grid_worker-{town.grid.pk}"
    assert f'name="{name}"' in page.content.decode()
    assert f'<option value="{town.other_worker.pk}" selected>' in page.content.decode(), "the same role nearby"
    answer = client.post("/staff/standins/new/", {**wanted, name: [town.other_worker.pk, town.clerk.pk]})
    assert answer.status_code == 302
    move = Move.objects.get()
    assert set(move.stand_ins.values_list("deputy_id", flat=True)) == {town.other_worker.pk, town.clerk.pk}
    shown = client.get("/staff/standins/").content.decode()
    assert f"/staff/standins/{move.pk}/undo/" in shown
    deputy = as_user(town.other_worker)
    assert (
        case.number in deputy.get("/staff/tasks/").content.decode()
        or "垃圾" in deputy.get("/staff/tasks/").content.decode()
    )
    opened = deputy.get(f"/staff/tasks/{case.tasks.get().pk}/").content.decode()
    assert "You stand in for" in opened
    assert "王格三" in as_user(town.secretary).get("/staff/load/").content.decode()
    assert as_user(town.street_clerk).post(f"/staff/standins/{move.pk}/undo/").status_code == 302
    assert not StandIn.objects.filter(ended_at__isnull=True).exists()
    assert as_user(town.other_worker).get(f"/staff/tasks/{case.tasks.get().pk}/").status_code == 404


def test_moving_a_community_s_work_to_those_who_stay(town: Any, as_user: Any, moment: Any) -> None:
    client = as_user(town.secretary)
    wanted = given(moment, place=town.community.path, why="emergency")
    first = client.get("/staff/standins/new/", wanted).content.decode()
    assert "Some of them stay" in first
    again = client.get("/staff/standins/new/", {**wanted, "staying": town.clerk.pk}).content.decode()
    assert f'<option value="{town.clerk.pk}" selected>' in again
    seats = {f"seat-grid_worker-{town.grid.pk}": town.clerk.pk, f"seat-property_manager-{town.community.pk}": 0}
    assert client.post("/staff/standins/new/", {**wanted, **seats, "staying": town.clerk.pk}).status_code == 302
    assert StandIn.objects.get().deputy == town.clerk


def test_a_refusal_stands_on_the_page_and_nothing_is_lost(town: Any, as_user: Any, moment: Any) -> None:
    client = as_user(town.secretary)
    wanted = given(moment, person=town.worker.pk)
    answer = client.post("/staff/standins/new/", {**wanted, f"seat-grid_worker-{town.grid.pk}": town.secretary.pk})
    assert answer.status_code == 403
    assert "Nobody names themselves" in answer.content.decode()
    answer = client.post("/staff/standins/new/", {**wanted, f"seat-grid_worker-{town.grid.pk}": 0})
    assert answer.status_code == 422
    late = client.post(
        "/staff/standins/new/", {**wanted, "until": "2020-01-01", f"seat-grid_worker-{town.grid.pk}": town.clerk.pk}
    )
    assert late.status_code == 422
    for wrong in ({"person": 99999}, {"person": "x"}, {"place": "99"}, {"until": "soon"}, {"why": "whim"}, {}):
        assert client.get("/staff/standins/new/", {**given(moment), **wrong}).status_code == 200
    assert not Move.objects.exists()


def test_proposals_share_the_load(town: Any, assigned: Any, moment: Any) -> None:
    """The same role before others, near before far, and who has least; what is given counts at once."""
    for number in range(4):
        assigned(text=f"第{number}件，路灯不亮。")
    fresh = make_user("fresh", "新网格", (Role.GRID_WORKER, town.other_grid))
    on = moment.now.date()
    lines = lines_of(town.street.path, on=on)
    people = candidates(posts_within(town.street_clerk, on), lines)
    line = next(one for one in lines if one.position == (Role.GRID_WORKER, town.grid.pk))
    away = {town.worker.pk, town.second_worker.pk}
    first, second = propose([line, line], people, away=away, staying=set())
    assert {first.chosen, second.chosen} == {town.other_worker.pk, fresh.pk}
    assert all(one.user.pk not in away for one in first.offered)
    assert User.objects.get(pk=first.chosen).posts.get().role == Role.GRID_WORKER


def test_what_is_named_to_a_person_is_shown(town: Any, as_user: Any, moment: Any) -> None:
    from gongzhi.act.disputes.models import Dispute

    assert Dispute.objects.mediated_by(town.secretary).live().count() == 0
    page = as_user(town.street_clerk).get("/staff/standins/new/", given(moment, person=town.secretary.pk))
    assert "named to the person" not in page.content.decode()


def test_taking_an_order_back_after_undo_does_not_undo_what_was_done(
    town: Any, assigned: Any, as_user: Any, moment: Any
) -> None:
    _message, case = assigned()
    client = as_user(town.street_clerk)
    name = f"seat-grid_worker-{town.grid.pk}"
    client.post("/staff/standins/new/", {**given(moment, person=town.worker.pk), name: town.clerk.pk})
    tasks.report_done(
        task_id=case.tasks.get().pk, words="清走了。", by=User.objects.get(pk=town.clerk.pk), now=moment.now
    )
    client.post(f"/staff/standins/{Move.objects.get().pk}/undo/")
    assert case.tasks.get().state == "done"
