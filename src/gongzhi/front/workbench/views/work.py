"""Work orders and checks: what hands do, and what other eyes look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import segno
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import State as TaskState
from gongzhi.act.tasks.models import Task
from gongzhi.front.clock_words import Clock, running_clock
from gongzhi.front.story import position_words
from gongzhi.front.workbench.forms.work import DoneForm, PhoneForm, ReturnForm, SiteForm
from gongzhi.front.working import hides, modules_for
from gongzhi.ground.access.actions import holding
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import acting_for, posts_of
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.models import Message, Photo
from gongzhi.understand.cases.models import Case
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check, Method
from gongzhi.verify.checks.models import State as CheckState
from gongzhi.verify.checks.reporters import reporters_of

A_PAGE = 50
# A list on paper: more than this nobody carries.
A_SHEET = 200
# Reporters on the page of a check; the others stand in the queue of the telephone desk.
MOST_REPORTERS = 30


def clock_of(task: Task, now: datetime) -> Clock:
    if not task.waits:
        return Clock("done" if task.state == TaskState.DONE else "still", task.get_state_display())
    return running_clock(task.due_at, task.yellow_at, now)


def _task_rows(found: Sequence[Task], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "task": task,
            "case": task.case,
            "url": reverse("workbench:task", kwargs={"pk": task.pk}),
            "clock": clock_of(task, now),
            "place": task.case.place.name,
            "with": position_words(task.role, task.place.name),
        }
        for task in found
    ]


def _refuse(form: Form, refusal: Refusal) -> None:
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.reason))


class TaskLists(Guarded):
    """Which orders a list shows: mine or all I see; waiting or ended."""

    verb = "workbench.enter"

    def listed(self, request: HttpRequest) -> tuple[QuerySet[Task], dict[str, str]]:
        whose = request.GET.get("whose") or ("mine" if self.has_hands else "all")
        state = request.GET.get("state") or "waiting"
        query = Task.objects.visible_to(self.person)
        if whose == "mine":
            query = query.for_hands_of(self.person)
        if state == "waiting":
            query = query.waiting().order_by("due_at", "pk")
        elif state == "late":
            query = query.late(self.now).order_by("due_at", "pk")
        else:
            state = "ended"
            query = query.exclude(state__in=["open", "accepted"]).order_by("-ended_at", "-pk")
        chosen = {"whose": "mine" if whose == "mine" else "all", "state": state}
        return query.select_related("case", "case__place", "case__category", "place"), chosen

    @property
    def has_hands(self) -> bool:
        return any("tasks.work" in post.verbs for post in posts_of(self.person))


class Tasks(TaskLists):
    def get(self, request: HttpRequest) -> HttpResponse:
        query, chosen = self.listed(request)
        page = Paginator(query, A_PAGE).get_page(request.GET.get("page"))
        context = {
            "page": page,
            "total": page.paginator.count,
            "rows": _task_rows(list(page.object_list), self.now),
            "chosen": chosen,
            "has_hands": self.has_hands,
        }
        return render(request, "workbench/tasks.html", context)


class TasksPrint(TaskLists):
    """The list on paper, with an empty column to write the result into."""

    def get(self, request: HttpRequest) -> HttpResponse:
        query, chosen = self.listed(request)
        context = {
            "rows": _task_rows(list(query[:A_SHEET]), self.now),
            "chosen": chosen,
            "printed_at": self.now,
            "posts": posts_of(self.person),
        }
        return render(request, "workbench/tasks_print.html", context)


class TaskView(Guarded):
    """A page about one order that the person may see."""

    verb = "workbench.enter"

    def found(self, pk: int) -> Task:
        task = (
            Task.objects.visible_to(self.person)
            .select_related(
                "case", "case__place", "case__category", "case__lead_place", "place", "ended_by", "accepted_by"
            )
            .filter(pk=pk)
            .first()
        )
        if task is None:
            raise Http404
        return task

    def hands(self, task: Task) -> Post | None:
        """The post through which the person does this order; it says so when they stand in for somebody."""
        return acting_for(self.person, task.role, task.place_id, "tasks.work")

    def show(
        self,
        request: HttpRequest,
        task: Task,
        *,
        done: DoneForm | None = None,
        back: ReturnForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        messages = list(Message.objects.filter(voice__case=task.case).order_by("voice__id"))
        hands = self.hands(task)
        context = {
            "task": task,
            "case": task.case,
            "messages_of_case": messages,
            "photos": Photo.objects.filter(message__in=[row.pk for row in messages], state=Photo.State.READY),
            "result_photos": task.photos.all(),
            "earlier": Task.objects.filter(case=task.case, round__lt=task.round)
            .select_related("place")
            .order_by("round"),
            "failed": Check.objects.filter(case=task.case, state=CheckState.FAILED).order_by("pk"),
            "position": position_words(task.role, task.place.name),
            "clock": clock_of(task, self.now),
            "mine": hands is not None,
            "standing_in": hands is not None and hands.stand_in_id is not None,
            "done_form": done or DoneForm(),
            "return_form": back or ReturnForm(),
            "may_value": task.waits
            and holding(self.person, "values.manage", task.place_path, self.now) is not None
            and not hides("workbench:values", modules_for(request)),
        }
        return render(request, "workbench/task.html", context, status=status)


class TaskPage(TaskView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class Accept(TaskView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:task", pk=pk)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        tasks.accept_task(task_id=pk, by=self.person, now=self.now)
        return redirect("workbench:task", pk=pk)


class Done(TaskView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:task", pk=pk)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        task = self.found(pk)
        form = DoneForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.show(request, task, done=form, status=422)
        try:
            tasks.report_done(
                task_id=pk,
                words=form.cleaned_data["words"],
                photos=request.FILES.getlist("photos"),
                by=self.person,
                now=self.now,
            )
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            _refuse(form, refusal)
            return self.show(request, self.found(pk), done=form, status=refusal.status)
        return redirect("workbench:task", pk=pk)


class Return(TaskView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:task", pk=pk)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        task = self.found(pk)
        form = ReturnForm(request.POST)
        if not form.is_valid():
            return self.show(request, task, back=form, status=422)
        try:
            tasks.return_task(task_id=pk, reason=form.cleaned_data["reason"], by=self.person, now=self.now)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Http404 from None
            _refuse(form, refusal)
            return self.show(request, self.found(pk), back=form, status=refusal.status)
        return redirect("workbench:task", pk=pk)


class TaskSheet(TaskView):
    """The order on one sheet of paper, with a code that opens it again."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        task = self.found(pk)
        link = request.build_absolute_uri(reverse("workbench:task", kwargs={"pk": pk}))
        context = {
            "task": task,
            "case": task.case,
            "messages_of_case": list(Message.objects.filter(voice__case=task.case).order_by("voice__id")),
            "position": position_words(task.role, task.place.name),
            "code": segno.make(link, error="m").svg_data_uri(scale=3, border=1),
            "printed_at": self.now,
        }
        return render(request, "workbench/task_sheet.html", context)


