"""The staff's door."""

from django.apps import AppConfig


class WorkbenchConfig(AppConfig):
    name = "gongzhi.front.workbench"
    label = "workbench"
