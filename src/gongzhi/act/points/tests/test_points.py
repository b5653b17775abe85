"""Household points: who may what, what the database refuses, and what the clock books."""

from __future__ import annotations

import ast
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

import gongzhi
from gongzhi.act.points import actions as points
from gongzhi.act.points.links import code_of, household_of, plain
from gongzhi.act.points.models import (
    MOVES,
    Booking,
    Check,
    Claim,
    Good,
    Household,
    Item,
    Member,
    Move,
    Objection,
    Rulebook,
    State,
)
from gongzhi.act.points.tests.conftest import make_village
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import override, rule

pytestmark = pytest.mark.django_db


def refused(what, *, status=None, beside=None, **given):
    entries = Entry.objects.count()
    with pytest.raises(Refusal) as refusal, transaction.atomic():
        what(**given)
    assert Entry.objects.count() == entries
    if status is not None:
        assert refusal.value.status == status
    if beside is not None:
        assert refusal.value.field == beside
    return str(refusal.value.reason)


# --- switched on by the place ------------------------------------------------------------------------


def test_off_by_default(town, now):
    assert rule("points.enabled", path=town.community.path, on=now.date()) is False
    words = refused(points.draft_rulebook, place=town.community, cap=100, by=town.secretary, now=now)
    assert "not switched on" in words


def test_on_in_one_village_is_off_in_the_other(village, town, now):
    assert points.is_on(town.community.path, now.date())
    assert not points.is_on(town.other_community.path, now.date())


def test_only_a_village_or_community(village, town, now):
    override(place=town.street, key="points.enabled", value=True, valid_from=now.date(), reason="试", by=None, now=now)
    refused(points.draft_rulebook, place=town.street, cap=100, by=town.secretary, now=now, status=403)
    refused(points.draft_rulebook, place=town.grid, cap=100, by=town.secretary, now=now, beside="place")


# --- the rulebook ------------------------------------------------------------------------------------


def test_adopted_rules_do_not_change(village, now):
    given = {"rulebook_id": village.rulebook.pk, "by": village.secretary, "now": now}
    refused(points.write_item, kind="other", name="新的", value=5, checked="看", **given)
    refused(points.change_draft, cap=5, reset_month=1, deductions=True, words="", **given)
    refused(points.drop_item, item_id=village.yard.pk, by=village.secretary, now=now)
    refused(points.drop_draft, **given)


def test_the_next_version_starts_from_the_rules_in_force(village, town, now):
    book = points.draft_rulebook(place=town.community, cap=500, by=village.secretary, now=now)
    assert book.number == 2
    assert [one.name for one in book.items.all()] == ["庭院整洁", "清扫村道"]
    refused(points.draft_rulebook, place=town.community, cap=500, by=village.secretary, now=now)
    points.drop_item(item_id=book.items.all()[0].pk, by=village.secretary, now=now)
    given = {"meeting": "residents", "meeting_name": "居民会议", "adopted_on": now.date()}
    points.adopt_rulebook(
        rulebook_id=book.pk, entitled=10, present=8, in_favour=5, by=village.secretary, now=now, **given
    )
    village.rulebook.refresh_from_db()
    assert village.rulebook.state == Rulebook.State.REPLACED
    refused(village.claim, item=village.yard, beside="item")
    assert verify(now=now) == []


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"present": 149, "in_favour": 140}, "present"),
        ({"present": 400}, "present"),
        ({"in_favour": 100}, "in_favour"),
        ({"in_favour": 201}, "in_favour"),
        ({"adopted_on": date(2026, 11, 19)}, "adopted_on"),
        ({"adopted_on": date(2020, 1, 1)}, "adopted_on"),
        ({"meeting": "secretary"}, "meeting"),
        ({"meeting_name": " "}, "meeting_name"),
        ({"entitled": 10**9}, "entitled"),
    ],
)
def test_a_meeting_that_cannot_adopt(village, town, now, fields, beside):
    book = points.draft_rulebook(place=town.community, cap=500, by=village.secretary, now=now)
    given = {
        "meeting": "villagers", "meeting_name": "村民会议", "adopted_on": now.date(), "entitled": 300,
        "present": 200, "in_favour": 180, **fields,
    }  # fmt: skip
    refused(points.adopt_rulebook, rulebook_id=book.pk, by=village.secretary, now=now, beside=beside, **given)


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"value": 10**9}, "value"),
        ({"value": 0}, "value"),
        ({"value": -5}, "value"),
        ({"kind": "party"}, "kind"),
        ({"name": "\x00"}, "name"),
        ({"checked": ""}, "checked"),
        ({"deducts": True}, "deducts"),
        ({"yearly": 0}, "yearly"),
    ],
)
def test_an_item_that_cannot_be_written(village, town, now, fields, beside):
    book = points.draft_rulebook(place=town.community, cap=500, by=village.secretary, now=now)
    given = {"kind": "other", "name": "好事", "value": 5, "checked": "上门看", **fields}
    refused(points.write_item, rulebook_id=book.pk, by=village.secretary, now=now, beside=beside, **given)


