"""Posts: who may do what, where, from when to when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gongzhi.ground.access.roles import ADMINISTRATIONS, ROLE_VERBS, Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Recorded
from gongzhi.ground.places.models import Place


class PostQuerySet(models.QuerySet["Post"]):
    def current(self, on: date) -> Self:
        return self.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=on), starts_on__lte=on, ended_at__isnull=True)

    def of(self, user: User) -> Self:
        return self.filter(user_id=user.pk)


class Post(Recorded):
    """A person in a role at a place between two dates. Its reach is the place's subtree."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="posts", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="posts", verbose_name=_("place"))
    place_path = models.CharField(max_length=30, db_index=True)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("until"), null=True, blank=True)  # the last day, when it was given for a time
    ended_at = models.DateTimeField(null=True, blank=True)  # ended by somebody: no longer usable from this moment
    reason = models.CharField(_("reason"), max_length=200)
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = ("user_id", "role", "place_id", "place_path", "starts_on", "ends_on", "ended_at", "granted_by_id")
    WORDS = ("reason",)

    # Set on a copy of the post through which somebody does another position's work (``reach.acting_for``).
    stand_in_id: int | None = None

    objects = PostQuerySet.as_manager()

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints = [
            models.CheckConstraint(
                name="post_ends_after_it_starts", condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on"))
            ),
            models.CheckConstraint(name="post_role_is_known", condition=Q(role__in=Role.values)),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(role__in=sorted(ADMINISTRATIONS), ends_on__isnull=True, ended_at__isnull=True),
                name="one_administration_a_person",
            ),
            models.UniqueConstraint(
                fields=["user", "role", "place"],
                condition=Q(ends_on__isnull=True, ended_at__isnull=True),
                name="post_held_once",
            ),
        ]
        indexes = [models.Index(fields=["role", "place"], name="post_by_position")]

    def __str__(self) -> str:
        return gettext("%(role)s, %(place)s") % {"role": self.get_role_display(), "place": self.place.name}

    @property
    def verbs(self) -> frozenset[str]:
        return ROLE_VERBS[self.role]

    def is_current(self, on: date) -> bool:
        return self.ended_at is None and self.starts_on <= on and (self.ends_on is None or self.ends_on >= on)


class PowerQuerySet(models.QuerySet["Power"]):
    def on_at(self, now: datetime) -> Self:
        return self.filter(switched_off_at__isnull=True, starts_at__lte=now, ends_at__gt=now)


