"""Addresses below /join/."""

from django.urls import path

from alliance.members import join_views as views

app_name = "join"
urlpatterns = [
    path("", views.JoinView.as_view(), name="join"),
    path("application/<str:key>/", views.ApplicationView.as_view(), name="application"),
    path("confirm/<str:token>/", views.ConfirmView.as_view(), name="confirm"),
    path("invitation/<str:token>/", views.InvitationView.as_view(), name="invitation"),
    path("<slug:kind>/", views.ApplyView.as_view(), name="apply"),
]
