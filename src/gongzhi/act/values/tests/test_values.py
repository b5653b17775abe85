"""Valued items: who sees them, what is scored how, who objects and who answers; and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.act.values import actions as values
from gongzhi.act.values.models import Agreement, Item, Objection, Score, State, Turn, by_name
from gongzhi.act.values.scoring import Marks, Weights, points, timeliness_by_clock
from gongzhi.ground.access.actions import end_post
from gongzhi.ground.access.reach import forget_posts
from gongzhi.ground.access.roles import Role
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.privacy.actions import erase_due
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import override
from gongzhi.understand.cases import actions as cases
from tests.town import make_user

MARKS = Marks(100, 90, 80)
REASON = "三条路都清了，照片和现场一致；晚了半天。"


# --- points: one pure function -------------------------------------------------------------------------


@st.composite
def weights(draw):
    first = draw(st.integers(0, 100))
    second = draw(st.integers(0, 100 - first))
    return Weights(first, second, 100 - first - second)


mark = st.integers(0, 100)


@given(st.integers(1, 1000), weights(), mark, mark, mark)
def test_points_are_the_exact_value_rounded_half_upwards(value, weights, done, timeliness, quality):
    exact = Fraction(
        value * (weights.done * done + weights.timeliness * timeliness + weights.quality * quality), 10_000
    )
    found = points(value, weights, Marks(done, timeliness, quality))
    assert isinstance(found, int)
    assert 0 <= found <= value
    assert found - exact <= Fraction(1, 2)
    assert exact - found < Fraction(1, 2)


@given(st.integers(1, 1000), weights(), mark, mark, mark, mark)
def test_a_better_mark_never_gives_less(value, weights, done, timeliness, quality, better):
    low, high = sorted((done, better))
    assert points(value, weights, Marks(low, timeliness, quality)) <= points(
        value, weights, Marks(high, timeliness, quality)
    )


def test_points_at_the_corners():
    fair = Weights(40, 30, 30)
    assert points(300, fair, Marks(100, 100, 100)) == 300
    assert points(300, fair, Marks(0, 0, 0)) == 0
    assert points(1, Weights(50, 50, 0), Marks(100, 0, 0)) == 1  # a half goes upwards
    assert points(1, Weights(49, 51, 0), Marks(100, 0, 0)) == 0
    assert points(300, fair, Marks(100, 80, 90)) == 273


def test_the_clock_takes_off_a_step_a_day_and_never_goes_below_nothing():
    assert [timeliness_by_clock(days, 10) for days in (0, 1, 9, 10, 400)] == [100, 90, 10, 0, 0]
    assert timeliness_by_clock(5, 0) == 100


# --- scenes --------------------------------------------------------------------------------------------


@pytest.fixture
def deputy(town):
    return make_user("deputy", "段副书记", (Role.COMMUNITY_SECRETARY, town.community))


@pytest.fixture
def agreed(town, moment):
    def agreed(**fields):
        given = {
            "place": town.community,
            "adopted_on": date(2026, 11, 2),
            "meeting": "11月2日村“两委”联席会议，应到九人，实到八人，一致同意。",
            "weights": Weights(40, 30, 30),
            "objection_days": 5,
            "starts_on": date(2026, 11, 1),
            "ends_on": date(2027, 4, 30),
            "by": town.secretary,
            "now": moment.now,
        }
        return values.adopt_agreement(**{**given, **fields})

    return agreed


@pytest.fixture
def written(town, moment, agreed):
    def written(**fields):
        if not Agreement.objects.standing().filter(place=town.community).exists():
            agreed()
        given = {
            "place": town.community,
            "title": "清理东片三条村路",
            "done_when": "三条路无垃圾、无堆物，拍照或现场看过。",
            "value": 300,
            "due_at": moment.now + timedelta(days=7),
            "by": town.secretary,
            "now": moment.now,
        }
        return values.write_item(**{**given, **fields})

    return written


def post_of(user):
    return user.posts.order_by("pk")[0].pk


@pytest.fixture
def given_out(written, town):
    def given_out(to=None, **fields):
        return written(post_id=post_of(to or town.worker), **fields)

    return given_out


@pytest.fixture
def reported(given_out, town, moment):
    def reported(**fields):
        item = given_out(**fields)
        values.report_item(item_id=item.pk, words="三条路已清完。", by=item.holder, now=moment.now)
        return Item.objects.get(pk=item.pk)

    return reported


@pytest.fixture
def scored(reported, town, moment):
    def scored(marks=MARKS, by=None, **fields):
        item = reported(**fields)
        values.score_item(item_id=item.pk, marks=marks, reason=REASON, by=by or town.secretary, now=moment.now)
        return Item.objects.get(pk=item.pk)

    return scored


@pytest.fixture
def objected(scored, town, moment):
    def objected(**fields):
        item = scored(**fields)
        values.object_to_score(item_id=item.pk, words="下雨停工一天，质量不该扣。", by=item.holder, now=moment.now)
        return Item.objects.get(pk=item.pk)

    return objected


def unchanged(call, *, status=None, words=""):
    """The call is refused with these words, and nothing was written."""
    before = (Entry.objects.count(), list(Item.objects.values()), list(Score.objects.values()))
    with pytest.raises(Refusal) as refused, transaction.atomic():
        call()
    assert status in (None, refused.value.status)
    assert words in str(refused.value.reason)
    assert str(refused.value.reason) or refused.value.status == 404
    assert (Entry.objects.count(), list(Item.objects.values()), list(Score.objects.values())) == before


# --- what is agreed ------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def test_a_newer_agreement_replaces_the_older_and_items_keep_theirs(agreed, given_out, town, moment):
    item = given_out()
    second = agreed(weights=Weights(60, 20, 20))
    assert second.edition == 2
    first = Agreement.objects.get(edition=1)
    assert first.ended_at == moment.now
    assert Item.objects.get(pk=item.pk).agreement == first
    newer = values.write_item(
        place=town.community, title="新的一件", done_when="做完", value=10,
        due_at=moment.now + timedelta(days=1), by=town.secretary, now=moment.now,
    )  # fmt: skip
    assert newer.agreement == second


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weights": Weights(40, 30, 31)}, "add up to 100"),
        ({"weights": Weights(0, 0, 0)}, "add up to 100"),
        ({"weights": Weights(150, -25, -25)}, "add up to 100"),
        ({"weights": Weights(10**9, 0, 0)}, "add up to 100"),
        ({"meeting": "  "}, "Say which meeting"),
        ({"meeting": "长" * 1001}, "At most 1000"),
        ({"objection_days": 4}, "Between 5 and 60"),
        ({"objection_days": 0}, "Between 5 and 60"),
        ({"objection_days": -1}, "Between 5 and 60"),
        ({"objection_days": 10**9}, "Between 5 and 60"),
        ({"adopted_on": date(2026, 12, 1)}, "not been held"),
        ({"ends_on": date(2026, 10, 31)}, "must not come before"),
        ({"starts_on": date(2025, 1, 1), "ends_on": date(2025, 12, 31)}, "nor lie in the past"),
        ({"ends_on": date(2028, 11, 1)}, "At most one year"),
    ],
)
def test_an_agreement_that_cannot_be(agreed, fields, words):
    unchanged(lambda: agreed(**fields), status=422, words=words)
    assert not Agreement.objects.exists()


def test_only_for_a_village_or_community_and_only_by_who_scores_there(agreed, town):
    unchanged(lambda: agreed(by=town.clerk), status=403)
    unchanged(lambda: agreed(place=town.other_community), status=403)
    unchanged(lambda: agreed(place=town.grid), status=422, words="village or a community")


def test_the_database_knows_what_was_agreed(agreed, town):
    agreement = agreed()
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(done_weight=41)
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(objection_days=0)


# --- writing and giving out ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, -300, 1001, 10**9])
def test_a_value_outside_its_bounds(written, value):
    unchanged(lambda: written(value=value), status=422, words="between 1 and 1000")


def test_a_place_may_set_a_smaller_largest_value(written, town, moment):
    override(
        place=town.community, key="values.most", value=50, valid_from=moment.now.date(), reason="test", by=None,
        now=moment.now,
    )  # fmt: skip
    unchanged(lambda: written(value=51), status=422, words="between 1 and 50")
    assert written(value=50).value == 50


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title": " "}, "what is to be done"),
        ({"title": "长" * 121}, "At most 120"),
        ({"done_when": ""}, "counts as done"),
        ({"origin": "长" * 201}, "At most 200"),
    ],
)
def test_words_that_are_missing_or_too_long(written, fields, words):
    unchanged(lambda: written(**fields), status=422, words=words)


def test_a_deadline_in_the_past(written, moment):
    unchanged(lambda: written(due_at=moment.now - timedelta(hours=1)), status=422, words="past")
    unchanged(lambda: written(due_at=moment.now), status=422, words="past")


def test_no_item_without_an_agreement_that_holds_today(agreed, town, moment):
    given = {
        "place": town.community, "title": "一件", "done_when": "做完", "value": 1,
        "due_at": moment.now + timedelta(days=900), "by": town.secretary,
    }  # fmt: skip
    unchanged(lambda: values.write_item(**given, now=moment.now), status=422, words="First write down")
    agreed()
    later = moment.now + timedelta(days=300)
    unchanged(lambda: values.write_item(**given, now=later), status=422, words="Adopt a new one")


def test_an_item_goes_to_somebody_in_a_post_below(written, town, moment):
    item = written()
    give = {"item_id": item.pk, "by": town.secretary, "now": moment.now}
    for stranger in (town.other_worker, town.street_clerk, town.officer, town.property_manager):
        unchanged(lambda who=stranger: values.give_item(**give, post_id=post_of(who)), status=422)
    unchanged(lambda: values.give_item(**give, post_id=10**9), status=422, words="Nobody holds this post")
    values.give_item(**give, post_id=post_of(town.clerk))
    assert Item.objects.get(pk=item.pk).holder == town.clerk
    unchanged(lambda: values.give_item(**give, post_id=post_of(town.clerk), words="再来"), words="has it already")


def test_nobody_gets_an_item_that_nobody_else_could_score(written, town, moment):
    unchanged(lambda: written(post_id=post_of(town.secretary)), status=422, words="Nobody else scores here")


def test_a_secretary_gets_one_when_another_can_score_it(written, town, deputy, moment):
    item = written(post_id=post_of(town.secretary))
    values.report_item(item_id=item.pk, words="做完了", by=town.secretary, now=moment.now)
    score = {"item_id": item.pk, "marks": MARKS, "reason": REASON, "now": moment.now}
    unchanged(lambda: values.score_item(**score, by=town.secretary), status=403, words="their own work")
    values.score_item(**score, by=deputy)


def test_moving_an_item_keeps_its_history_and_needs_a_reason(given_out, town, moment):
    item = given_out()
    give = {"item_id": item.pk, "post_id": post_of(town.second_worker), "by": town.secretary, "now": moment.now}
    unchanged(lambda: values.give_item(**give), status=422, words="Say why")
    past = moment.now - timedelta(days=1)
    unchanged(lambda: values.give_item(**give, words="防汛值班", due_at=past), status=422, words="past")
    longer = moment.now + timedelta(days=9)
    values.give_item(**give, words="王格一防汛值班", due_at=longer)
    item = Item.objects.get(pk=item.pk)
    assert (item.holder, item.turns, item.due_at) == (town.second_worker, 2, longer)
    assert [(turn.user, turn.words) for turn in Turn.objects.filter(item=item)] == [
        (town.worker, ""),
        (town.second_worker, "王格一防汛值班"),
    ]
    moved = Entry.objects.get(event="values.ItemMoved")
    assert moved.data["user_id"] == town.second_worker.pk
    unchanged(lambda: values.report_item(item_id=item.pk, words="好了", by=town.worker, now=moment.now), status=404)


def test_somebody_is_away_and_comes_back(given_out, reported, town, moment):
    """Everything still to be done goes over in one step and returns in one; what was reported stays where it is."""
    done, first, second = reported(), given_out(title="第一件事"), given_out(title="第二件事")
    away = {"place": town.community, "from_user_id": town.worker.pk, "by": town.secretary, "now": moment.now}
    given = {**away, "post_id": post_of(town.second_worker), "words": "抽去防汛值班两周"}
    unchanged(lambda: values.hand_over(**{**given, "words": " "}), status=422, words="Say why")
    unchanged(lambda: values.hand_over(**{**given, "by": town.worker}), status=403)
    unchanged(lambda: values.hand_over(**{**given, "post_id": post_of(town.other_worker)}), status=422)
    unchanged(lambda: values.hand_over(**{**given, "from_user_id": town.clerk.pk}), words="nothing here")
    moment.now += timedelta(minutes=5)
    at = moment.now
    assert values.hand_over(**{**given, "now": at}) == 2
    holders = dict(Item.objects.values_list("pk", "holder_id"))
    assert holders == {
        done.pk: town.worker.pk,
        first.pk: town.second_worker.pk,
        second.pk: town.second_worker.pk,
    }
    assert {turn.words for turn in Turn.objects.filter(number=2)} == {"抽去防汛值班两周"}
    assert Entry.objects.filter(event="values.ItemMoved").count() == 2
    # One of them is done meanwhile: it stays with whoever did it.
    values.report_item(item_id=first.pk, words="做完了", by=town.second_worker, now=at)
    (step,) = values.handed_over(town.community, town.worker.pk)
    assert (step.at, step.user, [turn.item_id for turn in step.turns]) == (at, town.second_worker, [second.pk])
    moment.now += timedelta(days=3)
    back = {"place": town.community, "to_user_id": town.worker.pk, "by": town.secretary, "now": moment.now}
    unchanged(lambda: values.hand_back(**{**back, "by": town.second_worker}, at=at), status=403)
    unchanged(lambda: values.hand_back(**back, at=at + timedelta(seconds=1)), words="left to give back")
    assert values.hand_back(**back, at=at) == 1
    assert Item.objects.get(pk=second.pk).holder == town.worker
    assert Item.objects.get(pk=second.pk).turns == 3
    assert Item.objects.get(pk=first.pk).holder == town.second_worker
    unchanged(lambda: values.hand_back(**back, at=at), words="left to give back")
    assert verify(now=moment.now) == []


# --- from received work --------------------------------------------------------------------------------


def test_received_work_becomes_an_item(written, assigned, town, moment):
    _message, case = assigned()
    item = written(source=case.tasks.get())
    assert item.task == case.tasks.get()
    assert Entry.objects.get(event="values.ItemWritten").data["task_id"] == item.task_id


def test_work_that_is_not_here_done_or_called_off_gets_no_value(written, assigned, town, moment, deliver, agreed):
    agreed()
    _message, case = assigned()
    task = case.tasks.get()
    tasks.return_task(task_id=task.pk, reason="不归我们", by=town.worker, now=moment.now)
    unchanged(lambda: written(source=Task.objects.get(pk=task.pk)), status=422, words="no longer wanted")
    _message, done = assigned()
    tasks.report_done(task_id=done.tasks.get().pk, words="好了", by=town.worker, now=moment.now)
    unchanged(lambda: written(source=done.tasks.get()), status=422, words="already done")
    Task.objects.filter(pk=done.tasks.get().pk).update(place_path=town.other_grid.path, state="open")
    unchanged(lambda: written(source=done.tasks.get()), status=422, words="does not lie here")


def test_an_item_whose_source_was_called_off_can_only_be_withdrawn(given_out, assigned, town, moment, deliver):
    message, case = assigned()
    item = given_out(source=case.tasks.get())
    cases.withdraw_case(message=message, now=moment.now)
    deliver(now=moment.now)
    assert Item.objects.get(pk=item.pk).source_called_off
    given = {"item_id": item.pk, "now": moment.now}
    unchanged(lambda: values.report_item(**given, words="做完了", by=town.worker), words="no longer wanted")
    move = {"post_id": post_of(town.clerk), "words": "换人", "by": town.secretary}
    unchanged(lambda: values.give_item(**given, **move), words="no longer wanted")
    unchanged(lambda: values.withdraw_item(**given, words="", by=town.secretary), status=422, words="Say why")
    values.withdraw_item(**given, words="上级已撤回", by=town.secretary)
    assert Item.objects.get(pk=item.pk).state == State.WITHDRAWN


def test_work_that_was_reported_before_its_source_was_called_off_is_scored(reported, assigned, town, moment):
    _message, case = assigned()
    item = reported(source=case.tasks.get())
    Task.objects.filter(pk=item.task_id).update(state="cancelled", ended_at=moment.now)
    given = {"item_id": item.pk, "now": moment.now, "by": town.secretary}
    unchanged(lambda: values.withdraw_item(**given, words="不要了"), words="not possible")
    values.score_item(**given, marks=MARKS, reason=REASON)


@pytest.fixture
def piece(town, moment):
    """The community's piece of a directive of the street, with a value that the street proposes."""
    ask = Ask(
        title="汛前排查低洼点位", text="逐处看一遍。", done_when="每处都看过，结果写明。", target_level="village",
        target_places=[town.street.pk], reply_span="5 working_days", value=120,
    )  # fmt: skip
    draft = directives.draft_directive(ask=ask, by=town.street_clerk, now=moment.now)
    directives.issue_directive(directive_id=draft.pk, by=town.street_clerk, now=moment.now)
    return Assignment.objects.get(directive=draft, place=town.community)


