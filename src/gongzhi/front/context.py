"""What every page knows: the door it belongs to, the display the person chose, the telephone, the mode, the menu.

Costs no query for a resident without a session, and one (the posts) for somebody who is signed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from gongzhi.front.mode import ORDINARY, Mode
from gongzhi.front.standing import band, desk_path
from gongzhi.front.working import hides, label_for, modules_for
from gongzhi.ground.access.reach import posts_of
from gongzhi.ground.rules.working import Module, lately_on

DISPLAYS: Final = ("ordinary", "elder")
DISPLAY_COOKIE: Final = "display"
# How Django names a language, and how a page must name it.
LANGUAGE_TAGS: Final = {"zh-hans": "zh-Hans", "en": "en"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a menu, as the page shows it."""

    label: Any
    url: str
    icon: str
    current: bool = False
    daily: bool = True  # stands in the bar; the others are one step away, under "More"


# (label, URL name, icon, the verb that a post must have). An entry whose URL is not there yet is left out.
STAFF_MENU: Final = (
    (_("Today"), "workbench:today", "calendar", "workbench.enter"),
    (_("Inbox"), "workbench:inbox", "inbox", "cases.sort"),
    (_("Cases"), "workbench:cases", "list", "cases.read"),
    (_("Tasks"), "workbench:tasks", "check", "tasks.work"),
    (_("Directives"), "workbench:directives", "send", "directives.issue"),
    (_("Sent to us"), "workbench:assignments", "assign", "directives.work"),
    (_("Checks"), "workbench:checks", "eye", "checks.check"),
    (_("Field work"), "field:today", "pin", "directives.work"),
    (_("Calls"), "workbench:calls", "phone", "checks.check"),
    (_("Map"), "workbench:map", "map", "places.read"),
    (_("Rulings"), "workbench:rulings", "people", "cases.rule"),
    (_("Supervision slips"), "workbench:slips", "flag", "tasks.work"),
    (_("Open load"), "workbench:load", "list", "load.read"),
    (_("Stand-ins"), "workbench:standins", "people", "access.stand_in"),
    (_("Values"), "workbench:values", "mark", "values.work"),
    (_("Whistles"), "workbench:whistles", "sound", "whistles.answer"),
    (_("Disputes"), "workbench:disputes", "dispute", "disputes.enter"),
    (_("Household points"), "workbench:points", "home", "points.read"),
    (_("Themes"), "workbench:themes", "list", "themes.answer"),
    (_("Rates"), "workbench:rates", "check", "rates.read"),
    (_("Bulletins"), "workbench:bulletins", "calendar", "rates.read"),
    (_("Suggestions"), "workbench:suggestions", "eye", "cases.sort"),
    (_("Import"), "workbench:imports", "inbox", "channels.import"),
    (_("Call list"), "workbench:callups", "phone", "callups.keep"),
    (_("Claims"), "workbench:claims", "hand", "callups.keep"),
    (_("Burden meter"), "workbench:burden", "clock", "burden.read"),
    (_("Places"), "workbench:places", "pin", "places.read"),
    (_("Profiles"), "workbench:profiles", "settings", "places.read"),
    (_("Posts"), "workbench:posts", "users", "access.read"),
    (_("Categories"), "workbench:categories", "list", "cases.categories"),
    (_("Responsibilities"), "workbench:responsibilities", "people", "cases.categories"),
    (_("Rules"), "workbench:rules", "book", "rules.read"),
    (_("Outbox"), "notices:outbox", "send", "notices.read"),
    (_("Jobs"), "loop:jobs", "settings", "loop.read"),
    (_("Webhooks"), "webhooks:webhook_list", "send", "webhooks.manage"),
    (_("Audit"), "workbench:audit", "shield", "ledger.read"),
)
# Entries that stand there only where a place has switched the module on.
SWITCHED: Final = {"workbench:points": "points.enabled"}
# Entries that a place with this module opens every day: they stand behind what was sent to it.
FORWARD: Final = {"workbench:values": Module.VALUE_BOARD}
DAILY: Final = 7  # so many stand in the bar when there are more than eight
RESIDENT_MENU: Final = (
    (_("Report something"), "portal:report", "report", ""),
    (_("What is being done"), "portal:progress", "eye", ""),
    (_("Take part"), "portal:take_part", "people", ""),
)


