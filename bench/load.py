"""Fill an empty PostgreSQL database with as many cases as a large street gathers in two years.

    DATABASE_URL=postgres://… python -m bench.load [--cases 100000] [--seed 2026]

Places, grids, staff, texts and handling times are the demonstration's. The stories are not played through the actions
(that would take hours) but written with COPY: the same rows and the same entries, with right fingerprints and steps,
so that ``gongzhi ledger verify`` has nothing to find.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

DAYS = 730
TOLD = 40_000  # stories that are told one by one; a larger house is made of copies (bench/multiply.py)
REACTION = timedelta(milliseconds=300)  # so long after its cause the circuit has reacted


def start_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.config.settings")
    import django

    django.setup()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--told", type=int, default=TOLD, help="stories told one by one; the rest are copies")
    chosen = options.parse_args()
    start_django()
    from django.utils import timezone

    fill(chosen.cases, seed=chosen.seed, now=timezone.now(), most=chosen.told)


def fill(count: int, *, seed: int, now: datetime, say: Callable[[str], None] = print, most: int = TOLD) -> None:
    """Migrate, set up the two towns and their staff, and write ``count`` cases of the two years before ``now``."""
    from django.db import connection, transaction

    from gongzhi.config import preparation
    from gongzhi.config.demonstration.generate import cases
    from gongzhi.ground.ledger.jobs import seal_entries

    if connection.vendor != "postgresql":
        raise SystemExit("bench.load writes with COPY: set DATABASE_URL to a PostgreSQL database")
    preparation.migrate()
    gc.disable()  # millions of objects that all stay: looking for rubbish among them takes most of the time
    began = time.perf_counter()

    def done(what: str) -> None:
        nonlocal began
        say(f"  {what:44}{time.perf_counter() - began:7.1f} s")
        began = time.perf_counter()

    with transaction.atomic():
        book = Book(found_town(seed, now - timedelta(days=DAYS + 30)))
        done("the two towns and their staff")
        copies = max(0, round(count / most) - 1)
        told_count = count // (copies + 1)
        for told in cases(seed, now=now, days=DAYS, count=told_count):
            book.tell(told)
        done(f"{told_count:,} cases thought up")
        book.write()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    done(f"{sum(book.written.values()):,} rows written")
    for name, rows in book.written.items():
        say(f"    {rows:>10,} {name}")
    seal_entries(now=now)
    done("the record sealed")
    understand(now)
    done("words indexed, texts signed, suggestions made")
    if copies:
        from bench.multiply import multiply

        multiply(copies, say=say)
        done(f"{copies} copies")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    done("VACUUM ANALYZE")


def understand(now: datetime) -> None:
    """What the rooms of understanding write about every case, by their own bulk functions."""
    from django.db import transaction

    from gongzhi.understand.cases.events import CaseOpened
    from gongzhi.understand.cases.models import Case
    from gongzhi.understand.duplicates import jobs as duplicates
    from gongzhi.understand.search import actions as search
    from gongzhi.understand.suggestions import actions as suggestions

    for _done in search.rebuild():
        pass
    duplicates.count_grams(now=now, anyway=True)
    while duplicates.sign_missing(now=now):
        pass
    fresh = list(Case.objects.filter(state="new").values_list("pk", flat=True))
    with transaction.atomic():
        suggestions.suggest([CaseOpened(case_id=pk, message_id=pk) for pk in fresh], entries=[], now=now)


def path_of(code: str) -> str:
    """The path of a code of 12 digits (filled up with zeros) or 15 (a grid)."""
    while len(code) in (9, 12) and code.endswith("000"):
        code = code[:-3]
    return code


def found_town(seed: int, now: datetime) -> list[Any]:
    """Places, categories, the matrix and somebody in every post; gives the posts."""
    from gongzhi.config.demonstration.generate import staff
    from gongzhi.config.demonstration.ground import places
    from gongzhi.ground.access.actions import grant_post
    from gongzhi.ground.accounts.models import User
    from gongzhi.ground.places.demonstration import load_demonstration
    from gongzhi.ground.places.models import Place
    from gongzhi.understand.cases.loading import load_categories, load_responsibilities

    load_demonstration(now=now)
    load_categories()
    rural = {path_of(place.town_code) for place in places() if not place.urban}
    load_responsibilities(everywhere=Place.objects.get(path="110108"), rural=Place.objects.filter(path__in=rural))
    district = User(username="district", name="区热线")  # somebody who sees every street
    district.set_unusable_password()
    district.save()
    posts = []
    county = Place.objects.get(path="110108")
    grant_post(user=district, role="hotline_desk", place=county, starts_on=now.date(), reason="bench", by=None, now=now)
    for one in staff(seed):
        user = User(username=one.username, name=one.name)
        user.set_unusable_password()
        user.save()
        place = Place.objects.get(path=path_of(one.place_code))
        posts.append(
            grant_post(user=user, role=one.role, place=place, starts_on=now.date(), reason="bench", by=None, now=now)
        )
    return posts


class Book:
    """The rows and entries of all cases, before they are written."""

    def __init__(self, posts: Sequence[Any]) -> None:
        from gongzhi.ground.places.models import Place
        from gongzhi.understand.cases.responsibility import Desks

        self.posts: dict[tuple[str, str], Any] = {}
        for post in posts:
            self.posts.setdefault((post.role, post.place_path), post)
        self.by_role: dict[str, list[Any]] = {}
        for post in posts:
            self.by_role.setdefault(post.role, []).append(post)
        self.places = {place.path: place for place in Place.objects.filter(path__startswith="110108")}
        self.desks = Desks(max(post.starts_on for post in posts))
        self.messages: list[Any] = []
        self.cases: list[Any] = []
        self.voices: list[Any] = []
        self.tasks: list[Any] = []
        self.checks: list[Any] = []
        self.notes: list[Any] = []
        self.entries: list[tuple[Any, ...]] = []
        self.written: dict[str, int] = {}

    def holder(self, role: str, path: str) -> Any:
        """The post of this role at the place or nearest above it, else one in the street, else the street's clerk."""
        for length in range(len(path), 5, -1):
            if (post := self.posts.get((role, path[:length]))) is not None:
                return post
        below = (post for post in self.by_role.get(role, ()) if post.place_path.startswith(path[:9]))
        return next(below, None) or self.posts["street_clerk", path[:9]]

    def enter(self, event: Any, row: Any, post: Any, at: datetime) -> None:
        """One entry about the row as it is now."""
        self.entries.append(
            (
                event.name,
                row.noun(),
                row.pk,
                row.version,
                getattr(row, "place_path", None) or getattr(row, "case", row).place_path,
                post.user_id if post is not None else None,
                post.pk if post is not None else None,
                at,
                vars(event),  # flat, of plain values
                row.fingerprint(),
            )
        )

    def change(self, event: Any, row: Any, post: Any, at: datetime, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(row, name, value)
        row.version += 1
        self.enter(event, row, post, at)

    def tell(self, told: Any) -> None:
        Story(self, told).tell()

    # --- writing --------------------------------------------------------------------------------------------------

    def write(self) -> None:
        from django.core.management.color import no_style
        from django.db import connection

        from gongzhi.act.tasks.models import Task
        from gongzhi.ground.ledger.models import Entry
        from gongzhi.loop.models import Delivery
        from gongzhi.sense.channels.models import Message
        from gongzhi.understand.cases.models import Case, Note, Voice
        from gongzhi.verify.checks.models import Check

        for model, rows in (
            (Message, self.messages),
            (Case, self.cases),
            (Voice, self.voices),
            (Task, self.tasks),
            (Check, self.checks),
            (Note, self.notes),
        ):
            fields = model._meta.concrete_fields
            self.copy(model, fields, ([field.pre_save(row, True) for field in fields] for row in rows))
        # In the order of time, as they would have been recorded; a step never comes before the one that precedes it.
        self.entries.sort(key=lambda entry: entry[7])
        first = (Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
        numbered = ((first + index, *entry) for index, entry in enumerate(self.entries))
        self.copy(Entry, Entry._meta.concrete_fields, numbered)
        delivered = (
            (None, first + index, wire, entry[7] + REACTION)
            for index, entry in enumerate(self.entries)
            for wire in wires_of(entry[0])
        )
        self.copy(Delivery, Delivery._meta.concrete_fields[1:], (row[1:] for row in delivered))
        models = [Message, Case, Voice, Task, Check, Note, Entry]
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), models):
                cursor.execute(statement)

    def copy(self, model: Any, fields: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
        from django.db import connection

        columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
        count = 0
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(
                        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]
                    )
                    count += 1
            # What was deferred to the end of the transaction, now, so that memory stays small.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        self.written[model.__name__] = count


