"""Same matter, many voices: merging, taking apart again, joining, and one of many who withdraws."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.models import Task
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import Refusal
from gongzhi.loop.delivery import run_until_quiet
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import tree
from gongzhi.understand.cases.merging import join_case, merge_cases, unmerge_case
from gongzhi.understand.cases.models import OPEN, Case, Category, State, Voice
from gongzhi.understand.cases.voices import root_of
from tests.scenes import LITTER
from tests.town import NOW

pytestmark = pytest.mark.django_db


def fresh(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


def test_merging_moves_the_voices_and_cancels_the_order(assigned: Any, town: Any, deliver: Any, moment: Any) -> None:
    first, target = assigned()
    second, source = assigned(text="东门垃圾还没有人收。")
    merge_cases(source_id=source.pk, target_id=target.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    source, target = fresh(source), fresh(target)
    assert (source.state, source.closed_as, source.merged_into_id) == ("merged", "merged", target.pk)
    assert (target.state, target.voice_count) == ("assigned", 2)
    assert set(target.voices.values_list("message_id", flat=True)) == {first.pk, second.pk}
    assert [task.state for task in source.tasks.all()] == ["cancelled"]
    assert [task.state for task in target.tasks.all()] == ["open"]
    told = Entry.objects.filter(event__in=["cases.CasesMerged", "cases.VoicesCame"]).values_list("event", "object_id")
    assert set(told) == {("cases.CasesMerged", source.pk), ("cases.VoicesCame", target.pk)}


def test_undoing_brings_back_case_voices_order_and_clock(assigned: Any, town: Any, deliver: Any, moment: Any) -> None:
    _first, target = assigned()
    second, source = assigned(text="东门垃圾还没有人收。")
    due = source.due_at
    merge_cases(source_id=source.pk, target_id=target.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    moment.now += timedelta(hours=1)
    unmerge_case(case_id=source.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    source, target = fresh(source), fresh(target)
    assert (source.state, source.merged_into_id, source.closed_at, source.due_at) == ("assigned", None, None, due)
    assert (source.voice_count, target.voice_count) == (1, 1)
    assert Voice.objects.get(message=second).case_id == source.pk
    assert list(source.tasks.order_by("round").values_list("state", flat=True)) == ["cancelled", "open"]


def test_a_case_that_was_new_comes_back_new(report: Any, town: Any, deliver: Any, moment: Any) -> None:
    _first, target = report()
    _second, source = report(text="东门垃圾。")
    merge_cases(source_id=source.pk, target_id=target.pk, by=town.clerk, now=moment.now)
    unmerge_case(case_id=source.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    assert fresh(source).state == "new"
    assert not source.tasks.exists()


def test_a_merge_inside_a_merge_is_taken_apart_piece_by_piece(report: Any, town: Any, moment: Any) -> None:
    (a, one), (b, two), (c, three) = report(), report(text="东门垃圾一。"), report(text="东门垃圾二。")
    merge_cases(source_id=one.pk, target_id=two.pk, by=town.clerk, now=moment.now)
    merge_cases(source_id=two.pk, target_id=three.pk, by=town.clerk, now=moment.now)
    assert fresh(three).voice_count == 3
    unmerge_case(case_id=one.pk, by=town.clerk, now=moment.now)
    assert {v.message_id: v.case_id for v in Voice.objects.all()} == {a.pk: one.pk, b.pk: three.pk, c.pk: three.pk}
    merge_cases(source_id=one.pk, target_id=three.pk, by=town.clerk, now=moment.now)
    unmerge_case(case_id=two.pk, by=town.clerk, now=moment.now)
    assert {v.message_id: v.case_id for v in Voice.objects.all()} == {a.pk: three.pk, b.pk: two.pk, c.pk: three.pk}


def test_undoing_after_the_other_was_closed_takes_it_up_anew(
    done: Any, report: Any, assigned: Any, town: Any, deliver: Any, moment: Any
) -> None:
    from gongzhi.verify.checks import actions as checks

    first, target = assigned()
    _second, source = assigned(text="东门垃圾还没有人收。")
    merge_cases(source_id=source.pk, target_id=target.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    order = Task.objects.filter(case=target).waiting().get()
    tasks.report_done(task_id=order.pk, words="清走了。", by=town.worker, now=moment.now)
    deliver(now=moment.now)
    for check in target.checks.all():
        checks.conclude_check(
            check_id=check.pk, result="seen_done", method="site", words="看过了。", by=town.clerk, now=moment.now
        )
    deliver(now=moment.now)
    if fresh(target).state != "closed":
        pytest.skip("everybody has to be asked first")
    moment.now += timedelta(days=3)
    unmerge_case(case_id=source.pk, by=town.clerk, now=moment.now)
    deliver(now=moment.now)
    source = fresh(source)
    assert (source.state, source.reopened) == ("assigned", 1)
    assert source.due_at > moment.now
    assert fresh(target).state == "closed"
    assert first.voice.case_id == target.pk


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(words: str, **given: Any) -> None:
    before = Entry.objects.count()
    with pytest.raises(Refusal) as caught:
        merge_cases(**given)
    assert words in str(caught.value.reason)
    assert Entry.objects.count() == before


def test_contradictory_merges(report: Any, town: Any, moment: Any) -> None:
    (_a, one), (_b, two), (_c, three) = report(), report(text="东门垃圾一。"), report(text="东门垃圾二。")
    by = {"by": town.clerk, "now": moment.now}
    refused("into itself", source_id=one.pk, target_id=one.pk, **by)
    merge_cases(source_id=one.pk, target_id=two.pk, **by)
    refused("already handled together", source_id=one.pk, target_id=two.pk, **by)
    refused("already handled together", source_id=one.pk, target_id=three.pk, **by)
    refused("was merged into this case", source_id=two.pk, target_id=one.pk, **by)
    refused("Choose that one", source_id=three.pk, target_id=one.pk, **by)
    merge_cases(source_id=two.pk, target_id=three.pk, **by)
    refused("Choose that one", source_id=three.pk, target_id=one.pk, **by)  # the long way round


def test_into_what_has_ended_or_is_being_checked(report: Any, done: Any, town: Any, deliver: Any, moment: Any) -> None:
    _a, source = report(text="东门垃圾。")
    gone, ended = report(text="东门垃圾一。")
    cases.withdraw_case(message=gone, now=moment.now)
    refused("has ended", source_id=source.pk, target_id=ended.pk, by=town.clerk, now=moment.now)
    _b, checked = done()
    assert checked.state == "to_check"
    refused("being checked", source_id=source.pk, target_id=checked.pk, by=town.clerk, now=moment.now)


def make_private(code: str) -> None:
    Category.objects.filter(code=code).update(private=True, version=F("version") + 1)
    tree.forget()


def test_matters_between_people_are_not_merged(report: Any, town: Any, moment: Any) -> None:
    _a, one = report()
    _b, two = report(text="楼上吵。", category="neighbours.dispute")
    make_private("neighbours.dispute")
    refused("between people", source_id=one.pk, target_id=two.pk, by=town.clerk, now=moment.now)
    refused("between people", source_id=two.pk, target_id=one.pk, by=town.clerk, now=moment.now)


def test_the_right_is_needed_at_both_places(report: Any, town: Any, moment: Any) -> None:
    _a, here = report()
    _b, there = report(place=town.other_grid, text="西区的。")
    for who in (town.clerk, town.other_clerk, town.worker, town.stranger):
        with pytest.raises(Refusal):
            merge_cases(source_id=here.pk, target_id=there.pk, by=who, now=moment.now)
    merge_cases(source_id=here.pk, target_id=there.pk, by=town.street_clerk, now=moment.now)
    for who in (town.clerk, town.other_clerk):
        with pytest.raises(Refusal):
            unmerge_case(case_id=here.pk, by=who, now=moment.now)


def test_an_older_version_is_refused(report: Any, town: Any, moment: Any) -> None:
    (_a, one), (_b, two) = report(), report(text="东门垃圾一。")
    with pytest.raises(cases.StaleEdit):
        merge_cases(source_id=one.pk, target_id=two.pk, version=one.version + 1, by=town.clerk, now=moment.now)


# --- joining and withdrawing ------------------------------------------------------------------------------------------


def test_a_message_that_joins_is_one_more_voice(assigned: Any, report: Any, town: Any, moment: Any) -> None:
    _first, case = assigned()
    second, joined = report(text="我也看到了。", joins=case.number)
    assert joined.pk == case.pk
    assert (joined.voice_count, second.voice.joined_at) == (2, moment.now)
    entry = Entry.objects.about(case).get(event="cases.VoiceJoined")
    assert entry.data == {"case_id": case.pk, "message_id": second.pk}
    # A merged case leads to the one that is handled now.
    _third, other = report(text="另一件。")
    merge_cases(source_id=case.pk, target_id=other.pk, by=town.clerk, now=moment.now)
    _fourth, root = report(text="还有我。", joins=case.number)
    assert (root.pk, root.voice_count) == (other.pk, 4)
    unmerge_case(case_id=case.pk, by=town.clerk, now=moment.now)
    assert (fresh(case).voice_count, fresh(other).voice_count) == (2, 2)


def test_joining_what_cannot_be_joined_opens_a_case(report: Any, done: Any, town: Any, moment: Any) -> None:
    gone, ended = report()
    cases.withdraw_case(message=gone, now=moment.now)
    _m, checked = done()
    _p, private = report(category="neighbours.dispute", text="楼上吵。")
    make_private("neighbours.dispute")
    for number in (ended.number, checked.number, private.number, "000000-0000000", "x"):
        message, case = report(text="我也是。", joins=number)
        assert case.number == message.number
    _caller, case = report(text="另一位来电。", joins=private.number, by=town.clerk, channel="phone")
    assert case.pk == private.pk


def test_one_of_two_withdraws_and_then_the_other(
    assigned: Any, report: Any, town: Any, deliver: Any, moment: Any
) -> None:
    first, case = assigned()
    second, _same = report(text="我也看到了。", joins=case.number)
    cases.withdraw_case(message=first, now=moment.now)
    assert (fresh(case).state, fresh(case).voice_count) == ("assigned", 1)
    with pytest.raises(Refusal):
        cases.withdraw_case(message=first, now=moment.now)
    cases.withdraw_case(message=second, now=moment.now)
    deliver(now=moment.now)
    assert (fresh(case).state, fresh(case).voice_count) == ("withdrawn", 0)
    assert [task.state for task in case.tasks.all()] == ["cancelled"]


def test_a_reporter_joins_after_sending(report: Any, town: Any, moment: Any) -> None:
    (_a, case), (mine, own) = report(), report(text="东门垃圾。")
    assert join_case(message=mine, target_id=case.pk, now=moment.now).pk == case.pk
    assert join_case(message=mine, target_id=case.pk, now=moment.now).pk == case.pk
    assert (fresh(own).state, fresh(case).voice_count) == ("merged", 2)
    merged = Entry.objects.about(own).get(event="cases.CasesMerged")
    assert merged.by_id is None


# --- whatever they do -------------------------------------------------------------------------------------------------


class Voices(RuleBasedStateMachine):
    """Merging, unmerging, joining and withdrawing in any order."""

    town: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.now = NOW
        self.sent = 0
        for _ in range(4):
            self.tell("")

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.frame.__exit__(None, None, None)

    def tell(self, joins: str) -> None:
        self.sent += 1
        draft = Draft(text=f"第{self.sent}个人说的。", category=LITTER, place=self.town.grid, joins=joins)
        receive_message(draft, by=None, now=self.now)
        run_until_quiet(now=self.now)

    def act(self, action: Any, **given: Any) -> None:
        self.now += timedelta(minutes=1)
        before = Entry.objects.count()
        try:
            with transaction.atomic():
                action(now=self.now, **given)
        except Refusal:
            assert Entry.objects.count() == before
        run_until_quiet(now=self.now)

    def case(self, place: int) -> Case:
        found = list(Case.objects.order_by("pk"))
        return found[place % len(found)]

    @rule(place=st.integers(0, 9))
    def join(self, place: int) -> None:
        if self.sent < 9:
            self.tell(self.case(place).number)

    @rule(source=st.integers(0, 9), into=st.integers(0, 9))
    def merge(self, source: int, into: int) -> None:
        self.act(merge_cases, source_id=self.case(source).pk, target_id=self.case(into).pk, by=self.town.clerk)

    @rule(place=st.integers(0, 9))
    def unmerge(self, place: int) -> None:
        self.act(unmerge_case, case_id=self.case(place).pk, by=self.town.clerk)

    @rule(place=st.integers(0, 9), into=st.integers(0, 9))
    def join_later(self, place: int, into: int) -> None:
        messages = list(Message.objects.order_by("pk"))
        self.act(join_case, message=messages[place % len(messages)], target_id=self.case(into).pk)

    @rule(place=st.integers(0, 9))
    def withdraw(self, place: int) -> None:
        messages = list(Message.objects.order_by("pk"))
        self.act(cases.withdraw_case, message=messages[place % len(messages)])

    @rule(place=st.integers(0, 9))
    def dispatch(self, place: int) -> None:
        self.act(cases.dispatch_case, case_id=self.case(place).pk, category=LITTER, by=self.town.clerk)

    @invariant()
    def nobody_is_lost(self) -> None:
        assert Voice.objects.count() == self.sent == Message.objects.count()
        for voice in Voice.objects.select_related("case", "first_case"):
            # Nobody's voice lies with a case that is handled elsewhere, and it never left the tree it came in by.
            assert voice.case.state != State.MERGED
            assert root_of(voice.first_case).pk == voice.case_id
            if voice.withdrawn_at is None:
                assert voice.case.state in OPEN

    @invariant()
    def every_case_is_whole(self) -> None:
        for case in Case.objects.all():
            speaking = Voice.objects.filter(case=case).speaking().count()
            assert (case.merged_into_id is not None) == (case.state == State.MERGED)
            if case.state != State.MERGED:
                assert case.voice_count == speaking
            if case.state in OPEN:
                assert speaking
            waiting = Task.objects.filter(case=case).waiting().count()
            assert waiting == (1 if case.state == State.ASSIGNED else 0)


def test_no_order_of_steps_loses_a_voice(town: Any) -> None:
    Voices.town = town
    run_state_machine_as_test(
        Voices,
        settings=settings(
            max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.django_db(transaction=True)
def test_two_contradictory_merges_at_once(town: Any, report: Any, moment: Any) -> None:
    (_a, one), (_b, two) = report(), report(text="东门垃圾一。")
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def merge(source: Case, target: Case) -> None:
        try:
            barrier.wait(10)
            merge_cases(source_id=source.pk, target_id=target.pk, by=town.clerk, now=moment.now)
            answers.append("merged")
        except Refusal as refusal:
            answers.append(str(refusal.reason))
        finally:
            connection.close()

    threads = [threading.Thread(target=merge, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answer == "merged" for answer in answers) == [False, True], answers
    states = sorted([fresh(one).state, fresh(two).state])
    assert states == ["merged", "new"]
    assert Voice.objects.exclude(case__state=State.MERGED).count() == 2
