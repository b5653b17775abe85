"""How many reports one network address may send in an hour.

Counted in this process's memory, so several processes allow several times as many: it stops floods, not neighbours.
The address is kept as a keyed digest, and only for the hour.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules.actions import rule


def address_of(request: HttpRequest) -> str:
    """The visitor's address: the peer's, or what the trusted proxies in front say."""
    if settings.GONGZHI_PROXIES:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= settings.GONGZHI_PROXIES:
            return hops[-settings.GONGZHI_PROXIES]
    return str(request.META.get("REMOTE_ADDR", ""))


def count_report(request: HttpRequest, now: datetime) -> None:
    """Count one report of this address. Refusal (429) with the telephone number when there were too many."""
    most = int(rule("channels.rate_per_address", path="", on=now.date()))
    digest = salted_hmac("gongzhi.rate", address_of(request), algorithm="sha256").hexdigest()[:24]
    key = f"reports:{digest}:{int(now.timestamp()) // 3600}"
    cache.add(key, 0, timeout=3600)
    if cache.incr(key) > most:
        raise Refusal(
            _("Many reports came from your network within an hour. Please wait a little, or call %(telephone)s.")
            % {"telephone": settings.GONGZHI_TELEPHONE},
            status=429,
        )
