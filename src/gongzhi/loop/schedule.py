"""What runs by the clock. One list; any worker ticks, and the one that moves ``next_run`` ahead has taken the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from gongzhi.loop import queue
from gongzhi.loop.models import Job, Schedule

PREFIX = "schedule:"


@dataclass(frozen=True)
class Every:
    """Call ``run`` (dotted path of a function with ``now=``) every so many seconds, or daily ``at`` a local time.

    A run that was missed is made up for once, however many were missed. Two runs of one schedule never overlap.
    """

    name: str
    run: str
    seconds: int = 0
    at: time | None = None

    def first(self, now: datetime) -> datetime:
        return now if self.at is None else self.following(now)

    def following(self, now: datetime) -> datetime:
        if self.at is None:
            return now + timedelta(seconds=self.seconds)
        here = timezone.localtime(now, timezone.get_default_timezone())
        then = here.replace(hour=self.at.hour, minute=self.at.minute, second=0, microsecond=0)
        return then if then > here else then + timedelta(days=1)


SCHEDULES: tuple[Every, ...] = (
    Every("seal_entries", "gongzhi.ground.ledger.jobs.seal_entries", seconds=60),
    Every("move_unanswered_checks", "gongzhi.verify.checks.jobs.move_unanswered", seconds=600),
    Every("remind_obligations", "gongzhi.act.disputes.jobs.remind_obligations", at=time(8, 0)),
    Every("turn_years_of_points", "gongzhi.act.points.jobs.turn_years", at=time(0, 10)),
    Every("book_published_points", "gongzhi.act.points.jobs.book_ended", seconds=1800),
    Every("settle_scores", "gongzhi.act.values.jobs.settle_unopposed", at=time(0, 40)),
    Every("carry_over_pieces", "gongzhi.act.directives.jobs.carry_over", seconds=600),
    Every("send_due_rounds", "gongzhi.act.directives.jobs.send_due_rounds", at=time(8, 30)),
    Every("take_steps", "gongzhi.act.directives.jobs.take_steps", seconds=60),
    Every("remind_late_units", "gongzhi.act.whistles.jobs.remind_late", seconds=300),
    Every("send_waiting_notices", "gongzhi.verify.notices.jobs.send_waiting", seconds=60),
    Every("escalate_late_cases", "gongzhi.understand.cases.jobs.escalate", seconds=60),
    Every("resume_overdue_pauses", "gongzhi.understand.cases.jobs.resume_overdue", at=time(0, 20)),
    Every("end_expired_modes", "gongzhi.ground.places.jobs.end_expired_modes", seconds=60),
    Every("forget_tallies", "gongzhi.ground.access.jobs.forget_tallies", seconds=3600),
    Every("clean_jobs", "gongzhi.loop.queue.clean", seconds=3600),
    Every("sign_missing", "gongzhi.understand.duplicates.jobs.sign_missing", seconds=3600),
    Every("count_grams", "gongzhi.understand.duplicates.jobs.count_grams", seconds=6 * 3600),
    Every("count_burden", "gongzhi.learn.burden.jobs.count_burden", at=time(2, 20)),
    Every("make_bulletins", "gongzhi.learn.bulletins.jobs.make_missing", at=time(0, 20)),
    Every("send_digests", "gongzhi.learn.digests.jobs.send_digests", seconds=300),
    Every("forget_sent_digests", "gongzhi.learn.digests.jobs.forget_sent", at=time(3, 20)),
    Every("erase_expired", "gongzhi.ground.privacy.jobs.erase_expired", at=time(3, 10)),
    Every("tidy_search", "gongzhi.understand.search.jobs.tidy_index", at=time(3, 40)),
)


def prepare(*, now: datetime) -> None:
    """Give every schedule its row. Safe to call from any number of workers."""
    Schedule.objects.bulk_create(
        [Schedule(name=every.name, next_run=every.first(now)) for every in SCHEDULES], ignore_conflicts=True
    )


def tick(*, now: datetime) -> int:
    """Turn each schedule that is due into a job. Returns how many this call has taken."""
    known = {every.name: every for every in SCHEDULES}
    taken = 0
    for row in Schedule.objects.filter(next_run__lte=now, name__in=known):
        with transaction.atomic():
            ahead = {"next_run": known[row.name].following(now), "last_run": now}
            if Schedule.objects.filter(pk=row.pk, next_run=row.next_run).update(**ahead):
                queue.enqueue_once(PREFIX + row.name, task=PREFIX + row.name, args=[], due=now, now=now, max_attempts=3)
                taken += 1
    return taken


def run(job: Job, *, now: datetime) -> None:
    """Call the function of a schedule's job."""
    name = job.task.removeprefix(PREFIX)
    every = next((every for every in SCHEDULES if every.name == name), None)
    if every is not None:
        function: Callable[..., object] = import_string(every.run)
        function(now=now)
    with transaction.atomic():
        queue.remove(job)
        Schedule.objects.filter(pk=name).update(last_done=now)
