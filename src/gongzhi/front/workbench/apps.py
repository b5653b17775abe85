"""The staff's door."""

from django.apps import AppConfig


class WorkbenchConfig(AppConfig):
    name = "gongzhi.front.workbench"
    label = "workbench"

    def ready(self) -> None:
        from gongzhi.front.workbench import held  # noqa: F401 - says what is held already
