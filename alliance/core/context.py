"""What every template may count on."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The portal's public address, this page's address on it without the query, and the request's id."""
    return {
        "portal_origin": settings.PORTAL_ORIGIN,
        "canonical_url": f"{settings.PORTAL_ORIGIN}{request.path}",
        "request_id": getattr(request, "request_id", ""),
        "is_local": settings.LOCAL,
    }
