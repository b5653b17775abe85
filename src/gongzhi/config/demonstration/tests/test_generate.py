from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median, quantiles

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gongzhi.config.demonstration import generate
from gongzhi.config.demonstration.catalogue import categories
from gongzhi.config.demonstration.chance import Spread, dice
from gongzhi.config.demonstration.generate import DemoCase, Outcome, Stage, StepKind, cases, holder, people, staff
from gongzhi.config.demonstration.ground import grids, places
from gongzhi.config.demonstration.writing import texts
from gongzhi.ground.access.roles import Role
from gongzhi.sense.channels.models import LONGEST_TEXT, AnswerBy, Channel

NOW = datetime(2026, 7, 15, 10, 30, tzinfo=generate.ZONE)
DEADLINE = {one.code: one.deadline for one in categories()}


@pytest.fixture(scope="module")
def year() -> list[DemoCase]:
    return list(cases(7, now=NOW))


@pytest.fixture(scope="module")
def many() -> list[DemoCase]:
    return list(cases(8, now=NOW, count=6000))


def close(value: float, wanted: float, tolerance: float) -> bool:
    return abs(value - wanted) <= wanted * tolerance


# -- Repeatable --------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_year() -> None:
    first, again = (list(cases(3, now=NOW, count=150)) for _ in range(2))
    assert first == again
    assert list(cases(4, now=NOW, count=150)) != first
    assert people(3) == people(3) != people(4)
    assert staff(3) == staff(3) != staff(4)


def test_the_first_demands_are_known_for_good() -> None:
    """Guards against a change of the dice by accident: the text of a seed is part of tutorials and screenshots."""
    some = list(cases(1, now=NOW, count=40))
    assert [one.key for one in some[:2]] == ["demo-1-000001", "demo-1-000002"]
    assert len({one.text for one in some}) == 40


def test_a_naive_clock_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        next(cases(1, now=datetime(2026, 7, 15)))  # noqa: DTZ001 (that is the point)


# -- Nobody real -------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_nobody_can_exist(seed: int) -> None:
    for one in people(seed, 60):
        assert re.fullmatch(r"\d{17}[\dX]", one.identity_number)
        assert int(one.identity_number[10:12]) > 12
    phones = [one.phone for one in (*people(seed, 60), *staff(seed))]
    assert len(set(phones)) == len(phones)
    for phone in phones:
        assert len(phone) == 11
        assert not re.match(r"1[3-9]", phone)  # no mobile number
        assert not re.match(r"0|11|12|9[56]|400|800|100[0-2]|1005|1008|1009", phone)  # no area, emergency, hotline


def test_identity_numbers_are_right_but_for_the_month() -> None:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    for one in people(5, 200):
        total = sum(int(digit) * weight for digit, weight in zip(one.identity_number, weights, strict=False))
        assert one.identity_number[17] == "10X98765432"[total % 11]


def test_no_text_carries_a_number_of_a_person(many: list[DemoCase]) -> None:
    for one in many:
        for text in (one.text, one.address, *(step.words for step in one.steps)):
            assert not re.search(r"\d{5}", text), text
            assert not re.search(r"[{}@]", text), text


# -- Places and staff --------------------------------------------------------------------------------------------


def test_every_community_has_grids_of_its_own() -> None:
    for place in places():
        assert place.grids
        assert all(grid.code[:12] == place.code for grid in place.grids)
    assert len({grid.code for grid in grids()}) == len(grids()) == 28
    assert abs(sum(place.weight for place in places()) - 1) < 1e-9


def test_every_role_has_somebody_and_every_grid_its_worker() -> None:
    team = staff(1)
    assert {one.role for one in team} == set(Role.values)
    assert {one.place_code for one in team if one.role == "grid_worker"} == {grid.code for grid in grids()}
    assert len({one.username for one in team}) == len(team)
    assert {one.role for one in team if one.front} == set(Role.values)
    assert sum(one.front for one in team) <= 24
    assert {one.department for one in team} >= {"city_management", "water"}


def test_the_holder_is_the_nearest() -> None:
    team = staff(1)
    grid = grids()[0]
    worker = holder(team, "grid_worker", grid.code)
    assert worker is not None
    assert worker.place_code == grid.code
    clerk = holder(team, "street_clerk", grid.code)
    assert clerk is not None
    assert clerk.place_code == "110108014000"
    officer = holder(team, "department_officer", grid.code, department="water")
    assert officer is not None
    assert officer.department == "water"
    assert holder(team, "street_clerk", "110105001000") is None


# -- What is said ------------------------------------------------------------------------------------------------


def test_channels(many: list[DemoCase]) -> None:
    shares = Counter(one.channel for one in many)
    assert set(shares) <= set(Channel.values)
    for channel, share in generate.CHANNELS.items():
        assert abs(shares[channel] / len(many) - share) < 0.03
    assert {one.answer_by for one in many} == {AnswerBy.LINK, AnswerBy.PHONE, AnswerBy.NONE}


