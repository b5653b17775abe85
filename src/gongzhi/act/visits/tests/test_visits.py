"""Planning, making and dropping visits, and keeping what was promised."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gongzhi.act.visits import actions as visits
from gongzhi.act.visits.models import State, Visit
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.privacy.actions import erase_due
from gongzhi.ground.refusals import Refusal
from tests.town import make_place, make_user

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def today(now: Any) -> Any:
    return timezone.localdate(now)


def made(town: Any, now: Any, **fields: Any) -> Visit:
    given = {
        "place": town.grid, "day": timezone.localdate(now), "whom": "三楼李奶奶", "asked": "想装扶手",
        "promise": "问物业哪天能装", "promise_due": timezone.localdate(now) + 3 * DAY, "by": town.worker, "now": now,
    }  # fmt: skip
    return visits.note_visit(**{**given, **fields})


def test_a_planned_visit_is_made_and_its_promise_kept(town: Any, now: Any, today: Any) -> None:
    uid = uuid.uuid4()
    given = {"whom": "李奶奶", "asked": "量血压", "by": town.worker, "now": now, "uid": uid}
    visit = visits.plan_visit(place=town.grid, day=today + DAY, **given)
    assert visits.plan_visit(place=town.grid, day=today + DAY, **given).pk == visit.pk  # sent twice
    later = now + 2 * DAY
    again = made(town, later, uid=uid, place=None, whom="", asked="")
    assert (again.pk, again.state, again.whom, again.asked) == (visit.pk, State.MADE, "李奶奶", "量血压")
    assert list(Visit.objects.promised()) == [again]
    # A colleague of the same post keeps it.
    kept = visits.keep_promise(uid=uid, words="装好了", by=town.second_worker, now=later + DAY)
    assert kept.kept_by == town.second_worker
    assert not Visit.objects.promised().exists()
    told = list(Entry.objects.about(visit).values_list("event", flat=True))
    assert told == ["visits.VisitPlanned", "visits.VisitMade", "visits.PromiseKept"]
    assert verify(now=later) == []


def test_only_the_position_reads_it(town: Any, now: Any) -> None:
    visit = made(town, now)
    for user in (town.worker, town.second_worker):
        assert Visit.objects.visible_to(user).filter(pk=visit.pk).exists()
    for user in (town.other_worker, town.clerk, town.street_clerk, town.leader, town.stranger):
        assert not Visit.objects.visible_to(user).filter(pk=visit.pk).exists()
        with pytest.raises(Refusal):
            visits.keep_promise(uid=visit.uid, words="", by=user, now=now)


def test_a_building_chief_visits_in_the_building(town: Any, now: Any) -> None:
    building = make_place(town.grid.path + "001", "building", "一号楼", town.grid)
    chief = make_user("chief", "高楼长", (Role.BUILDING_CHIEF, building))
    assert made(town, now, place=building, by=chief).role == Role.BUILDING_CHIEF
    with pytest.raises(Refusal):
        made(town, now, place=town.grid, by=chief)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"day": 1}, "day"),
        ({"day": -40}, "day"),
        ({"promise": ""}, "promise"),
        ({"promise_due": None}, "promise_due"),
        ({"promise_due": -2}, "promise_due"),
        ({"promise_due": 4000}, "promise_due"),
        ({"whom": "长" * 81}, "whom"),
        ({"asked": "长" * 501}, "asked"),
        ({"place": "community"}, "place"),
    ],
)
def test_what_cannot_be(town: Any, now: Any, today: Any, fields: Any, field: str) -> None:
    given = {name: today + value * DAY if isinstance(value, int) else value for name, value in fields.items()}
    if given.get("place"):
        given["place"] = town.community
    entries = Entry.objects.count()
    with pytest.raises(Refusal) as refusal:
        made(town, now, **given)
    assert refusal.value.field == field
    assert (Entry.objects.count(), Visit.objects.count()) == (entries, 0)


def test_what_is_over_is_over(town: Any, now: Any, today: Any) -> None:
    visit = visits.plan_visit(place=town.grid, day=today, whom="", asked="", by=town.worker, now=now)
    visits.drop_visit(uid=visit.uid, by=town.worker, now=now)
    with pytest.raises(Refusal, match="No longer needed"):
        made(town, now, uid=visit.uid)
    without = made(town, now, promise="", promise_due=None)
    for uid in (visit.uid, without.uid):
        with pytest.raises(Refusal, match="Nothing was promised"):
            visits.keep_promise(uid=uid, words="", by=town.worker, now=now)
    kept = made(town, now)
    visits.keep_promise(uid=kept.uid, words="好了", by=town.worker, now=now)
    with pytest.raises(Refusal, match="already"):
        visits.keep_promise(uid=kept.uid, words="好了", by=town.worker, now=now)


def test_what_was_said_is_forgotten_and_the_record_holds(town: Any, now: Any) -> None:
    visit = made(town, now)
    much_later = now + 800 * DAY
    assert any(due.personal.label == "visits.Visit.whom" and due.rows for due in erase_due(now=much_later))
    visit.refresh_from_db()
    assert (visit.whom, visit.asked, visit.promise) == ("", "", "")
    assert verify(now=much_later) == []
