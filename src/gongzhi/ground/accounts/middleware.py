"""Ending a session that nobody uses, and leaving nothing on the device when it is ended."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

_SEEN = "seen"
# The moment of last use is written at most this often (seconds), so that reading pages stays reading.
_COARSE = 120


def idle_limit(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Sign out a person whose last request is longer ago than ``settings.GONGZHI_IDLE_LIMIT`` seconds."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            moment = int(timezone.now().timestamp())
            seen = request.session.get(_SEEN)
            if isinstance(seen, int) and moment - seen > settings.GONGZHI_IDLE_LIMIT:
                logout(request)
            elif not isinstance(seen, int) or moment - seen > min(_COARSE, settings.GONGZHI_IDLE_LIMIT // 2):
                request.session[_SEEN] = moment
        return get_response(request)

    return middleware


def leave_nothing(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """When somebody signs out, their browser forgets all that pages of ours have kept in it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "POST" and request.path == reverse("account_logout"):
            response["Clear-Site-Data"] = '"storage"'
        return response

    return middleware
