"""Reading the pieces that other offices have sent to the own one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from gongzhi.act.directives.models import OWED, Assignment, AssignmentQuerySet, Question, State
from gongzhi.front.clock_words import Clock, running_clock
from gongzhi.ground.accounts.models import User


def clock_of(piece: Assignment, now: datetime) -> Clock:
    if piece.state in OWED:
        return running_clock(piece.due_at, piece.yellow_at, now)
    if piece.state == State.ASKING:
        return (
            Clock("still", _("the clock waits for the answer"))
            if piece.due_at is None
            else running_clock(piece.due_at, piece.yellow_at, now)
        )
    return Clock("done" if piece.state == State.DONE else "still", piece.get_state_display())


def waiting_for(person: User, now: datetime) -> AssignmentQuerySet:
    """What the own office should look at this morning: unread, sent back, late, and lately answered."""
    answered = Question.objects.filter(assignment=OuterRef("pk"), answered_at__gte=now - timedelta(days=2))
    return (
        Assignment.objects.for_hands_of(person)
        .filter(
            Q(state__in=[State.SENT, State.RETURNED])
            | Q(state__in=sorted(OWED), due_at__lt=now + timedelta(days=1))
            | Q(state=State.ACCEPTED) & Exists(answered)
        )
        .select_related("directive", "directive__issuer_place")
        .order_by("due_at", "pk")
    )
