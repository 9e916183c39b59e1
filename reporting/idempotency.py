"""`Idempotency-Key`: a request that is sent twice is worked off once, and answered the same both times.

What the request writes, and the answer to it, are committed in one transaction. So a process that is killed in between
leaves nothing behind, and a client that never saw the answer gets it when it asks again.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from alliance.core.errors import ProblemError
from alliance.members.models import User
from reporting.models import IdempotentRequest

HEADER = "Idempotency-Key"
#: So long an answer is kept for a repeated request.
KEPT_FOR = timedelta(hours=24)
#: A structured string (with quotes), or the same without them.
_SHAPE = re.compile(r'"(?P<quoted>[\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|(?P<plain>[\x21\x23-\x7e]{1,255})')
#: Headers of an answer that are kept with it.
_KEPT_HEADERS = ("Content-Type", "Content-Language", "ETag", "Location")


def key_of(request: HttpRequest) -> str:
    """The key that came with a request; empty: none did. Raises: ProblemError."""
    text = request.headers.get(HEADER, "").strip()
    if not text:
        return ""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ProblemError(400, f"{HEADER} takes 1 to 255 printable ASCII characters, such as a UUID.")
    return match["quoted"] or match["plain"]


def digest_of(request: HttpRequest, body: bytes) -> str:
    """What makes a request the same one: method, address with its query, body."""
    told = hashlib.sha256()
    for part in (str(request.method).encode(), request.get_full_path().encode("utf-8", "backslashreplace"), body):
        told.update(len(part).to_bytes(8, "big") + part)
    return told.hexdigest()


def once(*, user: User, key: str, digest: str, work: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer of `work`, which runs at most once for a user and key within a day.

    Args:
        work: writes, and returns its answer rendered; an answer of 500 or more, and what it raises, undo all.
    Raises: ProblemError 422 when the key was used for another request, 409 while it is being worked off.
    """
    with transaction.atomic():
        if not _is_alone(user, key):
            raise ProblemError(409, f"A request with this {HEADER} is being worked off.", kind="request-in-progress")
        earlier = IdempotentRequest.objects.filter(user=user, key=key).first()
        if earlier is not None and earlier.created_at < timezone.now() - KEPT_FOR:
            earlier.delete()
            earlier = None
        if earlier is not None:
            return _again(earlier, digest)
        response = work()
        IdempotentRequest.objects.create(
            user=user,
            key=key,
            request_digest=digest,
            status=response.status_code,
            body=response.content.decode("utf-8"),
            headers={name: response[name] for name in _KEPT_HEADERS if name in response},
        )
    return response


def forget_old() -> int:
    """Delete what is kept no longer. Returns: how many."""
    return IdempotentRequest.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]


def _again(earlier: IdempotentRequest, digest: str) -> HttpResponse:
    if earlier.request_digest != digest:
        raise ProblemError(422, f"This {HEADER} came with another request before.", kind="idempotency-key-reused")
    response = HttpResponse(earlier.body.encode("utf-8"), status=earlier.status, headers=earlier.headers)
    response["Idempotency-Replayed"] = "true"
    response["Cache-Control"] = "no-store"
    return response


def _is_alone(user: User, key: str) -> bool:
    """Whether no other transaction works for this user and key; none begins to before this one ends."""
    place = hashlib.blake2b(f"idempotency {user.pk} {key}".encode(), digest_size=8).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(place, "big", signed=True)])
        return cursor.fetchone()[0]