def test_a_piece_of_a_directive_becomes_an_item(written, piece, assigned, town, moment):
    item = written(source=piece)
    assert (item.assignment, item.task) == (piece, None)
    assert Entry.objects.get(event="values.ItemWritten").data["assignment_id"] == piece.pk
    assert verify(now=moment.now) == []
    elsewhere = Assignment.objects.get(directive=piece.directive, place=town.other_community)
    unchanged(lambda: written(source=elsewhere), status=422, words="does not lie here")
    _message, case = assigned()
    with pytest.raises(IntegrityError), transaction.atomic():
        Item.objects.filter(pk=item.pk).update(task=case.tasks.get())


def test_a_withdrawn_directive_calls_its_items_off(given_out, written, piece, town, moment):
    item = given_out(source=piece)
    directives.withdraw_directive(
        directive_id=piece.directive_id, reason="重复下发", by=town.street_clerk, now=moment.now
    )
    given = {"item_id": item.pk, "now": moment.now}
    unchanged(lambda: values.report_item(**given, words="做完了", by=town.worker), words="no longer wanted")
    unchanged(lambda: written(source=Assignment.objects.get(pk=piece.pk)), status=422, words="no longer wanted")
    values.withdraw_item(**given, words="街道已撤回", by=town.secretary)


# --- scoring -------------------------------------------------------------------------------------------


