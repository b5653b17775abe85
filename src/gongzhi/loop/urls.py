"""The operators' page."""

from django.urls import path

from gongzhi.loop import views

app_name = "loop"

urlpatterns = [path("", views.Jobs.as_view(), name="jobs")]
