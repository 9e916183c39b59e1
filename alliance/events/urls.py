"""Addresses of histories, for editors."""

from django.urls import path

from alliance.events import views

app_name = "events"
urlpatterns = [
    path("deleted/", views.DeletedView.as_view(), name="deleted"),
    path("<slug:model>/<int:pk>/", views.HistoryView.as_view(), name="history"),
    path("<slug:model>/<int:pk>/restore/<int:position>/", views.RestoreView.as_view(), name="restore"),
]
