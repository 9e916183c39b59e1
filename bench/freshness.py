"""From accepting a result to the new number on the page, with the worker as the portal has it.

First nobody else writes; then a transaction of its own imports `IMPORTED` results, which keeps the log unsettled for as
long as it is open. What was accepted and imported is taken back afterwards.
"""

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.db.models import F

from alliance.events import tasks
from bench.servers import Server, worker
from kpis import aggregating
from kpis.models import Kpi, Result, ResultState

IMPORTED, AT_ONCE = 10_000, 250
#: Accepted one after another, idle and while the import runs.
TIMES = 5
_PATIENCE_SECONDS = 180

Say = Callable[[str], None]


@dataclass
class Freshness:
    """Seconds of each time; of the import; and from its end until all of it was counted."""

    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    import_seconds: float = 0.0
    counted_seconds: float = 0.0


def measure(server: Server, *, folder: Path, environment: Mapping[str, str], say: Say) -> Freshness:
    """Raises: LookupError, ServerError."""
    found = Freshness()
    drafts = _drafts(2 * TIMES)
    made: list[int] = []
    aggregating.follow()
    try:
        with worker(folder, environment):
            say(f"accepting {TIMES} results, one after another")
            found.idle = [_accepted(server, draft) for draft in drafts[:TIMES]]
            say(f"the same while {IMPORTED:,} results are imported")
            last = Result.objects.order_by("-pk").values_list("pk", flat=True)[0]
            running = threading.Thread(target=_import, args=(found, made))
            running.start()
            while not made:  # the transaction is open
                time.sleep(0.01)
            found.busy = [_accepted(server, draft) for draft in drafts[TIMES:]]
            running.join()
            begun = time.perf_counter()
            _until_counted(last)
            found.counted_seconds = time.perf_counter() - begun
        return found
    finally:
        Result.objects.filter(pk__in=[draft.pk for draft in drafts]).update(state=ResultState.DRAFT)
        Result.objects.filter(slug__startswith="bench-imported-").delete()
        aggregating.follow()


def _drafts(count: int) -> list[Result]:
    """Results that wait, of indicators with some hundreds of results, no two of the same."""
    rows = Result.objects.filter(state=ResultState.DRAFT, use_case__status="published", change_percent__isnull=False)
    found = list(rows.select_related("kpi").order_by("kpi_id", "pk").distinct("kpi_id")[:count])
    if len(found) < count:
        raise LookupError("the data set has too few drafts")
    return found


def _accepted(server: Server, draft: Result) -> float:
    """Accept one as an editor does, then look at its page until it shows one result more."""
    before = _shown(server, draft.kpi)
    begun = time.perf_counter()
    Result.objects.filter(pk=draft.pk).update(state=ResultState.ACCEPTED, version=F("version") + 1)
    tasks.wake()
    while _shown(server, draft.kpi) == before:
        if time.perf_counter() - begun > _PATIENCE_SECONDS:
            raise LookupError(f"the page of {draft.kpi.slug} shows no new number")
        time.sleep(0.05)
    return time.perf_counter() - begun


def _shown(server: Server, kpi: Kpi) -> str:
    """The number of results that the page of the indicator says."""
    place = urlsplit(server.origin)
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    line.request("GET", f"/kpis/{kpi.slug}/computed/")
    with line.getresponse() as answer:
        body = answer.read().decode()
    line.close()
    if answer.status != 200:
        raise LookupError(f"/kpis/{kpi.slug}/computed/ answers {answer.status}")
    return body.split("<dt>Results</dt><dd>")[1].split("<")[0]


def _import(found: Freshness, made: list[int]) -> None:
    begun = time.perf_counter()
    fields = [one for one in Result._meta.concrete_fields if not one.generated and not one.primary_key]
    sample = list(Result.objects.filter(state=ResultState.ACCEPTED).order_by("-pk")[:IMPORTED])
    try:
        with transaction.atomic():
            for start in range(0, len(sample), AT_ONCE):
                rows = [
                    Result(**{one.attname: getattr(row, one.attname) for one in fields})
                    for row in sample[start : start + AT_ONCE]
                ]
                for place, row in enumerate(rows):
                    row.slug = f"bench-imported-{start + place}"
                Result.objects.bulk_create(rows)
                made.append(len(rows))
        tasks.wake()
    finally:
        found.import_seconds = time.perf_counter() - begun
        connection.close()


def _until_counted(last: int) -> None:
    """Until all imported results are inputs and no cell waits."""
    end = time.perf_counter() + _PATIENCE_SECONDS
    while time.perf_counter() < end:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT count(*) FROM kpis_aggregateinput WHERE result_id > %s), "
                "(SELECT count(*) FROM kpis_uncountedinput)",
                [last],
            )
            counted, waiting = cursor.fetchone()
        if counted and not waiting:
            return
        time.sleep(0.1)
    raise LookupError("the imported results are not counted")
