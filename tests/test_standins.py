"""Stand-ins: the work of a position is a deputy's work too, and nobody becomes more powerful by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongzhi.act.directives import actions as directives
from gongzhi.act.directives import pieces
from gongzhi.act.directives.asking import Ask
from gongzhi.act.directives.models import Assignment
from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.front.story import read_matter, staff_story
from gongzhi.front.workbench.load import lines_of
from gongzhi.ground.access.actions import end_post, grant_post
from gongzhi.ground.access.models import Move, StandIn
from gongzhi.ground.access.reach import acting_for, forget_posts, positions_of, posts_of, reach
from gongzhi.ground.access.roles import ADMINISTRATIONS, Role, every_verb, work_of
from gongzhi.ground.access.standins import Seat, end_stand_in, may_stand_in, move_work, undo_move
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases.models import Case, Slip
from gongzhi.understand.themes.models import Theme
from gongzhi.verify.checks import actions as checks
from tests.town import make_user

pytestmark = pytest.mark.django_db


def move(town: Any, moment: Any, *deputies: User, by: User | None = None, **given: Any) -> Move:
    """The grid worker's work goes to these."""
    seat = Seat(Role.GRID_WORKER, town.grid.pk, tuple(one.pk for one in deputies))
    known = {"seats": [seat], "place": town.grid, "why": "absence", "until": moment.now.date() + timedelta(days=5)}
    return move_work(**{**known, **given}, by=by or town.street_clerk, now=moment.now)


