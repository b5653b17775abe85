"""Same matter, many voices: one case is handled, everybody behind it is told and asked. A merge can be undone.

The case that goes in (the source) keeps its number, its story and its place; its voices move to the other one (the
target). Only open cases that are not merged themselves take others in, and both rows are locked in the order of
their ids, so no circle can come about.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.ground.access.actions import require
from gongzhi.ground.access.models import Post
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal, Stale
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.actions import StaleEdit, _end_pause
from gongzhi.understand.cases.asides import let_go
from gongzhi.understand.cases.clocks import CLOCK, start_clock
from gongzhi.understand.cases.events import CasesMerged, CasesUnmerged, CaseWithdrawn, VoicesCame, VoicesLeft
from gongzhi.understand.cases.models import Case, Move, State, Voice
from gongzhi.understand.cases.voices import JOINABLE, is_private

VERB = "cases.merge"


@transaction.atomic
def merge_cases(*, source_id: int, target_id: int, by: User, now: datetime, version: int | None = None) -> Case:
    """Handle one case together with another. Gives back the target, behind which all voices stand now.

    ``version`` is that of the source as it was read. Needs the right at both places.
    """
    if source_id == target_id:
        raise Refusal(_("A case cannot be merged into itself."), field="target", status=422)
    seen = Case.objects.visible_to(by).filter(pk__in=(source_id, target_id))
    found = {case.pk: case for case in seen.select_for_update(of=("self",)).order_by("pk")}
    if len(found) < 2:
        raise NotThere()
    source, target = found[source_id], found[target_id]
    post = require(by, VERB, source.place_path, now)
    require(by, VERB, target.place_path, now)
    if version is not None and version != source.version:
        raise StaleEdit(source, version)
    _merge(source, target, by=by, post=post, now=now)
    return target


@transaction.atomic
def join_case(*, message: Message, target_id: int, now: datetime) -> Case:
    """A reporter says "that is mine too" after sending: their own case goes into the one that neighbours reported."""
    own = Voice.objects.filter(message=message).values_list("case_id", flat=True)
    case_id = next(iter(own), None)
    if case_id is None:
        raise Refusal(_("Your report is still being read. Please try again in a moment."))
    rows = Case.objects.select_for_update(of=("self",)).filter(pk__in=(case_id, target_id)).order_by("pk")
    found = {case.pk: case for case in rows}
    if target_id not in found:
        raise NotThere()
    if not own.filter(case_id=case_id).exists():
        raise Stale(_("Somebody else changed this a moment ago. Please look at it again."), status=409)
    source, target = found[case_id], found[target_id]
    if source.pk == target.pk:
        return target  # asked twice
    if source.voices.exclude(message=message).exists():
        raise Refusal(_("Others have joined your report meanwhile; the desk puts the two together."))
    _merge(source, target, by=None, post=None, now=now)
    return target


def _merge(source: Case, target: Case, *, by: User | None, post: Post | None, now: datetime) -> None:
    _must_fit(source, target)
    was = source.state
    source.go(Move.MERGE)
    source.merged_into, source.closed_at, source.closed_as = target, now, Case.ClosedAs.MERGED
    source.escalate_at = None
    _end_pause(source)
    source.voice_count = Voice.objects.filter(case=source).speaking().count()
    Voice.objects.filter(case=source).update(case=target)
    record(
        CasesMerged(case_id=source.pk, target_id=target.pk, voices=source.voice_count, was=was),
        about=source,
        by=by,
        now=now,
        post=post,
        place=source.place_path,
        save=(
            "state", "merged_into", "closed_at", "closed_as", "escalate_at", "voice_count",
            "paused_at", "pause_kind", "pause_reason", "review_on", "left",
        ),
    )  # fmt: skip
    let_go(source, now)
    target.voice_count = Voice.objects.filter(case=target).speaking().count()
    record(
        VoicesCame(case_id=target.pk, from_case_id=source.pk, voices=source.voice_count),
        about=target,
        by=by,
        now=now,
        post=post,
        place=target.place_path,
        save=("voice_count",),
    )


def _must_fit(source: Case, target: Case) -> None:
    """Refusal, in words that say what to do instead, when the two cannot be put together."""
    if source.state == State.MERGED and source.merged_into is not None:
        raise Refusal(
            _("This case is already handled together with No. %(number)s.") % {"number": source.merged_into.number}
        )
    if target.merged_into_id == source.pk:
        raise Refusal(
            _("No. %(number)s was merged into this case. Take it out first.") % {"number": target.number},
            field="target",
        )
    if target.state == State.MERGED and target.merged_into is not None:
        raise Refusal(
            _("No. %(number)s is itself handled together with No. %(other)s. Choose that one.")
            % {"number": target.number, "other": target.merged_into.number},
            field="target",
        )
    if target.state == State.TO_CHECK:
        raise Refusal(
            _("No. %(number)s is being checked. Wait for the result: who comes in now would not be asked.")
            % {"number": target.number},
            field="target",
        )
    if target.state not in JOINABLE:
        raise Refusal(
            _("No. %(number)s has ended (%(state)s). Take it up again first, or handle this one.")
            % {"number": target.number, "state": target.get_state_display()},
            field="target",
        )
    if is_private(source) or is_private(target):
        raise Refusal(
            _("Matters between people are not merged: nobody may learn of the others through it."), field="target"
        )


@transaction.atomic
def unmerge_case(*, case_id: int, by: User, now: datetime, version: int | None = None) -> Case:
    """Undo a merge: the case is handled on its own again, and the voices that came with it go back.

    It comes back as it was led, with the deadline that it had from its opening (time spent merged counts). When the
    other case has been closed meanwhile, this one is taken up anew, with a new deadline from now.
    """
    source = Case.objects.visible_to(by).filter(pk=case_id).first()
    if source is None:
        raise NotThere()
    chain = [case.pk for case in _chain(source)]
    rows = Case.objects.select_for_update(of=("self",)).filter(pk__in=chain).order_by("pk")
    locked = {case.pk: case for case in rows}
    source, root = locked[chain[0]], locked[chain[-1]]
    if version is not None and version != source.version:
        raise StaleEdit(source, version)
    if [case.pk for case in _chain(source)] != chain:
        raise Stale(_("Somebody else changed this a moment ago. Please look at it again."), status=409)
    post = require(by, VERB, source.place_path, now)
    require(by, VERB, root.place_path, now)
    source.go(Move.UNMERGE)
    Voice.objects.filter(case=root, first_case_id__in=_with_those_inside(source)).update(case=source)
    _restore(source, root, now)
    led = source.state == State.ASSIGNED
    event = CasesUnmerged(
        case_id=source.pk,
        target_id=root.pk,
        voices=source.voice_count,
        role=source.lead_role if led else "",
        place_id=source.lead_place_id if led else None,
    )
    record(
        event,
        about=source,
        by=by,
        now=now,
        post=post,
        place=source.place_path,
        save=(
            "state", "merged_into", "closed_at", "closed_as", "voice_count", "reopened",
            "done_at", "worker", *CLOCK,
        ),
    )  # fmt: skip
    root.voice_count = Voice.objects.filter(case=root).speaking().count()
    record(
        VoicesLeft(case_id=root.pk, to_case_id=source.pk, voices=source.voice_count),
        about=root,
        by=by,
        now=now,
        post=post,
        place=root.place_path,
        save=("voice_count",),
    )
    if root.is_open and root.voice_count == 0:
        # Its own reporters had all withdrawn while others kept it open.
        _end_without_voices(root, now)
    return source


def _chain(case: Case) -> list[Case]:
    """The case, what it was merged into, and so on up to the one that is handled."""
    chain = [case]
    while chain[-1].merged_into is not None:
        chain.append(chain[-1].merged_into)
    return chain


def _with_those_inside(case: Case) -> list[int]:
    """The ids of a case and of all that were merged into it, directly or through others."""
    found, fresh = [case.pk], [case.pk]
    while fresh:
        fresh = list(Case.objects.filter(merged_into_id__in=fresh).values_list("pk", flat=True))
        found += fresh
    return found


def _restore(source: Case, root: Case, now: datetime) -> None:
    """How the case stands again, in memory."""
    last = Entry.objects.about(source).filter(event=CasesMerged.name).order_by("-pk").first()
    was = last.data["was"] if last is not None else State.NEW
    source.merged_into, source.closed_at, source.closed_as = None, None, ""
    source.done_at, source.worker = None, None
    source.voice_count = Voice.objects.filter(case=source).speaking().count()
    if source.voice_count == 0:
        source.state, source.closed_at, source.closed_as = State.WITHDRAWN, now, Case.ClosedAs.WITHDRAWN
        return
    led = was != State.NEW and bool(source.lead_role) and source.lead_place_id is not None
    source.state = State.ASSIGNED if led else State.NEW
    if root.state == State.CLOSED:
        source.reopened += 1
        start_clock(source, since=now)
    else:
        start_clock(source, since=source.opened_at)


def _end_without_voices(case: Case, now: datetime) -> None:
    case.go(Move.WITHDRAW)
    case.closed_at, case.closed_as, case.escalate_at = now, Case.ClosedAs.WITHDRAWN, None
    _end_pause(case)
    record(
        CaseWithdrawn(case_id=case.pk),
        about=case,
        by=None,
        now=now,
        place=case.place_path,
        save=(
            "state", "closed_at", "closed_as", "escalate_at", "paused_at", "pause_kind", "pause_reason", "review_on",
            "left",
        ),
    )  # fmt: skip
    let_go(case, now)
