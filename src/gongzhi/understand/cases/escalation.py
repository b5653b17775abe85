"""What is late goes up, one step at a time: the next higher post sends a supervision slip (督办单) and gets an answer.

A case is late, or a co-handler's part in it, or a ruling about it. Each has its own deadline, its own rule for how far
and when it goes up, and the same slip.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.models import Post
from gongzhi.ground.access.reach import posts_of
from gongzhi.ground.access.roles import Role, roles_with
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record, record_many
from gongzhi.ground.ledger.events import Event
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place
from gongzhi.ground.places.paths import ancestors
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.understand.cases.asides import objected_to
from gongzhi.understand.cases.clocks import OF_A_PART, OF_A_RULING, limit, next_step_at, step_up_at, steps_up
from gongzhi.understand.cases.events import CaseEscalated, PartEscalated, RulingEscalated, SlipAnswered, SlipOpened
from gongzhi.understand.cases.models import RUNNING, Case, CoHandler, Ruling, Slip

BATCH: Final = 500
MOST: Final = 20  # batches of one run: the next run goes on
LONGEST: Final = 1000

_STEP: Final = ("escalation", "escalate_at", "version")

# At one place the later supervises.
_RANK: Final = (Role.COMMUNITY_SECRETARY, Role.STREET_CLERK, Role.STREET_LEADER)


def escalate(*, now: datetime) -> int:
    """Take the next step of everything whose time for it has come. Gives back how many slips went out."""
    return sum(_in_batches(take, now) for take in (_take_cases, _take_parts, _take_rulings))


def _in_batches(take: Callable[[datetime], tuple[int, int]], now: datetime) -> int:
    sent = 0
    for _batch in range(MOST):
        found, slips = take(now)
        sent += slips
        if found < BATCH:
            break
    return sent


@dataclass(frozen=True)
class _Late:
    """What has not been done in time: a case, a part of it or a ruling about it, and the post with which it lies."""

    case: Case
    thing: Case | CoHandler | Ruling
    role: str
    place_id: int

    def next_step(self, not_before: datetime) -> datetime | None:
        path = self.case.place_path
        match self.thing:
            case CoHandler(due_at=due, escalation=taken):
                return step_up_at(OF_A_PART, due, path, taken=taken, not_before=not_before)
            case Ruling(due_at=due, escalation=taken):
                return step_up_at(OF_A_RULING, due, path, taken=taken, not_before=not_before)
        return next_step_at(self.case, not_before=not_before)

    def event(self) -> Event:
        match self.thing:
            case CoHandler(pk=pk, escalation=step):
                return PartEscalated(case_id=self.case.pk, part_id=pk, step=step)
            case Ruling(pk=pk, escalation=step):
                return RulingEscalated(case_id=self.case.pk, ruling_id=pk, step=step)
        return CaseEscalated(case_id=self.case.pk, step=self.case.escalation)


# --- one batch of what is due: (how many were looked at, how many slips went out). Two workers take different ones ---


@transaction.atomic
def _take_cases(now: datetime) -> tuple[int, int]:
    due = Case.objects.filter(escalate_at__lte=now).order_by("escalate_at")
    cases = list(due.select_for_update(of=("self",), skip_locked=True)[:BATCH])
    late: list[_Late] = []
    for case in cases:
        if _goes_up(case):
            # An open case has a lead: the database says so.
            late.append(_Late(case, case, case.lead_role, case.lead_place_id or 0))
        else:
            case.escalate_at = None
    slips = _go_up(late, now)
    Case.objects.bulk_update(cases, _STEP, batch_size=200)
    return len(cases), slips


def _goes_up(case: Case) -> bool:
    return (
        case.state in RUNNING
        and case.due_at is not None
        and case.escalation < len(steps_up(case.place_path, case.due_at))
    )


def _take_parts(now: datetime) -> tuple[int, int]:
    due = CoHandler.objects.filter(state=CoHandler.State.ASKED, escalate_at__lte=now)
    if not due.exists():
        return 0, 0
    with transaction.atomic():
        cases = _their_cases(due.order_by("escalate_at").values_list("case_id", flat=True)[:BATCH])
        parts = list(due.select_for_update(of=("self",)).filter(case_id__in=cases).order_by("escalate_at")[:BATCH])
        late: list[_Late] = []
        for part in parts:
            part.case = cases[part.case_id]
            if part.escalation < len(steps_up(part.case.place_path, part.due_at, OF_A_PART)):
                late.append(_Late(part.case, part, part.role, part.place_id))
            else:
                part.escalate_at = None
        slips = _go_up(late, now)
        CoHandler.objects.bulk_update(parts, _STEP, batch_size=200)
    return len(parts), slips


def _take_rulings(now: datetime) -> tuple[int, int]:
    due = Ruling.objects.filter(state=Ruling.State.OPEN, escalate_at__lte=now)
    if not due.exists():
        return 0, 0
    with transaction.atomic():
        cases = _their_cases(due.order_by("escalate_at").values_list("case_id", flat=True)[:BATCH])
        asked = list(due.select_for_update(of=("self",)).filter(case_id__in=cases).order_by("escalate_at")[:BATCH])
        late: list[_Late] = []
        for ruling in asked:
            ruling.case = cases[ruling.case_id]
        seats = rulers_of(asked, now)
        for ruling in asked:
            if ruling.escalation < len(steps_up(ruling.case.place_path, ruling.due_at, OF_A_RULING)):
                late.append(_Late(ruling.case, ruling, *seats[ruling.pk]))
            else:
                ruling.escalate_at = None
        slips = _go_up(late, now)
        Ruling.objects.bulk_update(asked, _STEP, batch_size=200)
    return len(asked), slips


def _their_cases(ids: Iterable[int]) -> dict[int, Case]:
    """The cases of what is late, locked: the case first, as everywhere. Those that somebody works on wait."""
    chosen = set(ids)
    rows = Case.objects.select_for_update(of=("self",), skip_locked=True).filter(pk__in=chosen)
    return {case.pk: case for case in rows}


def _go_up(late: Sequence[_Late], now: datetime) -> int:
    """One step up and one slip for each. Who calls it saves the rows."""
    if not late:
        return 0
    above = _Supervisors(timezone.localdate(now), late)
    earlier = Slip.objects.filter(case__in={one.case.pk for one in late}).values("case_id").annotate(count=Count("pk"))
    counted = Counter(dict(earlier.values_list("case_id", "count")))
    slips: list[Slip] = []
    for one in late:
        thing, case = one.thing, one.case
        thing.version += 1
        thing.escalation += 1
        counted[case.pk] += 1
        answer_due = limit("cases.slip_limit", case.place_path, now)
        # The next step waits until this slip should have been answered, however late it is already.
        thing.escalate_at = one.next_step(answer_due)
        supervisor = above.of(one)
        slips.append(
            Slip(
                case=case,
                part=thing if isinstance(thing, CoHandler) else None,
                ruling=thing if isinstance(thing, Ruling) else None,
                number=f"{case.number}-{counted[case.pk]}",
                step=thing.escalation,
                role=one.role,
                place_id=one.place_id,
                supervisor_role=supervisor.role if supervisor is not None else "",
                supervisor_place_id=supervisor.place_id if supervisor is not None else None,
                place_path=supervisor.place_path if supervisor is not None else case.place_path,
                opened_at=now,
                due_at=answer_due,
            )
        )
    Slip.objects.bulk_create(slips)
    steps: list[tuple[Event, Recorded]] = []
    for one, slip in zip(late, slips, strict=True):
        steps.append((one.event(), one.thing))
        steps.append((SlipOpened(case_id=one.case.pk, slip_id=slip.pk), slip))
    record_many(steps, by=None, now=now, place=_place_of)
    return len(slips)


def _place_of(row: Recorded) -> str:
    return row.case.place_path if isinstance(row, CoHandler | Ruling) else str(getattr(row, "place_path", ""))


# --- who is asked, and who asks ------------------------------------------------------------------------------------


def rulers_of(asked: Sequence[Ruling], now: datetime) -> dict[int, tuple[str, int]]:
    """Which post of the place that rules has to answer for each: of those that may rule on it, the first in line."""
    posts = Post.objects.current(timezone.localdate(now)).filter(
        role__in=sorted(roles_with("cases.rule")), place_id__in={one.place_id for one in asked}, user__is_active=True
    )
    order = {role: rank for rank, role in enumerate(_RANK)}
    there: dict[int, list[Post]] = {}
    for post in sorted(posts, key=lambda post: (order.get(Role(post.role), -1), post.pk)):
        there.setdefault(post.place_id, []).append(post)
    seats = {}
    for one in asked:
        sent_back = (one.asked_role, one.asked_place_id) if one.kind == Ruling.Kind.NOT_OURS else None
        never = objected_to(one.case, one.kind) | {one.asked_by_id}
        able = [
            post
            for post in there.get(one.place_id, ())
            if post.user_id not in never and (post.role, post.place_id) != sent_back
        ]
        seats[one.pk] = (able[0].role if able else _RANK[-1].value, one.place_id)
    return seats


class _Supervisors:
    """Who asks a late post, read once for a batch: one post a place on the way up, above the late one's own."""

    def __init__(self, on: date, late: Sequence[_Late]) -> None:
        paths = {path for one in late for path in ancestors(one.case.place_path)}
        posts = Post.objects.current(on).filter(role__in=sorted(roles_with("cases.supervise")), place_path__in=paths)
        order = {role: rank for rank, role in enumerate(_RANK)}
        self.rank = {role.value: rank for role, rank in order.items()}
        self.by_path: dict[str, list[Post]] = {}
        for post in sorted(posts, key=lambda post: (-self.rank.get(post.role, -1), post.pk)):
            self.by_path.setdefault(post.place_path, []).append(post)
        self.paths = dict(Place.objects.filter(pk__in={one.place_id for one in late}).values_list("pk", "path"))

    def of(self, one: _Late) -> Post | None:
        """Step one: the nearest post above the late one. Each further step a place higher, and at last the highest."""
        own_path = self.paths.get(one.place_id, one.case.place_path)
        chain: list[Post] = []
        highest: Post | None = None
        for path in ancestors(one.case.place_path):
            here = [
                post for post in self.by_path.get(path, ()) if (post.role, post.place_id) != (one.role, one.place_id)
            ]
            if not here:
                continue
            highest = here[0]
            above = len(path) < len(own_path) or (
                path == own_path and self.rank.get(here[0].role, -1) > self.rank.get(one.role, -1)
            )
            if above:
                chain.append(here[0])
        if not chain:
            return highest  # a late post above the whole street: the street asks for its own people
        return chain[min(one.thing.escalation, len(chain)) - 1]


