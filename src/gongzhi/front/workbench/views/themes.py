"""Themes: what many demands are about together, its brief, its owner and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from gongzhi.front.clock_words import Clock, running_clock
from gongzhi.front.story import position_words
from gongzhi.front.workbench.filters import category_choices, place_choices
from gongzhi.front.workbench.forms.themes import (
    AddForm,
    ByHandForm,
    DropForm,
    LookForm,
    NameForm,
    OutcomeForm,
    OwnerForm,
    QuoteForm,
)
from gongzhi.front.workbench.rows import case_rows
from gongzhi.front.workbench.views.maps import BASE_LAYER
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import positions_of, posts_with
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span
from gongzhi.understand.cases.models import Case
from gongzhi.understand.themes import actions as themes
from gongzhi.understand.themes.brief import Brief, Week, brief_of, quotable
from gongzhi.understand.themes.jobs import find_themes
from gongzhi.understand.themes.models import State, Survey, Theme

A_PAGE = 50
SHOWN_CASES = 100
STATE_TAGS = {
    State.PROPOSED: ("blue", "search"),
    State.CONFIRMED: ("", "check"),
    State.ASSIGNED: ("amber", "assign"),
    State.ANSWERED: ("green", "reply"),
    State.DROPPED: ("", "cross"),
}


def clock_of(theme: Theme, now: datetime) -> Clock | None:
    return running_clock(theme.due_at, None, now) if theme.state == State.ASSIGNED else None


def owner_words(theme: Theme) -> str:
    if theme.owner_role and theme.owner_place is not None:
        return position_words(theme.owner_role, theme.owner_place.name)
    return ""


def trend(weeks: Sequence[Week]) -> SafeString:
    """The weeks as a small drawing: one bar a week, with its number. A table beside it says the same in words."""
    if not weeks:
        return SafeString("")
    wide, high = 34, 64
    bars = []
    for at, week in enumerate(weeks):
        size = round(week.share * high) or (1 if week.count else 0)
        x = at * wide
        bars.append(f'<rect x="{x + 3}" y="{14 + high - size}" width="{wide - 6}" height="{size}"></rect>')
        if week.count:
            bars.append(f'<text x="{x + wide // 2}" y="{10 + high - size}" text-anchor="middle">{week.count}</text>')
        if at % max(1, -(-len(weeks) // 8)) == 0:
            bars.append(f'<text x="{x + wide // 2}" y="{high + 28}" text-anchor="middle">{week.monday:%m-%d}</text>')
    words = escape(_("Cases by week"))
    width = max(wide * len(weeks), 8 * wide)
    return mark_safe(  # noqa: S308 - numbers and dates of ours
        f'<svg class="trend" viewBox="0 0 {width} {high + 32}" role="img" aria-label="{words}">{"".join(bars)}</svg>'
    )


class Themes(Guarded):
    """The list, the last looks, and the form for the next."""

    verb = "themes.answer"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request)

    @property
    def may_look(self) -> bool:
        return bool(posts_with(self.person, "themes.look"))

    def forms(self, look: QueryDict | None = None, hand: QueryDict | None = None) -> dict[str, Form]:
        on = timezone.localdate(self.now)
        places = place_choices(self.person, "themes.look", levels=(Level.COUNTY, Level.TOWN, Level.VILLAGE))
        every = category_choices(on, everything=_("everything"))
        return {
            "look_form": LookForm(look, places=places, categories=every, auto_id="look_%s"),
            "hand_form": ByHandForm(hand, places=places, auto_id="hand_%s"),
        }

    def show(self, request: HttpRequest, status: int = 200, **forms: Form) -> HttpResponse:
        shown = request.GET.get("show") or ("open" if self.may_look else "mine")
        query = Theme.objects.visible_to(self.person).select_related("place", "owner_place")
        match shown:
            case "mine":
                query = query.owned_by(self.person).filter(state=State.ASSIGNED).order_by("due_at", "pk")
            case "proposed":
                query = query.filter(state=State.PROPOSED).order_by("-size", "pk")
            case "ended":
                query = query.filter(state__in=[State.ANSWERED, State.DROPPED]).order_by("-pk")
            case _:
                shown = "open"
                live = [State.PROPOSED, State.CONFIRMED, State.ASSIGNED]
                query = query.filter(state__in=live).order_by("-size", "pk")
        page = Paginator(query, A_PAGE).get_page(request.GET.get("page"))
        rows = [
            {
                "theme": theme,
                "tag": STATE_TAGS[State(theme.state)],
                "clock": clock_of(theme, self.now),
                "owner": owner_words(theme),
            }
            for theme in page.object_list
        ]
        looks = Survey.objects.visible_to(self.person).select_related("place").order_by("-pk")[:3]
        context: dict[str, Any] = {
            "page": page,
            "total": page.paginator.count,
            "rows": rows,
            "shown": shown,
            "may_look": self.may_look,
            "looks": looks if self.may_look else [],
            **(self.forms() if self.may_look else {}),
            **forms,
        }
        return render(request, "workbench/themes.html", context, status=status)


class ThemesLook(Themes):
    """Order a look. The comparing is a worker's."""

    verb = "themes.look"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("workbench:themes")

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.forms(look=request.POST)["look_form"]
        if not form.is_valid():
            return self.show(request, look_form=form, status=422)
        data = form.cleaned_data
        place = Place.objects.filter(path=data["place"]).first()
        try:
            if place is None:
                raise Refusal(_("We do not know this place."), field="place", status=422)
            with transaction.atomic():
                survey = themes.start_survey(
                    place=place, category=data["category"], days=data["days"], by=self.person, now=self.now
                )
                find_themes.enqueue(survey.pk)
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, look_form=form, status=refusal.status)
        return redirect("workbench:themes")


