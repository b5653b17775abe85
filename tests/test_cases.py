"""Opening, deadlines, responsibility, and who looks when nobody knows where."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.ground.access.actions import end_post, switch_powers_on
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import forget_posts
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.actions import StaleEdit, summary_of
from gongzhi.understand.cases.loading import load_categories, load_responsibilities
from gongzhi.understand.cases.models import Case, Category, Responsibility
from gongzhi.understand.cases.responsibility import (
    Desks,
    Matrix,
    desk_for,
    desk_place,
    end_responsibility,
    lead_for,
    positions_at,
    proposal_for,
    set_responsibility,
)
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db


# --- opening --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("路灯不亮了", "路灯不亮了"),
        ("三号楼东边的路灯不亮了。晚上很黑，老人不敢走。", "三号楼东边的路灯不亮了"),
        ("坏了！路灯不亮了", "坏了！路灯不亮了"),
        ("第一行说的是什么\n第二行", "第一行说的是什么"),
        ("长" * 100, "长" * 79 + "…"),
        ("\n\n  路灯坏了\n", "路灯坏了"),
    ],
)
def test_summary(text, summary):
    assert summary_of(text) == summary


@given(st.text(min_size=1, max_size=300).filter(lambda text: text.strip()))
def test_a_summary_is_one_short_line(text):
    summary = summary_of(text)
    assert 0 < len(summary) <= 80
    assert "\n" not in summary


def test_the_deadline_follows_the_category_and_working_hours(report, town, moment):
    """Litter: 4 working hours; on a Wednesday at ten that is three in the afternoon, with an hour's lunch."""
    _message, case = report()
    assert case.deadline_rule == "cases.deadline.litter"
    assert timedelta(hours=4) <= case.due_at - moment.now < timedelta(hours=8)
    _message, ordinary = report(category="")
    assert ordinary.deadline_rule == "cases.deadline.ordinary"
    assert ordinary.category is None
    on = timezone.localdate(ordinary.due_at)  # Beijing counts seven natural days, each to its end
    assert on == moment.now.date() + timedelta(days=7)


def test_sorting_counts_the_new_deadline_from_the_report(report, town, moment, deliver):
    _message, case = report(category="")
    moment.now += timedelta(hours=20)
    done = cases.sort_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    assert done.due_at < moment.now  # four working hours since yesterday morning are over
    again = cases.sort_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now + timedelta(hours=1))
    assert again.due_at == done.due_at


def test_a_parents_deadline_serves_its_children(town):
    parent = tree.category_by_code("environment")
    child = Category.objects.create(code="environment.x", parent=parent, name_zh="某", name_en="x", version=0)
    Category.objects.filter(pk=parent.pk).update(deadline_rule="cases.deadline.complex")
    tree.forget()
    assert tree.deadline_rule_of(child) == "cases.deadline.complex"
    assert tree.deadline_rule_of(None) == "cases.deadline.ordinary"


