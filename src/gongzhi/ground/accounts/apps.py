"""Sign-in and people who have an account."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "gongzhi.ground.accounts"
    label = "accounts"
