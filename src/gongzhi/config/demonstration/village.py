"""A village with six cadres: an agreement on scoring, and items in every state. ``village.yaml`` holds the words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from gongzhi.act.values import actions as values
from gongzhi.act.values.models import Item
from gongzhi.act.values.scoring import Marks, Weights
from gongzhi.config.demonstration.cast import Cast, Player
from gongzhi.config.demonstration.catalogue import read_yaml
from gongzhi.config.demonstration.ground import FOLDER
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place


def village_words() -> Mapping[str, Any]:
    found: Mapping[str, Any] = read_yaml(FOLDER / "village.yaml")
    return found


def agreed_work(cast: Cast, now: datetime) -> Iterator[datetime]:
    """A month of agreed work: settled, changed after an objection, scored, objected to, moved, to give out."""
    told = village_words()
    place = Place.objects.get(path=told["place"])
    grid = Place.objects.filter(parent=place, level="grid").order_by("path")[0]

    def who(role: str, path: str, turn: int = 0) -> Player:
        found = cast.nearest(role, path, turn=turn)
        if found is None:
            raise LookupError(f"nobody is {role} at {path}")
        return found

    secretary, deputy = (who("community_secretary", place.path, turn) for turn in (0, 1))
    clerk, women = (who("community_clerk", place.path, turn) for turn in (0, 1))
    worker, chief = who("grid_worker", grid.path), who("building_chief", grid.path)

    def write(name: str, at: datetime, days: int, *, to: Player | None = None, by: User | None = None) -> Item:
        one = told["items"][name]
        return values.write_item(
            place=place,
            title=one["title"],
            done_when=one["done_when"],
            value=one["value"],
            origin=one["origin"],
            due_at=timezone.localtime(at + timedelta(days=days)).replace(hour=23, minute=59, second=59, microsecond=0),
            post_id=to.post.pk if to is not None else None,
            by=by or secretary.user,
            now=at,
        )

    def report(name: str, item: Item, by: Player, at: datetime) -> None:
        values.report_item(item_id=item.pk, words=told["items"][name]["report"], by=by.user, now=at)

    def score(name: str, item: Item, at: datetime) -> None:
        one = told["items"][name]
        values.score_item(item_id=item.pk, marks=Marks(*one["marks"]), reason=one["reason"], by=secretary.user, now=at)

    def objection(name: str, item: Item, by: Player, at: datetime) -> None:
        values.object_to_score(item_id=item.pk, words=told["items"][name]["objection"], by=by.user, now=at)

    yield (at := now - timedelta(days=30))
    today = timezone.localdate(at)
    values.adopt_agreement(
        place=place,
        adopted_on=today,
        meeting=told["agreement"]["meeting"],
        weights=Weights(*told["agreement"]["weights"]),
        objection_days=told["agreement"]["objection_days"],
        starts_on=today,
        ends_on=today + timedelta(days=180),
        by=secretary.user,
        now=at,
    )
    yield (at := now - timedelta(days=28))
    settled = write("settled", at, 8, to=worker)
    changed = write("changed", at, 8, to=clerk)
    yield (at := now - timedelta(days=22))
    report("settled", settled, worker, at)
    yield (at := at + timedelta(hours=5))
    score("settled", settled, at)
    yield (at := at + timedelta(hours=3))
    values.accept_score(item_id=settled.pk, by=worker.user, now=at)
    yield (at := now - timedelta(days=16))
    report("changed", changed, clerk, at)
    yield (at := at + timedelta(hours=20))
    score("changed", changed, at)
    yield (at := at + timedelta(hours=20))
    objection("changed", changed, clerk, at)
    yield (at := at + timedelta(hours=30))
    values.answer_objection(
        item_id=changed.pk,
        words=told["items"]["changed"]["answer"],
        marks=Marks(*told["items"]["changed"]["changed"]),
        by=deputy.user,
        now=at,
    )
    yield (at := now - timedelta(days=10))
    scored = write("scored", at, 9, to=chief)
    reported = write("reported", at, 12, to=women)
    objected = write("objected", at, 8, to=deputy)
    moved = write("moved", at, 20, to=clerk)
    write("own", at, 15, to=secretary, by=deputy.user)
    yield (at := now - timedelta(days=3))
    report("scored", scored, chief, at)
    report("objected", objected, deputy, at)
    values.give_item(
        item_id=moved.pk, post_id=worker.post.pk, words=told["items"]["moved"]["why"], by=secretary.user, now=at
    )
    yield (at := now - timedelta(days=2))
    score("scored", scored, at)
    score("objected", objected, at)
    yield (at := now - timedelta(hours=26))
    report("reported", reported, women, at)
    yield (at := now - timedelta(hours=20))
    objection("objected", objected, deputy, at)
    yield (at := now - timedelta(hours=4))
    write("waiting", at, 14)
