"""Whistles: who blows, who answers, who rules, and what the street makes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from gongzhi.act.whistles import actions as whistles
from gongzhi.act.whistles.actions import Called
from gongzhi.act.whistles.models import (
    AWAITED,
    MOVES,
    UNIT_MOVES,
    Appraisal,
    Invitation,
    Kind,
    State,
    UnitMove,
    UnitState,
    Whistle,
)
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.spans import Span, Unit
from tests.town import make_place, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def leader(town):
    return town.leader


@pytest.fixture
def units(town):
    return [
        Called("department_officer", town.county.pk),
        Called("property_manager", town.community.pk),
        Called(outside="国家电网清华园供电所"),
    ]


@pytest.fixture
def blow(town, moment, units):
    def blow(**fields):
        given = {
            "place": town.street,
            "kind": "joint",
            "need": "东门夜市占道，请城管、物业到场联合整治。",
            "site": "东门岗亭",
            "units": units,
            "by": town.street_clerk,
            "now": moment.now,
        }
        return whistles.blow_whistle(**{**given, **fields})

    return blow


@pytest.fixture
def whistle(blow):
    return blow()


def of(whistle, **where):
    return Invitation.objects.get(whistle=whistle, **where)


def officer_of(whistle):
    return of(whistle, role="department_officer")


def test_a_whistle_calls_units_by_the_rule_of_its_kind(whistle, town, moment):
    assert whistle.number == f"W2026-{whistle.pk:04d}"
    assert whistle.arrive_by == whistles.arrive_by("joint", moment.now, town.street.path)
    assert [one.leads for one in whistle.invitations.order_by("pk")] == [True, False, False]
    assert {one.state for one in whistle.invitations.all()} == {UnitState.CALLED}
    assert officer_of(whistle).unit == "Department officer, 海淀区"


@pytest.mark.parametrize("unit", Unit.values)
def test_each_of_the_four_units_of_time(blow, moment, unit):
    later = blow(within=Span(2, Unit(unit)))
    assert later.arrive_by > moment.now


def test_every_kind_has_its_rule(blow, moment):
    limits = [blow(kind=kind).arrive_by for kind in Kind.values]
    assert len(set(limits)) == len(Kind.values)
    assert min(limits) == moment.now + timedelta(hours=1)


def test_only_a_street_blows(blow, town):
    for by in (town.clerk, town.secretary, town.officer, town.worker, town.stranger):
        with pytest.raises(Refusal) as refusal:
            blow(by=by)
        assert refusal.value.status == 403
    assert not Whistle.objects.exists()


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"kind": "loud"}, "kind"),
        ({"need": " \x00"}, "need"),
        ({"need": "长" * 1001}, "need"),
        ({"site": ""}, "site"),
        ({"units": []}, "lead"),
        ({"lead": 3}, "lead"),
        ({"lead": -1}, "lead"),
        ({"units": [Called(outside="供电所"), Called(outside=" 供电所 ")]}, "units"),
        ({"units": [Called(outside="长" * 81)]}, "outside"),
        ({"units": [Called("department_officer", 999_999)]}, "units"),
        ({"units": [Called(outside=f"第{n}家") for n in range(21)]}, "units"),
    ],
)
def test_what_a_whistle_needs(blow, fields, beside):
    with pytest.raises(Refusal) as refusal:
        blow(**fields)
    assert refusal.value.field == beside or (fields.get("units") == [] and refusal.value.field == "units")
    assert not Entry.objects.filter(event__startswith="whistles.").exists()


def test_a_whistle_about_cases(blow, report, town, moment):
    _message, case = report()
    _other, another = report(text="西门也堆了。")
    whistle = blow(cases=[case, another])
    assert list(Whistle.objects.about(case)) == [whistle]
    entry = Entry.objects.get(event="whistles.WhistleBlown")
    assert entry.data["case_ids"] == [case.pk, another.pk]
    elsewhere = make_place("110108015", "town", "上庄镇", town.county)
    stranger = make_user("leader2", "牛镇长", (Role.STREET_LEADER, elsewhere))
    with pytest.raises(Refusal) as refusal:
        blow(place=elsewhere, by=stranger, cases=[case], units=[Called(outside="供电所")])
    assert refusal.value.field == "cases"


def test_only_the_street_and_the_called_units_see_it(whistle, town, leader):
    seeing = {town.street_clerk, leader, town.officer, town.property_manager}
    for user in (
        *seeing, town.clerk, town.secretary, town.worker, town.desk, town.system, town.audit, town.stranger,
    ):  # fmt: skip
        assert Whistle.objects.visible_to(user).exists() is (user in seeing), user
    elsewhere = make_place("110108015", "town", "上庄镇", town.county)
    assert not Whistle.objects.visible_to(make_user("l2", "牛镇长", (Role.STREET_LEADER, elsewhere))).exists()


def test_coming_reporting_and_ending(whistle, town, moment):
    unit = officer_of(whistle)
    whistles.accept_call(invitation_id=unit.pk, by=town.officer, now=moment.now)
    moment.now += timedelta(hours=1)
    whistles.note_arrival(invitation_id=unit.pk, by=town.officer, now=moment.now)
    whistles.report_measures(
        invitation_id=unit.pk, measures="劝离摊贩七家。", result="通道已通。", by=town.officer, now=moment.now
    )
    moment.now += timedelta(days=1)
    whistles.end_whistle(whistle_id=whistle.pk, result="夜市已规范。", by=town.street_clerk, now=moment.now)
    unit.refresh_from_db()
    assert (unit.state, unit.was_late(whistle.arrive_by)) == (UnitState.DONE, False)
    assert of(whistle, role="property_manager").state == UnitState.ABSENT
    whistle.refresh_from_db()
    assert (whistle.state, whistle.result) == (State.ENDED, "夜市已规范。")
    assert verify(now=moment.now) == []
    for what in (whistles.accept_call, whistles.note_arrival):
        with pytest.raises(Refusal):
            what(invitation_id=of(whistle, role="property_manager").pk, by=town.property_manager, now=moment.now)


def test_a_unit_answers_for_itself(whistle, town, moment):
    unit = officer_of(whistle)
    for by, status in ((town.property_manager, 403), (town.street_clerk, 403), (town.clerk, 404)):
        with pytest.raises(Refusal) as refusal:
            whistles.accept_call(invitation_id=unit.pk, by=by, now=moment.now)
        assert refusal.value.status == status
    # For a unit outside the house the street speaks, and it may note anybody's arrival.
    outside = of(whistle, place=None)
    whistles.accept_call(invitation_id=outside.pk, by=town.street_clerk, now=moment.now)
    whistles.note_arrival(invitation_id=unit.pk, by=town.street_clerk, now=moment.now)
    assert of(whistle, pk=unit.pk).state == UnitState.ARRIVED


def test_declining_is_ruled_by_the_leader(whistle, town, moment, leader):
    unit = officer_of(whistle)
    with pytest.raises(Refusal) as refusal:
        whistles.decline_call(invitation_id=unit.pk, reason="no", by=town.officer, now=moment.now)
    assert refusal.value.field == "reason"
    whistles.decline_call(invitation_id=unit.pk, reason="夜市不归我局，归市场监管。", by=town.officer, now=moment.now)
    with pytest.raises(Refusal):
        whistles.end_whistle(whistle_id=whistle.pk, result="完了。", by=town.street_clerk, now=moment.now)
    for by in (town.street_clerk, town.officer):
        with pytest.raises(Refusal) as refusal:
            whistles.rule_on_refusal(invitation_id=unit.pk, excused=True, words="同意", by=by, now=moment.now)
        assert refusal.value.status == 403
    whistles.rule_on_refusal(invitation_id=unit.pk, excused=False, words="占道归你局管。", by=leader, now=moment.now)
    assert of(whistle, pk=unit.pk).state == UnitState.CALLED
    with pytest.raises(Refusal):
        whistles.decline_call(invitation_id=unit.pk, reason="还是不归我们。", by=town.officer, now=moment.now)


def test_an_excused_unit_is_not_expected(whistle, town, moment, leader):
    unit = officer_of(whistle)
    whistles.decline_call(invitation_id=unit.pk, reason="夜市不归我局。", by=town.officer, now=moment.now)
    whistles.rule_on_refusal(
        invitation_id=unit.pk, excused=True, words="同意，另请市场监管。", by=leader, now=moment.now
    )
    whistles.end_whistle(whistle_id=whistle.pk, result="完了。", by=town.street_clerk, now=moment.now)
    assert of(whistle, pk=unit.pk).state == UnitState.EXCUSED
    with pytest.raises(Refusal):
        whistles.appraise(invitation_id=unit.pk, mark="fair", words="好", by=town.street_clerk, now=moment.now)


def test_who_blew_rules_only_when_nobody_else_can(blow, town, moment, leader):
    whistle = blow(by=leader)
    unit = officer_of(whistle)
    whistles.decline_call(invitation_id=unit.pk, reason="夜市不归我局。", by=town.officer, now=moment.now)
    second = make_user("leader2", "牛副主任", (Role.STREET_LEADER, town.street))
    given = {"invitation_id": unit.pk, "excused": True, "words": "同意不来。", "now": moment.now}
    with pytest.raises(Refusal) as refusal:
        whistles.rule_on_refusal(**given, by=leader)
    assert refusal.value.status == 403
    second.is_active = False
    second.save()
    whistles.rule_on_refusal(**given, by=leader)


def test_late_is_shown_and_reminded_once(whistle, town, moment):
    assert whistles.remind_late(now=moment.now) == 0
    moment.now = whistle.arrive_by + timedelta(minutes=1)
    assert whistles.remind_late(now=moment.now) == 3
    assert whistles.remind_late(now=moment.now) == 0
    unit = officer_of(whistle)
    whistles.note_arrival(invitation_id=unit.pk, by=town.officer, now=moment.now)
    assert of(whistle, pk=unit.pk).was_late(whistle.arrive_by)
    entry = Entry.objects.get(event="whistles.UnitArrived")
    assert entry.data["late"] is True


def test_arriving_is_neither_before_the_call_nor_in_the_future(whistle, town, moment):
    unit = officer_of(whistle)
    for at in (moment.now - timedelta(minutes=1), moment.now + timedelta(minutes=1)):
        with pytest.raises(Refusal) as refusal:
            whistles.note_arrival(invitation_id=unit.pk, at=at, by=town.officer, now=moment.now)
        assert refusal.value.field == "at"


def test_calling_off_leaves_nobody_absent(whistle, town, moment):
    whistles.call_off(whistle_id=whistle.pk, reason="摊贩已自行离开。", by=town.street_clerk, now=moment.now)
    assert {one.state for one in whistle.invitations.all()} == {UnitState.RELEASED}
    with pytest.raises(Refusal):
        whistles.end_whistle(whistle_id=whistle.pk, result="完了。", by=town.street_clerk, now=moment.now)


def test_both_sides_appraise_each_other_once(whistle, town, moment):
    unit = officer_of(whistle)
    whistles.note_arrival(invitation_id=unit.pk, by=town.officer, now=moment.now)
    given = {"invitation_id": unit.pk, "mark": "fair", "words": "来得快。", "now": moment.now}
    with pytest.raises(Refusal):
        whistles.appraise(**given, by=town.street_clerk)
    whistles.end_whistle(whistle_id=whistle.pk, result="完了。", by=town.street_clerk, now=moment.now)
    whistles.appraise(**given, by=town.street_clerk)
    whistles.appraise(**given, by=town.officer)
    assert set(Appraisal.objects.values_list("side", flat=True)) == {"street", "unit"}
    for by, status in ((town.street_clerk, 409), (town.officer, 409), (town.property_manager, 403), (town.clerk, 404)):
        with pytest.raises(Refusal) as refusal:
            whistles.appraise(**given, by=by)
        assert refusal.value.status == status
    for field, value in (("mark", "excellent"), ("words", " ")):
        with pytest.raises(Refusal) as refusal:
            whistles.appraise(**{**given, field: value}, by=town.street_clerk)
        assert refusal.value.field == field


def test_what_is_not_there(town, moment):
    for what in (whistles.accept_call, whistles.note_arrival):
        with pytest.raises(NotThere):
            what(invitation_id=1, by=town.officer, now=moment.now)


def test_the_database_refuses_what_the_actions_refuse(whistle, town, moment):
    unit = officer_of(whistle)
    rows = Invitation.objects.filter(pk=unit.pk)
    wrong = (
        {"state": "lost"},
        {"state": "arrived"},
        {"state": "excused"},
        {"state": "done"},
        {"outside": "也是"},
        {"role": ""},
        {"ruled_by": town.officer, "declined_by": town.officer},
    )
    for fields in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.filter(whistle=whistle).update(leads=True)
    for fields in ({"state": "ended"}, {"state": "gone"}, {"kind": "x"}, {"arrive_by": whistle.blown_at}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Whistle.objects.filter(pk=whistle.pk).update(**fields)


def test_the_tables_of_moves():
    assert {one for one, _target in MOVES.values()} == {frozenset({State.BLOWN})}
    ends = {UnitState.EXCUSED, UnitState.DONE, UnitState.ABSENT, UnitState.RELEASED}
    assert not [move for move, (allowed, _target) in UNIT_MOVES.items() if allowed & ends]
    assert all(set(AWAITED) <= UNIT_MOVES[move][0] for move in (UnitMove.MISS, UnitMove.RELEASE, UnitMove.ARRIVE))


def test_the_words_go_after_five_years(whistle, town, moment):
    """Erasing leaves the row: no constraint asks for the words."""
    from gongzhi.ground.privacy.actions import erase_due

    unit = officer_of(whistle)
    whistles.note_arrival(invitation_id=unit.pk, by=town.officer, now=moment.now)
    whistles.report_measures(invitation_id=unit.pk, measures="做了", result="好了", by=town.officer, now=moment.now)
    whistles.end_whistle(whistle_id=whistle.pk, result="完了。", by=town.street_clerk, now=moment.now)
    erase_due(now=timezone.localtime(moment.now) + timedelta(days=1826))
    whistle.refresh_from_db()
    assert (whistle.need, officer_of(whistle).measures) == ("", "")
