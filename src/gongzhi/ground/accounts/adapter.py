"""Who may open an account by themselves. Nobody, unless the installation says so."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """An account is given by the house; it opens nothing without a post in any case."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.GONGZHI_SIGN_UP)


class DirectoryAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The town's directory vouches for a person; whether there is an account for them is decided here."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return bool(settings.GONGZHI_SIGN_UP)
