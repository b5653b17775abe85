"""Late cases go up, one step at a time: the next higher post sends a supervision slip (督办单) and gets an answer."""

from __future__ import annotations

from collections.abc import Sequence
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
from gongzhi.understand.cases.clocks import limit, next_step_at, steps_up
from gongzhi.understand.cases.events import CaseEscalated, SlipAnswered, SlipOpened
from gongzhi.understand.cases.models import RUNNING, Case, Slip

BATCH: Final = 500
MOST: Final = 20  # batches of one run: the next run goes on
LONGEST: Final = 1000

# At one place the later supervises.
_RANK: Final = (Role.COMMUNITY_SECRETARY, Role.STREET_CLERK, Role.STREET_LEADER)


def escalate(*, now: datetime) -> int:
    """Take the next step of every case whose time for it has come. Gives back how many slips went out."""
    sent = 0
    for _batch in range(MOST):
        found, slips = _take(now)
        sent += slips
        if found < BATCH:
            break
    return sent


@transaction.atomic
def _take(now: datetime) -> tuple[int, int]:
    """One batch: (how many cases were looked at, how many slips went out). Two workers take different ones."""
    due = Case.objects.filter(escalate_at__lte=now).order_by("escalate_at")
    cases = list(due.select_for_update(of=("self",), skip_locked=True)[:BATCH])
    if not cases:
        return 0, 0
    above = _Supervisors(timezone.localdate(now), cases)
    earlier = Slip.objects.filter(case__in=cases).values("case_id").annotate(count=Count("pk"))
    counted = dict(earlier.values_list("case_id", "count"))
    late: list[Case] = []
    slips: list[Slip] = []
    for case in cases:
        if not _goes_up(case):
            case.escalate_at = None
            continue
        case.version += 1
        case.escalation += 1
        answer_due = limit("cases.slip_limit", case.place_path, now)
        # The next step waits until this slip should have been answered, however late the case is already.
        case.escalate_at = next_step_at(case, not_before=answer_due)
        supervisor = above.of(case)
        late.append(case)
        slips.append(
            Slip(
                case=case,
                number=f"{case.number}-{counted.get(case.pk, 0) + 1}",
                step=case.escalation,
                role=case.lead_role,
                place_id=case.lead_place_id or 0,  # an open case has a lead: the database says so
                supervisor_role=supervisor.role if supervisor is not None else "",
                supervisor_place_id=supervisor.place_id if supervisor is not None else None,
                place_path=supervisor.place_path if supervisor is not None else case.place_path,
                opened_at=now,
                due_at=answer_due,
            )
        )
    Slip.objects.bulk_create(slips)
    Case.objects.bulk_update(cases, ["escalation", "escalate_at", "version"], batch_size=200)
    steps: list[tuple[Event, Recorded]] = []
    for case, slip in zip(late, slips, strict=True):
        steps.append((CaseEscalated(case_id=case.pk, step=slip.step), case))
        steps.append((SlipOpened(case_id=case.pk, slip_id=slip.pk), slip))
    record_many(steps, by=None, now=now)
    return len(cases), len(slips)


def _goes_up(case: Case) -> bool:
    return (
        case.state in RUNNING
        and case.due_at is not None
        and case.escalation < len(steps_up(case.place_path, case.due_at))
    )


class _Supervisors:
    """Who asks a late lead, read once for a batch: one post a place on the way up, above the lead's own."""

    def __init__(self, on: date, cases: Sequence[Case]) -> None:
        paths = {path for case in cases for path in ancestors(case.place_path)}
        posts = Post.objects.current(on).filter(role__in=sorted(roles_with("cases.supervise")), place_path__in=paths)
        order = {role: rank for rank, role in enumerate(_RANK)}
        self.rank = {role.value: rank for role, rank in order.items()}
        self.by_path: dict[str, list[Post]] = {}
        for post in sorted(posts, key=lambda post: (-self.rank.get(post.role, -1), post.pk)):
            self.by_path.setdefault(post.place_path, []).append(post)
        leads = {case.lead_place_id for case in cases if case.lead_place_id is not None}
        self.paths = dict(Place.objects.filter(pk__in=leads).values_list("pk", "path"))

    def of(self, case: Case) -> Post | None:
        """Step one: the nearest post above the lead. Each further step one place higher, and at last the highest."""
        lead_path = self.paths.get(case.lead_place_id or 0, case.place_path)
        chain: list[Post] = []
        highest: Post | None = None
        for path in ancestors(case.place_path):
            here = [post for post in self.by_path.get(path, ()) if not self._is_lead(post, case)]
            if not here:
                continue
            highest = here[0]
            above = len(path) < len(lead_path) or (
                path == lead_path and self.rank.get(here[0].role, -1) > self.rank.get(case.lead_role, -1)
            )
            if above:
                chain.append(here[0])
        if not chain:
            return highest  # a lead above the whole street: the street asks for its own people
        return chain[min(case.escalation, len(chain)) - 1]

    @staticmethod
    def _is_lead(post: Post, case: Case) -> bool:
        return (post.role, post.place_id) == (case.lead_role, case.lead_place_id)


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
