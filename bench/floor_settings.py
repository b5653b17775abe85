"""The platform's settings around one bare view, for the floor in ``bench/lap.py``."""

from gongzhi.config import settings
from gongzhi.config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.floor"
MIDDLEWARE = []
INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if not app.startswith("allauth")]
