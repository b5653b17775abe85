"""The telephone desk: whom to call, one call after the other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from gongzhi.front.clock_words import moment_words, running_clock
from gongzhi.front.story import position_words
from gongzhi.front.workbench.forms.calls import NOBODY, CallForm, ShowNumberForm
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.privacy.actions import reveal
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.models import Message
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check, Method, Result
from gongzhi.verify.checks.models import State as CheckState
from gongzhi.verify.checks.reporters import Reporter, call_queue, calls_needed, reporters_of

A_PAGE = 50


class Calls(Guarded):
    """Everybody who is to be called: now, or later because nobody answered."""

    verb = "checks.check"

    def get(self, request: HttpRequest) -> HttpResponse:
        later = request.GET.get("when") == "later"
        page = Paginator(call_queue(self.person, now=self.now, later=later), A_PAGE).get_page(request.GET.get("page"))
        lines = list(page.object_list)
        told = Message.objects.in_bulk([line["message_id"] for line in lines])
        rows = [
            {
                **line,
                "url": call_url(line),
                "message": told[line["message_id"]],
                "clock": running_clock(line["due_at"] or line["answer_until"], None, self.now),
                "again_words": moment_words(line["again"], self.now) if line["again"] else "",
                "did": position_words(line["task__role"], line["task__place__name"]),
            }
            for line in lines
        ]
        context = {"page": page, "total": page.paginator.count, "rows": rows, "later": later}
        return render(request, "workbench/calls.html", context)


def call_url(line: dict[str, Any]) -> str:
    return reverse("workbench:call", kwargs={"pk": line["pk"], "message": line["message_id"]})


def next_call(person: User, now: datetime) -> str:
    """Where the next call is made; the empty queue when there is none."""
    line = call_queue(person, now=now).first()
    return call_url(line) if line is not None else reverse("workbench:calls")


class Call(Guarded):
    """One call: what was reported, what was done, the number, and what the person says."""

    verb = "checks.check"

    def found(self, pk: int, message: int) -> tuple[Check, Reporter]:
        check = (
            Check.objects.visible_to(self.person)
            .select_related("case", "case__place", "case__category", "task", "task__place", "worker")
            .filter(pk=pk)
            .first()
        )
        one = reporters_of(check, self.now).of(message) if check is not None else None
        if check is None or one is None:
            raise Http404
        return check, one

    def get(self, request: HttpRequest, pk: int, message: int) -> HttpResponse:
        return self.show(request, *self.found(pk, message))

    def show(
        self,
        request: HttpRequest,
        check: Check,
        one: Reporter,
        *,
        form: CallForm | None = None,
        number_form: ShowNumberForm | None = None,
        number: str = "",
        status: int = 200,
    ) -> HttpResponse:
        own = check.worker_id == self.person.pk
        context = {
            "check": check,
            "case": check.case,
            "task": check.task,
            "one": one,
            "message": one.message,
            "did": position_words(check.task.role, check.task.place.name),
            "clock": running_clock(check.due_at or check.answer_until, None, self.now),
            "needed": calls_needed(check.place_path, self.now),
            "may_call": not own and check.waits and one.answer is None,
            "may_see": holding(self.person, "privacy.reveal", check.place_path, self.now) is not None,
            "own": own,
            "caller": str(settings.GONGZHI_NAME) or str(posts_with(self.person, self.verb)[0].place),
            "form": form or CallForm(now=self.now),
            "number_form": number_form
            or ShowNumberForm(initial={"reason": _("Call back about %(number)s") % {"number": check.case.number}}),
            "number": number,
            "site_needed": check.state == CheckState.AT_DESK and check.said == Result.NOT_HELPED,
        }
        response = render(request, "workbench/call.html", context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response

    def post(self, request: HttpRequest, pk: int, message: int) -> HttpResponse:
        check, one = self.found(pk, message)
        form = CallForm(request.POST, now=self.now)
        if not form.is_valid():
            return self.show(request, check, one, form=form, status=422)
        data = form.cleaned_data
        try:
            if data["result"] == NOBODY:
                checks.call_failed(
                    check_id=pk, message_id=message, again_at=data["again_at"], by=self.person, now=self.now
                )
            else:
                checks.conclude_check(
                    check_id=pk,
                    message_id=message,
                    result=data["result"],
                    method=Method.PHONE,
                    satisfied=data["satisfied"],
                    words=data["words"],
                    by=self.person,
                    now=self.now,
                )
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, *self.found(pk, message), form=form, status=refusal.status)
        messages.success(request, _("The call about %(number)s is recorded.") % {"number": check.case.number})
        where = reverse("workbench:calls") if request.POST.get("then") == "list" else next_call(self.person, self.now)
        response = redirect(where)
        response.status_code = 303
        return response


class CallNumber(Call):
    """The number in plain digits, after the look is on record."""

    def get(self, request: HttpRequest, pk: int, message: int) -> HttpResponse:
        return redirect("workbench:call", pk=pk, message=message)

    def post(self, request: HttpRequest, pk: int, message: int) -> HttpResponse:
        check, one = self.found(pk, message)
        form = ShowNumberForm(request.POST)
        if not form.is_valid() or not one.has_phone:
            return self.show(request, check, one, number_form=form, status=422)
        if not one.message.place_path:
            # A message is not altered after it came in; one without a place belongs where its case lies now.
            one.message.place_path = check.place_path
        try:
            number = reveal(
                one.message, "reporter_phone", by=self.person, reason=form.cleaned_data["reason"], now=self.now
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))
            return self.show(request, check, one, number_form=form, status=refusal.status)
        return self.show(request, check, one, number=number)
