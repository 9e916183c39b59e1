"""Addresses of the indicators."""

from django.urls import include, path

from kpis import aggregate_views, views

app_name = "kpis"

urlpatterns = [
    path("", include("kpis.insight.urls")),
    path("", views.KpiListView.as_view(), name="list"),
    path("<slug:slug>/computed/", aggregate_views.AggregateView.as_view(), name="computed"),
    path("<slug:slug>/", views.KpiDetailView.as_view(), name="detail"),
]
