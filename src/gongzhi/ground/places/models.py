"""Places: what the country, a town and its grids are called, where they lie, and in which mode they are."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places import paths


class Level(models.TextChoices):
    PROVINCE = "province", _("province")
    CITY = "city", _("city")
    COUNTY = "county", _("county or district")
    TOWN = "town", _("street or town")
    VILLAGE = "village", _("community or village")
    GRID = "grid", _("grid")
    BUILDING = "building", _("building")


class Kind(models.TextChoices):
    """What a place is within its level. Only towns, villages and grids have a kind; blank: not known."""

    STREET = "street", _("street office")
    TOWN = "town", _("town")
    TOWNSHIP = "township", _("township")
    OTHER_TOWN = "other_town", _("other unit at town level")
    RESIDENTS = "residents", _("residents' committee")
    VILLAGERS = "villagers", _("villagers' committee")
    OTHER_VILLAGE = "other_village", _("other unit at community level")
    BASE = "base", _("base grid")
    SPECIAL = "special", _("special grid")
    MICRO = "micro", _("micro grid")


KINDS: dict[str, tuple[Kind, ...]] = {
    Level.TOWN: (Kind.STREET, Kind.TOWN, Kind.TOWNSHIP, Kind.OTHER_TOWN),
    Level.VILLAGE: (Kind.RESIDENTS, Kind.VILLAGERS, Kind.OTHER_VILLAGE),
    Level.GRID: (Kind.BASE, Kind.SPECIAL, Kind.MICRO),
}


class Profile(models.TextChoices):
    """Administrative resources (rich, scarce), self-organisation (high, low) and the land (urban, rural), in one word.

    Modules, wording and flow follow it without code. Blank on a place means: as the place above.
    """

    RICH_HIGH_URBAN = "rich_high_urban", _("rich administrative resources, strong self-organisation, urban")
    RICH_LOW_URBAN = "rich_low_urban", _("rich administrative resources, weak self-organisation, urban")
    SCARCE_HIGH_URBAN = "scarce_high_urban", _("scarce administrative resources, strong self-organisation, urban")
    SCARCE_LOW_URBAN = "scarce_low_urban", _("scarce administrative resources, weak self-organisation, urban")
    RICH_HIGH_RURAL = "rich_high_rural", _("rich administrative resources, strong self-organisation, rural")
    RICH_LOW_RURAL = "rich_low_rural", _("rich administrative resources, weak self-organisation, rural")
    SCARCE_HIGH_RURAL = "scarce_high_rural", _("scarce administrative resources, strong self-organisation, rural")
    SCARCE_LOW_RURAL = "scarce_low_rural", _("scarce administrative resources, weak self-organisation, rural")

    @property
    def rich(self) -> bool:
        return self.value.split("_")[0] == "rich"

    @property
    def organised(self) -> bool:
        return self.value.split("_")[1] == "high"

    @property
    def urban(self) -> bool:
        return self.value.split("_")[2] == "urban"

    @property
    def axes(self) -> dict[str, str]:
        """What the profile says on each axis, in the words that rule packs use (AXES)."""
        return dict(zip(AXES, self.value.split("_"), strict=True))


# The axes of a profile and what each may say. A rule pack may be bound to any of them.
AXES: dict[str, tuple[str, str]] = {
    "admin": ("rich", "scarce"),
    "organised": ("high", "low"),
    "land": ("urban", "rural"),
}


class Mode(models.TextChoices):
    """Blank on a place means: as the place above."""

    NORMAL = "normal", _("normal")
    EMERGENCY = "emergency", _("emergency")


class EmergencyLevel(models.TextChoices):
    """Response levels; I is the gravest."""

    I = "I", _("level I")  # noqa: E741 (the word of the law)
    II = "II", _("level II")
    III = "III", _("level III")
    IV = "IV", _("level IV")


class Colour(models.TextChoices):
    """Warning colours. Incidents of public security have none."""

    RED = "red", _("red")
    ORANGE = "orange", _("orange")
    YELLOW = "yellow", _("yellow")
    BLUE = "blue", _("blue")


class PlaceQuerySet(models.QuerySet["Place"]):
    def visible_to(self, user: object) -> Self:
        """Divisions and grids are public by law: everybody sees all of them."""
        return self

    def below(self, path: str) -> Self:
        """The place with this path and everything below it."""
        return self.filter(paths.below(path))

    def above(self, path: str) -> Self:
        """The place with this path and everything above it, from the top."""
        return self.filter(path__in=paths.ancestors(path)).order_by("path")

    def on(self, day: date) -> Self:
        """Places that existed on that day."""
        return self.filter(Q(valid_from=None) | Q(valid_from__lte=day), Q(valid_to=None) | Q(valid_to__gt=day))

    def current(self) -> Self:
        """Places that have no end yet."""
        return self.filter(valid_to=None)

    def at(self, level: str) -> Self:
        return self.filter(level=level)

    def parents_of_divisions(self) -> Self:
        """Provinces down to towns: what a division can lie in."""
        return self.filter(level__in=[Level.PROVINCE, Level.CITY, Level.COUNTY, Level.TOWN])


def _only_digits(field: str) -> Exact:
    return Exact(Func(F(field), Value(paths.DIGITS), function="LTRIM", output_field=models.CharField()), Value(""))


def _length_of_level() -> Q:
    condition = Q()
    for level, length in paths.LENGTHS.items():
        condition |= Q(level=level) & Q(Exact(Length("path"), Value(length)))
    return condition


def _kind_of_level() -> Q:
    condition = Q(kind="")
    for level, kinds in KINDS.items():
        condition |= Q(level=level, kind__in=[*kinds])
    return condition


class Place(Recorded):
    """A division, a grid or a building, for as long as it has existed.

    ``path`` is the place's one lasting address: it is never given to another place, so that a row written years ago
    still finds what it belonged to; ``replaced_by`` then says who answers for it today. ``code`` is what the issuing
    authority writes. ``version`` 0 means: came with a DivisionImport and has not changed since; the record keeps
    the import as one entry, not each of its rows.
    """

    Level = Level
    Kind = Kind
    Profile = Profile
    Mode = Mode
    EmergencyLevel = EmergencyLevel
    Colour = Colour

    UNRECORDED_VERSION = 0
    RECORDED = (
        "code",
        "path",
        "level",
        "kind",
        "name",
        "parent_id",
        "lon",
        "lat",
        "valid_from",
        "valid_to",
        "replaced_by_id",
        "profile",
        "mode",
        "emergency_level",
        "colour",
        "mode_reason",
        "mode_since",
        "mode_until",
        "telephone",
        "demonstration",
    )

    code = models.CharField(_("code"), max_length=30)
    path = models.CharField(_("path"), max_length=paths.LONGEST)
    level = models.CharField(_("level"), max_length=10, choices=Level.choices)
    kind = models.CharField(_("kind"), max_length=15, choices=Kind.choices, blank=True)
    name = models.CharField(_("name"), max_length=60)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    lon = models.FloatField(_("longitude"), null=True, blank=True)  # WGS-84
    lat = models.FloatField(_("latitude"), null=True, blank=True)
    valid_from = models.DateField(_("exists from"), null=True, blank=True)  # null: from before the records
    valid_to = models.DateField(_("existed until"), null=True, blank=True)  # the first day without it
    replaced_by = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="replaces", db_index=False
    )
    profile = models.CharField(_("profile"), max_length=20, choices=Profile.choices, blank=True)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode.choices, blank=True)
    emergency_level = models.CharField(_("emergency level"), max_length=3, choices=EmergencyLevel.choices, blank=True)
    colour = models.CharField(_("warning colour"), max_length=10, choices=Colour.choices, blank=True)
    mode_reason = models.CharField(_("reason for the mode"), max_length=200, blank=True)
    mode_since = models.DateTimeField(_("in this mode since"), null=True, blank=True)
    mode_until = models.DateTimeField(_("in this mode until"), null=True, blank=True)
    telephone = models.CharField(_("office telephone"), max_length=40, blank=True)  # of the office, not of a person
    demonstration = models.BooleanField(_("only for demonstration"), default=False)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        verbose_name = _("place")
        verbose_name_plural = _("places")
        ordering = ["path"]
        constraints = [
            # A UniqueConstraint, because unique=True would cost PostgreSQL a second index that no query uses.
            models.UniqueConstraint(fields=["path"], name="place_path_once"),
            models.UniqueConstraint(fields=["code"], condition=Q(valid_to=None), name="place_code_once_at_a_time"),
            models.CheckConstraint(condition=_only_digits("path"), name="place_path_is_digits"),
            models.CheckConstraint(condition=_length_of_level(), name="place_path_fits_level"),
            models.CheckConstraint(condition=_kind_of_level(), name="place_kind_fits_level"),
            models.CheckConstraint(condition=~Q(code="") & ~Q(name=""), name="place_has_code_and_name"),
            models.CheckConstraint(
                condition=Q(lon=None, lat=None)
                | Q(lon__isnull=False, lat__isnull=False, lon__range=(-180, 180), lat__range=(-90, 90)),
                name="place_point_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_from=None) | Q(valid_to__gte=F("valid_from")),
                name="place_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(replaced_by=None) | (Q(valid_to__isnull=False) & ~Q(replaced_by=F("id"))),
                name="place_replaced_has_ended",
            ),
            models.CheckConstraint(condition=Q(profile__in=["", *Profile.values]), name="place_profile_known"),
            models.CheckConstraint(
                condition=Q(mode="", emergency_level="", colour="", mode_reason="", mode_since=None, mode_until=None)
                | (
                    Q(mode=Mode.NORMAL, emergency_level="", colour="", mode_since__isnull=False, mode_until=None)
                    & ~Q(mode_reason="")
                )
                | (
                    Q(
                        mode=Mode.EMERGENCY,
                        emergency_level__in=EmergencyLevel.values,
                        colour__in=["", *Colour.values],
                        mode_since__isnull=False,
                    )
                    & ~Q(mode_reason="")
                    & (Q(mode_until=None) | Q(mode_until__gt=F("mode_since")))
                ),
                name="place_mode_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["replaced_by"], condition=Q(replaced_by__isnull=False), name="place_by_successor"),
            # Inheritance asks for the few places above one place that set something; whole-country questions
            # ("who is in emergency mode?") find them here without reading 660,000 rows.
            models.Index(fields=["path"], condition=~Q(mode=""), name="place_with_mode"),
            models.Index(fields=["path"], condition=~Q(profile=""), name="place_with_profile"),
        ]

    def __str__(self) -> str:
        return self.name


class ProfileChange(models.Model):
    """One switch of a place's profile: from what, to what, and why. The event stands in the record of the place."""

    place = models.ForeignKey(Place, models.PROTECT, related_name="profile_changes")
    former = models.CharField(max_length=20, choices=Profile.choices, blank=True)  # blank: as the place above
    profile = models.CharField(max_length=20, choices=Profile.choices, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("switch of a profile")
        verbose_name_plural = _("switches of profiles")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(profile__in=["", *Profile.values], former__in=["", *Profile.values])
                & ~Q(profile=F("former")),
                name="profile_change_changes",
            ),
        ]
        indexes = [models.Index(fields=["place", "-id"], name="profile_change_by_place")]

    def __str__(self) -> str:
        return f"{self.place_id}: {self.former} → {self.profile}"


