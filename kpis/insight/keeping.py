"""Keeping answers that are made of the inputs of aggregates: until the data change, or what is computed from them."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

from alliance.events.cache import answered
from kpis.aggregating import READER


def state_of_aggregates() -> str:
    """How far the aggregates know the change log, and which of their cells wait. Ask before reading them.

    Inputs change in the transaction that moves the cursor, cells in the one that takes them from the queue. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT transaction, position, (SELECT count(*) FROM kpis_stalecell) FROM events_cursor WHERE reader = %s",
            [READER],
        )
        return f"aggregates {cursor.fetchone()}"


def kept(request: HttpRequest, make: Callable[[], HttpResponse]) -> HttpResponse:
    """A page of computed numbers, from the cache or made now."""
    return answered(request, make, of=state_of_aggregates)
