"""The pages of the field door. They carry nothing personal, so that a device may keep them; the day's work comes as
data, which the device seals."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

import gongzhi
from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks.models import Task
from gongzhi.act.visits.models import Visit
from gongzhi.front.codes import drawn, read_code
from gongzhi.front.field.actions import MOST_ITEMS, Answer, Item, days_off, take_in, true_moment
from gongzhi.front.field.forms import TypeForms
from gongzhi.front.field.reading import owner_of, piece_rows, task_rows, today_of, visit_rows
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_of
from gongzhi.ground.accounts.models import User
from gongzhi.sense.channels.photos import MOST_PHOTOS
from gongzhi.sense.channels.recordings import LARGEST_RECORDING, MOST_RECORDINGS

SCRIPTS: Final = Path(gongzhi.__file__).parent / "front" / "static" / "gongzhi"
FILES: Final = (
    "tokens.css", "layout.css", "components.css", "print.css", "field.css", "icons.svg", "mark.svg", "field.svg",
    "page.js", "store.js", "parcel.js", "outbox.js", "line.js", "fieldwork.js", "draw.js", "enter.js", "field.js",
)  # fmt: skip
MOST_BYTES: Final = 8 * 1024 * 1024  # of one packed request, unpacked


class Shell(Guarded):
    """A page that a device keeps: words, forms and empty lists."""

    verb = "directives.work"
    template: ClassVar[str]

    def get(self, request: HttpRequest) -> HttpResponse:
        get_token(request)  # the cookie; the page itself carries no token
        context = {
            "door": "portal",
            "page": self.template,
            "messages": (),
            "most_photos": MOST_PHOTOS,
            "most_recordings": MOST_RECORDINGS,
            "most_bytes": LARGEST_RECORDING,
            "telling": telling(),
        }
        response = render(request, f"field/{self.template}.html", context)
        response["Cache-Control"] = "private, no-cache"
        return response


def telling() -> dict[str, str]:
    """What the scripts say."""
    return {
        "offline": _("No network: what you enter is kept on this device and sent later."),
        "online": _("Connected."),
        "signed_out": _("You are signed out. What waits stays here; sign in, and it goes on."),
        "other_user": _("Somebody else was signed in on this device; what they had left here is deleted."),
        "read": _("As of %(when)s."),
        "waiting": _("%(count)s waiting to be sent."),
        "nothing_waits": _("Nothing waits."),
        "kept": _("Kept. It is sent as soon as there is a network."),
        "leave": _("%(count)s entries have not been sent. Signing out deletes them from this device."),
        "delete": _("Delete this entry? It has not been sent."),
        "state_waiting": _("waits"),
        "state_again": _("is tried again"),
        "state_done": _("taken in"),
        "state_refused": _("to be mended"),
        "state_conflict": _("no longer possible"),
        "state_doubtful": _("its time cannot be right"),
        "late": _("late"),
        "sent_one": _("Sent."),
        "full": _("This device has no room left. Send what waits first."),
        "no_microphone": _("This device lets no page record. Choose a sound file instead."),
        "recording": _("Recording … tap again to stop."),
        "record": _("Record a voice note"),
        "seconds": _("%(count)s seconds recorded."),
        "too_large": _("This file is too large."),
        "kind_report": _("Quick report"),
        "kind_task_accept": _("Work order: accept"),
        "kind_task_done": _("Work order: done"),
        "kind_task_return": _("Work order: not ours"),
        "kind_assignment_read": _("Work sent down: read"),
        "kind_assignment_accept": _("Work sent down: accept"),
        "kind_assignment_done": _("Work sent down: done"),
        "kind_assignment_ask": _("Work sent down: question"),
        "kind_aside_settle": _("Read and understood"),
        "kind_visit_plan": _("Visit: plan"),
        "kind_visit_made": _("Visit: made"),
        "kind_visit_drop": _("Visit: not needed"),
        "kind_promise_kept": _("Promise: kept"),
        "number": _("Number %(number)s"),
    }


class Today(Shell):
    template = "today"


class Visits(Shell):
    template = "visits"


class Report(Shell):
    template = "report"


class Outbox(Shell):
    template = "outbox"


class Data(Guarded):
    """The day's work of the person who is signed in."""

    verb = "directives.work"

    def get(self, request: HttpRequest) -> JsonResponse:
        get_token(request)
        response = JsonResponse(today_of(self.person, self.now))
        response["Cache-Control"] = "private, no-store"
        return response


# --- sending --------------------------------------------------------------------------------------------------------


