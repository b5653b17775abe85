"""Making bulletins: by themselves on the first of the month, or by hand for any month."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.models import Post
from gongzhi.ground.access.roles import roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import below
from gongzhi.ground.refusals import Refusal
from gongzhi.learn.bulletins.events import BulletinMade
from gongzhi.learn.bulletins.figures import figures_of, first_of, month_after, month_before, period_of
from gongzhi.learn.bulletins.models import Bulletin, digest_of
from gongzhi.understand.cases.models import Case


def make_bulletin(*, place: Place, month: date, by: User | None, now: datetime) -> Bulletin:
    """The bulletin of a month that is over. Again with other numbers makes a revision; with the same ones, nothing.

    ``by=None`` is the schedule.
    """
    if month.day != 1:
        month = first_of(month)
    if timezone.localdate(now) < month_after(month):
        raise Refusal(_("This month is not over yet."), field="month", status=422)
    if month.year < 2000:
        raise Refusal(_("This month lies too far back."), field="month", status=422)
    post = require(by, "bulletins.make", place.path, now) if by is not None else None
    # Counted before the transaction: nobody waits for a lock meanwhile.
    figures = figures_of(place, month, now=now)
    digest = digest_of(figures)
    try:
        with transaction.atomic():
            last = Bulletin.objects.filter(place=place, month=month).order_by("-revision").first()
            if last is not None and (last.digest == digest or by is None):
                return last
            bulletin = Bulletin.objects.create(
                place=place,
                place_path=place.path,
                month=month,
                revision=last.revision + 1 if last is not None else 1,
                figures=figures,
                digest=digest,
                made_at=now,
                made_by=by,
            )
            record(
                BulletinMade(
                    bulletin_id=bulletin.pk, place_id=place.pk, month=bulletin.month, revision=bulletin.revision
                ),
                about=bulletin,
                by=by,
                now=now,
                post=post,
                place=place.path,
            )
    except IntegrityError:  # somebody else made it in the same moment
        return Bulletin.objects.filter(place=place, month=month).order_by("-revision")[0]
    return bulletin


def make_missing(*, now: datetime) -> int:
    """Last month's bulletin for each place with a desk, where it is missing. Runs daily, so a missed first is made up.

    A place that had no case yet gets none.
    """
    month = month_before(first_of(timezone.localdate(now)))
    desks = Post.objects.current(timezone.localdate(now)).filter(role__in=sorted(roles_with("bulletins.make")))
    made = 0
    for place in Place.objects.filter(pk__in=desks.values("place_id")).order_by("path"):
        if Bulletin.objects.filter(place=place, month=month).exists():
            continue
        began = Case.objects.filter(below(place.path, "place_path"), opened_at__lt=period_of(month).ends)
        if not began.exists():
            continue
        make_bulletin(place=place, month=month, by=None, now=now)
        made += 1
    return made