def anew(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_the_work_of_the_position_is_the_deputy_s_too(town: Any, assigned: Any, moment: Any) -> None:
    _message, case = assigned()
    order = case.tasks.get()
    deputy = town.other_worker
    assert not Task.objects.for_hands_of(deputy).exists()
    with pytest.raises(NotThere):
        tasks.accept_task(task_id=order.pk, by=deputy, now=moment.now)
    made = move(town, moment, deputy)
    deputy = anew(deputy)
    assert Task.objects.for_hands_of(deputy).get() == order
    assert Case.objects.visible_to(deputy).filter(pk=case.pk).exists()
    tasks.accept_task(task_id=order.pk, by=deputy, now=moment.now)
    tasks.report_done(task_id=order.pk, words="清走了。", by=deputy, now=moment.now)
    entry = Entry.objects.get(event="tasks.TaskReported", object_id=order.pk)
    own = posts_of(deputy)[0]
    assert (entry.by_id, entry.post_id) == (deputy.pk, own.pk), "who really did it, in their own post"
    assert entry.data["stand_in"] == made.stand_ins.get().pk, "and that it was as a deputy"
    told = [step.by for step in staff_story(read_matter(case)) if step.entry_id == entry.pk]
    assert told == [f"{deputy} ({own}), standing in for Grid worker, {town.grid.name}"]


def test_whoever_holds_the_post_keeps_it(town: Any, assigned: Any, moment: Any) -> None:
    _message, case = assigned()
    move(town, moment, town.other_worker)
    order = tasks.accept_task(task_id=case.tasks.get().pk, by=anew(town.worker), now=moment.now)
    assert "stand_in" not in Entry.objects.get(event="tasks.TaskAccepted", object_id=order.pk).data


def test_several_deputies_and_undo_in_one_step(town: Any, assigned: Any, moment: Any) -> None:
    _message, case = assigned()
    made = move(town, moment, town.clerk, town.other_worker)
    assert made.stand_ins.count() == 2
    for who in (town.clerk, town.other_worker):
        assert acting_for(anew(who), Role.GRID_WORKER, town.grid.pk, "tasks.work") is not None
    undo_move(move_id=made.pk, by=town.leader, now=moment.now)
    for who in (town.clerk, town.other_worker):
        assert acting_for(anew(who), Role.GRID_WORKER, town.grid.pk, "tasks.work") is None
        with pytest.raises(Refusal):
            tasks.accept_task(task_id=case.tasks.get().pk, by=anew(who), now=moment.now)
    assert Entry.objects.filter(event="access.StandInEnded").count() == 2
    with pytest.raises(Refusal, match="over already"):
        undo_move(move_id=made.pk, by=town.leader, now=moment.now)


def test_one_deputy_can_be_let_go(town: Any, moment: Any) -> None:
    made = move(town, moment, town.clerk, town.other_worker)
    first = made.stand_ins.get(deputy=town.clerk)
    end_stand_in(stand_in_id=first.pk, by=town.street_clerk, now=moment.now)
    assert acting_for(anew(town.clerk), Role.GRID_WORKER, town.grid.pk, "tasks.work") is None
    assert acting_for(anew(town.other_worker), Role.GRID_WORKER, town.grid.pk, "tasks.work") is not None
    with pytest.raises(Refusal, match="over already"):
        end_stand_in(stand_in_id=first.pk, by=town.street_clerk, now=moment.now)


def test_it_ends_with_its_day_and_with_the_deputy_s_post(town: Any, moment: Any) -> None:
    move(town, moment, town.other_worker)
    last = moment.now.date() + timedelta(days=5)
    held = (Role.GRID_WORKER, town.grid.pk, "tasks.work")
    assert acting_for(anew(town.other_worker), *held, last) is not None
    assert acting_for(anew(town.other_worker), *held, last + timedelta(days=1)) is None
    end_post(post_id=town.other_worker.posts.get().pk, by=None, now=moment.now)
    assert acting_for(anew(town.other_worker), *held) is None


def test_it_is_for_work_and_for_nothing_else(town: Any, assigned: Any, done: Any, moment: Any) -> None:
    assigned()
    _told, checked = done(text="西门的路灯也不亮。")
    deputy = make_user("helper", "沈帮手", (Role.PROPERTY_MANAGER, town.street))
    seats = [Seat(Role.COMMUNITY_CLERK, town.community.pk, (town.other_clerk.pk,))]
    move(town, moment, town.other_clerk, seats=seats, place=town.community)
    other = anew(town.other_clerk)
    before = anew(town.other_clerk)
    for verb in sorted(every_verb()):
        assert str(reach(other, verb)) == str(reach(before, verb))
        assert "110108014001" not in {post.place_path for post in posts_of(other) if verb in post.verbs}
    with pytest.raises(NotThere):
        checks.conclude_check(
            check_id=checked.checks.get().pk, result="seen_done", method="site", words="", by=other, now=moment.now
        )
    with pytest.raises(Refusal, match="cannot do this work"):
        move(town, moment, deputy)
    assert acting_for(other, Role.COMMUNITY_CLERK, town.community.pk, "cases.sort") is None


def test_a_deputy_never_checks_what_they_did_themselves(town: Any, assigned: Any, moment: Any, deliver: Any) -> None:
    _message, case = assigned()
    move(town, moment, town.clerk)
    clerk = anew(town.clerk)
    tasks.report_done(task_id=case.tasks.get().pk, words="清走了。", by=clerk, now=moment.now)
    deliver(now=moment.now)
    check = Case.objects.get(pk=case.pk).checks.get()
    with pytest.raises(Refusal, match="yourself"):
        checks.conclude_check(check_id=check.pk, result="seen_done", method="site", words="", by=clerk, now=moment.now)


def test_a_piece_of_a_directive_is_done_by_a_deputy(town: Any, moment: Any) -> None:
    ask = Ask(
        title="防汛排查", text="逐楼排查。", done_when="都看过。", target_level="village",
        target_places=[town.community.pk], reply_span="3 working_days", minutes=90,
    )  # fmt: skip
    made = directives.draft_directive(ask=ask, by=town.street_clerk, now=moment.now)
    directives.issue_directive(directive_id=made.pk, by=town.street_clerk, now=moment.now)
    piece = Assignment.objects.get(directive=made)
    line = next(
        one for one in lines_of(town.community.path, on=moment.now.date()) if one.role == Role.COMMUNITY_SECRETARY
    )
    assert (line.pieces["assignment"], line.minutes) == (1, 90)
    other = make_user("secretary2", "西书记", (Role.COMMUNITY_SECRETARY, town.other_community))
    with pytest.raises(NotThere):
        pieces.accept_assignment(assignment_id=piece.pk, by=other, now=moment.now)
    seat = Seat(Role.COMMUNITY_SECRETARY, town.community.pk, (other.pk,))
    made_move = move(town, moment, other, seats=[seat], place=town.community)
    pieces.accept_assignment(assignment_id=piece.pk, by=anew(other), now=moment.now)
    entry = Entry.objects.get(event="directives.AssignmentAccepted")
    assert entry.post_id == other.posts.get().pk
    assert entry.data["stand_in"] == made_move.stand_ins.get().pk
    assert verify(now=moment.now) == [], "what deputies do is proven like everything else"


def test_slips_and_themes_stay_with_the_post(town: Any, moment: Any) -> None:
    move(town, moment, town.other_worker)
    deputy = anew(town.other_worker)
    own = str(Slip.objects.to_answer(deputy).query)
    assert str(town.grid.pk) not in own.split("WHERE")[1].replace(str(town.other_grid.pk), "")
    assert Theme.objects.owned_by(deputy).count() == 0
    assert positions_of(deputy, own=True) == [(Role.GRID_WORKER, town.other_grid.pk)]


REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    # what, how, the words of the refusal
    ("oneself", {"by": "secretary", "deputies": ["secretary"]}, "Nobody names themselves"),
    ("without the right", {"by": "clerk"}, "None of your posts"),
    ("elsewhere", {"by": "secretary", "place": "other_grid"}, "None of your posts"),
    ("somebody out of reach", {"by": "secretary", "deputies": ["other_worker"]}, "cannot do this work"),
    ("who holds it already", {"deputies": ["second_worker"]}, "already"),
    ("nobody", {"deputies": []}, "at least one post"),
    ("a day that is past", {"days": -1}, "Choose a day"),
    ("for ever", {"days": 4000}, "Choose a day"),
    ("an administration", {"role": Role.AUDIT_ADMINISTRATOR}, "cannot do this work"),
    ("an unknown role", {"role": "king"}, "cannot do this work"),
    ("an unknown reason", {"why": "whim"}, "Please choose why"),
    ("somebody without a post", {"deputies": ["stranger"]}, "holds no post"),
    ("an administrator", {"deputies": ["audit"], "by": "street_clerk"}, "cannot do this work"),
    ("a post outside of the place", {"place": "other_community"}, "outside of the place"),
    ("another person's post", {"person": "clerk"}, "no longer holds"),
    ("a long explanation", {"words": "长" * 201}, "At most 200"),
)


