"""Keeping the ready documents as the records are: following the log, making documents anew, proving them right.

Whoever follows holds a lock, so that one process at a time moves the cursor; a killed one leaves nothing half done,
because effect and cursor move in one transaction. Readers are right at every moment between (see `documents.py`).
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep

from django.db import Error, connection, transaction

from alliance.core.postgresql import statement_timeout
from alliance.events import cube, ledger
from alliance.events import log as triggers
from alliance.events.documents import Kind, kinds
from alliance.events.making import differing, make, make_span, spans
from alliance.events.models import Cursor, StaleDocument
from alliance.events.states import READER, Tail, current_state

log = logging.getLogger(__name__)

#: Entries of the log that are turned into stale documents in one transaction.
ENTRIES_AT_ONCE = 20_000
#: Documents made anew, or compared, in one transaction.
DOCUMENTS_AT_ONCE = 1_000
#: Between two rounds of taking entries: so many times as long as the round before took, and no longer than this.
REST_TIMES, LONGEST_REST_SECONDS = 3, 2.0
_LOCK = 7_301_002

#: Told how many documents are done, and of how many. Called between transactions.
Progress = Callable[[int, int], None]


def silent(done: int, expected: int) -> None:
    """Progress that nobody watches."""


def told_to(*watchers: Progress) -> Progress:
    """Progress that all of them watch."""

    def tell(done: int, expected: int) -> None:
        for watcher in watchers:
            watcher(done, expected)

    return tell


@contextmanager
def alone(lock: int = _LOCK, *, wait: bool = False) -> Iterator[bool]:
    """Whether nobody else does this upkeep now; if so, nobody else can until the block ends or the process dies."""
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT true FROM pg_advisory_lock(%s)", [lock])
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        if not cursor.fetchone()[0]:
            yield False
            return
    try:
        yield True
    finally:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
        except Error:
            connection.close()  # the lock goes with the session


# --- following the log -----------------------------------------------------------------------------------------------
def follow(progress: Progress = silent) -> int | None:
    """Make the documents what the records are, as far as the log is settled.

    Returns: how many documents were made anew; None when somebody else is at it.
    """
    with statement_timeout(0), alone() as is_alone:
        if not is_alone:
            return None
        ledger.mend_foreign()
        made, begun = _refit(progress), monotonic()
        while _take_entries():
            made += _work_off(progress, made)
            _rest(monotonic() - begun)
            begun = monotonic()
        return made + _work_off(progress, made)


def _rest(spent: float) -> None:
    """Under writers who do not stop, leave most of the time to readers: what is changed again meanwhile is made once.

    Before the first round there is no rest: a single change is made at once.

    Args: spent: seconds of the round before.
    """
    if current_state().has_settled:
        sleep(min(REST_TIMES * spent, LONGEST_REST_SECONDS))


@transaction.atomic
def _take_entries() -> int:
    """Turn the next settled entries into stale documents and move the cursor, in one transaction."""
    reader, _ = Cursor.objects.select_for_update().get_or_create(reader=READER)
    with connection.cursor() as cursor:
        # The end is fixed first: what settles while this runs is for the next round.
        cursor.execute(
            """
            WITH taken AS (
              SELECT transaction, position, "table" FROM events_change
              WHERE (transaction, position) > (%s, %s) AND transaction < %s
              ORDER BY transaction, position LIMIT %s
            )
            SELECT count(*), coalesce(sum(position), 0), array_agg(DISTINCT "table"),
              (SELECT array[transaction, position] FROM taken ORDER BY transaction DESC, position DESC LIMIT 1)
            FROM taken
            """,
            [reader.transaction, reader.position, ledger.settled_end(), ENTRIES_AT_ONCE],
        )
        count, total, tables, end = cursor.fetchone()
        if not count:
            return 0
        tail = Tail(reader.transaction, reader.position, until=(end[0], end[1]))
        for kind in kinds.values():
            if kind.tables.isdisjoint(tables):
                continue
            affected, parameters = kind.affected_sql(tail, frozenset(tables))
            cursor.execute(
                f"""
                INSERT INTO events_staledocument (kind, record_id, narrow)
                SELECT %s, id, bool_or(narrow) FROM ({affected}) AS found(id, narrow)
                WHERE id IS NOT NULL GROUP BY id ORDER BY id
                ON CONFLICT (kind, record_id) DO UPDATE SET narrow = events_staledocument.narrow OR excluded.narrow
                """,
                [kind.name, *parameters],
            )
    reader.transaction, reader.position = end
    reader.rows += count
    reader.total += total
    reader.save()
    return count


def _work_off(progress: Progress, before: int) -> int:
    """Make every queued document anew, a batch a transaction."""
    made, queued = 0, StaleDocument.objects.count()
    if queued:
        progress(before, before + queued)
    for kind in kinds.values():
        while batch := _one_batch(kind):
            made += batch
            progress(before + made, before + max(queued, made))
    return made


@transaction.atomic
def _one_batch(kind: Kind) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM events_staledocument WHERE id IN (
              SELECT id FROM events_staledocument WHERE kind = %s ORDER BY record_id LIMIT %s FOR UPDATE SKIP LOCKED
            ) RETURNING record_id
            """,
            [kind.name, DOCUMENTS_AT_ONCE],
        )
        ids = [record_id for (record_id,) in cursor.fetchall()]
    if ids:
        make(kind, ids)
    return len(ids)


