"""Webhooks: what happens in the house is told to other systems that asked for it."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "gongzhi.loop.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from gongzhi.ground.ledger.actions import listen
        from gongzhi.loop.webhooks.sending import hear

        listen(hear)
