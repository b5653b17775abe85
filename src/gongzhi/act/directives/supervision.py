"""Supervision: a reminder of the asking office, in one click for everybody who has not read or is late."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection, models, transaction
from django.db.models import CharField, DateTimeField, Exists, F, IntegerField, OuterRef, Value
from django.utils.translation import gettext as _

from gongzhi.act.directives.actions import office_of
from gongzhi.act.directives.events import PlacesReminded
from gongzhi.act.directives.models import AssignmentQuerySet, DirectiveState, State, Step
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record, record_brought
from gongzhi.ground.refusals import Refusal


class Whom(models.TextChoices):
    UNREAD = "unread", "not read"
    LATE = "late", "late"


# Nobody is reminded of the same piece twice by people within this time, however often the button is pressed.
QUIET: Final = timedelta(hours=4)


@transaction.atomic
def remind(*, directive_id: int, whom: str, by: User, now: datetime) -> int:
    """Remind every place that has not read its piece, or is late with it; how many were. One statement for all."""
    directive, post = office_of(directive_id, by, now)
    if whom not in Whom.values:
        raise Refusal(_("Choose whom to remind."), field="whom", status=422)
    if directive.state != DirectiveState.ISSUED:
        raise Refusal(_("Only what is under way is reminded of."))
    pieces: AssignmentQuerySet = directive.assignments.top()
    pieces = pieces.filter(state=State.SENT) if whom == Whom.UNREAD else pieces.late(now)
    lately = Step.objects.filter(assignment=OuterRef("pk"), kind=Step.Kind.REMIND, by__isnull=False, at__gt=now - QUIET)
    newest = Step.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    count = _write_reminders(pieces.exclude(Exists(lately)), by=by, now=now)
    if count:
        event = PlacesReminded(directive_id=directive.pk, whom=whom, places=count)
        record(event, about=directive, by=by, now=now, post=post, place=directive.place_path, save=())
        steps = Step.objects.filter(pk__gt=newest, by=by, at=now, assignment__directive=directive)
        record_brought(steps, about=directive, by=by, now=now, post=post, place=directive.place_path)
    return count


def _write_reminders(pieces: AssignmentQuerySet, *, by: User, now: datetime) -> int:
    """INSERT … SELECT: the reminders of a person say nothing but that they were given."""
    columns = ("assignment_id", "place_path", "version", "kind", "at", "by_id", "answer")
    rows = pieces.order_by("pk").annotate(
        new_assignment_id=F("pk"),
        new_place_path=F("place_path"),
        new_version=Value(Step.UNRECORDED_VERSION, output_field=IntegerField()),
        new_kind=Value(Step.Kind.REMIND.value, output_field=CharField()),
        new_at=Value(now, output_field=DateTimeField()),
        new_by_id=Value(by.pk, output_field=IntegerField()),
        new_answer=Value("", output_field=CharField()),
    )
    sql, values = rows.values_list(*(f"new_{name}" for name in columns)).query.sql_with_params()
    quote = connection.ops.quote_name
    names = ", ".join(quote(name) for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(Step._meta.db_table)} ({names}) {sql}", values)
        return int(cursor.rowcount)
