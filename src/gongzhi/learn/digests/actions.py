"""Choosing the rhythm. It is the person's own choice, and nobody else's business."""

from __future__ import annotations

import re
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.refusals import Refusal
from gongzhi.learn.digests.events import RhythmChosen
from gongzhi.learn.digests.models import FIRST_HOUR, LAST_HOUR, Digest, Rhythm, Weekday
from gongzhi.verify.notices import carriers
from gongzhi.verify.notices.models import Way

_NUMBER = re.compile(r"\+?[0-9][0-9 -]{4,20}")


@transaction.atomic
def choose_rhythm(
    *, rhythm: str, hour: int, weekday: int, email: str, phone: str, by: User, now: datetime
) -> Digest | None:
    """In which rhythm, and where to. ``off`` forgets the addresses as well."""
    if rhythm not in Rhythm.values:
        raise Refusal(_("Please choose how often."), field="rhythm", status=422)
    if not FIRST_HOUR <= hour <= LAST_HOUR:
        raise Refusal(_("Please choose an hour of the day."), field="hour", status=422)
    if weekday not in Weekday.values:
        raise Refusal(_("Please choose a working day."), field="weekday", status=422)
    email, phone = email.replace("\x00", "").strip(), phone.replace("\x00", "").strip()
    if rhythm == Rhythm.OFF:
        email = phone = ""
    else:
        _check(email, phone)
    User.objects.select_for_update().get(pk=by.pk)  # two windows of one person wait for each other
    known = Digest.objects.filter(user=by).first()
    said = RhythmChosen(user_id=by.pk, rhythm=rhythm)
    if known is None:
        if rhythm == Rhythm.OFF:
            return None
        known = Digest.objects.create(
            user=by, rhythm=rhythm, hour=hour, weekday=weekday, email=email, phone=phone, changed_at=now
        )
        record(said, about=known, by=by, now=now)
        return known
    known.rhythm, known.hour, known.weekday, known.changed_at = rhythm, hour, weekday, now
    known.email, known.phone = email, phone
    record(
        said,
        about=known,
        by=by,
        now=now,
        save=("rhythm", "hour", "weekday", "email", "phone", "changed_at"),
    )
    return known


def _check(email: str, phone: str) -> None:
    if not email and not phone:
        raise Refusal(_("Write down an e-mail address or a telephone number."), field="email", status=422)
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise Refusal(_("This is no e-mail address."), field="email", status=422) from None
        if not carriers.is_open(Way.EMAIL):
            raise Refusal(_("E-mail is not set up here."), field="email", status=422)
    if phone:
        if not _NUMBER.fullmatch(phone):
            raise Refusal(_("This is no telephone number."), field="phone", status=422)
        if not carriers.is_open(Way.SMS):
            raise Refusal(_("Text messages are not set up here."), field="phone", status=422)
