"""The loop's part of the command line: ``gongzhi worker`` and ``gongzhi jobs``."""

from __future__ import annotations

import logging
import signal
import threading

import click
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


@click.command()
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 32), help="Jobs done side by side.")
@click.option("--once", is_flag=True, help="Do what is due now, then exit.")
@click.option("--quiet", is_flag=True, help="Print warnings and errors only.")
def worker(threads: int, once: bool, quiet: bool) -> None:
    """Do background work: deliver events, run jobs and schedules. Start as many as you like."""
    from gongzhi.loop import worker as machinery

    if quiet:
        logging.getLogger("gongzhi").setLevel(logging.WARNING)
    if once:
        done = machinery.run_once()
    else:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        done = machinery.run(threads=threads, stop=stop)
    if not quiet:
        click.echo(ngettext("%(count)s job done.", "%(count)s jobs done.", done) % {"count": done})


@click.group()
def jobs() -> None:
    """Look at background work, and try failed jobs again."""


@jobs.command("list")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
def list_(limit: int) -> None:
    """List the jobs that are waiting or being done, and when schedules run next."""
    from gongzhi.loop.models import Job, Schedule

    for job in Job.objects.filter(due__isnull=False).order_by("-priority", "due", "pk")[:limit]:
        due = timezone.localtime(job.due).isoformat(sep=" ", timespec="seconds") if job.due else ""
        click.echo(f"{job.pk:>10}  {job.get_state_display():8}  {due}  {job.attempts:>3}  {job.task}  {job.worker}")
    for row in Schedule.objects.order_by("next_run"):
        due = timezone.localtime(row.next_run).isoformat(sep=" ", timespec="seconds")
        click.echo(f"{'':>10}  {_('schedule'):8}  {due}       {row.name}")


@jobs.command()
@click.option("--long", "long_", is_flag=True, help="Show where each error happened.")
def failed(long_: bool) -> None:
    """List the jobs that wait for a person. Exits with 1 when there are any."""
    from gongzhi.loop import queue

    found = queue.list_failed()
    for job in found:
        kind, _line, where = job.error.partition("\n")
        click.echo(f"{job.pk:>10}  {job.task}  {kind}")
        if where and (long_ or kind.endswith("Refusal")):
            click.echo(where)
    if not found:
        click.echo(_("No job has failed."))
    raise SystemExit(1 if found else 0)


@jobs.command()
@click.argument("number", type=int, metavar="ID")
def retry(number: int) -> None:
    """Try a failed job again."""
    from gongzhi.loop import queue
    from gongzhi.loop.models import Job

    job = Job.objects.filter(pk=number).first()
    if job is None or not queue.retry(job, now=timezone.now()):
        raise click.ClickException(_("There is no failed job with this number."))
    click.echo(_("The job will be tried again."))
