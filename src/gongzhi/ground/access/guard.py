"""The door-keeper of every page: each view says aloud who may use it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views import View

from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.roles import POWERS
from gongzhi.ground.accounts.models import User
from gongzhi.ground.refusals import Refusal


class Guarded(View):
    """A view that declares its permission in ``verb``.

    ``PUBLIC``: anybody. ``SIGNED_IN``: anybody with an account. Otherwise a verb: somebody without a post that has it
    gets 404, the same as for a page that is not there. Objects are guarded by ``visible_to`` in the query.
    ``self.now`` is the moment of the request: the clock is read here and nowhere deeper.
    """

    PUBLIC: Final = "public"
    SIGNED_IN: Final = "signed-in"

    verb: ClassVar[str]
    now: datetime

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = timezone.now()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # No address of ours contains a null byte, and one database refuses to look for it.
        if "\x00" in request.path:
            raise Http404
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("null byte in the address")
        if self.verb != self.PUBLIC:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if self.verb != self.SIGNED_IN and not posts_with(request.user, self.verb):
                raise Http404
        try:
            return super().dispatch(request, *args, **kwargs)
        except Refusal as refusal:
            return self.refused(request, refusal)

    def refused(self, request: HttpRequest, refusal: Refusal) -> HttpResponse:
        """A readable answer to an expected failure. Views with a form override this to show it beside the field."""
        if refusal.status == 404:
            raise Http404
        needs_powers = refusal.status == 403 and self.verb in POWERS
        return render(
            request, "refused.html", {"refusal": refusal, "needs_powers": needs_powers}, status=refusal.status
        )

    @property
    def person(self) -> User:
        """The signed-in user. Only for views that are not public."""
        user = self.request.user
        if not isinstance(user, User):
            raise Http404
        return user
