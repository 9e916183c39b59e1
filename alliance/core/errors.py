"""Errors as answers: problem documents (RFC 9457) for programs under /api/, pages with the same words for people.

The API speaks English, whatever language a client prefers: its texts end up in logs and in code.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import select_template
from django.utils import translation
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.views import set_rollback

log = logging.getLogger(__name__)

API_PREFIX = "/api/"
PROBLEM_JSON = "application/problem+json"
#: The problem type of a refused request, explained in the documentation of the API.
BAD_PARAMETERS = "bad-parameters"
#: What may be wrong with a request that writes: problem type -> title, explanation.
PROBLEM_TYPES: dict[str, tuple[str, str]] = {
    "bad-body": (
        "Bad body",
        "The body is not what this address takes. `errors` names each place by its JSON pointer.",
    ),
    "report-errors": (
        "The report has errors",
        "Something in it cannot be right. `errors` says of each field what, and how to mend it; nothing was saved.",
    ),
    "unanswered-warnings": (
        "The report has warnings",
        "Something in it is unusual. Mend it, or send it again with `answers`: a mapping of each warning's `answer_as` "
        "to your words, such as “yes, really: it was a holiday”. The answers travel with the record.",
    ),
    "batch-refused": (
        "Nothing of the batch was taken",
        "With `atomic=true` one report with errors or unanswered warnings refuses all. `items` tells of each.",
    ),
    "idempotency-key-reused": (
        "The Idempotency-Key was used for another request",
        "A key stands for one request. Take a new one for another address, query or body.",
    ),
    "request-in-progress": (
        "The same request is being worked off",
        "Another request with this Idempotency-Key has not ended yet. Send it again a little later.",
    ),
    "version-required": (
        "If-Match is missing",
        "Say which version you change: the `ETag` of the report as you read it, in the header If-Match.",
    ),
    "version-conflict": (
        "The report was changed meanwhile",
        "If-Match names an older version. `current` is the report as it is now: put your change into it, and send it "
        "with the new `ETag`.",
    ),
    "move-refused": (
        "The report cannot do this now",
        "Its state does not allow it: see the picture of the states in the documentation of reports.",
    ),
}
#: Registered by draft-ietf-httpapi-ratelimit-headers for answers with status 429.
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"

Words = str | Promise


@dataclass(frozen=True)
class ParameterError:
    """What is wrong with one query parameter, and how to mend it."""

    parameter: str
    detail: str
    code: str


class BadParameters(exceptions.APIException):
    """One or more query parameters cannot be used; all of them are named at once."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "bad_parameters"

    def __init__(self, errors: Sequence[ParameterError]):
        self.errors = list(errors)
        named = list(dict.fromkeys(error.parameter for error in self.errors))
        super().__init__(
            "This parameter cannot be used: {}.".format(", ".join(named))
            if len(named) == 1
            else "These parameters cannot be used: {}.".format(", ".join(named))
        )


class ProblemError(exceptions.APIException):
    """A refusal with a problem type of its own (see `PROBLEM_TYPES`) and further members.

    Attributes:
        kind: of `PROBLEM_TYPES`.
        members: further entries of the problem document, such as `errors`.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ):
        super().__init__(detail)
        self.status_code, self.kind, self.headers, self.members = status, kind, dict(headers or {}), members


def is_api(request: HttpRequest) -> bool:
    """Whether a program asks: it gets problem documents instead of pages."""
    return request.path_info.startswith(API_PREFIX)


def phrase(status: int) -> str:
    """The words of HTTP for a status, such as "Not Found"."""
    return HTTPStatus(status).phrase


def problem(
    request: HttpRequest,
    status: int,
    title: Words = "",
    detail: Words = "",
    *,
    problem_type: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> HttpResponse:
    """A problem document. `members` are further entries, such as `errors`."""
    with translation.override("en"):
        body = {
            "type": problem_type,
            "title": str(title) or phrase(status),
            "status": int(status),
            "detail": str(detail),
            "instance": request.path,
            **members,
        }
    if identifier := getattr(request, "request_id", None):
        body["request_id"] = identifier
    response = HttpResponse(
        json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace"),
        content_type=PROBLEM_JSON,
        status=status,
        headers={"Cache-Control": "no-store", "Content-Language": "en", **(headers or {})},
    )
    response.status_code = int(status)
    return response


def error_response(
    request: HttpRequest,
    status: int,
    title: Words,
    detail: Words,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An error as the client understands it: a problem document under /api/, else the page of that status.

    The page needs neither database nor session: should its template ask for one that is gone, plain HTML answers.
    """
    if is_api(request):
        return problem(request, status, title, detail, headers=headers)
    context = {
        "status": status,
        "title": title,
        "detail": detail,
        "request_id": getattr(request, "request_id", ""),
    }
    response = HttpResponse(_page(request, status, context), status=status, headers=dict(headers or {}))
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _page(request: HttpRequest, status: int, context: dict[str, Any]) -> str:
    # A page of status 500 or more must not ask for anything that may be the cause.
    ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    for frame in (None,) if ours else (request, None):
        try:
            return select_template([f"{status}.html", "500.html" if ours else "400.html"]).render(context, frame)
        except Exception:  # whatever keeps the page from being drawn, the reader hears of the first error
            log.debug("The page of status %d cannot be drawn", status, exc_info=True)
    title, detail = escape(str(context["title"])), escape(str(context["detail"]))
    return f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{detail}</p>"


