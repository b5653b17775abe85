"""Views that somebody keeps: filters of the list of cases or of the inbox, under a name of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gongzhi.front.workbench import actions
from gongzhi.front.workbench.actions import STILL_USED
from gongzhi.front.workbench.filters import FILTERS, CaseFilter
from gongzhi.front.workbench.forms.saved import ChangeViewForm, SaveViewForm
from gongzhi.front.workbench.models import SavedView
from gongzhi.front.workbench.rows import COLUMNS, COLUMNS_COOKIE
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.accounts.models import User
from gongzhi.ground.refusals import NotThere, Refusal

COUNTED: Final = 1000
LISTS: Final = {SavedView.Over.CASES: "workbench:cases", SavedView.Over.INBOX: "workbench:inbox"}


def tidy(query: str) -> str:
    """The filters of an address in one fixed order, without empty ones, pages and anything that is no filter."""
    given = {key: value for key, value in parse_qsl(query.replace("\x00", "")) if key in FILTERS and value}
    return urlencode([(key, given[key]) for key in FILTERS if key in given])


@dataclass
class Tab:
    words: str
    url: str
    current: bool
    pk: int | None = None
    count: str = ""


class Tabs:
    """The views of one person over one list. Costs one statement."""

    def __init__(self, request: HttpRequest, person: User, over: str, now: datetime) -> None:
        self.url = reverse(LISTS[SavedView.Over(over)])
        self.here = tidy(request.META.get("QUERY_STRING", ""))
        self.kept = list(SavedView.objects.filter(user=person, over=over))
        self.opens = next((view for view in self.kept if view.opens), None)
        for view in self.kept:
            if view.query == self.here and now - view.used_at > STILL_USED:
                actions.note_use(view_id=view.pk, by=person, now=now)

    def first(self, request: HttpRequest) -> str:
        """Where somebody goes who has only asked for the list, when one of their views opens first."""
        bare = not request.META.get("QUERY_STRING", "")
        return f"{self.url}?{self.opens.query or 'state='}" if bare and self.opens is not None else ""

    def drawn(self) -> list[Tab]:
        return [
            Tab(view.name, f"{self.url}?{view.query or 'state='}", view.query == self.here, view.pk)
            for view in self.kept
            if view.pinned or view.query == self.here
        ]


def count_tabs(tabs: Iterable[Tab], *, person: User, now: datetime, base: Any = None) -> None:
    """How many cases stand behind each view, never beyond a thousand. Only when somebody asks."""
    for tab in tabs:
        chosen = CaseFilter(dict(parse_qsl(tab.url.partition("?")[2])), person=person, now=now, base=base)
        if chosen.errors:
            tab.count = "?"
            continue
        found = chosen.rows().order_by()[: COUNTED + 1].count()
        tab.count = f"{COUNTED}+" if found > COUNTED else str(found)


class Saved(Guarded):
    """All views that somebody keeps, and the form that keeps another."""

    verb = "tasks.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.draw(SaveViewForm())

    def draw(self, form: SaveViewForm, status: int = 200) -> HttpResponse:
        views = SavedView.objects.filter(user=self.person).order_by("over", "position", "pk")
        rows = [
            {"view": view, "url": f"{reverse(LISTS[SavedView.Over(view.over)])}?{view.query or 'state='}"}
            for view in views
        ]
        return render(self.request, "workbench/saved.html", {"rows": rows, "form": form}, status=status)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SaveViewForm(request.POST)
        if not form.is_valid():
            return self.draw(form, 422)
        try:
            given = form.cleaned_data | {"query": tidy(form.cleaned_data["query"])}
            view = actions.keep_view(by=self.person, now=self.now, **given)
        except Refusal as refusal:
            form.add_error(refusal.field, str(refusal.reason))
            return self.draw(form, refusal.status)
        return _to(f"{reverse(LISTS[SavedView.Over(view.over)])}?{view.query or 'state='}")


class ChangeView(Guarded):
    """One view: its name, whether it is a tab, whether it opens first, its place among the others; or delete it."""

    verb = "tasks.work"

    def find(self, pk: int) -> SavedView:
        view = SavedView.objects.filter(pk=pk, user=self.person).first()
        if view is None:
            raise NotThere()
        return view

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        view = self.find(pk)
        given = {"name": view.name, "pinned": view.pinned, "opens": view.opens, "position": view.position}
        return self.draw(view, ChangeViewForm(initial=given))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        view = self.find(pk)
        if request.POST.get("do") == "delete":
            actions.delete_view(view_id=view.pk, by=self.person)
            return _to(reverse("workbench:saved"))
        form = ChangeViewForm(request.POST)
        if not form.is_valid():
            return self.draw(view, form, 422)
        try:
            actions.change_view(view_id=pk, by=self.person, now=self.now, **form.cleaned_data)
        except Refusal as refusal:
            form.add_error(refusal.field, str(refusal.reason))
            return self.draw(view, form, refusal.status)
        return _to(reverse("workbench:saved"))

    def draw(self, view: SavedView, form: ChangeViewForm, status: int = 200) -> HttpResponse:
        return render(self.request, "workbench/saved_change.html", {"view": view, "form": form}, status=status)


class Columns(Guarded):
    """Which columns the lists show on this device: kept in a cookie for a year."""

    verb = "tasks.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("workbench:cases")

    def post(self, request: HttpRequest) -> HttpResponse:
        chosen = set(request.POST.getlist("column"))
        response = _to(f"{reverse('workbench:cases')}?{tidy(request.POST.get('query', ''))}")
        response.set_cookie(
            COLUMNS_COOKIE,
            ".".join(name for name, _label in COLUMNS if name in chosen),
            max_age=timedelta(days=365),
            secure=settings.SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response


class Keys(Guarded):
    """The keys of the desk, on a page that can be printed and pinned up."""

    verb = Guarded.SIGNED_IN

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "workbench/keys.html")


def _to(address: str) -> HttpResponse:
    response = redirect(address)
    response.status_code = 303
    return response
