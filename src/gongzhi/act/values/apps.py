"""Values: agreed work of a village or community, given to named cadres and scored by agreed conditions."""

from django.apps import AppConfig


class ValuesConfig(AppConfig):
    name = "gongzhi.act.values"
    label = "values"
