"""Addresses of notifications, below both /accounts/ and /workspace/."""

from django.urls import path

from alliance.members import notice_views as views

app_name = "notices"
urlpatterns = [
    path("workspace/notices/", views.NoticeListView.as_view(), name="list"),
    path("accounts/notices/", views.PreferencesView.as_view(), name="preferences"),
    path("accounts/notices/stop/<str:token>/", views.StopView.as_view(), name="stop"),
]
