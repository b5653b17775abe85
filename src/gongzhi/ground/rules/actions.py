"""Asking for rules, and changing them for a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import Acting, record
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules import in_force
from gongzhi.ground.rules.events import CalendarDayAdded, CalendarDayRemoved, RuleOverridden, RuleOverrideEnded
from gongzhi.ground.rules.models import CalendarDay, RuleOverride
from gongzhi.ground.rules.packs import Text, packs


def rule(key: str, *, path: str, on: date) -> Any:
    """The value that holds at a place on a day: a Span, a number, a text, a bool or a tuple, as its type says.

    The nearest override at or above the place counts, else the nearest pack. KeyError for a key that no pack has:
    that is a mistake in the code that asks. Usually costs no statement.
    """
    return in_force.book().look_up(key, path, on).value


def known_keys(beginning: str = "") -> list[str]:
    """The keys of all rules that begin with these words, for example every deadline class."""
    return [key for key in packs().rules if key.startswith(beginning)]


@dataclass(frozen=True)
class RuleInForce:
    """One line of "what holds here today", ready to show."""

    key: str
    about: Text
    type: str
    value: Any
    plain: Any
    in_words: str
    since: date
    article: Text
    source: Text
    verified: bool
    place_path: str  # where it was decided; blank: everywhere
    pack: str | None  # the pack it comes from …
    pack_name: Text
    override_id: int | None  # … or the override


def rules_in_force(path: str, on: date) -> list[RuleInForce]:
    """Every rule at a place on a day, with its value, its source and who decided it, in the order of the packs."""
    book = in_force.book()
    lines = []
    for key, described in book.packs.rules.items():
        found = book.look_up(key, path, on)
        lines.append(
            RuleInForce(
                key=key,
                about=described.about,
                type=described.type,
                value=found.value,
                plain=found.plain,
                in_words=described.in_words(found.value),
                since=found.since,
                article=found.article,
                source=found.source,
                verified=found.verified,
                place_path=found.place_path,
                pack=found.pack,
                pack_name=book.packs.names[found.pack] if found.pack else Text(),
                override_id=found.override_id,
            )
        )
    return lines


@transaction.atomic
def override(
    *,
    place: Place | None,
    key: str,
    value: Any,
    valid_from: date,
    valid_to: date | None = None,
    reason: str,
    by: User | None,
    now: datetime,
    post: Acting | None = None,
) -> RuleOverride:
    """Give a rule another value at a place and below it, from a day on. ``valid_to`` is the first day without it.

    Among several overrides of one place the one that began last holds. Deadlines already set do not move.
    Refused when the rule would not understand the value.
    """
    described = packs().rules.get(key)
    if described is None:
        raise Refusal(_("There is no such rule."), field="key", status=400)
    try:
        described.ready(value)
    except ValueError as problem:
        raise Refusal(str(problem), field="value", status=400) from problem
    if valid_to is not None and valid_to <= valid_from:
        raise Refusal(_("The last day must come after the first."), field="valid_to", status=400)
    reason = reason.strip()
    if not reason:
        raise Refusal(_("Please say why the rule is changed."), field="reason", status=400)
    if len(reason) > 300:
        raise Refusal(_("Please use at most 300 characters."), field="reason", status=400)
    if "\x00" in reason:
        raise Refusal(_("This has characters that cannot be read."), field="reason", status=400)
    row = RuleOverride.objects.create(
        place=place,
        place_path=place.path if place is not None else "",
        key=key,
        value=value,
        valid_from=valid_from,
        valid_to=valid_to,
        reason=reason,
        by=by,
    )
    event = RuleOverridden(
        override_id=row.pk,
        key=key,
        valid_from=valid_from.isoformat(),
        valid_to=valid_to.isoformat() if valid_to is not None else None,
    )
    record(event, about=row, by=by, now=now, post=post, place=row.place_path)
    in_force.changed()
    return row


@transaction.atomic
def end_override(
    *, override_id: int, valid_to: date, by: User | None, now: datetime, post: Acting | None = None
) -> RuleOverride:
    """Let an override stop holding on a day. On its first day or before, it is taken back altogether."""
    row = RuleOverride.objects.select_for_update(of=("self",)).filter(pk=override_id).first()
    if row is None:
        raise NotThere
    if row.valid_to is not None and row.valid_to <= valid_to:
        raise Refusal(_("This change of the rule has already ended."))
    row.valid_to = max(valid_to, row.valid_from)
    event = RuleOverrideEnded(override_id=row.pk, key=row.key, valid_to=row.valid_to.isoformat())
    record(event, about=row, by=by, now=now, post=post, place=row.place_path, save=("valid_to",))
    in_force.changed()
    return row


@transaction.atomic
def add_day(
    *,
    day: date,
    kind: str,
    name: str = "",
    place: Place | None = None,
    by: User | None,
    now: datetime,
    post: Acting | None = None,
) -> CalendarDay:
    """Say that a day is off ("holiday") or worked ("workday"), everywhere or at a place and below it.

    This outweighs the holiday pack and what places above say. What was said before about the day at the same place
    is replaced; saying the same again changes nothing. Deadlines already set do not move.
    """
    if kind not in CalendarDay.Kind.values:
        raise Refusal(_("A day is a day off or a working day."), field="kind", status=400)
    name = name.strip()
    if len(name) > 60:
        raise Refusal(_("Please use at most 60 characters."), field="name", status=400)
    if not name.isprintable():
        raise Refusal(_("This has characters that cannot be read."), field="name", status=400)
    place_path = place.path if place is not None else ""
    standing = CalendarDay.objects.standing().select_for_update(of=("self",))
    before = standing.filter(date=day, place_path=place_path).first()
    if before is not None:
        if (before.kind, before.name) == (kind, name):
            return before
        _remove(before, by=by, now=now, post=post)
    row = CalendarDay.objects.create(date=day, kind=kind, name=name, place=place, place_path=place_path)
    event = CalendarDayAdded(day_id=row.pk, date=day.isoformat(), kind=kind)
    record(event, about=row, by=by, now=now, post=post, place=place_path)
    in_force.changed()
    return row


@transaction.atomic
def remove_day(*, day_id: int, by: User | None, now: datetime, post: Acting | None = None) -> None:
    """Take an entered day out again: the places above, the holiday pack and the week decide about it.

    A day of the pack is not removed but outweighed: enter it with the other kind.
    """
    row = CalendarDay.objects.standing().select_for_update(of=("self",)).filter(pk=day_id).first()
    if row is None:
        raise NotThere
    _remove(row, by=by, now=now, post=post)


def _remove(row: CalendarDay, *, by: User | None, now: datetime, post: Acting | None) -> None:
    row.removed_at = now
    event = CalendarDayRemoved(day_id=row.pk, date=row.date.isoformat(), kind=row.kind)
    record(event, about=row, by=by, now=now, post=post, place=row.place_path, save=("removed_at",))
    in_force.changed()


@dataclass(frozen=True)
class NewDay:
    day: date
    kind: str
    name: str


@transaction.atomic
def import_days(days: Sequence[NewDay], *, by: User | None, now: datetime) -> tuple[int, int]:
    """Enter many days that hold everywhere, all or none. Returns how many were new and how many were known."""
    before = CalendarDay.objects.count()
    for new in days:
        add_day(day=new.day, kind=new.kind, name=new.name, by=by, now=now)
    added = CalendarDay.objects.count() - before
    return added, len(days) - added