class Checks(Guarded):
    """What waits for other eyes: checks at the desk that are not the person's own work."""

    verb = "checks.check"

    def get(self, request: HttpRequest) -> HttpResponse:
        query = (
            Check.objects.for_hands_of(self.person)
            .select_related("case", "case__place", "case__category", "task", "task__place")
            .order_by("due_at", "pk")
        )
        page = Paginator(query, A_PAGE).get_page(request.GET.get("page"))
        rows = [
            {
                "check": check,
                "case": check.case,
                "clock": running_clock(check.due_at, None, self.now),
                "did": position_words(check.task.role, check.task.place.name),
            }
            for check in page.object_list
        ]
        return render(request, "workbench/checks.html", {"page": page, "total": page.paginator.count, "rows": rows})


class CheckView(Guarded):
    verb = "checks.check"

    def found(self, pk: int) -> Check:
        check = (
            Check.objects.visible_to(self.person)
            .select_related("case", "case__place", "case__category", "task", "task__place", "worker", "by")
            .filter(pk=pk)
            .first()
        )
        if check is None:
            raise Http404
        return check

    def show(
        self,
        request: HttpRequest,
        check: Check,
        *,
        phone: PhoneForm | None = None,
        site: SiteForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        told = reporters_of(check, self.now)
        reporter = told.everybody[0].message if told.everybody else None
        photos = list(Photo.objects.filter(message=reporter, state=Photo.State.READY)) if reporter is not None else []
        own = check.worker_id == self.person.pk
        context = {
            "check": check,
            "case": check.case,
            "task": check.task,
            "message": reporter,
            "photos": photos,
            "result_photos": check.task.photos.all(),
            "did": position_words(check.task.role, check.task.place.name),
            "clock": running_clock(check.due_at, None, self.now)
            if check.state == CheckState.AT_DESK
            else Clock("still", check.get_state_display()),
            "own": own,
            "reporters": told.everybody[:MOST_REPORTERS],
            "several": told.several,
            "may_check": not own and check.state in (CheckState.ASKED, CheckState.AT_DESK),
            "phone_form": phone or PhoneForm(prefix="phone"),
            "site_form": site or SiteForm(prefix="site"),
        }
        return render(request, "workbench/check.html", context, status=status)


class CheckPage(CheckView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.show(request, self.found(pk))


class Conclude(CheckView):
    """By telephone or on site; the form that was sent says which."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:check", pk=pk)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        check = self.found(pk)
        by_phone = request.POST.get("method") == Method.PHONE
        form = PhoneForm(request.POST, prefix="phone") if by_phone else SiteForm(request.POST, prefix="site")
        status = 422
        if form.is_valid():
            try:
                checks.conclude_check(
                    check_id=pk,
                    result=form.cleaned_data["result"],
                    method=Method.PHONE if by_phone else Method.SITE,
                    words=form.cleaned_data["words"],
                    satisfied=form.cleaned_data.get("satisfied", ""),
                    by=self.person,
                    now=self.now,
                )
                return redirect("workbench:checks")
            except Refusal as refusal:
                if refusal.status == 404:
                    raise Http404 from None
                _refuse(form, refusal)
                status = refusal.status
        if isinstance(form, PhoneForm):
            return self.show(request, check, phone=form, status=status)
        return self.show(request, check, site=form, status=status)


class CallFailed(CheckView):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect("workbench:check", pk=pk)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        checks.call_failed(check_id=pk, by=self.person, now=self.now)
        return redirect("workbench:check", pk=pk)


class Look(Guarded):
    """The number somebody typed or scanned: straight to the case."""

    verb = "workbench.enter"

    def get(self, request: HttpRequest) -> HttpResponse:
        words = request.GET.get("q", "").strip()
        case = Case.objects.visible_to(self.person).filter(number=words).first() if words else None
        if case is not None:
            return redirect("workbench:case", number=case.number)
        return redirect(f"{reverse('workbench:cases')}?{request.GET.urlencode()}")