@cache
def wires_of(event: str) -> tuple[str, ...]:
    from gongzhi.loop.circuit import CIRCUIT

    return tuple(wire.name for wire in CIRCUIT if wire.event.name == event and wire.only is None)


class Story:
    """One demand and what became of it, as rows and entries."""

    def __init__(self, book: Book, told: Any) -> None:
        self.book, self.told = book, told
        self.grid = book.places.get(told.grid_code)
        self.community = book.places[path_of(told.community_code)]
        self.lead: Any = None  # the post that leads
        self.task: Any = None
        self.check: Any = None
        self.rounds = 0

    def tell(self) -> None:
        from gongzhi.config.demonstration.generate import StepKind
        from gongzhi.sense.channels.events import MessageReceived
        from gongzhi.sense.channels.models import Message
        from gongzhi.understand.cases.actions import new_case
        from gongzhi.understand.cases.events import CaseOpened
        from gongzhi.understand.cases.models import Voice

        book, told = self.book, self.told
        number = len(book.messages) + 1
        at = told.received_at
        place = self.grid or (self.community if told.point is None else None)
        desk = {"phone": "hotline_desk", "visit": "community_clerk"}.get(told.channel, "")
        entered = book.holder(desk, self.community.path) if desk else None
        message = Message(
            pk=number,
            number=f"{at:%y%m%d}-{number:07d}",
            channel=told.channel,
            received_at=at,
            text=told.text,
            category=told.guess,
            place=place,
            place_path=place.path if place is not None else "",
            address=told.address,
            lon=told.point[0] if told.point else None,
            lat=told.point[1] if told.point else None,
            reporter_name=told.reporter.name if told.reporter else "",
            reporter_phone=told.reporter.phone if told.reporter else "",
            answer_by=told.answer_by,
            language="zh-hans",
            entered_by_id=entered.user_id if entered is not None else None,
            idempotency_key=f"{told.key}",
        )
        book.messages.append(message)
        book.enter(MessageReceived(message_id=number, channel=told.channel), message, entered, at)
        if place is None:
            message.nearest = self.community  # who looks for the place
            message.nearest_metres = 400
        self.case = case = new_case(message, now=at, desks=book.desks)
        case.pk = number
        book.cases.append(case)
        book.voices.append(Voice(pk=number, case=case, first_case=case, message=message))
        book.enter(CaseOpened(case_id=number, message_id=number), case, None, at + REACTION)
        meanings: dict[str, Callable[[Any], None]] = {
            StepKind.SORTED: self.sorted,
            StepKind.PASSED_ON: self.passed_on,
            StepKind.SENT_BACK: self.sent_back,
            StepKind.ACCEPTED: self.accepted,
            StepKind.NOTED: self.noted,
            StepKind.REPORTED_DONE: self.reported,
            StepKind.NOT_REACHED: self.not_reached,
            StepKind.HELPED: lambda step: self.passed(step, "helped", "helped"),
            StepKind.VERIFIED: lambda step: self.passed(step, "seen_done", "verified"),
            StepKind.UNREACHABLE: lambda step: self.passed(step, "unreachable", "unreachable"),
            StepKind.NOT_HELPED: self.not_helped,
            StepKind.WITHDRAWN: self.withdrawn,
        }
        for step in told.steps:
            if step.kind in meanings:
                meanings[step.kind](step)

    def sorted(self, step: Any) -> None:
        from gongzhi.understand.cases import clocks
        from gongzhi.understand.cases.events import CaseSorted
        from gongzhi.understand.cases.tree import category_by_code

        case = self.case
        clerk = self.book.holder(step.role, self.community.path)
        if not case.placed:
            case.place, case.place_path, case.placed = self.community, self.community.path, True
        case.category = category_by_code(self.told.category)
        clocks.start_clock(case, since=case.opened_at)
        self.book.change(
            CaseSorted(case_id=case.pk, category_id=case.category_id), case, clerk, step.at, sorted_at=step.at
        )
        self.assign(step, clerk)

    def assign(self, step: Any, clerk: Any) -> None:
        from gongzhi.understand.cases.events import CaseAssigned

        case = self.case
        self.lead = self.book.holder(step.to_role, case.place_path)
        event = CaseAssigned(
            case_id=case.pk,
            role=self.lead.role,
            place_id=self.lead.place_id,
            from_role=case.lead_role,
            from_place_id=case.lead_place_id,
        )
        self.book.change(
            event, case, clerk, step.at, state="assigned", lead_role=self.lead.role, lead_place=self.lead.place
        )
        self.open_task(step.at + REACTION)

    def open_task(self, at: datetime) -> None:
        from gongzhi.act.tasks.events import TaskOpened
        from gongzhi.act.tasks.models import Task

        case = self.case
        self.rounds += 1
        self.task = Task(
            pk=len(self.book.tasks) + 1,
            case=case,
            round=self.rounds,
            role=self.lead.role,
            place=self.lead.place,
            place_path=case.place_path,
            due_at=case.due_at,
            yellow_at=case.yellow_at,
            opened_at=at,
        )
        self.book.tasks.append(self.task)
        self.book.enter(TaskOpened(task_id=self.task.pk, case_id=case.pk), self.task, None, at)

    def passed_on(self, step: Any) -> None:
        self.assign(step, self.book.holder("street_clerk", self.community.path))

    def sent_back(self, step: Any) -> None:
        from gongzhi.act.tasks.events import TaskReturned
        from gongzhi.understand.cases.events import CaseTakenBack

        case, task = self.case, self.task
        desk = self.book.desks.of(case.place_path)
        self.book.change(
            TaskReturned(task_id=task.pk, case_id=case.pk), task, self.lead, step.at,
            state="returned", ended_at=step.at, ended_by_id=self.lead.user_id, return_reason=step.words[:300],
        )  # fmt: skip
        self.book.change(
            CaseTakenBack(case_id=case.pk, task_id=task.pk), case, None, step.at + REACTION,
            state="new", lead_role=desk.role, lead_place_id=desk.place_id,
        )  # fmt: skip

    def accepted(self, step: Any) -> None:
        from gongzhi.act.tasks.events import TaskAccepted

        self.book.change(
            TaskAccepted(task_id=self.task.pk, case_id=self.case.pk), self.task, self.lead, step.at,
            state="accepted", accepted_at=step.at, accepted_by_id=self.lead.user_id,
        )  # fmt: skip

    def noted(self, step: Any) -> None:
        from gongzhi.understand.cases.events import NoteAdded
        from gongzhi.understand.cases.models import Note

        note = Note(
            pk=len(self.book.notes) + 1, case=self.case, text=step.words, by_id=self.lead.user_id, post=self.lead,
            at=step.at,
        )  # fmt: skip
        self.book.notes.append(note)
        self.book.enter(NoteAdded(case_id=self.case.pk, note_id=note.pk), note, self.lead, step.at)

    def reported(self, step: Any) -> None:
        from gongzhi.act.tasks.events import TaskReported
        from gongzhi.understand.cases.events import CaseAwaitsCheck
        from gongzhi.verify.checks.events import CheckAsked
        from gongzhi.verify.checks.models import Check

        case, task, worker = self.case, self.task, self.lead
        words = step.words if len(step.words) <= 500 else step.words[:499] + "…"
        self.book.change(
            TaskReported(task_id=task.pk, case_id=case.pk), task, worker, step.at,
            state="done", ended_at=step.at, ended_by_id=worker.user_id, words=words,
        )  # fmt: skip
        later = step.at + REACTION
        self.book.change(
            CaseAwaitsCheck(case_id=case.pk, task_id=task.pk), case, None, later,
            state="to_check", worker_id=worker.user_id, done_at=step.at,
        )  # fmt: skip
        by_link = self.told.answer_by == "link"
        self.check = check = Check(
            pk=len(self.book.checks) + 1,
            case=case,
            task=task,
            place_path=case.place_path,
            worker_id=worker.user_id,
            worker_role=worker.role,
            worker_place_id=worker.place_id,
            state="asked" if by_link else "at_desk",
            asked_at=later + REACTION,
            answer_until=later + timedelta(days=7) if by_link else None,
            due_at=None if by_link else later + timedelta(days=2),
        )
        self.book.checks.append(check)
        self.book.enter(CheckAsked(check_id=check.pk, case_id=case.pk, by_link=by_link), check, None, later + REACTION)

    def not_reached(self, step: Any) -> None:
        from gongzhi.verify.checks.events import CallFailed

        check = self.check
        event = CallFailed(check_id=check.pk, case_id=self.case.pk, attempt=check.attempts + 1)
        self.book.change(event, check, self.checker(), step.at, attempts=check.attempts + 1, state="at_desk")

    def checker(self) -> Any:
        path = self.community.path
        for role in ("community_clerk", "street_clerk", "hotline_desk"):
            post = self.book.holder(role, path)
            if post.user_id != self.lead.user_id:
                return post
        raise LookupError("nobody but the worker could check")

    def passed(self, step: Any, result: str, closed_as: str) -> None:
        from gongzhi.understand.cases.events import CaseClosed
        from gongzhi.verify.checks.events import CheckPassed

        case = self.case
        self.conclude(CheckPassed, step, result, "passed")
        self.book.change(
            CaseClosed(case_id=case.pk, closed_as=closed_as), case, None, step.at + REACTION,
            state="closed", closed_at=step.at, closed_as=closed_as, outcome=self.task.words,
        )  # fmt: skip

    def conclude(self, kind: Any, step: Any, result: str, state: str) -> None:
        check = self.check
        told = result in ("helped", "not_helped")
        by_link = told and check.state == "asked"
        post = None if by_link else self.checker()
        self.book.change(
            kind(check_id=check.pk, case_id=self.case.pk, result=result), check, post, step.at,
            state=state, result=result, method="link" if by_link else "phone" if told else "site",
            words=step.words[:1000], by_id=post.user_id if post is not None else None, concluded_at=step.at,
        )  # fmt: skip

    def not_helped(self, step: Any) -> None:
        from gongzhi.understand.cases import clocks
        from gongzhi.understand.cases.events import CaseReopened
        from gongzhi.verify.checks.events import CheckFailed

        case = self.case
        self.conclude(CheckFailed, step, "not_helped", "failed")
        later = step.at + REACTION
        clocks.start_clock(case, since=later)
        self.book.change(
            CaseReopened(case_id=case.pk, role=case.lead_role, place_id=case.lead_place_id), case, None, later,
            state="assigned", worker=None, done_at=None, reopened=case.reopened + 1,
        )  # fmt: skip
        self.open_task(later + REACTION)

    def withdrawn(self, step: Any) -> None:
        from gongzhi.act.tasks.events import TaskCancelled
        from gongzhi.understand.cases.events import CaseWithdrawn

        case, task = self.case, self.task
        self.book.change(
            CaseWithdrawn(case_id=case.pk), case, None, step.at,
            state="withdrawn", closed_at=step.at, closed_as="withdrawn",
        )  # fmt: skip
        if task is not None and task.state in ("open", "accepted"):
            later = step.at + REACTION
            self.book.change(
                TaskCancelled(task_id=task.pk, case_id=case.pk), task, None, later, state="cancelled", ended_at=later
            )


def sample_closed(path: str, count: int) -> Iterator[tuple[str, str]]:
    """(case number, follow token) of so many closed cases below a place, spread over the two years."""
    from gongzhi.ground.places.paths import below
    from gongzhi.sense.channels.follow import token_of
    from gongzhi.sense.channels.models import Message
    from gongzhi.understand.cases.models import Case

    closed = Case.objects.filter(below(path, "place_path"), state="closed").order_by("pk")
    every = max(1, closed.count() // count)
    numbers = list(closed.values_list("number", flat=True)[::every])[:count]
    for message in Message.objects.filter(number__in=numbers).order_by("pk"):
        yield message.number, token_of(message)


if __name__ == "__main__":
    main()
