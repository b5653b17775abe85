"""The month in numbers."""

from django.apps import AppConfig


class BulletinsConfig(AppConfig):
    name = "gongzhi.learn.bulletins"
    label = "bulletins"
