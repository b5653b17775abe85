"""The addresses of GeoReport v2, with the form of the answer behind the dot."""

from django.urls import path, register_converter

from gongzhi.front.open311 import views

app_name = "open311"


class Form:
    """How the answer is written."""

    regex = "xml|json"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Form, "georeport")

urlpatterns = [
    path("discovery.<georeport:form>", views.Discovery.as_view(), name="discovery_of_all"),
    path("v2/discovery.<georeport:form>", views.Discovery.as_view(), name="discovery"),
    path("v2/services.<georeport:form>", views.Services.as_view(), name="services"),
    path("v2/services/<str:code>.<georeport:form>", views.ServiceDefinition.as_view(), name="service"),
    path("v2/requests.<georeport:form>", views.Requests.as_view(), name="requests"),
    path("v2/requests/<str:number>.<georeport:form>", views.OneRequest.as_view(), name="request"),
    path("v2/tokens/<str:number>.<georeport:form>", views.Tokens.as_view(), name="token"),
    path("v2/servicerequestupdates.<georeport:form>", views.Updates.as_view(), name="updates"),
]
