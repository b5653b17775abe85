"""Everybody is told each step."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "gongzhi.verify.notices"
    label = "notices"
