"""Where a request comes from, and how often that sender may ask. Every public door counts here.

Two counts for a report: of the network address (a whole neighbourhood may stand behind one) and of the device (the
browser's own random cookie against forgery, which is there anyway). ``ground/access/limits.py`` says what is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from gongzhi.ground.access.limits import Limit, count
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import rule


def address_of(request: HttpRequest) -> str:
    """The visitor's address: the peer's, or what the trusted proxies in front say."""
    if settings.GONGZHI_PROXIES:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= settings.GONGZHI_PROXIES:
            return hops[-settings.GONGZHI_PROXIES]
    return str(request.META.get("REMOTE_ADDR", ""))


def device_of(request: HttpRequest) -> str:
    """A random mark of this browser; nothing for one that keeps no cookies."""
    return request.COOKIES.get(settings.CSRF_COOKIE_NAME, "")[:64]


def count_report(request: HttpRequest, now: datetime) -> None:
    """Count one report of this address and device. Refusal (429) with the telephone number when there were too many."""
    on = now.date()
    by_address = Limit("report/address", address_of(request), int(rule("channels.rate_per_address", path="", on=on)))
    by_device = Limit("report/device", device_of(request), int(rule("channels.rate_per_device", path="", on=on)))
    exceeded = count([by_address, by_device], now=now)
    if exceeded is by_device:
        raise Refusal(
            _("Many reports came from this device within an hour. Please wait a little, or call %(telephone)s.")
            % {"telephone": settings.GONGZHI_TELEPHONE},
            status=429,
        )
    if exceeded is not None:
        raise Refusal(
            _("Many reports came from your network within an hour. Please wait a little, or call %(telephone)s.")
            % {"telephone": settings.GONGZHI_TELEPHONE},
            status=429,
        )


def count_question(request: HttpRequest, now: datetime, *, what: str = "question") -> None:
    """Count one question of this address to a public interface (similar matters, lists). Refusal (429) if too many."""
    most = int(rule("channels.questions_per_address", path="", on=now.date()))
    if count([Limit(what, address_of(request), most, 60)], now=now) is not None:
        _too_often()


def count_token(token_id: int, now: datetime) -> None:
    """Count one request of a program. Refusal (429) when it asked too often."""
    most = int(rule("access.rate_per_token", path="", on=now.date()))
    if count([Limit("token", str(token_id), most, 60)], now=now) is not None:
        _too_often()


def _too_often() -> NoReturn:
    raise Refusal(
        _("Too many requests within a minute. Please wait a little, or call %(telephone)s.")
        % {"telephone": settings.GONGZHI_TELEPHONE},
        status=429,
    )
