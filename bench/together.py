"""Readers beside writers: no answer may be older than what was committed before it was asked for.

Sixteen readers ask for short lists of which every record changes, first alone, then beside four writers and the worker
that keeps the documents. Each change writes its number into the record's title: a reader who knows the numbers that
were committed before it asks can tell an old answer, or a record that is missing. The writers are a process of their
own (`bench/writers.py`). The titles are put back afterwards.
"""

import http.client
import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.db import connection
from django.db.models import Count, F, Func

from alliance.events import tasks, upkeep
from alliance.events.documents import kinds
from alliance.events.states import Tail, current_state, entries_of
from bench import data, load, writers
from bench.addresses import API
from bench.servers import Server, worker
from usecases.models import UseCase, UseCaseDocument

READERS, WRITERS = 16, 4
#: Of each writer: far more than a register of practices sees.
CHANGES_A_SECOND = 40
#: Lists, and about how many records each of them has.
LISTS, LENGTH = 4, 25
#: The longest page: no list may need a second one.
PAGE = 200
#: How many windows the readers ask alone, and how many beside the writers: 15 and 60 seconds as a rule.
QUIET_WINDOWS, BUSY_WINDOWS = 5, 20
_PATIENCE_SECONDS = 120
_NUMBERED = re.compile(r"Change (\d+)")

Say = Callable[[str], None]


@dataclass
class Phase:
    """What the readers saw: seconds of each answer, answers that were older than they may be, answers that failed."""

    times: list[float] = field(default_factory=list)
    stale: int = 0
    failed: int = 0

    @property
    def p99_ms(self) -> float:
        return load.percentile(self.times, 99) * 1_000


@dataclass
class Together:
    """Both phases, and what came out.

    Attributes:
        changes: how many were committed.
        unlogged: of them, missing in the change log.
        compared: documents that the changes affect.
        differing: of them, not as their records when the worker had done its work.
        behind_seconds: from the last change until it had.
    """

    quiet: Phase
    busy: Phase
    changes: int
    unlogged: int
    compared: int
    differing: int
    behind_seconds: float


class Records:
    """All records of some short lists: how their titles were, and the number of each one's last committed change."""

    def __init__(self) -> None:
        cities = UseCaseDocument.objects.filter(is_public=True).values("city").annotate(rows=Count("id"))
        fitting = cities.filter(rows__lte=PAGE).order_by(Func(F("rows") - LENGTH, function="abs"), "city")
        self.lists = [one["city"] for one in fitting[:LISTS]]
        documents = UseCaseDocument.objects.filter(is_public=True, city__in=self.lists).order_by("id")
        self.titles = dict(documents.values_list("id", "title"))
        self.ids = dict(documents.values_list("slug", "id"))
        self.city_of = dict(documents.values_list("id", "city"))
        self.numbers = writers.numbers(len(self.titles))

    @property
    def committed(self) -> dict[int, int]:
        """Of each record the number of its last committed change, as of now."""
        return dict(zip(self.titles, self.numbers, strict=True))

    def is_stale(self, results: list[dict[str, str]], city: str, committed: dict[int, int]) -> bool:
        """Whether of a city's list a record is older than it was when the list was asked for, or missing."""
        titles = {self.ids.get(one["slug"]): one["title"] for one in results}
        return any(
            number and _number(titles.get(pk, "")) < number
            for pk, number in committed.items()
            if self.city_of[pk] == city
        )

    def put_back(self) -> None:
        for pk, title in self.titles.items():
            UseCase.objects.filter(pk=pk).exclude(title=title).update(title=title, version=F("version") + 1)


def _number(title: str) -> int:
    """Of the change that gave a record its title; 0 when none did."""
    found = _NUMBERED.fullmatch(title)
    return int(found[1]) if found else 0


# --- who reads and who writes ----------------------------------------------------------------------------------------
def _read(server: Server, records: Records, chance: random.Random, stop: threading.Event) -> Phase:
    seen, place = Phase(), urlsplit(server.origin)
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    while not stop.is_set():
        city, committed = chance.choice(records.lists), records.committed
        started = time.perf_counter()
        try:
            line.request("GET", f"{API}?city={quote(city)}&page_size={PAGE}")
            with line.getresponse() as answer:
                status, body = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            status = 0
            line.close()
        seen.times.append(time.perf_counter() - started)
        if status == 200:
            seen.stale += records.is_stale(json.loads(body)["results"], city, committed)
        else:
            seen.failed += 1
    line.close()
    return seen


def _phase(server: Server, records: Records, *, seconds: float) -> Phase:
    stop = threading.Event()
    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(_read, server, records, random.Random(n), stop) for n in range(READERS)]
        try:
            wait(readers, timeout=seconds, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
    seen = [one.result() for one in readers]
    return Phase([time for one in seen for time in one.times], sum(p.stale for p in seen), sum(p.failed for p in seen))


# --- what came out ---------------------------------------------------------------------------------------------------
def measure(server: Server, *, folder: Path, environment: Mapping[str, str], seconds: float, say: Say) -> Together:
    """Args: seconds: of one window. Raises: LookupError, ServerError, WriterError."""
    records, before = Records(), current_state().tail
    if not records.lists:
        raise LookupError("the data set has no short list")
    try:
        with worker(folder, environment):
            _phase(server, records, seconds=seconds)  # warms connections and caches
            say(f"{READERS} readers alone: {QUIET_WINDOWS * seconds:g} s")
            quiet = _phase(server, records, seconds=QUIET_WINDOWS * seconds)
            say(f"{READERS} readers beside {WRITERS} writers: {BUSY_WINDOWS * seconds:g} s")
            with writers.writing(
                [*records.titles], records.numbers, writers=WRITERS, changes_a_second=CHANGES_A_SECOND
            ):
                busy = _phase(server, records, seconds=BUSY_WINDOWS * seconds)
            behind = _until_made(tasks.wake)
        changes = sum(records.committed.values())
        logged = entries_of(before).filter(table=UseCase._meta.db_table).count()
        compared, differing = compare(before)
        return Together(quiet, busy, changes, changes - logged, compared, differing, behind)
    finally:
        records.put_back()
        _until_made(upkeep.follow)


def _until_made(hurry: Callable[[], object]) -> float:
    """Wait until no document is stale. Returns: seconds. Raises: LookupError when that takes too long."""
    started = time.perf_counter()
    while late := data.stale():
        if time.perf_counter() - started > _PATIENCE_SECONDS:
            raise LookupError(f"documents of {', '.join(late)} are still stale")
        hurry()
        time.sleep(0.05)
    return time.perf_counter() - started


def compare(before: Tail) -> tuple[int, int]:
    """Of the documents that were affected since then: how many there are, and how many are not as their records."""
    compared = differing = 0
    for kind in kinds.values():
        affected, parameters = kind.affected_sql(before, kind.tables)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT id FROM ({affected}) AS one(id, narrow) WHERE id IS NOT NULL", parameters)
            ids = [pk for (pk,) in cursor.fetchall()]
        stored = {row[0]: row for row in kind.document.objects.filter(pk__in=ids).values_list(*kind.names)}
        live = {row[0]: row for row in kind.live(kind.names).filter(pk__in=ids)}
        compared += len(ids)
        differing += sum(stored.get(pk) != live.get(pk) for pk in ids)
    return compared, differing
