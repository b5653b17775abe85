"""Dated rules, calendar and deadlines."""

from django.apps import AppConfig


class RulesConfig(AppConfig):
    name = "gongzhi.ground.rules"
    label = "rules"
