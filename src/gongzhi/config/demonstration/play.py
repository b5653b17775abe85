"""Plays the year: every step of every demand goes through the rooms' own actions, told the time of the story.

Nothing is written past the actions, so record, deadlines, tasks, checks and the rule that nobody checks their own work
are as genuine as if it had happened. Steps are taken in the order of time, reactions follow at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from gongzhi.act.tasks import actions as tasks
from gongzhi.config.demonstration.cast import Cast, Player
from gongzhi.config.demonstration.chance import dice, pick
from gongzhi.config.demonstration.city import City, words
from gongzhi.config.demonstration.generate import DemoCase, Step, StepKind
from gongzhi.config.demonstration.ground import grids, places
from gongzhi.config.demonstration.pictures import motif_for, picture
from gongzhi.config.demonstration.writing import gist, texts
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger import actions as ledger
from gongzhi.ground.ledger.events import read
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span
from gongzhi.loop import delivery
from gongzhi.loop.circuit import CIRCUIT
from gongzhi.loop.wires import When
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Message, draw_number
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import rulings
from gongzhi.understand.cases.contact import contact_reporter
from gongzhi.understand.cases.escalation import escalate
from gongzhi.understand.cases.models import Case, Ruling
from gongzhi.verify.checks import actions as checks

LONGEST_WORDS = 480  # of a report, cut at the end of a sentence
SEALED_EVERY = timedelta(days=7)
# Deadlines of which people ask for more, and how much in their own unit.
MORE_TIME = {"complex": 7, "dispute": 10, "ordinary": 3, "greenery": 3, "illegal_building": 10}


@dataclass(frozen=True, kw_only=True)
class Extra:
    """What the generator does not tell: the clock stopped, running again, or given more time."""

    kind: str  # paused, resumed, extended
    at: datetime
    words: str = ""
    amount: int = 0
    until: date | None = None  # looked at again, or promised for, this day


@dataclass
class Story:
    """One demand while it is played."""

    told: DemoCase
    turn: int
    grid: str  # path of the grid it belongs to, also when nobody said so at first
    extras: tuple[Extra, ...] = ()
    pictured: bool = False
    message: Message | None = None
    worker: Player | None = None
    by_link: bool = False
    broken_off: bool = False
    ids: dict[str, int] = field(default_factory=dict)  # case, task, check: the newest of each

    @property
    def category(self) -> str:
        return self.told.category

    @property
    def motif(self) -> str:
        return motif_for(self.told.category, self.told.text)


class _Hearing:
    """The entries that wait for their reactions; they come in over the record's listener while a play is on."""

    def __init__(self) -> None:
        self.on = False
        self.entries: deque[Entry] = deque()

    def __call__(self, entries: Sequence[Entry]) -> None:
        if self.on:
            self.entries.extend(entries)


_hearing = _Hearing()


@contextmanager
def _reacting_at_once() -> Iterator[None]:
    """Nothing is promised to workers meanwhile: this process reacts, in the same transaction, at the story's time."""
    with delivery.connected():
        ledger.listen(_hearing)
        _hearing.on = True
        try:
            yield
        finally:
            _hearing.on = False
            _hearing.entries.clear()


def play(
    told: Sequence[DemoCase],
    cast: Cast,
    *,
    seed: int,
    now: datetime,
    deadline_of: Callable[[str], str],
    progress: Callable[[int, int], None],
) -> int:
    """Play all of it up to ``now``, inside the caller's transaction. Gives back how many steps were refused."""
    stage = _Theatre(cast, dice(seed, "play"))
    stories = [_story(one, index) for index, one in enumerate(told)]
    _add_pictures(stories)
    _add_extras(stories, seed, now, deadline_of)
    agenda: list[tuple[datetime, Story, Step | Extra | None]] = []
    for story in stories:
        steps: list[Step | Extra] = [*story.told.steps, *story.extras]
        agenda += [(story.told.received_at, story, None), *((step.at, story, step) for step in steps)]
    agenda.sort(key=lambda item: item[0])
    sealed = agenda[0][0] if agenda else now
    day: date | None = None
    city = City(cast, dice(seed, "city"), seed=seed, now=now, react=stage.react)
    with _reacting_at_once():
        for number, (at, story, step) in enumerate(agenda):
            city.until(at)
            if at.date() != day:
                day = at.date()
                checks.move_unanswered(now=at)
                stage.night(at)
            if at - sealed > SEALED_EVERY:
                sealed = at
                ledger.seal(now=at)
            stage.take(story, step, at)
            if number % 50 == 0:
                progress(number, len(agenda))
        city.until(now)
        checks.move_unanswered(now=now)
        stage.night(now)
    progress(len(agenda), len(agenda))
    return stage.refused


