"""The three rates: a sentence above each number, and behind each number its cases. Posts and places, never persons."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongzhi.front.rates import Row, rate_rows
from gongzhi.front.story import position_words
from gongzhi.front.workbench.filters import CaseFilter, Select
from gongzhi.front.workbench.forms.selects import PlainSelect
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.places.models import Place
from gongzhi.verify.checks.rates import Kind, Period, Rates, total

BY: Final = (
    ("unit", gettext_lazy("by responsible post")),
    ("place", gettext_lazy("by place")),
    ("category", gettext_lazy("by category")),
)
# Columns of the table: what stands over each, and the set of cases it counts.
COLUMNS: Final = (
    (Kind.CONTACT_DUE, gettext_lazy("First contact due")),
    (Kind.CONTACT_IN_TIME, gettext_lazy("in time")),
    (Kind.ANSWERED, gettext_lazy("Answered")),
    (Kind.HELPED, gettext_lazy("it helped")),
    (Kind.RATED, gettext_lazy("Said how satisfied")),
    (Kind.SATISFIED, gettext_lazy("satisfied")),
    (Kind.UNREACHABLE, gettext_lazy("Unreachable")),
)


def percent(share: float | None) -> str:
    """ "91.7 %", or a dash where there is no data."""
    return "—" if share is None else f"{100 * share:.1f} %"


@dataclass
class Line:
    """One row of the table."""

    label: str
    rates: Rates
    narrowed: dict[str, str] | None  # what the address says more than the page's own filters; None: nothing can
    cells: list[dict[str, Any]]


class RatesView(Guarded):
    """What page, paper and table have in common."""

    verb = "rates.read"

    def read(self, request: HttpRequest) -> dict[str, Any]:
        given = request.GET.dict()
        today = timezone.localdate(self.now)
        given.setdefault("from", today.replace(day=1).isoformat())
        given.setdefault("to", today.isoformat())
        self.chosen = chosen = CaseFilter(given, person=self.person, now=self.now)
        self.by = given.get("by", "unit")
        if self.by not in dict(BY):
            chosen.errors["by"] = _("This choice is not offered. Please choose from the list.")
            self.by = "unit"
        selects = chosen.selects()
        self.since, self.until = chosen.since or date(1990, 1, 1), chosen.until or today
        context: dict[str, Any] = {
            "chosen": chosen,
            "since": self.since,
            "until": self.until,
            "filters": {name: _drawn(selects[name]) for name in ("place", "category")},
            "by_select": _drawn(Select("by", _("Table"), self.by, BY)),
            "printed_at": timezone.localtime(self.now),
        }
        if chosen.errors:
            return context
        lines = self.lines()
        everything = total(line.rates for line in lines)
        context |= {
            "lines": lines,
            "all": everything,
            "links": {kind.value: self.link(kind, {}) for kind in Kind},
            "columns": [label for _kind, label in COLUMNS],
            "response": percent(everything.response),
            "resolution": percent(everything.resolution),
            "satisfaction": percent(everything.satisfaction),
            "unit_words": self.unit_words(),
            "query": urlencode(self.own()),
        }
        return context

    def unit_words(self) -> str:
        if self.chosen.unit is None:
            return ""
        place = Place.objects.filter(pk=self.chosen.unit[1]).first()
        return position_words(self.chosen.unit[0], place.name) if place is not None else ""

    def own(self) -> dict[str, str]:
        """The page's own filters, as the address says them."""
        chosen = self.chosen
        own = {"place": chosen.place, "category": chosen.category, "from": str(self.since), "to": str(self.until)}
        if chosen.unit is not None:
            own["unit"] = f"{chosen.unit[0]}@{chosen.unit[1]}"
        return {name: value for name, value in {**own, "by": self.by}.items() if value}

    def link(self, kind: Kind, narrowed: dict[str, str]) -> str:
        """The cases behind a number."""
        query = {**self.own(), **narrowed, "rate": kind.value}
        query.pop("by", None)
        return f"{reverse('workbench:cases')}?{urlencode(query)}"

    def lines(self) -> list[Line]:
        chosen = self.chosen
        rows = rate_rows(
            self.person,
            Period(self.since, self.until),
            by=self.by,
            now=self.now,
            place=chosen.place,
            category=chosen.category,
            lead=chosen.unit,
        )
        lines = []
        for row in rows:
            narrowed = self.narrowed(row)
            lines.append(Line(row.label, row.rates, narrowed, self.cells(row.rates, narrowed)))
        return lines

    def narrowed(self, row: Row) -> dict[str, str] | None:
        match self.by:
            case "unit":
                return {"unit": f"{row.role}@{row.place_id}"} if row.role else None
            case "place":
                return {"place": row.path}
            case _:
                return {"category": row.category}

    def cells(self, rates: Rates, narrowed: dict[str, str] | None) -> list[dict[str, Any]]:
        shares = {
            Kind.CONTACT_IN_TIME: rates.response,
            Kind.HELPED: rates.resolution,
            Kind.SATISFIED: rates.satisfaction,
        }
        return [
            {
                "label": label,
                "count": getattr(rates, kind.value),
                "url": self.link(kind, narrowed) if narrowed is not None else "",
                "share": percent(shares[kind]) if kind in shares else "",
            }
            for kind, label in COLUMNS
        ]


def _drawn(select: Select) -> Any:
    widget = PlainSelect(choices=select.choices)
    return widget.render(select.name, select.chosen, {"id": f"id_{select.name}", "aria-label": select.label})


class RatesPage(RatesView):
    def get(self, request: HttpRequest) -> HttpResponse:
        context = self.read(request)
        return render(request, "workbench/rates.html", context, status=400 if context["chosen"].errors else 200)


class RatesTable(RatesView):
    """The table as CSV, for a spreadsheet."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = self.read(request)
        if context["chosen"].errors:
            return render(request, "workbench/rates.html", context, status=400)
        out = io.StringIO()
        writer = csv.writer(out)
        heads = [str(label) for _kind, label in COLUMNS]
        writer.writerow([dict(BY)[self.by], *heads, _("Response rate"), _("Resolution rate"), _("Satisfaction rate")])
        for line in context["lines"]:
            numbers = [cell["count"] for cell in line.cells]
            shares = [line.rates.response, line.rates.resolution, line.rates.satisfaction]
            words = ["" if share is None else f"{share:.4f}" for share in shares]
            writer.writerow([_plain(line.label), *numbers, *words])
        # The mark tells spreadsheets that this is UTF-8.
        response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="rates-{self.since}-{self.until}.csv"'
        return response


def _plain(words: str) -> str:
    """No spreadsheet takes a name for a formula."""
    return f"'{words}" if words[:1] in "=+-@\t\r" else words
