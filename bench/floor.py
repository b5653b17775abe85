"""The floor: what the inserts of one report cost in a bare Django view, without form, checks, rules or middleware."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone

from gongzhi.ground.ledger.models import Entry
from gongzhi.loop.models import Job
from gongzhi.sense.channels.models import Message


def create(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    with transaction.atomic():
        message = Message.objects.create(
            number=uuid.uuid4().hex[:14],  # never drawn twice, so that nothing has to be tried again
            channel="web",
            received_at=now,
            text=request.POST["text"],
            category=request.POST["category"],
            address=request.POST["address"],
            lon=float(request.POST["lon"]),
            lat=float(request.POST["lat"]),
            reporter_name=request.POST["name"],
            reporter_phone=request.POST["phone"],
            answer_by=request.POST["answer_by"],
            idempotency_key=request.POST["key"],
        )
        entry = Entry.objects.create(
            event="channels.MessageReceived",
            noun="channels.Message",
            object_id=message.pk,
            seq=1,
            at=now,
            data={"message_id": message.pk, "channel": "web", "photos": 0},
            fingerprint=message.fingerprint(),
        )
        Job.objects.create(task="wire:cases.open_from_message", args=[entry.pk], due=now, created=now)
    response = HttpResponseRedirect(f"/received/{message.uid}/")
    response.status_code = 303
    return response


def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"ok")


urlpatterns = [path("report/", create), path("healthz", alive)]
