"""Personal data: declared, sealed, erased."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig, apps
from django.core import checks
from django.utils.module_loading import module_has_submodule


class PrivacyConfig(AppConfig):
    name = "gongzhi.ground.privacy"
    label = "privacy"

    def ready(self) -> None:
        """Read every room's ``privacy.py``."""
        for room in apps.get_app_configs():
            if room.name.startswith("gongzhi.") and room.module and module_has_submodule(room.module, "privacy"):
                import_module(f"{room.name}.privacy")
        checks.register(declarations_are_right, "privacy")


def declarations_are_right(**_kwargs: object) -> list[checks.CheckMessage]:
    from gongzhi.ground.privacy.declarations import problems

    return [checks.Error(problem, id="privacy.E001") for problem in problems()]
