"""Capable people who agreed to be called, and groups that claim pieces of work."""

from django.apps import AppConfig


class CallupsConfig(AppConfig):
    name = "gongzhi.act.callups"
    label = "callups"
