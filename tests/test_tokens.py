"""Access tokens: fewer verbs than the person, for a limited time, shown once, and never done twice under one key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gongzhi.ground.access.models import Repeat, Token
from gongzhi.ground.access.reach import posts_with
from gongzhi.ground.access.tokens import bearer_of, create_token, once, revoke_token, verbs_for_tokens
from gongzhi.ground.accounts.models import User
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.refusals import NotThere, Refusal

pytestmark = pytest.mark.django_db


def make(town: Any, now: Any, **more: Any) -> tuple[Token, str]:
    given = {"name": "the map on the wall", "verbs": ["cases.read"], "expires_on": now.date() + timedelta(days=30)}
    return create_token(**{"by": town.clerk, **given, **more}, now=now)


def test_a_token_is_its_person_with_fewer_verbs(town: Any, now: Any) -> None:
    token, secret = make(town, now)
    found = bearer_of(secret, now=now)
    assert found is not None
    assert found.user == town.clerk
    assert posts_with(found.user, "cases.read")
    assert not posts_with(found.user, "cases.sort"), "the post has it, the token has not"
    assert posts_with(User.objects.get(pk=town.clerk.pk), "cases.sort")
    token.refresh_from_db()
    assert token.last_used_on == now.date()


def test_only_a_digest_is_kept_and_the_record_knows(town: Any, now: Any) -> None:
    token, secret = make(town, now)
    assert secret not in str(vars(Token.objects.get(pk=token.pk)))
    entry = Entry.objects.get(event="access.TokenCreated")
    assert entry.data == {"token_id": token.pk, "user_id": town.clerk.pk, "verbs": ["cases.read"]}
    assert entry.by_id == town.clerk.pk


def test_what_opens_nothing(town: Any, now: Any) -> None:
    token, secret = make(town, now)
    for wrong in ("", "gz_", secret[:-1], secret + "x", secret.upper(), "gz_" + "a" * 5000, "gz_ä", "gz_\x00"):
        assert bearer_of(wrong, now=now) is None
    assert bearer_of(secret, now=now + timedelta(days=30)) is not None
    assert bearer_of(secret, now=now + timedelta(days=31)) is None
    with pytest.raises(NotThere):
        revoke_token(token_id=token.pk, by=town.other_clerk, now=now)
    User.objects.filter(pk=town.clerk.pk).update(is_active=False)
    assert bearer_of(secret, now=now) is None
    User.objects.filter(pk=town.clerk.pk).update(is_active=True)
    revoke_token(token_id=token.pk, by=town.clerk, now=now)
    assert bearer_of(secret, now=now) is None
    with pytest.raises(Refusal):
        revoke_token(token_id=token.pk, by=town.clerk, now=now)
    assert Entry.objects.filter(event="access.TokenRevoked").count() == 1


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", "  "),
        ("name", "x" * 61),
        ("verbs", []),
        ("verbs", ["cases.extend"]),
        ("verbs", ["privacy.reveal"]),
        ("verbs", ["cases.read", "no.such"]),
    ],
)
def test_what_a_token_cannot_be(town: Any, now: Any, field: str, wrong: Any) -> None:
    with pytest.raises(Refusal) as refused:
        make(town, now, **{field: wrong})
    assert (refused.value.status, refused.value.field) == (422, field)
    assert not Token.objects.exists()


def test_dates_and_powers_and_how_many(town: Any, now: Any) -> None:
    for days in (-1, 367):
        with pytest.raises(Refusal):
            make(town, now, expires_on=now.date() + timedelta(days=days))
    assert not {"rules.change", "loop.read"} & set(verbs_for_tokens(town.system, now.date()))
    for _ in range(20):
        make(town, now)
    with pytest.raises(Refusal):
        make(town, now)


def test_a_post_that_ended_ends_what_its_tokens_could(town: Any, now: Any) -> None:
    from gongzhi.ground.access.actions import end_post

    _token, secret = make(town, now)
    end_post(post_id=town.clerk.posts.get().pk, by=None, now=now)
    found = bearer_of(secret, now=now)
    assert found is not None
    assert not posts_with(found.user, "cases.read")


def test_the_same_key_does_nothing_twice(town: Any, now: Any) -> None:
    token, _secret = make(town, now)
    calls: list[int] = []

    def do() -> int:
        calls.append(1)
        return 7

    assert once(token, "k1", "POST /x a", do, now=now) == (7, False)
    assert once(token, "k1", "POST /x a", do, now=now) == (7, True)
    assert len(calls) == 1
    with pytest.raises(Refusal) as refused:
        once(token, "k1", "POST /x b", do, now=now)
    assert refused.value.status == 422
    other, _ = make(town, now, by=town.secretary)
    assert once(other, "k1", "POST /x a", do, now=now) == (7, False)

    def fail() -> int:
        raise Refusal("no")

    with pytest.raises(Refusal):
        once(token, "k2", "POST /y", fail, now=now)
    assert Repeat.objects.count() == 2, "what failed may be tried again under its key"
