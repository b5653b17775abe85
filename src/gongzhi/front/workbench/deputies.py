"""Who could do whose work: a proposal for each position of a person or a place, which a human being then changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _

from gongzhi.act.disputes.models import Dispute
from gongzhi.act.values.models import Item
from gongzhi.act.values.models import State as ItemState
from gongzhi.front.workbench.load import Line, Position, page
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.standins import may_stand_in
from gongzhi.ground.accounts.models import User

CHOICES: Final = 12  # people offered for one position
MOST_POSITIONS: Final = 200  # on one page


@dataclass
class Candidate:
    """Somebody who holds posts of work within reach, and what they have to do already."""

    user: User
    posts: list[Post]
    minutes: int = 0

    @property
    def words(self) -> str:
        return f"{self.user} · {self.posts[0]}"


@dataclass(frozen=True)
class Choice:
    """One position and the people offered for it, the proposed one first in ``chosen`` (0: nobody)."""

    line: Line
    offered: list[Candidate]
    chosen: int

    @property
    def name(self) -> str:
        return f"seat-{self.line.role}-{self.line.place_id}"


def candidates(posts: Iterable[Post], lines: Sequence[Line]) -> list[Candidate]:
    """Everybody with a post of work, with the open load of all their positions and of those they stand in for."""
    found: dict[int, Candidate] = {}
    load: dict[Position, int] = {line.position: line.minutes for line in lines}
    for post in posts:
        one = found.setdefault(post.user_id, Candidate(post.user, []))
        one.posts.append(post)
        one.minutes += load.get((post.role, post.place_id), 0)
    for line in lines:
        for row in line.stand_ins:
            if row.deputy_id in found:
                found[row.deputy_id].minutes += line.minutes
    return sorted(found.values(), key=lambda one: one.user.pk)


def near(path: str, post: Post) -> int:
    """How much of the way from the top two places share."""
    shared = 0
    for ours, theirs in zip(path, post.place_path, strict=False):
        if ours != theirs:
            break
        shared += 1
    return shared


def propose(lines: Sequence[Line], people: Sequence[Candidate], *, away: set[int], staying: set[int]) -> list[Choice]:
    """For each position the same role nearby with the least to do; what is given counts for the next one.

    ``away``: nobody of these is proposed, or offered. ``staying``: who stays for the routine work; when anybody does,
    only they are proposed, and their own positions stay with them.
    """
    minutes = {one.user.pk: one.minutes for one in people}
    found = []
    for line in lines:
        able = [
            one
            for one in people
            if one.user.pk not in away and one.user.pk not in line.people and may_stand_in(line.role, one.posts)
        ]

        def rank(one: Candidate, line: Line = line) -> tuple[bool, int, int, int]:
            same = [post for post in one.posts if post.role == line.role]
            closest = max(near(line.place_path, post) for post in same or one.posts)
            return not same, -closest, minutes[one.user.pk], one.user.pk

        offered = sorted(able, key=rank)
        if staying:
            first = sorted((one for one in able if one.user.pk in staying), key=lambda one: minutes[one.user.pk])
            offered = first + [one for one in offered if one.user.pk not in staying]
            chosen = first[0].user.pk if first and not line.people.keys() & staying else 0
        else:
            chosen = offered[0].user.pk if offered else 0
        if chosen:
            minutes[chosen] += max(line.minutes, 1)
        found.append(Choice(line, offered[:CHOICES], chosen))
    return found


@dataclass(frozen=True)
class ByHand:
    """Work that is named to a person and not to a post: it does not move with a stand-in."""

    label: str
    url: str


def named_to(absent: User, *, seen_by: User) -> list[ByHand]:
    """What must be given to somebody else piece by piece. Numbers only; a link for whoever may open it."""
    rows = list(Dispute.objects.mediated_by(absent).live().order_by("pk")[:100])
    seen = set(Dispute.objects.visible_to(seen_by).filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    items = list(Item.objects.of(absent).filter(state=ItemState.OPEN).order_by("due_at", "pk")[:100])
    managed = set(Item.objects.managed_by(seen_by).filter(holder=absent).values_list("pk", flat=True))
    named = [
        ByHand(
            _("Valued item %(number)s") % {"number": row.number},
            page("workbench:value", row.pk) if row.pk in managed else "",
        )
        for row in items
    ]
    return named + [
        ByHand(
            _("Mediation %(number)s") % {"number": row.number},
            reverse("workbench:dispute", kwargs={"pk": row.pk}) if row.pk in seen else "",
        )
        for row in rows
    ]
