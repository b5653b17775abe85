"""Did it help?"""

from django.apps import AppConfig


class ChecksConfig(AppConfig):
    name = "gongzhi.verify.checks"
    label = "checks"
