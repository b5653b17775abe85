"""Who reacts to which event, and the worker that delivers it."""

from django.apps import AppConfig


class LoopConfig(AppConfig):
    name = "gongzhi.loop"
    label = "loop"

    def ready(self) -> None:
        from gongzhi.loop import delivery
        from gongzhi.loop.circuit import CIRCUIT

        delivery.connect(CIRCUIT)
