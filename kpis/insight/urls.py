"""Addresses of insight, below those of the indicators."""

from django.urls import path, re_path

from kpis.insight import evidence, views

urlpatterns = [
    path("explore/", views.ExploreView.as_view(), name="explore"),
    re_path(r"^explore/numbers\.(?P<ending>csv|json)$", views.ExploreFileView.as_view(), name="explore_numbers"),
    re_path(r"^explore/picture\.(?P<ending>svg|png)$", views.ExploreFileView.as_view(), name="explore_picture"),
    path("peers/", views.PeersView.as_view(), name="peers"),
    path("evidence/", evidence.EvidenceView.as_view(), name="evidence"),
    path("<slug:slug>/benchmark/", views.BenchmarkView.as_view(), name="benchmark"),
]
