"""Directives: work that is sent down, and results that come up."""

from django.apps import AppConfig


class DirectivesConfig(AppConfig):
    name = "gongzhi.act.directives"
    label = "directives"