# --- what Django and DRF call when something goes wrong --------------------------------------------------------------
def problem_details(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler: every error of a view as a problem document; None leaves it to Django (500, 503)."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound(*(arg for arg in exc.args[:1] if isinstance(arg, str)))
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if not isinstance(exc, exceptions.APIException):
        return None
    set_rollback()
    status = int(exc.status_code)
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    members: dict[str, Any] = {}
    title, kind = phrase(status), "about:blank"
    with translation.override("en"):
        detail = exc.detail if isinstance(exc.detail, str) else ""
        if isinstance(exc, BadParameters):
            title, kind = "Bad parameters", documented(BAD_PARAMETERS)
            members["errors"] = [asdict(error) for error in exc.errors]
        elif isinstance(exc, ProblemError):
            headers |= exc.headers
            members |= exc.members
            if exc.kind:
                title, kind = PROBLEM_TYPES[exc.kind][0], documented(exc.kind)
        elif isinstance(exc, exceptions.Throttled):
            kind = QUOTA_EXCEEDED
            members["violated-policies"] = [getattr(exc, "policy", "client")]
            if exc.wait is not None:
                headers["Retry-After"] = str(max(1, int(exc.wait)))
        elif isinstance(exc, exceptions.ValidationError):
            members["errors"] = list(_field_errors(exc.detail))
            detail = "The data sent cannot be used."
        else:
            detail = str(detail or exc.default_detail)
    return problem(context["request"], status, title, detail, problem_type=kind, headers=headers, **members)


def documented(kind: str) -> str:
    """The address of a problem type: its paragraph in the documentation of the API."""
    return f"{settings.PORTAL_ORIGIN}/api/v1/docs/#problem-{kind}"


def _field_errors(detail: Any, pointer: str = "#") -> Iterable[dict[str, str]]:
    """What DRF found in a body, flat: a JSON pointer to the place, a sentence, a code."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            below = pointer if name == "non_field_errors" else f"{pointer}/{name}"
            yield from _field_errors(inner, below)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from _field_errors(inner, f"{pointer}/{index}" if isinstance(inner, Mapping | list) else pointer)
    else:
        yield {"pointer": pointer, "detail": str(detail), "code": getattr(detail, "code", "invalid")}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400."""
    detail = "Its address or its fields are not what is expected here." if is_api(request) else ""
    return error_response(request, HTTPStatus.BAD_REQUEST, _("This request cannot be read"), detail)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler403."""
    detail = "This needs rights that your account does not have." if is_api(request) else ""
    return error_response(request, HTTPStatus.FORBIDDEN, _("You may not see or do this"), detail)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404."""
    if is_api(request):
        detail = f"There is nothing at {request.path[:200]}. {settings.PORTAL_ORIGIN}/api/v1/ lists what there is."
        return problem(request, HTTPStatus.NOT_FOUND, "", detail)
    return error_response(request, HTTPStatus.NOT_FOUND, _("There is no such page"), "")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    detail = "It is a fault of the portal, and it has been logged. Nothing was half saved." if is_api(request) else ""
    return error_response(request, HTTPStatus.INTERNAL_SERVER_ERROR, _("Something broke on our side"), detail)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Shown when a form's secret is missing or old, unless the page takes no forms: then the method is the mistake.

    A view with a `csrf_failure` of its own answers itself, say because somebody's text must not be lost.
    """
    view = getattr(getattr(request.resolver_match, "func", None), "view_class", None)
    if view is not None and hasattr(view, "csrf_failure"):
        return view.csrf_failure(request)
    if view is not None and not hasattr(view, str(request.method).lower()):
        return view(request=request).http_method_not_allowed(request)
    return error_response(
        request,
        HTTPStatus.FORBIDDEN,
        _("This form has expired"),
        _("Go back, load the page anew and send the form again. Cookies must be allowed for this site."),
    )
