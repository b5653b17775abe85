"""The same matter told twice."""

from django.apps import AppConfig


class DuplicatesConfig(AppConfig):
    name = "gongzhi.understand.duplicates"
    label = "duplicates"
