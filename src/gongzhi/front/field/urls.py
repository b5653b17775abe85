"""Addresses of the field door. The worker's scope is this folder."""

from django.urls import path

from gongzhi.front.field import views

app_name = "field"

urlpatterns = [
    path("", views.Today.as_view(), name="today"),
    path("visits/", views.Visits.as_view(), name="visits"),
    path("report/", views.Report.as_view(), name="report"),
    path("outbox/", views.Outbox.as_view(), name="outbox"),
    path("data.json", views.Data.as_view(), name="data"),
    path("sync/", views.Sync.as_view(), name="outbox_sync"),
    path("paper/", views.Paper.as_view(), name="paper"),
    path("type/", views.TypeIn.as_view(), name="type"),
    path("worker.js", views.Worker.as_view(), name="worker"),
    path("manifest.webmanifest", views.Manifest.as_view(), name="manifest"),
]
