"""Signing in: passwords, lock-out, idle time, second factor, passkeys, the town's own directory."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from axes.models import AccessAttempt
from django.contrib.auth.hashers import identify_hasher, make_password
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from gongzhi.ground.accounts.models import User

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
PASSWORD = "a quiet harbour 9"  # as the town gives it


def sign_in(client, username="clerk", password=PASSWORD, **more):
    return client.post(LOGIN, {"login": username, "password": password}, **more)


def signed_in(client) -> bool:
    return client.get("/staff/").status_code == 200


def test_passwords_are_kept_as_argon2(settings):
    from gongzhi.config import settings as written

    settings.PASSWORD_HASHERS = written.PASSWORD_HASHERS
    assert make_password(PASSWORD).startswith("argon2$argon2id$")
    assert identify_hasher(make_password(PASSWORD)).algorithm == "argon2"


def test_a_person_gets_in_and_out(client, town):
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"]) == (302, "/staff/")
    assert signed_in(client)
    client.post("/accounts/logout/")
    assert not signed_in(client)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("clerk", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("clerk\x00", PASSWORD),
        ("x" * 500, PASSWORD),
        ("CLERK'--", "x"),
    ],
)
def test_wrong_names_and_passwords(client, town, username, password):
    answer = sign_in(client, username, password)
    assert answer.status_code in (200, 422)
    assert "errors" in answer.content.decode() or "error" in answer.content.decode()
    assert not signed_in(client)


def test_nothing_tells_whether_there_is_such_a_person(client, town):
    def told(username):
        page = sign_in(client, username, "wrong words here").content.decode()
        return re.findall(r"<li>(.*?)</li>", page)

    assert told("clerk") == told("nobody")


def test_an_account_that_was_switched_off_does_not_get_in(client, town):
    User.objects.filter(pk=town.clerk.pk).update(is_active=False)
    sign_in(client)
    assert not signed_in(client)


def test_five_wrong_passwords_close_the_entrance_with_a_page_that_can_be_read(client, town):
    for _ in range(5):
        answer = sign_in(client, password="wrong")
    page = answer.content.decode()
    assert answer.status_code in (403, 429)
    assert "The entrance is closed for a while" in page
    assert "15 minutes" in page
    assert page.count("<h1") == 1
    # Now not even the right password opens it, from here; from elsewhere, and for others, it is as before.
    assert sign_in(client).status_code in (403, 429)
    assert not signed_in(client)
    sign_in(client, "secretary")
    assert signed_in(client)
    client.post("/accounts/logout/")
    sign_in(client, REMOTE_ADDR="203.0.113.9")
    assert signed_in(client)


def test_the_lock_out_ends(client, town, settings):
    for _ in range(5):
        sign_in(client, password="wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))
    sign_in(client)
    assert signed_in(client)


def test_many_names_from_one_address_are_slowed_down(client, town):
    for number in range(21):
        answer = sign_in(client, f"somebody{number}", "wrong")
    assert "Too many failed login attempts" in answer.content.decode()


def test_a_session_that_nobody_uses_ends(client, town, moment, settings):
    settings.GONGZHI_IDLE_LIMIT = 600
    sign_in(client)
    for _ in range(4):  # used now and then it goes on
        moment.now += timedelta(minutes=9)
        assert signed_in(client)
    moment.now += timedelta(minutes=13)
    answer = client.get("/staff/")
    assert (answer.status_code, answer["Location"][:16]) == (302, LOGIN)


def test_a_page_asked_for_is_found_again_after_signing_in(client, town):
    answer = client.get("/staff/checks/?page=1")
    answer = client.post(answer["Location"], {"login": "clerk", "password": PASSWORD})
    assert answer["Location"] == "/staff/checks/?page=1"
    client.post("/accounts/logout/")
    answer = client.post(f"{LOGIN}?next=https://elsewhere.example/", {"login": "clerk", "password": PASSWORD})
    assert "elsewhere" not in answer["Location"]


# --- second factor --------------------------------------------------------------------------------------------------


def code_for(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def prove_again(client):
    """Before a second factor is changed, the first is asked for once more."""
    answer = client.get(reverse("mfa_activate_totp"))
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
    client.post(answer["Location"], {"password": PASSWORD})


def test_an_authenticator_app_is_enrolled_and_asked_for(client, town):
    sign_in(client)
    prove_again(client)
    page = client.get(reverse("mfa_activate_totp"))
    assert page.status_code == 200
    secret = client.session["mfa.totp.secret"]
    assert secret in page.content.decode()
    wrong = client.post(reverse("mfa_activate_totp"), {"code": "000000"})
    assert wrong.status_code == 200
    assert not Authenticator.objects.exists()
    assert client.post(reverse("mfa_activate_totp"), {"code": code_for(secret)}).status_code == 302
    kinds = set(Authenticator.objects.filter(user=town.clerk).values_list("type", flat=True))
    assert "totp" in kinds
    client.post("/accounts/logout/")
    # The password alone is no longer enough.
    from django.core.cache import cache

    cache.clear()  # a code is good for one use; this lets the same half minute serve again
    answer = sign_in(client)
    assert answer["Location"].startswith(reverse("mfa_authenticate"))
    assert not signed_in(client)
    assert client.post(reverse("mfa_authenticate"), {"code": "000000"}).status_code == 200
    assert not signed_in(client)
    assert client.post(reverse("mfa_authenticate"), {"code": code_for(secret)}).status_code == 302
    assert signed_in(client)


def test_recovery_codes_open_once(client, town):
    sign_in(client)
    prove_again(client)
    client.get(reverse("mfa_activate_totp"))
    client.post(reverse("mfa_activate_totp"), {"code": code_for(client.session["mfa.totp.secret"])})
    client.post(reverse("mfa_generate_recovery_codes"))
    code = Authenticator.objects.get(user=town.clerk, type="recovery_codes").wrap().get_unused_codes()[0]
    for expected in (True, False):
        client.post("/accounts/logout/")
        sign_in(client)
        client.post(reverse("mfa_authenticate"), {"code": code})
        assert signed_in(client) is expected


def test_passkeys_have_their_doors(client, town):
    challenge = client.get(reverse("mfa_login_webauthn"), headers={"x-requested-with": "XMLHttpRequest"})
    assert challenge.status_code == 200
    assert "publicKey" in str(challenge.json())
    assert "passkey" in client.get(LOGIN).content.decode()
    assert client.post(reverse("mfa_login_webauthn"), {"credential": "{}"}).status_code in (200, 302, 400)
    assert not signed_in(client)
    sign_in(client)
    assert client.get(reverse("mfa_list_webauthn")).status_code in (200, 302)


# --- accounts are given ---------------------------------------------------------------------------------------------


def test_nobody_opens_an_account_by_themselves(client, town, settings):
    before = User.objects.count()
    given = {"username": "me", "password1": "a long sentence 77", "password2": "a long sentence 77"}
    page = client.get("/accounts/signup/")
    assert page.status_code in (200, 403, 404)
    assert 'name="password1"' not in page.content.decode()
    client.post("/accounts/signup/", given)
    assert User.objects.count() == before
    settings.GONGZHI_SIGN_UP = True
    assert 'name="password1"' in client.get("/accounts/signup/").content.decode()
    assert client.post("/accounts/signup/", given).status_code == 302
    assert User.objects.count() == before + 1
    assert client.get("/staff/cases/").status_code == 404  # an account opens nothing without a post


def test_there_are_no_flags_of_power_in_the_table_of_users():
    names = {field.name for field in User._meta.get_fields()}
    assert not names & {"is_superuser", "is_staff", "groups", "user_permissions"}


def test_two_people_never_share_a_name(town):
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("clerk")


# --- the town's own directory ---------------------------------------------------------------------------------------

DIRECTORY = {
    "GONGZHI_OIDC_ISSUER": "https://id.gongzhi.example/realms/street",
    "GONGZHI_OIDC_CLIENT": "gongzhi",
    "GONGZHI_OIDC_SECRET": "no secret",
    "GONGZHI_OIDC_NAME": "街道统一认证",
}


def read_settings(tmp_path, **environment):
    program = (
        "from gongzhi.config import settings as s; import json;"
        "print(json.dumps(s.SOCIALACCOUNT_PROVIDERS['openid_connect']['APPS']))"
    )
    import json
    import os

    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GONGZHI_", "DATABASE_URL"))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**clean, "GONGZHI_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_the_directory_is_offered_only_when_it_is_set(client, town, settings, tmp_path):
    assert read_settings(tmp_path) == []
    assert read_settings(tmp_path, GONGZHI_OIDC_ISSUER=DIRECTORY["GONGZHI_OIDC_ISSUER"]) == []
    found = read_settings(tmp_path, **DIRECTORY)
    assert found == [
        {
            "provider_id": "directory",
            "name": "街道统一认证",
            "client_id": "gongzhi",
            "secret": "no secret",
            "settings": {"server_url": "https://id.gongzhi.example/realms/street"},
        }
    ]
    assert "街道统一认证" not in client.get(LOGIN).content.decode()
    assert client.get("/accounts/oidc/directory/login/").status_code == 404
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": found}}
    page = client.get(LOGIN).content.decode()
    assert "街道统一认证" in page
    assert "/accounts/oidc/directory/login/" in page


def test_the_back_office_of_django_is_not_there():
    with pytest.raises(NoReverseMatch):
        reverse("admin:index")
