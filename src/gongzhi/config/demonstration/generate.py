"""The demonstration's people, staff and a year of demands: invented, varied and repeatable from a seed.

Nothing here touches the database. A loader takes what these functions give and calls the rooms' actions with it:

* ``ground.places()`` / ``ground.grids()``: where it plays (see ``ground.py``);
* ``staff(seed)``: who works there, every role at least once;
* ``people(seed)``: residents with impossible telephone and identity numbers;
* ``cases(seed, now=...)``: demands in order of arrival, each with the steps that followed up to ``now``.

Lengths and handling times follow figures measured on real municipal mailboxes; see ``writing.py`` and ``HANDLING``.
"""

from __future__ import annotations

import csv
import enum
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from gongzhi.config.demonstration.catalogue import Category, categories, read_yaml, responsible_role
from gongzhi.config.demonstration.chance import Spread, chance, dice, pick
from gongzhi.config.demonstration.ground import FOLDER, DemoPlace, beyond, places
from gongzhi.config.demonstration.writing import Scene, answer, demand, phrase, scene, texts, under

ZONE = ZoneInfo("Asia/Shanghai")
DISTRICT = "110108000000"

# Eleven digits like a mobile number, but those begin with 13 to 19; and no hotline is a prefix of it (10000 is one).
PHONE_PREFIX = "1003333"
# An identity number names the month of birth in its digits 11 and 12; there is no month 13.
IMPOSSIBLE_MONTH = "13"


# -- People ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """A resident who does not exist."""

    key: str  # stable for a seed: "person-0001"
    name: str
    phone: str  # cannot be dialled
    identity_number: str  # right check digit, impossible month
    birth_year: int
    community_code: str


