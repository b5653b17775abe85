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
