"""Addresses below /review/."""

from django.urls import path

from reporting import record_views, review_views

app_name = "review"
urlpatterns = [
    path("", review_views.QueueView.as_view(), name="queue"),
    path("corrections/", record_views.CorrectionView.as_view(), name="correct"),
    path("merge/", record_views.MergeView.as_view(), name="merge"),
    path("results/<slug:slug>/", record_views.CheckView.as_view(), name="check"),
    path("<str:key>/", review_views.ReviewView.as_view(), name="report"),
    path("<str:key>/dialogue/", review_views.DialogueView.as_view(), name="dialogue"),
    path("<str:key>/editor/", review_views.AssignView.as_view(), name="assign"),
]
