"""Posts and what they may do."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "gongzhi.ground.access"
    label = "access"
