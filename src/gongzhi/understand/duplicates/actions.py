"""Signing what comes in, and remembering what a person has found not to be the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.accounts.models import User
from gongzhi.ground.filling import among
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.understand.cases.events import CaseOpened, CaseReopened
from gongzhi.understand.cases.models import Case, Voice
from gongzhi.understand.duplicates.events import FoundApart
from gongzhi.understand.duplicates.grams import pack, signature
from gongzhi.understand.duplicates.models import Apart, Posting, Signature


def sign_cases(events: Sequence[CaseOpened | CaseReopened], *, entries: Sequence[Entry], now: datetime) -> None:
    """Write the signatures of the cases that were opened or taken up again (reaction, many at once).

    Of a case that ended longer ago than the window (an import of old ones), nothing is written.
    """
    sign({event.case_id for event in events}, now=now)


def sign(case_ids: Collection[int], *, now: datetime) -> int:
    """Write the signatures that are missing. Gives back how many were written."""
    days = int(rule("duplicates.window_days", path="", on=timezone.localdate(now)))
    recent = Q(first_case__closed_at__isnull=True) | Q(first_case__closed_at__gte=now - timedelta(days=days))
    told = Voice.objects.filter(
        among("first_case_id", case_ids), recent, joined_at__isnull=True, first_case__signature=None
    ).values_list("first_case_id", "message_id", "message__text")
    signatures: list[Signature] = []
    postings: list[str] = []
    for case_id, message_id, text in told:
        if not text:
            continue
        grams = signature(text)
        signatures.append(Signature(case_id=case_id, message_id=message_id, grams=pack(grams), signed_at=now))
        postings += [f"({gram},{int(message_id)})" for gram in grams]
    if signatures:
        Signature.objects.bulk_create(signatures, batch_size=1000)
        # Nothing but whole numbers, two dozen rows a case: as plain statements an import has six times the pace.
        with connection.cursor() as cursor:
            for start in range(0, len(postings), 5000):
                rows = ",".join(postings[start : start + 5000])
                cursor.execute(f"INSERT INTO {Posting._meta.db_table} (gram, message_id) VALUES {rows}")  # noqa: S608
    return len(signatures)


@transaction.atomic
def find_apart(*, case_id: int, other_id: int, by: User, now: datetime) -> Apart:
    """Remember that two cases are not the same matter. They are not proposed to each other again."""
    found = Case.objects.visible_to(by).filter(pk__in=(case_id, other_id)).order_by("pk")
    rows = list(found.select_for_update(of=("self",)))
    if case_id == other_id:
        raise Refusal(_("A case is always the same as itself."), status=422)
    if len(rows) < 2:
        raise NotThere()
    first, second = rows
    own = first if first.pk == case_id else second
    post = require(by, "cases.merge", own.place_path, now)
    known = Apart.objects.filter(first=first, second=second).first()
    if known is not None:
        return known
    apart = Apart.objects.create(first=first, second=second, by=by, at=now)
    record(
        FoundApart(case_id=first.pk, other_id=second.pk),
        about=apart,
        by=by,
        now=now,
        post=post,
        place=own.place_path,
    )
    return apart
