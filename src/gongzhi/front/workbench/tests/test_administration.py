"""Posts, powers, places, rules, the calendar, responsibilities and the audit, through their pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from gongzhi.ground.access.actions import power_of
from gongzhi.ground.access.models import Post
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.finding import mode_of, profile_of
from gongzhi.ground.rules.actions import rule
from gongzhi.understand.cases.models import Responsibility

pytestmark = pytest.mark.django_db

PAGES = {
    "powers": {"system", "security", "audit"},
    "posts": {"security", "audit"},
    "places": {
        "worker", "clerk", "secretary", "street_clerk", "desk", "officer", "property_manager",
        "system", "security", "audit",
    },
    "rules": {"system", "audit"},
    "holidays": {"system", "audit"},
    "responsibilities": {"system"},
}  # fmt: skip
EVERYBODY = (
    "worker", "clerk", "secretary", "street_clerk", "desk", "officer", "property_manager",
    "system", "security", "audit", "stranger",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("who", EVERYBODY)
def test_who_sees_which_page(page, who, town, at):
    answer = at(getattr(town, who)).get(f"/staff/{page}/")
    assert answer.status_code == (200 if who in PAGES[page] else 404)


def test_powers_are_switched_on_with_a_reason_and_off_again(town, at):
    client = at(town.security)
    assert client.post("/staff/powers/", {"minutes": 30, "reason": ""}).status_code == 422
    assert client.post("/staff/powers/", {"minutes": 100000, "reason": "annual round"}).status_code == 422
    assert power_of(town.security, timezone.now()) is None
    assert client.post("/staff/powers/", {"minutes": 30, "reason": "annual round"}).status_code == 302
    assert power_of(town.security, timezone.now()) is not None
    client.post("/staff/powers/", {"off": "1"})
    assert power_of(town.security, timezone.now()) is None


def test_a_post_is_given_only_with_powers_and_ends_at_once(town, at, powers):
    client = at(town.security)
    given = {
        "username": "stranger",
        "role": "grid_worker",
        "path": town.grid.path,
        "starts_on": timezone.localdate().isoformat(),
        "reason": "new colleague",
    }
    assert client.post("/staff/posts/", given).status_code == 403
    powers(town.security)
    assert client.post("/staff/posts/", {**given, "path": "999"}).status_code == 422
    assert client.post("/staff/posts/", {**given, "username": "nobody"}).status_code == 422
    assert client.post("/staff/posts/", given).status_code == 302
    post = Post.objects.get(user=town.stranger)
    assert at(town.stranger).get("/staff/tasks/").status_code == 200
    assert client.post(f"/staff/posts/{post.pk}/end/").status_code == 302
    assert at(town.stranger).get("/staff/places/").status_code == 404


def test_administrations_are_kept_apart(town, at, powers):
    powers(town.security)
    given = {
        "username": "audit",
        "role": "system_administrator",
        "path": town.county.path,
        "starts_on": timezone.localdate().isoformat(),
        "reason": "both at once",
    }
    answer = at(town.security).post("/staff/posts/", given)
    assert answer.status_code == 422
    assert Post.objects.filter(user=town.audit).count() == 1


def test_one_action_switches_to_emergency_and_back(town, at):
    client = at(town.secretary)
    url = f"/staff/places/{town.community.path}/mode/"
    assert client.post(url, {"mode": "emergency", "level": "", "reason": "heavy rain"}).status_code == 422
    assert not mode_of(town.grid).emergency
    switched = {"mode": "emergency", "level": "II", "colour": "orange", "reason": "heavy rain"}
    assert client.post(url, switched).status_code == 302
    assert mode_of(town.grid).emergency
    assert "heavy rain" in client.get("/staff/places/").content.decode()
    assert client.post(url, {"mode": "", "reason": ""}).status_code == 302
    assert not mode_of(town.grid).emergency
    assert Entry.objects.filter(event="places.ModeSwitched", by_id=town.secretary.pk).count() == 2


def test_a_place_elsewhere_is_not_there(town, at):
    assert at(town.secretary).get(f"/staff/places/{town.other_community.path}/").status_code == 404
    answer = at(town.secretary).post(
        f"/staff/places/{town.other_community.path}/mode/",
        {"mode": "emergency", "level": "I", "reason": "not my place"},
    )
    assert answer.status_code == 404
    assert not mode_of(town.other_community).emergency


def test_the_profile_is_set_with_powers_and_inherited(town, at, powers):
    client = at(town.system)
    url = f"/staff/places/{town.street.path}/profile/"
    assert client.post(url, {"profile": "scarce_high_rural", "reason": "干部少"}).status_code == 403
    powers(town.system)
    assert client.post(url, {"profile": "no such", "reason": "干部少"}).status_code == 422
    assert client.post(url, {"profile": "scarce_high_rural", "reason": "干部少"}).status_code == 302
    assert profile_of(town.grid) == "scarce_high_rural"


def test_a_rule_is_changed_for_a_place_and_the_change_ends(town, at, powers):
    client, today = at(town.system), timezone.localdate()
    powers(town.system)
    change = {"key": "cases.reopen_days", "value": "7", "valid_from": today.isoformat(), "reason": "trial"}
    assert client.post("/staff/rules/", {**change, "value": "soon"}).status_code == 400
    assert client.post("/staff/rules/", change).status_code == 302
    assert rule("cases.reopen_days", path=town.grid.path, on=today) == 7


def test_a_holiday_is_entered_and_taken_out(town, at, powers):
    from gongzhi.ground.rules.models import CalendarDay
    from gongzhi.ground.rules.working_days import is_working_day

    day = timezone.localdate() + timedelta(days=40)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    client = at(town.system)
    powers(town.system)
    worked = is_working_day(day, town.grid.path)
    kind = "holiday" if worked else "workday"
    assert client.post("/staff/holidays/", {"day": "2026-13-45", "kind": kind}).status_code == 422
    assert (
        client.post("/staff/holidays/", {"day": day.isoformat(), "kind": kind, "name": "town fair"}).status_code == 302
    )
    assert is_working_day(day, town.grid.path) is not worked
    row = CalendarDay.objects.latest("pk")
    assert client.post("/staff/holidays/", {"remove": str(row.pk)}).status_code == 302
    assert is_working_day(day, town.grid.path) is worked


def test_a_responsibility_is_set_and_ended(town, at, powers):
    client = at(town.system)
    given = {"category": "environment.litter", "path": town.street.path, "role": "property_manager"}
    assert client.post("/staff/responsibilities/", given).status_code == 403
    powers(town.system)
    assert client.post("/staff/responsibilities/", {**given, "category": "no.such"}).status_code == 422
    assert client.post("/staff/responsibilities/", {**given, "role": "audit_administrator"}).status_code == 422
    assert client.post("/staff/responsibilities/", given).status_code == 303
    row = Responsibility.objects.get(ended_on__isnull=True, place=town.street)
    assert client.post("/staff/responsibilities/", {"end": str(row.pk)}).status_code == 303
    assert not Responsibility.objects.filter(ended_on__isnull=True, place=town.street).exists()


def test_the_audit_needs_powers_and_filters(town, at, powers):
    client = at(town.audit)
    assert client.get("/staff/audit/").status_code == 403
    powers(town.audit)
    page = client.get("/staff/audit/?event=access.PostGranted").content.decode()
    assert "access.Post " in page
    assert client.get("/staff/audit/?path=abc").status_code == 422
    assert client.get("/staff/audit/?before=xyz").status_code == 200
    assert at(town.clerk).get("/staff/audit/").status_code == 404