def test_a_score_has_its_marks_points_and_reason(scored, town):
    item = scored()
    score = item.scores.get()
    assert score.points == points(300, Weights(40, 30, 30), MARKS) == 273
    assert (score.by_clock, score.round, item.rounds) == (100, 1, 1)
    assert score.reason == REASON
    assert score.holder == town.worker
    assert verify(now=item.object_by) == []


@pytest.mark.parametrize("reason", ["", "   ", "好", "\x00\x00\x00\x00"])
def test_no_score_without_a_reason(reported, town, moment, reason):
    item = reported()
    given = {"item_id": item.pk, "marks": MARKS, "reason": reason, "by": town.secretary, "now": moment.now}
    unchanged(lambda: values.score_item(**given), status=422, words="needs a reason")


@pytest.mark.parametrize("marks", [Marks(-1, 0, 0), Marks(101, 0, 0), Marks(0, 10**9, 0), Marks(0, 0, 101)])
def test_marks_out_of_bounds(reported, town, moment, marks):
    item = reported()
    given = {"item_id": item.pk, "marks": marks, "reason": REASON, "by": town.secretary, "now": moment.now}
    unchanged(lambda: values.score_item(**given), status=422, words="0 to 100")


def test_only_reported_work_is_scored_and_only_by_who_scores_there(given_out, reported, town, moment):
    given = {"marks": MARKS, "reason": REASON, "now": moment.now}
    item = given_out()
    unchanged(lambda: values.score_item(item_id=item.pk, by=town.secretary, **given), words="not possible")
    item = reported()
    unchanged(lambda: values.score_item(item_id=item.pk, by=town.worker, **given), status=403)
    for who in (town.clerk, town.street_clerk, town.leader, town.other_worker, town.stranger):
        unchanged(lambda who=who: values.score_item(item_id=item.pk, by=who, **given), status=404)


