"""Anybody may do anything in any order, and reactions may come late, in any order, or all at once.

Whatever Hypothesis tries: no case closes unless somebody other than the worker found it done, nobody is lost, a case
has one order and one lead, and the record agrees with every row.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Entry, Recorded
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from gongzhi.loop import delivery
from gongzhi.loop.models import Job
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import AnswerBy, Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import escalation, parts, rulings
from gongzhi.understand.cases.models import MOVES, Case, CoHandler, Move, Ruling, Slip, State, Voice
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check
from tests.town import NOW

STAFF = (
    "worker", "second_worker", "other_worker", "clerk", "secretary", "street_clerk", "leader", "desk",
    "property_manager",
)  # fmt: skip
CATEGORIES = ("environment.litter", "environment.adverts", "environment")
RESULTS = (
    ("helped", "phone"),
    ("not_helped", "phone"),
    ("seen_done", "site"),
    ("seen_not_done", "site"),
    ("unreachable", "site"),
    ("helped", "link"),
)
# From which state to which one a case may go in one step.
LEGAL = {(state, target) for sources, target in MOVES.values() for state in sources if target is not None}
LEGAL |= {(state, target) for state in MOVES[Move.REOPEN][0] for target in (State.ASSIGNED, State.NEW)}

someone = st.sampled_from(STAFF)
words = st.sampled_from(["", "  ", "好了", "还是不行，晚上又堆满了。"])


class House(RuleBasedStateMachine):
    """One small town, used by everybody at once."""

    town: ClassVar[Any]
    legal: ClassVar[set[tuple[str, str]]] = LEGAL
    numbers = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.now = NOW
        self.states: dict[int, str] = {}
        self.sent = 0

    # --- how things are done ------------------------------------------------------------------------------------

    def person(self, name: str) -> User:
        return getattr(self.town, name)

    def act(self, action: Any, **arguments: Any) -> Any:
        """Do it. A Refusal is an answer, and leaves everything as it was."""
        self.now += timedelta(minutes=1)
        before = Entry.objects.count(), Job.objects.count()
        try:
            with transaction.atomic():
                return action(now=self.now, **arguments)
        except Refusal:
            assert (Entry.objects.count(), Job.objects.count()) == before
            return None

    def case(self, number: str) -> Any:
        """The case of that number; while the message is still on its way, one that is not there."""
        return Case.objects.filter(number=number).first() or SimpleNamespace(pk=0, version=0)

    def task(self, number: str) -> int:
        found = Task.objects.filter(case__number=number).order_by("-round").first()
        return found.pk if found is not None else 0

    def check_of(self, number: str) -> int:
        found = Check.objects.filter(case__number=number).order_by("-pk").first()
        return found.pk if found is not None else 0

    def ruling_of(self, number: str) -> Ruling | None:
        return Ruling.objects.filter(case__number=number, state="open").order_by("pk").first()

    def part_of(self, number: str) -> int:
        found = CoHandler.objects.filter(case__number=number, state="asked").first()
        return found.pk if found is not None else 0

    def deliver(self, job: Job) -> None:
        self.now += timedelta(seconds=1)
        delivery.perform(job, now=self.now)

    # --- the ordinary course of things --------------------------------------------------------------------------

    @rule(number=numbers)
    def go_on(self, number: str) -> None:
        """The next ordinary step, so that the odd ones are tried from everywhere."""
        case, order = self.case(number), Task.objects.filter(case__number=number).waiting().first()
        if case.pk == 0:
            self.deliver_everything(newest=False)
        elif case.state == State.NEW and (ruling := self.ruling_of(number)) is not None:
            self.act(
                rulings.decide,
                ruling_id=ruling.pk,
                words="经核实",
                role="grid_worker",
                place_id=self.town.grid.pk,
                by=self.town.leader,
            )
        elif case.state == State.NEW:
            self.act(cases.dispatch_case, case_id=case.pk, category="environment.litter", by=self.town.street_clerk)
        elif order is not None:
            post = Post.objects.filter(role=order.role, place_id=order.place_id).order_by("pk").first()
            if post is not None:
                self.act(tasks.report_done, task_id=order.pk, words="好了。", by=post.user)
        elif case.state == State.TO_CHECK:
            self.conclude(number=number, by="street_clerk", found=("seen_not_done", "site"), words="没有。")

    @rule(number=numbers)
    def go_on_and_deliver(self, number: str) -> None:
        self.go_on(number=number)
        self.deliver_everything(newest=False)

    # --- what residents do --------------------------------------------------------------------------------------

    @initialize(target=numbers, answer_by=st.sampled_from(AnswerBy.values))
    def begin(self, answer_by: str) -> str:
        number = self.report(answer_by=answer_by, by=None)
        self.deliver_everything(newest=False)
        return number

    @precondition(lambda self: self.sent < 3)
    @rule(target=numbers, answer_by=st.sampled_from(AnswerBy.values), by=st.sampled_from([None, "worker", "clerk"]))
    def report(self, answer_by: str, by: str | None) -> str:
        self.sent += 1
        draft = Draft(
            text=f"第{self.sent}件：路灯不亮了。",
            category="environment.litter",
            place=self.town.grid,
            answer_by=answer_by,
            idempotency_key=f"key {self.sent}",
        )
        message = receive_message(draft, by=self.person(by) if by else None, now=self.now)
        again = receive_message(draft, by=None, now=self.now)
        assert again.pk == message.pk
        return message.number

    @rule(number=numbers, helped=st.booleans(), words=words)
    def answer_by_link(self, number: str, helped: bool, words: str) -> None:
        message = Message.objects.get(number=number)
        self.act(checks.answer_by_link, message=message, helped=helped, words=words)

    @rule(number=numbers)
    def withdraw(self, number: str) -> None:
        self.act(cases.withdraw_case, message=Message.objects.get(number=number))

    @rule(number=numbers)
    def reopen_by_reporter(self, number: str) -> None:
        self.act(cases.reopen_by_reporter, message=Message.objects.get(number=number))

    # --- what staff do ------------------------------------------------------------------------------------------

    @rule(number=numbers, by=someone, category=st.sampled_from(CATEGORIES), moved=st.booleans())
    def sort(self, number: str, by: str, category: str, moved: bool) -> None:
        place = self.town.other_grid if moved else None
        self.act(cases.sort_case, case_id=self.case(number).pk, category=category, place=place, by=self.person(by))

    @rule(
        number=numbers,
        by=st.sampled_from(["clerk", "desk"]),
        seat=st.sampled_from([("", ""), ("grid_worker", "grid"), ("property_manager", "community")]),
    )
    def dispatch(self, number: str, by: str, seat: tuple[str, str]) -> None:
        role, place = seat
        self.act(
            cases.dispatch_case,
            case_id=self.case(number).pk,
            category="environment.litter",
            role=role,
            place_id=getattr(self.town, place).pk if place else None,
            by=self.person(by),
        )

    @rule(
        number=numbers,
        by=someone,
        seat=st.sampled_from(
            [
                ("grid_worker", "grid"),
                ("grid_worker", "other_grid"),
                ("property_manager", "community"),
                ("community_clerk", "community"),
                ("street_leader", "street"),
            ]
        ),
    )
    def hand_over(self, number: str, by: str, seat: tuple[str, str]) -> None:
        role, place = seat
        self.act(
            cases.assign_case,
            case_id=self.case(number).pk,
            role=role,
            place_id=getattr(self.town, place).pk,
            by=self.person(by),
        )

    @rule(number=numbers, by=someone, late=st.booleans())
    def edit_with_a_version(self, number: str, by: str, late: bool) -> None:
        case = self.case(number)
        seen = case.version - 1 if late else case.version
        done = self.act(
            cases.sort_case, case_id=case.pk, category="environment.litter", by=self.person(by), version=seen
        )
        assert not (late and done)

    @rule(number=numbers, by=someone)
    def pause(self, number: str, by: str) -> None:
        on = self.now.date() + timedelta(days=7)
        self.act(cases.pause_case, case_id=self.case(number).pk, reason="等材料", review_on=on, by=self.person(by))

    @rule(number=numbers, by=someone)
    def resume(self, number: str, by: str) -> None:
        self.act(cases.resume_case, case_id=self.case(number).pk, by=self.person(by))

    @rule(number=numbers, by=someone)
    def extend(self, number: str, by: str) -> None:
        self.act(cases.extend_deadline, case_id=self.case(number).pk, amount=1, reason="缺零件", by=self.person(by))

    @rule(number=numbers, by=someone, words=words)
    def note(self, number: str, by: str, words: str) -> None:
        self.act(cases.add_note, case_id=self.case(number).pk, text=words, by=self.person(by))

    @rule(number=numbers, by=someone)
    def reopen(self, number: str, by: str) -> None:
        self.act(cases.reopen_case, case_id=self.case(number).pk, reason="又坏了", by=self.person(by))

    @rule(number=numbers, by=someone)
    def accept(self, number: str, by: str) -> None:
        self.act(tasks.accept_task, task_id=self.task(number), by=self.person(by))

    @rule(number=numbers, by=st.sampled_from(["worker", "second_worker", "property_manager", "clerk"]))
    def report_done(self, number: str, by: str) -> None:
        self.act(tasks.report_done, task_id=self.task(number), words="修好了。", by=self.person(by))

    @rule(number=numbers, by=someone)
    def send_back(self, number: str, by: str) -> None:
        self.act(tasks.return_task, task_id=self.task(number), reason="不归我们管，是物业的", by=self.person(by))

    @rule(number=numbers, by=someone, agreed=st.booleans(), role=st.sampled_from(["grid_worker", "property_manager"]))
    def decide(self, number: str, by: str, agreed: bool, role: str) -> None:
        ruling = self.ruling_of(number)
        place = self.town.grid if role == "grid_worker" else self.town.community
        self.act(
            rulings.decide,
            ruling_id=ruling.pk if ruling is not None else 0,
            words="经核实",
            agreed=agreed,
            role=role,
            place_id=place.pk,
            by=self.person(by),
        )

    @rule(number=numbers, by=someone)
    def propose_referral(self, number: str, by: str) -> None:
        self.act(
            rulings.propose_referral,
            case_id=self.case(number).pk,
            referral="legal_channel",
            reason="请先申请劳动仲裁",
            by=self.person(by),
        )

    @rule(number=numbers, words=words)
    def object_to_referral(self, number: str, words: str) -> None:
        self.act(rulings.object_to_referral, message=Message.objects.get(number=number), words=words)

    @rule(number=numbers, by=someone)
    def ask_part(self, number: str, by: str) -> None:
        self.act(
            parts.ask_part,
            case_id=self.case(number).pk,
            role="property_manager",
            place_id=self.town.community.pk,
            need="开门",
            by=self.person(by),
        )

    @rule(number=numbers, by=someone)
    def drop_part(self, number: str, by: str) -> None:
        self.act(parts.drop_part, part_id=self.part_of(number), reason="不用了", by=self.person(by))

    @rule()
    def go_up(self) -> None:
        escalation.escalate(now=self.now)

    @rule(number=numbers, by=someone)
    def call_failed(self, number: str, by: str) -> None:
        self.act(checks.call_failed, check_id=self.check_of(number), by=self.person(by))

    @rule(number=numbers, by=someone, found=st.sampled_from(RESULTS), words=words)
    def conclude(self, number: str, by: str, found: tuple[str, str], words: str) -> None:
        result, method = found
        self.act(
            checks.conclude_check,
            check_id=self.check_of(number),
            result=result,
            method=method,
            words=words,
            by=self.person(by),
        )

    # --- what the house does ------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 1000))
    def deliver_one(self, which: int) -> None:
        """Some reaction, not the oldest: others may come first."""
        jobs = list(Job.objects.order_by("pk"))
        if jobs:
            self.deliver(jobs[which % len(jobs)])

    @rule(newest=st.booleans())
    def deliver_everything(self, newest: bool) -> None:
        """All that is due, the newest first or the oldest; then nothing is half done."""
        while (job := Job.objects.order_by("-pk" if newest else "pk").first()) is not None:
            self.deliver(job)
            self.states_move_legally()
        self.everything_is_in_its_place()

    @rule(days=st.integers(1, 12))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)
        checks.move_unanswered(now=self.now)

    # --- what always holds --------------------------------------------------------------------------------------

    @invariant()
    def states_move_legally(self) -> None:
        """One step of the world is at most one move of a case."""
        now = dict(Case.objects.values_list("pk", "state"))
        for pk, state in now.items():
            before = self.states.get(pk, State.NEW)
            assert state == before or (before, state) in self.legal, f"{before} -> {state}"
        self.states = now
        self.structure_holds()

    def structure_holds(self) -> None:
        """More that holds after every step; larger machines say what."""

    @invariant()
    def a_case_has_one_lead_and_at_most_one_order(self) -> None:
        for case in Case.objects.exclude(state__in=["closed", "withdrawn", "merged", "referred"]):
            assert case.lead_role
            assert case.lead_place_id
        waiting = Counter(Task.objects.waiting().of_lead().values_list("case_id", flat=True))
        assert not [case for case, count in waiting.items() if count > 1]

    @invariant()
    def the_version_counts_the_entries(self) -> None:
        written = Counter(Entry.objects.filter(noun="cases.Case").values_list("object_id", flat=True))
        assert dict(Case.objects.values_list("pk", "version")) == dict(written)

    @invariant()
    def nothing_failed(self) -> None:
        assert not Job.objects.filter(state=Job.State.FAILED).exists()

    @invariant()
    def cases_close_by_somebody_elses_eyes(self) -> None:
        """Read from the record alone."""
        entries = list(Entry.objects.order_by("pk"))
        for place, entry in enumerate(entries):
            if entry.event == "cases.CaseClosed":
                assert self.closed_properly(entries[: place + 1], entry.data["case_id"])

    def closed_properly(self, entries: list[Entry], case_id: int) -> bool:
        return somebody_else_found_it_done(entries, case_id)

    def everything_is_in_its_place(self) -> None:
        """Once all reactions have run: nobody is lost, and every case lies with exactly one."""
        assert Voice.objects.count() == Message.objects.count() == Case.objects.count() == self.sent
        for case in Case.objects.all():
            orders = list(Task.objects.filter(case=case).waiting().of_lead())
            asked = set(CoHandler.objects.filter(case=case, state="asked").values_list("pk", flat=True))
            assert {task.part_id for task in Task.objects.filter(case=case).waiting()} - {None} == asked
            if case.state in ("closed", "withdrawn", "referred"):
                assert not asked
                assert not Slip.objects.filter(case=case, state="open").exclude(ruling__state="open").exists()
                assert not Ruling.objects.filter(case=case, state="open").exclude(kind="beyond_duty").exists()
            open_checks = list(Check.objects.filter(case=case, state__in=["asked", "at_desk"]))
            assert len(orders) == (case.state in ("assigned", "paused")), case.state
            assert len(open_checks) == (case.state == "to_check"), case.state
            for order in orders:
                assert (order.role, order.place_id) == (case.lead_role, case.lead_place_id)
                assert (order.due_at, order.yellow_at) == (case.due_at, case.yellow_at)
                assert order.place_path == case.place_path
            for check in open_checks:
                assert check.place_path == case.place_path

    def teardown(self) -> None:
        try:
            self.deliver_everything(newest=False)
            assert not Job.objects.exists()
            assert verify(now=self.now) == []
        finally:
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)


def somebody_else_found_it_done(entries: list[Entry], case_id: int) -> bool:
    """Whether the newest check of the case passed, by a reporter or a person and a post that did not do the work."""
    own = [entry for entry in entries if entry.data.get("case_id") == case_id]
    awaited = next(entry for entry in reversed(own) if entry.event == "cases.CaseAwaitsCheck")
    work = next(
        entry
        for entry in own
        if entry.event == "tasks.TaskReported" and entry.data["task_id"] == awaited.data["task_id"]
    )
    passed = next(entry for entry in reversed(own) if entry.event.startswith(("checks.CheckPassed", "checks.CheckF")))
    if passed.event != "checks.CheckPassed" or passed.pk < awaited.pk:
        return False
    if passed.by_id is None:
        opened = next(entry for entry in own if entry.event == "cases.CaseOpened")
        received = next(
            entry
            for entry in entries
            if entry.event == "channels.MessageReceived" and entry.data["message_id"] == opened.data["message_id"]
        )
        return received.by_id != work.by_id
    posts = Post.objects.in_bulk([passed.post_id, work.post_id])
    seats = [(posts[pk].role, posts[pk].place_id) for pk in (passed.post_id, work.post_id)]
    return passed.by_id != work.by_id and seats[0] != seats[1]


@pytest.mark.slow
@pytest.mark.django_db
def test_whatever_anybody_does_in_whatever_order(town: Any) -> None:
    House.town = town
    run_state_machine_as_test(
        House,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # add Phase.shrink to see a failure in few steps (takes minutes)
            report_multiple_bugs=False,
            derandomize=True,  # CI tries the same every time; change the numbers above to look further
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_table_of_legal_steps_is_no_free_for_all() -> None:
    states = set(State.values)
    assert {(before, after) for before in states for after in states if before != after} - LEGAL
    assert not {pair for pair in LEGAL if pair[0] == State.WITHDRAWN}
    assert {before for before, after in LEGAL if after == State.CLOSED} == {State.TO_CHECK}


@pytest.mark.django_db
def test_every_recorded_row_of_the_town_counts_its_entries(town: Any) -> None:
    for model in Recorded.__subclasses__():
        if model._meta.managed and model._meta.db_table in connection.introspection.table_names():
            for row in model.objects.filter(version__gt=0)[:50]:
                steps = list(Entry.objects.about(row).values_list("seq", flat=True))
                assert steps == list(range(1, row.version + 1))
                assert all(later > earlier for earlier, later in pairwise(steps))
