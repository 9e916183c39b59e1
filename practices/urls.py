"""Addresses below /practices/."""

from django.urls import path

from practices import editor_views, views

app_name = "practices"
urlpatterns = [
    path("", views.PracticeListView.as_view(), name="list"),
    path("propose/", views.ProposeView.as_view(), name="propose"),
    path("desk/", editor_views.DeskView.as_view(), name="desk"),
    path("suggestions/<int:pk>/", editor_views.SuggestionView.as_view(), name="suggestion"),
    path("rankings/<int:run>/", views.RunView.as_view(), name="run"),
    path("rankings/<int:run>/download/", views.DownloadView.as_view(), name="download"),
    path("<slug:slug>/", views.PracticeView.as_view(), name="detail"),
    path("<slug:slug>/brief.pdf", views.BriefView.as_view(), name="brief"),
    path("<slug:slug>/challenge/", views.ChallengeView.as_view(), name="challenge"),
    path("<slug:slug>/decide/", editor_views.DecideView.as_view(), name="decide"),
]
