"""Ending a session that nobody uses."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
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
