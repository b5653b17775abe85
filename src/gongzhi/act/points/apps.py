"""Household points: villagers' own rules, checked by two, published, booked, exchanged."""

from django.apps import AppConfig


class PointsConfig(AppConfig):
    name = "gongzhi.act.points"
    label = "points"