class ThemeNew(Themes):
    """Gather a theme by hand."""

    verb = "themes.look"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("workbench:themes")

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.forms(hand=request.POST)["hand_form"]
        if not form.is_valid():
            return self.show(request, hand_form=form, status=422)
        data = form.cleaned_data
        place = Place.objects.filter(path=data["place"]).first()
        try:
            if place is None:
                raise Refusal(_("We do not know this place."), field="place", status=422)
            theme = themes.open_theme(
                place=place, name=data["name"], numbers=data["cases"], by=self.person, now=self.now
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, hand_form=form, status=refusal.status)
        return redirect("workbench:theme", pk=theme.pk)


class ThemeView(Guarded):
    verb = "themes.answer"

    def found(self, pk: int) -> Theme:
        theme = (
            Theme.objects.visible_to(self.person)
            .select_related("place", "owner_place", "confirmed_by", "answered_by", "assigned_by", "survey")
            .filter(pk=pk)
            .first()
        )
        if theme is None:
            raise Http404
        return theme

    def may_change(self, theme: Theme) -> bool:
        return theme.is_live and holding(self.person, "themes.look", theme.place_path, self.now) is not None

    def owner_form(self, theme: Theme, given: QueryDict | None = None) -> OwnerForm:
        on = timezone.localdate(self.now)
        owners = [(one.code, str(one)) for one in themes.owners_for(theme.place_path, on)]
        limit = Span.parse(rule("themes.answer", path=theme.place_path, on=on)).in_words()
        return OwnerForm(given, owners=owners, limit=limit, auto_id="owner_%s")

    def show(self, request: HttpRequest, theme: Theme, *, status: int = 200, **forms: Form) -> HttpResponse:
        change = self.may_change(theme)
        brief = brief_of(theme, self.now)
        context: dict[str, Any] = {
            "theme": theme,
            "tag": STATE_TAGS[State(theme.state)],
            "clock": clock_of(theme, self.now),
            "owner": owner_words(theme),
            "mine": (theme.owner_role, theme.owner_place_id) in positions_of(self.person, own=True)
            and theme.state == State.ASSIGNED,
            "change": change,
            "base_url": static(BASE_LAYER),
            **brief_context(theme, brief),
        }
        if holding(self.person, "themes.look", theme.place_path, self.now) is not None:
            seen = Case.objects.visible_to(self.person).filter(theme_cases__theme=theme)
            ids = dict(seen.values_list("number", "pk")) if change else {}
            listed = seen.order_by("-theme_cases__closeness", "pk")[:SHOWN_CASES]
            context["cases"] = [{"row": row, "id": ids.get(row.number)} for row in case_rows(listed, self.now)]
            context["more_cases"] = max(0, theme.size - SHOWN_CASES)
        if change:
            chosen = {quote.case_id for quote in context["quotes"]}
            context |= {
                "quotable": [row for row in quotable(theme) if row["case_id"] not in chosen],
                "confirm_form": NameForm(initial={"name": theme.name}, auto_id="confirm_%s"),
                "rename_form": NameForm(initial={"name": theme.name}, auto_id="rename_%s"),
                "add_form": AddForm(auto_id="add_%s"),
                "owner_form": self.owner_form(theme),
                "drop_form": DropForm(auto_id="drop_%s"),
            }
        context["answer_form"] = OutcomeForm(auto_id="answer_%s")
        response = render(request, "workbench/theme.html", {**context, **forms}, status=status)
        response["Cache-Control"] = "private, no-store"
        return response