def display_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(DISPLAY_COOKIE, "")
    return chosen if chosen in DISPLAYS else DISPLAYS[0]


def _entry(request: HttpRequest, label: Any, name: str, icon: str) -> Entry | None:
    try:
        url = reverse(name)
    except NoReverseMatch:
        return None
    # "Today" stands at the root of all the others: it is current on its own page only.
    under = name != "workbench:today" and request.path.startswith(url)
    return Entry(label=label, url=url, icon=icon, current=request.path == url or under)


def menu(request: HttpRequest, entries: tuple[tuple[Any, str, str, str], ...], verbs: set[str]) -> list[Entry]:
    """The entries that this person may use, each with its address. Of nested addresses the longest is current."""
    modules = modules_for(request) if verbs else frozenset()
    found = [
        entry
        for label, name, icon, verb in entries
        if (not verb or verb in verbs)
        and not (verb and hides(name, modules))
        and (entry := _entry(request, label_for(name, label, request), name, icon))
    ]
    here = max((entry.url for entry in found if entry.current), key=len, default="")
    bar = len(found) if len(found) <= DAILY + 1 else DAILY
    return [
        Entry(
            label=entry.label,
            url=entry.url,
            icon=entry.icon,
            current=bool(here) and entry.url == here,
            daily=place < bar,
        )
        for place, entry in enumerate(found)
    ]


def _switched_on(request: HttpRequest) -> tuple[tuple[Any, str, str, str], ...]:
    """The staff's menu without the modules that are switched off wherever the person has a post."""
    on = timezone.localdate()
    paths = {post.place_path for post in posts_of(request.user)}
    off = {name for name, key in SWITCHED.items() if not any(lately_on(key, path, on) for path in paths)}
    found = [entry for entry in STAFF_MENU if entry[1] not in off]
    modules = modules_for(request) if paths else frozenset()
    forward = [entry for entry in found if FORWARD.get(entry[1]) in modules]
    rest = [entry for entry in found if entry not in forward]
    place = next(number for number, entry in enumerate(rest) if entry[1] == "workbench:assignments") + 1
    return (*rest[:place], *forward, *rest[place:])


def mode_for(request: HttpRequest, staff: bool) -> Mode:
    """The mode of the place of the first post, or (for residents) of the place they write to."""
    given: Mode | None = getattr(request, "mode", None)
    if given is not None:
        return given
    if request.resolver_match is None:
        return ORDINARY  # an error page asks the database nothing
    now = timezone.now()
    posts = posts_of(request.user) if staff else ()
    return band(posts[0].place_path if posts else desk_path(now), now)


def page(request: HttpRequest) -> dict[str, Any]:
    """The context processor. ``base.html`` lists what it gives; a view may give any of it itself, and then wins."""
    match = request.resolver_match
    portal = bool(match and "portal" in match.namespaces)
    user = getattr(request, "user", None)
    staff = not portal and user is not None and user.is_authenticated
    verbs: set[str] = set()
    if staff and user is not None:
        verbs = {verb for post in posts_of(user) for verb in post.verbs}
    staff_menu = menu(request, _switched_on(request), verbs) if staff else []
    return {
        "lang": LANGUAGE_TAGS.get(get_language() or "", "zh-Hans"),
        "demo": settings.DEMO,
        "display": display_of(request),
        "telephone": settings.GONGZHI_TELEPHONE,
        "place_name": settings.GONGZHI_NAME,
        "mode": mode_for(request, staff),
        "door": "workbench" if staff else "portal",
        "staff_menu": [entry for entry in staff_menu if entry.daily],
        "staff_more": [entry for entry in staff_menu if not entry.daily],
        "resident_menu": [] if staff else menu(request, RESIDENT_MENU, verbs),
    }
