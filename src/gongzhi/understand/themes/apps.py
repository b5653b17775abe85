"""Themes: what many demands are about together."""

from django.apps import AppConfig


class ThemesConfig(AppConfig):
    name = "gongzhi.understand.themes"
    label = "themes"
