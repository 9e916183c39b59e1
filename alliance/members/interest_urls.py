"""Addresses of declared interests, below /accounts/interests/."""

from django.urls import path

from alliance.members import interest_views as views

app_name = "interests"
urlpatterns = [
    path("", views.InterestsView.as_view(), name="own"),
    path("<slug:slug>/", views.InterestsView.as_view(), name="of_organisation"),
]
