"""Addresses below /workspace/tokens/."""

from django.urls import path

from alliance.members import token_views as views

app_name = "tokens"
urlpatterns = [
    path("", views.TokensView.as_view(), name="list"),
    path("<str:key>/revoke/", views.RevokeView.as_view(), name="revoke"),
]
