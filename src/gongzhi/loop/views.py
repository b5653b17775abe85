"""What failed behind the pages and waits for a person."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gongzhi.ground.access.actions import power_of, require
from gongzhi.ground.access.guard import Guarded
from gongzhi.ground.access.reach import posts_with
from gongzhi.loop import queue
from gongzhi.loop.models import Job


class Jobs(Guarded):
    """Jobs that failed for good. Trying again needs the system administration's powers."""

    verb = "loop.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "failed": queue.list_failed()[:200],
            "waiting": Job.objects.filter(state__in=[Job.State.WAITING, Job.State.RUNNING], due__lte=self.now).count(),
            "needs_power": True,
            "power": power_of(self.person, self.now),
        }
        return render(request, "loop/jobs.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        require(self.person, self.verb, posts_with(self.person, self.verb)[0].place_path, self.now)
        given = request.POST.get("job", "")
        job = Job.objects.filter(pk=int(given)).first() if given.isascii() and given.isdigit() else None
        if job is None:
            raise Http404
        queue.retry(job, now=self.now)
        return redirect("loop:jobs")
