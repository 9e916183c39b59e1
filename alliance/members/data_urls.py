"""Addresses of data rights, below /accounts/data/."""

from django.urls import path

from alliance.members import data_views as views

app_name = "data"
urlpatterns = [
    path("", views.OverviewView.as_view(), name="overview"),
    path("archive/", views.ArchiveView.as_view(), name="archive"),
    path("erase/", views.EraseView.as_view(), name="erase"),
    path("erased/", views.ErasedView.as_view(), name="erased"),
]