def test_the_clock_proposes_and_a_person_decides(given_out, town, moment):
    item = given_out(due_at=moment.now + timedelta(hours=2))
    moment.now += timedelta(days=5)  # from Wednesday noon: Thursday, Friday, Monday
    item = values.report_item(item_id=item.pk, words="做完了", by=town.worker, now=moment.now)
    assert values.days_late(item) == 3
    assert values.proposed_timeliness(item, moment.now) == 70
    assert Entry.objects.get(event="values.ItemReported").data["days_late"] == 3
    score = values.score_item(
        item_id=item.pk, marks=Marks(100, 100, 100), reason="停电两天，不算迟。", by=town.secretary, now=moment.now
    )
    assert (score.timeliness, score.by_clock) == (100, 70)


def test_late_on_the_same_day_is_one_day_begun(given_out, town, moment):
    item = given_out(due_at=moment.now + timedelta(hours=1))
    moment.now += timedelta(hours=2)
    assert values.days_late(values.report_item(item_id=item.pk, words="好了", by=town.worker, now=moment.now)) == 1


def test_scoring_again_adds_a_row_and_starts_the_time_to_object_anew(scored, town, moment):
    item = scored()
    first_until = item.object_by
    moment.now += timedelta(days=1)
    given = {"item_id": item.pk, "marks": Marks(100, 100, 80), "by": town.secretary, "now": moment.now}
    unchanged(lambda: values.score_item(**given, reason="写错了", rounds=0), words="meanwhile")
    unchanged(lambda: values.score_item(**given, reason=""), status=422)
    values.score_item(**given, reason="及时分写错了，更正。", rounds=1)
    item = Item.objects.get(pk=item.pk)
    assert (item.rounds, item.state) == (2, State.SCORED)
    assert item.object_by > first_until
    assert [one.timeliness for one in item.scores.all()] == [90, 100]


