"""Addresses below /promises/: what pilots promised before they started."""

from django.urls import path

from reporting import promise_views

app_name = "promises"
urlpatterns = [
    path("", promise_views.PromiseListView.as_view(), name="list"),
    path("new/", promise_views.NewPromiseView.as_view(), name="new"),
    path("<str:key>/", promise_views.PromiseView.as_view(), name="detail"),
    path("<str:key>/edit/", promise_views.EditPromiseView.as_view(), name="edit"),
]
