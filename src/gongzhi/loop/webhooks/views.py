"""The page on which webhooks are looked after."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control

from gongzhi.ground.access.actions import power_of
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.ledger.events import label_of
from gongzhi.ground.refusals import Refusal
from gongzhi.loop.webhooks import actions
from gongzhi.loop.webhooks.forms import WebhookForm
from gongzhi.loop.webhooks.models import Missed, Subscription


class Webhooks(Guarded):
    """Who is told what, what was not accepted, and setting up a new one."""

    verb = "webhooks.manage"

    def show(self, request: HttpRequest, form: WebhookForm, status: int = 200, **more: object) -> HttpResponse:
        found = Subscription.objects.visible_to(self.person).select_related("place").order_by("state", "-pk")
        lines = [
            {"row": row, "events": [label_of(name) for name in row.events]}
            for row in found.exclude(state=Subscription.State.ENDED)[:100]
        ]
        missed = Missed.objects.filter(subscription__in=[line["row"] for line in lines]).order_by("-last_at", "-pk")
        context = {
            "form": form,
            "lines": lines,
            "missed": [
                {"row": one, "label": label_of(one.event)} for one in missed.select_related("subscription")[:50]
            ],
            "missed_count": missed.count(),
            "needs_power": True,
            "power": power_of(self.person, self.now),
            **more,
        }
        response = render(request, "webhooks/webhooks.html", context, status=status)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, WebhookForm(initial={"path": posts_with(self.person, self.verb)[0].place_path}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = WebhookForm(request.POST)
        if not form.is_valid():
            return self.show(request, form, 422)
        data = form.cleaned_data
        try:
            made, secret = actions.add_subscription(
                name=data["name"],
                url=data["url"],
                place=data["path"],
                events=data["events"],
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, form, refusal.status)
        return self.show(request, WebhookForm(initial={"path": made.place_path}), made=made, secret=secret)


_STEPS = {
    "pause": actions.pause_subscription,
    "resume": actions.resume_subscription,
    "end": actions.end_subscription,
}


class Change(Guarded):
    """Pause, switch on again, end."""

    verb = "webhooks.manage"

    def get(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        return redirect("webhooks:webhook_list")

    def post(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        if step not in _STEPS:
            raise Http404
        _STEPS[step](subscription_id=pk, by=self.person, now=self.now)
        return redirect("webhooks:webhook_list")
