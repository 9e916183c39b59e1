"""How the background work stands: readers of the log, stale documents, queue, worker. Read by page and metrics."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.db import connection
from django.db.models import Count
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst

from alliance.core import health, metrics
from alliance.events import ledger, upkeep
from alliance.events.documents import kinds
from alliance.events.models import Change, StaleDocument
from alliance.events.states import READER


@dataclass(frozen=True)
class Reader:
    """A reader of the log and its lag.

    Attributes:
        rows: settled entries that it has not read; seconds: age of the oldest of them, 0.0 without any.
        read: entries that it has read.
    """

    name: str
    rows: int
    seconds: float
    read: int
    moved_at: datetime


@dataclass(frozen=True)
class Holder:
    """The oldest transaction that writes on this database server: entries of later ones wait for its end.

    Attributes:
        name: of the program and the request, as it told the server; empty when it did not.
        database: which one it writes in; state: what it does, such as `idle in transaction`.
    """

    name: str
    database: str
    state: str
    process: int
    age: timedelta


@dataclass(frozen=True)
class Staleness:
    """Documents of a kind that are built live until they are made anew.

    Attributes:
        label: what they are of; stale: how many wait; is_outdated: all are of another version of the software.
    """

    name: str
    label: str | Promise
    stale: int
    documents: int
    is_outdated: bool

    @property
    def ready(self) -> int:
        return 0 if self.is_outdated else max(0, self.documents - self.stale)


_READERS = """
WITH s AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest)
SELECT c.reader, count(e.position),
  coalesce(extract(epoch FROM clock_timestamp() - min(e.at)), 0)::float8, c.rows, c.advanced_at
FROM s CROSS JOIN events_cursor c LEFT JOIN events_change e
  ON (e.transaction, e.position) > (c.transaction, c.position) AND e.transaction < s.oldest
GROUP BY c.reader ORDER BY c.reader
"""


def readers() -> list[Reader]:
    """Every reader of the log; the one that keeps the documents even before its first look."""
    with connection.cursor() as cursor:
        cursor.execute(_READERS)
        found = [
            Reader(name, rows, max(0.0, seconds), read, moved_at)
            for name, rows, seconds, read, moved_at in cursor.fetchall()
        ]
    if READER not in [one.name for one in found]:
        first = Change.objects.order_by("position").first()
        seconds = (timezone.now() - first.at).total_seconds() if first else 0.0
        found.insert(0, Reader(READER, Change.objects.count(), seconds, 0, timezone.now()))
    return found


def unsettled() -> int:
    """Entries of the log that wait for the end of an older transaction."""
    return Change.objects.filter(transaction__gte=ledger.settled_end()).count()


def holder() -> Holder | None:
    """Who holds the readers back; None when no other session has a transaction that writes.

    Sessions of other database roles show no name: PostgreSQL hides it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(application_name, ''), coalesce(datname, ''), coalesce(state, ''), pid,
              greatest(clock_timestamp() - coalesce(xact_start, clock_timestamp()), interval '0')
            FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
            ORDER BY age(backend_xid) DESC LIMIT 1
            """
        )
        row = cursor.fetchone()
    return Holder(*row) if row else None


def staleness() -> list[Staleness]:
    """Every kind of documents."""
    stale = dict(StaleDocument.objects.order_by().values_list("kind").annotate(Count("pk")))
    outdated = upkeep.outdated_kinds()
    return [
        Staleness(
            name=kind.name,
            label=capfirst(str(kind.model._meta.verbose_name_plural)),
            stale=stale.get(kind.name, 0),
            documents=kind.document._base_manager.count(),
            is_outdated=kind in outdated,
        )
        for kind in kinds.values()
    ]


@dataclass(frozen=True)
class Worker:
    """Who does the background work.

    Attributes:
        waiting: tasks in the queue, None while Redis does not answer.
        heartbeat_seconds: since a worker last ran a task, None when none did.
    """

    waiting: int | None
    heartbeat_seconds: float | None

    @property
    def is_alive(self) -> bool:
        return self.heartbeat_seconds is not None and self.heartbeat_seconds <= health.HEARTBEAT_LIMIT_SECONDS


def worker() -> Worker:
    """Worker and queue, as Redis knows them."""
    try:
        waiting: int | None = metrics.queue_length()
    except (redis.RedisError, OSError):
        waiting = None
    return Worker(waiting, health.heartbeat_age_seconds())
