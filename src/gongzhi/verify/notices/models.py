"""A notice: one reporter is told one step, in the way they chose."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.models import Recorded
from gongzhi.sense.channels.models import AnswerBy, Message

# Who reads the steps elsewhere than on the follow page.
WRITTEN_TO = (AnswerBy.SMS, AnswerBy.EMAIL)


class Kind(models.TextChoices):
    RECEIVED = "received", _("Received")
    ASSIGNED = "assigned", _("Given to a post")
    PAUSED = "paused", _("The clock stands still")
    RESUMED = "resumed", _("The clock runs again")
    EXTENDED = "extended", _("It takes longer than promised")
    JOINED = "joined", _("Handled together with others")
    SEPARATED = "separated", _("Handled on its own again")
    ASKED = "asked", _("Asked whether it helped")
    CLOSED = "closed", _("Closed")
    REOPENED = "reopened", _("Taken up again")
    REFERRED = "referred", _("Referred elsewhere")
    REPLIED = "replied", _("The outcome of a theme")
    EXCLUDED = "excluded", _("Beyond what the post can do")


class Way(models.TextChoices):
    SMS = "sms", _("Text message")
    EMAIL = "email", _("E-mail")


class State(models.TextChoices):
    QUEUED = "queued", _("Waiting to be sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Could not be sent")
    SKIPPED = "skipped", _("Not sent")


class Why(models.TextChoices):
    """Why something was not sent."""

    NOTHING = "", ""
    STOPPED = "stopped", _("The reporter wants no messages")
    NO_CONTACT = "no_contact", _("There is no number or address any more")
    NOT_SET_UP = "not_set_up", _("This way of sending is not set up here")
    REFUSED = "refused", _("The carrier refused it")
    UNREACHED = "unreached", _("The carrier could not be reached")


class NoticeQuerySet(models.QuerySet["Notice"]):
    def due(self, now: datetime) -> Self:
        return self.filter(state=State.QUEUED, due_at__lte=now)

    def about_case(self, case_id: int) -> Self:
        return self.filter(message__voice__case_id=case_id)


class Notice(models.Model):
    """One step for one reporter. The text is made when it is sent; nothing of it is kept.

    ``entry_id`` names the entry of the record that says the step: with the message it makes the notice unique, so a
    step that is delivered twice is told once.
    """

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="notices")
    entry_id = models.BigIntegerField()
    kind = models.CharField(_("step"), max_length=12, choices=Kind.choices)
    way = models.CharField(_("way"), max_length=8, choices=Way.choices)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    why = models.CharField(_("reason"), max_length=12, choices=Why.choices, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()  # not before: the night, or after a failed attempt
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.UniqueConstraint(fields=["entry_id", "message"], name="one_notice_a_step_and_reporter"),
            models.CheckConstraint(
                name="notice_state_is_known", condition=Q(state__in=["queued", "sent", "failed", "skipped"])
            ),
            models.CheckConstraint(
                name="sent_notice_has_a_moment",
                condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent") & Q(sent_at__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="notice_by_due", condition=Q(state="queued"))]

    def __str__(self) -> str:
        return f"{self.message}: {self.kind}"


class Stop(Recorded):
    """A reporter wants no more messages about one report. The follow page still tells everything."""

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="stop")
    at = models.DateTimeField()

    RECORDED = ("message_id", "at")

    def __str__(self) -> str:
        return str(self.message)
