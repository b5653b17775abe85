"""One page for both: the calendar address, and the rhythm of reminders. And the calendar itself."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_cache_control

from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.limits import Limit, count
from gongzhi.ground.refusals import Refusal
from gongzhi.learn.digests.actions import choose_rhythm
from gongzhi.learn.digests.feed import calendar_of, end_feed, feed_of, make_feed, reader_of
from gongzhi.learn.digests.forms import RhythmForm
from gongzhi.learn.digests.models import Digest, Rhythm
from gongzhi.learn.digests.sending import words_for
from gongzhi.verify.notices import carriers
from gongzhi.verify.notices.models import Way

A_CALENDAR_AN_HOUR = 60


class Mine(Guarded):
    """One's own calendar address and reminders."""

    verb = "workbench.enter"

    def show(self, request: HttpRequest, form: RhythmForm, status: int = 200, secret: str = "") -> HttpResponse:
        address = ""
        if secret:
            address = settings.GONGZHI_ADDRESS.rstrip("/") + reverse("digests:calendar_feed", kwargs={"token": secret})
        subject, text, short = words_for(self.person, now=self.now)
        context = {
            "form": form,
            "feed": feed_of(self.person, now=self.now),
            "address": address,
            "digest": Digest.objects.filter(user=self.person).first(),
            "by_email": carriers.is_open(Way.EMAIL),
            "by_sms": carriers.is_open(Way.SMS),
            "sample": {"subject": subject, "text": text, "short": short},
        }
        response = render(request, "digests/mine.html", context, status=status)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def form(self, data: Any = None) -> RhythmForm:
        known = Digest.objects.filter(user=self.person).first()
        initial: dict[str, Any] = {"rhythm": Rhythm.OFF, "hour": 8, "weekday": 1}
        if known is not None:
            initial |= {"rhythm": known.rhythm, "hour": known.hour, "weekday": known.weekday}
        kept = known is not None and known.rhythm != Rhythm.OFF
        # One's own address on one's own page: the person reads it plainly.
        initial["email"] = known.email.open() if kept and known and known.email else self.person.email
        initial["phone"] = known.phone.open() if kept and known and known.phone else ""
        if not kept:
            initial["phone"] = self.person.work_phone
        return RhythmForm(data, initial=initial)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, self.form())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self.show(request, form, 422)
        try:
            choose_rhythm(**form.cleaned_data, by=self.person, now=self.now)
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, form, refusal.status)
        return redirect("digests:mine")


class CalendarNew(Mine):
    """A new address. It is shown in this answer and never again."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("digests:mine")

    def post(self, request: HttpRequest) -> HttpResponse:
        _token, secret = make_feed(by=self.person, now=self.now)
        return self.show(request, self.form(), secret=secret)


class CalendarEnd(Guarded):
    verb = "workbench.enter"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("digests:mine")

    def post(self, request: HttpRequest) -> HttpResponse:
        end_feed(by=self.person, now=self.now)
        return redirect("digests:mine")


class CalendarFeed(Guarded):
    """The calendar. Whoever has the address reads it; it opens nothing else."""

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        found = reader_of(token, now=self.now)
        if found is None:
            raise Http404
        if count([Limit("calendar", str(found.pk), A_CALENDAR_AN_HOUR)], now=self.now) is not None:
            return HttpResponse(status=429, headers={"Retry-After": "3600"})
        with translation.override(found.user.language or settings.LANGUAGE_CODE):
            content = calendar_of(found.user)
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        asked = {one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")}
        response: HttpResponse
        if tag in asked:
            response = HttpResponseNotModified()
        else:
            response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
            response["Content-Disposition"] = 'inline; filename="gongzhi.ics"'
        response["ETag"] = tag
        response["Cache-Control"] = "private, no-cache"
        response["X-Robots-Tag"] = "noindex"
        return response
