"""One's own access tokens: what programs may do in one's name, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext_lazy as _

from gongzhi.front.workbench.forms.tokens import TokenForm
from gongzhi.ground.access import tokens
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Token
from gongzhi.ground.refusals import Refusal

# What a program can be allowed to do, in words: the verbs that the operations of the interfaces ask for.
WORDS: Final = {
    "cases.read": _("read cases in reach"),
    "cases.enter": _("hand in demands (also by Open311)"),
    "cases.sort": _("sort cases"),
    "cases.assign": _("assign, hand over and reopen cases"),
    "cases.pause": _("pause and resume cases"),
    "cases.extend": _("extend deadlines"),
    "cases.merge": _("handle cases together, and take them apart"),
    "cases.note": _("write notes"),
    "tasks.work": _("read and do work orders of my posts"),
    "checks.check": _("read and conclude checks"),
    "places.read": _("read places"),
    "cases.rule": _("answer questions to a higher post"),
    "whistles.answer": _("read and answer whistles"),
    "whistles.blow": _("blow and end whistles"),
    "themes.answer": _("read themes"),
    "directives.issue": _("send work down, and look at its results"),
    "directives.work": _("read and do the work that was sent to my office"),
    "rates.read": _("read the three rates of the cases that may be read"),
}


class Tokens(Guarded):
    """The list, and making a new one. The secret is shown in the answer to the form and never again."""

    verb = "workbench.enter"

    def show(
        self, request: HttpRequest, form: TokenForm, status: int = 200, made: Token | None = None, secret: str = ""
    ) -> HttpResponse:
        on = timezone.localdate(self.now)
        mine = list(Token.objects.filter(user=self.person).order_by("-pk")[:100])
        context = {
            "form": form,
            "made": made,
            "secret": secret,
            "usable": [_line(token) for token in mine if token.is_usable(on)],
            "ended": [_line(token) for token in mine if not token.is_usable(on)],
        }
        response = render(request, "workbench/tokens.html", context, status=status)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def form(self, data: Any = None) -> TokenForm:
        on = timezone.localdate(self.now)
        able = set(tokens.verbs_for_tokens(self.person, on))
        verbs = [(verb, str(words)) for verb, words in WORDS.items() if verb in able]
        return TokenForm(data, verbs=verbs, initial={"expires_on": on + timedelta(days=90)})

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, self.form())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self.show(request, form, 422)
        try:
            made, secret = tokens.create_token(**form.cleaned_data, by=self.person, now=self.now)
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, form, refusal.status)
        return self.show(request, self.form(), made=made, secret=secret)


def _line(token: Token) -> dict[str, Any]:
    return {"token": token, "verbs": [str(WORDS.get(verb, verb)) for verb in token.verbs]}


class RevokeToken(Guarded):
    verb = "workbench.enter"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:tokens")

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        tokens.revoke_token(token_id=pk, by=self.person, now=self.now)
        return redirect("workbench:tokens")
