"""Where carriers knock, and the outbox."""

from django.urls import path

from gongzhi.verify.notices import views

app_name = "notices"

urlpatterns = [
    path("notices/text/", views.IncomingText.as_view(), name="incoming"),
    path("staff/outbox/", views.OutboxPage.as_view(), name="outbox"),
]
