"""To whom a directive goes, and writing their pieces: one statement, however many places there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from django.db import connection
from django.db.models import CharField, DateTimeField, F, Field, IntegerField, Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.act.directives.models import RECEIVERS, Assignment, Directive, Round, State
from gongzhi.ground.places.finding import resolve
from gongzhi.ground.places.models import Place, PlaceQuerySet
from gongzhi.ground.places.paths import ancestors, below
from gongzhi.ground.refusals import Refusal
from gongzhi.ground.rules import clock
from gongzhi.ground.rules.actions import rule
from gongzhi.ground.rules.spans import Span

MOST_PLACES: Final = 200_000


def roots_of(ids: list[int]) -> list[Place]:
    """The named places as they stand today: what was merged into another is that other, once."""
    paths = Place.objects.filter(pk__in=ids).values_list("path", flat=True)
    found = {place.pk: place for path in paths if (place := resolve(path)) is not None}
    return sorted(found.values(), key=lambda place: place.path)


def targets(*, ids: list[int], level: str, profile: str, on: date) -> PlaceQuerySet:
    """The places that get a piece: those of a level in the subtrees of the named ones that exist on that day."""
    roots = [root.path for root in roots_of(ids)]
    within = Q(pk__in=[])
    for root in roots:
        within |= below(root)
    places = Place.objects.filter(within, level=level).current().on(on)
    return places.filter(with_profile(profile, roots, within)) if profile else places


def with_profile(word: str, roots: Sequence[str], within: Q) -> Q:
    """Places whose profile, inherited as it is, is ``word`` or has it as one of its three parts."""
    tops = {above for root in roots for above in ancestors(root)}
    setters = Place.objects.exclude(profile="").filter(within | Q(path__in=sorted(tops)))
    fitting = Q(pk__in=[])
    rows = list(setters.order_by("path").values_list("path", "profile"))
    for path, profile in rows:
        if profile == word or word in profile.split("_"):
            nearer = Q(pk__in=[])
            for other, _profile in rows:
                if other != path and other.startswith(path):
                    nearer |= below(other)
            fitting |= below(path) & ~nearer
    return fitting


def due_for(directive: Directive, now: datetime) -> datetime:
    """When the places must have replied: the fixed moment, or the span counted from now. Never in the past."""
    if directive.reply_by is not None:
        due = directive.reply_by
    else:
        due = clock.deadline(now, Span.parse(directive.reply_span), path=directive.place_path)
    if due <= now:
        raise Refusal(_("The time to reply is over before it begins."), field="reply_by", status=422)
    return due


def send(directive: Directive, *, now: datetime) -> Round:
    """Write the next round and one piece for each place, inside the caller's transaction. Nothing is recorded yet."""
    on = timezone.localdate(now)
    places = targets(ids=directive.target_places, level=directive.target_level, profile=directive.target_profile, on=on)
    count = places.count()
    if count == 0:
        raise Refusal(_("No place fits what you chose, so nobody would get this."), field="target_places", status=422)
    if count > MOST_PLACES:
        raise Refusal(
            _("These are %(count)d places; at most %(most)d get a piece of one directive.")
            % {"count": count, "most": MOST_PLACES},
            field="target_places",
            status=422,
        )
    due = due_for(directive, now)
    share = float(rule("directives.yellow_share", path=directive.place_path, on=on))
    row = Round.objects.create(
        directive=directive,
        number=directive.rounds.count() + 1,
        sent_at=now,
        due_at=due,
        yellow_at=clock.yellow_at(now, due, share),
        places=count,
        place_path=directive.place_path,
    )
    write_pieces(row, places)
    return row


def write_pieces(row: Round, places: PlaceQuerySet) -> None:
    """INSERT … SELECT: the database copies the places into pieces without showing them to us."""
    directive = row.directive
    given: dict[str, tuple[str | int | datetime | None, Field[Any, Any]]] = {
        "version": (Assignment.UNRECORDED_VERSION, IntegerField()),
        "round_id": (row.pk, IntegerField()),
        "directive_id": (directive.pk, IntegerField()),
        "state": (State.SENT.value, CharField()),
        "role": (RECEIVERS[directive.target_level].value, CharField()),
        "asker_place_id": (directive.issuer_place_id, IntegerField()),
        "part": ("", CharField()),
        "due_at": (row.due_at, DateTimeField()),
        "yellow_at": (row.yellow_at, DateTimeField()),
        "left": ("", CharField()),
        "returns": (0, IntegerField()),
        "return_reason": ("", CharField()),
        "article": ("", CharField()),
        "step": (0, IntegerField()),
        "step_at": (row.yellow_at, DateTimeField()),
    }
    columns = ["place_id", "place_path", *given]
    chosen = {f"new_{name}": Value(value, output_field=kind) for name, (value, kind) in given.items()}
    rows = places.order_by("path").annotate(new_place_id=F("pk"), new_place_path=F("path"), **chosen)
    sql, values = rows.values_list(*(f"new_{name}" for name in columns)).query.sql_with_params()
    quote = connection.ops.quote_name
    names = ", ".join(quote(name) for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(Assignment._meta.db_table)} ({names}) {sql}", values)
