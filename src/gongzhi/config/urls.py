"""The doors, and which room stands behind each."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from gongzhi.config.health import Alive, Ready
from gongzhi.front.styleguide import Styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", Alive.as_view(), name="healthz"),
    path("readyz", Ready.as_view(), name="readyz"),
    path("staff/jobs/", include("gongzhi.loop.urls")),
    path("staff/webhooks/", include("gongzhi.loop.webhooks.urls")),
    path("ledger/", include("gongzhi.ground.ledger.urls")),
    path("styleguide/", Styleguide.as_view(), name="styleguide"),
    path("accounts/", include("allauth.urls")),
    path("language/", include("django.conf.urls.i18n")),
    path("open311/", include("gongzhi.front.open311.urls")),
    path("api/v1/", include("gongzhi.front.api.urls")),
    path("field/", include("gongzhi.front.field.urls")),
    path("", include("gongzhi.verify.notices.urls")),
    path("", include("gongzhi.learn.digests.urls")),
    path("staff/", include("gongzhi.front.workbench.urls")),
    path("", include("gongzhi.front.portal.urls")),
]
