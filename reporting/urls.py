"""Addresses below /workspace/."""

from django.urls import include, path

from reporting import views
from reporting.file_views import FilesView
from reporting.models import Kind
from reporting.page_views import ReportPageView, StartView

app_name = "reporting"
urlpatterns = [
    path("", views.WorkspaceView.as_view(), name="workspace"),
    path("new/", StartView.as_view(kind=Kind.USE_CASE), name="new"),
    path("new/result/", StartView.as_view(kind=Kind.RESULT), name="new_result"),
    path("suggestions/<str:kind>/", views.SuggestionsView.as_view(), name="suggestions"),
    path("sheets/", include("reporting.sheets.urls")),
    path("reports/<str:key>/files/", FilesView.as_view(), name="files"),
    path("reports/<str:key>/", views.ReportView.as_view(), name="report"),
    path("reports/<str:key>/submit/", views.SubmitView.as_view(), name="submit"),
    path("reports/<str:key>/thanks/", views.ThanksView.as_view(), name="thanks"),
    path("reports/<str:key>/replies/", views.RepliesView.as_view(), name="replies"),
    path("reports/<str:key>/close/", views.CloseView.as_view(), name="close"),
    path("reports/<str:key>/<str:page>/", ReportPageView.as_view(), name="page"),
    path("reports/<str:key>/<str:page>/presence/", views.PresenceView.as_view(), name="presence"),
]
