"""The residents' addresses."""

from django.urls import path

from gongzhi.front.asking import Questions
from gongzhi.front.display import Display
from gongzhi.front.portal import feeds, mediation, points, views

app_name = "portal"

urlpatterns = [
    path("", views.Home.as_view(), name="home"),
    path("report/", views.Report.as_view(), name="report"),
    path("report/danger.json", views.Danger.as_view(), name="danger"),
    path("report/neighbours/", views.Neighbours.as_view(), name="neighbours"),
    path("received/<str:token>/join/", views.Join.as_view(), name="join"),
    path("received/<str:token>/", views.Received.as_view(), name="received"),
    path("follow/<str:token>/", views.Follow.as_view(), name="follow"),
    path("follow/<str:token>/answer/", views.Answer.as_view(), name="answer"),
    path("follow/<str:token>/satisfied/", views.SayHowSatisfied.as_view(), name="satisfied"),
    path("follow/<str:token>/no-messages/", views.NoMessages.as_view(), name="no_messages"),
    path("follow/<str:token>/write/", views.Write.as_view(), name="write"),
    path("follow/<str:token>/object/", views.ObjectTo.as_view(), name="object"),
    path("follow/<str:token>/withdraw/", views.Withdraw.as_view(), name="withdraw"),
    path("follow/<str:token>/reopen/", views.Reopen.as_view(), name="reopen"),
    path("follow/<str:token>/photo/<uuid:uid>/<str:size>/", views.PhotoByLink.as_view(), name="photo"),
    path("feeds/<str:path>.atom", feeds.Feed.as_view(), name="feed"),
    path("mediation/<str:token>/", mediation.Mediation.as_view(), name="mediation"),
    path("mediation/<str:token>/<slug:act>/", mediation.MediationAct.as_view(), name="mediation_act"),
    path("points/", points.Points.as_view(), name="points"),
    path("points/place/<str:path>/", points.PointsPlace.as_view(), name="points_place"),
    path("points/household/<str:code>/", points.PointsHousehold.as_view(), name="points_household"),
    path("points/household/<str:code>/<slug:act>/", points.PointsAct.as_view(), name="points_act"),
    path("progress/", views.Progress.as_view(), name="progress"),
    path("how/", views.How.as_view(), name="how"),
    path("privacy/", views.Privacy.as_view(), name="privacy"),
    path("display/", Display.as_view(), name="display"),
    path("categories.json", views.Categories.as_view(), name="categories"),
    path("questions/", Questions.as_view(), name="questions"),
    path("where.json", views.Where.as_view(), name="where"),
    path("grids.json", views.Grids.as_view(), name="grids"),
]