def brief_context(theme: Theme, brief: Brief) -> dict[str, Any]:
    return {
        "brief": brief,
        "trend": trend(brief.weeks),
        "quotes": list(theme.quotes.filter(taken_out_at__isnull=True).order_by("pk")),
    }


class ThemePage(ThemeView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class ThemeAct(ThemeView):
    """What is done with one theme. Each act has a form on its page."""

    def get(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        return redirect("workbench:theme", pk=self.found(pk).pk)

    def form(self, theme: Theme, act: str, given: QueryDict) -> Form:
        match act:
            case "confirm" | "rename":
                return NameForm(given, auto_id=f"{act}_%s")
            case "add":
                return AddForm(given, auto_id="add_%s")
            case "take-out":
                return Form(given)
            case "quote":
                return QuoteForm(given, auto_id="quote_%s")
            case "owner":
                return self.owner_form(theme, given)
            case "answer":
                return OutcomeForm(given, auto_id="answer_%s")
            case "drop":
                return DropForm(given, auto_id="drop_%s")
        raise Http404

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        theme = self.found(pk)
        form = self.form(theme, act, request.POST)
        name = f"{act.replace('-', '_')}_form"
        if not form.is_valid():
            return self.show(request, theme, status=422, **{name: form})
        try:
            self.do(theme, act, form.cleaned_data, request.POST)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, self.found(pk), status=refusal.status, **{name: form})
        return redirect("workbench:theme", pk=pk)

    def do(self, theme: Theme, act: str, data: dict[str, Any], posted: QueryDict) -> None:
        given: dict[str, Any] = {"theme_id": theme.pk, "by": self.person, "now": self.now}
        match act:
            case "confirm":
                themes.confirm_theme(**given, name=data["name"])
            case "rename":
                themes.rename_theme(**given, name=data["name"])
            case "add":
                themes.add_cases(**given, numbers=data["cases"])
            case "take-out":
                chosen = [int(pk) for pk in posted.getlist("case") if pk.isascii() and pk.isdigit() and len(pk) < 19]
                themes.take_out_cases(**given, case_ids=chosen)
            case "quote":
                themes.choose_quote(**given, case_id=data["case_id"], text=data["text"])
            case "owner":
                role, _at, place = data["owner"].partition("@")
                themes.assign_theme(**given, role=role, place_id=int(place), due_on=data["due_on"])
            case "answer":
                themes.answer_theme(**given, outcome=data["outcome"])
            case "drop":
                themes.drop_theme(**given, reason=data["reason"])


class QuoteOut(ThemeView):
    """Take a quote out of the brief."""

    def get(self, request: HttpRequest, pk: int, quote: int) -> HttpResponse:
        return redirect("workbench:theme", pk=self.found(pk).pk)

    def post(self, request: HttpRequest, pk: int, quote: int) -> HttpResponse:
        theme = self.found(pk)
        if not theme.quotes.filter(pk=quote).exists():
            raise Http404
        themes.take_out_quote(quote_id=quote, by=self.person, now=self.now)
        return redirect("workbench:theme", pk=pk)


class ThemePoints(ThemeView):
    """The points of a theme as GeoJSON, rounded to about a hundred metres and without a link: no door is shown."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        theme = self.found(pk)
        counted: dict[tuple[float, float], int] = {}
        points = Case.objects.filter(theme_cases__theme=theme, lon__isnull=False, lat__isnull=False)
        for lon, lat in points.values_list("lon", "lat"):
            if lon is not None and lat is not None:
                spot = (round(lon, 3), round(lat, 3))
                counted[spot] = counted.get(spot, 0) + 1
        features = [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": {"count": count, "state": "green", "title": str(count), "url": ""},
            }
            for (lon, lat), count in sorted(counted.items())
        ]
        return JsonResponse({"type": "FeatureCollection", "features": features})


class ThemeSheet(ThemeView):
    """The issue brief on paper."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        theme = self.found(pk)
        context = {
            "theme": theme,
            "owner": owner_words(theme),
            "printed_at": self.now,
            **brief_context(theme, brief_of(theme, self.now)),
        }
        return render(request, "workbench/theme_sheet.html", context)
