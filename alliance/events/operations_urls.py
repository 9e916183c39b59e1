"""Addresses of the page of operations, for editors."""

from django.urls import path

from alliance.events import operations

app_name = "operations"
urlpatterns = [
    path("", operations.OperationsView.as_view(), name="overview"),
    path("start/", operations.StartView.as_view(), name="start"),
]
