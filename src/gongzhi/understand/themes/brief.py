"""The issue brief of a theme: counts, places, weeks, points, and sentences that may be quoted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from gongzhi.understand.cases.models import OPEN, Case, Voice
from gongzhi.understand.cases.tree import category_by_id
from gongzhi.understand.themes.masking import mask_personal, sentences
from gongzhi.understand.themes.models import Theme


@dataclass(frozen=True)
class Week:
    """One week of the trend: its Monday, how many cases began in it, and the share of the fullest week."""

    monday: date
    count: int
    share: float


@dataclass(frozen=True)
class Count:
    name: str
    count: int
    share: float


@dataclass(frozen=True)
class Brief:
    """What the page and the paper show. No words of residents but the chosen quotes."""

    cases: int
    voices: int
    open: int
    late: int
    reopened: int
    weeks: Sequence[Week]
    places: Sequence[Count]
    categories: Sequence[Count]
    channels: Sequence[tuple[str, int]]
    median_days: float | None
    points: int
    centre: str


_COLUMNS = (
    "state", "due_at", "opened_at", "closed_at", "reopened", "voice_count", "place__name", "category_id", "channel",
    "lon", "lat",
)  # fmt: skip


def brief_of(theme: Theme, now: datetime) -> Brief:
    """Everything counted anew from the cases, with one statement."""
    rows = list(Case.objects.filter(theme_cases__theme=theme).values_list(*_COLUMNS))
    weeks: Counter[date] = Counter()
    places: Counter[str] = Counter()
    kinds: Counter[int | None] = Counter()
    channels: Counter[str] = Counter()
    spans: list[float] = []
    points: list[tuple[float, float]] = []
    opened = late = again = voices = 0
    for state, due, began, closed, reopened, count, place, category, channel, lon, lat in rows:
        day = timezone.localdate(began)
        weeks[day - timedelta(days=day.weekday())] += 1
        places[place] += 1
        kinds[category] += 1
        channels[channel] += 1
        voices += count
        again += reopened > 0
        if state in OPEN:
            opened += 1
            late += due is not None and due < now
        elif closed is not None:
            spans.append((closed - began).total_seconds() / 86400)
        if lon is not None and lat is not None:
            points.append((lon, lat))
    spans.sort()
    middle = (
        (sum(lon for lon, _lat in points) / len(points), sum(lat for _lon, lat in points) / len(points))
        if points
        else None
    )
    named = [
        (node.name if (node := category_by_id(pk)) is not None else "", count) for pk, count in kinds.most_common(8)
    ]
    return Brief(
        cases=len(rows),
        voices=voices,
        open=opened,
        late=late,
        reopened=again,
        weeks=_weeks(weeks),
        places=_shares(places.most_common(12)),
        categories=_shares(named),
        channels=channels.most_common(),
        median_days=round(spans[len(spans) // 2], 1) if spans else None,
        points=len(points),
        centre=f"{middle[0]:.5f},{middle[1]:.5f}" if middle is not None else "",
    )


def _weeks(counts: Counter[date]) -> list[Week]:
    """Every week from the first to the last, empty ones too; of a long time the last 26."""
    if not counts:
        return []
    monday, last, most = min(counts), max(counts), max(counts.values())
    weeks = []
    while monday <= last:
        weeks.append(Week(monday, counts[monday], counts[monday] / most))
        monday += timedelta(days=7)
    return weeks[-26:]


def _shares(counts: Sequence[tuple[str, int]]) -> list[Count]:
    most = max((count for _name, count in counts), default=1)
    return [Count(name, count, count / most) for name, count in counts]


def quotable(theme: Theme, most: int = 12) -> list[dict[str, Any]]:
    """Masked sentences of the closest cases, one of each, for a person to choose from."""
    ids = list(theme.theme_cases.order_by("-closeness", "pk").values_list("case_id", flat=True)[: 3 * most])
    said: dict[int, str] = {}
    told = Voice.objects.filter(case_id__in=ids).order_by("pk")
    for case_id, text in told.values_list("case_id", "message__text"):
        said.setdefault(case_id, text)
    numbers = dict(Case.objects.filter(pk__in=ids).values_list("pk", "number"))
    found = []
    seen: set[str] = set()
    for pk in ids:
        parts = sentences(said.get(pk, "")) or [said.get(pk, "")[:120]]
        best = max(parts, key=lambda part: sum(term in part for term in theme.terms) * 100 - abs(len(part) - 40))
        masked = mask_personal(best)
        if masked and masked not in seen:
            seen.add(masked)
            found.append({"case_id": pk, "number": numbers.get(pk, ""), "text": masked})
        if len(found) == most:
            break
    return found