class Power(Recorded):
    """Administrative powers of one post, switched on for a limited time with a reason."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="powers")
    reason = models.CharField(_("reason"), max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    switched_off_at = models.DateTimeField(null=True, blank=True)

    RECORDED = ("post_id", "starts_at", "ends_at", "switched_off_at")
    WORDS = ("reason",)

    objects = PowerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="power_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.post} until {self.ends_at:%H:%M}"


class Why(models.TextChoices):
    """Why work is moved."""

    ABSENCE = "absence", _("Absence (leave, illness, training)")
    EMERGENCY = "emergency", _("Emergency: all hands elsewhere")


class Move(Recorded):
    """The routine work of a person or of a place is moved to others in one step, which one step undoes."""

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30)
    # Whose work it is, when it was that of one person; none: of everybody in the place.
    person = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    why = models.CharField(_("reason"), max_length=10, choices=Why.choices)
    words = models.CharField(_("in a few words"), max_length=200, blank=True)
    until = models.DateField(_("until"))  # the last day
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "place_id", "place_path", "person_id", "why", "until", "made_at", "made_by_id", "undone_at", "undone_by_id",
    )  # fmt: skip
    WORDS = ("words",)

    class Meta:
        verbose_name = _("moved work")
        verbose_name_plural = _("moved work")
        constraints = [
            models.CheckConstraint(name="move_why_is_known", condition=Q(why__in=Why.values)),
            models.CheckConstraint(
                name="undone_move_says_who",
                condition=Q(undone_at__isnull=True, undone_by__isnull=True)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["place_path", "until"], name="move_by_place")]

    def __str__(self) -> str:
        return f"{self.place}: {self.why} until {self.until}"

    def is_current(self, on: date) -> bool:
        return self.undone_at is None and self.until >= on


class StandInQuerySet(models.QuerySet["StandIn"]):
    def current(self, on: date) -> Self:
        return self.filter(ended_at__isnull=True, starts_on__lte=on, until__gte=on)


class StandIn(Recorded):
    """Until a day the work of one position is a deputy's work too: no row of work changes hands, no verb is given."""

    move = models.ForeignKey(Move, on_delete=models.PROTECT, related_name="stand_ins")
    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    place_path = models.CharField(max_length=30, db_index=True)
    deputy = models.ForeignKey(User, on_delete=models.PROTECT, related_name="stand_ins", verbose_name=_("deputy"))
    starts_on = models.DateField(_("from"))
    until = models.DateField(_("until"))  # the last day
    why = models.CharField(_("reason"), max_length=10, choices=Why.choices)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    RECORDED = (
        "move_id", "role", "place_id", "place_path", "deputy_id", "starts_on", "until", "why", "made_by_id",
        "ended_at", "ended_by_id",
    )  # fmt: skip

    objects = StandInQuerySet.as_manager()

    class Meta:
        verbose_name = _("stand-in")
        verbose_name_plural = _("stand-ins")
        constraints = [
            models.CheckConstraint(name="stand_in_role_is_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(
                name="stand_in_is_no_administration", condition=~Q(role__in=sorted(ADMINISTRATIONS))
            ),
            models.CheckConstraint(name="stand_in_ends_after_it_starts", condition=Q(until__gte=F("starts_on"))),
            models.CheckConstraint(name="nobody_names_themselves_deputy", condition=~Q(deputy=F("made_by"))),
            models.UniqueConstraint(fields=["move", "role", "place", "deputy"], name="stand_in_once_a_move"),
        ]
        indexes = [
            # What every request of somebody with posts asks: is there any for this person?
            models.Index(fields=["deputy", "until"], name="stand_in_by_deputy", condition=Q(ended_at__isnull=True)),
            models.Index(fields=["place", "role"], name="stand_in_by_position", condition=Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return gettext("%(role)s, %(place)s") % {"role": self.get_role_display(), "place": self.place.name}

    def is_current(self, on: date) -> bool:
        return self.ended_at is None and self.starts_on <= on <= self.until


class TokenQuerySet(models.QuerySet["Token"]):
    def usable(self, on: date) -> Self:
        return self.filter(revoked_at__isnull=True, expires_on__gte=on)


class Token(Recorded):
    """A key by which a program acts for a person: fewer verbs than the person has, and for a limited time.

    Only its digest is kept, so it can be shown once and never again.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens", verbose_name=_("person"))
    name = models.CharField(_("what it is for"), max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    verbs = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_on = models.DateField(_("until"))  # the last day
    last_used_on = models.DateField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    RECORDED = ("user_id", "digest", "verbs", "created_at", "expires_on", "revoked_at")
    WORDS = ("name",)

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")

    def __str__(self) -> str:
        return self.name

    def is_usable(self, on: date) -> bool:
        return self.revoked_at is None and self.expires_on >= on


class Repeat(models.Model):
    """What a program asked under an idempotency key, and what came of it, so that asking again does nothing twice."""

    token = models.ForeignKey(Token, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=64)  # a digest of the key
    asked = models.CharField(max_length=64)  # a digest of what was asked
    object_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="repeat_once_a_key")]

    def __str__(self) -> str:
        return f"{self.token}: {self.at:%Y-%m-%d %H:%M}"


class Tally(models.Model):
    """How often one sender did one thing in the present window. Shared by all processes; forgotten afterwards."""

    key = models.CharField(max_length=48, primary_key=True)  # a keyed digest that says something else each window
    count = models.PositiveIntegerField(default=1)
    until = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.count}"
