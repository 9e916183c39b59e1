"""Reading the API from a page of another origin: allowed to everybody, without cookies."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from alliance.core.errors import is_api

ALLOWED_METHODS = "GET, HEAD, OPTIONS"
ALLOWED_HEADERS = "Accept, Content-Type, If-Modified-Since, If-None-Match, X-Request-ID"
EXPOSED_HEADERS = (
    "Allow, Content-Disposition, ETag, Last-Modified, Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
)


class CorsMiddleware:
    """Says on every answer under /api/, errors and redirects included, that pages of any origin may read it.

    There is no `Access-Control-Allow-Credentials`: a foreign page never acts as the person who is signed in here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request):
            return self.get_response(request)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response: HttpResponseBase = HttpResponse(
                status=204,
                headers={
                    "Access-Control-Allow-Methods": ALLOWED_METHODS,
                    "Access-Control-Allow-Headers": ALLOWED_HEADERS,
                    "Access-Control-Max-Age": "86400",
                },
            )
        else:
            response = self.get_response(request)
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response
