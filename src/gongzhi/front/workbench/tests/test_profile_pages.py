"""The page of profiles: eight explained, switched with a reason, taken back with one button, and the menu follows."""

from __future__ import annotations

import pytest

from gongzhi.ground.places.actions import set_profile
from gongzhi.ground.places.finding import profile_of
from gongzhi.ground.places.models import Profile, ProfileChange

pytestmark = pytest.mark.django_db


def test_the_page_tells_what_holds_and_explains_eight(town, at, now):
    set_profile(place=town.street, profile=Profile.RICH_LOW_URBAN, by=None, now=now)
    page = at(town.worker).get("/staff/profiles/").content.decode()
    assert "said by 清华园街道" in page
    assert "Chain of corridor chiefs" in page
    for profile in Profile:
        assert f'id="{profile.value}"' in page
    assert "Villagers’ group leader" in page
    assert page.count("holds here") == 1


def test_each_place_in_reach_can_be_looked_at_and_others_are_not_there(town, at):
    client = at(town.secretary)
    assert client.get(f"/staff/profiles/?place={town.community.path}").status_code == 200
    assert client.get(f"/staff/profiles/?place={town.other_community.path}").status_code == 404
    assert client.get("/staff/profiles/?place=nowhere").status_code == 404


def test_switched_with_a_reason_and_switched_back(town, at, powers):
    client = at(town.system)
    powers(town.system)
    url = f"/staff/places/{town.street.path}/profile/"
    assert client.post(url, {"profile": "scarce_high_rural"}).status_code == 422
    answer = client.post(url, {"profile": "scarce_high_rural", "reason": "山区干部少"}, follow=True)
    page = answer.content.decode()
    assert "山区干部少" in page
    assert "Switch back" in page
    assert "Value board" in page
    last = ProfileChange.objects.get()
    assert last.by == town.system
    back = f"{url}back/"
    assert client.get(back).status_code == 302
    assert client.post(back, {"change": "999"}).status_code == 409
    assert client.post(back, {"change": "x"}).status_code == 409
    assert client.post(back, {"change": last.pk}).status_code == 302
    assert profile_of(town.grid) is None
    assert ProfileChange.objects.count() == 2


def test_nobody_else_switches_back(town, at, now, powers):
    set_profile(place=town.street, profile=Profile.RICH_LOW_URBAN, by=None, now=now)
    change = ProfileChange.objects.get().pk
    url = f"/staff/places/{town.street.path}/profile/back/"
    assert at(town.leader).post(url, {"change": change}).status_code == 403
    assert at(town.system).post(url, {"change": change}).status_code == 403  # powers are off
    assert at(town.secretary).post(url, {"change": change}).status_code == 404
    assert profile_of(town.grid) is Profile.RICH_LOW_URBAN


def test_the_morning_page_and_its_words_follow_the_profile(town, at, now):
    client = at(town.worker)
    assert "with its form and its deadline" in client.get("/staff/").content.decode()
    set_profile(place=town.street, profile=Profile.SCARCE_LOW_RURAL, by=None, now=now)
    assert "Send it down the chain" in client.get("/staff/").content.decode()
    set_profile(place=town.community, profile=Profile.SCARCE_HIGH_RURAL, by=None, now=now)
    assert "Put a value on it" in client.get("/staff/").content.decode()
