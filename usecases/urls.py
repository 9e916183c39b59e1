"""Addresses of the use cases."""

from django.urls import path

from usecases import views

app_name = "usecases"
urlpatterns = [
    path("", views.UseCaseListView.as_view(), name="list"),
    path("compare/", views.UseCaseCompareView.as_view(), name="compare"),
    path("<slug:slug>/", views.UseCaseDetailView.as_view(), name="detail"),
    path("<slug:slug>/cite.<slug:extension>", views.CitationView.as_view(), name="cite"),
]
