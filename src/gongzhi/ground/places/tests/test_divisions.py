"""Division tables: odd codes, editions, refusals."""

from __future__ import annotations

import gzip
from datetime import date

import pytest
from click.testing import CliRunner

from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.actions import full_names, import_divisions, resolve, search
from gongzhi.ground.places.commands import divisions as command
from gongzhi.ground.places.divisions import Row, read_tables, tables_in
from gongzhi.ground.places.models import DivisionImport, FormerName, Place
from gongzhi.ground.places.refused import FileRefused
from gongzhi.ground.refusals import Refusal

pytestmark = pytest.mark.django_db

BASE = {
    "11": "北京市",
    "1101": "市辖区",
    "110108": "海淀区",
    "110108014": "清华园街道",
    **{f"110108014{n:03}": f"第{n}社区居委会" for n in range(1, 11)},
}
FIRST, SECOND = date(2023, 6, 30), date(2024, 6, 30)


def take(table, now, edition=FIRST, **more):
    rows = [Row(path, name) for path, name in table.items()]
    return import_divisions(rows=rows, edition=edition, by=None, now=now, **more)


def everything():
    return list(Place.objects.order_by("path").values())


def write(folder, name, text, encoding="utf-8"):
    file = folder / name
    file.write_bytes(gzip.compress(text.encode(encoding)) if name.endswith(".gz") else text.encode(encoding))
    return file


def test_the_demonstration_has_all_communities_of_two_streets(haidian):
    assert Place.objects.filter(level="village").count() == 37
    assert Place.objects.get(path="110108030208").kind == "villagers"
    assert Place.objects.get(path="110108014001").kind == "residents"
    assert Place.objects.get(path="110108014").parent.path == "110108"


def test_an_import_is_one_entry_and_its_rows_are_version_0(now):
    done = take(BASE, now)
    assert (done.added, done.rows, done.complete) == (14, 14, False)
    entry = Entry.objects.get(event__startswith="places.")
    assert (entry.event, entry.object_id, entry.data["added"]) == ("places.DivisionsImported", done.pk, 14)
    assert set(Place.objects.values_list("version", flat=True)) == {0}


def test_importing_again_changes_nothing(now):
    take(BASE, now)
    before = everything()
    again = take(BASE, now, SECOND, complete="")
    assert (again.unchanged, again.added, again.renamed, again.closed) == (14, 0, 0, 0)
    assert everything() == before


def test_a_rename_is_recorded_and_the_old_name_still_found(now):
    take(BASE, now)
    done = take({**BASE, "110108014003": "荷塘社区居委会"}, now, SECOND)
    place = Place.objects.get(path="110108014003")
    assert (done.renamed, place.name, place.version) == (1, "荷塘社区居委会", 1)
    entry = Entry.objects.get(event="places.PlaceRenamed")
    assert (entry.object_id, entry.seq, bytes(entry.fingerprint)) == (place.pk, 1, place.fingerprint())
    assert "社区" not in str(entry.data)
    assert FormerName.objects.get().name == "第3社区居委会"
    assert search("第3社区") == [place]


def test_a_complete_edition_ends_what_it_lacks_and_a_later_one_brings_it_back(now):
    take(BASE, now)
    grid = Place.objects.create(
        code="g", path="110108014005001", level="grid", kind="base", name="网格",
        parent=Place.objects.get(path="110108014005"),
    )  # fmt: skip
    fewer = {path: name for path, name in BASE.items() if path != "110108014005"}
    assert take(fewer, now, SECOND).closed == 0  # a supplement ends nothing
    done = take(fewer, now, SECOND, complete="110108")
    gone = Place.objects.get(path="110108014005")
    assert (done.closed, gone.valid_to, gone.version) == (1, SECOND, 1)
    assert resolve("110108014005") == gone
    grid.refresh_from_db()
    assert grid.valid_to is None
    back = take(BASE, now, date(2025, 6, 30), complete="110108")
    gone.refresh_from_db()
    assert (back.reopened, back.unchanged, gone.valid_to, gone.version) == (1, 13, None, 2)


def test_an_edition_speaks_only_for_its_own_part(now):
    other = {"12": "天津市", "1201": "市辖区", "120101": "和平区"}
    take({**BASE, **other}, now)
    assert take(BASE, now, SECOND, complete="11").closed == 0
    assert Place.objects.current().count() == 17


def test_an_edition_without_villages_does_not_end_them(now):
    take(BASE, now)
    short = {path: name for path, name in BASE.items() if len(path) < 12}
    assert take(short, now, SECOND, complete="").closed == 0


def test_a_truncated_table_is_refused(now):
    take(BASE, now)
    before = everything()
    half = {path: name for path, name in BASE.items() if path < "110108014004"}
    with pytest.raises(Refusal, match=r"7|十一|五分之一|fifth"):
        take(half, now, SECOND, complete="")
    assert everything() == before
    assert take(half, now, SECOND, complete="", close_many=True).closed == 7


def test_an_older_edition_is_refused(now):
    take(BASE, now, SECOND, complete="")
    with pytest.raises(Refusal):
        take(BASE, now, FIRST, complete="")


