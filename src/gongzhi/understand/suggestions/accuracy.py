"""How often suggestions were right, counted on what people decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Avg, Count, Q

from gongzhi.ground.accounts.models import User
from gongzhi.understand.cases.models import Category
from gongzhi.understand.cases.tree import category_by_id
from gongzhi.understand.suggestions.models import Suggestion, SuggestionQuerySet

BANDS: Final = ((0.0, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01))


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def percent(self) -> int | None:
        return round(100 * self.part / self.whole) if self.whole else None


@dataclass(frozen=True)
class OfCategory:
    category: Category
    suggested: Share  # of those suggested as this, how many were this
    found: Share  # of those that were this, how many were suggested as this


@dataclass(frozen=True)
class Band:
    low: float
    high: float
    right: Share
    said: float  # the mean confidence, to compare with what came true


@dataclass(frozen=True)
class Accuracy:
    confirmed: int
    right: Share
    in_three: Share
    urgency: Share
    bands: list[Band]
    categories: list[OfCategory]


def accuracy_for(user: User) -> Accuracy:
    """Counted over the confirmed suggestions within the person's reach. Three statements."""
    confirmed: SuggestionQuerySet = Suggestion.objects.visible_to(user).confirmed()
    sums = confirmed.aggregate(
        confirmed=Count("pk"),
        judged=Count("pk", filter=Q(was_right__isnull=False)),
        right=Count("pk", filter=Q(was_right=True)),
        in_three=Count("pk", filter=Q(was_in_three=True)),
        urgency=Count("pk", filter=Q(urgency_was_right__isnull=False)),
        urgency_right=Count("pk", filter=Q(urgency_was_right=True)),
        **{
            f"band{index}": Count("pk", filter=_in(band) & Q(was_right__isnull=False))
            for index, band in enumerate(BANDS)
        },
        **{f"right{index}": Count("pk", filter=_in(band) & Q(was_right=True)) for index, band in enumerate(BANDS)},
        **{f"said{index}": Avg("confidence", filter=_in(band)) for index, band in enumerate(BANDS)},
    )
    bands = [
        Band(low, min(high, 1.0), Share(sums[f"right{index}"], sums[f"band{index}"]), sums[f"said{index}"] or 0.0)
        for index, (low, high) in enumerate(BANDS)
    ]
    judged = confirmed.filter(was_right__isnull=False)
    suggested = {
        row["category"]: row
        for row in judged.values("category").annotate(n=Count("pk"), ok=Count("pk", filter=_right()))
    }
    found = {
        row["confirmed"]: row
        for row in judged.values("confirmed").annotate(n=Count("pk"), ok=Count("pk", filter=_right()))
    }
    categories = []
    for pk in {*suggested, *found}:
        node = category_by_id(pk)
        if node is not None:
            given, was = suggested.get(pk), found.get(pk)
            categories.append(
                OfCategory(
                    node,
                    Share(given["ok"], given["n"]) if given else Share(0, 0),
                    Share(was["ok"], was["n"]) if was else Share(0, 0),
                )
            )
    categories.sort(key=lambda one: (-one.found.whole, one.category.position))
    return Accuracy(
        confirmed=sums["confirmed"],
        right=Share(sums["right"], sums["judged"]),
        in_three=Share(sums["in_three"], sums["judged"]),
        urgency=Share(sums["urgency_right"], sums["urgency"]),
        bands=bands,
        categories=categories,
    )


def _in(band: tuple[float, float]) -> Q:
    return Q(confidence__gte=band[0], confidence__lt=band[1])


def _right() -> Q:
    return Q(was_right=True)
