"""Dated rules, calendar and deadlines."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register


class RulesConfig(AppConfig):
    name = "gongzhi.ground.rules"
    label = "rules"

    def ready(self) -> None:
        register(packs_can_be_read)


def packs_can_be_read(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """A broken pack shows when the platform starts or ``gongzhi check`` runs, not when the first case comes in."""
    from gongzhi.ground.rules.packs import BrokenPack, packs

    try:
        packs()
    except BrokenPack as broken:
        return [Error(str(broken), id="rules.E001")]
    return []