@functools.cache
def _surnames() -> tuple[tuple[str, ...], tuple[int, ...]]:
    with (FOLDER / "surnames.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(row["surname"] for row in rows), tuple(int(row["frequency"]) for row in rows)


@functools.cache
def _given() -> tuple[tuple[str, ...], tuple[str, ...]]:
    row = read_yaml(FOLDER / "names.yaml")
    return tuple(row["first"]), tuple(row["second"])


def _name(die: Random) -> str:
    first, second = _given()
    given = pick(die, second) if chance(die, 0.12) else pick(die, first) + pick(die, second)
    return pick(die, *_surnames()) + given


def _identity_number(die: Random, year: int) -> str:
    body = f"{DISTRICT[:6]}{year}{IMPOSSIBLE_MONTH}{die.randint(1, 28):02d}{die.randint(0, 999):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def _phone(number: int) -> str:
    return f"{PHONE_PREFIX}{number:04d}"


def people(seed: int, count: int = 600, *, year: int = 2025) -> tuple[DemoPerson, ...]:
    """Residents, spread over the communities as the demands are. ``year``: the one in which ages are counted."""
    if count > 9000:
        raise ValueError(f"there are impossible telephone numbers for 9,000 people, not for {count}")
    die = dice(seed, "people")
    everywhere = places()
    weights = [place.weight for place in everywhere]
    numbers = die.sample(range(9000), count)  # 9000 to 9999 belong to staff
    found = []
    for index, number in enumerate(numbers):
        # The first ones make sure that every community has somebody.
        place = everywhere[index] if index < len(everywhere) else pick(die, everywhere, weights)
        birth_year = year - min(max(round(die.gauss(50, 17)), 18), 92)
        found.append(
            DemoPerson(
                key=f"person-{index + 1:04d}",
                name=_name(die),
                phone=_phone(number),
                identity_number=_identity_number(die, birth_year),
                birth_year=birth_year,
                community_code=place.code,
            )
        )
    return tuple(found)


# -- Staff -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DemoStaff:
    """Somebody who works here: one user with one post."""

    username: str
    name: str
    role: str  # code of ground.access.roles.Role
    place_code: str  # 12 digits, or 15 for a grid
    department: str  # "" or the department of an officer: city_management, water, housing, market
    title_zh: str
    title_en: str
    phone: str
    front: bool  # offered for one-click sign-in on the demonstration's front page


_DEPARTMENTS = (
    ("city_management", "城市管理委", "City management"),
    ("water", "水务局", "Water bureau"),
    ("market", "市场监管局", "Market supervision"),
    ("human_resources", "人力社保局", "Labour and social insurance"),
)


def staff(seed: int) -> tuple[DemoStaff, ...]:
    """The team: every role at least once, every grid with its worker, every community with secretary and clerks."""
    die = dice(seed, "staff")
    team: list[DemoStaff] = []
    shown: set[tuple[str, bool]] = set()

    def add(
        username: str, role: str, place_code: str, zh: str, en: str, *, department: str = "", urban: bool = True
    ) -> None:
        front = (role, urban) not in shown
        shown.add((role, urban))
        team.append(
            DemoStaff(
                username=username,
                name=_name(die),
                role=role,
                place_code=place_code,
                department=department,
                title_zh=zh,
                title_en=en,
                phone=_phone(9000 + len(team)),
                front=front,
            )
        )

    for role, zh, en in (
        ("system_administrator", "系统管理员", "System administrator"),
        ("security_administrator", "安全管理员", "Security administrator"),
        ("audit_administrator", "审计管理员", "Audit administrator"),
    ):
        add(role.replace("_administrator", "-admin"), role, DISTRICT, f"海淀区{zh}", en)
    for department, zh, en in _DEPARTMENTS:
        username = f"officer-{department.replace('_', '-')}"
        add(username, "department_officer", DISTRICT, f"海淀区{zh}承办人", f"Officer, {en}", department=department)
    towns = {place.town_code: place.town_name for place in places()}
    for code, name in towns.items():
        tail, urban = code[6:9], code == places()[0].town_code
        add(f"leader-{tail}", "street_leader", code, f"{name}负责人", f"Leader, {name}", urban=urban)
        for index in (1, 2):
            add(f"street-{tail}-{index}", "street_clerk", code, f"{name}接诉即办专员", f"Clerk, {name}", urban=urban)
        add(f"hotline-{tail}", "hotline_desk", code, f"{name}热线坐席", f"Hotline desk, {name}", urban=urban)
    for place in places():
        tail = place.code[6:]
        urban = place.town_code == places()[0].town_code
        add(f"secretary-{tail}", "community_secretary", place.code, f"{place.name}书记", f"Secretary, {place.name}",
            urban=urban)  # fmt: skip
        for index in range(1, 3 if place.urban else 2):
            add(f"clerk-{tail}-{index}", "community_clerk", place.code, f"{place.name}工作者",
                f"Community worker, {place.name}", urban=urban)  # fmt: skip
        if place.urban:
            add(f"property-{tail}", "property_manager", place.code, f"{place.name}物业项目经理",
                f"Property manager, {place.name}", urban=urban)  # fmt: skip
        for grid in place.grids:
            add(f"grid-{tail}-{grid.index + 1}", "grid_worker", grid.code, f"{grid.name}员",
                f"Grid worker, {grid.name}", urban=urban)  # fmt: skip
        chief = "楼门长" if place.urban else "街巷长"
        add(f"chief-{tail}", "building_chief", place.grids[0].code, f"{place.name}{chief}",
            f"Building chief, {place.name}", urban=urban)  # fmt: skip
    for code, name in towns.items():  # the last, so that everybody else keeps their name
        add(f"mediator-{code[6:9]}", "mediator", code, f"{name}人民调解员", f"People’s mediator, {name}",
            urban=code == places()[0].town_code)  # fmt: skip
    village = read_yaml(FOLDER / "village.yaml")
    for one in village["staff"]:
        add(one["username"], one["role"], village["place"], one["zh"], one["en"], urban=False)
    return tuple(team)


def holder(team: Sequence[DemoStaff], role: str, place_code: str, *, department: str = "") -> DemoStaff | None:
    """Who holds the role at the place or nearest above it (by the digits of the codes)."""
    path = place_code[:-3] if place_code.endswith("000") and len(place_code) == 12 else place_code
    fitting = [
        one
        for one in team
        if one.role == role
        and (not department or one.department == department)
        and (path + "000000000000").startswith(significant(one.place_code))
    ]
    return max(fitting, key=lambda one: len(significant(one.place_code)), default=None)


def significant(code: str) -> str:
    """The path of a code: without the zeros that only fill it up."""
    if len(code) != 12:
        return code
    for length in (2, 4, 6, 9):
        if set(code[length:]) == {"0"}:
            return code[:length]
    return code


# -- Cases -------------------------------------------------------------------------------------------------------


class StepKind(enum.StrEnum):
    """What can happen to a demand after it was received."""

    SORTED = "sorted"  # category confirmed, deadline set, given to `to_role`
    SENT_BACK = "sent_back"  # "not mine", with the reason
    PASSED_ON = "passed_on"  # somebody ruled: given to `to_role`
    ACCEPTED = "accepted"
    NOTED = "noted"
    REPORTED_DONE = "reported_done"  # the words are the answer to the person
    HELPED = "helped"  # said by the reporter
    NOT_HELPED = "not_helped"  # said by the reporter, with the reason
    NOT_REACHED = "not_reached"  # a call that nobody took
    UNREACHABLE = "unreachable"  # after the last attempt
    VERIFIED = "verified"  # another post looked on site
    REOPENED = "reopened"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"  # by the reporter


class Outcome(enum.StrEnum):
    """How it ended. ``OPEN``: it has not, up to now."""

    HELPED = "helped"
    REOPENED_THEN_HELPED = "reopened_then_helped"
    VERIFIED_ON_SITE = "verified_on_site"
    UNREACHABLE = "unreachable"
    RETURNED_THEN_HELPED = "returned_then_helped"  # sent back as "not mine" once, then settled by another
    WITHDRAWN = "withdrawn"
    OPEN = "open"


class Stage(enum.StrEnum):
    """Where a demand stands at ``now``."""

    RECEIVED = "received"  # nobody has sorted it
    ASSIGNED = "assigned"  # waiting to be accepted
    SENT_BACK = "sent_back"  # waiting for a ruling on who is responsible
    ACCEPTED = "accepted"  # being worked on
    REPORTED_DONE = "reported_done"  # waiting for the reporter or a check
    REOPENED = "reopened"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happened. ``role`` is who did it; empty: the reporter or the platform."""

    kind: StepKind
    at: datetime
    role: str = ""
    to_role: str = ""
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class DemoCase:
    """A demand and what became of it up to ``now``."""

    key: str  # stable for a seed, days and count; use it as idempotency key
    received_at: datetime
    channel: str  # web, phone, visit, import
    category: str  # the right category; what the staff sort it into
    guess: str  # what the reporter chose in the form, often empty, sometimes wrong
    text: str
    address: str
    community_code: str
    grid_code: str  # 15 digits; empty: the point lies in no grid or there is no point
    point: tuple[float, float] | None  # longitude, latitude (WGS-84)
    reporter: DemoPerson | None  # None: anonymous
    answer_by: str  # link, phone, none
    responsible: str  # role that did the work, at last
    steps: tuple[Step, ...]
    outcome: Outcome

    @property
    def stage(self) -> Stage:
        stage = Stage.RECEIVED
        for step in self.steps:
            stage = _STAGE_AFTER.get(step.kind, stage)
        return stage

    @property
    def handling(self) -> timedelta | None:
        """From receipt to the first report that it is done."""
        done = next((step.at for step in self.steps if step.kind is StepKind.REPORTED_DONE), None)
        return done - self.received_at if done else None


_STAGE_AFTER = {
    StepKind.SORTED: Stage.ASSIGNED,
    StepKind.PASSED_ON: Stage.ASSIGNED,
    StepKind.SENT_BACK: Stage.SENT_BACK,
    StepKind.ACCEPTED: Stage.ACCEPTED,
    StepKind.REPORTED_DONE: Stage.REPORTED_DONE,
    StepKind.REOPENED: Stage.REOPENED,
    StepKind.CLOSED: Stage.CLOSED,
    StepKind.WITHDRAWN: Stage.WITHDRAWN,
}

# Which way a demand has taken that waits in such a stage.
_ON_THE_WAY = {Stage.SENT_BACK: Outcome.RETURNED_THEN_HELPED, Stage.REOPENED: Outcome.REOPENED_THEN_HELPED}

CHANNELS = {"phone": 0.60, "web": 0.25, "visit": 0.10, "import": 0.05}

OUTCOMES = {
    Outcome.HELPED: 0.74,
    Outcome.REOPENED_THEN_HELPED: 0.08,
    Outcome.VERIFIED_ON_SITE: 0.07,
    Outcome.UNREACHABLE: 0.05,
    Outcome.RETURNED_THEN_HELPED: 0.04,
    Outcome.WITHDRAWN: 0.02,
}

# Hours from receipt to "done", by deadline. Complex matters as measured on 2,815 messages with replies (p10 1.9 days,
# median 11.2, p90 41; the 1.3 below becomes 1.9 by waiting for office hours); what a grid settles takes hours.
_MEASURED = Spread.of_percentiles(1.3 * 24, 11.2 * 24, 41 * 24, least=6, most=200 * 24)
HANDLING = {
    "cases.deadline.emergency": Spread(0.9, 0.5, 0.5, least=0.2),
    "cases.deadline.litter": Spread(3.0, 0.6, 0.6, least=0.3),
    "cases.deadline.road_cleaning": Spread(3.2, 0.6, 0.6, least=0.3),
    "cases.deadline.utilities": Spread(9.0, 0.8, 0.65, least=0.5),
    "cases.deadline.consult": Spread(3.5, 0.8, 0.8, least=0.2),
    "cases.deadline.greenery": Spread(70.0, 0.6, 0.45, least=4),
    "cases.deadline.ordinary": Spread(62.0, 0.8, 0.7, least=2),
    "cases.deadline.illegal_building": Spread(15 * 24.0, 0.8, 0.6, least=8),
    "cases.deadline.dispute": _MEASURED,
    "cases.deadline.complex": _MEASURED,
}
_AT_ONCE = {"cases.deadline.emergency", "cases.deadline.utilities"}  # nobody waits for office hours

# Among the demands of the last days some are held up somewhere, so that every list of the demonstration has something
# due and something late: up to so many days old -> share of demands that stay in a stage.
HELD_UP: tuple[tuple[float, dict[Stage, float]], ...] = (
    (2, {Stage.RECEIVED: 0.36, Stage.ASSIGNED: 0.22, Stage.ACCEPTED: 0.16}),
    (6, {Stage.ASSIGNED: 0.10, Stage.SENT_BACK: 0.08, Stage.ACCEPTED: 0.14, Stage.REPORTED_DONE: 0.16,
         Stage.REOPENED: 0.06}),
    (14, {Stage.SENT_BACK: 0.04, Stage.ACCEPTED: 0.16, Stage.REPORTED_DONE: 0.10, Stage.REOPENED: 0.06}),
    (30, {Stage.ACCEPTED: 0.14, Stage.REOPENED: 0.05}),
)  # fmt: skip
NO_POINT = 0.06
NO_GRID = 0.085  # of the demands at the north edge of a town, which are a quarter of all
ANONYMOUS = 0.06


def cases(
    seed: int,
    *,
    now: datetime,
    days: int = 365,
    count: int = 1500,
    where: Sequence[DemoPlace] | None = None,
) -> Iterator[DemoCase]:
    """``count`` demands of the ``days`` before ``now``, oldest first. The same arguments give the same demands."""
    if now.tzinfo is None:
        raise ValueError("now must carry its time zone")
    now = now.astimezone(ZONE)
    where = tuple(where) if where is not None else places()
    die = dice(seed, "arrivals")
    residents = people(seed, year=now.year)
    neighbours = {place.code: [one for one in residents if one.community_code == place.code] for place in where}
    arrivals = sorted(_arrival(die, now, days) for _index in range(count))
    for index, (received_at, channel) in enumerate(arrivals, start=1):
        yield _case(
            dice(seed, f"case/{index}"), f"demo-{seed}-{index:06d}", received_at, channel, now, where, neighbours
        )


@functools.cache
def _leaves(urban: bool, month: int) -> tuple[tuple[Category, ...], tuple[float, ...]]:
    """What can be asked in such a place, with how often it is asked in that month."""
    area = "urban" if urban else "rural"
    seasons = texts()["rhythm"]["seasons"]
    known = texts()["leaves"]
    chosen = [one for one in categories() if one.code in known and area in one.areas]
    weights = []
    for one in chosen:
        entry = known[one.code]
        weight = float(entry["weight"])
        if entry.get("season"):
            weight *= seasons[entry["season"]][month - 1]
        if not urban and one.code.startswith("rural."):
            weight *= 3
        weights.append(weight)
    return tuple(chosen), tuple(weights)


@functools.cache
def _load_of_month(month: int) -> float:
    """How much is reported in that month, relative to an even year: the sum over the categories."""
    loads = [sum(_leaves(True, number)[1]) for number in range(1, 13)]
    return loads[month - 1] * 12 / sum(loads)


@functools.cache
def _days(last: date, days: int) -> tuple[tuple[date, ...], tuple[float, ...]]:
    weekday = texts()["rhythm"]["weekday"]
    found = tuple(last - timedelta(days=back) for back in range(days, -1, -1))
    return found, tuple(weekday[day.weekday()] * _load_of_month(day.month) for day in found)


def _arrival(die: Random, now: datetime, days: int) -> tuple[datetime, str]:
    since = now - timedelta(days=days)
    while True:
        channel = pick(die, tuple(CHANNELS), tuple(CHANNELS.values()))
        day = pick(die, *_days(now.date(), days))
        if channel in ("visit", "import") and day.weekday() > 4:
            day -= timedelta(days=die.randint(day.weekday() - 4, 6))  # counters are closed at the weekend
        hour = pick(die, range(24), texts()["rhythm"]["hours"][channel])
        moment = datetime.combine(day, time(hour, die.randrange(60), die.randrange(60)), ZONE)
        if since <= moment < now:
            return moment, channel


def _case(
    die: Random,
    key: str,
    received_at: datetime,
    channel: str,
    now: datetime,
    where: Sequence[DemoPlace],
    neighbours: dict[str, list[DemoPerson]],
) -> DemoCase:
    place = pick(die, where, [one.weight for one in where])
    category = pick(die, *_leaves(place.urban, received_at.month))
    outcome = pick(die, tuple(OUTCOMES), tuple(OUTCOMES.values()))
    held = _held_at(die, now - received_at)
    if held is not None:
        outcome = _ON_THE_WAY.get(held, Outcome.HELPED)
    elif outcome is Outcome.VERIFIED_ON_SITE and category.kind in ("consult", "suggestion"):
        outcome = Outcome.HELPED  # there is nothing to look at
    at = scene(die, place, category.code, received_at.date())
    anonymous = chance(die, 0.4 if outcome is Outcome.VERIFIED_ON_SITE else ANONYMOUS)
    # Who left no telephone number on the phone or at the counter cannot be asked: only looking helps.
    if anonymous and channel != "web" and outcome is not Outcome.WITHDRAWN:
        anonymous = outcome is Outcome.VERIFIED_ON_SITE
    reporter = None if anonymous else pick(die, neighbours[place.code] or [_stranger(die, place, received_at.year)])
    point, grid_code = _where_exactly(die, place, category)
    responsible = responsible_role(category, urban=place.urban)
    text = demand(die, category.code, channel, at)
    steps, responsible = _steps(die, category, responsible, outcome, at, text, channel, received_at)
    past = tuple(step for step in _stopped(steps, held) if step.at < now)
    finished = bool(past) and past[-1].kind in (StepKind.CLOSED, StepKind.WITHDRAWN)
    return DemoCase(
        key=key,
        received_at=received_at,
        channel=channel,
        category=category.code,
        guess=_guess(die, category, place, channel),
        text=text,
        address=(at.home if at.home in text else at.spot)[:200],
        community_code=place.code,
        grid_code=grid_code,
        point=point,
        reporter=reporter,
        answer_by="none" if reporter is None and channel != "web" else "link" if channel == "web" else "phone",
        responsible=responsible,
        steps=past,
        outcome=outcome if finished else Outcome.OPEN,
    )


def _stranger(die: Random, place: DemoPlace, year: int) -> DemoPerson:
    born = year - 40
    return DemoPerson(
        key="person-0000",
        name=_name(die),
        phone=_phone(8999),
        identity_number=_identity_number(die, born),
        birth_year=born,
        community_code=place.code,
    )


def _where_exactly(die: Random, place: DemoPlace, category: Category) -> tuple[tuple[float, float] | None, str]:
    roll = die.random()
    grid = pick(die, place.grids)
    if roll < NO_POINT:
        return None, ""
    if roll < NO_POINT + NO_GRID and not under(category.code, texts()["counters"]):
        outside = beyond(die, place)
        if outside is not None:
            return outside, ""
    return grid.point(die), grid.code


def _guess(die: Random, category: Category, place: DemoPlace, channel: str) -> str:
    if channel != "web" or chance(die, 0.3):
        return ""
    if chance(die, 0.12):
        return pick(die, [one.code for one in _leaves(place.urban, 6)[0]])
    return category.code


def _steps(
    die: Random,
    category: Category,
    role: str,
    outcome: Outcome,
    at: Scene,
    text: str,
    channel: str,
    received_at: datetime,
) -> tuple[list[Step], str]:
    """Everything that happens to the demand if nobody stops the clock, and who did the work in the end."""
    at_once = category.deadline in _AT_ONCE
    total = HANDLING[category.deadline].draw(die)
    desk = {"phone": "hotline_desk", "visit": "community_clerk"}.get(channel, "street_clerk")
    written = channel in ("web", "import")
    steps: list[Step] = []

    def clock(moment: datetime, who: str) -> datetime:
        return moment if at_once else _on_duty(die, moment, who)

    def later(moment: datetime, hours: float, who: str) -> datetime:
        return clock(moment + timedelta(hours=hours), who)

    def add(kind: StepKind, moment: datetime, who: str = "", *, to: str = "", words: str = "") -> datetime:
        if steps:
            moment = max(moment, steps[-1].at + timedelta(minutes=die.randint(1, 9)))
        steps.append(Step(kind=kind, at=moment, role=who, to_role=to, words=words))
        return moment

    def work(start: datetime, hours: float, who: str) -> datetime:
        """Accepted, perhaps noted, reported as done."""
        accepted = add(StepKind.ACCEPTED, later(start, min(hours * 0.3, 5) * die.random(), who), who)
        notes = (hours > 20) + (hours > 100) + (hours > 400)
        for number in range(notes):
            if chance(die, 0.6):
                share = (number + 0.2 + 0.6 * die.random()) / notes
                add(
                    StepKind.NOTED,
                    later(accepted, hours * 0.8 * share, who),
                    who,
                    words=phrase(die, "notes", category.code),
                )
        return add(
            StepKind.REPORTED_DONE,
            later(max(start + timedelta(hours=hours), accepted + timedelta(hours=hours * 0.3)), 0, who),
            who,
            words=answer(die, category.code, at, text, written=written),
        )

    first = received_at + timedelta(hours=min(total * 0.2, 6.0) * die.random())
    withdrawn_at = received_at + timedelta(hours=total * (0.05 + 0.8 * die.random()))
    mine = role
    if outcome is Outcome.RETURNED_THEN_HELPED:
        mine = pick(die, [other for other in ("grid_worker", "property_manager", "street_clerk") if other != role])
    sorted_at = add(StepKind.SORTED, first if channel == "phone" else clock(first, desk), desk, to=mine)
    left = max(total - (sorted_at - received_at).total_seconds() / 3600, total * 0.25)
    if outcome is Outcome.RETURNED_THEN_HELPED:
        back = later(sorted_at, min(left * 0.3, 20) * (0.2 + die.random()), mine)
        back = add(StepKind.SENT_BACK, back, mine, words=phrase(die, "not_mine", category.code))
        ruled = later(back, min(left * 0.2, 7) * die.random(), "street_clerk")
        sorted_at = add(StepKind.PASSED_ON, ruled, "street_clerk", to=role)
    done = work(sorted_at, left, role)
    if outcome is Outcome.WITHDRAWN:
        steps = [step for step in steps if step.at < withdrawn_at]
        add(StepKind.WITHDRAWN, withdrawn_at, words=phrase(die, "withdrawn", category.code))
        return steps, role

    checker = "community_clerk" if role != "community_clerk" else "street_clerk"
    asked = 0.3 + Spread(14, 0.9, 0.8, most=70).draw(die)
    if outcome is Outcome.REOPENED_THEN_HELPED:
        said = add(
            StepKind.NOT_HELPED, _awake(done + timedelta(hours=asked)), words=phrase(die, "not_helped", category.code)
        )
        again = add(StepKind.REOPENED, said + timedelta(minutes=1), words=phrase(die, "reopened_words", category.code))
        done = work(again, max(total * (0.3 + 0.5 * die.random()), 1.0), role)
    if outcome is Outcome.VERIFIED_ON_SITE:
        last = add(
            StepKind.VERIFIED, later(done, asked, checker), checker, words=phrase(die, "verified_words", category.code)
        )
    elif outcome is Outcome.UNREACHABLE:
        last = done
        for _attempt in range(2):
            last = add(StepKind.NOT_REACHED, _on_duty(die, last + timedelta(hours=20), checker), checker)
        last = _on_duty(die, last + timedelta(hours=22), checker)
        last = add(StepKind.UNREACHABLE, last, checker, words=phrase(die, "unreachable_words", category.code))
    else:
        last = add(
            StepKind.HELPED, _awake(done + timedelta(hours=asked)), words=phrase(die, "helped_words", category.code)
        )
    add(StepKind.CLOSED, last + timedelta(minutes=1), checker if outcome is Outcome.VERIFIED_ON_SITE else "")
    return steps, role


def _held_at(die: Random, age: timedelta) -> Stage | None:
    """Where this demand stays, if it is one of those that are held up; None: it takes its course."""
    days = age / timedelta(days=1)
    for limit, shares in HELD_UP:
        if days <= limit:
            return pick(die, (*shares, None), (*shares.values(), 1 - sum(shares.values())))
    return None


def _stopped(steps: list[Step], stage: Stage | None) -> list[Step]:
    """The steps up to the one that leads into the stage."""
    if stage is None:
        return steps
    if stage is Stage.RECEIVED:
        return []
    for index, step in enumerate(steps):
        if _STAGE_AFTER.get(step.kind) is stage:
            return steps[: index + 1]
    return steps


def _on_duty(die: Random, moment: datetime, role: str) -> datetime:
    """The moment itself when the role is at work then, else soon after it starts again."""
    if role == "hotline_desk":
        return moment
    opens, closes, weekend = (8, 20, True) if role in ("grid_worker", "property_manager") else (9, 18, False)
    if moment.hour >= closes:
        moment = datetime.combine(moment.date() + timedelta(days=1), time(0), ZONE)
    moved = False
    while not weekend and moment.weekday() > 4:
        moment = datetime.combine(moment.date() + timedelta(days=1), time(0), ZONE)
        moved = True
    if moved or moment.hour < opens:
        moment = datetime.combine(moment.date(), time(opens), ZONE) + timedelta(minutes=die.randint(2, 90))
    return moment


def _awake(moment: datetime) -> datetime:
    """People answer between eight in the morning and ten at night."""
    if moment.hour < 8:
        return moment.replace(hour=8 + moment.minute // 20)
    if moment.hour >= 22:
        return datetime.combine(moment.date() + timedelta(days=1), time(8, moment.minute, moment.second), ZONE)
    return moment