@transaction.atomic
def answer_slip(*, slip_id: int, answer: str, by: User, now: datetime) -> Slip:
    """Why it is late, what is done now and until when: from the post to which the slip is addressed."""
    slip = Slip.objects.visible_to(by).select_for_update(of=("self",)).select_related("case").filter(pk=slip_id).first()
    if slip is None:
        raise NotThere()
    addressed = (slip.role, slip.place_id)
    own = [post for post in posts_of(by, timezone.localdate(now)) if (post.role, post.place_id) == addressed]
    if not own:
        raise Refusal(_("This slip is addressed to another post."), status=403)
    if slip.state != Slip.State.OPEN:
        raise Refusal(_("This slip needs no answer any more."))
    clean = answer.replace("\x00", "").strip()
    if len(clean) < 4:
        raise Refusal(_("Say why it is late and what happens now."), field="answer", status=422)
    if len(clean) > LONGEST:
        raise Refusal(_("At most %(count)d characters, please.") % {"count": LONGEST}, field="answer", status=422)
    slip.state, slip.answer, slip.answered_at, slip.answered_by = Slip.State.ANSWERED, clean, now, by
    record(
        SlipAnswered(case_id=slip.case_id, slip_id=slip.pk),
        about=slip,
        by=by,
        now=now,
        post=own[0],
        place=slip.case.place_path,
        save=("state", "answer", "answered_at", "answered_by"),
    )
    return slip
