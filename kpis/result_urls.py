"""Addresses of the results."""

from django.urls import path

from kpis.result_views import ResultListView

app_name = "results"
urlpatterns = [path("", ResultListView.as_view(), name="list")]
