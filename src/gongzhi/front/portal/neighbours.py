"""What neighbours have reported already: what a resident is shown of it while writing, and joining it.

Shown are category, community, day, state and how many reported it. Never words, photos, names, exact places or case
numbers, and nothing of matters between people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from gongzhi.ground.places.actions import grid_at
from gongzhi.ground.places.cells import on_earth
from gongzhi.ground.places.models import Place
from gongzhi.understand.cases.models import Case, State
from gongzhi.understand.cases.tree import category_by_code, category_by_id
from gongzhi.understand.cases.voices import JOINABLE, is_private
from gongzhi.understand.duplicates.finding import Point, like_text

SALT = "gongzhi.join"
# A form may lie open for a day before it is sent.
LIFE = timedelta(days=1)
MOST = 3
SHORTEST = 4  # characters below which nothing is looked for


@dataclass(frozen=True)
class Neighbourly:
    """One matter that may be the same, as far as anybody may know of it."""

    token: str  # names the case to us and to nobody else
    category: str
    place: str
    day: str
    state: str
    reporters: int
    nearby: str  # "about 100 metres from your point"; may be empty


def neighbourly(
    text: str,
    *,
    now: datetime,
    point: Point | None,
    place: Place | None,
    category: str = "",
    but: tuple[int, ...] = (),
) -> list[Neighbourly]:
    """What others have reported nearby that may be the same matter; at most three."""
    if point is not None and not on_earth(*point):
        return []
    where = (grid_at(*point) if point is not None else None) or place
    if len(text.strip()) < SHORTEST or (point is None and where is None):
        return []
    node = category_by_code(category) if category else None
    likes = like_text(
        text,
        now=now,
        point=point,
        place_path=where.path if where is not None else "",
        category_id=node.pk if node is not None else None,
        limit=20,
        but=but,
    )
    near = {like.case_id: like for like in likes if like.near}
    rows = Case.objects.filter(pk__in=near, state__in=JOINABLE, placed=True, category__isnull=False)
    cases = {case.pk: case for case in rows if not is_private(case)}
    communities = Place.objects.filter(level="village", path__in={case.place_path[:12] for case in cases.values()})
    names = {place.path: place.name for place in communities} if cases else {}
    found = []
    for like in likes:
        case = cases.get(like.case_id)
        subject = category_by_id(case.category_id) if case is not None else None
        if case is None or subject is None or case.place_path[:12] not in names:
            continue
        found.append(
            Neighbourly(
                token=token_for(case.pk),
                category=subject.name,
                place=names[case.place_path[:12]],
                day=date_format(timezone.localdate(case.opened_at), "Y-m-d"),
                state=_("not with anybody yet") if case.state == State.NEW else case.get_state_display(),
                reporters=case.voice_count,
                nearby=_distance(like.metres),
            )
        )
    return found[:MOST]


def _distance(metres: int | None) -> str:
    """Roughly: nobody needs to learn at whose door it is."""
    if metres is None:
        return ""
    if metres <= 100:
        return _("within 100 metres of your point")
    return _("about %(metres)d metres from your point") % {"metres": round(metres, -2)}


def token_for(case_id: int) -> str:
    return signing.dumps(case_id, salt=SALT, compress=False)


def case_for(token: str) -> int | None:
    """The case that was proposed; None for a token that is wrong or older than a day."""
    try:
        found = signing.loads(token, salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        return None
    return found if isinstance(found, int) else None


def number_for(token: str) -> str:
    """The number of the case that was proposed, as a message names what it joins; empty when there is none."""
    case_id = case_for(token)
    if case_id is None:
        return ""
    return next(iter(Case.objects.filter(pk=case_id).values_list("number", flat=True)), "")
