"""The burden meter: totals that equal a recount, thresholds that ask the sender, and who sees what."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives import pieces
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment, Directive, Question, Report, Round, Step
from gongzhi.act.directives.pieces import Piece
from gongzhi.act.tasks.models import Task
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.places.actions import set_profile
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import override
from gongzhi.learn.burden.actions import answer_question, ask_senders, count_burden, count_week
from gongzhi.learn.burden.counting import monday_of
from gongzhi.learn.burden.models import BurdenQuestion, SenderWeek, WeekLoad
from gongzhi.understand.cases.models import Slip

pytestmark = pytest.mark.django_db


def send(town: Any, now: datetime, **given: Any) -> Directive:
    usual: dict[str, Any] = {
        "title": "防汛排查",
        "text": "逐楼排查地下空间。",
        "done_when": "每个地下空间都看过。",
        "target_level": "village",
        "target_places": [town.street.pk],
        "reply_span": "3 working_days",
        "minutes": 30,
    }
    directive = directives.draft_directive(ask=Ask(**(usual | given)), by=town.street_clerk, now=now)
    return directives.issue_directive(directive_id=directive.pk, by=town.street_clerk, now=now)


def week_of(moment: datetime) -> date:
    return monday_of(timezone.localdate(moment, timezone.get_default_timezone()))


def recount(week: date) -> tuple[dict[Any, dict[str, int]], dict[Any, dict[str, int]]]:
    """The same totals, row by row, in the plainest way."""
    loads: dict[Any, Counter[str]] = defaultdict(Counter)
    given = {
        entry.object_id for entry in Entry.objects.filter(event="directives.PieceGiven") if week_of(entry.at) == week
    }
    for one in Assignment.objects.select_related("round", "directive", "parent"):
        if one.parent is None:
            counts = week_of(one.round.sent_at) == week
        else:
            own = (one.parent.role, one.parent.place_id) == (one.role, one.place_id)
            counts = one.pk in given and not own
        if counts:
            loads[one.role, one.place_id].update(pieces=1, forms=1, asked_minutes=one.directive.minutes)
    for task in Task.objects.all():
        if week_of(task.opened_at) == week:
            loads[task.role, task.place_id].update(pieces=1)
    for report in Report.objects.select_related("assignment"):
        if report.counted and report.minutes and week_of(report.at) == week:
            loads[report.assignment.role, report.assignment.place_id].update(minutes=report.minutes)
    for step in Step.objects.select_related("assignment"):
        if week_of(step.at) == week:
            loads[step.assignment.role, step.assignment.place_id].update(messages=1)
    for slip in Slip.objects.all():
        if week_of(slip.opened_at) == week:
            loads[slip.role, slip.place_id].update(messages=1)
    for question in Question.objects.select_related("assignment__parent", "assignment__directive"):
        if week_of(question.asked_at) == week:
            above = question.assignment.parent
            if above is None:
                directive = question.assignment.directive
                loads[directive.issuer_role, directive.issuer_place_id].update(messages=1)
            else:
                loads[above.role, above.place_id].update(messages=1)
    senders: dict[Any, dict[str, Any]] = {}
    for sent in Round.objects.select_related("directive"):
        if week_of(sent.sent_at) != week:
            continue
        sender = senders.setdefault(
            (sent.directive.issuer_role, sent.directive.issuer_place_id),
            {"directives": set(), "reports": 0, "places": set(), "pieces": 0, "minutes": 0},
        )
        tops = Assignment.objects.filter(round=sent, parent=None)
        sender["directives"].add(sent.directive_id)
        sender["reports"] += 1
        sender["places"] |= {one.place_id for one in tops}
        sender["pieces"] += len(tops)
        sender["minutes"] += len(tops) * sent.directive.minutes
    plain = {
        position: {name: len(value) if isinstance(value, set) else value for name, value in found.items()}
        for position, found in senders.items()
    }
    return {position: dict(load) for position, load in loads.items()}, plain


def totals(kind: Any, week: date, names: tuple[str, ...]) -> dict[Any, dict[str, int]]:
    return {
        (row.role, row.place_id): {name: getattr(row, name) for name in names if getattr(row, name)}
        for row in kind.objects.filter(week=week)
    }


LOAD = ("pieces", "forms", "minutes", "asked_minutes", "messages")
ASKED = ("directives", "reports", "places", "pieces", "minutes")


@pytest.mark.parametrize("seed", range(4))
def test_totals_equal_a_recount_whatever_happened(town: Any, assigned: Any, moment: Any, seed: int) -> None:
    """Work goes down, is passed on, split, asked about, reported, withdrawn, over three weeks and in any order."""
    dice = random.Random(seed)
    start = moment.now
    if dice.random() < 0.7:
        assigned()
    days = sorted(dice.randrange(0, 16) for _ in range(24))
    weeks = set()
    for day in days:
        now = start + timedelta(days=day, minutes=dice.randrange(0, 400))
        weeks.add(week_of(now))
        owed = list(Assignment.objects.filter(state__in=["sent", "read", "accepted"]).order_by("pk"))
        choice = dice.choice(["send", "send", "pass", "split", "ask", "report", "report", "withdraw", "count"])
        if choice == "send" or not owed:
            level = dice.choice(["village", "grid"])
            send(town, now, minutes=dice.choice([0, 10, 45]), target_level=level)
            continue
        piece = dice.choice(owed)
        hands = {town.community.pk: town.secretary, town.other_community.pk: town.other_clerk,
                 town.grid.pk: town.worker, town.other_grid.pk: town.other_worker}[piece.place_id]  # fmt: skip
        grid = town.grid if piece.place_id == town.community.pk else town.other_grid
        with transaction.atomic():
            try:
                match choice:
                    case "pass":
                        pieces.pass_down(assignment_id=piece.pk, pieces=[Piece(place_id=grid.pk)], by=hands, now=now)
                    case "split":
                        parts = [Piece(place_id=piece.place_id, part="东"), Piece(place_id=piece.place_id, part="西")]
                        pieces.pass_down(assignment_id=piece.pk, pieces=parts, by=hands, now=now)
                    case "ask":
                        pieces.ask_sender(
                            assignment_id=piece.pk, kind="clarify", words="商户也要查吗？", by=hands, now=now
                        )
                    case "report":
                        pieces.report_result(
                            assignment_id=piece.pk,
                            words="看过了。",
                            minutes=dice.choice([0, 15, 70]),
                            by=hands,
                            now=now,
                        )
                    case "withdraw":
                        directives.withdraw_directive(
                            directive_id=piece.directive_id, reason="不再需要了", by=town.street_clerk, now=now
                        )
                    case "count":
                        count_burden(now=now)
            except Refusal:
                transaction.set_rollback(True)
    for week in weeks:
        count_week(week=week)
        loads, senders = recount(week)
        assert totals(WeekLoad, week, LOAD) == {
            key: {n: v for n, v in load.items() if v} for key, load in loads.items()
        }
        assert totals(SenderWeek, week, ASKED) == {
            key: {n: v for n, v in asked.items() if v} for key, asked in senders.items()
        }
        before = list(WeekLoad.objects.filter(week=week).order_by("pk").values())
        count_week(week=week)
        assert list(WeekLoad.objects.filter(week=week).order_by("pk").values()) == before
    assert len(weeks) >= 2


def test_a_week_is_counted_with_few_statements(town: Any, now: datetime, django_assert_max_num_queries: Any) -> None:
    for _ in range(5):
        send(town, now)
    with django_assert_max_num_queries(26):
        count_week(week=week_of(now))


def test_above_the_threshold_the_sender_is_asked_once_and_answers_in_words(town: Any, now: datetime) -> None:
    override(
        place=town.community, key="burden.reports_week", value=2, valid_from=week_of(now), reason="x", by=None, now=now
    )
    for _ in range(2):
        send(town, now)
    assert count_burden(now=now) == 0
    send(town, now)
    assert count_burden(now=now) == 1
    assert count_burden(now=now + timedelta(days=1)) == 0
    question = BurdenQuestion.objects.get()
    assert (question.role, question.place) == ("street_clerk", town.street)
    assert (question.reports, question.places, question.over, question.minutes) == (3, 2, 1, 180)
    later = now + timedelta(hours=1)
    for stranger in (town.secretary, town.officer, town.stranger):
        with pytest.raises(Refusal):
            answer_question(question_id=question.pk, words="防汛期间每天都要。", by=stranger, now=later)
    with pytest.raises(Refusal) as refused:
        answer_question(question_id=question.pk, words=" a ", by=town.street_clerk, now=later)
    assert refused.value.field == "words"
    answer_question(question_id=question.pk, words="下周只收一次。", by=town.street_clerk, now=later)
    with pytest.raises(Refusal):
        answer_question(question_id=question.pk, words="再答一次。", by=town.leader, now=later)
    assert verify(now=later) == []
    with pytest.raises(NotThere):
        answer_question(question_id=question.pk + 1, words="下周只收一次。", by=town.street_clerk, now=later)


def test_minutes_count_as_the_larger_of_estimated_and_reported(town: Any, now: datetime) -> None:
    override(
        place=town.street, key="burden.minutes_week", value=100, valid_from=week_of(now), reason="x", by=None, now=now
    )
    directive = send(town, now, minutes=60)
    assert count_burden(now=now) == 0
    piece = Assignment.objects.get(directive=directive, place=town.community)
    pieces.report_result(assignment_id=piece.pk, words="看过了。", minutes=130, by=town.clerk, now=now)
    assert count_burden(now=now) == 1
    assert BurdenQuestion.objects.get().over == 1


def test_a_scarce_place_asks_earlier(town: Any, now: datetime) -> None:
    for _ in range(5):
        send(town, now)
    assert count_burden(now=now) == 0
    set_profile(place=town.other_community, profile="scarce_low_rural", by=None, now=now)
    assert ask_senders(week=week_of(now), by=None, now=now) == 1


def test_who_sees_which_figures(town: Any, now: datetime) -> None:
    send(town, now)
    send(town, now, target_level="grid")
    count_burden(now=now)

    def seen(user: Any) -> set[str]:
        return {row.place.name for row in WeekLoad.objects.visible_to(user)}

    assert seen(town.worker) == {"东区第一网格"}
    assert seen(town.secretary) == {"东区社区", "东区第一网格"}
    assert seen(town.clerk) == set()
    assert seen(town.leader) == {"东区社区", "西区社区", "东区第一网格", "西区第一网格"}
    assert seen(town.system) == seen(town.stranger) == set()
    assert [row.reports for row in SenderWeek.objects.visible_to(town.street_clerk)] == [2]
    assert not SenderWeek.objects.visible_to(town.secretary).exists()
    assert not any(field.name in ("user", "by", "person") for field in WeekLoad._meta.fields)


def test_a_week_begins_on_monday(town: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        WeekLoad.objects.create(role="grid_worker", place=town.grid, place_path=town.grid.path, week=date(2026, 11, 17))
