"""Mode and profile: inherited downward, set and taken back, guarded by the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.actions import mode_of, profile_of, set_profile, switch_mode
from gongzhi.ground.places.demonstration import load_demonstration
from gongzhi.ground.places.jobs import end_expired_modes
from gongzhi.ground.places.models import Place, Profile
from gongzhi.ground.refusals import Refusal

GRID = "110108014001001"


def place(path):
    return Place.objects.get(path=path)


def emergency(path, now, **more):
    values = {"mode": "emergency", "level": "II", "colour": "orange", "reason": "暴雨", **more}
    return switch_mode(place=place(path), by=None, now=now, **values)


def test_everywhere_is_normal_until_somebody_says_otherwise(haidian, now):
    assert not mode_of(GRID, now).emergency
    assert mode_of(GRID, now).path == ""


def test_a_mode_holds_below_and_the_nearest_wins_and_can_be_taken_back(haidian, now, django_assert_num_queries):
    emergency("110108", now)
    with django_assert_num_queries(1):
        standing = mode_of(GRID, now)
    assert (standing.emergency, standing.level, standing.colour, standing.path) == (True, "II", "orange", "110108")
    assert not mode_of("1101", now).emergency
    switch_mode(place=place("110108014"), mode="normal", reason="未受影响", by=None, now=now)
    assert not mode_of(GRID, now).emergency
    assert mode_of("110108030", now).emergency
    emergency("110108014001", now, level="I", colour="red")
    assert mode_of(place(GRID), now).level == "I"
    switch_mode(place=place("110108014001"), mode="", by=None, now=now)
    switch_mode(place=place("110108014"), mode="", by=None, now=now)
    assert mode_of(GRID, now).path == "110108"
    switch_mode(place=place("110108"), mode="", by=None, now=now)
    assert mode_of(GRID, now).path == ""
    assert Entry.objects.filter(event="places.ModeSwitched").count() == 6


def test_an_emergency_ends_when_its_time_is_over(haidian, now):
    until = now + timedelta(hours=6)
    emergency("110108", now, until=until)
    assert mode_of(GRID, until - timedelta(seconds=1)).emergency
    assert not mode_of(GRID, until).emergency
    assert end_expired_modes(now=until - timedelta(seconds=1)) == 0
    assert end_expired_modes(now=until) == 1
    assert end_expired_modes(now=until) == 0
    row = place("110108")
    assert (row.mode, row.mode_until, row.version) == ("", None, 2)
    last = Entry.objects.about(row).last()
    assert (last.seq, bytes(last.fingerprint), last.place_path) == (2, row.fingerprint(), "110108")


@pytest.mark.parametrize(
    "values",
    [
        {"mode": "war"},
        {"level": "V"},
        {"level": ""},
        {"colour": "pink"},
        {"reason": " "},
        {"reason": "长" * 201},
        {"mode": "normal", "reason": ""},
        {"until": timedelta(0)},
    ],
    ids=str,
)
def test_half_an_emergency_is_refused(haidian, now, values):
    if "until" in values:
        values = {"until": now + values["until"]}
    with pytest.raises(Refusal):
        emergency("110108", now, **values)
    assert place("110108").version == 0


def test_two_people_at_once_the_second_is_told(haidian, now):
    mine, theirs = place("110108"), place("110108")
    switch_mode(place=mine, mode="emergency", level="IV", reason="大风", by=None, now=now)
    with pytest.raises(Refusal):
        switch_mode(place=theirs, mode="normal", reason="无事", by=None, now=now)


def test_a_profile_holds_below_and_can_be_taken_back(haidian, now):
    assert profile_of(GRID) is Profile.RICH_HIGH_URBAN
    assert profile_of("110108") is None
    set_profile(place=place("110108014001"), profile=Profile.SCARCE_LOW_URBAN, by=None, now=now)
    found = profile_of(GRID)
    assert (found.rich, found.organised, found.urban) == (False, False, True)
    assert profile_of("110108014002").rich
    set_profile(place=place("110108014001"), profile="", by=None, now=now)
    assert profile_of(GRID) is Profile.RICH_HIGH_URBAN
    with pytest.raises(Refusal):
        set_profile(place=place("110108"), profile="rich", by=None, now=now)
    assert not profile_of("110108030").urban


def test_the_demonstration_loads_once(haidian, now):
    before = Entry.objects.count()
    load_demonstration(now=now)
    assert Entry.objects.count() == before


GOOD = {"code": "33", "path": "33", "level": "province", "name": "浙江省"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "3x"},
        {"path": "٣٣"},
        {"path": ""},
        {"path": "330"},
        {"level": "city"},
        {"level": "planet"},
        {"kind": "street"},
        {"name": ""},
        {"code": ""},
        {"lon": 120.0},
        {"lon": 200.0, "lat": 30.0},
        {"valid_from": "2020-01-02", "valid_to": "2020-01-01"},
        {"profile": "rich"},
        {"mode": "emergency"},
        {"mode": "", "colour": "red"},
        {"path": "11", "code": "x"},
        {"code": "11"},
    ],
    ids=str,
)
def test_the_database_refuses_what_cannot_be(haidian, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        Place.objects.create(**{**GOOD, **wrong})
    Place.objects.create(**GOOD)