class Unreadable(ValueError):
    """What came is not what devices of ours send."""


def unpacked(request: HttpRequest) -> bytes:
    """The body, which a device may have packed: a slow line carries it five times as fast."""
    body = request.body
    if request.headers.get("X-Packed") != "gzip":
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            content = packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable from error
    if len(content) > MOST_BYTES:
        raise Unreadable
    return content


def items_of(request: HttpRequest, now: datetime) -> Iterator[Item]:
    """The things in a request: JSON, or a form with JSON in the field ``sent`` and the files beside it."""
    form = request.content_type == "multipart/form-data"
    try:
        sent = json.loads(request.POST.get("sent", "") if form else unpacked(request))
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    clock = sent.get("clock") if isinstance(sent, dict) else None
    things = sent.get("items") if isinstance(sent, dict) else None
    if not isinstance(clock, int | float) or not isinstance(things, list) or len(things) > MOST_ITEMS:
        raise Unreadable
    for thing in things:
        yield item_of(thing, clock, now, request)


def item_of(thing: Any, clock: float, now: datetime, request: HttpRequest) -> Item:
    if not isinstance(thing, dict):
        raise Unreadable
    key, kind, written, data = (thing.get(name) for name in ("key", "kind", "at", "data"))
    if not (isinstance(key, str) and 8 <= len(key) <= 64 and key.isascii() and key.isprintable()):
        raise Unreadable
    if not (isinstance(kind, str) and len(kind) <= 30 and isinstance(data, Mapping)):
        raise Unreadable
    moment = true_moment(written=written, clock=clock, now=now) if isinstance(written, int | float) else None
    if moment is None:
        raise Unreadable
    confirmed = thing.get("confirmed") is True
    return Item(
        key=key,
        kind=kind,
        data=data,
        written_at=now if confirmed else moment,
        days_off=days_off(on=str(thing.get("on", "")), clock=clock, written_at=moment, now=now),
        confirmed=confirmed,
        photos=request.FILES.getlist(f"{key}/photos"),
        recordings=request.FILES.getlist(f"{key}/recordings"),
    )


class Sync(Guarded):
    """What waited on a device. Each thing gets its own answer; one that fails holds no other up."""

    verb = "directives.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("field:outbox")

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if request.headers.get("X-Owner") != owner_of(self.person):
            # Somebody else is signed in now: nothing of the one may be sent in the name of the other.
            return JsonResponse({"problem": "owner"}, status=409)
        try:
            items = list(items_of(request, self.now))
        except Unreadable:
            return JsonResponse({"problem": "unreadable"}, status=400)
        answers = [take_in(item, by=self.person, now=self.now) for item in items]
        return JsonResponse({"answers": [answer.as_json() for answer in answers]})


# --- paper ----------------------------------------------------------------------------------------------------------


class Paper(Guarded):
    """Every list on A4 in large type, with a code for each row that can be typed or scanned back in."""

    verb = "directives.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        which = request.GET.get("list", "today")
        planned, promised = visit_rows(self.person, timezone.localdate(self.now))
        lists = {
            "tasks": (_("Work orders"), task_rows(self.person)),
            "pieces": (_("Work sent down"), piece_rows(self.person)),
            "visits": (_("Visits"), planned),
            "promises": (_("Promises"), promised),
        }
        if which in lists:
            lists = {which: lists[which]}
        else:  # paper is not for saying that there is nothing
            lists = {name: one for name, one in lists.items() if one[1]} or {"tasks": lists["tasks"]}
        sheets = [
            {
                "name": name,
                "title": title,
                "rows": [{**row, "drawing": drawn(row["code"])} for row in rows],
            }
            for name, (title, rows) in lists.items()
        ]
        context = {"sheets": sheets, "posts": posts_of(self.person), "printed_at": self.now}
        response = render(request, "field/paper.html", context)
        response["Cache-Control"] = "private, no-store"
        return response


