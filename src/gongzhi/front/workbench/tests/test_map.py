"""The map: circles that add up to the list, single cases when there are few, nothing beyond the reach."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from gongzhi.ground.places.cells import cell_of
from gongzhi.understand.cases.models import Case
from gongzhi.understand.cases.tree import category_by_code

pytestmark = pytest.mark.django_db


def scatter(town, moment, count):
    """Cases all over a piece of the town, each third late, each third due soon."""
    chance = random.Random(5)
    rows = []
    for index in range(count):
        lon, lat = 116.30 + chance.random() / 20, 40.00 + chance.random() / 20
        rows.append(
            Case(
                version=0,
                number=f"261117-{index:07d}",
                summary=f"第{index}件事",
                channel="import",
                state="assigned" if index % 2 else "closed",
                closed_at=None if index % 2 else moment.now,
                closed_as="" if index % 2 else "imported",
                category=category_by_code("environment.litter"),
                place=town.grid,
                place_path=town.grid.path,
                lead_role="grid_worker",
                lead_place=town.grid,
                opened_at=moment.now - timedelta(hours=index),
                due_at=moment.now + timedelta(hours=(-1, 1, 9)[index % 3]),
                yellow_at=moment.now + timedelta(hours=(-2, -1, 8)[index % 3]),
                lon=lon,
                lat=lat,
                cell=cell_of(lon, lat),
            )
        )
    Case.objects.bulk_create(rows)
    return rows


def points(client, bbox="116,39,117,41", zoom=13, **query):
    answer = client.get("/staff/map/points.json", {"bbox": bbox, "zoom": zoom, **query})
    assert answer.status_code == 200, answer.content
    return answer.json()["features"]


def total(features):
    return sum(feature["properties"]["count"] for feature in features)


@pytest.mark.parametrize("zoom", [0, 10, 13, 16, 19])
def test_circles_add_up_at_every_zoom(town, moment, as_user, zoom):
    scatter(town, moment, 700)
    client = as_user(town.clerk)
    features = points(client, zoom=zoom, state="all")
    assert total(features) == 700
    assert total(points(client, zoom=zoom)) == 350
    assert total(points(client, zoom=zoom, state="closed", category="environment")) == 350
    for feature in features:
        lon, lat = feature["geometry"]["coordinates"]
        assert 116.29 < lon < 116.36
        assert 39.99 < lat < 40.06
    if zoom <= 10:
        assert len(features) <= 4
    assert points(as_user(town.other_clerk), zoom=zoom) == []


def test_a_circle_shows_the_worst_of_what_lies_in_it(town, moment, as_user):
    scatter(town, moment, 700)
    client = as_user(town.clerk)
    assert {one["properties"]["state"] for one in points(client, zoom=4)} == {"red"}
    assert {one["properties"]["state"] for one in points(client, zoom=16, state="closed")} == {"green"}


def test_few_are_shown_one_by_one_with_their_own_colour(town, moment, as_user):
    rows = scatter(town, moment, 60)
    features = points(as_user(town.clerk), state="all", zoom=17)
    assert total(features) == len(features) == 60
    shown = {one["properties"]["title"]: one for one in features}
    late = shown["第3件事"]
    assert late["properties"] == {
        "count": 1, "state": "red", "title": "第3件事", "url": f"/staff/cases/{rows[3].number}/",
    }  # fmt: skip
    assert shown["第1件事"]["properties"]["state"] == "amber"
    assert shown["第4件事"]["properties"]["state"] == "green"  # it has ended
    # Far away, on the other side of the earth, and at its ends.
    for bbox in ("-70,-34,-69,-33", "179.9,89.9,181,91", "-200,-91,-179.9,-89.9"):
        assert points(as_user(town.clerk), bbox=bbox) == []


@pytest.mark.parametrize("bbox", ["", "1,2,3", "a,b,c,d", "nan,0,1,1", "2,2,1,1", "0,0,inf,1", "200,0,210,1"])
def test_what_is_no_window(town, as_user, bbox):
    assert as_user(town.clerk).get("/staff/map/points.json", {"bbox": bbox, "zoom": "12"}).status_code == 400


def test_the_map_and_the_list_share_their_filters(town, moment, as_user, django_assert_max_num_queries):
    scatter(town, moment, 60)
    client = as_user(town.clerk)
    client.get("/staff/map/")
    with django_assert_max_num_queries(8):
        page = client.get("/staff/map/", {"clock": "late", "place": town.community.path}).content.decode()
    assert f"/staff/cases/?clock=late&amp;place={town.community.path}" in page
    assert 'data-center="116.' in page
