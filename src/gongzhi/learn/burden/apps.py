"""What the platform and its senders ask of each post."""

from django.apps import AppConfig


class BurdenConfig(AppConfig):
    name = "gongzhi.learn.burden"
    label = "burden"
