"""The page of one's own reminders, and the calendar."""

from django.urls import path

from gongzhi.learn.digests import views

app_name = "digests"

urlpatterns = [
    path("staff/digests/", views.Mine.as_view(), name="mine"),
    path("staff/digests/calendar/", views.CalendarNew.as_view(), name="calendar_new"),
    path("staff/digests/calendar/end/", views.CalendarEnd.as_view(), name="calendar_end"),
    path("calendar/<str:token>.ics", views.CalendarFeed.as_view(), name="calendar_feed"),
]
