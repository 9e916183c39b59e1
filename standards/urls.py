"""Addresses of the standards."""

from django.urls import path

from standards import views

app_name = "standards"

urlpatterns = [
    path("", views.StandardListView.as_view(), name="list"),
    path("<slug:slug>/", views.StandardDetailView.as_view(), name="detail"),
]
