"""When and where people's sessions were last used, for the list in which they can end them."""

import hashlib

from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase

from alliance.core.middleware import NextHandler

#: A session in steady use is noted this often; from another address or browser, at once.
NOTED_EVERY_SECONDS = 300


class SessionActivityMiddleware:
    """allauth's own middleware writes to the database at every request of everybody who is signed in; this one does
    so every few minutes."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.session.session_key and request.user.is_authenticated and self.is_news(request):
            UserSession.objects.create_from_request(request)
        return self.get_response(request)

    @staticmethod
    def is_news(request: HttpRequest) -> bool:
        """Whether this use of the session is to be noted. (A key is a secret: the cache only sees its hash.)"""
        place = f"{request.META.get('REMOTE_ADDR')} {request.headers.get('User-Agent')}"
        digest = hashlib.sha256(f"{request.session.session_key} {place}".encode("utf-8", "replace")).hexdigest()
        return cache.add(f"session-noted:{digest[:40]}", 1, NOTED_EVERY_SECONDS)