def test_the_database_refuses_a_score_of_ones_own_work(scored, town):
    score = scored().scores.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Score.objects.filter(pk=score.pk).update(by=town.worker)
    with pytest.raises(IntegrityError), transaction.atomic():
        Score.objects.filter(pk=score.pk).update(done=101)


def test_a_score_altered_behind_the_record_is_found_out(scored, moment):
    score = scored().scores.get()
    Score.objects.filter(pk=score.pk).update(points=300)
    found = verify(now=moment.now)
    assert any("values.Score" in str(one) for one in found)


# --- objecting and answering ---------------------------------------------------------------------------


def test_a_score_stands_when_nobody_objects_in_time(scored, town, moment):
    item = scored()
    # From Wednesday, five working days: Wednesday of next week, when the office closes.
    assert item.object_by.date() == date(2026, 11, 25)
    moment.now = item.object_by
    assert values.settle_unopposed(now=moment.now) == 0
    moment.now += timedelta(seconds=1)
    late = {"item_id": item.pk, "words": "我不同意这个分。", "by": town.worker, "now": moment.now}
    unchanged(lambda: values.object_to_score(**late), words="time to object is over")
    assert values.settle_unopposed(now=moment.now) == 1
    assert values.settle_unopposed(now=moment.now) == 0
    item = Item.objects.get(pk=item.pk)
    assert (item.state, item.ended_at) == (State.SETTLED, moment.now)
    unchanged(lambda: values.object_to_score(**late), words="not possible")


