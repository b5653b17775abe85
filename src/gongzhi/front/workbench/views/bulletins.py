"""Monthly bulletins: the list, one of them as a page, as a Word document and as a spreadsheet."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from gongzhi.front.workbench.filters import place_choices
from gongzhi.front.workbench.forms.bulletins import BulletinForm
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.places.models import Level, Place
from gongzhi.ground.refusals import Refusal
from gongzhi.learn.bulletins.actions import make_bulletin
from gongzhi.learn.bulletins.letter import as_docx
from gongzhi.learn.bulletins.models import Bulletin
from gongzhi.learn.bulletins.spreadsheet import as_xlsx
from gongzhi.learn.bulletins.tables import month_words, sentence_of, tables_of, title_of

A_PAGE = 50
PLACES = (Level.COUNTY, Level.TOWN, Level.VILLAGE)


class Bulletins(Guarded):
    """All that lie within reach, the newest first; and one made by hand."""

    verb = "rates.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        last = timezone.localdate(self.now).replace(day=1) - timedelta(days=1)
        places = self.places()
        initial = {"month": f"{last:%Y-%m}", "place": places[0][0] if places else ""}
        return self.show(request, BulletinForm(initial=initial, places=places) if places else None)

    def places(self) -> list[tuple[str, str]]:
        """Where the person may make one."""
        return place_choices(self.person, "bulletins.make", levels=PLACES)

    def show(self, request: HttpRequest, form: BulletinForm | None, status: int = 200) -> HttpResponse:
        found = Bulletin.objects.visible_to(self.person).newest().select_related("place")
        page = Paginator(found.order_by("-month", "place_path"), A_PAGE).get_page(request.GET.get("page"))
        rows = [{"bulletin": one, "month": month_words(one.month), "total": one.figures["total"]} for one in page]
        context = {"rows": rows, "page": page, "total": page.paginator.count, "form": form}
        return render(request, "workbench/bulletins.html", context, status=status)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = BulletinForm(request.POST, places=self.places())
        if not form.is_valid():
            return self.show(request, form, status=422)
        place = Place.objects.filter(path=form.cleaned_data["place"]).first()
        if place is None:
            raise Http404
        try:
            bulletin = make_bulletin(place=place, month=form.cleaned_data["month"], by=self.person, now=self.now)
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, form, status=refusal.status)
        response = redirect("workbench:bulletin", pk=bulletin.pk)
        response.status_code = 303
        return response


class BulletinView(Guarded):
    """One bulletin that lies within reach."""

    verb = "rates.read"

    def found(self, pk: int) -> Bulletin:
        bulletin = Bulletin.objects.visible_to(self.person).select_related("place", "made_by").filter(pk=pk).first()
        if bulletin is None:
            raise Http404
        return bulletin


class BulletinPage(BulletinView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        bulletin = self.found(pk)
        others = Bulletin.objects.filter(place=bulletin.place, month=bulletin.month).exclude(pk=pk)
        context = {
            "bulletin": bulletin,
            "title": title_of(bulletin),
            "sentence": sentence_of(bulletin),
            "tables": tables_of(bulletin),
            "others": others.order_by("revision"),
            "altered": not bulletin.is_whole,
        }
        return render(request, "workbench/bulletin.html", context)


class BulletinFile(BulletinView):
    """The bulletin as a file."""

    kind: ClassVar[str]
    suffix: ClassVar[str]

    def content(self, bulletin: Bulletin) -> bytes:
        raise NotImplementedError

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        bulletin = self.found(pk)
        response = HttpResponse(self.content(bulletin), content_type=self.kind)
        response["Content-Disposition"] = f'attachment; filename="bulletin-{bulletin.number}.{self.suffix}"'
        return response


class BulletinLetter(BulletinFile):
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    suffix = "docx"

    def content(self, bulletin: Bulletin) -> bytes:
        return as_docx(bulletin)


class BulletinSpreadsheet(BulletinFile):
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    suffix = "xlsx"

    def content(self, bulletin: Bulletin) -> bytes:
        return as_xlsx(bulletin)
