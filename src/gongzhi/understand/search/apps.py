"""Finding cases by the words in them."""

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "gongzhi.understand.search"
    label = "search"
