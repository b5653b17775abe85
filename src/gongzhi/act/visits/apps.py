"""Visits at a door, and what was promised there."""

from django.apps import AppConfig


class VisitsConfig(AppConfig):
    name = "gongzhi.act.visits"
    label = "visits"
