"""Which places get a piece when somebody writes to a profile."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from gongzhi.act.directives.sending import targets
from gongzhi.ground.places.models import Place, Profile

pytestmark = pytest.mark.django_db

RURAL, URBAN = Profile.values[-1], Profile.values[0]


def chosen(ids: list[int], profile: str, now: Any) -> set[str]:
    found = targets(ids=ids, level="village", profile=profile, on=timezone.localdate(now))
    return set(found.values_list("path", flat=True))


def test_a_profile_is_inherited_from_above_every_place_that_was_named(town: Any, now: Any) -> None:
    """Also from the one above the second place named: its profile stands neither below it nor above the first."""
    county = Place.objects.get(path=town.street.path[:6])
    Place.objects.filter(pk=county.pk).update(profile="")
    other = town.street.path[:6] + ("999" if town.street.path[6:] != "999" else "998")
    street = Place.objects.create(
        path=other, code=f"{other}000", level="town", name="东边街道", parent=county, profile=URBAN
    )
    community = Place.objects.create(
        path=f"{other}001", code=f"{other}001", level="village", name="东边社区", parent=street
    )
    Place.objects.filter(pk=town.street.pk).update(profile=RURAL)
    named = [town.community.pk, community.pk]
    assert chosen(named, URBAN, now) == {community.path}
    assert chosen(named, RURAL, now) == {town.community.path}
    assert chosen(named, "", now) == {town.community.path, community.path}


def test_a_place_of_its_own_profile_is_no_longer_of_the_one_above(town: Any, now: Any) -> None:
    Place.objects.filter(pk=town.street.pk).update(profile=URBAN)
    Place.objects.filter(pk=town.community.pk).update(profile=RURAL)
    found = chosen([town.street.pk], URBAN, now)
    assert found
    assert town.community.path not in found
    assert chosen([town.street.pk], URBAN.split("_")[0], now) >= found
