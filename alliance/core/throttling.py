"""How many requests one client may make, told in the headers `RateLimit-Policy` and `RateLimit`.

Source: draft-ietf-httpapi-ratelimit-headers-11 (May 2026): structured fields, one policy named `client`.
"""

import hashlib
import math
import time
from dataclasses import dataclass

from django.core.cache import cache
from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

#: All requests of a client; those that write are counted a second time, under a tighter limit.
POLICY, WRITING = "client", "writing"
#: Where the request keeps what is left, until the answer's headers are written.
ATTRIBUTE = "rate_limit"


@dataclass(frozen=True)
class Quota:
    """What a client has left: requests of `limit` in the current window, which ends in `reset` seconds."""

    limit: int
    window: int
    remaining: int
    reset: int
    policy: str = POLICY

    def write(self, response: HttpResponseBase) -> None:
        response["RateLimit-Policy"] = f'"{self.policy}";q={self.limit};w={self.window}'
        response["RateLimit"] = f'"{self.policy}";r={self.remaining};t={self.reset}'


class ClientRateThrottle(SimpleRateThrottle):
    """So many requests in a fixed window for each user, or for each address of those who are not signed in.

    One counter a client and window, raised atomically in Redis, so that all web processes count together. While Redis
    is gone everybody is let through: the portal answers rather than counts.
    """

    scope = POLICY

    def __init__(self) -> None:
        # Read here and not when the class is made, so that a changed setting is seen.
        self.rate = api_settings.DEFAULT_THROTTLE_RATES.get(self.scope)
        self.num_requests, self.duration = self.parse_rate(self.rate)
        self._reset = 0

    def get_cache_key(self, request: Request, view: object) -> str:
        """The client's key: a hash, so that no address of a reader is stored."""
        user = request.user
        who = f"user:{user.pk}" if user is not None and user.is_authenticated else f"address:{self.get_ident(request)}"
        scope = "" if self.scope == POLICY else f"{self.scope}:"
        return f"throttle:{scope}{hashlib.blake2b(who.encode(), digest_size=12).hexdigest()}"

    def allow_request(self, request: Request, view: object) -> bool:
        if self.rate is None:
            return True
        window, second = divmod(time.time(), self.duration)
        self._reset = max(1, math.ceil(self.duration - second))
        made = self._count(f"{self.get_cache_key(request, view)}:{int(window)}")
        if made is None:
            return True
        quota = Quota(self.num_requests, self.duration, max(0, self.num_requests - made), self._reset, self.scope)
        setattr(request._request, ATTRIBUTE, quota)
        return made <= self.num_requests

    def _count(self, key: str) -> int | None:
        """How many requests the window has seen, this one among them; None when nobody can tell."""
        return cache.count(key, self.duration + 1)

    def wait(self) -> float:
        """Seconds until the client may ask again."""
        return self._reset


class WriteRateThrottle(ClientRateThrottle):
    """The same for requests that write; the headers then tell of this quota."""

    scope = WRITING
