"""Disputes: mediation between people."""

from django.apps import AppConfig


class DisputesConfig(AppConfig):
    name = "gongzhi.act.disputes"
    label = "disputes"
