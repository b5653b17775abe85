"""The door of those who are out: grid workers and building chiefs, with a telephone or with paper."""

from django.apps import AppConfig


class FieldConfig(AppConfig):
    name = "gongzhi.front.field"
    label = "field"
