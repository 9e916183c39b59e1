"""Addresses of the indicators."""

from django.urls import include, path

from kpis import views

app_name = "kpis"

urlpatterns = [
    path("", include("kpis.insight.urls")),
    path("", views.KpiListView.as_view(), name="list"),
    path("<slug:slug>/", views.KpiDetailView.as_view(), name="detail"),
]
