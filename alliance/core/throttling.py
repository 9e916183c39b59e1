"""How many requests one client may make, told in the headers `RateLimit-Policy` and `RateLimit`.

Source: draft-ietf-httpapi-ratelimit-headers-11 (May 2026): structured fields, one policy named `client`.
"""

import hashlib
import math
import time
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

#: All requests of a client; those that write are counted a second time, under a tighter limit.
POLICY, WRITING = "client", "writing"
#: Where the request keeps what is left, until the answer's headers are written.
ATTRIBUTE = "rate_limit"
_COUNTING = "rate_counting"


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


def tell(request: HttpRequest, response: HttpResponseBase) -> None:
    """Write what is left into an answer, where that is known."""
    quota: Quota | None = getattr(request, ATTRIBUTE, None)
    if quota is not None:
        quota.write(response)


class Counting:
    """A request that is being counted. Asked twice, it says the same: nobody is counted twice for one request."""

    #: What was asked for besides.
    also: Any = None

    def __init__(self, request: HttpRequest, key: str, limit: int, window: int, policy: str, also: str = "") -> None:
        now, second = divmod(time.time(), window)
        self.request, self.limit, self.window, self.policy = request, limit, window, policy
        self.reset = max(1, math.ceil(window - second))
        self._value = cache.begin_count(f"{key}:{int(now)}", window + 1, also)
        self._is_allowed: bool | None = None

    def is_allowed(self) -> bool:
        """Wait for the count, and note for the answer's headers what is left."""
        if self._is_allowed is None:
            made, self.also = self._value()
            self._is_allowed = made is None or made <= self.limit
            if made is not None:
                left = max(0, self.limit - made)
                setattr(self.request, ATTRIBUTE, Quota(self.limit, self.window, left, self.reset, self.policy))
        return self._is_allowed


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
        self._counting: Counting | None = None

    def get_cache_key(self, request: Request | HttpRequest, view: object) -> str:
        """The client's key: a hash, so that no address of a reader is stored."""
        user = getattr(request, "user", None)
        who = f"user:{user.pk}" if user is not None and user.is_authenticated else f"address:{self.get_ident(request)}"
        scope = "" if self.scope == POLICY else f"{self.scope}:"
        return f"throttle:{scope}{hashlib.blake2b(who.encode(), digest_size=12).hexdigest()}"

    def get_ident(self, request: Request | HttpRequest) -> str:
        """The client's address, as far as the proxies in front of the portal are believed."""
        return request.META.get("REMOTE_ADDR", "") if api_settings.NUM_PROXIES == 0 else super().get_ident(request)

    def begin(self, request: HttpRequest, also: str = "") -> Counting | None:
        """Begin to count a request, which may be before DRF comes to it. None: nobody is counted.

        Args: also: the key of something in the cache that is to come with the count.
        """
        if self.rate is None:
            return None
        name = f"{_COUNTING}_{self.scope}"
        found = getattr(request, name, None)
        if found is None:
            key = self.get_cache_key(request, None)
            found = Counting(request, key, self.num_requests, self.duration, self.scope, also)
            setattr(request, name, found)
        return found

    def allow_request(self, request: Request, view: object) -> bool:
        self._counting = self.begin(request._request)
        return self._counting is None or self._counting.is_allowed()

    def wait(self) -> float | None:
        """Seconds until the client may ask again."""
        return self._counting.reset if self._counting else None


class WriteRateThrottle(ClientRateThrottle):
    """The same for requests that write; the headers then tell of this quota."""

    scope = WRITING
