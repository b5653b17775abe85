"""Tables from elsewhere: upload, say what the columns mean, look, take in, and see what was refused."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.front.workbench.forms.imports import ColumnsForm, UploadForm
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.sense.channels import importing, mapping
from gongzhi.sense.channels.mapping import Problem
from gongzhi.sense.channels.models import BulkImport, Channel
from gongzhi.understand.cases.tree import category_by_code

_TAGS = {"uploaded": "amber", "running": "blue", "done": "green", "discarded": ""}
_SHOWN = 50


def step_words() -> list[str]:
    return [_("The table"), _("What the columns mean"), _("Taking it in")]


class ImportView(Guarded):
    verb: ClassVar[str] = "channels.import"

    def find(self, pk: int) -> BulkImport:
        bulk = BulkImport.objects.visible_to(self.person).select_related("place", "by").filter(pk=pk).first()
        if bulk is None:
            raise NotThere()
        return bulk


class Imports(ImportView):
    """All imports of the places that this person may import for."""

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = BulkImport.objects.visible_to(self.person).select_related("place", "by").order_by("-pk")
        page = Paginator(rows, _SHOWN).get_page(request.GET.get("page"))
        for bulk in page.object_list:
            bulk.tag = _TAGS[bulk.state]  # type: ignore[attr-defined]
        return render(request, "workbench/imports_list.html", {"page": page, "total": page.paginator.count})


class ImportNew(ImportView):
    """Bring a table."""

    def places(self) -> list[Place]:
        found = {post.place_id: post.place for post in posts_with(self.person, self.verb)}
        return list(found.values())

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, UploadForm(places=self.places()))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES, places=self.places())
        if not form.is_valid():
            return self.page(request, form, 422)
        upload = form.cleaned_data["file"]
        try:
            bulk = importing.upload_table(
                file=upload,
                name=upload.name,
                source=form.cleaned_data["source"],
                place=form.places[form.cleaned_data["place"]],
                columns=form.columns,
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.page(request, form, refusal.status)
        return redirect("workbench:import", bulk.pk)

    def page(self, request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
        return render(request, "workbench/imports_new.html", {"form": form, "step_words": step_words()}, status=status)


class ImportPage(ImportView):
    """One import: what the columns mean and what would become of them; how far it is; what was refused."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        bulk = self.find(pk)
        if bulk.state == BulkImport.State.UPLOADED:
            return self.columns_page(request, bulk, self.form(bulk))
        refused = bulk.refused.order_by("row")
        page = Paginator(refused, _SHOWN).get_page(request.GET.get("page"))
        return render(
            request,
            "workbench/imports_import.html",
            {
                "bulk": bulk,
                "tag": _TAGS[bulk.state],
                "running": bulk.state == BulkImport.State.RUNNING,
                "reasons": importing.reasons(bulk) if bulk.state == BulkImport.State.DONE else [],
                "page": page,
                "total": page.paginator.count,
                "step_words": step_words(),
            },
        )

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Keep what the columns mean, and look again."""
        bulk = self.find(pk)
        if bulk.state != BulkImport.State.UPLOADED:
            return redirect("workbench:import", bulk.pk)
        form = self.form(bulk, request.POST)
        if not form.is_valid():
            return self.columns_page(request, bulk, form, 422)
        columns = form.columns()
        try:
            bulk = importing.change_columns(import_id=bulk.pk, columns=columns, by=self.person, now=self.now)
            if request.POST.get("mapping_name", "").strip():
                saved = importing.save_mapping(
                    name=request.POST["mapping_name"], columns=columns, by=self.person, now=self.now
                )
                messages.success(request, _("The mapping “%(name)s” is kept for next time.") % {"name": saved.name})
        except Refusal as refusal:
            field = next((name for name in (refusal.field, f"{refusal.field}_0") if name in form.fields), None)
            form.add_error(field, str(refusal.reason))
            return self.columns_page(request, bulk, form, refusal.status)
        return redirect("workbench:import", bulk.pk)

    def form(self, bulk: BulkImport, data: Any = None) -> ColumnsForm:
        return ColumnsForm(data, bulk=bulk, on=timezone.localdate(self.now))

    def columns_page(
        self, request: HttpRequest, bulk: BulkImport, form: ColumnsForm, status: int = 200
    ) -> HttpResponse:
        look, problem = None, ""
        unknown = mapping.unknown_codes(bulk.columns, lambda code: category_by_code(code) is not None)
        try:
            look = importing.preview(bulk, now=self.now)
        except Refusal as refusal:
            problem = str(refusal.reason)
        return render(
            request,
            "workbench/imports_columns.html",
            {
                "bulk": bulk,
                "form": form,
                "look": look,
                "lines": list(_lines(look)) if look is not None else [],
                "refusals": look.problems.most_common(20) if look is not None else [],
                "refused": sum(look.problems.values()) if look is not None else 0,
                "problem": problem,
                "unknown": unknown,
                "step_words": step_words(),
            },
            status=status,
        )


def _lines(look: importing.Preview) -> Iterator[dict[str, Any]]:
    """The first rows as the page shows them: what would become of each."""
    for number, answer in look.rows:
        if isinstance(answer, Problem):
            yield {"number": number, "problem": answer.reason.label, "column": answer.column}
            continue
        row = answer.incoming
        category = category_by_code(row.category) if row.category else None
        yield {
            "number": number,
            "id": "" if row.external_id.startswith("~") else row.external_id,
            "received_at": row.received_at,
            "text": row.text,
            "category": category.name if category is not None else "",
            "place": answer.place,
            "nearest": answer.nearest,
            "address": row.address,
            "point": row.point is not None,
            "channel": Channel(row.channel).label,
            "reporter": bool(row.name or row.phone),
            "closed": row.closed,
            "closed_at": row.closed_at,
        }


class ImportStart(ImportView):
    """Begin."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        bulk = importing.start_import(import_id=self.find(pk).pk, by=self.person, now=self.now)
        total = bulk.rows_total or 0
        messages.success(
            request,
            ngettext(
                "%(count)d row is being taken in. You may leave this page.",
                "%(count)d rows are being taken in. You may leave this page.",
                total,
            )
            % {"count": total},
        )
        return redirect("workbench:import", bulk.pk)


class ImportAgain(ImportView):
    """Have a worker go on."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        importing.take_up_again(import_id=self.find(pk).pk, by=self.person, now=self.now)
        return redirect("workbench:import", pk)


class ImportDiscard(ImportView):
    """Throw an uploaded table away."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        importing.discard_table(import_id=self.find(pk).pk, by=self.person, now=self.now)
        messages.success(request, _("The table is thrown away. Nothing was taken in."))
        return redirect("workbench:imports")


class _Line:
    """What the csv writer writes to: it gives each line back."""

    def write(self, line: str) -> str:
        return line


class ImportRefused(ImportView):
    """The refused rows as a table that can be mended and brought again."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        bulk = self.find(pk)
        writer = csv.writer(_Line())
        lines = (writer.writerow(cells) for cells in importing.write_refused(bulk))

        def content() -> Iterator[str]:
            yield "\ufeff"  # so that spreadsheet programs read it as UTF-8
            yield from lines

        return StreamingHttpResponse(
            content(),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="refused-rows-{bulk.pk}.csv"',
                "Cache-Control": "no-store",
            },
        )
