"""Counting the burden of posts, and asking senders whether it must be so much."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule
from gongzhi.learn.burden.counting import Position, askers_of, askings_of, loads_of, monday_of
from gongzhi.learn.burden.events import BurdenQuestionAnswered, BurdenQuestionAsked
from gongzhi.learn.burden.models import BurdenQuestion, SenderWeek, WeekLoad

WEEKS: Final = 2  # this one and the last: what was reported late on Sunday still counts
A_TIME: Final = 1000


def count_burden(*, now: datetime) -> int:
    """Count this week and the last anew, and ask senders where a threshold was passed. Returns how many were asked.

    Runs daily. Counting the same rows again changes nothing.
    """
    this = monday_of(timezone.localdate(now, timezone.get_default_timezone()))
    asked = 0
    for week in [this - timedelta(weeks=back) for back in range(WEEKS)]:
        count_week(week=week)
        asked += ask_senders(week=week, by=None, now=now)
    return asked


def count_week(*, week: date) -> int:
    """Replace the totals of one week by what its rows say. Returns how many positions had anything."""
    loads, askings = loads_of(week), askings_of(week)
    _replace(WeekLoad, week, {position: vars(load) for position, load in loads.items()})
    _replace(SenderWeek, week, {position: vars(asked) for position, asked in askings.items()})
    return len(loads)


@transaction.atomic
def _replace(kind: type[Any], week: date, totals: Mapping[Position, dict[str, int]]) -> None:
    """Write the totals of a week; what is no longer in the rows goes. There is nothing else to keep."""
    known: dict[Position, Any] = {(row.role, row.place_id): row for row in kind.objects.filter(week=week)}
    gone = [row.pk for position, row in known.items() if position not in totals]
    for start in range(0, len(gone), A_TIME):
        kind.objects.filter(pk__in=gone[start : start + A_TIME]).delete()
    paths = _paths({place_id for _role, place_id in totals if (_role, place_id) not in known})
    fresh, changed = [], []
    for (role, place_id), given in totals.items():
        row = known.get((role, place_id))
        if row is None:
            fresh.append(kind(role=role, place_id=place_id, place_path=paths[place_id], week=week, **given))
        elif any(getattr(row, name) != value for name, value in given.items()):
            for name, value in given.items():
                setattr(row, name, value)
            changed.append(row)
    kind.objects.bulk_create(fresh, batch_size=A_TIME, ignore_conflicts=True)
    if changed:
        kind.objects.bulk_update(changed, list(next(iter(totals.values()))), batch_size=A_TIME)


def _paths(ids: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), A_TIME):
        found.update(Place.objects.filter(pk__in=wanted[start : start + A_TIME]).values_list("pk", "path"))
    return found


def over_threshold(week: date) -> list[WeekLoad]:
    """The posts of which more was asked in this week than the rules of their place allow without a question."""
    found = []
    for row in WeekLoad.objects.filter(week=week, forms__gt=0).iterator(chunk_size=A_TIME):
        most = rule("burden.reports_week", path=row.place_path, on=week)
        longest = rule("burden.minutes_week", path=row.place_path, on=week)
        if row.forms > most or max(row.minutes, row.asked_minutes) > longest:
            found.append(row)
    return found


@transaction.atomic
def ask_senders(*, week: date, by: User | None, now: datetime) -> int:
    """Ask each sender who asked most of a post that is above its threshold. Once for a week. Returns how many."""
    over = {(row.role, row.place_id) for row in over_threshold(week)}
    if not over:
        return 0
    shares: dict[Position, Counter[Position]] = defaultdict(Counter)
    places = sorted({place_id for _role, place_id in over})
    for start in range(0, len(places), A_TIME):
        for position, sender, count in askers_of(week, places[start : start + A_TIME]):
            if position in over:
                shares[position][sender] += count
    posts: Counter[Position] = Counter()
    for share in shares.values():
        most = max(share.values())
        posts.update(sender for sender, count in share.items() if count == most)
    asked = 0
    totals = {(row.role, row.place_id): row for row in SenderWeek.objects.filter(week=week)}
    for sender in sorted(posts):
        total = totals[sender]
        question, new = BurdenQuestion.objects.get_or_create(
            role=sender[0],
            place_id=sender[1],
            week=week,
            defaults={
                "place_path": total.place_path,
                "reports": total.reports,
                "places": total.places,
                "minutes": total.minutes,
                "over": posts[sender],
                "asked_at": now,
            },
        )
        if not new:
            continue
        event = BurdenQuestionAsked(
            question_id=question.pk, week=week, reports=total.reports, places=total.places, over=posts[sender]
        )
        record(event, about=question, by=by, now=now, place=question.place_path)
        asked += 1
    return asked


@transaction.atomic
def answer_question(*, question_id: int, words: str, by: User, now: datetime) -> BurdenQuestion:
    """The sender says what is needed and what will be asked less. Once; the answer is for everybody who sees it."""
    question = (
        BurdenQuestion.objects.to_answer(by).select_for_update(of=("self",)).filter(pk=question_id).first()
        or BurdenQuestion.objects.visible_to(by).filter(pk=question_id).first()
    )
    if question is None:
        raise NotThere
    post = require(by, "directives.issue", question.place_path, now)
    if post.place_id != question.place_id:
        raise Refusal(_("The office that asked answers this itself."), status=403)
    if not question.is_open:
        raise Refusal(_("This question has been answered already."))
    words = " ".join(words.split())
    if not 4 <= len(words) <= 1000:
        raise Refusal(_("Say in a few words what is needed, and what will be asked less."), field="words", status=422)
    if not words.isprintable():
        raise Refusal(_("This has characters that cannot be read."), field="words", status=422)
    question.answer, question.answered_at, question.answered_by = words, now, by
    event = BurdenQuestionAnswered(question_id=question.pk)
    saved = ("answer", "answered_at", "answered_by")
    record(event, about=question, by=by, now=now, post=post, place=question.place_path, save=saved)
    return question
