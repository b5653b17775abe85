"""The residents' door."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "gongzhi.front.portal"
    label = "portal"