# --- a software that makes other documents ---------------------------------------------------------------------------
def _refit(progress: Progress) -> int:
    """Make the documents of kinds whose schema is not that of the stored ones. Until then they are built live.

    Returns: how many were made.
    """
    outdated = outdated_kinds()
    if len(outdated) == len(kinds):
        # A new database, or one of before the documents: what the log tells is in all that is made now.
        ledger.skip_to_end()
    made = 0
    expected = sum(_record_count(kind) for kind in outdated)
    if outdated:
        progress(0, expected)
    for kind in outdated:
        log.info("All documents of %s are made anew: the software makes them differently now.", kind.name)
        _note_schema(kind, "")  # half of them are of either software now: nobody trusts them
        for after, until, count in spans(kind, DOCUMENTS_AT_ONCE):
            make_span(kind, after, until)
            made += count
            progress(made, max(expected, made))
        _recount(kind)
        _note_schema(kind, kind.schema)
    return made


def _recount(kind: Kind) -> None:
    if kind.cube:
        cube.recount(kind.cube, kind.document._meta.db_table)


def outdated_kinds() -> list[Kind]:
    """Kinds whose stored documents were made by a software that makes them differently."""
    schemas = Cursor.objects.filter(reader=READER).values_list("schemas", flat=True).first() or {}
    return [kind for kind in kinds.values() if schemas.get(kind.name) != kind.schema]


@transaction.atomic
def _note_schema(kind: Kind, schema: str) -> None:
    reader, _ = Cursor.objects.select_for_update().get_or_create(reader=READER)
    reader.schemas = {**reader.schemas, kind.name: schema}
    reader.save()


def _record_count(kind: Kind) -> int:
    return kind.model._base_manager.count()


# --- proof and repair ------------------------------------------------------------------------------------------------
@dataclass
class Report:
    """What an examination or a rebuild found.

    Attributes:
        compared: documents that were compared.
        differing: kind -> records whose document was not what it should be and not known to be stale.
        outdated: kinds whose documents another version of the software has made.
        faults: what is wrong with the log itself, a sentence each.
        miscounted: kind -> counts kept beside its documents that are not theirs.
    """

    compared: int = 0
    differing: dict[str, list[int]] = field(default_factory=dict)
    outdated: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    miscounted: dict[str, int] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not (self.differing or self.outdated or self.faults or self.miscounted)

    @property
    def differing_count(self) -> int:
        return sum(map(len, self.differing.values()))

    def sentences(self) -> list[str]:
        """What was found, for people."""
        told = list(self.faults)
        for kind in self.outdated:
            told.append(f"The documents of {kind} are of another version of the software; readers get them built live.")
        for kind, ids in self.differing.items():
            named = ", ".join(map(str, ids[:20])) + (" ..." if len(ids) > 20 else "")
            count = "1 document" if len(ids) == 1 else f"{len(ids)} documents"
            told.append(f"{count} of {kind} differed from the records: {named}.")
        for kind, number in self.miscounted.items():
            told.append(f"{number} of the counts kept for {kind} differed from the documents.")
        return told or [f"{self.compared} documents compared: none differed."]


def examine(progress: Progress = silent) -> Report:
    """Compare every stored document with its record, and the log with what its reader has counted. Changes nothing."""
    report = Report(faults=ledger.faults())
    with statement_timeout(0):
        expected = sum(_record_count(kind) for kind in kinds.values())
        outdated = outdated_kinds()
        report.outdated = [kind.name for kind in outdated]
        for kind in kinds.values():
            for after, until, count in spans(kind, DOCUMENTS_AT_ONCE):
                if kind not in outdated and (found := differing(kind, after, until)):
                    report.differing.setdefault(kind.name, []).extend(found)
                report.compared += count
                progress(report.compared, max(expected, report.compared))
            if kind not in outdated:
                _compare_counts(kind, report)
    return report


def _compare_counts(kind: Kind, report: Report) -> None:
    if kind.cube and (number := cube.differing(kind.cube, kind.document._meta.db_table)):
        report.miscounted[kind.name] = number


def rebuild(progress: Progress = silent) -> Report:
    """Repair everything: triggers, log, cursor, documents. Waits for whoever follows the log just now.

    Returns: what differed; nothing does after a normal run.
    """
    with statement_timeout(0), alone(wait=True):
        report = Report(faults=ledger.faults())
        triggers.install()
        ledger.mend_foreign()
        ledger.recount()
        outdated = outdated_kinds()
        # A fault of the log leaves no document trusted, which says nothing of the software.
        report.outdated = [] if report.faults else [kind.name for kind in outdated]
        expected = sum(_record_count(kind) for kind in kinds.values())
        for kind in kinds.values():
            if kind in outdated:
                _note_schema(kind, "")
            for after, until, count in spans(kind, DOCUMENTS_AT_ONCE):
                if kind.name not in report.outdated and (found := differing(kind, after, until)):
                    report.differing.setdefault(kind.name, []).extend(found)
                make_span(kind, after, until)
                report.compared += count
                progress(report.compared, max(expected, report.compared))
            if kind.name not in report.outdated:
                _compare_counts(kind, report)
            if kind in outdated or kind.name in report.miscounted:
                _recount(kind)
            _note_schema(kind, kind.schema)
        made = 0
        while _take_entries():
            made += _work_off(progress, report.compared + made)
        _work_off(progress, report.compared + made)
        return report