def test_what_was_left_when_the_clock_stopped_is_left_when_it_runs_again(assigned, town, moment, deliver):
    _message, case = assigned()
    left = case.due_at - moment.now
    cases.pause_case(
        case_id=case.pk, reason="等材料", review_on=moment.now.date() + timedelta(days=7), by=town.clerk, now=moment.now
    )
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.due_at, case.yellow_at) == ("paused", None, None)
    assert case.tasks.get().due_at is None
    moment.now += timedelta(days=7)  # the same hour of a working day
    cases.resume_case(case_id=case.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert case.due_at - moment.now == left
    assert case.tasks.get().due_at == case.due_at


def test_more_time_has_a_reason_and_an_end(assigned, town, moment, deliver):
    _message, case = assigned(category="")
    cases.sort_case(case_id=case.pk, category="environment.bulky", by=town.secretary, now=moment.now)
    deliver(now=moment.now)

    def extend(amount=2, reason="缺零件"):
        return cases.extend_deadline(case_id=case.pk, amount=amount, reason=reason, by=town.secretary, now=moment.now)

    for amount, reason, field in (
        (2, " ", "reason"),
        (0, "x", "amount"),
        (1000, "x", "amount"),
        (10**9, "", "reason"),
    ):
        with pytest.raises(Refusal) as refusal:
            extend(amount, reason)
        assert refusal.value.field == field
    before = Case.objects.get(pk=case.pk).due_at
    assert extend().due_at > before
    deliver(now=moment.now)
    assert case.tasks.get().due_at == Case.objects.get(pk=case.pk).due_at
    most = int(rule("cases.extension_max", path=case.place_path, on=moment.now.date()))
    for _ in range(most - 1):
        extend(1)
    with pytest.raises(Refusal) as refusal:
        extend(1)
    assert refusal.value.status == 409


def test_the_order_moves_with_its_case(assigned, town, moment, deliver):
    """Sorting an assigned case anew changes its deadline and place; the order's change with it."""
    _message, case = assigned()
    cases.sort_case(
        case_id=case.pk, category="environment.bulky", place=town.other_grid, by=town.street_clerk, now=moment.now
    )
    deliver(now=moment.now)
    case.refresh_from_db()
    order = case.tasks.get()
    assert (order.due_at, order.place_path) == (case.due_at, town.other_grid.path)


# --- late reactions (found by tests/test_state_machine.py) ----------------------------------------------------------


def test_a_late_return_does_not_take_the_case_from_its_new_lead(assigned, town, moment, deliver):
    from gongzhi.act.tasks import actions as tasks

    _message, case = assigned()
    tasks.return_task(task_id=case.tasks.get().pk, reason="不归我们管", by=town.worker, now=moment.now)
    # The reaction is on its way while the desk rules already.
    seat = {"role": "property_manager", "place_id": town.community.pk}
    cases.assign_case(case_id=case.pk, **seat, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.lead_role) == ("assigned", "property_manager")
    assert case.tasks.waiting().get().role == "property_manager"


def test_a_case_paused_at_once_still_gets_its_order(report, town, moment, deliver):
    _message, case = report()
    cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    on = moment.now.date() + timedelta(days=3)
    cases.pause_case(case_id=case.pk, reason="等材料", review_on=on, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    assert case.tasks.waiting().get().due_at is None


# --- who leads ------------------------------------------------------------------------------------------------------


def row(category, place, role, seat=None):
    return Responsibility.objects.create(
        category=tree.category_by_code(category), place=place, place_path=place.path, role=role, seat=seat
    )


def test_the_nearest_place_decides_then_the_nearest_category(town, now):
    litter, on = tree.category_by_code(LITTER), now.date()

    def leads():
        position = lead_for(litter, town.grid, on)
        return (position.role, position.place_name) if position else None

    assert leads() == ("grid_worker", "东区第一网格")  # the category's own role
    row("environment", town.county, "department_officer")
    assert leads() == ("department_officer", "海淀区")
    row(LITTER, town.county, "street_clerk")
    assert leads() == ("street_clerk", "清华园街道")
    row("environment", town.street, "hotline_desk")
    assert leads() == ("hotline_desk", "清华园街道")
    row("environment", town.community, "property_manager")
    assert leads() == ("property_manager", "东区社区")
    assert lead_for(litter, town.other_grid, on).role == "hotline_desk"
    last = row(LITTER, town.grid, "grid_worker")
    assert leads() == ("grid_worker", "东区第一网格")
    Responsibility.objects.filter(pk=last.pk).update(ended_on=on)
    assert leads() == ("property_manager", "东区社区")


def test_a_row_may_name_a_seat_that_does_not_lie_above(town, now):
    row(LITTER, town.grid, "grid_worker", seat=town.other_grid)
    assert lead_for(tree.category_by_code(LITTER), town.grid, now.date()).place_id == town.other_grid.pk


def test_many_are_told_the_same_as_one(town, now):
    on, codes = now.date(), [LITTER, "environment.bins", "other.general", "environment"]
    row("environment", town.county, "department_officer")
    row(LITTER, town.community, "property_manager")
    row(LITTER, town.grid, "grid_worker", seat=town.other_grid)
    Responsibility.objects.filter(pk=row(LITTER, town.street, "street_clerk").pk).update(ended_on=on)
    places = [town.county, town.street, town.community, town.grid, town.other_grid]
    wanted = [(tree.category_by_code(code), place) for code in codes for place in places]
    matrix = Matrix([(category, place.path) for category, place in wanted], on)
    for category, place in wanted:
        assert matrix.lead_for(category, place.path) == lead_for(category, place, on), (category.code, place.name)
    desks = Desks(on, {place.path for place in places})
    assert {place.path: desks.of(place.path) for place in places} == {
        place.path: desk_for(place.path, on) for place in places
    }


def test_a_position_that_nobody_holds_leads_nothing(town, now, report, moment):
    _message, case = report()
    for post in Post.objects.filter(role="grid_worker", place=town.grid):
        end_post(post_id=post.pk, by=None, now=now)
    proposal = proposal_for(tree.category_by_code(LITTER), town.grid, now.date())
    assert (proposal.role, proposal.position) == ("grid_worker", None)
    cases.sort_case(case_id=case.pk, category=LITTER, by=town.clerk, now=now)
    with pytest.raises(Refusal):
        cases.assign_case(case_id=case.pk, role="grid_worker", place_id=town.grid.pk, by=town.clerk, now=now)
    case = cases.assign_case(case_id=case.pk, by=town.clerk, now=now)
    assert (case.state, case.lead_role) == ("new", "community_clerk")  # the desk leads until it is ruled
    assert case.rulings.get().kind == "no_row"
    # Both or neither: the refused dispatch has not sorted anything either.
    version = Case.objects.get(pk=case.pk).version
    with pytest.raises(Refusal):
        cases.dispatch_case(case_id=case.pk, category="environment.bins", by=town.clerk, now=now)
    assert Case.objects.get(pk=case.pk).version == version


def test_positions_are_offered_above_and_below(town, now):
    offered = {position.code for position in positions_at(town.community.path, now.date())}
    assert f"grid_worker@{town.grid.pk}" in offered
    assert f"street_clerk@{town.street.pk}" in offered
    assert f"grid_worker@{town.other_grid.pk}" not in offered
    assert not any(code.startswith(("system", "audit", "security", "building")) for code in offered)


def test_the_matrix_is_changed_with_powers_and_on_the_record(town, now):
    switch_powers_on(by=town.system, minutes=5, reason="the autumn's matrix", now=now)
    given = {"place": town.community, "by": town.system, "now": now}
    first = set_responsibility(category=LITTER, role="property_manager", **given)
    second = set_responsibility(category=LITTER, role="community_clerk", **given)
    first.refresh_from_db()
    assert first.ended_on == now.date()
    assert lead_for(tree.category_by_code(LITTER), town.grid, now.date()).role == "community_clerk"
    for category, role in (("no.such", "grid_worker"), (LITTER, "audit_administrator"), (LITTER, "emperor")):
        with pytest.raises(Refusal):
            set_responsibility(category=category, role=role, **given)
    end_responsibility(row_id=second.pk, by=town.system, now=now)
    with pytest.raises(NotThere):
        end_responsibility(row_id=second.pk, by=town.system, now=now)
    events = list(Entry.objects.filter(noun="cases.Responsibility").order_by("pk").values_list("event", flat=True))
    assert events == [f"cases.Responsibility{word}" for word in ("Set", "Ended", "Set", "Ended")]


# --- who has it before anybody is given it ---------------------------------------------------------------------------


def lead(case):
    return case.lead_role, case.lead_place


def test_first_receiver_leads(report, town):
    """The nearest post at or above the place that may sort."""
    assert lead(report()[1]) == ("community_clerk", town.community)
    assert lead(report(place=town.other_grid)[1]) == ("community_clerk", town.other_community)
    assert lead(report(place=town.street)[1]) == ("hotline_desk", town.street)
    assert lead(report(place=town.county)[1]) == ("hotline_desk", town.street)  # nobody sorts there: the highest desk


def test_a_new_case_lies_with_the_desk_of_the_place_it_moves_to(report, assigned, town, moment):
    _message, case = report()
    cases.place_case(case_id=case.pk, place=town.other_grid, by=town.street_clerk, now=moment.now)
    case.refresh_from_db()
    assert lead(case) == ("community_clerk", town.other_community)
    cases.sort_case(case_id=case.pk, category=LITTER, place=town.grid, by=town.street_clerk, now=moment.now)
    case.refresh_from_db()
    assert lead(case) == ("community_clerk", town.community)
    _message, given = assigned()  # what somebody has stays with them
    cases.place_case(case_id=given.pk, place=town.other_grid, by=town.street_clerk, now=moment.now)
    given.refresh_from_db()
    assert lead(given) == ("grid_worker", town.grid)


def test_opening_asks_once_who_receives(town, now, django_assert_num_queries):
    from gongzhi.understand.cases.responsibility import Desks

    desks = Desks(now.date())
    with django_assert_num_queries(1):
        assert desks.of(town.grid.path) == desks.of(town.grid.path)


# --- who looks when nobody knows where ------------------------------------------------------------------------------


def test_a_report_from_nowhere_lies_with_the_highest_desk(report, town, as_user):
    _message, case = report(place=None)
    assert (case.placed, case.place_id) == (False, town.street.pk)
    assert desk_place(case.opened_at.date()) == town.street
    with pytest.raises(Refusal) as refusal:
        cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.street_clerk, now=case.opened_at)
    assert refusal.value.field == "place"


def test_it_waits_for_somebody_when_there_is_no_desk_at_all(town, now, deliver):
    from gongzhi.loop.models import Job
    from gongzhi.sense.channels.actions import Draft, receive_message

    for post in Post.objects.all():
        if "cases.sort" in post.verbs:
            end_post(post_id=post.pk, by=None, now=now)
    receive_message(Draft(text="路灯坏了"), by=None, now=now)
    with pytest.raises(LookupError):
        deliver(now=now)
    assert Job.objects.filter(task="wire:cases.open_from_message").exists()  # tried again; nothing is lost
    forget_posts(town.clerk)


# --- categories -----------------------------------------------------------------------------------------------------


def test_a_retired_category_stays_in_old_cases_and_cannot_be_chosen(report, town, moment):
    _message, case = report()
    Category.objects.filter(code=LITTER).update(retired_on=moment.now.date())
    tree.forget()
    assert Case.objects.get(pk=case.pk).category.code == LITTER
    assert LITTER.encode() not in tree.as_json("en", moment.now.date())[0]
    with pytest.raises(Refusal) as refusal:
        cases.sort_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    assert (refusal.value.field, refusal.value.status) == ("category", 422)
    with pytest.raises(Refusal):
        cases.sort_case(case_id=case.pk, category="no.such", by=town.clerk, now=moment.now)


def test_the_tree_is_loaded_once_and_stands_in_the_record(town, now):
    count, entries = Category.objects.count(), Entry.objects.count()
    assert load_categories(now=now) == count
    assert Entry.objects.count() == entries
    assert load_responsibilities(everywhere=town.county, rural=[town.community], now=now) > 5
    assert load_responsibilities(everywhere=town.county, rural=[town.community], now=now) == 0
    assert verify(now=now) == []


def test_a_newer_product_brings_its_tree_up_and_leaves_what_people_changed(town, now):
    from gongzhi.ground.ledger.actions import record
    from gongzhi.understand.cases.events import CategoryLoaded
    from gongzhi.understand.cases.loading import packaged

    theirs = Category.objects.get(code="environment.bins")
    theirs.name_en = "As we call it"
    with transaction.atomic():
        record(CategoryLoaded(category_id=theirs.pk), about=theirs, by=town.system, now=now, save=["name_en"])
    rows = packaged("categories.yaml")["categories"]
    changed = [{**row, "name_en": f"New {row['code']}"} for row in rows]
    load_categories([*changed, {"code": "environment.new", "name_zh": "新", "name_en": "New"}], now=now)
    names = dict(Category.objects.values_list("code", "name_en"))
    assert names["environment.bins"] == "As we call it"
    assert names[LITTER] == f"New {LITTER}"
    assert Category.objects.get(code="environment.new").parent.code == "environment"
    assert verify(now=now) == []


# --- edits ----------------------------------------------------------------------------------------------------------


def test_whoever_read_an_older_version_is_told(report, town, moment):
    _message, case = report()
    cases.sort_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now, version=case.version)
    with pytest.raises(StaleEdit) as stale:
        cases.sort_case(case_id=case.pk, category=LITTER, by=town.secretary, now=moment.now, version=case.version)
    assert (stale.value.seen, stale.value.status, stale.value.case.version) == (case.version, 409, case.version + 1)


def test_the_database_refuses_impossible_cases(assigned):
    _message, case = assigned()
    for wrong in (
        {"state": "closed"},
        {"state": "nonsense"},
        {"lead_role": ""},
        {"state": "paused"},
        {"closed_as": "helped"},
        {"state": "withdrawn", "closed_at": case.opened_at, "closed_as": "helped"},
        {"state": "closed", "closed_at": case.opened_at, "closed_as": "withdrawn"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Case.objects.filter(pk=case.pk).update(**wrong)


def test_the_reporter_reopens_within_the_time_that_the_rules_give(done, moment, deliver):
    from gongzhi.verify.checks import actions as checks

    message, case = done()
    checks.answer_by_link(message=message, helped=True, words="", now=moment.now)
    deliver(now=moment.now)
    with pytest.raises(Refusal):
        cases.reopen_by_reporter(message=message, now=moment.now + timedelta(days=400))
    moment.now += timedelta(days=2)
    cases.reopen_by_reporter(message=message, now=moment.now)
    deliver(now=moment.now)
    case.refresh_from_db()
    assert (case.state, case.reopened, case.lead_role) == ("assigned", 1, "grid_worker")
    assert case.due_at > moment.now
    assert case.tasks.waiting().count() == 1
