"""The list of cases: its filters stay in the address, so that a view can be kept, sent and printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.front.workbench.filters import CaseFilter
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.front.workbench.models import SavedView
from gongzhi.front.workbench.rows import COLUMNS, case_rows, columns_of, heads_of, table_rows
from gongzhi.front.workbench.views.bulk import deeds_for
from gongzhi.front.workbench.views.saved import Tabs, count_tabs
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_of
from gongzhi.understand.cases.models import CaseQuerySet

PAGE: Final = 50
LAST_PAGE: Final = 200  # further back somebody has to narrow the list
COUNTED: Final = 1000  # beyond this a list says "more than": counting 100,000 rows helps nobody
PRINTED: Final = 300


@dataclass(frozen=True)
class Page:
    """One page of a list that was not counted."""

    number: int
    has_next: bool

    @property
    def has_previous(self) -> bool:
        return self.number > 1

    @property
    def next_page_number(self) -> int:
        return self.number + 1

    @property
    def previous_page_number(self) -> int:
        return self.number - 1


class Cases(Guarded):
    """Whoever works with cases: by place, or because a post of theirs leads them."""

    verb = "tasks.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        tabs = Tabs(request, self.person, SavedView.Over.CASES, self.now)
        if usual := tabs.first(request):
            return redirect(usual)
        chosen = CaseFilter(request.GET.dict(), person=self.person, now=self.now)
        selects = chosen.selects()
        number = _page_number(request.GET.get("page", "1"))
        columns = columns_of(request)
        drawn = tabs.drawn()
        counted = "counts" in request.GET
        if counted:
            count_tabs(drawn, person=self.person, now=self.now)
        context: dict[str, Any] = {
            "filters": {name: drawn_select(select) for name, select in selects.items()},
            "chosen": chosen,
            "views": _views(request),
            "tabs": drawn,
            "query": tabs.here,
            "columns": [(name, label, name in columns) for name, label in COLUMNS],
            "deeds": deeds_for(self.person),
        }
        if number is None:
            chosen.errors["page"] = _("There is no such page. Please narrow the list.")
        if chosen.errors or number is None:
            context |= {"rows": [], "caption": _("Nothing is shown: please look at the filters again.")}
            return self.answer(request, context, 400)
        first = (number - 1) * PAGE
        for found in chosen.tries():
            rows = case_rows(found[first : first + PAGE + 1], self.now)
            if len(rows) > PAGE:
                break
        heads = heads_of(columns)
        has_next = len(rows) > PAGE and number < LAST_PAGE
        context |= {
            "rows": rows[:PAGE],
            "heads": heads,
            "body": table_rows(rows[:PAGE], heads, tick=_("choose %(number)s") if context["deeds"] else ""),
            "page": Page(number, has_next),
            "caption": caption_of(chosen, found, first, len(rows), counted=counted),
            "uncounted": len(rows) > PAGE and not counted and bool(chosen.words or chosen.sorting != "due"),
        }
        return self.answer(request, context, 200)

    def answer(self, request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
        return render(request, "workbench/cases.html", context, status=status)


class CasesPrint(Guarded):
    """The same list on paper: A4 landscape, the first 300."""

    verb = "tasks.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = CaseFilter(request.GET.dict(), person=self.person, now=self.now)
        rows = case_rows(chosen.rows()[:PRINTED], self.now) if not chosen.errors else []
        context = {
            "rows": rows,
            "printed_at": timezone.localtime(self.now),
            "most": PRINTED if len(rows) == PRINTED else None,
            "post_words": " · ".join(str(post) for post in posts_of(self.person)),
            "errors": chosen.errors,
        }
        return render(request, "workbench/cases_print.html", context, status=400 if chosen.errors else 200)


def _page_number(text: str) -> int | None:
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        return None
    number = int(text)
    return number if 1 <= number <= LAST_PAGE else None


def caption_of(chosen: CaseFilter, found: CaseQuerySet, first: int, read: int, *, counted: bool) -> str:
    """How many there are. Open cases are counted; what words find and what has ended only when somebody asks, because
    counting to the end costs more than finding the page."""
    if read > PAGE and not counted and (chosen.words or chosen.sorting != "due"):
        return _("More than %(count)d cases") % {"count": first + PAGE}
    return how_many(found, first, read)


def how_many(found: CaseQuerySet, first: int, read: int) -> str:
    """ "52 cases". Counted only when the page does not say it, and never beyond a thousand."""
    total = first + read if 0 < read <= PAGE or (first == 0 and read == 0) else _count(found)
    if total > COUNTED:
        return _("More than %(count)d cases") % {"count": COUNTED}
    return ngettext("%(count)d case", "%(count)d cases", total) % {"count": total}


def _count(found: CaseQuerySet) -> int:
    return found.order_by()[: COUNTED + 1].count()


def drawn_select(select: Any) -> SafeString:
    widget = PlainSelect(choices=select.choices)
    return widget.render(select.name, select.chosen, {"id": f"id_{select.name}", "aria-label": select.label})


def _views(request: HttpRequest) -> list[dict[str, Any]]:
    """Ready views, as links."""
    here = request.GET.urlencode() or "state="
    views = [
        (_("All open"), "state="),
        (_("Led by my posts"), "lead=mine"),
        (_("Late"), "clock=late"),
        (_("Due today"), "clock=today"),
        (_("New"), "state=new"),
        (_("Being checked"), "state=to_check"),
        (_("Paused"), "state=paused"),
        (_("Ended lately"), "state=closed"),
    ]
    return [{"words": words, "query": query, "current": query == here} for words, query in views]
