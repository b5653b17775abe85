"""Taking the list of cases along, with its filters. That somebody did stands in the record."""

from __future__ import annotations

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.front.workbench import tables
from gongzhi.front.workbench.filters import CaseFilter
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.privacy.exports import take_out
from gongzhi.ground.refusals import Refusal


class CasesExport(Guarded):
    """The cases of the list, all pages of it, as a table."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, form: str) -> HttpResponseBase:
        chosen = CaseFilter(request.GET.dict(), person=self.person, now=self.now)
        if chosen.errors:
            raise Refusal(" ".join(str(words) for words in chosen.errors.values()), status=422)
        most = tables.MOST_CSV if form == "csv" else tables.MOST_XLSX
        found = chosen.rows()
        count = found.order_by()[: most + 1].count()
        rows, cut = min(count, most), count > most
        given = {name: value for name, value in request.GET.dict().items() if value and name not in ("q", "page")}
        # Words that somebody searched for may be a name: that there were some is enough.
        asked = {name[:20]: value[:80] for name, value in sorted(given.items())[:20]} | (
            {"q": "*"} if chosen.words else {}
        )
        post = posts_with(self.person, self.verb)[0]
        take_out(what="cases.Case", form=form, rows=rows, asked=asked, by=self.person, post=post, now=self.now)
        local = timezone.localtime(self.now)
        name = f"cases-{local:%Y%m%d-%H%M}{f'-first-{most}' if cut else ''}.{form}"
        headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
        if form == "csv":
            return StreamingHttpResponse(
                tables.as_csv(found[:most]), content_type="text/csv; charset=utf-8", headers=headers
            )
        note = _("%(rows)d cases, %(at)s, by %(person)s") % {
            "rows": rows, "at": f"{local:%Y-%m-%d %H:%M}", "person": self.person,
        }  # fmt: skip
        if cut:
            note += "\n" + _("The list is longer: only the first %(most)d are here. Narrow the filters.") % {
                "most": most
            }
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return FileResponse(tables.as_xlsx(found[:most], note), content_type=kind, headers=headers)
