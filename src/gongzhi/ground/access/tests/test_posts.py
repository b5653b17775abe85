"""Posts, reach and powers."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongzhi.ground.access.actions import (
    end_post,
    grant_post,
    holding,
    power_of,
    require,
    switch_powers_off,
    switch_powers_on,
)
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import NOTHING, forget_posts, posts_of, posts_with, reach
from gongzhi.ground.access.roles import ADMINISTRATIONS, ROLE_VERBS, Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from tests.town import make_user

pytestmark = pytest.mark.django_db


def give(user, role, place, now, *, starts=0, ends=None, by=None, reason="test"):
    on = now.date()
    return grant_post(
        user=user,
        role=role,
        place=place,
        starts_on=on + timedelta(days=starts),
        ends_on=on + timedelta(days=ends) if ends is not None else None,
        reason=reason,
        by=by,
        now=now,
    )


@pytest.fixture
def ada(town):
    return make_user("ada", "爱达")


def may(user, verb, path, now):
    forget_posts(user)
    return holding(user, verb, path, now) is not None


def test_a_post_holds_at_its_place_and_below(town, ada, now):
    give(ada, Role.COMMUNITY_CLERK, town.community, now)
    assert may(ada, "cases.sort", town.community.path, now)
    assert may(ada, "cases.sort", town.grid.path, now)
    assert not may(ada, "cases.sort", town.street.path, now)
    assert not may(ada, "cases.sort", town.other_grid.path, now)
    assert not may(ada, "cases.sort", "", now)
    assert not may(ada, "access.grant", town.grid.path, now)


def test_require_says_which_post_it_was_the_nearest_one(town, ada, now):
    give(ada, Role.STREET_CLERK, town.street, now)
    near = give(ada, Role.COMMUNITY_CLERK, town.community, now)
    assert require(ada, "cases.sort", town.grid.path, now) == near
    assert require(ada, "cases.sort", town.other_grid.path, now).role == Role.STREET_CLERK
    with pytest.raises(Refusal) as refusal:
        require(ada, "cases.sort", town.county.path, now)
    assert refusal.value.status == 403


def test_a_future_post_is_not_yet_and_a_past_one_no_longer(town, ada, now):
    give(ada, Role.COMMUNITY_CLERK, town.community, now, starts=1, ends=2)
    days = [may(ada, "cases.sort", town.grid.path, now + timedelta(days=day)) for day in range(4)]
    assert days == [False, True, True, False]


def test_an_ended_post_is_useless_at_once(town, ada, now):
    post = give(ada, Role.COMMUNITY_CLERK, town.community, now)
    assert may(ada, "cases.sort", town.grid.path, now)
    end_post(post_id=post.pk, by=None, now=now)
    assert not may(User.objects.get(pk=ada.pk), "cases.sort", town.grid.path, now)
    with pytest.raises(Refusal):
        end_post(post_id=post.pk, by=None, now=now)
    with pytest.raises(NotThere):
        end_post(post_id=0, by=None, now=now)
    give(ada, Role.COMMUNITY_CLERK, town.community, now)  # and can be given again


def test_somebody_who_was_switched_off_has_no_posts(town, now):
    town.clerk.is_active = False
    forget_posts(town.clerk)
    assert list(posts_of(town.clerk)) == []
    assert reach(town.clerk, "cases.read") == NOTHING


def test_posts_overlap_but_not_twice_the_same(town, ada, now):
    give(ada, Role.GRID_WORKER, town.grid, now)
    give(ada, Role.BUILDING_CHIEF, town.grid, now)
    give(ada, Role.GRID_WORKER, town.other_grid, now)
    with pytest.raises(Refusal) as refusal:
        give(ada, Role.GRID_WORKER, town.grid, now, starts=5, ends=9)
    assert (refusal.value.status, refusal.value.field) == (409, "user")


@pytest.mark.parametrize("second", sorted(ADMINISTRATIONS))
@pytest.mark.parametrize("first", sorted(ADMINISTRATIONS))
def test_the_three_administrations_are_kept_apart(town, ada, now, first, second):
    give(ada, first, town.county, now, ends=10)
    if first != second:
        for starts, ends in ((0, None), (10, 12), (-5, 0), (3, 4)):
            with pytest.raises(Refusal) as refusal:
                give(ada, second, town.street, now, starts=starts, ends=ends)
            assert refusal.value.field == "role"
    give(ada, second, town.street, now, starts=11)  # afterwards she may change over


def test_the_database_refuses_a_second_administration(town, now):
    post = Post.objects.get(user=town.system)
    with pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.create(
            user=town.system,
            role=Role.AUDIT_ADMINISTRATOR,
            place=post.place,
            place_path=post.place_path,
            starts_on=now.date(),
            reason="behind the action's back",
        )


@pytest.mark.parametrize(
    ("changes", "field", "status"),
    [
        ({"role": "emperor"}, "role", 422),
        ({"ends": -1}, "ends_on", 422),
        ({"reason": "  "}, "reason", 422),
    ],
)
def test_wrong_posts(town, ada, now, changes, field, status):
    before = Entry.objects.count()
    given = {"role": Role.GRID_WORKER, **changes}
    role = given.pop("role")
    with pytest.raises(Refusal) as refusal:
        give(ada, role, town.grid, now, **given)
    assert (refusal.value.field, refusal.value.status) == (field, status)
    assert Entry.objects.count() == before


def test_nobody_gives_a_post_to_themselves_or_outside_their_reach(town, ada, now):
    switch_powers_on(by=town.security, minutes=10, reason="new people", now=now)
    post = give(ada, Role.GRID_WORKER, town.grid, now, by=town.security)
    entry = Entry.objects.get(event="access.PostGranted", object_id=post.pk)
    assert (entry.by_id, entry.post_id, entry.place_path) == (
        town.security.pk,
        Post.objects.get(user=town.security).pk,
        town.grid.path,
    )
    with pytest.raises(Refusal):
        give(town.security, Role.GRID_WORKER, town.grid, now, by=town.security)
    elsewhere = Place.objects.get(path="1101")
    with pytest.raises(Refusal):
        give(ada, Role.STREET_CLERK, elsewhere, now, by=town.security)
    with pytest.raises(Refusal):
        give(ada, Role.STREET_CLERK, town.street, now, by=town.secretary)


def test_powers_need_a_reason_and_end_by_themselves(town, now):
    def on(minutes=30, reason="the autumn's new rules", who=town.system):
        return switch_powers_on(by=who, minutes=minutes, reason=reason, now=now)

    with pytest.raises(Refusal):
        require(town.system, "rules.change", town.county.path, now)
    for minutes, reason, field in ((0, "because", "minutes"), (10_000, "because", "minutes"), (5, " x ", "reason")):
        with pytest.raises(Refusal) as refusal:
            on(minutes, reason)
        assert refusal.value.field == field
    with pytest.raises(Refusal):
        on(who=town.clerk)
    power = on()
    assert require(town.system, "rules.change", town.county.path, now) == power.post
    with pytest.raises(Refusal):
        on()
    later = now + timedelta(minutes=30)
    assert power_of(town.system, later - timedelta(seconds=1)) == power
    assert power_of(town.system, later) is None
    with pytest.raises(Refusal):
        require(town.system, "rules.change", town.county.path, later)
    events = list(Entry.objects.filter(noun="access.Power").values_list("event", "data__minutes"))
    assert events == [("access.PowersSwitchedOn", 30)]


def test_powers_can_be_put_down(town, now):
    switch_powers_on(by=town.audit, minutes=5, reason="a look at March", now=now)
    switch_powers_off(by=town.audit, now=now)
    assert power_of(town.audit, now) is None
    with pytest.raises(Refusal):
        switch_powers_off(by=town.audit, now=now)


def test_the_powers_of_an_ended_post_are_gone(town, now):
    switch_powers_on(by=town.audit, minutes=5, reason="a look at March", now=now)
    end_post(post_id=Post.objects.get(user=town.audit).pk, by=None, now=now)
    forget_posts(town.audit)
    with pytest.raises(Refusal):
        require(town.audit, "ledger.read", town.county.path, now)
    assert power_of(town.audit, now) is None


def test_powers_that_were_given_at_one_post_do_not_serve_another(town, ada, now):
    """Powers belong to the post they were switched on for."""
    give(ada, Role.SECURITY_ADMINISTRATOR, town.street, now, ends=1)
    switch_powers_on(by=ada, minutes=5, reason="somebody new", now=now)
    assert power_of(ada, now).post.role == Role.SECURITY_ADMINISTRATOR
    with pytest.raises(Refusal):
        require(ada, "rules.change", town.street.path, now)


PATHS = ("11", "1101", "110108", "110108014", "110108014001", "110108014001001", "110108014002", "110108014002001")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=st.lists(st.tuples(st.sampled_from(sorted(Role.values)), st.sampled_from(PATHS)), max_size=4, unique=True))
def test_reach_and_require_agree(town, now, held):
    """What the list shows and what the single row allows are one and the same."""
    with transaction.atomic():
        user = User.objects.create_user("everybody")
        places = {place.path: place for place in Place.objects.all()}
        for role, path in held:
            Post.objects.create(
                user=user, role=role, place=places[path], place_path=path, starts_on=date(2026, 1, 1),
                ends_on=date(2027, 1, 1), reason="law",
            )  # fmt: skip
        for verb in ("cases.read", "access.read", "workbench.enter"):
            rows = set(Place.objects.filter(reach(user, verb, field="path")).values_list("path", flat=True))
            assert rows == {path for path in places if holding(user, verb, path, now) is not None}
            wanted = [path for role, path in held if verb in ROLE_VERBS[role]]
            assert rows == {path for path in places if any(path.startswith(own) for own in wanted)}
            assert len(posts_with(user, verb)) == len(wanted)
        transaction.set_rollback(True)
