"""What a reader must know before it reads documents: what the log tells that they do not know yet."""

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from django.db import connection
from django.db.models import F, QuerySet, Value

from alliance.core.pagination import RowComparison
from alliance.events.models import Change

#: The reader of the log that keeps the documents.
READER = "documents"


class Tail(NamedTuple):
    """A part of the log: the entries after (transaction, position), up to another such pair or to the end."""

    transaction: int
    position: int
    until: tuple[int, int] | None = None


@dataclass(frozen=True)
class State:
    """What a reader must know before it reads documents.

    Attributes:
        stamp: names the state of all public data: the same stamp, the same answers.
        tail: the log from here on is not in the documents yet.
        tables: those that the tail tells of.
        queued: kinds with documents that wait to be made anew.
        schemas: kind -> schema of its stored documents.
        is_foreign: the log is of another life of the database (a restored copy): no document can be trusted.
        known: kind -> its staleness, once somebody has asked.
    """

    stamp: str
    tail: Tail
    tables: frozenset[str]
    queued: frozenset[str]
    schemas: Mapping[str, str]
    is_foreign: bool
    known: dict[str, "Staleness"] = field(default_factory=dict, compare=False)

    @property
    def has_settled(self) -> bool:
        """Whether entries can be taken that the documents do not know."""
        return _settled_at(self.stamp) > self.tail[:2]

    def is_changed_since(self, stamp: str, tables: Iterable[str]) -> bool:
        """Whether the log tells of these tables, later than at that stamp."""
        # Whatever was not settled then has a later transaction than all that was.
        then, now = _settled_at(stamp), _settled_at(self.stamp)
        if now < then:
            return True
        tables = frozenset(tables)
        if then >= self.tail[:2] and self.tables.isdisjoint(tables):
            return False  # all that came later is in the tail
        return entries_of(Tail(*then)).filter(table__in=tables).exists()


def _settled_at(stamp: str) -> tuple[int, int]:
    """The place in the log up to which entries were settled."""
    transaction, _, position = stamp.partition("-")[0].partition(".")
    return int(transaction), int(position or 0)


class Staleness(NamedTuple):
    """Which documents of a kind are not as their records are.

    Attributes:
        narrow: ids of those whose columns may differ; `in_body`: of those whose texts alone may.
        many: there are more than can be named; everything: all of them.
        marks: id -> what tells which entries of the log affect the document; empty where they are not named.
    """

    narrow: tuple[int, ...] = ()
    in_body: tuple[int, ...] = ()
    many: bool = False
    everything: bool = False
    marks: Mapping[int, Hashable] = MappingProxyType({})


FRESH = Staleness()


#: What there is to know when nothing goes on: no transaction that could have written is open, the documents know the
#: whole log, none waits. Else `events_state` (of migration 0002) looks closer, which costs twice as much. One value,
#: because each column costs the client as much as its contents.
_ASK = """
SELECT CASE WHEN
  coalesce(
    newest.transaction < pg_snapshot_xmin(seen)::text::bigint
    AND (newest.transaction, newest.position) <= (known.transaction, known.position), false
  ) AND NOT EXISTS (SELECT FROM events_staledocument)
THEN json_build_array(
  known.transaction, known.position, known.schemas, pg_snapshot_xmax(seen)::text::bigint,
  newest.transaction || '.' || newest.position, 0, 0, NULL, NULL
)
ELSE (
  SELECT json_build_array(
    transaction, position, schemas::json, following, settled, unsettled, total, tables, queued
  ) FROM events_state()
) END::text
FROM pg_current_snapshot() AS seen
LEFT JOIN events_cursor AS known ON known.reader = 'documents'
LEFT JOIN LATERAL (
  SELECT transaction, position FROM events_change ORDER BY transaction DESC, position DESC LIMIT 1
) AS newest ON true
"""


def current_state() -> State:
    """One query. Ask before reading documents: what is committed before it is in what is read after it."""
    told = json.loads(connection.ask_first(_ASK))  # type: ignore[attr-defined]  # our own backend
    transaction, position, schemas, following, settled, unsettled, total, tables, queued = told
    return State(
        stamp=f"{settled}-{unsettled}.{total}" if unsettled else settled,
        tail=Tail(transaction, position),
        tables=frozenset(tables or ()),
        queued=frozenset(queued or ()),
        schemas=schemas or {},
        is_foreign=transaction >= following,
    )


def entries_of(tail: Tail) -> QuerySet[Change]:
    """The entries of that part of the log."""
    place = [F("transaction"), F("position")]
    after = [Value(tail.transaction), Value(tail.position)]
    entries = Change.objects.order_by().filter(RowComparison(place, ">", after))
    if tail.until is not None:
        entries = entries.filter(RowComparison(place, "<=", [Value(number) for number in tail.until]))
    return entries
