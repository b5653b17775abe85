"""Laws of the small calculations."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.ground.places import cells, coordinates, paths
from gongzhi.ground.places.models import Place

digits = st.text(alphabet="0123456789", min_size=1, max_size=18)
lons = st.floats(-180, 180)
lats = st.floats(-90, 90)


@given(path=digits, others=st.lists(digits, max_size=20))
def test_below_means_the_same_as_starts_with(path, others):
    bound = paths.successor(path)
    for other in [*others, path, path + "0", path + "999"]:
        in_range = other >= path and (not bound or other < bound)
        assert in_range == other.startswith(path)


@given(path=digits)
def test_the_successor_is_the_smallest_string_behind(path):
    bound = paths.successor(path)
    assert (bound == "") == (set(path) == {"9"})
    assert not bound or (path < bound and not bound.startswith(path))


@pytest.mark.django_db
def test_below_asks_the_database_the_same(haidian):
    everything = list(Place.objects.values_list("path", flat=True))
    for path in ["", "1", "11", "110108014", "1101080140", "110108014009", "110108030999", "9", "99"]:
        found = Place.objects.below(path).values_list("path", flat=True)
        assert sorted(found) == sorted(p for p in everything if p.startswith(path))


@pytest.mark.parametrize("text", ["a", "11'", "１１", "-1", "11 "])
def test_below_refuses_what_is_not_digits(text):
    with pytest.raises(ValueError, match="no path"):
        paths.below(text)


def test_ancestors_go_up_to_the_province():
    assert paths.ancestors("110108014001005") == [
        "110108014001005", "110108014001", "110108014", "110108", "1101", "11",
    ]  # fmt: skip
    assert paths.ancestors("") == []
    assert paths.parent_of("110108014") == "110108"
    assert paths.parent_of("11") == ""
    assert paths.level_of("441900003") == "town"
    with pytest.raises(ValueError, match="no path"):
        paths.level_of("110")


@given(
    lon=lons, lat=st.floats(-85, 85), metres=st.floats(0, 3000), angle=st.floats(0, 2 * math.pi), part=st.floats(0, 1)
)
def test_cells_around_hold_every_point_within_the_radius(lon, lat, metres, angle, part):
    step = metres * part / cells.EARTH
    north = math.radians(lat)
    new = math.asin(math.sin(north) * math.cos(step) + math.cos(north) * math.sin(step) * math.cos(angle))
    turn = math.atan2(
        math.sin(angle) * math.sin(step) * math.cos(north), math.cos(step) - math.sin(north) * math.sin(new)
    )
    there = ((lon + math.degrees(turn) + 540) % 360 - 180, math.degrees(new))
    if cells.metres(lon, lat, *there) <= metres:
        assert cells.cell_of(*there) in cells.cells_around(lon, lat, metres)


def test_cells_are_a_raster_of_a_quarter_hundredth():
    here = cells.cell_of(116.3201, 40.0001)
    assert here == cells.cell_of(116.3224, 40.0024)
    assert cells.cell_of(116.3226, 40.0001) == here + 1
    assert cells.cell_of(116.3201, 40.0026) == here + cells.COLUMNS
    assert len(cells.cells_around(116.32, 40.0, 500)) < 40
    with pytest.raises(ValueError, match="too wide"):
        cells.cells_around(116.32, 40.0, 500_000)
    with pytest.raises(ValueError, match="not a longitude"):
        cells.cell_of(math.nan, 40.0)


def test_metres():
    assert cells.metres(116, 40, 116, 41) == pytest.approx(111_195, abs=1)
    assert cells.metres(116, 40, 116, 40) == 0
    assert cells.metres(-179.9, 0, 179.9, 0) == pytest.approx(22_239, abs=1)


mainland = {"lon": st.floats(80, 113), "lat": st.floats(26, 42)}


@given(**mainland)
def test_gcj02_and_back_is_the_same_point_within_a_millimetre(lon, lat):
    there = coordinates.gcj02_from_wgs84(lon, lat)
    assert 10 < cells.metres(lon, lat, *there) < 800
    assert cells.metres(lon, lat, *coordinates.wgs84_from_gcj02(*there)) < 0.001


@given(**mainland)
def test_bd09_and_back_is_the_same_point_within_a_millimetre(lon, lat):
    there = coordinates.bd09_from_wgs84(lon, lat)
    assert cells.metres(lon, lat, *coordinates.wgs84_from_bd09(*there)) < 0.001


@pytest.mark.parametrize(
    "place",
    [(114.17, 22.28), (113.545, 22.19), (121.56, 25.03), (139.7, 35.7), (-3.7, 40.4), (-74.0, 40.7)],
    ids=["Hong Kong", "Macau", "Taipei", "Tokyo", "Madrid", "New York"],
)
def test_nothing_is_shifted_outside_the_mainland(place):
    assert coordinates.gcj02_from_wgs84(*place) == place
    assert coordinates.wgs84_from_gcj02(*place) == place


def test_the_shift_in_beijing_is_the_published_one():
    """Tian'anmen: WGS-84 116.39123, 39.90733 is drawn at 116.39747, 39.90873 on shifted maps."""
    there = coordinates.gcj02_from_wgs84(116.39123, 39.90733)
    assert cells.metres(*there, 116.39747, 39.90873) < 5
    with pytest.raises(ValueError, match="mars"):
        coordinates.to_wgs84(116.4, 39.9, "mars")