def test_only_the_secretary_manages(village, town, now):
    for by in (town.clerk, town.worker, town.street_clerk, town.leader, town.other_clerk, town.stranger):
        refused(points.draft_rulebook, place=town.community, cap=10, by=by, now=now, status=403)
        refused(points.publish, place=town.community, by=by, now=now, status=403)


# --- households --------------------------------------------------------------------------------------


def test_voluntary_and_recorded(village, town, now):
    given = {"place": town.community, "label": "2-1", "by": village.secretary, "now": now}
    refused(points.join, way="paper", consent=False, beside="consent", **given)
    refused(points.join, way="link", consent=True, beside="way", **given)
    household = points.join(way="oral", consent=True, **given)
    entry = Entry.objects.get(event="points.HouseholdJoined", object_id=household.pk)
    assert entry.data == {"consent_version": 1, "household_id": household.pk, "way": "oral"}
    refused(points.join, way="oral", consent=True, beside="label", **given)


def test_leaving_asks_nothing_and_leaves_nothing(village, now):
    village.booked()
    later = now + timedelta(days=10)
    village.now = later
    open_claim = village.claim(item=village.help)
    household = village.households[1]
    assert household.balance_now() == 10
    points.leave(household_id=household.pk, by=None, now=later)
    open_claim.refresh_from_db()
    assert open_claim.state == State.WITHDRAWN
    assert household.balance_now() == 0
    assert household_of(code_of(household)) is None
    refused(village.claim)
    again = points.join(
        place=household.place, label=household.label, way="paper", consent=True, by=village.secretary, now=later
    )
    assert again.pk != household.pk
    assert verify(now=later) == []


def test_the_code_is_typed_in_many_ways(village):
    household = village.households[0]
    code = code_of(household)
    assert len(code) == 14
    assert household_of(code.lower().replace("-", " ")) == household
    assert household_of(code.replace("0", "O").replace("1", "l")) == household
    for wrong in ("", "AAAA", "U" * 12, code[:-1], "\x00" * 12, "１" * 12, code + "A", "é" * 12):
        assert household_of(wrong) is None
    assert plain("0000-0000-0000") == "0" * 12


def test_a_lost_card_is_replaced(village, settings, now):
    household = village.households[0]
    before = code_of(household)
    points.renew_code(household_id=household.pk, by=village.second, now=now)
    household.refresh_from_db()
    assert household_of(before) is None
    assert household_of(code_of(household)) == household
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough for everybody"
    assert household_of(code_of(household)) == household
    settings.SECRET_KEY_FALLBACKS = []
    assert code_of(household) == ""


def test_the_contact_is_sealed(village):
    household = Household.objects.get(pk=village.households[0].pk)
    assert str(household.contact) == "王**"
    assert household.contact.open() == "王大爷"


