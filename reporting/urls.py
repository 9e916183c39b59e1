"""Addresses below /workspace/."""

from django.urls import include, path

from reporting.file_views import FilesView

app_name = "reporting"
urlpatterns = [
    path("sheets/", include("reporting.sheets.urls")),
    path("reports/<str:key>/files/", FilesView.as_view(), name="files"),
]
