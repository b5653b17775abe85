"""How work is done at a place: the eight profiles in plain words, where each holds, and switching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from gongzhi.front.workbench.forms.administration import ProfileForm
from gongzhi.front.workbench.views.administration import Administration
from gongzhi.front.working import (
    FLOW_WORDS,
    HANDS_WORDS,
    MODULE_WORDS,
    PLAIN_WORDS,
    Words,
    governance,
    role_words,
    words_of,
)
from gongzhi.ground.access import actions as access
from gongzhi.ground.access.reach import posts_of, reach
from gongzhi.ground.places.models import Place, Profile, ProfileChange
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.working import Module, Working, flow_of, flow_under, places_with

SHOWN: Final = 30  # names of places under a profile
CHOICES: Final = 400  # places that can be chosen from


@dataclass(frozen=True)
class Shown:
    """A way of working, as the page tells it."""

    working: Working
    words: Words
    flow: Any
    hands: Any
    modules: list[tuple[Any, Any, str]]  # name, words, and "new" or "gone" against the place that is looked at
    pass_down: list[Any]


def shown(working: Working, beside: Working | None = None) -> Shown:
    before = set(beside.modules) if beside is not None else set(working.modules)
    modules = [(*MODULE_WORDS[module], "" if module in before else "new") for module in Module if working.uses(module)]
    modules += [(*MODULE_WORDS[module], "gone") for module in Module if module in before and not working.uses(module)]
    return Shown(
        working=working,
        words=words_of(working),
        flow=FLOW_WORDS[working.flow],
        hands=HANDS_WORDS[working.hands],
        modules=modules,
        pass_down=[role_words(role, working) for role in working.pass_down],
    )


class Profiles(Administration):
    """Each profile: what it changes, where it holds; and the profile of one place, with its last switch."""

    verb = "places.read"
    changing = "places.change"

    def get(self, request: HttpRequest) -> HttpResponse:
        place = self.chosen(request.GET.get("place", ""))
        here = flow_of(place.path, self.now)
        names = self.names()
        profiles = [
            {
                "profile": profile,
                "plain": PLAIN_WORDS[governance(profile)],
                "shown": shown(flow_under(profile, self.now), here),
                "places": [names[path] for path in places_with(profile) if path in names][:SHOWN],
                "current": here.profile is profile,
            }
            for profile in Profile
        ]
        today = self.now.date()
        context = {
            **self.frame(),
            "place": place,
            "here": shown(here),
            "said_at": names.get(here.said_at),
            "profiles": profiles,
            "last": ProfileChange.objects.filter(place=place).first(),
            "earlier": ProfileChange.objects.filter(place=place).select_related("by")[1:6],
            "choices": self.choices(),
            "may_change": access.holding(self.person, "places.change", place.path, self.now) is not None,
            "form": ProfileForm(initial={"profile": place.profile}),
            "limits": {
                "reports": rule("burden.reports_week", path=place.path, on=today),
                "minutes": rule("burden.minutes_week", path=place.path, on=today),
            },
        }
        return render(request, "workbench/profiles.html", context)

    def chosen(self, path: str) -> Place:
        """The place that is looked at: the one asked for, else that of the person's nearest post."""
        if not path:
            return max(posts_of(self.person), key=lambda post: len(post.place_path)).place
        place = Place.objects.filter(reach(self.person, self.verb, field="path"), path=path[:30]).first()
        if place is None:
            raise Http404
        return place

    def choices(self) -> list[Place]:
        """Places in reach whose profile somebody may want to look at: counties, towns and villages."""
        levels = [Place.Level.COUNTY, Place.Level.TOWN, Place.Level.VILLAGE]
        within = Place.objects.filter(reach(self.person, self.verb, field="path"), valid_to=None, level__in=levels)
        return list(within.order_by("path")[:CHOICES])

    def names(self) -> dict[str, Place]:
        """The places that say a profile themselves. Divisions are public, so everybody may read where one holds."""
        found = Place.objects.exclude(profile="").filter(valid_to=None).only("path", "name", "level", "profile")
        return {place.path: place for place in found}
