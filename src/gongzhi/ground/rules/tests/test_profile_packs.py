"""Packs that are bound to a profile: what holds where, which comes first, and how soon a switch is seen."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection, transaction

from gongzhi.ground.places.actions import set_profile, undo_profile
from gongzhi.ground.places.models import Place, Profile, ProfileChange
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules import in_force
from gongzhi.ground.rules.actions import override, rule, rules_in_force
from gongzhi.ground.rules.in_force import Book
from gongzhi.ground.rules.packs import BrokenPack, packs, read_packs
from gongzhi.ground.rules.reference import rules_as_markdown
from gongzhi.ground.rules.working import Module, flow_of, modules_of, require_module

from .conftest import NOW
from .test_packs import GOOD, a_pack

STREET, HERE = "110108015", "110108015001"
TODAY = date(2026, 6, 1)


def profile(path, value, **more):
    return set_profile(place=Place.objects.get(path=path), profile=value, by=None, now=NOW, **more)


def bound_pack(folder, axes, value, name):
    dated = f"{{from: 2021-01-01, value: {value}, source: {{zh: 甲, en: x}}, verified: true}}"
    rules = f"  - key: cases.x\n    values:\n      - {dated}\n"
    (folder / name).write_text(f"profile: {axes}\nname: {{zh: 甲, en: x}}\nrules:\n{rules}", encoding="utf-8")


def test_general_then_profile_then_place_then_override(tmp_path):
    """The four layers in one book, for every profile."""
    a_pack(tmp_path, GOOD)
    bound_pack(tmp_path, "{land: rural}", 2, "land.yaml")
    bound_pack(tmp_path, "{admin: scarce, organised: low}", 3, "poor.yaml")
    dated = "{from: 2021-01-01, value: 4, source: {zh: 甲, en: x}, verified: true}"
    there = f"\n  - key: cases.x\n    values:\n      - {dated}"
    a_pack(tmp_path, there, place='"33"', name="a_place.yaml")
    book = Book(packs=read_packs(tmp_path), profiles={"11": Profile.SCARCE_LOW_RURAL, "1101": Profile.RICH_HIGH_RURAL,
                "12": Profile.RICH_HIGH_URBAN, "33": Profile.SCARCE_LOW_URBAN})  # fmt: skip

    def at(path, on=TODAY):
        return book.look_up("cases.x", path, on).value

    assert (at(""), at("12"), at("1101"), at("11"), at("33")) == (1, 1, 2, 3, 4)
    assert at("110108015001") == 2  # the nearest place that says a profile
    assert at("11", on=date(2020, 6, 1)) == 1  # before the pack's first day
    found = book.look_up("cases.x", "110199", TODAY)
    assert (found.pack, found.place_path) == ("land", "1101")


@pytest.mark.parametrize(
    ("axes", "says"),
    [
        ("{}", "at least one axis"),
        ("rich", "at least one axis"),
        ("{admin: poor}", "at least one axis"),
        ("{admin: high}", "at least one axis"),
        ("{mood: rich}", "at least one axis"),
        ("{admin: rich}\nplace: ''", "not both"),
    ],
)
def test_a_profile_that_cannot_be_is_named(tmp_path, axes, says):
    a_pack(tmp_path, GOOD)
    bound_pack(tmp_path, axes, 2, "odd.yaml")
    with pytest.raises(BrokenPack, match=says) as broken:
        read_packs(tmp_path)
    assert "odd.yaml" in str(broken.value)


def test_two_packs_that_fit_equally_well_are_refused(tmp_path):
    a_pack(tmp_path, GOOD)
    bound_pack(tmp_path, "{admin: rich}", 2, "a.yaml")
    bound_pack(tmp_path, "{land: rural}", 3, "b.yaml")
    with pytest.raises(BrokenPack, match="equally well"):
        read_packs(tmp_path)


def test_a_profile_pack_describes_no_rules_of_its_own(tmp_path):
    a_pack(tmp_path, GOOD)
    (tmp_path / "odd.yaml").write_text(
        "profile: {admin: rich}\nname: {zh: 甲, en: x}\nrules:" + GOOD.replace("cases.x", "cases.y"), encoding="utf-8"
    )
    with pytest.raises(BrokenPack, match="described elsewhere"):
        read_packs(tmp_path)


@pytest.mark.parametrize("chosen", list(Profile))
def test_the_eight_profiles_that_ship_differ_where_they_should(places, chosen):
    profile(STREET, chosen)
    working = flow_of(HERE, NOW)
    assert working.profile is chosen
    assert working.said_at == STREET
    assert (working.flow == "dispatch", working.uses(Module.DISPATCH_FORMS)) == (chosen.rich, chosen.rich)
    assert working.uses(Module.VALUE_BOARD) is working.uses(Module.CAPABLE_PEOPLE) is (not chosen.rich)
    assert (working.hands == "claims", working.uses(Module.CLAIMS)) == (chosen.organised, chosen.organised)
    assert working.uses(Module.CORRIDOR_CHIEFS) is not chosen.organised
    assert ("building_chief" in working.pass_down) is not chosen.organised
    assert (working.land_words == "city", working.uses(Module.POINTS)) == (chosen.urban, not chosen.urban)
    assert modules_of([HERE, "110105"], NOW) == {*working.modules, *flow_of("110105", NOW).modules}


def test_the_four_governance_packs_use_four_wordings():
    bound = packs().bound["work.words"]
    assert len({dated[0].value for dated in bound.values()}) == 4
    assert set(bound) == set(Profile)


def test_without_a_profile_the_general_rules_hold(places):
    working = flow_of(HERE, NOW)
    assert (working.profile, working.said_at, working.flow) == (None, "", "dispatch")
    require_module(Module.CORRIDOR_CHIEFS, HERE, NOW)
    with pytest.raises(Refusal):
        require_module(Module.VALUE_BOARD, HERE, NOW)


def test_an_override_at_a_place_outweighs_the_profile(places):
    profile(STREET, Profile.RICH_LOW_URBAN)
    override(
        place=places[HERE], key="work.flow", value="values", valid_from=TODAY, reason="trial", by=None, now=NOW
    )  # fmt: skip
    assert flow_of(HERE, NOW).flow == "values"
    assert flow_of(STREET, NOW).flow == "dispatch"
    with pytest.raises(Refusal):
        override(place=None, key="work.modules", value=["magic"], valid_from=TODAY, reason="x", by=None, now=NOW)


def test_a_switch_is_seen_at_once_and_taken_back(places, monkeypatch):
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 3600.0)
    assert flow_of(HERE, NOW).flow == "dispatch"
    profile(HERE, Profile.SCARCE_HIGH_RURAL, reason="山区，干部少")
    assert flow_of(HERE, NOW).flow == "values"
    assert rule("burden.reports_week", path=HERE, on=TODAY) == 4
    lines = {line.key: line for line in rules_in_force(HERE, TODAY)}
    assert (lines["work.flow"].pack, lines["work.flow"].place_path) == ("profile_scarce_high", HERE)
    assert lines["work.flow"].pack_name.en == "Scarce administrative resources, strong self-organisation"
    last = ProfileChange.objects.get()
    assert (last.former, last.profile, last.reason) == ("", "scarce_high_rural", "山区，干部少")
    undo_profile(place=Place.objects.get(path=HERE), change_id=last.pk, by=None, now=NOW)
    assert flow_of(HERE, NOW).profile is None
    with pytest.raises(Refusal):
        undo_profile(place=Place.objects.get(path=HERE), change_id=last.pk, by=None, now=NOW)


def test_a_switch_that_is_rolled_back_changes_nothing(places, monkeypatch):
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 3600.0)
    flow_of(HERE, NOW)
    with transaction.atomic():
        profile(HERE, Profile.SCARCE_HIGH_RURAL)
        assert flow_of(HERE, NOW).flow == "values"
        transaction.set_rollback(True)
    assert flow_of(HERE, NOW).flow == "dispatch"


def test_the_same_process_and_others_see_a_committed_switch(
    places, monkeypatch, django_capture_on_commit_callbacks, django_assert_num_queries
):
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 3600.0)
    flow_of(HERE, NOW)
    with django_capture_on_commit_callbacks(execute=True):
        profile(HERE, Profile.SCARCE_HIGH_RURAL)
    connection.run_on_commit.clear()  # inside a test it would wait on
    assert flow_of(HERE, NOW).flow == "values"
    with django_assert_num_queries(0):
        flow_of(HERE, NOW + timedelta(minutes=1))
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 0.0)  # as another process, after its few seconds
    profile(HERE, Profile.RICH_LOW_RURAL)  # its commit is not told here
    connection.run_on_commit.clear()
    assert flow_of(HERE, NOW).flow == "dispatch"


def test_the_reference_tells_which_profile_a_value_is_for():
    page = rules_as_markdown()
    assert "| profile scarce high | 2000-01-01 | values |" in page
    assert "| profile rural | 2000-01-01 | points |" in page


@pytest.mark.parametrize("wrong", [{"profile": "poor"}, {"reason": "x" * 201}, {"reason": "a\x00"}, {"profile": ""}])
def test_what_is_refused_changes_nothing(places, wrong):
    given = {"profile": "rich_low_urban", "reason": "", **wrong}
    with pytest.raises(Refusal):
        set_profile(place=places[HERE], by=None, now=NOW, **given)
    assert not ProfileChange.objects.exists()
