from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from gongzhi.act.points import actions as points
from gongzhi.act.points.models import Household, Item, Member, Rulebook
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.rules.actions import override
from tests.town import NOW, Town, make_user


@dataclass
class Village:
    """The town's first community with points switched on: a rulebook, a group of three, three households."""

    town: Town
    now: datetime
    secretary: User
    first: User
    second: User
    third: User
    rulebook: Rulebook
    yard: Item
    help: Item
    households: list[Household]
    seats: dict[str, Member]

    def claim(self, household: int = 1, item: Item | None = None, **given: Any) -> Any:
        fields = {"on": self.now.date(), "by": None, "now": self.now, **given}
        return points.claim(household_id=self.households[household].pk, item_id=(item or self.yard).pk, **fields)

    def confirmed(self, household: int = 1, item: Item | None = None, **given: Any) -> Any:
        row = self.claim(household, item, **given)
        for by in (self.second, self.third):
            row = points.check(claim_id=row.pk, agrees=True, by=by, now=self.now)
        return row

    def publish(self) -> Any:
        return points.publish(place=self.town.community, by=self.secretary, now=self.now)

    def booked(self, household: int = 1, item: Item | None = None, **given: Any) -> Any:
        row = self.confirmed(household, item, **given)
        wall = self.publish()
        points.book_ended(now=wall.ends_at + timedelta(seconds=1))
        row.refresh_from_db()
        return row


def make_village(
    town: Town, *, now: datetime = NOW, cap: int = 1000, deductions: bool = False, yearly: int | None = None
) -> Village:
    place, secretary = town.community, town.secretary
    override(
        place=place, key="points.enabled", value=True, valid_from=now.date(), reason="村民会议决定", by=None, now=now
    )
    book = points.draft_rulebook(place=place, cap=cap, deductions=deductions, by=secretary, now=now)
    given = {"rulebook_id": book.pk, "by": secretary, "now": now}
    yard = points.write_item(
        kind="environment", name="庭院整洁", value=10, checked="小组上门看", yearly=yearly, **given
    )
    helped = points.write_item(kind="volunteering", name="清扫村道", value=20, checked="签到表", **given)
    if deductions:
        points.write_item(kind="customs", name="乱堆乱放", value=5, checked="照片或两人见证", deducts=True, **given)
    book = points.adopt_rulebook(
        meeting="villagers",
        meeting_name="二〇二六年第二次村民会议",
        adopted_on=now.date(),
        entitled=300,
        present=200,
        in_favour=180,
        **given,
    )
    households = [
        points.join(place=place, label=door, way="paper", consent=True, contact="王大爷", by=secretary, now=now)
        for door in ("1-10", "1-2", "1-9")
    ]
    third = make_user("chief1", "高楼长", (Role.BUILDING_CHIEF, town.grid))
    seats = {
        user.username: points.add_member(
            place=place, user=user, household_id=own.pk if own else None, by=secretary, now=now
        )
        for user, own in ((town.worker, households[0]), (town.clerk, None), (third, None))
    }
    return Village(
        town=town,
        now=now,
        secretary=secretary,
        first=town.worker,
        second=town.clerk,
        third=third,
        rulebook=book,
        yard=yard,
        help=helped,
        households=households,
        seats=seats,
    )


@pytest.fixture
def village(town: Town) -> Village:
    return make_village(town)
