"""What the loop keeps: jobs that wait, deliveries that happened, and when the next scheduled run is due."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.models import Entry


class Job(models.Model):
    """Work that is left for later, written in the transaction that wants it done.

    ``due`` is when the job may be taken. Taking it moves ``due`` ahead by the lease, so a job whose worker died is
    due again by itself. ``attempts`` counts the takings and is the fence: only the latest taker may finish it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    # "wire:room.function", "schedule:name", or the dotted path of a function marked with django_tasks.task
    task = models.CharField(max_length=200)
    args = models.JSONField(default=list)
    priority = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    due = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=8)
    key = models.CharField(max_length=120, blank=True)
    worker = models.CharField(max_length=80, blank=True)
    error = models.TextField(blank=True)
    result = models.JSONField(null=True)
    created = models.DateTimeField()
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    # The entries a delivery is about, when whoever took the job has them at hand already. Not kept.
    entries: dict[int, Entry] | None = None

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="job_is_due_while_open",
                condition=Q(state__in=("waiting", "running"), due__isnull=False)
                | Q(state__in=("done", "failed"), due__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["key"], name="job_open_once_per_key", condition=~Q(key="") & Q(due__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["-priority", "due", "id"], name="job_next", condition=Q(due__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.task} #{self.pk}"


class Delivery(models.Model):
    """One wire reacted to one entry. Written in the transaction of the reaction, so there is never a second effect."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="+", db_index=False)
    wire = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["entry", "wire"], name="delivery_once_per_wire")]

    def __str__(self) -> str:
        return f"{self.entry_id} > {self.wire}"


class Schedule(models.Model):
    """When a scheduled job runs next. Whichever worker moves ``next_run`` ahead has taken this run."""

    name = models.CharField(max_length=60, primary_key=True)
    next_run = models.DateTimeField()
    last_run = models.DateTimeField(null=True)
    last_done = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
