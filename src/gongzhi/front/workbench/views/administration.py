"""Posts, powers, places, rules, the calendar and the audit: each page for the administration whose matter it is."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import Any, Final

from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.front import standing
from gongzhi.front.workbench.forms.administration import (
    AuditForm,
    CalendarDayForm,
    ModeForm,
    OverrideForm,
    PostForm,
    PowersForm,
    ProfileForm,
)
from gongzhi.ground.access import actions as access
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post, Power
from gongzhi.ground.access.reach import posts_of, posts_with, reach
from gongzhi.ground.access.roles import POWERS, ROLE_VERBS, Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.events import event_type, every_event
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places import actions as places
from gongzhi.ground.places.finding import mode_of, profile_of
from gongzhi.ground.places.models import Place, ProfileChange
from gongzhi.ground.places.paths import ancestors
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules import actions as rules
from gongzhi.ground.rules.working_days import calendar_gaps, special_days

A_PAGE: Final = 50


def _refuse(form: Form, refusal: Refusal) -> int:
    if refusal.status == 404:
        raise Http404
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
    return refusal.status


def _plain(text: str) -> Any:
    """A rule's value as somebody types it: JSON where it is JSON (0.3, true, [[…]]), else the words themselves."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


class Administration(Guarded):
    """What the pages share: where the person's posts for this verb reach, and whether powers are on."""

    changing: str = ""  # the verb that changing needs, when it is another than looking

    def paths(self) -> list[str]:
        return sorted({post.place_path for post in posts_with(self.person, self.verb)})

    def top(self) -> Place:
        """The highest place of the person's posts for this verb."""
        posts = sorted(posts_with(self.person, self.verb), key=lambda post: (len(post.place_path), post.place_path))
        return posts[0].place

    def frame(self) -> dict[str, Any]:
        changing = self.changing or self.verb
        able = bool(posts_with(self.person, changing))
        return {
            "power": access.power_of(self.person, self.now) if changing in POWERS else None,
            "needs_power": able and changing in POWERS,
            "may_change": able,
        }


class Powers(Guarded):
    """Switching administrative powers on and off. What they were used for is in the record."""

    verb = "workbench.enter"

    def show(self, request: HttpRequest, form: PowersForm, status: int = 200) -> HttpResponse:
        if not any(post.verbs & POWERS for post in posts_of(self.person)):
            raise Http404
        context = {
            "form": form,
            "power": access.power_of(self.person, self.now),
            "earlier": Power.objects.filter(post__user=self.person).select_related("post__place").order_by("-pk")[:10],
        }
        return render(request, "workbench/powers.html", context, status=status)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, PowersForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.POST.get("off"):
            access.switch_powers_off(by=self.person, now=self.now)
            return redirect("workbench:powers")
        form = PowersForm(request.POST)
        if not form.is_valid():
            return self.show(request, form, 422)
        try:
            access.switch_powers_on(
                by=self.person,
                minutes=form.cleaned_data["minutes"],
                reason=form.cleaned_data["reason"],
                now=self.now,
            )
        except Refusal as refusal:
            return self.show(request, form, _refuse(form, refusal))
        return redirect("workbench:powers")


