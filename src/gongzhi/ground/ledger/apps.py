"""The append-only record."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class LedgerConfig(AppConfig):
    name = "gongzhi.ground.ledger"
    label = "ledger"

    def ready(self) -> None:
        # Every room's events must be known before an entry is read back.
        autodiscover_modules("events")
