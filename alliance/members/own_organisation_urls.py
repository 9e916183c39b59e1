"""Addresses below /workspace/organisations/."""

from django.urls import path

from alliance.members import own_organisation_views as views

app_name = "own_organisations"
urlpatterns = [
    path("", views.OwnOrganisationListView.as_view(), name="list"),
    path("<slug:slug>/", views.PeopleView.as_view(), name="detail"),
    path("<slug:slug>/words/", views.WordsView.as_view(), name="words"),
]
