"""Finding what tells of the same matter: by text, place and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from gongzhi.ground.places.cells import cells_around, metres
from gongzhi.ground.places.paths import below
from gongzhi.ground.rules.actions import rule
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.models import OPEN, Case, Voice
from gongzhi.understand.duplicates.grams import likenesses, probes
from gongzhi.understand.duplicates.models import Apart, Posting

CANDIDATES = 180  # texts that are compared word for word
NEIGHBOURS = 30  # more of them, only because they lie nearby
CLOSER = 25  # of which place and time are looked at, too
LATELY = 14  # days
LESS = 0.4  # of the likeness that is asked elsewhere is enough nearby, for the same subject and lately
Point = tuple[float, float]


@dataclass(frozen=True)
class Like:
    """A case that may tell of the same matter, with what speaks for it."""

    case_id: int  # the case that is handled (what it was merged into)
    told_by: int  # the case whose text is alike: the same one, or one that was merged into it
    likeness: float  # 0 to 1
    metres: int | None  # None: one of the two has no point
    days: int  # between the two
    near: bool  # within the rule's distance; without two points, in the same grid or the community that was named
    same_category: bool
    text: str = field(repr=False, default="")  # of ``told_by``; for staff who may read that case

    @property
    def score(self) -> float:
        """By what proposals are put in order: words first, then place, category and time."""
        fresh = max(0.0, 1 - self.days / 60)
        return self.likeness + 0.1 * self.near + 0.05 * self.same_category + 0.05 * fresh


def like_text(
    text: str,
    *,
    now: datetime,
    point: Point | None = None,
    place_path: str = "",
    category_id: int | None = None,
    limit: int = 10,
    but: Sequence[int] = (),
    said_at: datetime | None = None,
) -> list[Like]:
    """The cases that may tell of the same matter as this text, the most alike first.

    Candidates are those that share rare grams with the text, wherever they are, and the newest open ones nearby. Of
    these, what is alike enough (the rules say how much) is given back. ``but``: ids of cases to leave out.
    ``said_at``: when the text was said, if not now.
    """
    on = timezone.localdate(now)
    reach = int(rule("duplicates.near_metres", path=place_path, on=on))
    enough = float(rule("duplicates.likeness", path=place_path, on=on))
    candidates = alike(text)
    candidates += _nearby(point, place_path, category_id, reach, said_at or now)
    found: dict[int, Like] = {}
    somewhere = category_id is not None and (point is not None or bool(place_path))
    least = enough * LESS if somewhere else enough
    for like in _compare(text, candidates, said_at or now, point, place_path, category_id, reach, least):
        if like.case_id in but or like.told_by in but or not _is_enough(like, enough):
            continue
        known = found.get(like.case_id)
        if known is None or known.score < like.score:
            found[like.case_id] = like
    return sorted(found.values(), key=lambda like: (-like.score, like.case_id))[:limit]


def _is_enough(like: Like, enough: float) -> bool:
    """Words decide. Nearby, for the same subject and lately, fewer words do."""
    return like.likeness >= enough or (
        like.likeness >= enough * LESS and like.near and like.same_category and like.days <= LATELY
    )


def alike(text: str) -> list[int]:
    """Ids of the messages whose signatures share most with the text: each shared gram counts by its rarity.

    Whole numbers only, so the statement is written out; both databases read it in the same way.
    """
    asked = probes(text)
    if not asked:
        return []
    table = Posting._meta.db_table
    rows = ",".join(f"({gram},{weight})" for gram, weight in asked)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH asked(gram, weight) AS (VALUES {rows}) "  # noqa: S608
            f"SELECT {table}.message_id FROM asked JOIN {table} ON {table}.gram = asked.gram "
            f"GROUP BY {table}.message_id ORDER BY SUM(asked.weight) DESC, {table}.message_id DESC LIMIT {CANDIDATES}"
        )
        return [message_id for (message_id,) in cursor.fetchall()]


def _nearby(point: Point | None, place_path: str, category_id: int | None, reach: int, said_at: datetime) -> list[int]:
    """Messages of the newest open cases nearby of the same subject: of these, fewer words are enough."""
    if category_id is None or (point is None and len(place_path) < 12):
        return []
    if point is not None:
        where = Q(first_case__cell__in=cells_around(*point, reach))
    else:
        where = below(place_path, "first_case__place_path")
    recent = Voice.objects.filter(
        where,
        joined_at__isnull=True,
        first_case__state__in=OPEN,
        first_case__category_id=category_id,
        first_case__opened_at__gte=said_at - timedelta(days=LATELY),
    )
    # Sorted here: asked for the newest, a database walks through all the newest of the city instead of the few nearby.
    found = sorted(recent.values_list("first_case__opened_at", "message_id")[:200], reverse=True)
    return [message_id for _at, message_id in found[:NEIGHBOURS]]


def _compare(
    text: str,
    candidates: Sequence[int],
    said_at: datetime,
    point: Point | None,
    place_path: str,
    category_id: int | None,
    reach: int,
    least: float,
) -> list[Like]:
    # First only the words, of many; the rest of those that are alike.
    texts = list(Message.objects.filter(pk__in=set(candidates)).values_list("pk", "text"))
    compared = zip(texts, likenesses(text, [words for _pk, words in texts]), strict=True)
    best = sorted(((likeness, pk, words) for (pk, words), likeness in compared if likeness >= least), reverse=True)
    alike_ones = {pk: (likeness, words) for likeness, pk, words in best[:CLOSER]}
    # Where that voice lies now is the case that is handled.
    rows = Voice.objects.filter(message__in=list(alike_ones), joined_at__isnull=True).values_list(
        "message_id", "first_case_id", "case_id", "message__received_at",
        "case__category_id", "case__place_path", "case__placed", "case__lon", "case__lat",
    )  # fmt: skip
    found = []
    for pk, first_case_id, case_id, received_at, category, path, placed, lon, lat in rows if alike_ones else ():
        away = round(metres(*point, lon, lat)) if point is not None and lon is not None and lat is not None else None
        same_place = placed and len(place_path) >= 12 and path.startswith(place_path)
        found.append(
            Like(
                case_id=case_id,
                told_by=first_case_id,
                likeness=alike_ones[pk][0],
                metres=away,
                days=abs(said_at - received_at).days,
                near=away <= reach if away is not None else same_place,
                same_category=category_id is not None and category == category_id,
                text=alike_ones[pk][1],
            )
        )
    return found


def like_case(case: Case, *, now: datetime, limit: int = 10) -> list[Like]:
    """What may tell of the same matter as this case, without those that somebody has found to be something else."""
    text = text_of(case)
    if not text:
        return []
    return like_text(
        text,
        now=now,
        point=(case.lon, case.lat) if case.lon is not None and case.lat is not None else None,
        place_path=case.place_path if case.placed else "",
        category_id=case.category_id,
        limit=limit,
        but=[case.pk, *apart_from(case)],
        said_at=case.opened_at,
    )


def text_of(case: Case) -> str:
    """What the reporter said who opened the case."""
    told = Voice.objects.filter(first_case=case, joined_at__isnull=True).values_list("message__text", flat=True)
    return next(iter(told), "")


def apart_from(case: Case) -> list[int]:
    pairs = Apart.objects.filter(Q(first=case) | Q(second=case)).values_list("first_id", "second_id")
    return [second if first == case.pk else first for first, second in pairs]
