"""Signing in by a one-time link. All other account pages are allauth's."""

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib import auth
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from alliance.members import sign_in_links


@method_decorator(never_cache, name="dispatch")
class SignInLinkView(View):
    """GET asks, POST signs in: programs that look at links ahead of people do not use one up."""

    template_name = "members/sign_in_link.html"

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self.page(request, sign_in_links.user_of(token))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        with transaction.atomic():
            user = sign_in_links.user_of(token, lock=True)
            if user is not None:
                # Sets last_login, and with it uses the link up, before the lock is released.
                auth.login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
                record_authentication(request, user, method="sign_in_link", reauthenticated=True)
        if user is None:
            return self.page(request, None)
        return HttpResponseRedirect(reverse("admin:index") if user.is_staff else reverse("home"))

    def page(self, request: HttpRequest, user: object) -> HttpResponse:
        context = {
            "link_user": user,
            "minutes": int(sign_in_links.VALID_FOR.total_seconds() // 60),
            "is_local": settings.LOCAL,
        }
        response = render(request, self.template_name, context, status=200 if user else 410)
        # The address is a secret and must not travel on as the referrer. (Under "no-referrer" browsers post with
        # "Origin: null", which the CSRF check refuses.)
        response["Referrer-Policy"] = "strict-origin"
        response["X-Robots-Tag"] = "noindex"
        return response
