"""What can be done to places, and what is asked of them.

Places lie below ``access``: an action here takes ``by`` and ``post`` for the record but cannot ask whether they may.
The door asks first: ``access.actions.require(user, "places.switch_mode", place.path, now)`` for ``switch_mode``, and
the verb ``"places.manage"`` for everything else that changes something.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import shapely
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import Acting, record
from gongzhi.ground.places import coordinates, grid_index, profiles, shapes
from gongzhi.ground.places.boundaries import boundary_of, draw, shape_of, supersede
from gongzhi.ground.places.division_import import import_divisions
from gongzhi.ground.places.events import (
    ModeSwitched,
    PlaceMerged,
    ProfileSet,
)
from gongzhi.ground.places.finding import (
    Standing,
    full_names,
    grid_at,
    grids_at,
    map_layer,
    mode_of,
    nearest_grid,
    nearest_grids,
    profile_of,
    resolve,
    search,
)
from gongzhi.ground.places.grid_import import import_grids
from gongzhi.ground.places.models import (
    Boundary,
    Colour,
    EmergencyLevel,
    Level,
    Mode,
    Place,
    Profile,
    ProfileChange,
)
from gongzhi.ground.refusals import Refusal, Stale

__all__ = [
    "Standing",
    "draw_boundary",
    "full_names",
    "grid_at",
    "grids_at",
    "import_divisions",
    "import_grids",
    "map_layer",
    "merge_places",
    "mode_of",
    "nearest_grid",
    "nearest_grids",
    "profile_of",
    "resolve",
    "search",
    "set_profile",
    "switch_mode",
    "undo_profile",
]

MODE_FIELDS = ("mode", "emergency_level", "colour", "mode_reason", "mode_since", "mode_until")


@transaction.atomic
def switch_mode(
    *,
    place: Place,
    mode: str,
    by: User | None,
    now: datetime,
    reason: str = "",
    level: str = "",
    colour: str = "",
    until: datetime | None = None,
    post: Acting | None = None,
) -> Place:
    """Put a place and everything below it into a mode. Blank ``mode``: follow the place above again.

    An emergency needs a level (I to IV) and a reason, and may have a colour and an end. Normal needs a reason too:
    it takes the place out of an emergency that holds above it. The permission is the door's matter
    ("places.switch_mode").
    """
    reason = " ".join(reason.split())
    if mode not in ("", *Mode.values):
        raise Refusal(_("There is no such mode."), field="mode", status=422)
    if mode == Mode.EMERGENCY:
        if level not in EmergencyLevel.values:
            raise Refusal(_("Choose the level of the emergency, I to IV."), field="level", status=422)
        if colour not in ("", *Colour.values):
            raise Refusal(_("There is no such colour."), field="colour", status=422)
        if until is not None and until <= now:
            raise Refusal(_("The end must lie in the future."), field="until", status=422)
    else:
        level, colour, until = "", "", None
    if mode and not 0 < len(reason) <= 200:
        raise Refusal(_("Give a reason of at most 200 characters."), field="reason", status=422)
    row = _locked(place)
    row.mode, row.emergency_level, row.colour = mode, level, colour
    row.mode_reason, row.mode_since, row.mode_until = (reason, now, until) if mode else ("", None, None)
    event = ModeSwitched(
        place_id=row.pk,
        path=row.path,
        mode=mode,
        emergency_level=level,
        colour=colour,
        until=until.isoformat() if until else None,
    )
    record(event, about=row, by=by, now=now, post=post, place=row.path, save=MODE_FIELDS)
    return row


@transaction.atomic
def set_profile(
    *, place: Place, profile: str, by: User | None, now: datetime, reason: str = "", post: Acting | None = None
) -> Place:
    """Give a place and everything below it a profile. Blank: follow the place above again ("places.manage").

    What the profile says of rules, modules and wording holds from this moment. Nothing that was done under another
    profile is lost, so every switch can be taken back.
    """
    if profile not in ("", *Profile.values):
        raise Refusal(_("There is no such profile."), field="profile", status=422)
    reason = " ".join(reason.split())
    if len(reason) > 200 or not reason.isprintable():
        raise Refusal(_("Give a reason of at most 200 characters."), field="reason", status=422)
    row = _locked(place)
    if row.profile == profile:
        raise Refusal(_("This place has this profile already."), field="profile")
    ProfileChange.objects.create(place=row, former=row.profile, profile=profile, reason=reason, at=now, by=by)
    row.profile = profile
    event = ProfileSet(place_id=row.pk, path=row.path, profile=profile)
    record(event, about=row, by=by, now=now, post=post, place=row.path, save=("profile",))
    transaction.on_commit(profiles.changed)
    return row


@transaction.atomic
def undo_profile(*, place: Place, change_id: int, by: User | None, now: datetime, post: Acting | None = None) -> Place:
    """Give a place the profile that it had before its last switch ("places.manage").

    ``change_id`` is the switch that the person saw: when another one came since, nothing is taken back.
    """
    row = _locked(place)
    last = ProfileChange.objects.filter(place=row).first()
    if last is None or last.pk != change_id:
        raise Stale(_("Somebody else changed this a moment ago. Please look at it again."))
    return set_profile(place=row, profile=last.former, by=by, now=now, reason=_("Switched back."), post=post)


def _locked(place: Place) -> Place:
    """The row as it is now, locked; refused when it has ended or was changed since ``place`` was read."""
    row = Place.objects.select_for_update(of=("self",)).get(pk=place.pk)
    if row.valid_to is not None:
        raise Refusal(_("%(name)s no longer exists.") % {"name": row.name})
    if row.version != place.version:
        raise Stale(_("Somebody else changed this a moment ago. Please look at it again."))
    return row


@transaction.atomic
def merge_places(*, old: Place, into: Place, by: User | None, now: datetime, post: Acting | None = None) -> Place:
    """End a place and let another one of its level answer for it. Its path stays resolvable ("places.manage").

    What lies below the old place keeps its path. Two grids' boundaries become one.
    """
    if old.pk == into.pk or old.level != into.level:
        raise Refusal(_("A place can only be merged into another place of the same level."), status=422)
    first, second = (_locked(place) for place in sorted((old, into), key=lambda place: place.pk))
    gone, kept = (first, second) if first.pk == old.pk else (second, first)
    today = timezone.localdate(now)
    shape = boundary_of(gone)
    gone.valid_to, gone.replaced_by = max(today, gone.valid_from or today), kept
    record(
        PlaceMerged(place_id=gone.pk, path=gone.path, into_id=kept.pk, into_path=kept.path),
        about=gone,
        by=by,
        now=now,
        post=post,
        place=gone.path,
        save=("valid_to", "replaced_by"),
    )
    if shape is not None:
        other = boundary_of(kept) or shape
        supersede(shape, by=by, now=now, post=post, place=gone.path)
        draw(
            kept,
            shapely.unary_union([shape_of(shape), shape_of(other)]),
            source=other.source,
            licence=other.licence,
            demonstration=other.demonstration or shape.demonstration,
            by=by,
            now=now,
            post=post,
        )
        grid_index.boundaries_changed()
    return gone


@transaction.atomic
def draw_boundary(
    *,
    place: Place,
    geometry: dict[str, Any],
    source: str,
    by: User | None,
    now: datetime,
    licence: str = "",
    system: str = coordinates.System.WGS84,
    demonstration: bool = False,
    post: Acting | None = None,
) -> Boundary:
    """Give a place (a village, say) its boundary, from a GeoJSON polygon ("places.manage").

    Grids imported later must lie inside their village's boundary. Grids themselves come through ``import_grids``.
    """
    row = _locked(place)
    if row.level == Level.GRID:
        raise Refusal(_("The boundaries of grids are imported together, so that overlaps are seen."), status=422)
    try:
        shape = shapes.read_shape(geometry, system=system)
    except shapes.Faulty as fault:
        raise Refusal(str(fault), field="geometry", status=422) from fault
    drawn = draw(
        row, shape, source=source[:200], licence=licence[:100], demonstration=demonstration, by=by, now=now, post=post
    )
    grid_index.boundaries_changed()
    return drawn
