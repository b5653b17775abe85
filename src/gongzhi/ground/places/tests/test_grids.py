"""Grids: import, look-up, refusals, the index's freshness."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from django.db import connection, transaction

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places import grid_index
from gongzhi.ground.places.actions import (
    draw_boundary,
    grid_at,
    import_grids,
    map_layer,
    merge_places,
    nearest_grid,
    resolve,
)
from gongzhi.ground.places.cells import metres
from gongzhi.ground.places.commands import grids as command
from gongzhi.ground.places.models import Boundary, GridImport, Place
from gongzhi.ground.places.refused import FileRefused
from gongzhi.ground.places.tests.polygons import collection, feature, square
from gongzhi.ground.refusals import Refusal

LON, LAT = 116.40, 40.05  # free land, away from the demonstration's grids


def take(now, *features, **more):
    return import_grids(data=collection(*features), source="试验", by=None, now=now, **more)


def state():
    return [list(model.objects.order_by("pk").values()) for model in (Place, Boundary, GridImport, Entry)]


def test_the_demonstration_covers_its_map_without_overlap(haidian):
    layer = map_layer(["110108014"])
    assert len(layer["features"]) == 16
    assert all(item["properties"]["demonstration"] for item in layer["features"])
    assert len(map_layer(["110108030"])["features"]) == 12
    assert len(map_layer()["features"]) == 28
    json.dumps(layer, allow_nan=False)
    steps = [n / 20 for n in range(1, 20)]
    for x in steps:
        for y in steps:
            assert grid_at(116.3084 + x * 0.0236, 39.9905 + y * 0.0218) is not None
    found = grid_at(116.3250, 40.0045)
    assert (found.parent.name, found.level) == ("东楼社区居委会", "grid")
    assert grid_at(116.21, 40.11).path.startswith("110108030")


def test_a_lookup_costs_one_question(haidian, django_assert_num_queries):
    grid_at(116.32, 40.0)
    with django_assert_num_queries(1):
        assert grid_at(116.32, 40.0) is not None
    with django_assert_num_queries(1):
        assert grid_at(100.0, 30.0) is None


@pytest.mark.parametrize("point", [(float("nan"), 40), (116, float("inf")), (1e308, 40), (200, 40), (116, 95)])
def test_no_point_is_in_no_grid(haidian, point):
    assert grid_at(*point) is None
    assert nearest_grid(*point) is None


def test_on_a_shared_border_the_lowest_id_counts(haidian, now):
    take(now, feature("west", square(LON, LAT)), feature("east", square(LON + 0.001, LAT)))
    assert grid_at(LON + 0.001, LAT + 0.0005).code == "west"
    assert grid_at(LON + 0.0011, LAT + 0.0005).code == "east"
    assert grid_at(LON, LAT).code == "west"  # a corner belongs to it


def test_a_special_grid_comes_first_and_a_micro_grid_last(haidian, now):
    take(
        now,
        feature("micro", square(LON, LAT, 0.0002), kind="微网格"),
        feature("base", square(LON, LAT, 0.002)),
        feature("special", square(LON + 0.001, LAT + 0.001, 0.0005), kind="special"),
    )
    assert grid_at(LON + 0.0001, LAT + 0.0001).code == "base"
    assert grid_at(LON + 0.0012, LAT + 0.0012).code == "special"


def test_outside_the_nearest_grid_is_proposed_with_its_distance(haidian, now):
    take(now, feature("here", square(LON, LAT)))
    place, away = nearest_grid(LON + 0.003, LAT + 0.0005)
    assert place.code == "here"
    assert away == pytest.approx(metres(LON + 0.003, LAT + 0.0005, LON + 0.001, LAT + 0.0005), rel=0.002)
    assert nearest_grid(LON + 0.0005, LAT + 0.0005)[1] == 0
    assert nearest_grid(LON + 0.003, LAT + 0.0005, within=100) is None
    assert nearest_grid(87.6, 43.8) is None


def test_the_code_is_the_path_when_it_can_be_and_a_serial_otherwise(haidian, now):
    take(
        now,
        feature("110108014001077", square(LON, LAT)),
        feature("TH-1", square(LON + 0.002, LAT)),
        feature("TH-2", square(LON + 0.004, LAT)),
    )
    found = dict(Place.objects.filter(parent__path="110108014001").values_list("code", "path"))
    assert found["110108014001077"] == "110108014001077"
    assert found["TH-1"] == "110108014001078"
    assert found["TH-2"] == "110108014001079"


def test_importing_again_changes_nothing_and_redrawing_keeps_the_old_shape(haidian, now):
    first = feature("a", square(LON, LAT))
    take(now, first)
    places, boundaries = list(Place.objects.values()), list(Boundary.objects.values())
    again = take(now, first)
    assert (again.added, again.redrawn, again.unchanged) == (0, 0, 1)
    assert (list(Place.objects.values()), list(Boundary.objects.values())) == (places, boundaries)
    moved = take(now, feature("a", square(LON + 0.01, LAT), name="新名"))
    assert moved.redrawn == 1
    assert grid_at(LON + 0.0005, LAT + 0.0005) is None
    place = grid_at(LON + 0.0105, LAT + 0.0005)
    assert (place.name, place.boundaries.count(), place.boundaries.filter(valid_to=None).count()) == ("新名", 2, 1)
    for row in [place, *place.boundaries.all()]:
        last = Entry.objects.about(row).last()
        assert (last.seq, bytes(last.fingerprint)) == (row.version, row.fingerprint())


def test_gcj02_is_converted_once(haidian, now):
    take(now, feature("a", square(LON, LAT)), system="gcj02")
    assert grid_at(LON + 0.0005, LAT + 0.0005) is None
    assert nearest_grid(LON + 0.0005, LAT + 0.0005)[1] > 300


def bow(lon, lat):
    return [[lon, lat], [lon + 0.001, lat + 0.001], [lon + 0.001, lat], [lon, lat + 0.001], [lon, lat]]


def raw(text):
    return text.encode()


BAD = feature("x", square(LON, LAT))


def with_geometry(geometry):
    return collection({**BAD, "geometry": geometry})


HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "binary": b"\x89PNG\r\n\x1a\n\x00",
    "deep": b'{"type":"FeatureCollection","features":' + b"[" * 100_000,
    "not a collection": raw(json.dumps(BAD)),
    "no features": collection(),
    "features are text": b'{"type":"FeatureCollection","features":"x"}',
    "10 MB": collection(BAD) + b" " * 10_000_000,
    "a feature is null": b'{"type":"FeatureCollection","features":[null]}',
    "another system": collection(BAD).replace(b"{", b'{"crs":{"type":"name","properties":{"name":"EPSG:3857"}},', 1),
    "not a number": raw(collection(BAD).decode().replace(str(LAT), "NaN", 1)),
    "infinite": raw(collection(BAD).decode().replace(str(LAT), "1e999", 1)),
    "huge": collection(feature("x", square(1e300, 1e300))),
    "huge integer": raw(collection(BAD).decode().replace(str(LAT), "9" * 5000, 1)),
    "text": raw(collection(BAD).decode().replace(str(LAT), '"40"', 1)),
    "boolean": raw(collection(BAD).decode().replace(str(LAT), "true", 1)),
    "abroad": collection(feature("x", square(2.35, 48.85))),
    "wrong way round": collection(feature("x", [[lat, lon] for lon, lat in square(LON, LAT)])),
    "crosses itself": collection(feature("x", bow(LON, LAT))),
    "open ring": collection(feature("x", square(LON, LAT)[:-1])),
    "three points": collection(feature("x", square(LON, LAT)[:2] + square(LON, LAT)[:1])),
    "a point of one number": collection(feature("x", [[LON], *square(LON, LAT)[1:]])),
    "no area": collection(feature("x", [[LON, LAT]] * 5)),
    "tiny": collection(feature("x", square(LON, LAT, 0.000001))),
    "a point": with_geometry({"type": "Point", "coordinates": [LON, LAT]}),
    "no geometry": with_geometry(None),
    "no coordinates": with_geometry({"type": "Polygon"}),
    "polygons of text": with_geometry({"type": "MultiPolygon", "coordinates": "abc"}),
    "polygon of a map": with_geometry({"type": "Polygon", "coordinates": {"a": 1}}),
    "no rings": with_geometry({"type": "Polygon", "coordinates": []}),
    "empty ring": with_geometry({"type": "MultiPolygon", "coordinates": [[[]]]}),
    "no properties": collection({**BAD, "properties": None}),
    "no code": collection(feature("", square(LON, LAT))),
    "no name": collection(feature("x", square(LON, LAT), name="")),
    "a name of objects": collection(feature("x", square(LON, LAT), name={"$ne": ""})),
    "unknown kind": collection(feature("x", square(LON, LAT), kind="circle")),
    "unknown village": collection(feature("x", square(LON, LAT), village="990108014001")),
    "a street for a village": collection(feature("x", square(LON, LAT), village="110108014")),
    "twice": collection(feature("x", square(LON, LAT)), feature("x", square(LON + 1, LAT))),
    "overlap inside": collection(feature("x", square(LON, LAT)), feature("y", square(LON + 0.0005, LAT))),
    "overlap with one in force": collection(feature("x", square(116.32, 40.0))),
    "the code of a village": collection(feature("110108014001", square(LON, LAT))),
    "a grid of another village": collection(feature("110108014002001", square(LON, LAT))),
    "one good, one bad": collection(feature("x", square(LON, LAT)), feature("y", bow(LON + 0.01, LAT))),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_and_change_nothing(haidian, now, name):
    before = state()
    with pytest.raises(FileRefused) as refused:
        import_grids(data=HOSTILE[name], source="试验", by=None, now=now)
    assert refused.value.status == 422
    assert all(fault.reason for fault in refused.value.faults)
    assert state() == before


def test_every_faulty_feature_is_named(haidian, now):
    with pytest.raises(FileRefused) as refused:
        take(
            now,
            feature("a", square(LON, LAT)),
            feature("b", bow(LON + 0.1, LAT)),
            feature("c", square(LON + 0.2, LAT), kind="?"),
        )
    assert [fault.row for fault in refused.value.faults] == [2, 3]


def test_a_pile_of_equal_polygons_is_refused_soon(haidian, now):
    with pytest.raises(FileRefused) as refused:
        take(now, *(feature(f"g{n}", square(LON, LAT)) for n in range(2000)))
    assert len(refused.value.faults) == 100


def test_a_grid_stays_inside_its_village(haidian, now):
    village = Place.objects.get(path="110108014001")
    outline = {"type": "Polygon", "coordinates": [square(LON, LAT, 0.002)]}
    draw_boundary(place=village, geometry=outline, source="试验", by=None, now=now)
    take(now, feature("in", square(LON, LAT)))
    with pytest.raises(FileRefused):
        take(now, feature("out", square(LON + 0.0015, LAT)))
    with pytest.raises(Refusal):
        draw_boundary(place=village, geometry={"type": "Polygon", "coordinates": []}, source="", by=None, now=now)


def test_merged_grids_become_one_and_the_old_path_resolves(haidian, now):
    take(
        now,
        feature("a", square(LON, LAT)),
        feature("b", square(LON + 0.001, LAT)),
        feature("c", square(LON, LAT + 0.001)),
    )
    a, b, c = (Place.objects.get(code=code) for code in "abc")
    merge_places(old=a, into=b, by=None, now=now)
    assert grid_at(LON + 0.0005, LAT + 0.0005) == b
    assert resolve(a.path) == b
    b.refresh_from_db()
    merge_places(old=b, into=c, by=None, now=now)
    assert resolve(a.path) == c
    assert Entry.objects.filter(event="places.PlaceMerged").count() == 2
    c.refresh_from_db()
    for old, into in [(c, c), (c, Place.objects.get(path="110108")), (b, c)]:
        with pytest.raises(Refusal):
            merge_places(old=old, into=into, by=None, now=now)
    assert resolve("110108999") is None


def test_a_change_that_is_rolled_back_leaves_the_index_right(haidian, now):
    assert grid_at(LON + 0.0005, LAT + 0.0005) is None
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        take(now, feature("a", square(LON, LAT)))
        assert grid_at(LON + 0.0005, LAT + 0.0005).code == "a"
        raise ZeroDivisionError
    assert grid_at(LON + 0.0005, LAT + 0.0005) is None
    assert nearest_grid(LON + 0.0005, LAT + 0.0005) is None
    take(now, feature("b", square(LON, LAT)))
    assert grid_at(LON + 0.0005, LAT + 0.0005).code == "b"


def test_an_index_that_another_process_overtook_is_built_anew(haidian, now):
    """As seen by a process that built its index before the change."""
    take(now, feature("a", square(LON, LAT)))
    assert grid_at(LON + 0.0005, LAT + 0.0005).code == "a"
    old = (dict(grid_index._indexes), grid_index._latest)
    take(now, feature("a", square(LON + 0.01, LAT)), feature("b", square(LON, LAT)))
    for point, code in [((LON + 0.0005, LAT + 0.0005), "b"), ((LON + 0.0105, LAT + 0.0005), "a")]:
        grid_index._indexes.clear()
        grid_index._indexes.update(old[0])
        grid_index._latest = old[1]
        assert grid_at(*point).code == code
    grid_index._indexes.clear()
    grid_index._indexes.update(old[0])
    assert nearest_grid(LON + 0.0005, LAT + 0.0005)[0].code == "b"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_another_process_sees_the_change(now, transactional_db):
    from gongzhi.ground.places.demonstration import load_demonstration

    load_demonstration(now=now)
    if connection.vendor == "sqlite" and "memory" in str(connection.settings_dict["NAME"]):
        pytest.skip("a database in memory belongs to one process")
    script = (
        "import django, sys; from django.conf import settings; settings.DATABASES['default']['NAME'] = sys.argv[1];"
        "django.setup(); from gongzhi.ground.places.actions import grid_at\n"
        "for line in iter(sys.stdin.readline, ''):\n"
        "    x, y = line.split(); print(getattr(grid_at(float(x), float(y)), 'code', None), flush=True)\n"
    )
    name = str(connection.settings_dict["NAME"])
    with subprocess.Popen(
        [sys.executable, "-c", script, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:

        def ask() -> str:
            print(LON + 0.0005, LAT + 0.0005, file=other.stdin, flush=True)
            return other.stdout.readline().strip()

        assert ask() == "None"
        take(now, feature("a", square(LON, LAT)))
        assert ask() == "a"
        other.stdin.close()


def test_the_command_reports_and_refuses_with_an_exit_code(haidian, tmp_path):
    good, bad = tmp_path / "good.geojson", tmp_path / "bad.geojson"
    good.write_bytes(collection(feature("a", square(LON, LAT))))
    bad.write_bytes(HOSTILE["crosses itself"])
    runner = CliRunner()
    assert runner.invoke(command, [str(bad), "--source", "x"]).exit_code == 1
    assert runner.invoke(command, [str(good)]).exit_code == 2  # who drew it must be said
    done = runner.invoke(command, [str(good), "--source", "街道办事处"])
    assert done.exit_code == 0
    assert grid_at(LON + 0.0005, LAT + 0.0005).code == "a"
