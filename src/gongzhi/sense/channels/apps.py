"""Messages in and out."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "gongzhi.sense.channels"
    label = "channels"
