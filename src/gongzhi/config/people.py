"""The first accounts and posts of an installation are made from the command line, by whoever owns the machine."""

from __future__ import annotations

from datetime import date

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from gongzhi.ground.access.actions import grant_post
from gongzhi.ground.access.roles import Role
from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.models import Place
from gongzhi.ground.refusals import Refusal


def find(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        raise Refusal(f"There is no user {username!r}.", status=404)
    return user


def accept_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as weak:
        raise Refusal(" ".join(weak.messages), field="password", status=422) from None


def create(username: str, *, password: str, name: str = "", email: str = "") -> User:
    person = User(username=username, name=name, email=email)
    try:
        person.full_clean(exclude=["password"])
    except ValidationError as wrong:
        raise Refusal(" ".join(wrong.messages), status=422) from None
    accept_password(password, person)
    return User.objects.create_user(username, password, name=name, email=email)


def change_password(username: str, *, password: str) -> None:
    person = find(username)
    accept_password(password, person)
    person.set_password(password)
    person.save(update_fields=["password"])


def grant(username: str, *, role: str, place: str, starts_on: date | None, ends_on: date | None, reason: str) -> str:
    """Give a post on behalf of the installation, and say what was given."""
    person = find(username)
    if role not in Role.values:
        raise Refusal(f"There is no role {role!r}. Roles: {', '.join(Role.values)}", field="role", status=422)
    where = Place.objects.filter(code=place).first() or Place.objects.filter(path=place).first()
    if where is None:
        raise Refusal(f"There is no place with the code {place!r}.", field="place", status=404)
    now = timezone.now()
    post = grant_post(
        user=person,
        role=role,
        place=where,
        starts_on=starts_on or timezone.localdate(now),
        ends_on=ends_on,
        reason=reason,
        by=None,
        now=now,
    )
    until = f"until {post.ends_on}" if post.ends_on else "open"
    return f"{person.username}: {Role(post.role).label}, {where.name}, from {post.starts_on}, {until}"
