"""Addresses below /accounts/ that are not allauth's."""

from django.urls import path

from alliance.members import views

urlpatterns = [path("link/<str:token>/", views.SignInLinkView.as_view(), name="sign_in_link")]
