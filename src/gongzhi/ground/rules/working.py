"""How directed work is done at a place: which modules, which flow, which words. It follows the place's profile.

Screens ask ``flow_of(path, now)`` and never a profile by its name: a place may decide any of these rules for itself.
Asking usually costs no statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.places.models import Profile
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules import in_force
from gongzhi.ground.rules.packs import packs

_ANY = "00"  # no place has this path, so no pack of a place speaks of it


class Module(StrEnum):
    """A part of the platform that a place uses or not."""

    DISPATCH_FORMS = "dispatch_forms"
    VALUE_BOARD = "value_board"
    CAPABLE_PEOPLE = "capable_people"
    ALLIANCES = "alliances"
    CLAIMS = "claims"
    CORRIDOR_CHIEFS = "corridor_chiefs"
    POINTS = "points"


class Flow(StrEnum):
    """How work from above comes in."""

    DISPATCH = "dispatch"
    VALUES = "values"


class Hands(StrEnum):
    """Who does it in the end."""

    CLAIMS = "claims"
    CHAIN = "chain"


@dataclass(frozen=True)
class Working:
    """What holds at one place at one moment."""

    profile: Profile | None  # none: nobody has chosen one, the general rules hold
    said_at: str  # the path of the place that says the profile
    modules: tuple[str, ...]
    flow: Flow
    hands: Hands
    pass_down: tuple[str, ...]  # roles in order
    words: str  # office, board, neighbours, chain
    land_words: str  # city, village

    def uses(self, module: str) -> bool:
        return module in self.modules


def flow_of(path: str, now: datetime) -> Working:
    """How work is done at the place with this path. A change of the profile or of a rule counts at once."""
    return _working(in_force.book(), path, timezone.localdate(now))


def _working(book: in_force.Book, path: str, on: date) -> Working:
    profile, said_at = book.profile_at(path)

    def value(key: str) -> object:
        return book.look_up(f"work.{key}", path, on).value

    def words_of(key: str) -> tuple[str, ...]:
        found = value(key)
        return tuple(str(word) for word in found) if isinstance(found, tuple) else ()

    return Working(
        profile=profile,
        said_at=said_at,
        modules=tuple(dict.fromkeys((*words_of("modules"), *words_of("land_modules")))),
        flow=Flow(str(value("flow"))),
        hands=Hands(str(value("hands"))),
        pass_down=words_of("pass_down_default"),
        words=str(value("words")),
        land_words=str(value("land_words")),
    )


def lately(path: str, now: datetime) -> Working:
    """The same for menus, which every page has: another process's switch may be seen up to a minute later."""
    return _working(in_force.recent(), path, timezone.localdate(now))


def lately_on(key: str, path: str, on: date) -> bool:
    """Whether a rule switches something on at a place, for menus as ``lately`` is."""
    return bool(in_force.recent().look_up(key, path, on).value)


def flow_under(profile: Profile, now: datetime) -> Working:
    """How work is done at a place that has this profile and decided nothing for itself: what the packs say."""
    book = in_force.Book(packs=packs(), profiles={_ANY: profile})
    return _working(book, _ANY, timezone.localdate(now))


def places_with(profile: Profile) -> list[str]:
    """The paths of the places that say this profile themselves."""
    return sorted(path for path, said in in_force.book().profiles.items() if said is profile)


def modules_of(paths: Iterable[str], now: datetime) -> frozenset[str]:
    """The modules that are used at any of these places: what the menu of somebody with several posts shows."""
    book, on = in_force.recent(), timezone.localdate(now)
    return frozenset(module for path in set(paths) for module in _working(book, path, on).modules)


def require_module(module: str, path: str, now: datetime) -> None:
    """A Refusal where a place does not use this module. What it holds from before stays readable."""
    if not flow_of(path, now).uses(module):
        raise Refusal(
            _("This is not used here: the profile of the place leaves it out. The page of profiles says what is used."),
            status=409,
        )