# --- the group ---------------------------------------------------------------------------------------


def test_who_may_be_in_the_group(village, town, now):
    given = {"place": town.community, "by": village.secretary, "now": now}
    refused(points.add_member, user=village.secretary, beside="user", **given)
    refused(points.add_member, user=town.other_worker, beside="user", **given)
    refused(points.add_member, user=town.stranger, beside="user", **given)
    refused(points.add_member, user=town.worker, beside="user", **given)
    assert set(points.candidates(town.community.path, now.date())) == {
        town.worker, town.second_worker, town.clerk, village.third,
    }  # fmt: skip


def test_who_leaves_the_post_leaves_the_group(village, now):
    row = village.claim()
    village.third.posts.update(ended_at=now)
    village.third = type(village.third).objects.get(pk=village.third.pk)
    refused(points.check, claim_id=row.pk, agrees=True, by=village.third, now=now, status=404)


def test_not_there_for_others(village, town, now):
    row = village.claim()
    for by in (town.second_worker, town.other_worker, town.street_clerk, town.leader, town.desk, town.stranger):
        assert not Claim.objects.visible_to(by).exists()
        assert not Household.objects.visible_to(by).exists()
        refused(points.check, claim_id=row.pk, agrees=True, by=by, now=now, status=404)
    assert Claim.objects.visible_to(village.secretary).count() == 1


# --- checking ----------------------------------------------------------------------------------------


def test_two_confirm(village, now):
    row = village.claim()
    row = points.check(claim_id=row.pk, agrees=True, by=village.first, now=now)
    assert row.state == State.CLAIMED
    refused(points.check, claim_id=row.pk, agrees=True, by=village.first, now=now)
    row = points.check(claim_id=row.pk, agrees=True, by=village.second, now=now)
    assert row.state == State.CHECKED
    assert {row.first_check.checker, row.second_check.checker} == {village.first, village.second}


def test_one_against_one_waits_for_the_third(village, now):
    row = village.claim()
    refused(points.check, claim_id=row.pk, agrees=False, by=village.first, now=now, beside="words")
    points.check(claim_id=row.pk, agrees=False, words="没看到", by=village.first, now=now)
    row = points.check(claim_id=row.pk, agrees=True, by=village.second, now=now)
    assert row.state == State.CLAIMED
    row = points.check(claim_id=row.pk, agrees=False, words="没有", by=village.third, now=now)
    assert row.state == State.REFUSED


def test_nobody_checks_their_own_household(village, now):
    row = village.claim(0)
    refused(points.check, claim_id=row.pk, agrees=True, by=village.first, now=now, status=403)
    own = village.seats["worker"].household
    with pytest.raises(IntegrityError), transaction.atomic():
        Check.objects.create(claim=row, round=1, checker=village.first, household=own, own=own, agrees=True, at=now)


