"""What hangs on a case besides its orders and checks: whistles, disputes, themes. Fetched after the page, or opened."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gongzhi.act.disputes.models import Dispute
from gongzhi.act.whistles.models import Whistle
from gongzhi.front.workbench.views.case import find_case
from gongzhi.front.workbench.views.whistles import clock_of
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.understand.themes.models import Theme


class Related(Guarded):
    """A fragment of the case page; a page of its own without scripts."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        whistles = Whistle.objects.visible_to(self.person).about(case).prefetch_related("invitations")
        context = {
            "case": case,
            "whistles": [
                {"whistle": one, "clock": clock_of(one, self.now).html} for one in whistles.order_by("-blown_at")
            ],
            "themes": Theme.objects.visible_to(self.person)
            .about(case.pk)
            .exclude(state="dropped")
            .order_by("-pk")[:20],
            "disputes": Dispute.objects.visible_to(self.person).filter(case=case).order_by("-pk"),
            "may_mediate": case.is_open
            and case.category is not None
            and case.category.private
            and holding(self.person, "disputes.mediate", case.place_path, self.now) is not None,
            "may_blow": case.is_open and holding(self.person, "whistles.blow", case.place_path, self.now) is not None,
        }
        name = "case_related_part" if request.headers.get("HX-Request") else "case_related"
        response = render(request, f"workbench/{name}.html", context)
        response["Cache-Control"] = "private, no-store"
        response["Vary"] = "HX-Request, Cookie"
        return response
