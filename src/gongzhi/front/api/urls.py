"""The addresses of the REST interface. What stands behind each says who may call it (``door.May``)."""

from gongzhi.front.api.door import api
from gongzhi.front.api.views import cases, ground, work

__all__ = ["api", "cases", "ground", "urlpatterns", "work"]

app_name = "api"
urlpatterns = api.urls[0]
