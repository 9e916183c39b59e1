"""Conditional answers: `ETag`, `Last-Modified`, 304, and what caches may keep.

The `ETag` is strong and made from the very bytes of the answer, so that it is right whatever changed: a row, a name
nested in it, the software. `Last-Modified` tells when the newest of the rows shown was changed. It decides about 304
only where an answer is made from one row alone: elsewhere a row can vanish from an answer (a technology taken off a use
case) without any of the remaining dates moving. A release that changes the JSON itself is told by the tag alone.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date, parse_etags, parse_http_date_safe

from alliance.core import errors

#: What an anonymous reader's answer and a signed-in reader's answer may be kept for.
PUBLIC = "public, max-age=0, must-revalidate"
PRIVATE = "private, max-age=0, must-revalidate"
VARY = ("Accept", "Accept-Encoding", "Cookie")
#: What a 304 repeats of the answer that it stands for (RFC 9110, section 15.4.5), and what else clients look at.
KEPT = ("Cache-Control", "Content-Language", "ETag", "Last-Modified", "Link", "RateLimit", "RateLimit-Policy", "Vary")


def newest_change(rows: Iterable[Model]) -> datetime | None:
    """The newest `updated_at` among rows and everything that was loaded with them; no query is made."""
    newest: datetime | None = None
    seen: set[int] = set()
    waiting = list(rows)
    while waiting:
        row = waiting.pop()
        if id(row) in seen:
            continue
        seen.add(id(row))
        changed = getattr(row, "updated_at", None)
        if changed is not None and (newest is None or changed > newest):
            newest = changed
        waiting.extend(one for one in row._state.fields_cache.values() if one is not None)
        for loaded in getattr(row, "_prefetched_objects_cache", {}).values():
            waiting.extend(loaded)
    return newest


def strong_etag(body: bytes) -> str:
    """A strong entity tag of these bytes."""
    # SHA-256, which processors have instructions for.
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def set_caching(response: HttpResponse, *, signed_in: bool) -> None:
    """Let caches keep the answer but ask each time; what depends on who asks is kept by their own client only."""
    response.headers.setdefault("Cache-Control", PRIVATE if signed_in else PUBLIC)
    if "Vary" in response.headers:
        patch_vary_headers(response, VARY)
    else:
        response.headers["Vary"] = ", ".join(VARY)


def answer_conditionally(
    request: HttpRequest, response: HttpResponse, *, etag: str, last_modified: datetime | None, one_row: bool
) -> HttpResponse:
    """The answer with its validators, or 304 when the client has it already. The body must be there.

    Args:
        etag: its entity tag. Up to its first dot it stands for the bytes alone: a client's tag that agrees so far
            is known, whatever follows.
        last_modified: when the newest of the rows shown was changed.
        one_row: the answer is made from one row, so that its date alone proves it unchanged.
    """
    response["ETag"] = etag
    decisive = None
    if last_modified is not None:
        response["Last-Modified"] = http_date(last_modified.timestamp())
        # The header counts whole seconds. Within the second of a change a further one would go unseen.
        if one_row and timezone.now() - last_modified > timedelta(seconds=1):
            decisive = int(last_modified.timestamp())
        elif one_row:
            del response["Last-Modified"]
    wanted = parse_etags(request.META.get("HTTP_IF_MATCH", ""))
    if wanted and wanted != ["*"] and _bytes_of(etag) not in map(_bytes_of, wanted):
        return errors.problem(request, 412, "", "The record is not the one that If-Match names.")
    if not _is_known(request, etag, decisive):
        return response
    unchanged = HttpResponseNotModified()
    for name in KEPT:
        if name in response.headers:
            unchanged[name] = response[name]
    unchanged.cookies = response.cookies
    return unchanged


def _bytes_of(tag: str) -> str:
    """The part of a tag that stands for the bytes."""
    return tag.removeprefix("W/").strip('"').partition(".")[0]


def _is_known(request: HttpRequest, etag: str, last_modified: int | None) -> bool:
    """Whether the client holds this very answer. A tag, weak or strong, takes precedence over a date."""
    if "HTTP_IF_NONE_MATCH" in request.META:
        held = parse_etags(request.META["HTTP_IF_NONE_MATCH"])
        return held == ["*"] or _bytes_of(etag) in (_bytes_of(tag) for tag in held)
    if last_modified is None:
        return False
    since = parse_http_date_safe(request.META.get("HTTP_IF_MODIFIED_SINCE", ""))
    return since is not None and last_modified <= since