def _story(told: DemoCase, turn: int) -> Story:
    here = [grid.code for grid in grids() if grid.community_code == told.community_code]
    return Story(told, turn, told.grid_code or here[turn % len(here)])


def _add_pictures(stories: Sequence[Story], most: int = 12) -> None:
    """The newest demands with a motif are sent with a picture, half of them still open."""
    fitting = [story for story in reversed(stories) if story.motif and story.told.channel == "web"]
    still_open = [story for story in fitting if story.told.outcome == "open"][: most // 2]
    for story in (*still_open, *[one for one in fitting if one.told.outcome != "open"][: most - len(still_open)]):
        story.pictured = True


def _add_extras(stories: Sequence[Story], seed: int, now: datetime, deadline_of: Callable[[str], str]) -> None:
    """Some long matters are paused or given more time: old ones, and a few open ones, of which some are for today."""
    open_ones: dict[str, list[Story]] = {"paused": [], "extended": []}
    first = places()[0].code  # where the people of the sign-in page work, something shall be seen
    newest = list(reversed(stories))
    newest.sort(key=lambda story: story.told.community_code != first)
    for story in newest:
        kind = deadline_of(story.category).removeprefix("cases.deadline.")
        steps = story.told.steps
        accepted = next((index for index, step in enumerate(steps) if step.kind is StepKind.ACCEPTED), None)
        if kind not in MORE_TIME or accepted is None:
            continue
        die = dice(seed, f"extra/{story.told.key}")
        starts = steps[accepted].at
        gap = (steps[accepted + 1].at if len(steps) > accepted + 1 else now) - starts
        at, until = starts + gap * 0.3, None
        if story.told.stage == "accepted" and len(steps) == accepted + 1:
            chosen = min(open_ones, key=lambda name: len(open_ones[name]))
            if gap < timedelta(hours=3) or len(open_ones[chosen]) >= 4:
                continue
            open_ones[chosen].append(story)
            until = now.date() if at.date() < now.date() and len(open_ones[chosen]) % 2 else None
        elif gap > timedelta(days=4) and die.random() < 0.3:
            chosen = pick(die, ("paused", "extended"))
        else:
            continue
        words = pick(die, texts()[f"{chosen}_words"])
        story.extras = (Extra(kind=chosen, at=at, words=words, amount=MORE_TIME[kind], until=until),)
        if chosen == "paused" and story.told.stage != "accepted":
            story.extras += (Extra(kind="resumed", at=starts + gap * 0.7),)


class _Theatre:
    def __init__(self, cast: Cast, die: Random) -> None:
        self.cast = cast
        self.die = die
        self.refused = 0
        self.places = {place.path: place for place in Place.objects.all()}
        self._of_message: dict[int, Story] = {}
        self._of_case: dict[int, Story] = {}
        self._wires: dict[str, list[When]] = {}
        for wire in CIRCUIT:
            self._wires.setdefault(wire.event.name, []).append(wire)

    def take(self, story: Story, step: Step | Extra | None, at: datetime) -> None:
        """One step and everything that follows from it. A step that the rooms refuse ends this story there."""
        if story.broken_off:
            return
        try:
            with transaction.atomic():
                if step is None:
                    self._receive(story, at)
                elif isinstance(step, Extra):
                    self._extra(story, step, at)
                else:
                    self._step(story, step, at)
                self.react(at)
        except Refusal:
            _hearing.entries.clear()
            story.broken_off = True
            self.refused += 1

    def react(self, at: datetime) -> None:
        while _hearing.entries:
            entry = _hearing.entries.popleft()
            event = read(entry.event, entry.data)
            self._note_ids(entry, event)
            for wire in self._wires.get(entry.event, ()):
                if wire.only is None or wire.only(event):
                    delivery.deliver([entry], wire, now=at)

    def _note_ids(self, entry: Entry, event: Any) -> None:
        """Remember which case, task and check belong to the story, from what the rooms say."""
        if entry.event == "cases.CaseOpened":
            story = self._of_message.get(event.message_id)
            if story is not None:
                self._of_case[event.case_id] = story
                story.ids["case"] = event.case_id
        elif entry.event in ("tasks.TaskOpened", "checks.CheckAsked") and event.case_id in self._of_case:
            story = self._of_case[event.case_id]
            if entry.event == "tasks.TaskOpened":
                story.ids["task"] = event.task_id
            else:
                story.ids["check"], story.by_link = event.check_id, event.by_link

    def night(self, at: datetime) -> None:
        """What the schedule does by itself: cases whose review day has come go on, late ones go up a step."""
        with transaction.atomic():
            cases.resume_overdue(now=at)
            escalate(now=at)
            self.react(at)

    def _who(self, role: str, story: Story) -> Player:
        """Who does it: the nearest of the role, else the street's clerk."""
        found = self.cast.nearest(role, story.grid, turn=story.turn, category=story.category)
        found = found or self.cast.nearest("street_clerk", story.grid, turn=story.turn)
        if found is None:
            raise LookupError(f"no street clerk for {story.grid}")
        return found

    # -- The steps -----------------------------------------------------------------------------------------------

    def _receive(self, story: Story, at: datetime) -> None:
        told = story.told
        desks = {"phone": "hotline_desk", "import": "hotline_desk", "visit": "community_clerk"}
        desk = self._who(desks[told.channel], story) if told.channel in desks else None
        motif = story.motif if story.pictured else ""
        story.message = receive_message(
            Draft(
                text=told.text,
                channel=told.channel,
                category=told.guess,
                place=None if told.point else self.places[told.community_code],
                point=told.point,
                address=told.address,
                name=told.reporter.name if told.reporter else "",
                phone=told.reporter.phone if told.reporter else "",
                answer_by=told.answer_by,
                language="zh-hans",
                idempotency_key=told.key,
                photos=[_photo(motif, story, done=False)] if motif else (),
            ),
            by=desk.user if desk else None,
            post=desk.post if desk else None,
            now=at,
            draw=lambda received_at: draw_number(received_at, self.die.randrange),
        )
        self._of_message[story.message.pk] = story

    def _extra(self, story: Story, extra: Extra, at: datetime) -> None:
        case = story.ids["case"]
        if extra.kind == "extended":
            by = self._who("community_secretary", story).user
            amount = self._amount_until(case, extra.until) if extra.until else 0
            amount = amount or extra.amount
            cases.extend_deadline(case_id=case, amount=amount, reason=extra.words, by=by, now=at)
            return
        by = self._who("community_clerk", story).user
        if extra.kind == "paused":
            review = extra.until or at.date() + timedelta(days=7 + story.turn % 8)
            cases.pause_case(case_id=case, reason=extra.words, review_on=review, by=by, now=at)
        else:
            cases.resume_case(case_id=case, by=by, now=at)

    @staticmethod
    def _amount_until(case_id: int, day: date) -> int:
        """How much more time makes the case due on that day, or on the last working day before it; 0: none does."""
        case = Case.objects.get(pk=case_id)
        if case.due_at is None:
            return 0
        unit = Span.parse(rule(case.deadline_rule, path=case.place_path, on=day)).unit
        for amount in range(15, 0, -1):
            due = clock.extend(case.due_at, Span(amount, unit), path=case.place_path)
            if timezone.localdate(due) <= day:
                return amount
        return 0

    def _step(self, story: Story, step: Step, at: datetime) -> None:
        play = {
            StepKind.SORTED: self._sorted,
            StepKind.PASSED_ON: self._passed_on,
            StepKind.ACCEPTED: self._accepted,
            StepKind.SENT_BACK: self._sent_back,
            StepKind.NOTED: self._noted,
            StepKind.REPORTED_DONE: self._reported_done,
            StepKind.HELPED: self._answered,
            StepKind.NOT_HELPED: self._answered,
            StepKind.NOT_REACHED: self._not_reached,
            StepKind.UNREACHABLE: self._unreachable,
            StepKind.VERIFIED: self._verified,
            StepKind.REOPENED: self._reopened,
            StepKind.WITHDRAWN: self._withdrawn,
        }.get(step.kind)
        if play is not None:  # closing is not done by anybody: it follows from the check
            play(story, step, at)

    def _lead(self, story: Story, role: str) -> dict[str, Any]:
        """Who leads from now on; remembered as the one who works on it."""
        story.worker = self._who(role, story)
        return {"role": story.worker.post.role, "place_id": story.worker.post.place_id}

    def _sorted(self, story: Story, step: Step, at: datetime) -> None:
        told = story.told
        # Who lies outside every grid waits at the town, which a community's clerk does not reach.
        desk = self._who("street_clerk" if told.point and not told.grid_code else step.role, story)
        cases.dispatch_case(
            case_id=story.ids["case"],
            category=told.category,
            summary=gist(told.text),
            place=None if told.grid_code else self.places[story.grid],
            by=desk.user,
            now=at,
            **self._lead(story, step.to_role),
        )

    def _passed_on(self, story: Story, step: Step, at: datetime) -> None:
        """It was sent back as "not ours": the street rules whose it is. Who had it before may not rule."""
        asked = Ruling.objects.filter(case_id=story.ids["case"], state=Ruling.State.OPEN).order_by("-pk").first()
        lead = self._lead(story, step.to_role)
        if asked is None:
            by = self._who("street_clerk", story)
            cases.assign_case(case_id=story.ids["case"], by=by.user, now=at, **lead)
            return
        role = "street_leader" if asked.asked_role == "street_clerk" else "street_clerk"
        by = self._who(role, story)
        rulings.decide(ruling_id=asked.pk, words=words()["ruling"], by=by.user, now=at, **lead)

    def _hands(self, story: Story) -> User:
        if story.worker is None:
            raise LookupError(f"{story.told.key} has nobody who works on it")
        return story.worker.user

    def _accepted(self, story: Story, step: Step, at: datetime) -> None:
        tasks.accept_task(task_id=story.ids["task"], by=self._hands(story), now=at)
        if story.turn % 8:  # now and then nobody speaks to the reporter: the response rate is no hundred per cent
            said = words()["contact"]
            contact_reporter(
                case_id=story.ids["case"],
                way="phone" if story.told.reporter and story.turn % 3 else "page",
                text=said[story.turn % len(said)],
                by=self._hands(story),
                now=at,
            )

    def _sent_back(self, story: Story, step: Step, at: datetime) -> None:
        tasks.return_task(task_id=story.ids["task"], reason=step.words, by=self._hands(story), now=at)

    def _noted(self, story: Story, step: Step, at: datetime) -> None:
        cases.add_note(case_id=story.ids["case"], text=step.words, by=self._hands(story), now=at)

    def _reported_done(self, story: Story, step: Step, at: datetime) -> None:
        photos = [_photo(story.motif, story, done=True)] if story.pictured else ()
        words = _whole_sentences(step.words)
        tasks.report_done(task_id=story.ids["task"], words=words, by=self._hands(story), now=at, photos=photos)

    def _answered(self, story: Story, step: Step, at: datetime) -> None:
        helped = step.kind is StepKind.HELPED
        # Now and then somebody does not say how content they are.
        content = ("satisfied", "satisfied", "partly", "")[story.turn % 4] if helped else "not"
        if story.by_link and story.message is not None:
            checks.answer_by_link(message=story.message, helped=helped, words=step.words, satisfied=content, now=at)
            return
        checks.conclude_check(
            check_id=story.ids["check"],
            result="helped" if helped else "not_helped",
            method="phone",
            words=step.words,
            satisfied=content,
            by=self._who("hotline_desk", story).user,
            now=at,
        )

    def _not_reached(self, story: Story, step: Step, at: datetime) -> None:
        checks.call_failed(check_id=story.ids["check"], by=self._who(step.role, story).user, now=at)

    def _unreachable(self, story: Story, step: Step, at: datetime) -> None:
        """The last call, and then a look on site."""
        self._not_reached(story, step, at)
        self._seen(story, step, at, "unreachable")

    def _verified(self, story: Story, step: Step, at: datetime) -> None:
        self._seen(story, step, at, "seen_done")

    def _seen(self, story: Story, step: Step, at: datetime, result: str) -> None:
        by = self._who(step.role, story).user
        checks.conclude_check(
            check_id=story.ids["check"], result=result, method="site", words=step.words, by=by, now=at
        )

    def _reopened(self, story: Story, step: Step, at: datetime) -> None:
        """It has been reopened by the answer; the street's clerk says what is expected."""
        by = self._who("street_clerk", story).user
        cases.add_note(case_id=story.ids["case"], text=step.words, by=by, now=at)

    def _withdrawn(self, story: Story, step: Step, at: datetime) -> None:
        if story.message is not None:
            cases.withdraw_case(message=story.message, now=at)


def _photo(motif: str, story: Story, *, done: bool) -> ContentFile[bytes]:
    return ContentFile(picture(motif, seed=story.turn, done=done), name="photo.jpg")


def _whole_sentences(text: str) -> str:
    """The text, or as many of its sentences as a report may have."""
    if len(text) <= LONGEST_WORDS:
        return text
    end = text.rfind("。", 0, LONGEST_WORDS)
    return text[: end + 1] if end > 0 else text[:LONGEST_WORDS]
