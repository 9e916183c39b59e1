"""Addresses below /membership/."""

from django.urls import path

from alliance.members import membership_views as views

app_name = "membership"
urlpatterns = [
    path("", views.ApplicationListView.as_view(), name="list"),
    path("<int:pk>/", views.ApplicationDecisionView.as_view(), name="detail"),
]
