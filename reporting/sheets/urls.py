"""Addresses below /workspace/sheets/; they are part of the namespace `reporting`."""

from django.urls import path, re_path

from reporting.sheets import views

urlpatterns = [
    path("", views.SheetsView.as_view(), name="sheets"),
    re_path(
        r"^template/(?P<kind>[a-z-]+)\.(?P<ending>xlsx|csv|json)$",
        views.TemplateSheetView.as_view(),
        name="sheet_template",
    ),
    re_path(
        r"^reports/(?P<organisation>[-\w]+)/(?P<kind>[a-z-]+)\.(?P<ending>xlsx|csv|json)$",
        views.ReportsSheetView.as_view(),
        name="sheet_of_reports",
    ),
    path("<str:key>/", views.OneSheetView.as_view(), name="sheet"),
    path("<str:key>/findings.csv", views.FindingsView.as_view(), name="sheet_findings"),
]
