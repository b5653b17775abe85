"""The addresses of the webhooks' page."""

from django.urls import path

from gongzhi.loop.webhooks import views

app_name = "webhooks"

urlpatterns = [
    path("", views.Webhooks.as_view(), name="webhook_list"),
    path("<int:pk>/<slug:step>/", views.Change.as_view(), name="webhook_change"),
]
