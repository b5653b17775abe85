"""The house of test_state_machine with many voices behind one case: joining, merging, taking apart, calling all.

Whatever is tried: every voice stands behind one real case and no reporter is lost, nothing runs in circles, every
open case has somebody who answers for it, and what the record tells agrees with the rows.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.ground.access.actions import switch_powers_on
from gongzhi.ground.access.models import Post
from gongzhi.ground.ledger.models import Entry
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import AnswerBy, Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import escalation, merging, parts, rulings
from gongzhi.understand.cases.jobs import resume_overdue
from gongzhi.understand.cases.models import (
    MOVES,
    OPEN,
    Case,
    CoHandler,
    Move,
    Ruling,
    Slip,
    State,
    Voice,
)
from gongzhi.understand.cases.responsibility import set_responsibility
from gongzhi.understand.cases.voices import JOINABLE
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check, Satisfied
from gongzhi.verify.checks.rates import Period, Scope, count_rates, recount, total
from tests import test_state_machine as house
from tests.test_state_machine import LEGAL, House, someone
from tests.town import NOW

# Taking a case out again gives it back to whoever led it, to the desk, or to nobody when its reporters have left.
BACK = {(State.MERGED, State.ASSIGNED), (State.MERGED, State.NEW), (State.MERGED, State.WITHDRAWN)}
DAY = (
    "report", "report", "dispatch", "dispatch", "merge", "merge", "unmerge", "work", "work", "answer", "answer", "look",
    "pause", "resume", "withdraw", "again", "rule", "rule", "refer", "refer", "object", "part", "part", "late",
)  # fmt: skip

which = st.integers(0, 30)


class City(House):
    """The same town; everybody may also put cases together and take them apart."""

    legal: ClassVar[set[tuple[str, str]]] = LEGAL | BACK

    # What the house tries by itself is left to it, so that whole days fit in here.
    go_on = go_on_and_deliver = begin = report = answer_by_link = withdraw = reopen_by_reporter = sort = None
    dispatch = hand_over = edit_with_a_version = pause = resume = extend = note = reopen = accept = None
    report_done = send_back = call_failed = deliver_one = None
    decide = propose_referral = object_to_referral = ask_part = drop_part = go_up = None

    @initialize()
    def three_reports(self) -> None:
        for answer in range(3):
            self.day_report(0, 2 * answer)
        self.deliver_everything(newest=False)

    # --- odd steps, by anybody ------------------------------------------------------------------------------------

    @rule(one=which, other=which, by=someone)
    def merge(self, one: int, other: int, by: str) -> None:
        source, into = self.among(one), self.among(other)
        self.act(merging.merge_cases, source_id=source.pk, target_id=into.pk, by=self.person(by))

    @rule(one=which, other=which)
    def join_later(self, one: int, other: int) -> None:
        message = list(Message.objects.order_by("pk"))[one % self.sent]
        self.act(merging.join_case, message=message, target_id=self.among(other).pk)

    @rule(one=which, by=someone)
    def unmerge(self, one: int, by: str) -> None:
        self.act(merging.unmerge_case, case_id=self.among(one).pk, by=self.person(by))

    @rule(one=which, satisfied=st.sampled_from([*Satisfied.values, "very"]))
    def say_how_satisfied(self, one: int, satisfied: str) -> None:
        message = list(Message.objects.order_by("pk"))[one % self.sent]
        self.act(checks.say_how_satisfied, message=message, satisfied=satisfied)

    @rule(one=which, other=which, by=someone, helped=st.booleans())
    def take_a_call(self, one: int, other: int, by: str, helped: bool) -> None:
        """The telephone desk asks one of several reporters, or somebody asks the wrong one."""
        message = list(Message.objects.order_by("pk"))[one % self.sent]
        check = Check.objects.order_by("pk")[other % max(1, Check.objects.count()) :].first()
        self.act(
            checks.conclude_check,
            check_id=check.pk if check is not None else 0,
            result="helped" if helped else "not_helped",
            method="phone",
            words="说了",
            message_id=message.pk,
            by=self.person(by),
        )

    # --- a day of ordinary work, so that the odd steps above are tried from everywhere -----------------------------

    @rule(steps=st.lists(st.tuples(st.sampled_from(DAY), which, which), min_size=8, max_size=16))
    def busy_day(self, steps: list[tuple[str, int, int]]) -> None:
        for name, one, other in steps:
            getattr(self, f"day_{name}")(one, other)
            self.states_move_legally()
            if other % 3:
                self.deliver_everything(newest=other % 2 == 0)

    another_day = a_third_day = busy_day  # the other rules are odd things, which happen now and then

    def among(self, which: int, **found: Any) -> Any:
        """One of the cases meant; none when there is none."""
        cases = list(Case.objects.filter(**found).order_by("pk"))
        return cases[which % len(cases)] if cases else None

    def day_report(self, one: int, other: int) -> None:
        if self.sent < 7:
            self.sent += 1
            joined = self.among(one)
            draft = Draft(
                text=f"第{self.sent}件：路灯又不亮了。",
                category="environment.litter",
                place=self.town.grid,
                answer_by=AnswerBy.values[other % len(AnswerBy.values)],
                joins=joined.number if joined is not None and other % 2 else "",
                idempotency_key=f"key {self.sent}",
            )
            receive_message(draft, by=None, now=self.now)

    def day_dispatch(self, one: int, other: int) -> None:
        case = self.among(one, state=State.NEW)
        if case is not None:
            code = "environment.litter" if other % 2 else "environment.bins"  # the matrix gives the latter co-handlers
            desk = {"category": code, "by": self.town.street_clerk}
            self.act(cases.dispatch_case, case_id=case.pk, **desk)

    def day_merge(self, one: int, other: int) -> None:
        source, into = self.among(one, state__in=JOINABLE), self.among(other, state__in=JOINABLE)
        if source is not None and source.pk != into.pk:
            done = self.act(merging.merge_cases, source_id=source.pk, target_id=into.pk, by=self.town.street_clerk)
            assert done is not None, "two open cases that cannot be put together"

    def day_unmerge(self, one: int, other: int) -> None:
        case = self.among(one, state=State.MERGED)
        if case is not None:
            self.act(merging.unmerge_case, case_id=case.pk, by=self.town.street_clerk)

    def day_work(self, one: int, other: int) -> None:
        orders = list(Task.objects.waiting().order_by("pk"))
        if orders:
            order = orders[one % len(orders)]
            post = Post.objects.filter(role=order.role, place_id=order.place_id).order_by("pk").first()
            done = other % 5
            if post is not None and done:
                self.act(tasks.report_done, task_id=order.pk, words="好了。", by=post.user)
            elif post is not None:
                self.act(tasks.return_task, task_id=order.pk, reason="不归我们管，是物业的", by=post.user)

    def day_answer(self, one: int, other: int) -> None:
        voices = list(Voice.objects.filter(case__state=State.TO_CHECK).order_by("pk"))
        if voices:
            message = voices[one % len(voices)].message
            self.act(checks.answer_by_link, message=message, helped=other % 4 > 0, words="还是不亮")

    def day_look(self, one: int, other: int) -> None:
        case = self.among(one, state=State.TO_CHECK)
        check = Check.objects.filter(case=case).order_by("-pk").first() if case is not None else None
        if check is not None:
            found = {"result": "seen_done" if other % 4 else "seen_not_done", "method": "site", "words": "看过了"}
            self.act(checks.conclude_check, check_id=check.pk, **found, by=self.town.street_clerk)

    def day_pause(self, one: int, other: int) -> None:
        case = self.among(one, state=State.ASSIGNED)
        if case is not None:
            on = self.now.date() + timedelta(days=7)
            self.act(cases.pause_case, case_id=case.pk, reason="等材料", review_on=on, by=self.town.clerk)

    def day_resume(self, one: int, other: int) -> None:
        case = self.among(one, state=State.PAUSED)
        if case is not None:
            self.act(cases.resume_case, case_id=case.pk, by=self.town.clerk)

    def day_withdraw(self, one: int, other: int) -> None:
        voices = list(Voice.objects.order_by("pk"))
        if voices and other % 2:
            self.act(cases.withdraw_case, message=voices[one % len(voices)].message)

    def day_again(self, one: int, other: int) -> None:
        case = self.among(one, state=State.CLOSED)
        if case is not None:
            self.act(cases.reopen_case, case_id=case.pk, reason="又坏了", by=self.town.street_clerk)

    def day_rule(self, one: int, other: int) -> None:
        open_rulings = list(Ruling.objects.filter(state="open").order_by("pk"))
        if open_rulings:
            seat = ("grid_worker", self.town.grid) if other % 2 else ("property_manager", self.town.community)
            self.act(
                rulings.decide,
                ruling_id=open_rulings[one % len(open_rulings)].pk,
                words="经核实，理由如下",
                agreed=other % 3 > 0,
                role=seat[0],
                place_id=seat[1].pk,
                by=self.town.leader if other % 4 else self.town.street_clerk,
            )

    def day_refer(self, one: int, other: int) -> None:
        case = self.among(one, state__in=(State.NEW, State.ASSIGNED))
        if case is not None and other % 2:
            given = {"case_id": case.pk, "reason": "请先申请劳动仲裁", "by": self.town.street_clerk}
            self.act(rulings.propose_referral, referral="legal_channel", **given)
        elif case is not None and other % 5 == 0:
            self.act(rulings.propose_exclusion, case_id=case.pk, reason="不属于任何单位职责", by=self.town.street_clerk)

    def day_object(self, one: int, other: int) -> None:
        voices = list(Voice.objects.filter(case__state=State.REFERRED).order_by("pk"))
        if voices:
            message = voices[one % len(voices)].message
            self.act(rulings.object_to_referral, message=message, words="我不同意，没有劳动关系")

    def day_part(self, one: int, other: int) -> None:
        case = self.among(one, state__in=(State.ASSIGNED, State.PAUSED))
        part = CoHandler.objects.filter(state="asked").order_by("pk").first()
        if part is not None and other % 3 == 0:
            self.act(parts.drop_part, part_id=part.pk, reason="不用了", by=self.town.street_clerk)
        elif case is not None:
            seat = {"role": "property_manager", "place_id": self.town.community.pk}
            self.act(parts.ask_part, case_id=case.pk, **seat, need="开门", by=self.town.street_clerk)

    def day_late(self, one: int, other: int) -> None:
        self.now += timedelta(days=1 + other % 20)
        escalation.escalate(now=self.now)
        checks.move_unanswered(now=self.now)
        resume_overdue(now=self.now)
        slip = Slip.objects.filter(state="open").first()
        if slip is not None and one % 2:
            self.act(escalation.answer_slip, slip_id=slip.pk, answer="人手不足，明天完成", by=self.town.worker)

    # --- what always holds --------------------------------------------------------------------------------------

    def everything_is_in_its_place(self) -> None:
        """Once all reactions have run: every message has its one voice, behind a case that is handled by itself."""
        assert Message.objects.count() == Voice.objects.count() == self.sent
        known = {case.pk: case for case in Case.objects.all()}
        voices = list(Voice.objects.all())
        assert {voice.message_id for voice in voices} == set(Message.objects.values_list("pk", flat=True))
        for voice in voices:
            assert known[voice.case_id].state != State.MERGED, "a voice stands behind a case that nobody handles"
            assert voice.case_id in numbers_of(known, voice.first_case_id), "a voice went where it does not belong"
        speaking = Counter(voice.case_id for voice in Voice.objects.all().speaking())
        for case in known.values():
            orders = list(Task.objects.filter(case=case).waiting().of_lead())
            asked = set(CoHandler.objects.filter(case=case, state="asked").values_list("pk", flat=True))
            assert {task.part_id for task in Task.objects.filter(case=case).waiting()} - {None} == asked
            if not case.is_open:
                assert not asked, "a part of a case that has ended"
                assert not Slip.objects.filter(case=case, state="open").exclude(ruling__state="open").exists()
                assert not Ruling.objects.filter(case=case, state="open").exclude(kind="beyond_duty").exists()
            open_checks = list(Check.objects.filter(case=case, state__in=["asked", "at_desk"]))
            assert len(orders) == (case.state in ("assigned", "paused")), case.state
            assert len(open_checks) == (case.state == "to_check"), case.state
            for order in orders:
                assert (order.role, order.place_id) == (case.lead_role, case.lead_place_id)
                assert (order.due_at, order.yellow_at) == (case.due_at, case.yellow_at)
            if case.state != State.MERGED:
                assert case.voice_count == speaking[case.pk], case.state
            if case.is_open:
                assert speaking[case.pk], "an open case that nobody speaks for"

    def structure_holds(self) -> None:
        """After every single step, also while reactions are under way."""
        known = {case.pk: case for case in Case.objects.all()}
        for case in known.values():
            chain = numbers_of(known, case.pk)
            assert len(chain) == len(set(chain)), "merged in a circle"
            assert (case.merged_into_id is not None) == (case.state == State.MERGED)
            if case.state in OPEN:
                assert case.lead_role, "nobody answers for it"
                assert case.lead_place_id, "nobody answers for it"
        assert (
            Voice.objects.count() == Entry.objects.filter(event__in=["cases.CaseOpened", "cases.VoiceJoined"]).count()
        )

        for ruling in Ruling.objects.exclude(decided_by=None):
            assert ruling.decided_by_id != ruling.asked_by_id
        self.two_persons_refer()

    def two_persons_refer(self) -> None:
        """Read from the record alone: a referral was proposed by one person and agreed to by another."""
        entries = list(Entry.objects.order_by("pk"))
        for place, entry in enumerate(entries):
            if entry.event == "cases.CaseReferred":
                earlier = [one for one in entries[:place] if one.data.get("case_id") == entry.data["case_id"]]
                made = [one for one in earlier if one.event == "cases.RulingMade" and one.data["kind"] == "referral"][
                    -1
                ]
                asked = next(
                    one
                    for one in earlier
                    if one.event == "cases.RulingAsked" and one.data["ruling_id"] == made.data["ruling_id"]
                )
                assert made.data["agreed"]
                assert made.by_id != asked.by_id
                assert None not in (made.by_id, asked.by_id)
                ruled = [one for one in earlier if one.event == "cases.RulingMade" and one is not made]
                before = {one.by_id for one in ruled if one.data["kind"] == "referral" and one.data["agreed"]}
                assert made.by_id not in before, "an objection was ruled on by who had agreed"

    def rates_agree_with_the_record(self) -> None:
        """The three rates of the whole time are what the record alone tells."""
        period = Period(NOW.date() - timedelta(days=1), self.now.date() + timedelta(days=1))
        scope = Scope(self.town.county.path)
        counted = total(count_rates(period, scope, now=self.now).values())
        assert counted == recount(period, scope, now=self.now)

    def teardown(self) -> None:
        try:
            self.deliver_everything(newest=False)
            self.rates_agree_with_the_record()
        finally:
            super().teardown()

    def closed_properly(self, entries: list[Entry], case_id: int) -> bool:
        return somebody_else_found_it_done(entries, case_id)


def numbers_of(known: dict[int, Case], pk: int) -> list[int]:
    """A case and what it was merged into, up to the one that is handled; longer than all cases when in a circle."""
    chain = [pk]
    while (into := known[chain[-1]].merged_into_id) is not None and len(chain) <= len(known):
        chain.append(into)
    return chain


def somebody_else_found_it_done(entries: list[Entry], case_id: int) -> bool:
    """Whether the newest check of the case passed by eyes other than the worker's: those of another person in another
    post, or of reporters, of whom the worker is none."""
    own = [entry for entry in entries if entry.data.get("case_id") == case_id]
    awaited = next(entry for entry in reversed(own) if entry.event == "cases.CaseAwaitsCheck")
    work = next(
        entry
        for entry in own
        if entry.event == "tasks.TaskReported" and entry.data["task_id"] == awaited.data["task_id"]
    )
    ended = next(entry for entry in reversed(own) if entry.event.startswith(("checks.CheckPassed", "checks.CheckF")))
    if ended.event != "checks.CheckPassed" or ended.pk < awaited.pk:
        return False
    if ended.by_id is not None:
        posts = Post.objects.in_bulk([ended.post_id, work.post_id])
        seats = [(posts[pk].role, posts[pk].place_id) for pk in (ended.post_id, work.post_id)]
        return ended.by_id != work.by_id and seats[0] != seats[1]
    about = ended.data["check_id"]
    answers = [entry for entry in own if entry.event == "checks.AnswerGiven" and entry.data["check_id"] == about]
    received = {entry.data["message_id"]: entry.by_id for entry in entries if entry.event == "channels.MessageReceived"}
    said = [entry for entry in answers if entry.data["helped"]]
    return bool(said) and all(
        entry.by_id != work.by_id and (received[entry.data["message_id"]] != work.by_id or work.by_id is None)
        for entry in said
    )


@pytest.mark.slow
@pytest.mark.django_db
def test_whatever_anybody_does_with_many_voices(town: Any) -> None:
    City.town = town
    switch_powers_on(by=town.system, minutes=30, reason="the matrix", now=NOW)
    set_responsibility(
        category="environment.bins",
        place=town.street,
        role="grid_worker",
        co_handlers=[{"role": "property_manager", "limit": "3 working_days"}],
        by=town.system,
        now=NOW,
    )
    run_state_machine_as_test(
        City,
        settings=settings(
            max_examples=10,
            stateful_step_count=15,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_only_open_cases_go_into_others() -> None:
    assert MOVES[Move.MERGE][0] <= set(OPEN)
    assert not {(State.CLOSED, State.MERGED), (State.WITHDRAWN, State.MERGED)} & City.legal
    assert City.legal >= house.LEGAL