@pytest.mark.parametrize(("what", "how", "words"), REFUSED, ids=[one[0] for one in REFUSED])
def test_what_is_refused(what: str, how: dict[str, Any], words: str, town: Any, moment: Any) -> None:
    how = {"by": "street_clerk", "deputies": ["other_worker"], "role": Role.GRID_WORKER, "days": 3, **how}
    seat = Seat(how["role"], town.grid.pk, tuple(getattr(town, name).pk for name in how["deputies"]))
    given: dict[str, Any] = {
        "seats": [seat],
        "place": getattr(town, how.get("place", "grid")),
        "why": how.get("why", "absence"),
        "until": moment.now.date() + timedelta(days=how["days"]),
        "person": getattr(town, how["person"]) if "person" in how else None,
        "words": how.get("words", ""),
    }
    with pytest.raises(Refusal, match=words):
        move_work(**given, by=getattr(town, how["by"]), now=moment.now)
    assert not Move.objects.exists()
    assert not StandIn.objects.exists()


def test_undo_is_not_there_for_others(town: Any, moment: Any) -> None:
    made = move(town, moment, town.clerk)
    other = make_user("secretary2", "西书记", (Role.COMMUNITY_SECRETARY, town.other_community))
    for who in (town.worker, other, town.stranger):
        with pytest.raises(NotThere):
            undo_move(move_id=made.pk, by=who, now=moment.now)
        with pytest.raises(NotThere):
            end_stand_in(stand_in_id=made.stand_ins.get().pk, by=who, now=moment.now)


