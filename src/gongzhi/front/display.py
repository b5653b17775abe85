"""The one tap between the standard and the large version."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from gongzhi.front.context import DISPLAY_COOKIE, DISPLAYS
from gongzhi.ground.access.guard import Guarded


class Display(Guarded):
    """Remember the display somebody chose for a year, and go back to the page they were on.

    Works by form (every page has the button) and by link, so that a poster in the community hall may lead straight
    to the large version.
    """

    verb = Guarded.PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.choose(request, request.GET.get("display", ""), request.GET.get("next", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.choose(request, request.POST.get("display", ""), request.POST.get("next", ""))

    def choose(self, request: HttpRequest, display: str, back: str) -> HttpResponse:
        if not url_has_allowed_host_and_scheme(
            back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        ):
            back = "/"
        response = HttpResponseRedirect(back)
        if display in DISPLAYS:
            response.set_cookie(
                DISPLAY_COOKIE,
                display,
                max_age=timedelta(days=365),
                secure=settings.SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
