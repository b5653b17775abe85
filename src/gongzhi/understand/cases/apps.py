"""A resident's demand."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "gongzhi.understand.cases"
    label = "cases"