def test_without_a_stand_in_it_costs_no_statement(town: Any, moment: Any) -> None:
    for who, most in ((town.worker, 1), (town.other_worker, 2)):
        if most == 2:
            move(town, moment, who)
        user = anew(who)
        with CaptureQueriesContext(connection) as asked:
            positions_of(user)
            acting_for(user, Role.GRID_WORKER, town.grid.pk, "tasks.work")
        assert len(asked) == most


def test_which_roles_can_do_whose_work() -> None:
    for role in Role.values:
        assert bool(work_of(role)) != (role in ADMINISTRATIONS), role
    from gongzhi.ground.access.models import Post

    def able(role: str, *held: str) -> bool:
        return may_stand_in(role, [Post(role=one) for one in held])

    assert able(Role.GRID_WORKER, Role.GRID_WORKER)
    assert able(Role.BUILDING_CHIEF, Role.GRID_WORKER)
    assert not able(Role.GRID_WORKER, Role.BUILDING_CHIEF)
    assert not able(Role.AUDIT_ADMINISTRATOR, Role.COMMUNITY_SECRETARY)
    assert not able(Role.GRID_WORKER)


# --- the property ---------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["move", "undo", "end"]),
        st.integers(0, 6),  # who does it
        st.integers(0, 6),  # who is named
        st.integers(0, 6),  # whose position
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_order_of_steps_makes_anybody_more_powerful(town: Any, moment: Any, steps: Any) -> None:
    """Verbs and reach of everybody stay as they were; no step adds a position to whoever does it; nobody's deputy
    holds a verb of work that their own posts lack; and when all is undone, everything is as before."""
    StandIn.objects.all().delete()
    Move.objects.all().delete()
    crowd = [
        town.street_clerk, town.leader, town.secretary, town.clerk, town.worker, town.other_worker,
        town.property_manager,
    ]  # fmt: skip

    def powers(user: User) -> Any:
        return {verb: str(reach(user, verb)) for verb in sorted(every_verb())}

    def positions(user: User) -> set[tuple[str, int]]:
        forget_posts(user)
        return set(positions_of(user))

    start = {user.pk: powers(user) for user in crowd}
    alone = {user.pk: positions(user) for user in crowd}
    for what, actor, named, whose in steps:
        by, deputy, post = crowd[actor], crowd[named], crowd[whose].posts.get()
        before = positions(by)
        try:
            if what == "move":
                seats = [Seat(post.role, post.place_id, (deputy.pk,))]
                until = moment.now.date() + timedelta(days=2)
                move_work(seats=seats, place=post.place, why="emergency", until=until, by=by, now=moment.now)
            elif what == "undo":
                undo_move(
                    move_id=Move.objects.order_by("pk")[named % max(Move.objects.count(), 1)].pk, by=by, now=moment.now
                )
            else:
                row = StandIn.objects.order_by("pk")[named % max(StandIn.objects.count(), 1)]
                end_stand_in(stand_in_id=row.pk, by=by, now=moment.now)
        except (Refusal, IndexError):
            pass
        assert positions(by) <= before, "whoever moves work gains nothing"
        for user in crowd:
            gained = positions(user) - alone[user.pk]
            able = frozenset().union(*(post.verbs for post in posts_of(user)))
            assert all(work_of(role) <= able for role, _place in gained)
            assert powers(user) == start[user.pk]
    for one in Move.objects.filter(undone_at__isnull=True):
        undo_move(move_id=one.pk, by=town.leader, now=moment.now)
    assert {user.pk: positions(user) for user in crowd} == alone


def test_two_posts_of_a_deputy_count_together(town: Any, moment: Any) -> None:
    chief = make_user("chief", "高楼长", (Role.BUILDING_CHIEF, town.grid))
    with pytest.raises(Refusal):
        move(town, moment, chief)
    grant_post(
        user=chief, role=Role.COMMUNITY_CLERK, place=town.community, starts_on=moment.now.date(), reason="new",
        by=None, now=moment.now,
    )  # fmt: skip
    assert move(town, moment, chief).stand_ins.get().deputy == chief
