"""Whistles: a street calls departments."""

from django.apps import AppConfig


class WhistlesConfig(AppConfig):
    name = "gongzhi.act.whistles"
    label = "whistles"