class Posts(Administration):
    """Who holds which post. Giving and ending needs the security administration's powers."""

    verb = "access.read"
    changing = "access.grant"

    def show(self, request: HttpRequest, form: PostForm, status: int = 200) -> HttpResponse:
        words = request.GET.get("q", "").strip()[:60]
        query = Post.objects.filter(reach(self.person, self.verb)).select_related("user", "place")
        if request.GET.get("all") != "1":
            query = query.current(timezone.localdate(self.now))
        if words:
            query = query.filter(user__name__icontains=words) | query.filter(place__name__icontains=words)
        page = Paginator(query.order_by("place_path", "role", "pk"), A_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.frame(),
            "form": form,
            "page": page,
            "total": page.paginator.count,
            "words": words,
            "roles": [(Role(role).label, sorted(verbs)) for role, verbs in ROLE_VERBS.items()],
        }
        return render(request, "workbench/posts.html", context, status=status)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, PostForm(initial={"starts_on": timezone.localdate(self.now)}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PostForm(request.POST)
        if form.is_valid():
            data = form.cleaned_data
            user = User.objects.filter(username=data["username"].strip(), is_active=True).first()
            if user is None:
                form.add_error("username", _("Nobody has this user name."))
            else:
                try:
                    access.grant_post(
                        user=user,
                        role=data["role"],
                        place=data["path"],
                        starts_on=data["starts_on"],
                        ends_on=data["ends_on"],
                        reason=data["reason"],
                        by=self.person,
                        now=self.now,
                    )
                    return redirect("workbench:posts")
                except Refusal as refusal:
                    return self.show(request, form, _refuse(form, refusal))
        return self.show(request, form, 422)


class EndPost(Guarded):
    verb = "access.grant"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:posts")

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not Post.objects.filter(reach(self.person, self.verb), pk=pk).exists():
            raise Http404
        access.end_post(post_id=pk, by=self.person, now=self.now)
        return redirect("workbench:posts")


class Places(Administration):
    """The places in reach, from the street down to the grids, with mode and profile."""

    verb = "places.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        words = request.GET.get("q", "").strip()[:60]
        query = Place.objects.filter(reach(self.person, self.verb, field="path"), valid_to__isnull=True)
        if words:
            query = query.filter(name__icontains=words)
        page = Paginator(query.order_by("path"), 100).get_page(request.GET.get("page"))
        rows = [(place, max(0, (len(place.path) - 6) // 3)) for place in page.object_list]
        context = {"rows": rows, "page": page, "total": page.paginator.count, "words": words}
        return render(request, "workbench/places.html", context)


class PlacePage(Administration):
    """One place: who holds posts there, its mode and its profile."""

    verb = "places.read"

    def found(self, path: str) -> Place:
        place = (
            Place.objects.filter(reach(self.person, self.verb, field="path"), path=path)
            .select_related("parent")
            .first()
        )
        if place is None:
            raise Http404
        return place

    def show(
        self,
        request: HttpRequest,
        place: Place,
        *,
        mode: ModeForm | None = None,
        profile: ProfileForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        today = timezone.localdate(self.now)
        holding = access.holding(self.person, "places.switch_mode", place.path, self.now)
        context = {
            "place": place,
            "above": Place.objects.filter(path__in=ancestors(place.path)[1:]).order_by("path"),
            "below": Place.objects.filter(parent=place, valid_to__isnull=True).order_by("path")[:300],
            "standing": mode_of(place, self.now),
            "profile": profile_of(place),
            "posts": Post.objects.current(today).filter(place=place).select_related("user").order_by("role", "pk"),
            "may_switch": holding is not None,
            "may_change": access.holding(self.person, "places.change", place.path, self.now) is not None,
            "power": access.power_of(self.person, self.now),
            "mode_form": mode or ModeForm(initial={"mode": place.mode}),
            "last_switch": ProfileChange.objects.filter(place=place).first(),
            "profile_form": profile or ProfileForm(initial={"profile": place.profile}),
            "history": [
                {"words": event_type(entry.event).label, "at": entry.at}
                for entry in Entry.objects.about(place).reverse()[:20]
            ],
        }
        return render(request, "workbench/place.html", context, status=status)

    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return self.show(request, self.found(path))


class SwitchMode(PlacePage):
    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return redirect("workbench:place", path=path)

    def post(self, request: HttpRequest, path: str) -> HttpResponse:
        place = self.found(path)
        post = access.require(self.person, "places.switch_mode", place.path, self.now)
        form = ModeForm(request.POST)
        if not form.is_valid():
            return self.show(request, place, mode=form, status=422)
        data = form.cleaned_data
        try:
            places.switch_mode(
                place=place,
                mode=data["mode"],
                level=data["level"],
                colour=data["colour"],
                until=data["until"],
                reason=data["reason"],
                by=self.person,
                now=self.now,
                post=post,
            )
        except Refusal as refusal:
            return self.show(request, place, mode=form, status=_refuse(form, refusal))
        standing.forget()
        return redirect("workbench:place", path=path)


class SetProfile(PlacePage):
    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return redirect("workbench:place", path=path)

    def post(self, request: HttpRequest, path: str) -> HttpResponse:
        place = self.found(path)
        form = ProfileForm(request.POST)
        if not form.is_valid():
            return self.show(request, place, profile=form, status=422)
        try:
            post = access.require(self.person, "places.change", place.path, self.now)
            places.set_profile(
                place=place,
                profile=form.cleaned_data["profile"],
                reason=form.cleaned_data["reason"],
                by=self.person,
                now=self.now,
                post=post,
            )
        except Refusal as refusal:
            return self.show(request, place, profile=form, status=_refuse(form, refusal))
        return redirect(f"{reverse('workbench:profiles')}?place={place.path}")


class ProfileBack(PlacePage):
    """Give the place the profile that it had before its last switch: one button."""

    def get(self, request: HttpRequest, path: str) -> HttpResponse:
        return redirect("workbench:place", path=path)

    def post(self, request: HttpRequest, path: str) -> HttpResponse:
        place = self.found(path)
        given = request.POST.get("change", "")
        post = access.require(self.person, "places.change", place.path, self.now)
        places.undo_profile(
            place=place,
            change_id=int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0,
            by=self.person,
            now=self.now,
            post=post,
        )
        return redirect(f"{reverse('workbench:profiles')}?place={place.path}")


class Rules(Administration):
    """Every rule in force at the person's place, with its source; and changing one for the place."""

    verb = "rules.read"
    changing = "rules.change"

    def show(self, request: HttpRequest, form: OverrideForm | None = None, status: int = 200) -> HttpResponse:
        place, today = self.top(), timezone.localdate(self.now)
        lines = rules.rules_in_force(place.path, today)
        keys = [(line.key, f"{line.about} · {line.key}") for line in lines]
        context = {
            **self.frame(),
            "place": place,
            "lines": lines,
            "form": form or OverrideForm(keys=keys, initial={"valid_from": today}),
        }
        return render(request, "workbench/rules.html", context, status=status)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        place, today = self.top(), timezone.localdate(self.now)
        keys = [(line.key, f"{line.about} · {line.key}") for line in rules.rules_in_force(place.path, today)]
        form = OverrideForm(request.POST, keys=keys)
        if not form.is_valid():
            return self.show(request, form, 422)
        data = form.cleaned_data
        try:
            post = access.require(self.person, "rules.change", place.path, self.now)
            rules.override(
                place=place,
                key=data["key"],
                value=_plain(data["value"]),
                valid_from=data["valid_from"],
                reason=data["reason"],
                by=self.person,
                now=self.now,
                post=post,
            )
        except Refusal as refusal:
            return self.show(request, form, _refuse(form, refusal))
        return redirect("workbench:rules")


class EndOverride(Administration):
    verb = "rules.change"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:rules")

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        post = access.require(self.person, "rules.change", self.top().path, self.now)
        today = timezone.localdate(self.now)
        rules.end_override(override_id=pk, valid_to=today, by=self.person, now=self.now, post=post)
        return redirect("workbench:rules")


class Holidays(Administration):
    """The working calendar of a year, editable."""

    verb = "rules.read"
    changing = "rules.change"

    def show(self, request: HttpRequest, form: CalendarDayForm, status: int = 200) -> HttpResponse:
        today = timezone.localdate(self.now)
        given = request.GET.get("year", "")
        year = int(given) if given.isascii() and given.isdigit() and 2000 <= int(given) <= 2100 else today.year
        context = {
            **self.frame(),
            "year": year,
            "years": [year - 1, year, year + 1],
            "days": special_days(year, self.top().path),
            "gaps": calendar_gaps(today),
            "form": form,
        }
        return render(request, "workbench/holidays.html", context, status=status)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, CalendarDayForm(initial={"kind": "holiday"}))

    def post(self, request: HttpRequest) -> HttpResponse:
        place = self.top()
        if request.POST.get("remove", "").isdigit():
            post = access.require(self.person, "rules.change", place.path, self.now)
            rules.remove_day(day_id=int(request.POST["remove"]), by=self.person, now=self.now, post=post)
            return redirect("workbench:holidays")
        form = CalendarDayForm(request.POST)
        if not form.is_valid():
            return self.show(request, form, 422)
        data = form.cleaned_data
        try:
            post = access.require(self.person, "rules.change", place.path, self.now)
            rules.add_day(
                day=data["day"],
                kind=data["kind"],
                name=data["name"],
                place=place,
                by=self.person,
                now=self.now,
                post=post,
            )
        except Refusal as refusal:
            return self.show(request, form, _refuse(form, refusal))
        return redirect("workbench:holidays")


class Audit(Administration):
    """The record itself, newest first: for the audit administration, with powers switched on."""

    verb = "ledger.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        access.require(self.person, self.verb, self.top().path, self.now)
        form = AuditForm(request.GET)
        entries: list[Entry] = []
        if form.is_valid():
            entries = self.entries(request, form.cleaned_data)
        names = User.objects.in_bulk({entry.by_id for entry in entries if entry.by_id is not None})
        rows = [
            {
                "entry": entry,
                "label": event_type(entry.event).label,
                "by": names.get(entry.by_id) if entry.by_id is not None else None,
            }
            for entry in entries
        ]
        query = request.GET.copy()
        query.pop("before", None)
        context = {
            **self.frame(),
            "form": form,
            "rows": rows[:A_PAGE],
            "older": entries[A_PAGE - 1].pk if len(entries) > A_PAGE else None,
            "query": query.urlencode(),
            "events": [(kind.name, kind.label) for kind in every_event()],
        }
        return render(request, "workbench/audit.html", context, status=200 if form.is_valid() else 422)

    def entries(self, request: HttpRequest, given: dict[str, Any]) -> list[Entry]:
        by = None
        if given["username"]:
            user = User.objects.filter(username=given["username"]).first()
            if user is None:
                return []
            by = user.pk
        before = request.GET.get("before", "")
        zone = timezone.get_current_timezone()
        since = datetime.combine(given["since"], time(), zone) if given["since"] else None
        until = datetime.combine(given["until"] + timedelta(days=1), time(), zone) if given["until"] else None
        own = reach(self.person, self.verb)
        # Entries without a place (imports of the whole country, powers) belong to every audit.
        found = Entry.objects.filter(own) | Entry.objects.filter(place_path="")
        found = found.matching(event=given["event"], by=by, since=since, until=until, path=given["path"])
        return list(
            found.newest_first(before=int(before) if before.isascii() and before.isdigit() else None)[: A_PAGE + 1]
        )
