"""Personal data: declared, sealed, erased."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "gongzhi.ground.privacy"
    label = "privacy"