class FormerName(models.Model):
    """What a place was called before. People go on using the old name, so the search knows it."""

    place = models.ForeignKey(Place, models.CASCADE, related_name="former_names")
    name = models.CharField(max_length=60)
    until = models.DateField()

    class Meta:
        ordering = ["-until", "-id"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="former_name_is_something")]

    def __str__(self) -> str:
        return self.name


class Boundary(Recorded):
    """The shape of a place: WKB (polygon or multipolygon), WGS-84. The one without ``valid_to`` is in force."""

    RECORDED = (
        "place_id",
        "geometry",
        "minx",
        "miny",
        "maxx",
        "maxy",
        "valid_from",
        "valid_to",
        "source",
        "licence",
        "demonstration",
    )

    place = models.ForeignKey(Place, models.PROTECT, related_name="boundaries")
    geometry = models.BinaryField()
    minx = models.FloatField()
    miny = models.FloatField()
    maxx = models.FloatField()
    maxy = models.FloatField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=200)
    licence = models.CharField(max_length=100, blank=True)
    demonstration = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("boundary")
        verbose_name_plural = _("boundaries")
        constraints = [
            models.UniqueConstraint(fields=["place"], condition=Q(valid_to=None), name="boundary_one_in_force"),
            models.CheckConstraint(
                condition=Q(minx__lt=F("maxx"), miny__lt=F("maxy"), minx__gte=-180, maxx__lte=180)
                & Q(miny__gte=-90, maxy__lte=90),
                name="boundary_box_is_a_box",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")), name="boundary_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.place_id} {self.valid_from}"


class BoundaryVersion(models.Model):
    """One row per installation: a number drawn anew whenever a boundary changes.

    Drawn, not counted: a count that was rolled back and then reached again by somebody else's change would make a
    process believe that it already knows the boundaries.
    """

    token = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="boundary_version_is_one_row")]

    def __str__(self) -> str:
        return str(self.token)


