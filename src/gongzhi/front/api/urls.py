"""The addresses of the REST interface. What stands behind each says who may call it (``door.May``)."""

from gongzhi.front.api.door import api
from gongzhi.front.api.views import answers, assignments, cases, directives, ground, rates, together, work

__all__ = [
    "answers", "api", "assignments", "cases", "directives", "ground", "rates", "together", "urlpatterns", "work",
]  # fmt: skip

app_name = "api"
urlpatterns = api.urls[0]
