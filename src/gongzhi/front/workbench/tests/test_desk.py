"""The desk: the queue, sorting and assigning, cases without a grid, and two clerks at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.act.tasks.models import Task
from gongzhi.ground.ledger.models import Entry
from gongzhi.understand.cases.models import Case, Responsibility
from gongzhi.understand.cases.tree import category_by_code

pytestmark = pytest.mark.django_db


def sorting(case, **fields):
    return {
        "version": case.version,
        "category": "environment.litter",
        "place": case.place.path,
        "summary": "东门垃圾",
        "position": "matrix",
        **fields,
    }


def test_sort_and_assign_leads_to_the_next_case(town, report, as_user, moment):
    _m, first = report()
    moment.now += timedelta(hours=1)
    _m, second = report(text="西门路灯不亮了，晚上很黑。")
    page = as_user(town.clerk).get("/staff/inbox/").content.decode()
    assert page.index(first.number) < page.index(second.number)  # the earlier deadline first
    answer = as_user(town.clerk).post(f"/staff/inbox/{first.number}/", sorting(first))
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/inbox/{second.number}/")
    first.refresh_from_db()
    assert (first.state, first.summary, first.lead_role) == ("assigned", "东门垃圾", "grid_worker")
    answer = as_user(town.clerk).post(f"/staff/inbox/{second.number}/", sorting(second))
    assert answer["Location"] == "/staff/inbox/"
    assert "The desk is empty" in as_user(town.clerk).get("/staff/inbox/").content.decode()


def test_the_proposal_says_its_reason(town, report, as_user):
    _m, case = report()
    page = f"/staff/inbox/{case.number}/"
    assert "The category “" in as_user(town.clerk).get(page).content.decode()
    Responsibility.objects.create(
        category=category_by_code("environment.litter"),
        place=town.community,
        place_path=town.community.path,
        role="property_manager",
        version=0,
    )
    text = as_user(town.clerk).get(page).content.decode()
    assert "Matrix row “" in text
    assert "× 东区社区”: Property manager." in text
    asked = as_user(town.clerk).get(f"{page}lead/", {"category": "environment.litter", "place": town.grid.path})
    assert "Proposed: Property manager, 东区社区" in asked.content.decode()
    for wrong in ({}, {"category": "x", "place": "1" * 40}, {"category": "environment.litter", "place": "東"}):
        answer = as_user(town.clerk).get(f"{page}lead/", wrong)
        assert answer.status_code == 200
        assert "Proposed" not in answer.content.decode()


def test_another_position_and_my_own_post(town, report, as_user):
    _m, case = report()
    chosen = f"community_secretary@{town.community.pk}"
    as_user(town.clerk).post(f"/staff/inbox/{case.number}/", sorting(case, position=chosen))
    case.refresh_from_db()
    assert (case.lead_role, case.lead_place_id) == ("community_secretary", town.community.pk)
    _m, case = report()
    as_user(town.clerk).post(f"/staff/inbox/{case.number}/", sorting(case, who="mine"))
    case.refresh_from_db()
    assert (case.lead_role, case.lead_place_id) == ("community_clerk", town.community.pk)


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"category": "no.such"}, "There is no such category"),
        ({"category": ""}, "Say what it is about."),
        ({"place": "99"}, "We do not know this place"),
        ({"place": "110108014002001"}, "We do not know this place"),  # outside the clerk's reach
        ({"summary": "长" * 121}, "at most 120"),
        ({"summary": ""}, "Say it in one line."),
        ({"position": "grid_worker@999999"}, "Nobody holds this post today."),
        ({"position": "x"}, "Nobody holds this post today."),
        ({"version": ""}, "Please open the page again."),
        ({"version": "1e9"}, "Enter a whole number"),
    ],
)
def test_wrong_input_stays_beside_the_field_and_changes_nothing(town, report, as_user, fields, beside):
    _m, case = report()
    entries = Entry.objects.count()
    answer = as_user(town.clerk).post(f"/staff/inbox/{case.number}/", sorting(case, **fields))
    assert answer.status_code == 422
    assert beside in answer.content.decode()
    assert "东门垃圾" in answer.content.decode() or "summary" in fields  # the typed text is still there
    assert Case.objects.get(pk=case.pk).version == case.version
    assert Entry.objects.count() == entries


def test_the_second_clerk_sees_what_changed_and_keeps_the_words(town, report, as_user):
    _m, case = report()
    as_user(town.secretary).post(f"/staff/inbox/{case.number}/", sorting(case, summary="书记先写的"))
    answer = as_user(town.clerk).post(f"/staff/inbox/{case.number}/", sorting(case, summary="我后写的"))
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody else changed this case" in text
    assert "张书记" in text  # who
    assert "Assigned" in text  # what
    assert 'value="我后写的"' in text
    fresh = Case.objects.get(pk=case.pk)
    assert f'name="version" value="{fresh.version}"' in text
    assert fresh.summary == "书记先写的"


def test_a_case_without_a_grid_is_placed_with_one_tap(town, moment, deliver, as_user, report):
    Case.objects.filter().delete()
    _m, case = report(place=None)
    Case.objects.filter(pk=case.pk).update(nearest=town.grid, nearest_metres=140)
    assert case.placed is False
    text = as_user(town.street_clerk).get("/staff/inbox/").content.decode()
    assert "In no grid" in text
    assert "东区第一网格, 140 metres" in text
    # The clerk of one community does not see it: it lies at the street.
    assert case.number not in as_user(town.clerk).get("/staff/inbox/").content.decode()
    url = f"/staff/inbox/{case.number}/there/"
    assert as_user(town.clerk).post(url, {"version": case.version}).status_code == 404
    assert as_user(town.street_clerk).post(url, {"version": "x"}).status_code == 422
    answer = as_user(town.street_clerk).post(url, {"version": case.version})
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/inbox/{case.number}/")
    case.refresh_from_db()
    assert (case.placed, case.place_id) == (True, town.grid.pk)
    assert as_user(town.street_clerk).post(url, {"version": case.version}).status_code == 409
    # Now it lies in the clerk's reach.
    assert case.number in as_user(town.clerk).get("/staff/inbox/").content.decode()


def test_sorting_places_a_case_without_a_grid(town, report, as_user):
    _m, case = report(place=None)
    answer = as_user(town.street_clerk).post(f"/staff/inbox/{case.number}/", sorting(case, place=town.grid.path))
    assert answer.status_code == 303
    case.refresh_from_db()
    assert (case.state, case.placed, case.lead_place_id) == ("assigned", True, town.grid.pk)


def test_an_assigned_case_is_corrected_without_a_new_assignment(town, assigned, as_user, deliver, moment):
    _m, case = assigned()
    answer = as_user(town.clerk).post(
        f"/staff/inbox/{case.number}/", sorting(case, category="environment.adverts", summary="小广告")
    )
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/cases/{case.number}/")
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.category.code, case.summary) == ("assigned", "environment.adverts", "小广告")
    assert Task.objects.filter(case=case).count() == 1


def test_the_queue_costs_the_same_for_one_case_and_for_many(town, report, as_user, django_assert_max_num_queries):
    for index in range(12):
        report(text=f"第{index}件事：楼道里堆了杂物。")
    number = Case.objects.first().number
    client = as_user(town.clerk)
    client.get("/staff/inbox/")
    with django_assert_max_num_queries(8):
        client.get("/staff/inbox/")
    with django_assert_max_num_queries(14):
        client.get(f"/staff/inbox/{number}/")
