"""What happens around every request: its id, its count, its headers, and what it hears when a service is gone."""

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import got_request_exception, request_finished
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError as BrokerError

from alliance.core import errors, health, metrics, request_id
from alliance.core.logging import without_secrets

access_log = logging.getLogger("alliance.access")
log = logging.getLogger(__name__)

NextHandler = Callable[[HttpRequest], HttpResponseBase]

#: Longer than any query that the portal's own pages make (a saved filter with a hundred values has some 3,000).
LONGEST_TARGET_BYTES = 8_192
RETRY_AFTER_SECONDS = 10


# --- id, access log --------------------------------------------------------------------------------------------------
class RequestIdMiddleware:
    """Gives the request an id (the client's own, when it is harmless), and writes one line when it is answered."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Not by `headers`, which most requests need for nothing else: making it reads all of them.
        identifier = request_id.accept(request.META.get("HTTP_X_REQUEST_ID"))
        request.request_id = identifier  # type: ignore[attr-defined]
        request_id.begin(identifier, is_web=True)
        started = time.perf_counter()
        response = self.get_response(request)
        response[request_id.HEADER] = identifier
        self.write_line(request, response.status_code, (time.perf_counter() - started) * 1_000)
        return response

    @staticmethod
    def write_line(request: HttpRequest, status: int, milliseconds: float) -> None:
        """The path, but never the query: what people search for is their own affair, and links carry secrets."""
        route = metrics.route_of(request)
        quiet = request.path_info in health.PATHS or route == settings.STATIC_URL
        path = without_secrets(request.path_info)[:200]
        access_log.log(
            logging.DEBUG if quiet and status < 500 else logging.INFO,
            "%s %s %d",
            request.method,
            path,
            status,
            extra={
                "method": request.method,
                "path": path,
                "route": route,
                "status": status,
                "duration_ms": round(milliseconds, 1),
            },
        )


def _work_for_nobody(**_kwargs: object) -> None:
    request_id.end()


# A streamed answer is still being produced when the middleware has returned: the id stays until the answer is closed.
request_finished.connect(_work_for_nobody, dispatch_uid="portal-request-id")


class ActorMiddleware:
    """Tells the database who writes. Reading needs no name, so it costs nobody a look at the session."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD", "OPTIONS", "TRACE"):
            user = request.user
            request_id.act_as(f"user {user.pk}" if user.is_authenticated else "visitor")
        return self.get_response(request)


class MetricsMiddleware:
    """Counts and times every request."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        metrics.count_request(request, response.status_code, time.perf_counter() - started)
        return response


# --- health ----------------------------------------------------------------------------------------------------------
class HealthMiddleware:
    """Answers `/healthz`, `/readyz` and `/metrics` before hosts are checked and addresses redirected: probes come by
    IP address and over plain http."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in health.PATHS:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        answer = {"/healthz": self.alive, "/readyz": self.ready, "/metrics": self.metrics}[request.path_info]
        response = answer(request)
        add_never_cache_headers(response)
        response["X-Content-Type-Options"] = "nosniff"
        return response

    @staticmethod
    def alive(request: HttpRequest) -> HttpResponse:
        return JsonResponse({"status": "alive"})

    @staticmethod
    def ready(request: HttpRequest) -> HttpResponse:
        """503 when anything is wrong. A load balancer asks `?for=pages`, which stays 200 while pages can be answered:
        taking every server out because Redis is down would help nobody."""
        told, ready, pages = health.readiness()
        ok = pages if request.GET.get("for") == "pages" else ready
        return JsonResponse(told, status=200 if ok else 503, json_dumps_params={"indent": 1})

    @staticmethod
    def metrics(request: HttpRequest) -> HttpResponse:
        if not metrics.may_read(request):
            return HttpResponse(
                "Metrics are for programs on this machine, or for those who send METRICS_TOKEN as a bearer token.\n",
                status=403,
                content_type="text/plain; charset=utf-8",
            )
        return HttpResponse(metrics.render(), content_type=metrics.CONTENT_TYPE)


# --- headers ---------------------------------------------------------------------------------------------------------
def policy_text(policy: Mapping[str, Sequence[str]]) -> str:
    """A content security policy as its header says it.

    Raises: ImproperlyConfigured when the policy allows inline code, which this portal never needs.
    """
    unsafe = {"'unsafe-inline'", "'unsafe-eval'", "*"} & {source for sources in policy.values() for source in sources}
    if unsafe:
        raise ImproperlyConfigured(f"SECURE_CSP must not contain {', '.join(sorted(unsafe))}.")
    return "; ".join(" ".join([directive, *sources]) for directive, sources in policy.items())


