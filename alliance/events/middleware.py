"""Whoever writes through the portal wakes the worker that keeps the ready documents."""

from django.http import HttpRequest, HttpResponseBase

from alliance.core.middleware import NextHandler
from alliance.events import tasks


class WakeMiddleware:
    """After a request that may have written. The log's triggers could notify the worker themselves, but PostgreSQL
    lets transactions that notify commit one after the other only."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method not in ("GET", "HEAD", "OPTIONS", "TRACE"):
            tasks.wake()
        return response
