"""One step for many cases: each through the same action as alone, each in a transaction of its own.

What cannot be done is refused case by case, with its reason, and stays ticked; the rest is done. Nothing is done by
half and nothing silently.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gongzhi.front.workbench.filters import category_choices
from gongzhi.front.workbench.forms.bulk import (
    BulkForm,
    BulkGive,
    BulkMerge,
    BulkNote,
    BulkPause,
    BulkSort,
    BulkUrgency,
)
from gongzhi.front.workbench.rows import CaseRow, case_rows, tick_box
from gongzhi.front.workbench.views.saved import tidy
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.merging import merge_cases
from gongzhi.understand.cases.models import Case
from gongzhi.understand.cases.responsibility import positions_at

MOST: Final = 200
_TICK: Final = re.compile(r"([0-9A-Za-z-]{1,14}):(\d{1,9})")
LISTS: Final = {"cases": "workbench:cases", "inbox": "workbench:inbox"}


@dataclass(frozen=True)
class Deed:
    """Something that can be done to many cases."""

    name: str
    verb: str
    label: str | Promise
    icon: str
    button: str | Promise
    asks: bool = True  # whether it has a form to fill in


DEEDS: Final = (
    Deed("sort", "cases.sort", gettext_lazy("Say what they are about"), "list", gettext_lazy("Sort them")),
    Deed("matrix", "cases.assign", gettext_lazy("Assign by the matrix"), "assign", gettext_lazy("Assign"), asks=False),
    Deed("give", "cases.assign", gettext_lazy("Give to a post"), "assign", gettext_lazy("Give them there")),
    Deed("pause", "cases.pause", gettext_lazy("Pause"), "pause", gettext_lazy("Stop their clocks")),
    Deed("note", "cases.note", gettext_lazy("Write a note"), "edit", gettext_lazy("Write it to each")),
    Deed("merge", "cases.merge", gettext_lazy("Merge into one"), "link", gettext_lazy("Merge them")),
    Deed("urgency", "cases.sort", gettext_lazy("Mark how urgent"), "warning", gettext_lazy("Mark them")),
)


def deeds_for(person: User) -> list[Deed]:
    """What the person's posts allow somewhere; whether here, each action asks for each case."""
    return [deed for deed in DEEDS if posts_with(person, deed.verb)]


@dataclass(frozen=True)
class Ticked:
    """A case that was ticked, and the version that the list showed."""

    number: str
    version: int


def read_ticks(values: Sequence[str]) -> list[Ticked]:
    """The ticked cases, each once. Refusal when there are none, too many, or something that is no tick."""
    found: dict[str, Ticked] = {}
    for value in values:
        match = _TICK.fullmatch(value)
        if match is None:
            raise Refusal(_("Please open the list again."), status=422)
        found[match[1]] = Ticked(match[1], int(match[2]))
    if not found:
        raise Refusal(_("Tick at least one case."), status=422)
    if len(found) > MOST:
        raise Refusal(_("At most %(most)d cases at once, please.") % {"most": MOST}, status=422)
    return list(found.values())