def test_the_cadre_may_accept_at_once(scored, town, moment):
    item = scored()
    unchanged(lambda: values.accept_score(item_id=item.pk, by=town.secretary, now=moment.now), status=403)
    values.accept_score(item_id=item.pk, by=town.worker, now=moment.now)
    assert Item.objects.get(pk=item.pk).state == State.SETTLED


def test_an_objection_needs_words_and_is_the_cadres_own(scored, town, moment):
    item = scored()
    given = {"item_id": item.pk, "now": moment.now}
    unchanged(lambda: values.object_to_score(**given, words=" ", by=town.worker), status=422, words="Say what")
    unchanged(lambda: values.object_to_score(**given, words="我不同意", by=town.secretary), status=403)
    unchanged(lambda: values.object_to_score(**given, words="我不同意", by=town.second_worker), status=404)


def test_somebody_else_answers_where_there_is_somebody_else(objected, town, deputy, moment):
    item = objected()
    given = {"item_id": item.pk, "words": "查了当天记录，情况属实。", "now": moment.now}
    unchanged(lambda: values.answer_objection(**given, by=town.secretary), status=403, words=deputy.name)
    unchanged(lambda: values.answer_objection(**given, by=town.worker), status=403)
    unchanged(lambda: values.answer_objection(**{**given, "words": ""}, by=deputy), status=422, words="answer")
    unchanged(lambda: values.answer_objection(**given, marks=MARKS, by=deputy), status=422, words="it has")
    objection = values.answer_objection(**given, marks=Marks(100, 90, 100), by=deputy)
    assert (objection.outcome, objection.next_place) == ("changed", None)
    item = Item.objects.get(pk=item.pk)
    assert (item.state, item.rounds) == (State.SETTLED, 2)
    assert [one.by for one in item.scores.all()] == [town.secretary, deputy]
    assert item.scores.get(round=2).reason == given["words"]


