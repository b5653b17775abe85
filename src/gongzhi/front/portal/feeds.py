"""The feed of a place (Atom, RFC 4287): what was taken in and what was settled there in the last days.

It says what ``front/public.py`` allows: the kind of matter, the community and the moment. Nobody's words.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Final
from xml.etree import ElementTree

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import http_date, parse_http_date_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from gongzhi.front.limits import count_question
from gongzhi.front.public import kind_of, public_cases
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.places.paths import below, is_path
from gongzhi.understand.cases.models import Case

DAYS: Final = 14
MOST: Final = 200
ATOM: Final = "http://www.w3.org/2005/Atom"
_NAMES: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gongzhi:feed")
_TOLD: Final = ("cases.CaseOpened", "cases.CaseClosed", "cases.CaseReopened")


class Feed(Guarded):
    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        count_question(request, self.now, what="feed")
        place = Place.objects.current().filter(path=path).first() if is_path(path) else None
        if place is None:
            raise Http404
        steps = read_steps(path, self.now)
        newest = max((entry.at for entry, _case in steps), default=self.now.replace(hour=0, minute=0, second=0))
        marks = "|".join(f"{entry.pk}:{case.category_id}:{case.place_id}" for entry, case in steps)
        digest = hashlib.sha256(f"{path}|{place.name}|{get_language()}|{marks}".encode()).hexdigest()[:24]
        tag, changed = f'"{digest}"', newest.replace(microsecond=0)
        if _unchanged(request, tag, changed):
            response = HttpResponse(status=304)
        else:
            body = draw(request, place, steps, newest)
            response = HttpResponse(body, content_type="application/atom+xml; charset=utf-8")
        response["ETag"] = tag
        response["Last-Modified"] = http_date(changed.timestamp())
        response["Cache-Control"] = "public, max-age=300"
        return response


def _unchanged(request: HttpRequest, tag: str, changed: datetime) -> bool:
    wanted = request.headers.get("If-None-Match")
    if wanted is not None:  # then the date does not count (RFC 9110)
        return tag in {one.strip().removeprefix("W/") for one in wanted.split(",")}
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    return since is not None and changed.timestamp() <= since


def read_steps(path: str, now: datetime) -> list[tuple[Entry, Case]]:
    """The newest steps of public matters, newest first: two statements, whatever the size of the place."""
    entries = list(
        Entry.objects.filter(below(path, "place_path"), event__in=_TOLD, at__gte=now - timedelta(days=DAYS))
        .filter(at__lte=now)
        .order_by("-at", "-id")[:MOST]
    )
    found = public_cases().filter(pk__in={entry.object_id for entry in entries})
    cases = {case.pk: case for case in found.select_related("place__parent")}
    return [(entry, cases[entry.object_id]) for entry in entries if entry.object_id in cases]


def draw(request: HttpRequest, place: Place, steps: list[tuple[Entry, Case]], newest: datetime) -> bytes:
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    language = get_language() or "zh-hans"
    feed.set("{http://www.w3.org/XML/1998/namespace}lang", "en" if language.startswith("en") else "zh-Hans")
    _add(feed, "id", f"urn:uuid:{uuid.uuid5(_NAMES, place.path)}")
    _add(feed, "title", _("What is being done: %(place)s") % {"place": place.name})
    _add(feed, "updated", newest.isoformat())
    author = ElementTree.SubElement(feed, f"{{{ATOM}}}author")
    _add(author, "name", str(settings.GONGZHI_NAME or "Gongzhi"))
    own = request.build_absolute_uri(reverse("portal:feed", kwargs={"path": place.path}))
    _add(feed, "link", rel="self", type="application/atom+xml", href=own)
    _add(feed, "link", rel="alternate", type="text/html", href=request.build_absolute_uri(reverse("portal:progress")))
    words = {
        "cases.CaseOpened": _("Taken in"),
        "cases.CaseClosed": _("Settled"),
        "cases.CaseReopened": _("Taken up again"),
    }
    for entry, case in steps:
        kind = kind_of(case)
        where = case.place
        if where.level in (Level.GRID, Level.BUILDING) and where.parent is not None:
            where = where.parent
        item = ElementTree.SubElement(feed, f"{{{ATOM}}}entry")
        _add(item, "id", f"urn:uuid:{uuid.uuid5(_NAMES, f'{place.path}/{entry.pk}')}")
        title = _("%(step)s: %(kind)s, %(place)s")
        _add(item, "title", title % {"step": words[entry.event], "kind": kind.name, "place": where.name})
        _add(item, "updated", entry.at.isoformat())
        _add(item, "category", term=kind.code, label=kind.name)
        told = _("No. %(number)s, received %(day)s.") % {"number": case.number, "day": f"{case.opened_at:%Y-%m-%d}"}
        _add(item, "summary", told)
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: ElementTree.Element, name: str, text: str | None = None, **more: str) -> None:
    element = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}", more)
    element.text = text
