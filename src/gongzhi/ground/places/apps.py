"""Divisions, grids and boundaries."""

from django.apps import AppConfig


class PlacesConfig(AppConfig):
    name = "gongzhi.ground.places"
    label = "places"
