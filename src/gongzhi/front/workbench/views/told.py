"""Who of the reporters was told what, by which way and when. Names and numbers stay masked."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gongzhi.front.workbench.views.case import find_case
from gongzhi.ground.access.guard import Guarded
from gongzhi.sense.channels.models import AnswerBy, Message
from gongzhi.verify.notices.models import WRITTEN_TO, Notice, State, Stop

A_PAGE = 50
COLOURS: Final = {State.SENT: "green", State.QUEUED: "blue", State.FAILED: "red", State.SKIPPED: ""}


class Told(Guarded):
    """A page of its own beside the case."""

    verb = "tasks.work"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        case = find_case(number, self.person)
        reporters = Message.objects.filter(voice__case=case).order_by("voice__id")
        page = Paginator(reporters, A_PAGE).get_page(request.GET.get("page"))
        people = list(page.object_list)
        notices: dict[int, list[dict[str, Any]]] = {}
        for notice in Notice.objects.filter(message__in=[one.pk for one in people]).order_by("entry_id"):
            row = {"notice": notice, "colour": COLOURS[State(notice.state)]}
            notices.setdefault(notice.message_id, []).append(row)
        stopped = dict(Stop.objects.filter(message__in=[one.pk for one in people]).values_list("message_id", "at"))
        rows = [
            {
                "message": one,
                "to": one.reporter_phone if one.answer_by == AnswerBy.SMS else one.reporter_email,
                "written_to": one.answer_by in WRITTEN_TO,
                "called": one.answer_by == AnswerBy.PHONE,
                "stopped": stopped.get(one.pk),
                "notices": notices.get(one.pk, []),
            }
            for one in people
        ]
        context = {"case": case, "rows": rows, "page": page, "total": page.paginator.count}
        response = render(request, "workbench/case_told.html", context)
        response["Cache-Control"] = "private, no-store"
        return response