@pytest.mark.parametrize("orphan", ["110117001001", "110108999001", "110117001", "120101", "1301"])
def test_a_place_without_the_one_above_is_refused_and_nothing_stays(now, orphan):
    with pytest.raises(FileRefused) as refused:
        take({**BASE, orphan: "无处"}, now)
    assert orphan in str(refused.value)
    assert not Place.objects.exists()
    assert not DivisionImport.objects.exists()


def test_dongguan_has_no_counties_and_reads_well(now, tmp_path):
    table = "code,name\n44,广东省\n4419,东莞市\n441900,东莞市\n441900003,东城街道\n441900003001,岗贝社区居民委员会\n"
    rows = read_tables([write(tmp_path, "x.csv", table)])
    import_divisions(rows=rows, edition=FIRST, by=None, now=now)
    place = Place.objects.get(path="441900003001")
    assert place.parent.parent.path == "441900"
    assert full_names([place]) == {place.path: "广东省 东莞市 东城街道 岗贝社区居民委员会"}


def test_padded_codes_lose_their_zeros(now, tmp_path):
    """Twelve digits as the statistics office prints them, where Dongguan has no line for a county."""
    table = (
        "name,code\n广东省,440000000000\n东莞市,441900000000\n东城街道,441900003000\n岗贝社区居民委员会,441900003001\n"
        "省直辖县级行政区划,429000000000\n湖北省,420000000000\n仙桃市,429004000000\n"
    )
    rows = read_tables([write(tmp_path, "x.csv.gz", table)])
    assert [row.path for row in rows] == ["42", "44", "4290", "4419", "429004", "441900003", "441900003001"]
    import_divisions(rows=rows, edition=FIRST, by=None, now=now)
    assert Place.objects.get(path="441900003").parent.path == "4419"


def test_six_digits_are_padded_only_when_the_table_says_so(tmp_path):
    padded = write(tmp_path, "padded.csv", "code,name\n110000,北京市\n110100,市辖区\n110108,海淀区\n")
    plain = write(tmp_path, "plain.csv", "code,name\n441900,东莞市\n")
    assert [row.path for row in read_tables([padded])] == ["11", "1101", "110108"]
    assert [row.path for row in read_tables([plain])] == ["441900"]


def test_gb18030_and_utf8_with_a_mark_are_read(tmp_path):
    for name, encoding in [("a.csv", "gb18030"), ("b.csv", "utf-8-sig")]:
        rows = read_tables([write(tmp_path, name, "code,name\n11,北京市\n", encoding)])
        assert rows == [Row("11", "北京市")]


def test_a_folder_of_tables_takes_the_whole_village_table(tmp_path):
    write(tmp_path, "provinces.csv", "code,name\n11,北京市\n")
    write(tmp_path, "villages_part.csv", "code,name\n1,x\n")
    write(tmp_path, "villages_2023.csv.gz", "code,name\n" + "".join(f"{n:012},村{n * 7919}\n" for n in range(1000)))
    write(tmp_path, "readme.csv", "nothing")
    assert [file.name for file in tables_in(tmp_path)] == ["provinces.csv", "villages_2023.csv.gz"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "code,name\n",
        "id,title\n11,北京市\n",
        "code,name\n11x,北京市\n",
        "code,name\n110,北京市\n",
        "code,name\n１１,北京市\n",
        "code,name\n11,\n",
        "code,name\n11\n",
        "code,name\n11," + "长" * 61 + "\n",
        "code,name\n11,北\x07京\n",
        "code,name\n11,北京市\n11,南京市\n",
        'code,name\n11,"北京市' + "\x00" * 5 + "\n" + "x" * 200_000,
    ],
)
def test_hostile_tables_are_refused(text, tmp_path):
    with pytest.raises(FileRefused) as refused:
        read_tables([write(tmp_path, "x.csv", text)])
    assert refused.value.status == 422
    assert str(refused.value)


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\xff\x00" * 10)
    (tmp_path / "y.csv.gz").write_bytes(b"not packed")
    for name in ("x.csv", "y.csv.gz"):
        with pytest.raises(FileRefused):
            read_tables([tmp_path / name])


def test_search_narrows_down_from_above(haidian):
    assert [place.path for place in search("清华园 东楼", level="village")] == ["110108014001"]
    assert search("清华园 上庄村") == []
    assert search("东楼", under="110108030") == []
    assert search("110108014")[0].path == "110108014"
    assert search("   ") == []
    assert search("100%") == []
    assert len(search("社区", limit=5)) == 5


def test_the_command_reports_and_refuses_with_an_exit_code(tmp_path):
    good = write(tmp_path, "good.csv", "code,name\n11,北京市\n")
    bad = write(tmp_path, "bad.csv", "code,name\n11,北京市\n13x,河北省\n12,\n")
    runner = CliRunner()
    assert runner.invoke(command, [str(bad)]).exit_code == 1
    assert not Place.objects.exists()
    done = runner.invoke(command, [str(good), "--edition", "2023-06-30"])
    assert (done.exit_code, Place.objects.count()) == (0, 1)
    assert runner.invoke(command, [str(good), "--complete", "abc"]).exit_code == 2
    assert runner.invoke(command, [str(tmp_path / "none.csv")]).exit_code == 2