def test_lengths_are_those_of_real_mailboxes(many: list[DemoCase]) -> None:
    written = [len(one.text) for one in many if one.channel in ("web", "import")]
    assert close(median(written), 190, 0.10)
    assert 1800 < max(written) <= 3120
    assert max(written) <= LONGEST_TEXT
    noted = [len(one.text) for one in many if one.channel == "phone"]
    assert 55 <= median(noted) <= 85
    assert sum(30 <= length <= 120 for length in noted) / len(noted) > 0.9


def test_answers_are_as_long_as_real_ones(many: list[DemoCase]) -> None:
    answers = [
        len(step.words)
        for one in many
        if one.channel in ("web", "import")
        for step in one.steps
        if step.kind is StepKind.REPORTED_DONE
    ]
    assert close(median(answers), 269, 0.10)


def test_texts_vary(year: list[DemoCase]) -> None:
    assert len({one.text for one in year}) > 0.97 * len(year)
    written = [one.text for one in year if one.channel == "web"]
    for text in written:
        sentences = [part for part in text.split("。") if len(part) > 12 and "月" not in part]
        assert len(set(sentences)) == len(sentences), text


def test_details_marked_for_an_opening_name_one_that_exists() -> None:
    for code, leaf in texts()["leaves"].items():
        for sentence in leaf["more"]:
            if sentence.startswith("@"):
                assert 1 <= int(sentence[1 : sentence.index(" ")]) <= len(leaf["say"]), (code, sentence)


def test_villages_have_no_lifts_and_towns_no_fields(many: list[DemoCase]) -> None:
    urban = {place.code: place.urban for place in places()}
    for one in many:
        if urban[one.community_code]:
            assert not one.category.startswith("rural."), one.key
        else:
            assert not re.search("电梯|楼道|单元", one.text), one.text


# -- When and how fast -------------------------------------------------------------------------------------------


def test_the_week_and_the_day_have_their_rhythm(many: list[DemoCase]) -> None:
    weekdays = Counter(one.received_at.weekday() for one in many)
    assert weekdays[0] > weekdays[2] > weekdays[6]
    hours = Counter(one.received_at.hour for one in many)
    assert {hour for hour, _number in hours.most_common(4)} == {9, 10, 15, 16}
    assert hours[3] < hours[10] / 10
    assert [one.received_at for one in many] == sorted(one.received_at for one in many)
    assert all(NOW - timedelta(days=365) <= one.received_at < NOW for one in many)


def test_the_seasons(many: list[DemoCase]) -> None:
    def months(prefix: str) -> Counter[int]:
        return Counter(one.received_at.month for one in many if one.category.startswith(prefix))

    heating = months("supply.heating")
    assert sum(heating[month] for month in (11, 12, 1, 2, 3)) > 0.9 * sum(heating.values())
    wet = months("safety.flooding")
    assert sum(wet[month] for month in (6, 7, 8)) > 0.7 * sum(wet.values())
    bugs = months("environment.pests")
    assert sum(bugs[month] for month in (5, 6, 7, 8, 9)) > 0.6 * sum(bugs.values())


def handled(many: list[DemoCase], *deadlines: str) -> list[float]:
    """Days to "done" of demands old enough that hardly any is cut off by now."""
    old = [one for one in many if NOW - one.received_at > timedelta(days=120)]
    return [
        one.handling / timedelta(days=1)
        for one in old
        if one.handling is not None and DEADLINE[one.category].removeprefix("cases.deadline.") in deadlines
    ]


@pytest.mark.slow
def test_complex_matters_take_as_long_as_measured() -> None:
    """Drawn from enough demands that chance moves the median by a few percent only."""
    days = handled(list(cases(9, now=NOW, count=12_000)), "complex", "dispute")
    tenths = quantiles(days, n=10)
    assert close(median(days), 11.2, 0.12)
    assert close(tenths[0], 1.9, 0.20)
    assert close(tenths[8], 41, 0.20)
    assert abs(sum(day <= 5 for day in days) / len(days) - 0.26) < 0.05
    assert abs(sum(day <= 15 for day in days) / len(days) - 0.62) < 0.05


def test_what_a_grid_settles_takes_hours(many: list[DemoCase]) -> None:
    assert median(handled(many, "litter", "road_cleaning")) * 24 < 8
    assert median(handled(many, "emergency")) * 24 < 2
    assert median(handled(many, "utilities")) * 24 < 24
    assert 1 < median(handled(many, "ordinary")) < 5


def test_the_measured_spread_has_its_percentiles() -> None:
    spread = Spread.of_percentiles(1.9, 11.2, 41)
    die = dice(1, "spread")
    tenths = quantiles([spread.draw(die) for _ in range(20_000)], n=10)
    assert close(tenths[0], 1.9, 0.06)
    assert close(tenths[4], 11.2, 0.06)
    assert close(tenths[8], 41, 0.06)


