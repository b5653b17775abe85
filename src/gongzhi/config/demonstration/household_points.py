"""What a village shows besides: household points by its own rules, from the meeting to the exchange desk.

One village, a dozen doors. Told within the last two weeks; ``city.yaml`` holds the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from gongzhi.act.points import actions as points
from gongzhi.act.points.models import Claim, Good
from gongzhi.config.demonstration.cast import Cast
from gongzhi.config.demonstration.generate import significant
from gongzhi.config.demonstration.ground import places
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.ground.rules.actions import override

Scene = Iterator[datetime]


def household_points(cast: Cast, now: datetime, told: Mapping[str, Any]) -> Scene:
    """The village adopts its rules; households join, claim and exchange; a list is on the wall, one claim waits."""
    village = Place.objects.get(path=significant(next(one.code for one in places() if not one.urban)))
    grid = Place.objects.filter(parent=village, level="grid").order_by("path").first() or village
    seats = [
        cast.nearest("community_clerk", village.path),
        cast.nearest("grid_worker", grid.path),
        cast.nearest("building_chief", grid.path),
    ]
    head = cast.nearest("community_secretary", village.path)
    group = [player.user for player in seats if player is not None]
    yield (at := now - timedelta(days=13))
    if head is None or len(group) < 3:
        return
    secretary = head.user
    day = timezone.localdate(at)
    override(place=village, key="points.enabled", value=True, valid_from=day, reason=told["reason"], by=None, now=at)
    book = points.draft_rulebook(place=village, cap=told["cap"], words=told["words"], by=secretary, now=at)
    items = [points.write_item(rulebook_id=book.pk, by=secretary, now=at, **one) for one in told["items"]]
    points.adopt_rulebook(rulebook_id=book.pk, adopted_on=day, by=secretary, now=at, **told["meeting"])
    for one in told["goods"]:
        points.offer_good(place=village, by=secretary, now=at, **one)
    yield (at := now - timedelta(days=12))
    doors = [
        points.join(place=village, label=label, way="paper", consent=True, by=secretary, now=at)
        for label in told["doors"]
    ]
    for user, own in zip(group, (doors[0].pk, None, doors[3].pk), strict=True):
        points.add_member(place=village, user=user, household_id=own, by=secretary, now=at)

    def claim(door: int, item: int, when: datetime, words: str, *, paper: bool = False) -> Claim:
        return points.claim(
            household_id=doors[door].pk,
            item_id=items[item].pk,
            on=timezone.localdate(when),
            words=words,
            by=secretary if paper else None,
            now=when,
        )

    yield (at := now - timedelta(days=11, hours=4))
    early = [claim(door, item, at, words, paper=door % 3 == 0) for door, item, words in told["early"]]
    yield (at := at + timedelta(hours=3))
    _confirm(early, group, at)
    points.publish(place=village, by=secretary, now=at)
    yield (at := now - timedelta(days=3))
    points.book_ended(now=at)
    good = village_goods(village)[0]
    points.exchange(household_id=doors[told["early"][0][0]].pk, good_id=good, by=group[0], now=at)
    yield (at := now - timedelta(days=2))
    late = [claim(door, item, at, words, paper=door % 3 == 0) for door, item, words in told["late"]]
    yield (at := at + timedelta(hours=5))
    _confirm(late, group, at)
    points.publish(place=village, by=secretary, now=at)
    yield (at := now - timedelta(hours=20))
    points.object_to(
        claim_id=late[-1].pk, words=told["objection"], by=None, household_id=doors[told["objector"]].pk, now=at
    )
    yield (at := now - timedelta(hours=3))
    for door, item, words in told["fresh"]:
        claim(door, item, at, words)


def village_goods(village: Place) -> list[int]:
    """What the village offers, the cheapest first."""
    return list(Good.objects.offered().filter(place=village).order_by("price", "pk").values_list("pk", flat=True))


def _confirm(claims: list[Claim], group: list[User], at: datetime) -> None:
    """Two of the group confirm each, nobody for their own household."""
    for row in claims:
        said = 0
        for user in group:
            seat = points.member_of(user, row.place_path, at)
            if said < points.CHECKERS and seat is not None and seat.household_id != row.household_id:
                points.check(claim_id=row.pk, agrees=True, by=user, now=at)
                said += 1