def deed_of(letter: str, number: int, result: str, words: str, person: User) -> tuple[str, dict[str, Any], str] | None:
    """What a row of paper asks for: kind, data, the name of the thing; None when there is no such thing for them."""
    if letter == "T":
        task = Task.objects.for_hands_of(person).select_related("case").filter(pk=number).first()
        if task is None:
            return None
        kind = {"done": "task.done", "accepted": "task.accept", "not": "task.return"}[result]
        told = words or (_("Done (from the paper list).") if result == "done" else "")
        return kind, {"task": task.pk, "words": told, "reason": words}, task.case.summary or task.case.number
    if letter == "A":
        piece = Assignment.objects.for_hands_of(person).select_related("directive").filter(pk=number).first()
        if piece is None:
            return None
        kind = {"done": "assignment.done", "accepted": "assignment.accept", "not": "assignment.ask"}[result]
        told = words or (_("Done (from the paper list).") if result == "done" else "")
        return kind, {"assignment": piece.pk, "words": told, "question": "contest"}, piece.directive.title
    visit = Visit.objects.visible_to(person).select_related("place").filter(pk=number).first()
    if visit is None:
        return None
    name = visit.whom or visit.place.name
    if letter == "P":
        return ("promise.kept" if result == "done" else ""), {"uid": str(visit.uid), "words": words}, name
    kind = {"done": "visit.made", "not": "visit.drop"}.get(result, "")
    return kind, {"uid": str(visit.uid), "asked": words}, name


class TypeIn(Guarded):
    """Results from paper, typed or scanned: a code, what came of it, words. Each row gets its own answer."""

    verb = "directives.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "field/type.html", {"rows": TypeForms()})

    def post(self, request: HttpRequest) -> HttpResponse:
        rows = TypeForms(request.POST)
        if not rows.is_valid():
            # A row with a mistake in it stays; the others are not lost either, as nothing has been done yet.
            return render(request, "field/type.html", {"rows": rows}, status=422)
        results = [
            self.one(row["code"].strip(), row["result"] or "done", row["words"].strip(), row["key"] or "")
            for form in rows
            if (row := form.cleaned_data) and row.get("code", "").strip()
        ]
        good = sum(1 for one in results if one["done"])
        context = {"rows": TypeForms(), "results": results, "good": good, "bad": len(results) - good}
        return render(request, "field/type.html", context)

    def one(self, typed: str, result: str, words: str, key: str) -> dict[str, Any]:
        shown = {"code": typed, "words": words, "done": False, "name": ""}
        read = read_code(typed)
        if read is None:
            return {**shown, "says": _("This is no code of ours. Please look at it again.")}
        deed = deed_of(*read, result, words, self.person)
        if deed is None:
            return {**shown, "says": _("There is nothing of yours under this code.")}
        kind, data, name = deed
        if not kind:
            return {**shown, "name": name, "says": _("This result does not fit here.")}
        item = Item(key=f"paper/{key[:40]}/{typed[:16]}", kind=kind, data=data, written_at=self.now)
        answer: Answer = take_in(item, by=self.person, now=self.now)
        done = answer.outcome == "done"
        return {
            **shown,
            "name": name,
            "done": done,
            "says": answer.says or (_("Taken in.") if done else _("Try again.")),
        }


# --- what makes it an application -----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def edition() -> str:
    """Changes whenever a file that devices keep changes."""
    content = b"".join((SCRIPTS / name).read_bytes() for name in (*FILES, "worker.js"))
    return hashlib.sha256(gongzhi.__version__.encode() + content).hexdigest()[:16]


PAGES: Final = ("field:today", "field:visits", "field:report", "field:outbox")


class Worker(Guarded):
    """The service worker. It keeps pages and files, never data."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        head = {
            "EDITION": edition(),
            "PAGES": [reverse(name) for name in PAGES],
            "FILES": [static(f"gongzhi/{name}") for name in FILES],
        }
        lines = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in head.items())
        script = (SCRIPTS / "worker.js").read_text(encoding="utf-8")
        response = HttpResponse(lines + script, content_type="text/javascript; charset=utf-8")
        response["Cache-Control"] = "no-cache"
        return response


class Manifest(Guarded):
    """What a telephone shows when the page is put on its home screen."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        manifest = {
            "id": reverse("field:today"),
            "name": _("Gongzhi field work"),
            "short_name": _("Field work"),
            "lang": get_language() or "zh-hans",
            "start_url": reverse("field:today"),
            "scope": reverse("field:today"),
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#0b5d54",
            "icons": [
                {"src": static("gongzhi/field.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": purpose}
                for purpose in ("any", "maskable")
            ],
            "shortcuts": [
                {"name": _("Quick report"), "url": reverse("field:report")},
                {"name": _("Visits"), "url": reverse("field:visits")},
            ],
        }
        response = HttpResponse(
            json.dumps(manifest, ensure_ascii=False), content_type="application/manifest+json; charset=utf-8"
        )
        response["Cache-Control"] = f"public, max-age={int(timedelta(hours=1).total_seconds())}"
        response["Vary"] = "Accept-Language, Cookie"
        return response
