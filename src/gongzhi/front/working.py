"""The words and menu entries that follow a place's profile. What holds is asked of ``ground.rules.working``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_of
from gongzhi.ground.access.roles import Role
from gongzhi.ground.places.models import Profile
from gongzhi.ground.rules.working import Flow, Hands, Module, Working, flow_of, lately, modules_of

__all__ = [
    "Words", "flow_of", "hides", "label_for", "modules_for", "post_words", "role_words", "words_of", "working_for",
]  # fmt: skip


@dataclass(frozen=True)
class Words:
    """One wording set: what directed work is called, and what is done with it."""

    thing: Any  # "an assignment"
    things: Any  # the menu entry and the heading of lists
    take: Any  # the button that says "I have it"
    hand_on: Any  # the button that gives it to others
    report: Any  # the button that gives the result
    promise: Any  # one sentence at the top of the list


OFFICE: Final = Words(
    thing=_("assignment"),
    things=_("Assignments"),
    take=_("Confirm receipt"),
    hand_on=_("Pass down"),
    report=_("Report the result"),
    promise=_("What the street has sent, with its form and its deadline. Report the result on the form."),
)
WORDS: Final[Mapping[str, Words]] = {
    "office": OFFICE,
    "neighbours": Words(
        thing=_("shared task"),
        things=_("Shared tasks"),
        take=_("Confirm receipt"),
        hand_on=_("Pass down"),
        report=_("Report the result"),
        promise=_("What the street has sent. Offer pieces to residents’ groups and member organisations first."),
    ),
    "board": Words(
        thing=_("task from above"),
        things=_("From above"),
        take=_("We take it on"),
        hand_on=_("Give to a cadre or a group"),
        report=_("Say what came of it"),
        promise=_("What came from above. Put a value on it, and give it to a cadre, a capable person or a group."),
    ),
    "chain": Words(
        thing=_("errand"),
        things=_("Errands"),
        take=_("I have it"),
        hand_on=_("Send down the chain"),
        report=_("Say that it is done"),
        promise=_("What came from above. Send it down the chain: grid, then building or group, then every door."),
    ),
}

_VILLAGE_ROLES: Final[Mapping[str, Any]] = {
    Role.BUILDING_CHIEF: _("Villagers’ group leader"),
    Role.COMMUNITY_CLERK: _("Village cadre"),
    Role.COMMUNITY_SECRETARY: _("Village secretary"),
}

MODULE_WORDS: Final[Mapping[str, tuple[Any, Any]]] = {
    Module.DISPATCH_FORMS: (_("Standard forms"), _("Work comes with a form; the result is written on it.")),
    Module.VALUE_BOARD: (
        _("Value board"),
        _("Received work becomes an item with a value, given to a named cadre and scored with a reason."),
    ),
    Module.CAPABLE_PEOPLE: (
        _("Call list of capable people"),
        _("Who can drive, heal, repair or mediate, and agreed to be called."),
    ),
    Module.ALLIANCES: (_("Alliances"), _("Residents’ groups, firms and associations that take part.")),
    Module.CLAIMS: (_("Claims"), _("A group takes a piece of an assignment and reports on it.")),
    Module.CORRIDOR_CHIEFS: (
        _("Chain of corridor chiefs"),
        _("Work goes from the community to the grid, to the building, to every door."),
    ),
    Module.POINTS: (
        _("Household points"),
        _("Points for households by villagers’ own rules, if the meeting adopts them."),
    ),
}
FLOW_WORDS: Final[Mapping[str, Any]] = {
    Flow.DISPATCH: _("The street sends it with a form, and gets the result back on the form."),
    Flow.VALUES: _("What comes from above goes on the board, gets a value, and is given to a named cadre."),
}
HANDS_WORDS: Final[Mapping[str, Any]] = {
    Hands.CLAIMS: _("Groups and organisations claim pieces; what nobody claims stays with the posts."),
    Hands.CHAIN: _("It goes down the chain of grid workers and corridor chiefs or group leaders."),
}
PLAIN_WORDS: Final[Mapping[str, Any]] = {
    "rich_high": _("There is enough staff and money, and residents organise much themselves."),
    "rich_low": _("There is enough staff and money, but residents rarely act together."),
    "scarce_high": _("There are few cadres and little money, but people help each other and know whom to ask."),
    "scarce_low": _("There are few cadres and little money, and residents rarely act together."),
}

# Menu entries that only make sense with a module; an entry that is not named here is for everybody who may.
_ENTRY_MODULES: Final[Mapping[str, str]] = {
    "workbench:values": Module.VALUE_BOARD,
    "workbench:callups": Module.CAPABLE_PEOPLE,
    "workbench:claims": Module.CLAIMS,
}
# Menu entries that are called as the wording set of the place calls them.
_ENTRY_THINGS: Final = frozenset({"workbench:assignments"})


def words_of(working: Working) -> Words:
    return WORDS.get(working.words, OFFICE)


def role_words(role: str, working: Working) -> Any:
    """What a post is called here: the head of a corridor in a city, the leader of a group in a village."""
    if working.land_words == "village" and role in _VILLAGE_ROLES:
        return _VILLAGE_ROLES[role]
    return Role(role).label


def post_words(post: Post) -> str:
    """A post with its place, as people there call it."""
    role = role_words(post.role, lately(post.place_path, timezone.now()))
    return gettext("%(role)s, %(place)s") % {"role": role, "place": post.place.name}


def working_for(request: HttpRequest) -> Working:
    """How work is done where the person's nearest post is. Once a request."""
    known: Working | None = getattr(request, "working", None)
    if known is None:
        posts = posts_of(request.user)
        path = max((post.place_path for post in posts), key=len, default="")
        known = lately(path, timezone.now())
        request.working = known  # type: ignore[attr-defined]
    return known


def modules_for(request: HttpRequest) -> frozenset[str]:
    """The modules that are used at any place of the person's posts."""
    return modules_of((post.place_path for post in posts_of(request.user)), timezone.now())


def hides(name: str, modules: frozenset[str]) -> bool:
    """Whether a menu entry has no place here, because nobody here uses its module."""
    return name in _ENTRY_MODULES and _ENTRY_MODULES[name] not in modules


def label_for(name: str, label: Any, request: HttpRequest) -> Any:
    return words_of(working_for(request)).things if name in _ENTRY_THINGS else label


def governance(profile: Profile) -> str:
    """ "rich_high": the profile without its land."""
    return profile.value.rpartition("_")[0]
