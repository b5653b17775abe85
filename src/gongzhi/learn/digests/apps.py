"""One's own deadlines and numbers, where people look anyway: in the calendar, the mailbox, on the telephone."""

from django.apps import AppConfig


class DigestsConfig(AppConfig):
    name = "gongzhi.learn.digests"
    label = "digests"
