"""Sending the numbers of one's open work, in one's own rhythm: tried again, never twice, nothing else but numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from gongzhi.ground.access.reach import posts_of
from gongzhi.ground.accounts.models import User
from gongzhi.ground.rules.working_days import is_working_day
from gongzhi.learn.digests.deadlines import KINDS, Deadline, page
from gongzhi.learn.digests.models import Digest, Rhythm, Sending
from gongzhi.verify.notices import carriers
from gongzhi.verify.notices.models import State, Way, Why

MOST_ATTEMPTS: Final = 5
AT_ONCE: Final = 500
HELD: Final = timedelta(minutes=3)  # a run that dies while it sends gives the digest back after this long


def send_digests(*, now: datetime) -> int:
    """Whoever's hour has come is sent their numbers. Safe to run side by side; returns how many left the house."""
    _note_due(now)
    waiting = Sending.objects.due(now).order_by("due_at", "pk").values_list("pk", flat=True)[:AT_ONCE]
    return sum(_send(pk, now) for pk in list(waiting))


def _note_due(now: datetime) -> None:
    """Write down what has to be sent today. The same again adds nothing."""
    local = timezone.localtime(now)
    chosen = Digest.objects.exclude(rhythm=Rhythm.OFF).filter(hour__lte=local.hour, user__is_active=True)
    rows = []
    for digest in chosen.exclude(sendings__day=local.date()).select_related("user"):
        if not _is_due(digest, local):
            continue
        ways = [way for way, address in ((Way.EMAIL, digest.email), (Way.SMS, digest.phone)) if address]
        rows += [Sending(digest=digest, day=local.date(), way=way, due_at=now) for way in ways]
    Sending.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def _is_due(digest: Digest, local: datetime) -> bool:
    """Today, at this hour: on a working day; once a week on its day, or on the first working day after it."""
    on = local.date()
    posts = posts_of(digest.user, on)
    if not posts or not is_working_day(on, posts[0].place_path):
        return False
    wanted = on
    if digest.rhythm == Rhythm.WEEKLY:
        wanted = on - timedelta(days=(on.isoweekday() - digest.weekday) % 7)
        if Sending.objects.filter(digest=digest, day__gte=wanted).exists():
            return False
    hour = local.replace(
        year=wanted.year, month=wanted.month, day=wanted.day, hour=digest.hour, minute=0, second=0, microsecond=0
    )
    return digest.changed_at <= hour  # what was chosen after the hour begins with the next one


@transaction.atomic
def _take(pk: int, now: datetime) -> Sending | None:
    row = Sending.objects.due(now).select_for_update(of=("self",)).select_related("digest__user").filter(pk=pk).first()
    if row is not None:
        row.attempts += 1
        row.due_at = now + HELD
        Sending.objects.filter(pk=pk).update(attempts=row.attempts, due_at=row.due_at)
    return row


def _send(pk: int, now: datetime) -> bool:
    row = _take(pk, now)
    if row is None:
        return False
    digest, way = row.digest, Way(row.way)
    address = digest.email if way == Way.EMAIL else digest.phone
    if digest.rhythm == Rhythm.OFF or not digest.user.is_active:
        return _end(row, State.SKIPPED, Why.STOPPED)
    if not address:
        return _end(row, State.SKIPPED, Why.NO_CONTACT)
    if not carriers.is_open(way):
        return _end(row, State.SKIPPED, Why.NOT_SET_UP)
    with translation.override(digest.user.language or settings.LANGUAGE_CODE):
        subject, text, short = words_for(digest.user, now=now)
    key = f"gongzhi-digest-{row.pk}"  # a run that died after sending asks the carrier again, under the same key
    try:
        if way == Way.SMS:
            by = carriers.carrier()
            if by is None:
                return _end(row, State.SKIPPED, Why.NOT_SET_UP)
            by.send(address.open(), short, key)
        else:
            carriers.send_email(address.open(), subject, text, key)
    except carriers.Refused:
        return _end(row, State.FAILED, Why.REFUSED)
    except carriers.Unreached:
        failed = row.attempts >= MOST_ATTEMPTS
        later = now + timedelta(minutes=min(2 ** (row.attempts - 1), 60))
        state = State.FAILED if failed else State.QUEUED
        Sending.objects.filter(pk=pk).update(state=state, why=Why.UNREACHED, due_at=later)
        return False
    Sending.objects.filter(pk=pk).update(state=State.SENT, why=Why.NOTHING, sent_at=now)
    return True


def _end(row: Sending, state: State, why: Why) -> bool:
    Sending.objects.filter(pk=row.pk).update(state=state, why=why)
    return False


# --- the words -------------------------------------------------------------------------------------------------------


def words_for(user: User, *, now: datetime) -> tuple[str, str, str]:
    """(subject, letter, text message): numbers and addresses of pages, nothing else."""
    home = settings.GONGZHI_ADDRESS.rstrip("/")
    today = timezone.localdate(now)
    lines, total, late, due = [], 0, 0, 0
    for kind in KINDS:
        rows = list(kind.read(user))
        if not rows:
            continue
        late_here, due_here = _late(rows, now), _due(rows, today, now)
        total, late, due = total + len(rows), late + late_here, due + due_here
        given = {"kind": kind.label, "open": len(rows), "late": late_here, "due": due_here}
        lines.append(_("%(kind)s: %(open)d open, %(late)d late, %(due)d due today") % given)
        lines.append("  " + home + page(kind.page))
    given = {"open": total, "late": late, "due": due, "house": settings.GONGZHI_NAME or "Gongzhi"}
    subject = _("%(house)s: %(open)d open, %(late)d late, %(due)d due today") % given
    stop = _("Change or stop these reminders: %(page)s") % {"page": home + reverse("digests:mine")}
    if not lines:
        lines = [_("Nothing is open at your posts.")]
    return subject, "\n".join([*lines, "", stop, ""]), f"{subject} {home}{reverse('workbench:today')}"


def _late(rows: Sequence[Deadline], now: datetime) -> int:
    return sum(row.is_late(now) for row in rows)


def _due(rows: Sequence[Deadline], today: date, now: datetime) -> int:
    return sum(row.day == today and not row.is_late(now) for row in rows)
