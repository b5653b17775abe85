"""Who plays the staff: the people of ``generate.staff`` as users with posts, and who of them is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from gongzhi.config.demonstration.generate import DemoStaff, significant
from gongzhi.ground.access.actions import grant_post
from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place

# Which department a matter belongs to, by the beginning of its category; everything else is the city management's.
DEPARTMENTS = {
    "supply.water": "water",
    "supply.sewage": "water",
    "market": "market",
    "consult.tax": "market",
    "work": "human_resources",
}


@dataclass(frozen=True)
class Player:
    user: User
    post: Post
    department: str


def engage(team: Sequence[DemoStaff], *, starts_on: date, now: datetime) -> Cast:
    """Make the users and give them their posts. They have no password: the sign-in page lets anybody in as them."""
    places = {
        place.path: place for place in Place.objects.filter(path__in={significant(one.place_code) for one in team})
    }
    players = []
    for one in team:
        user = User.objects.create_user(
            one.username, None, name=one.name, work_phone=one.phone, is_demo=True, is_active=True
        )
        post = grant_post(
            user=user,
            role=one.role,
            place=places[significant(one.place_code)],
            starts_on=starts_on,
            reason=f"{one.title_zh}（演示）",
            by=None,
            now=now,
        )
        players.append(Player(user, post, one.department))
    return Cast(players)


class Cast:
    """Finds the person for a role at a place."""

    def __init__(self, players: Sequence[Player]) -> None:
        self._by_role: dict[str, list[Player]] = {}
        for player in players:
            self._by_role.setdefault(player.post.role, []).append(player)

    def nearest(self, role: str, path: str, *, turn: int = 0, category: str = "") -> Player | None:
        """Who holds the role at the place or nearest above it; several there take turns."""
        able = [player for player in self._by_role.get(role, ()) if path.startswith(player.post.place_path)]
        if not able:
            return None
        closest = max(len(player.post.place_path) for player in able)
        here = [player for player in able if len(player.post.place_path) == closest]
        if here[0].department:
            wanted = next((name for start, name in DEPARTMENTS.items() if category.startswith(start)), "")
            here = [player for player in here if player.department == (wanted or "city_management")] or here
        return here[turn % len(here)]
