"""Open311 GeoReport v2: other systems hand in demands and read what became of them."""

from django.apps import AppConfig


class Open311Config(AppConfig):
    name = "gongzhi.front.open311"
    label = "open311"
