"""What the room says. Ids, codes and numbers only; names stand in the rows."""

from __future__ import annotations

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.ledger.events import Event


class PlaceAdded(Event):
    label: ClassVar[Promise] = _("place added")
    place_id: int
    path: str


class PlaceRenamed(Event):
    """The former name is kept in FormerName."""

    label: ClassVar[Promise] = _("place renamed")
    place_id: int
    path: str
    former_name_id: int


class PlaceClosed(Event):
    """A newer edition of the division table no longer has it."""

    label: ClassVar[Promise] = _("place no longer exists")
    place_id: int
    path: str
    until: str


class PlaceReopened(Event):
    label: ClassVar[Promise] = _("place exists again")
    place_id: int
    path: str


class PlaceMerged(Event):
    label: ClassVar[Promise] = _("place merged into another")
    place_id: int
    path: str
    into_id: int
    into_path: str


class BoundaryDrawn(Event):
    label: ClassVar[Promise] = _("boundary drawn")
    boundary_id: int
    place_id: int


class BoundarySuperseded(Event):
    label: ClassVar[Promise] = _("boundary replaced")
    boundary_id: int
    place_id: int


class DivisionsImported(Event):
    label: ClassVar[Promise] = _("divisions imported")
    import_id: int
    rows: int
    added: int
    renamed: int
    closed: int
    reopened: int


class GridsImported(Event):
    label: ClassVar[Promise] = _("grids imported")
    import_id: int
    features: int
    added: int
    redrawn: int


class ModeSwitched(Event):
    """``mode`` is blank when the place follows the place above again."""

    label: ClassVar[Promise] = _("mode switched")
    place_id: int
    path: str
    mode: str
    emergency_level: str
    colour: str
    until: str | None


class ProfileSet(Event):
    """``profile`` is blank when the place follows the place above again."""

    label: ClassVar[Promise] = _("profile set")
    place_id: int
    path: str
    profile: str