# -- How it goes on ----------------------------------------------------------------------------------------------


def test_outcomes(many: list[DemoCase]) -> None:
    ended = [one for one in many if one.outcome is not Outcome.OPEN]
    shares = Counter(one.outcome for one in ended)
    for outcome, share in generate.OUTCOMES.items():
        assert abs(shares[outcome] / len(ended) - share) < 0.025, outcome


def test_steps_are_in_order_and_before_now(many: list[DemoCase]) -> None:
    for one in many:
        moments = [one.received_at, *(step.at for step in one.steps)]
        assert all(before < after for before, after in pairwise(moments)), one.key
        assert moments[-1] < NOW


def test_steps_tell_a_story_that_the_rooms_allow(many: list[DemoCase]) -> None:
    allowed = {
        None: {StepKind.SORTED, StepKind.WITHDRAWN},
        StepKind.SORTED: {StepKind.ACCEPTED, StepKind.SENT_BACK, StepKind.WITHDRAWN},
        StepKind.SENT_BACK: {StepKind.PASSED_ON},
        StepKind.PASSED_ON: {StepKind.ACCEPTED},
        StepKind.ACCEPTED: {StepKind.NOTED, StepKind.REPORTED_DONE, StepKind.WITHDRAWN},
        StepKind.NOTED: {StepKind.NOTED, StepKind.REPORTED_DONE, StepKind.WITHDRAWN},
        StepKind.REPORTED_DONE: {StepKind.HELPED, StepKind.NOT_HELPED, StepKind.NOT_REACHED, StepKind.VERIFIED},
        StepKind.NOT_HELPED: {StepKind.REOPENED},
        StepKind.REOPENED: {StepKind.ACCEPTED},
        StepKind.NOT_REACHED: {StepKind.NOT_REACHED, StepKind.UNREACHABLE},
        StepKind.HELPED: {StepKind.CLOSED},
        StepKind.UNREACHABLE: {StepKind.CLOSED},
        StepKind.VERIFIED: {StepKind.CLOSED},
        StepKind.CLOSED: set(),
        StepKind.WITHDRAWN: set(),
    }
    for one in many:
        before: StepKind | None = None
        for step in one.steps:
            assert step.kind in allowed[before], (one.key, before, step.kind)
            before = step.kind


def test_nobody_verifies_the_own_work(many: list[DemoCase]) -> None:
    for one in many:
        doers = {step.role for step in one.steps if step.kind is StepKind.REPORTED_DONE}
        checkers = {step.role for step in one.steps if step.kind is StepKind.VERIFIED}
        assert not doers & checkers, one.key
        assert doers <= {one.responsible}


def test_who_cannot_be_asked_is_not_asked(many: list[DemoCase]) -> None:
    for one in many:
        if one.answer_by == "none":
            assert one.reporter is None
            assert not any(step.kind in (StepKind.HELPED, StepKind.NOT_HELPED) for step in one.steps), one.key


@pytest.mark.parametrize("seed", [7, 8, 2026])
def test_the_last_month_has_something_in_every_stage(seed: int) -> None:
    recent = [one for one in cases(seed, now=NOW) if NOW - one.received_at <= timedelta(days=30)]
    stages = Counter(one.stage for one in recent)
    assert set(stages) >= set(Stage) - {Stage.WITHDRAWN}
    still_open = [one for one in recent if one.outcome is Outcome.OPEN]
    assert 0.2 < len(still_open) / len(recent) < 0.55
    # Roughly, in natural hours: what the packs say in working time is counted by the rules room.
    limit = {"emergency": 2, "utilities": 24, "consult": 24, "litter": 14, "road_cleaning": 15, "complex": 360}
    late = [
        one
        for one in still_open
        if (NOW - one.received_at) / timedelta(hours=1) > limit.get(DEADLINE[one.category].split(".")[-1], 168)
    ]
    assert 0.15 < len(late) / len(still_open) < 0.85


def test_the_queue_without_a_grid_has_somebody(year: list[DemoCase]) -> None:
    outside = [one for one in year if one.point and not one.grid_code]
    assert 0.005 < len(outside) / len(year) < 0.05
    for one in outside:
        assert one.point is not None
        assert not any(shapely.intersects_xy(grid.shape, *one.point) for grid in grids())
    assert any(one.point is None for one in year)


def test_points_lie_in_their_grid(year: list[DemoCase]) -> None:
    shapes = {grid.code: grid.shape for grid in grids()}
    for one in year:
        if one.grid_code:
            assert one.point is not None
            assert [code for code, shape in shapes.items() if shapely.intersects_xy(shape, *one.point)] == [
                one.grid_code
            ]
