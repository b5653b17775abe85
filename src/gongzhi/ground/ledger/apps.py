"""The append-only record."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "gongzhi.ground.ledger"
    label = "ledger"