class DivisionImport(Recorded):
    """One edition of the division table that was read in. Its entry stands for all rows that it brought."""

    RECORDED = (
        "edition",
        "sha256",
        "complete",
        "root",
        "rows",
        "added",
        "renamed",
        "closed",
        "reopened",
        "unchanged",
        "at",
        "by_id",
    )

    edition = models.DateField()
    sha256 = models.CharField(max_length=64)  # of the rows as they were read, in their order
    complete = models.BooleanField()  # it speaks for all divisions below the root: what it lacks, has ended
    root = models.CharField(max_length=paths.LONGEST, blank=True)  # blank: the whole country
    rows = models.PositiveIntegerField()
    added = models.PositiveIntegerField()
    renamed = models.PositiveIntegerField()
    closed = models.PositiveIntegerField()
    reopened = models.PositiveIntegerField()
    unchanged = models.PositiveIntegerField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.edition} {self.sha256[:12]}"


class GridImport(Recorded):
    """One file of grid boundaries that was read in."""

    RECORDED = ("sha256", "features", "added", "redrawn", "unchanged", "demonstration", "at", "by_id")

    sha256 = models.CharField(max_length=64)
    features = models.PositiveIntegerField()
    added = models.PositiveIntegerField()
    redrawn = models.PositiveIntegerField()
    unchanged = models.PositiveIntegerField()
    source = models.CharField(max_length=200)
    licence = models.CharField(max_length=100, blank=True)
    demonstration = models.BooleanField(default=False)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.sha256[:12]