def test_the_database_wants_two_checks(village, now):
    row = village.claim()
    row = points.check(claim_id=row.pk, agrees=True, by=village.first, now=now)
    only = row.checks.get()
    for checks in ({}, {"first_check": only}, {"first_check": only, "second_check": only}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Claim.objects.filter(pk=row.pk).update(state=State.CHECKED, **checks)
    with pytest.raises(IntegrityError), transaction.atomic():
        Check.objects.create(claim=row, round=1, checker=village.first, household=row.household, agrees=True, at=now)


def test_a_claim_sent_twice_is_one(village):
    assert village.claim(key="abc").pk == village.claim(key="abc").pk
    refused(village.claim, key="other", beside="on")


@pytest.mark.parametrize("days", [1, -91, -4000])
def test_a_day_that_cannot_be(village, now, days):
    refused(village.claim, on=now.date() + timedelta(days=days), beside="on")


def test_times_in_a_year(town):
    village = make_village(town, yearly=1)
    village.claim()
    refused(village.claim, on=village.now.date() - timedelta(days=1), beside="item")


def test_a_flood_of_claims_stops(village, now):
    for day in range(20):
        village.claim(on=now.date() - timedelta(days=day))
    refused(village.claim, on=now.date() - timedelta(days=30))


# --- publishing, objecting, booking ------------------------------------------------------------------


def test_published_for_five_to_seven_days(village, town, now):
    row = village.confirmed()
    for days in (4, 8):
        refused(
            override, place=town.community, key="points.publication_days", value=days, valid_from=now.date(),
            reason="x", by=None, now=now,
        )  # fmt: skip
    wall = village.publish()
    assert timezone.localdate(wall.ends_at) == now.date() + timedelta(days=7)
    row.refresh_from_db()
    assert row.state == State.PUBLISHED
    refused(points.publish, place=town.community, by=village.secretary, now=now)
    assert points.book_ended(now=wall.ends_at) == 0
    assert points.book_ended(now=wall.ends_at + timedelta(seconds=1)) == 1
    assert points.book_ended(now=wall.ends_at + timedelta(days=1)) == 0
    assert village.households[1].balance_now() == 10


def test_nothing_is_booked_while_an_objection_is_open(village, now):
    row = village.confirmed()
    wall = village.publish()
    one = points.object_to(claim_id=row.pk, words="那天没扫", by=None, household_id=village.households[2].pk, now=now)
    assert points.book_ended(now=wall.ends_at + timedelta(days=3)) == 0
    refused(points.answer_objection, objection_id=one.pk, upheld=False, answer="", by=village.first, now=now)
    refused(
        points.answer_objection, objection_id=one.pk, upheld=False, answer="看过", by=village.secretary, now=now,
        status=403,
    )  # fmt: skip
    points.answer_objection(objection_id=one.pk, upheld=False, answer="有照片", by=village.first, now=now)
    row.refresh_from_db()
    assert row.state == State.PUBLISHED
    assert points.book_ended(now=wall.ends_at + timedelta(days=3)) == 1
    assert verify(now=now) == []


def test_an_upheld_objection_strikes_it_off(village, now):
    row = village.confirmed()
    wall = village.publish()
    given = {"claim_id": row.pk, "words": "不是他家扫的", "now": now}
    first = points.object_to(by=None, household_id=village.households[2].pk, **given)
    second = points.object_to(by=village.second, way="oral", **given)
    refused(points.object_to, by=None, household_id=village.households[2].pk, **given)
    refused(
        points.answer_objection, objection_id=second.pk, upheld=True, answer="属实", by=village.second, now=now,
        status=403,
    )  # fmt: skip
    points.answer_objection(objection_id=first.pk, upheld=True, answer="属实", by=village.second, now=now)
    row.refresh_from_db()
    second.refresh_from_db()
    assert (row.state, row.open_objections, second.state) == (State.STRUCK, 0, "dropped")
    assert points.book_ended(now=wall.ends_at + timedelta(days=3)) == 0
    assert verify(now=now) == []


def test_nobody_answers_for_their_own_household(village, now):
    row = village.claim(0)
    for by in (village.second, village.third):
        points.check(claim_id=row.pk, agrees=True, by=by, now=now)
    village.publish()
    one = points.object_to(claim_id=row.pk, words="不对", by=None, household_id=village.households[1].pk, now=now)
    refused(points.answer_objection, objection_id=one.pk, upheld=False, answer="对", by=village.first, now=now)
    own = village.households[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        Objection.objects.filter(pk=one.pk).update(
            state="rejected", answered_at=now, answered_by=village.first, own=own
        )


def test_a_refused_claim_can_be_looked_at_anew(village, now):
    row = village.claim()
    for by in (village.first, village.second):
        points.check(claim_id=row.pk, agrees=False, words="没看到", by=by, now=now)
    given = {"claim_id": row.pk, "words": "请再看一次", "by": None}
    refused(points.object_to, household_id=village.households[2].pk, now=now, status=404, **given)
    late = now + timedelta(days=9)
    refused(points.object_to, household_id=village.households[1].pk, now=late, **given)
    one = points.object_to(household_id=village.households[1].pk, now=now, **given)
    points.answer_objection(objection_id=one.pk, upheld=True, answer="再看", by=village.third, now=now)
    row.refresh_from_db()
    assert (row.state, row.round) == (State.CLAIMED, 2)
    for by in (village.first, village.second):
        row = points.check(claim_id=row.pk, agrees=True, by=by, now=now)
    assert row.state == State.CHECKED
    assert verify(now=now) == []


def test_what_was_booked_is_undone_by_a_counter_row(village, now):
    row = village.booked()
    later = now + timedelta(days=9)
    one = points.object_to(claim_id=row.pk, words="重复了", by=village.secretary, now=later, way="paper")
    refused(points.object_to, claim_id=row.pk, words="重复", by=None, now=later, household_id=row.household_id)
    points.answer_objection(objection_id=one.pk, upheld=True, answer="核对后更正", by=village.first, now=later)
    rows = list(Booking.objects.filter(household=row.household))
    assert [(one.kind, one.amount, one.account) for one in rows] == [
        ("claim", 10, "budget"),
        ("counter", -10, "budget"),
    ]
    assert rows[1].counters == rows[0]
    assert row.household.balance_now() == 0
    refused(points.object_to, claim_id=row.pk, words="再来", by=village.secretary, now=later)
    assert verify(now=later) == []


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_keeps_booked_rows(village, change):
    row = village.booked().bookings.get()
    rows = Booking.objects.filter(pk=row.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(amount=99) if change == "update" else rows._raw_delete(rows.db)
    assert Booking.objects.get(pk=row.pk).amount == 10


def test_the_database_wants_a_publication_that_ended(village, now):
    row = village.confirmed()
    village.publish()
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.filter(pk=row.pk).update(state=State.BOOKED, settled_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.filter(pk=row.pk).update(
            state=State.BOOKED, settled_at=now + timedelta(days=30), open_objections=1
        )


# --- deductions --------------------------------------------------------------------------------------


def test_no_deduction_without_the_switch(village, now):
    given = {"household_id": village.households[1].pk, "on": now.date(), "now": now}
    refused(points.propose_deduction, item_id=village.yard.pk, evidence="照片一张，两人见证", by=village.first, **given)
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create(
            household=village.households[1], place=village.town.community, place_path=village.town.community.path,
            item=village.yard, value=5, deducts=True, on=now.date(), way="paper", made_at=now,
            entered_by=village.first,
        )  # fmt: skip


def test_a_deduction_needs_evidence_two_others_and_a_publication(town, now):
    village = make_village(town, deductions=True)
    item = Item.objects.get(deducts=True)
    village.booked(item=village.help)
    village.now = now = now + timedelta(days=9)
    given = {"household_id": village.households[1].pk, "item_id": item.pk, "on": now.date(), "now": now}
    refused(points.propose_deduction, evidence="看见", by=village.first, beside="words", **given)
    refused(points.propose_deduction, evidence="门口堆放三天，两人见证", by=village.secretary, status=403, **given)
    own = {**given, "household_id": village.households[0].pk}
    refused(points.propose_deduction, evidence="门口堆放三天，两人见证", by=village.first, status=403, **own)
    row = points.propose_deduction(evidence="门口堆放三天，两人见证", by=village.first, **given)
    refused(points.check, claim_id=row.pk, agrees=True, by=village.first, now=now, status=403)
    refused(points.withdraw, claim_id=row.pk, by=None, now=now, status=403)
    for by in (village.second, village.third):
        points.check(claim_id=row.pk, agrees=True, by=by, now=now)
    wall = village.publish()
    objection = points.object_to(
        claim_id=row.pk, words="不是我家的", by=None, household_id=village.households[1].pk, now=now
    )
    points.answer_objection(objection_id=objection.pk, upheld=False, answer="有照片", by=village.second, now=now)
    points.book_ended(now=wall.ends_at + timedelta(seconds=1))
    assert village.households[1].balance_now() == 15
    assert verify(now=now) == []


def test_a_meeting_that_switches_deductions_off_stops_those_on_the_way(town, now):
    village = make_village(town, deductions=True)
    item = Item.objects.get(deducts=True)
    row = points.propose_deduction(
        household_id=village.households[1].pk, item_id=item.pk, on=now.date(), evidence="门口堆放三天，两人见证",
        by=village.first, now=now,
    )  # fmt: skip
    for by in (village.second, village.third):
        points.check(claim_id=row.pk, agrees=True, by=by, now=now)
    wall = village.publish()
    book = points.draft_rulebook(place=town.community, cap=500, by=village.secretary, now=now)
    assert not book.items.filter(deducts=True).exists()
    points.adopt_rulebook(
        rulebook_id=book.pk, meeting="villagers", meeting_name="村民会议", adopted_on=now.date(), entitled=300,
        present=200, in_favour=150, by=village.secretary, now=now,
    )  # fmt: skip
    points.book_ended(now=wall.ends_at + timedelta(seconds=1))
    row.refresh_from_db()
    assert row.state == State.STRUCK
    assert not Booking.objects.exists()


# --- budget and year ---------------------------------------------------------------------------------


def test_the_budget_holds(town, now):
    village = make_village(town, cap=25)
    first = village.confirmed(1, village.help)
    second = village.confirmed(2, village.help)
    wall = village.publish()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (State.PUBLISHED, State.CHECKED)
    assert "budget" in refused(points.publish, place=town.community, by=village.secretary, now=now)
    points.book_ended(now=wall.ends_at + timedelta(seconds=1))
    assert Booking.objects.given(town.community.path, 2026) == 20


def test_the_year_turns_once(village, town):
    village.booked(item=village.help)
    household = village.households[1]
    new_year = village.now.replace(year=2027, month=1, day=1, hour=0, minute=10)
    assert points.turn_years(now=new_year) == 1
    assert points.turn_years(now=new_year) == 0
    assert household.balance_now() == 0
    assert Booking.objects.get(kind="reset").year == 2026
    assert verify(now=new_year) == []


def test_old_points_are_not_exchanged_before_the_clock_came_round(village, town):
    village.booked(item=village.help)
    good = points.offer_good(
        place=town.community, kind="good", name="洗衣液", price=10, stock=3, by=village.secretary, now=village.now
    )
    new_year = village.now.replace(year=2027, month=1, day=1, hour=0, minute=1)
    given = {"household_id": village.households[1].pk, "good_id": good.pk, "by": village.second}
    refused(points.exchange, now=new_year, beside="good", **given)
    points.exchange(now=new_year - timedelta(days=2), **given)
    assert village.households[1].balance_now() == 10


def test_the_month_of_the_reset_stays_within_a_year(village, town, now):
    village.booked()
    book = points.draft_rulebook(place=town.community, cap=500, reset_month=7, by=village.secretary, now=now)
    given = {"meeting": "villagers", "meeting_name": "村民会议", "adopted_on": now.date()}
    refused(
        points.adopt_rulebook, rulebook_id=book.pk, entitled=300, present=200, in_favour=150, by=village.secretary,
        now=now, **given,
    )  # fmt: skip


# --- exchange ----------------------------------------------------------------------------------------


@pytest.fixture
def soap(village, town):
    return points.offer_good(
        place=town.community, kind="good", name="洗衣液", price=10, stock=1, by=village.secretary, now=village.now
    )


def test_exchange_and_back(village, soap, now):
    village.booked(item=village.help)
    later = now + timedelta(days=9)
    given = {"household_id": village.households[1].pk, "good_id": soap.pk, "by": village.second, "now": later}
    refused(points.exchange, count=3, beside="good", **given)
    refused(points.exchange, count=2, beside="count", **given)
    row = points.exchange(key="k", **given)
    assert points.exchange(key="k", **given).pk == row.pk
    soap.refresh_from_db()
    assert (soap.stock, village.households[1].balance_now()) == (0, 10)
    refused(points.exchange, beside="count", **given)
    refused(points.take_back, exchange_id=row.pk, reason="", by=village.second, now=later, beside="reason")
    points.take_back(exchange_id=row.pk, reason="漏水", by=village.second, now=later)
    soap.refresh_from_db()
    assert (soap.stock, village.households[1].balance_now()) == (1, 20)
    refused(points.take_back, exchange_id=row.pk, reason="漏水", by=village.second, now=later)
    assert verify(now=later) == []


def test_nothing_for_points_that_are_not_there(village, soap, now):
    refused(
        points.exchange, household_id=village.households[1].pk, good_id=soap.pk, by=village.second, now=now,
        beside="good",
    )  # fmt: skip


@pytest.mark.parametrize(
    "fields", [{"kind": "pension"}, {"price": 0}, {"price": 10**9}, {"stock": None}, {"stock": -1}, {"name": " "}]
)
def test_a_good_that_cannot_be_offered(village, town, fields):
    given = {"kind": "good", "name": "盐", "price": 5, "stock": 5, **fields}
    refused(points.offer_good, place=town.community, by=village.secretary, now=village.now, status=422, **given)


def test_a_good_is_counted_anew(village, soap, now):
    points.change_good(good_id=soap.pk, stock=7, offered=False, by=village.secretary, now=now)
    assert Good.objects.get().stock == 7
    refused(points.change_good, good_id=soap.pk, stock=1, offered=True, by=village.second, now=now, status=403)


# --- what must never be ------------------------------------------------------------------------------


def test_doors_are_sorted_as_people_count(village):
    assert [one.label for one in points.doors(village.households)] == ["1-2", "1-9", "1-10"]


def test_nothing_is_sorted_by_points():
    """No list of households or persons by a number: nowhere in the source is anything ordered by a balance."""
    source = Path(gongzhi.__file__).parent
    for path in [*source.glob("act/points/*.py"), *source.glob("front/*/**/points*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "order_by":
                asked = {getattr(one, "value", "") for one in node.args}
                assert not asked & {"balance", "-balance", "amount", "-amount", "value", "-value"}, path


def test_no_other_room_knows_of_points():
    """Points decide about nothing: only the doors, the clock and the demonstration know this room."""
    source = Path(gongzhi.__file__).parent
    allowed = {("front", "workbench"), ("front", "portal"), ("loop",), ("config",)}
    wrong = []
    for path in source.rglob("*.py"):
        parts = path.relative_to(source).parts
        if parts[:2] == ("act", "points") or "gongzhi.act.points" not in path.read_text():
            continue
        if not any(parts[: len(one)] == one for one in allowed):
            wrong.append("/".join(parts))
    assert not wrong


def test_no_person_has_points():
    from django.apps import apps

    for model in apps.get_app_config("points").get_models():
        names = {field.name for field in model._meta.get_fields()}
        assert not names & {"person", "resident", "child", "minor", "birth", "identity"}, model


def test_no_move_leads_out_of_an_end():
    ends = {State.BOOKED, State.STRUCK, State.WITHDRAWN}
    assert not [move for move in Move if MOVES[move][0] & ends]


def test_a_seat_is_held_once(village, now):
    seat = village.seats["worker"]
    points.end_member(member_id=seat.pk, by=village.secretary, now=now)
    refused(points.end_member, member_id=seat.pk, by=village.secretary, now=now)
    assert Member.objects.current().count() == 2
    with pytest.raises(NotThere):
        points.end_member(member_id=seat.pk, by=village.town.stranger, now=now)