class Bulk(Guarded):
    """The ticked cases and the form of what is done to them; then it is done, case by case."""

    verb = "tasks.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("workbench:cases")

    def post(self, request: HttpRequest) -> HttpResponse:
        back = self.back()
        deed = next((one for one in deeds_for(self.person) if one.name == request.POST.get("deed")), None)
        try:
            ticked = read_ticks(request.POST.getlist("case"))
            if deed is None:
                raise Refusal(_("Choose what is to be done."), status=422)
        except Refusal as refusal:
            return render(
                request, "workbench/bulk_refused.html", {"reason": refusal.reason, "back": back}, status=refusal.status
            )
        seen = {one.number: one for one in ticked}
        visible = Case.objects.visible_to(self.person).filter(number__in=list(seen)).order_by("opened_at", "pk")
        rows = case_rows(visible, self.now)
        ready = "do" in request.POST or not deed.asks
        form = self.form(deed, rows, request.POST if "do" in request.POST else None)
        if not ready or (deed.asks and not form.is_valid()):
            context = {
                "deed": deed,
                "form": form,
                "rows": [(row, tick_box(row, _("choose %(number)s"), seen)) for row in rows],
                "gone": len(seen) - len(rows),
                "key": request.POST.get("key") or secrets.token_hex(8),
                "back": back,
                "over": request.POST.get("over", ""),
                "query": tidy(request.POST.get("query", "")),
            }
            return render(request, "workbench/bulk.html", context, status=422 if form.is_bound else 200)
        key = request.POST.get("key", "")[:40]
        if not key or request.session.get("bulk", {}).get("key") != key:
            request.session["bulk"] = self.work(deed, ticked, form, back) | {"key": key}
        response = redirect("workbench:bulk_done")
        response.status_code = 303
        return response

    def back(self) -> str:
        name = LISTS.get(self.request.POST.get("over", ""), "workbench:cases")
        return f"{reverse(name)}?{tidy(self.request.POST.get('query', '')) or 'state='}"

    def form(self, deed: Deed, rows: Sequence[CaseRow], given: Any) -> BulkForm:
        today = timezone.localdate(self.now)
        match deed.name:
            case "sort":
                return BulkSort(given, categories=category_choices(today, everything=_("Choose …")))
            case "give":
                return BulkGive(given, positions=self.positions(rows))
            case "pause":
                return BulkPause(given, today=today)
            case "note":
                return BulkNote(given)
            case "urgency":
                return BulkUrgency(given)
            case "merge":
                return BulkMerge(given, cases=[(row.number, f"{row.number} {row.summary}") for row in rows])
            case _:
                return BulkForm(given)

    def positions(self, rows: Sequence[CaseRow]) -> list[tuple[str, str]]:
        """The posts that can lead at least one of them, those near the cases first."""
        today = timezone.localdate(self.now)
        numbers = [row.number for row in rows]
        paths = Case.objects.filter(number__in=numbers).order_by().values_list("place_path", flat=True).distinct()
        found: dict[str, str] = {}
        for path in sorted(set(paths), key=len, reverse=True)[:20]:
            for position in positions_at(path, today):
                found.setdefault(position.code, str(position))
        return list(found.items())

    def work(self, deed: Deed, ticked: Sequence[Ticked], form: BulkForm, back: str) -> dict[str, Any]:
        """Do it, one by one. What came of it goes into the session, so that reloading the answer does nothing again."""
        do = self.doing(deed, form.cleaned_data if form.is_bound else {})
        visible = Case.objects.visible_to(self.person).filter(number__in=[one.number for one in ticked])
        known = dict(visible.values_list("number", "pk"))
        done: list[str] = []
        refused: list[dict[str, str]] = []
        for one in ticked:
            try:
                if one.number not in known:
                    raise NotThere()
                do(known[one.number], one.version)
            except Refusal as refusal:
                gone = refusal.status == 404
                reason = _("It is not there any more, or not within your reach.") if gone else str(refusal.reason)
                refused.append({"number": one.number, "reason": reason})
            else:
                done.append(one.number)
        return {"deed": deed.name, "done": done, "refused": refused, "back": back}

    def doing(self, deed: Deed, data: dict[str, Any]) -> Callable[[int, int], Any]:
        """The one action of this deed, for a case and the version that was seen."""
        common: dict[str, Any] = {"by": self.person, "now": self.now}
        match deed.name:
            case "sort" if data["assign"]:
                return lambda pk, version: cases.dispatch_case(
                    case_id=pk, version=version, category=data["category"], **common
                )
            case "sort":
                return lambda pk, version: cases.sort_case(
                    case_id=pk, version=version, category=data["category"], **common
                )
            case "matrix":
                return lambda pk, version: self.assign_as_it_is(pk, version, common)
            case "give":
                role, _at, place = str(data["position"]).partition("@")
                return lambda pk, version: cases.assign_case(
                    case_id=pk, version=version, role=role, place_id=int(place), **common
                )
            case "pause":
                return lambda pk, version: cases.pause_case(
                    case_id=pk, version=version, reason=data["reason"], review_on=data["review_on"], **common
                )
            case "note":
                return lambda pk, version: cases.add_note(case_id=pk, text=data["text"], **common)
            case "merge":
                target = Case.objects.visible_to(self.person).get(number=data["into"])
                return lambda pk, version: self.merge_or_stay(pk, version, target, common)
            case "urgency":
                return lambda pk, version: cases.mark_urgency(
                    case_id=pk, version=version, urgency=data["urgency"], **common
                )
        raise LookupError(deed.name)

    def merge_or_stay(self, pk: int, version: int, target: Case, common: dict[str, Any]) -> Case:
        """All go into the one that was chosen; that one stays what it is, if it is as the list showed it."""
        if pk != target.pk:
            return merge_cases(source_id=pk, target_id=target.pk, version=version, **common)
        if version != target.version:
            raise cases.StaleEdit(target, version)
        return target

    def assign_as_it_is(self, pk: int, version: int, common: dict[str, Any]) -> Case:
        """By the matrix; what the reporter said it is about is thereby confirmed."""
        case = Case.objects.select_related("category").get(pk=pk)
        if case.sorted_at is None and case.category is not None:
            return cases.dispatch_case(case_id=pk, version=version, category=case.category.code, **common)
        return cases.assign_case(case_id=pk, version=version, **common)


class BulkDone(Guarded):
    """What came of it: how many were done, which were refused and why. Those stay ticked for another step."""

    verb = "tasks.work"

    def get(self, request: HttpRequest) -> HttpResponse:
        result = request.session.get("bulk")
        if not result:
            return redirect("workbench:cases")
        reasons = {one["number"]: one["reason"] for one in result["refused"]}
        left = Case.objects.visible_to(self.person).filter(number__in=list(reasons)).order_by("opened_at", "pk")
        rows = [
            (row, tick_box(row, _("choose %(number)s"), reasons), reasons[row.number])
            for row in case_rows(left, self.now)
        ]
        shown = {row.number for row, _box, _reason in rows}
        done = len(result["done"])
        context = {
            "done": ngettext("%(count)d done", "%(count)d done", done) % {"count": done},
            "count": done,
            "refused": ngettext("%(count)d refused", "%(count)d refused", len(reasons)) % {"count": len(reasons)},
            "rows": rows,
            "gone": [one for one in result["refused"] if one["number"] not in shown],
            "back": result["back"],
            "deed": next((deed for deed in DEEDS if deed.name == result["deed"]), None),
            "deeds": deeds_for(self.person),
            "over": "inbox" if result["back"].startswith(reverse("workbench:inbox")) else "cases",
            "query": result["back"].partition("?")[2],
        }
        return render(request, "workbench/bulk_done.html", context)
