"""Whole answers, kept for as long as no data change.

An answer's place names the address, whoever asks, and the stamp of all data, which was read before the data: what is
kept under a stamp is at least as new as the stamp says, however slow its reader was, and a committed write makes a new
stamp. So nothing has to be thrown away; old answers go when their time is over.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language

from alliance.events.reading import state_of

SECONDS = 600
#: Larger answers would fill the cache with few of them.
LARGEST_BYTES = 1_000_000
#: Headers of an answer that another request with the same address gets too.
_KEPT = ("Content-Type", "Content-Language", "HX-Push-Url", "Vary", "Link")


@dataclass(frozen=True)
class Kept:
    """An answer: its bytes and its headers."""

    body: bytes
    headers: dict[str, str]
    #: Of the data, read before them; empty where the place tells it.
    stamp: str = ""


def place(request: HttpRequest, *more: str) -> str:
    """The key of an answer. Args: more: what it depends on besides address, language, and the state of the data."""
    return address(request, state_of(request).stamp, *more)


def address(request: HttpRequest, *more: str) -> str:
    """The key of an answer that tells its stamp itself: it can be asked for before the state of the data is known."""
    told = [
        _release(),
        request.scheme or "",
        request.get_host(),
        request.get_full_path(),
        get_language() or "",
        *more,
    ]
    text = "\n".join(told)
    return f"answer:{hashlib.blake2b(text.encode('utf-8', 'backslashreplace'), digest_size=16).hexdigest()}"


def recall(key: str) -> Kept | None:
    """What is kept there."""
    return cache.get(key)


def keep(key: str, kept: Kept) -> None:
    """Keep an answer that was made after its key."""
    if len(kept.body) <= LARGEST_BYTES:
        cache.set(key, kept, SECONDS)


# --- pages -----------------------------------------------------------------------------------------------------------
def answered(
    request: HttpRequest, make: Callable[[], HttpResponse], *, of: Callable[[], str] | None = None
) -> HttpResponse:
    """A page for a reader who is nobody in particular, from the cache or made now; for others it is always made.

    Args:
        of: names the state of what else the page is made of, which follows the records later than the page may.
    """
    if request.method != "GET" or not _is_nobody(request):
        return make()
    # What htmx says of the request decides whether the page or a part of it is the answer.
    htmx = [f"{name}={request.headers[name]}" for name in sorted(request.headers) if name.startswith("Hx-")]
    key = place(request, *htmx, *([of()] if of else []))
    kept = recall(key)
    if kept is not None:
        return HttpResponse(kept.body, headers=kept.headers)
    response = make()
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    if response.status_code == 200 and _is_for_all(request, response):
        # The page asks who reads it, which Django notes only while it is made.
        patch_vary_headers(response, ["Cookie"])
        keep(key, Kept(response.content, {name: response[name] for name in _KEPT if name in response.headers}))
    return response


def _is_nobody(request: HttpRequest) -> bool:
    """Whether the request carries nothing that could tell one reader from another, or a message for one."""
    return not any(name in request.COOKIES for name in (settings.SESSION_COOKIE_NAME, CookieStorage.cookie_name))


def _is_for_all(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether an answer holds nothing of the one who got it: no cookie, no token of a form, no session."""
    return not (response.cookies or request.META.get("CSRF_COOKIE_NEEDS_UPDATE") or request.session.modified)


@lru_cache(maxsize=1)
def _release() -> str:
    """Of the software that makes the answers: templates, texts, code, and the data beside it that pages read.

    It outlives no restart, the cache does.
    """
    told = hashlib.blake2b(digest_size=8)
    folders = ("templates", "locale", "alliance", "standards", "usecases", "kpis", "reporting", "practices")
    places = [settings.BASE_DIR / name for name in folders]
    for path in sorted(path for one in places for ending in ("html", "mo", "py") for path in one.rglob(f"*.{ending}")):
        status = path.stat()
        told.update(f"{path} {status.st_size} {status.st_mtime_ns}".encode())
    for path in sorted(
        settings.DATA_DIR.iterdir()
    ):  # what pages read beside the records, such as units and climate zones
        status = path.stat()
        told.update(f"{path} {status.st_size} {status.st_mtime_ns}".encode())
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    told.update(manifest.read_bytes() if manifest.exists() else b"")
    return told.hexdigest()