def test_a_scorer_who_is_alone_answers_and_names_the_street(objected, town, moment):
    item = objected()
    objection = values.answer_objection(
        item_id=item.pk, words="雨天已经延期一天，分数不变。", by=town.secretary, now=moment.now
    )
    assert (objection.outcome, objection.next_place) == ("kept", town.street)
    assert Item.objects.get(pk=item.pk).rounds == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Objection.objects.filter(pk=objection.pk).update(next_place=None)


def test_the_other_scorer_is_not_asked_about_their_own_item(scored, town, deputy, moment):
    """The deputy's work, scored by the secretary: only the secretary is left to answer."""
    item = scored(to=deputy)
    values.object_to_score(item_id=item.pk, words="质量分偏低。", by=deputy, now=moment.now)
    given = {"item_id": item.pk, "words": "按约定条件重看，不变。", "now": moment.now}
    unchanged(lambda: values.answer_objection(**given, by=deputy), status=403)
    assert values.answer_objection(**given, by=town.secretary).next_place == town.street


# --- who sees it ---------------------------------------------------------------------------------------


def test_only_the_cadre_and_who_scores_there_see_an_item(given_out, town, deputy):
    item = given_out()
    for user in (town.worker, town.secretary, deputy):
        assert Item.objects.visible_to(user).get() == item
    for user in (
        town.second_worker, town.other_worker, town.clerk, town.other_clerk, town.desk, town.street_clerk, town.leader,
        town.officer, town.property_manager, town.system, town.security, town.audit, town.stranger,
    ):  # fmt: skip
        assert not Item.objects.visible_to(user).exists(), user
    assert Agreement.objects.visible_to(town.worker).exists()
    assert not Agreement.objects.visible_to(town.other_worker).exists()


def test_who_left_the_post_reports_no_more(given_out, town, moment):
    item = given_out()
    end_post(post_id=post_of(town.worker), by=None, now=moment.now)
    forget_posts(town.worker)
    unchanged(lambda: values.report_item(item_id=item.pk, words="好了", by=town.worker, now=moment.now), status=403)
    values.give_item(
        item_id=item.pk, post_id=post_of(town.clerk), words="王格一离任", by=town.secretary, now=moment.now
    )


def test_names_are_in_the_order_of_names(town, deputy, moment):
    names = [post.user.name for post in values.cadres_of(town.community.path, moment.now.date())]
    assert names == sorted(names, key=by_name)
    assert sorted(["王", "唐", "Li", "曹", "李"], key=by_name) == ["Li", "曹", "李", "唐", "王"]
    assert len(names) == len(set(names)) == 5


def test_not_there(town, moment):
    with pytest.raises(NotThere):
        values.report_item(item_id=1, words="好了", by=town.worker, now=moment.now)


def test_words_go_and_marks_stay_when_their_time_has_come(objected, town, deputy, moment):
    item = objected()
    values.answer_objection(item_id=item.pk, words="查过，不变。", by=deputy, now=moment.now)
    later = moment.now + timedelta(days=1100)
    erase_due(now=later)
    score = Score.objects.get()
    assert (score.reason, score.points) == ("", 273)
    assert Item.objects.get().title == ""
    assert Objection.objects.get().words == ""
