"""Work orders."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "gongzhi.act.tasks"
    label = "tasks"
