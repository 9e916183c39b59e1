"""Keeping answers that are made of the inputs of aggregates: until the data change, or what is computed from them."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from alliance.core import conditional, throttling
from alliance.events import cache
from alliance.events.api import KEPT
from alliance.events.cache import answered
from alliance.events.reading import sees_all, state_of
from kpis.aggregating import READER

#: Where a request notes the state of the aggregates.
_STATE = "_portal_state_of_aggregates"


def state_of_aggregates(request: HttpRequest) -> str:
    """How far the aggregates know the change log, and how many inputs their cells do not. Ask before reading them.

    Inputs change in the transaction that moves the cursor, cells in the one that takes them from the queue. One query,
    once a request.
    """
    state = getattr(request, _STATE, None)
    if state is None:
        state_of(request)  # asked first: the settings of the session travel with it
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT transaction, position, (SELECT count(*) FROM kpis_uncountedinput) FROM events_cursor "
                "WHERE reader = %s",
                [READER],
            )
            state = f"aggregates {cursor.fetchone()}"
        setattr(request, _STATE, state)
    return state


def stamp_of(request: HttpRequest) -> str:
    """Names the state of all that computed numbers and their names are made of: the same stamp, the same answers."""
    return f"{state_of(request).stamp} {state_of_aggregates(request)}"


def kept(request: HttpRequest, make: Callable[[], HttpResponse]) -> HttpResponse:
    """A page of computed numbers, from the cache or made now."""
    return answered(request, make, of=lambda: state_of_aggregates(request))


class KeptAnswers:
    """Addresses of the API whose answers are kept as long. Of a resource: its lists."""

    #: The place of this answer among those that are kept.
    _place = ""

    def known_answer(self, request: HttpRequest) -> HttpResponseBase | None:
        """What somebody got from this address in this state of the data."""
        if request.method not in ("GET", "HEAD") or "HTTP_AUTHORIZATION" in request.META:
            return None  # who asks is known only when DRF has looked at the token
        if getattr(self, "action_map", {}).get("get", "list") != "list":
            return super().known_answer(request)  # type: ignore[misc]  # mixed into doors of the API
        counting = throttling.ClientRateThrottle().begin(request)
        accepted = request.META.get("HTTP_ACCEPT", "")
        place = cache.place(request, accepted, str(sees_all(request.user)), state_of_aggregates(request))
        if counting is not None and not counting.is_allowed():
            return None
        self._place = place
        kept = cache.recall(place)
        if kept is None:
            return None
        answer = HttpResponse(kept.body, headers=kept.headers)
        throttling.tell(request, answer)
        conditional.set_caching(answer, signed_in=request.user.is_authenticated)
        return conditional.answer_conditionally(
            request, answer, etag=kept.headers["ETag"], last_modified=None, one_row=False
        )

    def answered(self, response: HttpResponse) -> None:
        if self._place and response.status_code == 200:
            headers = {name: response[name] for name in KEPT if name in response.headers}
            cache.keep(self._place, cache.Kept(response.content, headers))
