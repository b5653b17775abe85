"""The REST interface: programs act for people by tokens, through the same actions as the pages."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "gongzhi.front.api"
    label = "api"
