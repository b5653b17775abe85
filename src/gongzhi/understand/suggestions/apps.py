"""What a text seems to be about, where, when and how urgent: with reasons, for a person to decide."""

from django.apps import AppConfig


class SuggestionsConfig(AppConfig):
    name = "gongzhi.understand.suggestions"
    label = "suggestions"
