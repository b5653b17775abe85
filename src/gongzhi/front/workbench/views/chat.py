"""Demands out of a group chat: paste, look through the drafts, take them in. Until then nothing is stored."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gongzhi.front.workbench.filters import place_choices
from gongzhi.front.workbench.forms.chat import PasteForm, TakeForm
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.actions import Draft, check_text, receive_message
from gongzhi.sense.channels.chat import MOST_CLAIMS, Chat, read_chat
from gongzhi.sense.channels.models import AnswerBy, Channel


class PasteChat(Guarded):
    """First the paste, then the drafts. Both live in the form only."""

    verb = "cases.enter"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.draw(paste=PasteForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if "count" in request.POST:
            return self.take(request)
        form = PasteForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.draw(paste=form, status=422)
        chat = read_chat(form.cleaned_data["text"], now=timezone.localtime(self.now))
        if not chat.claims:
            form.add_error("paste", _("No demand was found in it: only greetings, faces or lines of the program."))
            return self.draw(paste=form, status=422)
        return self.draw(take=self.drafts(chat=chat), chat=chat)

    def drafts(self, given: Any = None, *, chat: Chat | None = None) -> TakeForm:
        places = place_choices(self.person, "cases.enter")
        return TakeForm(
            given,
            on=timezone.localdate(self.now),
            places=places,
            place=places[0][0] if len(places) == 1 else "",
            claims=chat.claims[:MOST_CLAIMS] if chat is not None else (),
        )

    def take(self, request: HttpRequest) -> HttpResponse:
        form = self.drafts(request.POST)
        if not form.is_valid():
            return self.draw(take=form, status=422)
        chosen = form.joined()
        if not chosen:
            form.add_error(None, _("Every draft is left out: there is nothing to take in."))
            return self.draw(take=form, status=422)
        drafts = []
        for one in chosen:
            try:
                drafts.append((self.draft(one, form), one["place"]))
                check_text(drafts[-1][0].text)
            except Refusal as refusal:
                form.drafts[one["number"] - 1].add_error("text", str(refusal.reason))
        if any(draft.errors for draft in form.drafts):
            return self.draw(take=form, status=422)
        with transaction.atomic():  # all of them or none
            for draft, path in drafts:
                receive_message(draft, by=self.person, post=self.acting_post(path), now=self.now)
        words = ngettext("%(count)d demand is taken in.", "%(count)d demands are taken in.", len(drafts))
        messages.success(request, words % {"count": len(drafts)})
        response = redirect("workbench:inbox" if posts_with(self.person, "cases.sort") else "workbench:today")
        response.status_code = 303
        return response

    def draft(self, one: dict[str, Any], form: TakeForm) -> Draft:
        text = one["text"]
        if one["agreed"]:
            others = ngettext(
                "(Group chat: %(count)d other person said the same.)",
                "(Group chat: %(count)d others said the same.)",
                one["agreed"],
            )
            text += "\n" + others % {"count": one["agreed"]}
        return Draft(
            text=text,
            channel=Channel.CHAT,
            category=one["category"],
            place=Place.objects.filter(path=one["place"]).first() if one["place"] else None,
            answer_by=AnswerBy.NONE,  # nobody can be asked; another post looks
            consent=form.cleaned_data["consent"],
            idempotency_key=f"chat-{form.cleaned_data['key']}-{one['number']}",
        )

    def acting_post(self, path: str) -> Post:
        near = holding(self.person, "cases.enter", path, self.now) if path else None
        return near or posts_with(self.person, "cases.enter")[0]

    def draw(
        self,
        *,
        paste: PasteForm | None = None,
        take: TakeForm | None = None,
        chat: Chat | None = None,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "form": paste or take,
            "paste": paste,
            "take": take,
            "chat": chat,
            "too_many": len(chat.claims) - MOST_CLAIMS if chat is not None else 0,
            "wrong": [draft for draft in take.drafts if draft.errors] if take is not None and take.is_bound else [],
        }
        response = render(self.request, "workbench/chat.html", context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response
