"""The house of test_state_machine with many voices behind one case: joining, merging, taking apart, calling all.

Whatever is tried: every voice stands behind one real case and no reporter is lost, nothing runs in circles, every
open case has somebody who answers for it, and what the record tells agrees with the rows.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from gongzhi.act.tasks.models import Task
from gongzhi.ground.access.models import Post
from gongzhi.ground.ledger.models import Entry
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import AnswerBy, Message
from gongzhi.understand.cases import merging
from gongzhi.understand.cases.models import MOVES, OPEN, Case, Move, State, Voice
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Check, Satisfied
from tests import test_state_machine as house
from tests.test_state_machine import LEGAL, House, someone

# Taking a case out again gives it back to whoever led it, to the desk, or to nobody when its reporters have left.
BACK = {(State.MERGED, State.ASSIGNED), (State.MERGED, State.NEW), (State.MERGED, State.WITHDRAWN)}


class City(House):
    """The same town; everybody may also put cases together and take them apart."""

    numbers = House.numbers
    legal: ClassVar[set[tuple[str, str]]] = LEGAL | BACK

    # --- many voices --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.sent < 5)
    @rule(target=numbers, to=numbers, answer_by=st.sampled_from(AnswerBy.values), by=st.sampled_from([None, "worker"]))
    def report_and_join(self, to: str, answer_by: str, by: str | None) -> str:
        self.sent += 1
        draft = Draft(
            text=f"第{self.sent}件：我也看到了，路灯不亮。",
            category="environment.litter",
            place=self.town.grid,
            answer_by=answer_by,
            joins=to,
            idempotency_key=f"key {self.sent}",
        )
        return receive_message(draft, by=self.person(by) if by else None, now=self.now).number

    @rule(source=numbers, into=numbers, by=someone)
    def merge(self, source: str, into: str, by: str) -> None:
        ids = {"source_id": self.case(source).pk, "target_id": self.case(into).pk}
        self.act(merging.merge_cases, **ids, by=self.person(by))

    @rule(source=numbers, into=numbers)
    def merge_by_the_desk(self, source: str, into: str) -> None:
        """Somebody who may: so that merges happen often enough to be taken apart."""
        self.merge(source=source, into=into, by="street_clerk")

    @rule(number=numbers, into=numbers)
    def join_later(self, number: str, into: str) -> None:
        message = Message.objects.get(number=number)
        self.act(merging.join_case, message=message, target_id=self.case(into).pk)

    @rule(number=numbers, by=st.sampled_from(["street_clerk", "clerk", "worker"]))
    def unmerge(self, number: str, by: str) -> None:
        self.act(merging.unmerge_case, case_id=self.case(number).pk, by=self.person(by))

    @rule(number=numbers, satisfied=st.sampled_from([*Satisfied.values, "very"]))
    def say_how_satisfied(self, number: str, satisfied: str) -> None:
        self.act(checks.say_how_satisfied, message=Message.objects.get(number=number), satisfied=satisfied)

    @rule(number=numbers, by=someone, helped=st.booleans())
    def take_a_call(self, number: str, by: str, helped: bool) -> None:
        """The telephone desk asks one of several reporters."""
        message = Message.objects.get(number=number)
        voice = Voice.objects.filter(message=message).first()
        if voice is None:
            return
        check = Check.objects.filter(case_id=voice.case_id).order_by("-pk").first()
        self.act(
            checks.conclude_check,
            check_id=check.pk if check is not None else 0,
            result="helped" if helped else "not_helped",
            method="phone",
            words="说了",
            message_id=message.pk,
            by=self.person(by),
        )

    # --- what always holds --------------------------------------------------------------------------------------

    def everything_is_in_its_place(self) -> None:
        """Once all reactions have run: every message has its one voice, behind a case that is handled by itself."""
        assert Message.objects.count() == Voice.objects.count() == self.sent
        cases = {case.pk: case for case in Case.objects.all()}
        voices = list(Voice.objects.all())
        assert {voice.message_id for voice in voices} == set(Message.objects.values_list("pk", flat=True))
        for voice in voices:
            assert cases[voice.case_id].state != State.MERGED, "a voice stands behind a case that nobody handles"
            assert voice.case_id in numbers_of(cases, voice.first_case_id), "a voice went where it does not belong"
        speaking = Counter(voice.case_id for voice in Voice.objects.all().speaking())
        for case in cases.values():
            orders = list(Task.objects.filter(case=case).waiting())
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
        cases = {case.pk: case for case in Case.objects.all()}
        for case in cases.values():
            chain = numbers_of(cases, case.pk)
            assert len(chain) == len(set(chain)), "merged in a circle"
            assert (case.merged_into_id is not None) == (case.state == State.MERGED)
            if case.state in OPEN:
                assert case.lead_role, "nobody answers for it"
                assert case.lead_place_id, "nobody answers for it"
        assert (
            Voice.objects.count() == Entry.objects.filter(event__in=["cases.CaseOpened", "cases.VoiceJoined"]).count()
        )

    def closed_properly(self, entries: list[Entry], case_id: int) -> bool:
        return somebody_else_found_it_done(entries, case_id)


def numbers_of(cases: dict[int, Case], pk: int) -> list[int]:
    """A case and what it was merged into, up to the one that is handled; longer than all cases when in a circle."""
    chain = [pk]
    while (into := cases[chain[-1]].merged_into_id) is not None and len(chain) <= len(cases):
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
    run_state_machine_as_test(
        City,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
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