class SecurityHeadersMiddleware:
    """The headers that Django 5.2 does not set itself. A view that needs another value sets it; it then stays."""

    permissions = ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer",
            "autoplay",
            "browsing-topics",
            "camera",
            "display-capture",
            "encrypted-media",
            "geolocation",
            "gyroscope",
            "magnetometer",
            "microphone",
            "midi",
            "payment",
            "picture-in-picture",
            "screen-wake-lock",
            "usb",
            "xr-spatial-tracking",
        )
    )

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response
        self.headers = {
            "Content-Security-Policy": policy_text(settings.SECURE_CSP),
            "Permissions-Policy": (
                f"{self.permissions}, publickey-credentials-get=(self), publickey-credentials-create=(self)"
            ),
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Permitted-Cross-Domain-Policies": "none",
        }

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        return response


# --- language --------------------------------------------------------------------------------------------------------
class LanguageMiddleware:
    """The language of the address: in front of a page's path, else English. Nothing else decides, so no answer varies
    by a header; Django's own middleware reads the headers all the same."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = translation.get_language_from_path(request.path_info) or settings.LANGUAGE_CODE
        translation.activate(language)
        request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language())
        return response


# --- bad input -------------------------------------------------------------------------------------------------------
class RefuseMalformedMiddleware:
    """Refuses addresses that no page or program of the portal makes, before they reach the database."""

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        fault = self.fault_of(request)
        if fault is None:
            return self.get_response(request)
        return errors.error_response(request, 400, _("This request cannot be read"), fault)

    @staticmethod
    def fault_of(request: HttpRequest) -> str | Promise | None:
        """What is wrong with the request's address; None when nothing is."""
        query = request.META.get("QUERY_STRING", "")
        if len(query) > LONGEST_TARGET_BYTES or len(request.path_info) > LONGEST_TARGET_BYTES:
            return format_lazy(
                _("The address is longer than {limit} bytes. Choose fewer filters, or search for fewer words."),
                limit=LONGEST_TARGET_BYTES,
            )
        values: list[str] = []
        if "%" in query or not query.isascii():
            values = [text for name, given in request.GET.lists() for text in (name, *given)]
        if any("\0" in text for text in (request.path_info, *values)):
            return _("The address contains a NUL byte (%00). Remove it.")
        # Bytes that are not UTF-8 arrive here as the replacement character, which somebody may also have meant.
        if any("\ufffd" in text for text in values) and "%EF%BF%BD" not in query.upper():
            return _("The address contains bytes that are not UTF-8, such as half of a surrogate pair. Remove them.")
        return None


# --- services that are gone ------------------------------------------------------------------------------------------
class ServiceGoneError(Exception):
    """A service that this request cannot do without does not answer. `service` is one word for metrics."""

    def __init__(self, service: str, detail: str | Promise) -> None:
        super().__init__(str(detail))
        self.service, self.detail = service, detail


class Outage(NamedTuple):
    """Which service failed, and what the reader is told."""

    service: str
    detail: str | Promise


_QUERY_CANCELED = "57014"


def outage_of(error: BaseException) -> Outage | None:
    """The outage behind an exception; None when it is a fault of the program."""
    if isinstance(error, ServiceGoneError):
        return Outage(error.service, error.detail)
    if isinstance(error, DatabaseError | InterfaceError):
        code = getattr(error.__cause__, "pgcode", None)
        if code == _QUERY_CANCELED:
            return Outage("database-timeout", _("This took too long. Narrow it: choose another filter, or add a word."))
        lost = connection.connection is not None and connection.connection.closed
        if isinstance(error, OperationalError | InterfaceError) or lost:
            return Outage("database", _("The database does not answer just now. Try again in a minute."))
    if isinstance(error, redis.RedisError | BrokerError):
        return Outage("redis", _("Background work does not answer just now. Try again in a minute."))
    return None


def _remember_outage(request: HttpRequest | None = None, **_kwargs: object) -> None:
    error = sys.exc_info()[1]
    if request is not None and error is not None and (outage := outage_of(error)):
        request.portal_outage = outage  # type: ignore[attr-defined]


got_request_exception.connect(_remember_outage, dispatch_uid="portal-outage")


class ServiceErrorsMiddleware:
    """Turns a service that is gone into 503 with Retry-After and an explanation that needs no service.

    Nothing is kept back for later: Django drops the broken connection when the request ends, and the next request
    opens a new one, so that the portal recovers by itself.
    """

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # An exception in another middleware (the session's, say) never reaches `process_exception`.
        if response.status_code == 500 and (outage := getattr(request, "portal_outage", None)):
            return self.explain(request, outage)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        outage = outage_of(exception)
        if outage is None:
            return None
        log.error("%s: %s", type(exception).__name__, str(exception).strip(), extra={"service": outage.service})
        return self.explain(request, outage)

    @staticmethod
    def explain(request: HttpRequest, outage: Outage) -> HttpResponse:
        """503 as a page or as a problem document."""
        metrics.SERVICE_FAILURES.labels(outage.service).inc()
        response = errors.error_response(
            request,
            503,
            _("The portal is not ready just now"),
            outage.detail,
            {"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
        if errors.is_api(request):
            response["Access-Control-Allow-Origin"] = "*"
        add_never_cache_headers(response)
        return response
