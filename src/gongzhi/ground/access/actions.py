"""Giving and ending posts, switching powers on and off, and the one question every action asks: ``require``."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gongzhi.ground.access.events import PostEnded, PostGranted, PowersSwitchedOff, PowersSwitchedOn
from gongzhi.ground.access.models import Post, Power
from gongzhi.ground.access.reach import forget_posts, posts_with
from gongzhi.ground.access.roles import ADMINISTRATIONS, POWERS, Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.actions import record
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import NotThere, Refusal
from gongzhi.ground.rules.actions import rule


def holding(user: User, verb: str, path: str, now: datetime) -> Post | None:
    """The person's post that allows ``verb`` at the place with this path; the nearest one when there are several."""
    able = [post for post in posts_with(user, verb, timezone.localdate(now)) if path.startswith(post.place_path)]
    if not able:
        return None
    return max(able, key=lambda post: len(post.place_path))


def require(user: User, verb: str, path: str, now: datetime) -> Post:
    """The post that allows it, or a Refusal (403). Verbs that need powers also need them switched on."""
    post = holding(user, verb, path, now)
    if post is None:
        raise Refusal(_("None of your posts allows this here."), status=403)
    power = power_of(user, now) if verb in POWERS else None
    if verb in POWERS and (power is None or verb not in power.post.verbs):
        raise Refusal(_("Switch your administrative powers on first, with a reason."), status=403)
    return post


def power_of(user: User, now: datetime) -> Power | None:
    """The person's powers, while they are switched on and their post is still held."""
    held = Post.objects.of(user).current(timezone.localdate(now))
    return Power.objects.on_at(now).filter(post__in=held).select_related("post__place").first()


@transaction.atomic
def grant_post(
    *,
    user: User,
    role: str,
    place: Place,
    starts_on: date,
    reason: str,
    by: User | None,
    now: datetime,
    ends_on: date | None = None,
) -> Post:
    """Give somebody a post. ``by=None`` is the installation itself (command line, demonstration)."""
    acting = require(by, "access.grant", place.path, now) if by is not None else None
    if by is not None and by.pk == user.pk:
        raise Refusal(_("Nobody gives a post to themselves."), field="user", status=403)
    if role not in Role.values:
        raise Refusal(_("There is no such role."), field="role", status=422)
    if ends_on is not None and ends_on < starts_on:
        raise Refusal(_("The last day lies before the first."), field="ends_on", status=422)
    if not reason.strip():
        raise Refusal(_("Say why this post is given."), field="reason", status=422)
    User.objects.select_for_update().get(pk=user.pk)  # two grants to one person wait for each other
    overlapping = Post.objects.of(user).filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=starts_on), ended_at__isnull=True
    )
    if ends_on is not None:
        overlapping = overlapping.filter(starts_on__lte=ends_on)
    if role in ADMINISTRATIONS and overlapping.filter(role__in=ADMINISTRATIONS).exclude(role=role).exists():
        raise Refusal(
            _("System, security and audit administration are kept apart: one person holds only one of them."),
            field="role",
            status=422,
        )
    if overlapping.filter(role=role, place=place).exists():
        raise Refusal(_("This person already holds this post."), field="user", status=409)
    post = Post.objects.create(
        user=user,
        role=role,
        place=place,
        place_path=place.path,
        starts_on=starts_on,
        ends_on=ends_on,
        reason=reason.strip(),
        granted_by=by,
    )
    record(
        PostGranted(post_id=post.pk, user_id=user.pk, role=role),
        about=post,
        by=by,
        now=now,
        post=acting,
        place=place.path,
    )
    forget_posts(user)
    return post


@transaction.atomic
def end_post(*, post_id: int, by: User | None, now: datetime) -> Post:
    """End a post now. It stays in the record with its dates."""
    post = Post.objects.select_for_update(of=("self",)).select_related("user").filter(pk=post_id).first()
    if post is None:
        raise NotThere()
    acting = require(by, "access.grant", post.place_path, now) if by is not None else None
    if post.ended_at is not None or (post.ends_on is not None and post.ends_on < timezone.localdate(now)):
        raise Refusal(_("This post has already ended."))
    post.ended_at = now
    record(
        PostEnded(post_id=post.pk, user_id=post.user_id, role=post.role),
        about=post,
        by=by,
        now=now,
        post=acting,
        place=post.place_path,
        save=("ended_at",),
    )
    forget_posts(post.user)
    return post


@transaction.atomic
def switch_powers_on(*, by: User, minutes: int, reason: str, now: datetime) -> Power:
    """Switch one's administrative powers on, for a limited time and with a reason."""
    own = [post for post in posts_with(by, "workbench.enter", timezone.localdate(now)) if post.verbs & POWERS]
    if not own:
        raise Refusal(_("None of your posts has administrative powers."), status=403)
    post = own[0]
    longest = int(rule("access.power_minutes", path=post.place_path, on=timezone.localdate(now)))
    if not 1 <= minutes <= longest:
        raise Refusal(
            _("Between 1 and %(longest)d minutes, please.") % {"longest": longest}, field="minutes", status=422
        )
    if len(reason.strip()) < 4:
        raise Refusal(_("Say in a few words what you need the powers for."), field="reason", status=422)
    if power_of(by, now) is not None:
        raise Refusal(_("Your powers are already switched on."))
    power = Power.objects.create(
        post=post, reason=reason.strip(), starts_at=now, ends_at=now + timedelta(minutes=minutes)
    )
    record(
        PowersSwitchedOn(power_id=power.pk, post_id=post.pk, minutes=minutes),
        about=power,
        by=by,
        now=now,
        post=post,
        place=post.place_path,
    )
    return power


@transaction.atomic
def switch_powers_off(*, by: User, now: datetime) -> None:
    power = power_of(by, now)
    if power is None:
        raise Refusal(_("Your powers are not switched on."))
    power.switched_off_at = now
    record(
        PowersSwitchedOff(power_id=power.pk, post_id=power.post_id),
        about=power,
        by=by,
        now=now,
        post=power.post,
        place=power.post.place_path,
        save=("switched_off_at",),
    )
