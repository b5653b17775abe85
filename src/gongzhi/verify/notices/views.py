"""Where a carrier hands over the text messages that came in, and the outbox for administrators."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.verify.notices.actions import hear_text
from gongzhi.verify.notices.carriers import is_signed, read_out

LONGEST = 4096


@method_decorator(csrf_exempt, name="dispatch")
class IncomingText(Guarded):
    """POST {"from", "text"}, signed like our own requests. The signature is the key; a browser never comes here."""

    verb = Guarded.PUBLIC

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
            return JsonResponse({"error": "too long"}, status=413)
        body = request.body
        given = request.headers.get("X-Gongzhi-Signature", "")
        if not is_signed(given, request.headers.get("X-Gongzhi-Timestamp", ""), body, self.now):
            return JsonResponse({"error": "signature"}, status=403)
        try:
            told: Any = json.loads(body)
            number, text = told["from"], told["text"]
        except (ValueError, KeyError, TypeError):
            number = text = None
        if not isinstance(number, str) or not isinstance(text, str) or not number.strip():
            return JsonResponse({"error": "from and text, please"}, status=422)
        return JsonResponse({"understood": hear_text(number=number[:40], text=text[:1000], now=self.now)})


class OutboxPage(Guarded):
    """What would have been sent, where nothing leaves the house (demonstration, trying it out)."""

    verb = "notices.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        post = posts_with(self.person, self.verb)[0]
        require(self.person, self.verb, post.place_path, self.now)
        lines = [{**line, "at": parse_datetime(line["at"])} for line in read_out()]
        context = {
            "lines": lines,
            "sms": settings.GONGZHI_SMS,
            "email": settings.GONGZHI_EMAIL,
        }
        response = render(request, "notices/outbox.html", context)
        response["Cache-Control"] = "private, no-store"
        return response
