"""Keeping the ready documents as the records are: following the log, making documents anew, proving them right.

Whoever follows holds a lock, so that one process at a time moves the cursor; a killed one leaves nothing half done,
because effect and cursor move in one transaction. Readers are right at every moment between (see `documents.py`).
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction

from alliance.core.postgresql import statement_timeout
from alliance.core.search import EXACT
from alliance.events import log as triggers
from alliance.events.documents import READER, Kind, Tail, current_state, kinds
from alliance.events.models import Cursor, StaleDocument

log = logging.getLogger(__name__)

#: Entries of the log that are turned into stale documents in one transaction.
ENTRIES_AT_ONCE = 20_000
#: Documents made anew, or compared, in one transaction.
DOCUMENTS_AT_ONCE = 1_000
_LOCK = 7_301_002

Progress = Callable[[int, int | None], None]


def _silent(done: int, expected: int | None) -> None:
    """Progress that nobody watches."""


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else does upkeep now; if so, nobody else can until the block ends or the process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            yield False
            return
    try:
        yield True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


# --- following the log -----------------------------------------------------------------------------------------------
def follow(progress: Progress = _silent) -> int | None:
    """Make the documents what the records are, as far as the log is settled.

    Returns: how many documents were made anew; None when somebody else is at it.
    """
    with statement_timeout(0), _alone() as alone:
        if not alone:
            return None
        mend_foreign_log()
        _refit(progress)
        made = 0
        while _take_entries():
            made += _work_off(progress, made)
        return made + _work_off(progress, made)


def _settled_end() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return cursor.fetchone()[0]


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
            [reader.transaction, reader.position, _settled_end(), ENTRIES_AT_ONCE],
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
    made = 0
    for kind in list(kinds.values()):
        while batch := _one_batch(kind):
            made += batch
            progress(before + made, before + made + StaleDocument.objects.count())
    return made


@transaction.atomic
def _one_batch(kind: Kind) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM events_staledocument WHERE id IN (
              SELECT id FROM events_staledocument WHERE kind = %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
            ) RETURNING record_id
            """,
            [kind.name, DOCUMENTS_AT_ONCE],
        )
        ids = [record_id for (record_id,) in cursor.fetchall()]
    if ids:
        make(kind, ids)
    return len(ids)


def make(kind: Kind, ids: list[int]) -> None:
    """Store the documents of these records as they are now; those of records that are gone go."""
    table, base = kind.document._meta.db_table, kind.model._meta.db_table
    live, parameters = kind.live_sql
    columns = ", ".join(f'"{name}"' for name in kind.names)
    others = [name for name in kind.names if name != "id"]
    assigned = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
    mine = ", ".join(f'd."{name}"' for name in others)
    theirs = ", ".join(f'excluded."{name}"' for name in others)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" AS d ({columns}) {live} WHERE "{base}".id = ANY(%s) ORDER BY "{base}".id '
            f"ON CONFLICT (id) DO UPDATE SET {assigned} WHERE ({mine}) IS DISTINCT FROM ({theirs})",
            [*parameters, ids],
        )
        cursor.execute(
            f'DELETE FROM "{table}" WHERE id = ANY(%s) AND NOT EXISTS '
            f'(SELECT FROM "{base}" r WHERE r.id = "{table}".id)',
            [ids],
        )
        exact = kind.searchable.vector(EXACT)
        public = kind.model._base_manager.alias(_public=kind.is_public).filter(_public=True, pk__in=ids).order_by().values_list(exact)
        sql, given = public.query.sql_with_params()
        cursor.execute(
            "INSERT INTO events_word (kind, word) SELECT DISTINCT %s, unnest(tsvector_to_array(words)) "
            f"FROM ({sql}) AS texts(words) ON CONFLICT DO NOTHING",
            [kind.name, *given],
        )


# --- a software that makes other documents ---------------------------------------------------------------------------
def _refit(progress: Progress) -> None:
    """Make the documents of kinds whose schema is not that of the stored ones. Until then they are built live."""
    schemas = Cursor.objects.filter(reader=READER).values_list("schemas", flat=True).first() or {}
    outdated = [kind for kind in kinds.values() if schemas.get(kind.name) != kind.schema]
    for kind in outdated:
        log.info("All documents of %s are made anew: the software makes them differently now.", kind.name)
        _repair(kind, progress)
        _note_schema(kind)


@transaction.atomic
def _note_schema(kind: Kind) -> None:
    reader, _ = Cursor.objects.select_for_update().get_or_create(reader=READER)
    reader.schemas = {**reader.schemas, kind.name: kind.schema}
    reader.save()


# --- proof and repair ------------------------------------------------------------------------------------------------
@dataclass
class Report:
    """What an examination or a rebuild found.

    Attributes:
        compared: documents that were compared.
        differing: kind -> records whose document was not what it should be and not known to be stale.
        faults: what is wrong with the log itself, a sentence each.
    """

    compared: int = 0
    differing: dict[str, list[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.differing and not self.faults

    def sentences(self) -> list[str]:
        """What was found, for people."""
        told = list(self.faults)
        for kind, ids in self.differing.items():
            named = ", ".join(map(str, ids[:20])) + (" ..." if len(ids) > 20 else "")
            told.append(f"{len(ids)} documents of {kind} differed from their records: {named}.")
        return told or [f"{self.compared} documents compared: none differed."]


def _differing(kind: Kind, after: int, until: int) -> list[int]:
    """Records with ids in (after, until] whose stored document differs, beyond those known to be stale."""
    state = current_state()
    affected, stale_parameters = kind.affected_sql(state.tail, state.tables)
    table, base = kind.document._meta.db_table, kind.model._meta.db_table
    live, parameters = kind.live_sql
    columns = ", ".join(f'"{name}"' for name in kind.names)
    typed = ", ".join(f'live."{one.attname}"::{one.db_type(connection)}' for one in kind.document._meta.concrete_fields)
    stored = ", ".join(f'stored."{name}"' for name in kind.names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH live({columns}) AS MATERIALIZED ({live} WHERE "{base}".id > %s AND "{base}".id <= %s),
            stored AS MATERIALIZED (SELECT {columns} FROM "{table}" WHERE id > %s AND id <= %s),
            stale AS (
              SELECT record_id AS id FROM events_staledocument WHERE kind = %s
              UNION SELECT id FROM ({affected}) AS found(id, narrow)
            )
            SELECT coalesce(live.id, stored.id) FROM live FULL JOIN stored ON live.id = stored.id
            WHERE ROW({typed}) IS DISTINCT FROM ROW({stored})
              AND NOT EXISTS (SELECT FROM stale WHERE stale.id = coalesce(live.id, stored.id))
            ORDER BY 1
            """,
            [*parameters, after, until, after, until, kind.name, *stale_parameters],
        )
        return [record_id for (record_id,) in cursor.fetchall()]


def _spans(kind: Kind) -> Iterator[tuple[int, int, int]]:
    """Spans of ids that hold some `DOCUMENTS_AT_ONCE` records or documents each: (after, until, how many)."""
    table, base = kind.document._meta.db_table, kind.model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT max(id), count(*) FROM (
              SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS span
              FROM (SELECT id FROM "{base}" UNION SELECT id FROM "{table}") AS every
            ) AS numbered GROUP BY span ORDER BY span
            """,
            [DOCUMENTS_AT_ONCE],
        )
        ends = cursor.fetchall()
    after = 0
    for until, count in ends:
        yield after, until, count
        after = until


def examine(progress: Progress = _silent) -> Report:
    """Compare every stored document with its record, and the log with what its reader has counted. Changes nothing."""
    report = Report(faults=[*log_faults()])
    with statement_timeout(0):
        for kind in kinds.values():
            for after, until, count in _spans(kind):
                if found := _differing(kind, after, until):
                    report.differing.setdefault(kind.name, []).extend(found)
                report.compared += count
                progress(report.compared, None)
    return report


def rebuild(progress: Progress = _silent) -> Report:
    """Repair everything: triggers, log, cursor, documents.

    Returns: what differed; nothing does after a normal run.
    """
    with statement_timeout(0), _alone() as alone:
        if not alone:
            # Somebody follows the log just now; that ends.
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            report = Report(faults=[*log_faults()])
            triggers.install()
            mend_foreign_log()
            _recount()
            for kind in kinds.values():
                differing = _repair(kind, lambda done, expected: progress(report.compared + done, expected))
                report.compared += kind.model._base_manager.count()
                if differing:
                    report.differing[kind.name] = differing
                _note_schema(kind)
            while _take_entries():
                pass
            _work_off(progress, report.compared)
            return report
        finally:
            if not alone:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _repair(kind: Kind, progress: Progress) -> list[int]:
    """Make anew every document of a kind that differs. Returns: their ids, except those known to be stale."""
    found: list[int] = []
    done, expected = 0, kind.model._base_manager.count()
    for after, until, count in _spans(kind):
        found += _differing(kind, after, until)
        with transaction.atomic(), connection.cursor() as cursor:
            table, base = kind.document._meta.db_table, kind.model._meta.db_table
            cursor.execute(
                f'SELECT id FROM "{base}" WHERE id > %s AND id <= %s UNION '
                f'SELECT id FROM "{table}" WHERE id > %s AND id <= %s',
                [after, until, after, until],
            )
            make(kind, [record_id for (record_id,) in cursor.fetchall()])
        done += count
        progress(done, expected)
    return found


# --- the log itself --------------------------------------------------------------------------------------------------
def log_faults() -> list[str]:
    """What is wrong with the log and its triggers, a sentence each."""
    faults = []
    if missing := triggers.missing():
        faults.append(f"The log misses changes: these triggers are off or gone: {', '.join(missing)}.")
    if current_state().is_foreign:
        faults.append("The log is of another database server (a restored copy): its transactions lie in the future.")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.rows, c.total, count(e.position), coalesce(sum(e.position), 0),
              NOT EXISTS (SELECT FROM events_change l WHERE (l.transaction, l.position) >= (c.transaction, c.position))
            FROM events_cursor c LEFT JOIN events_change e
              ON (e.transaction, e.position) <= (c.transaction, c.position)
            WHERE c.reader = %s GROUP BY c.reader
            """,
            [READER],
        )
        row = cursor.fetchone()
    if row:
        rows, total, counted, summed, is_ahead = row
        if is_ahead and rows:
            faults.append("The reader of the log stands ahead of its end: entries between were never read.")
        if (rows, total) != (counted, summed):
            faults.append(
                f"The log has a hole: {rows} entries were read, {counted} are there up to the same place."
                if rows > counted
                else f"The log holds {counted} entries where {rows} were read: some were never looked at."
            )
    return faults


@transaction.atomic
def mend_foreign_log() -> bool:
    """After a database was restored elsewhere its log names transactions that are yet to come: number them as past.

    The order of entries is kept: it becomes that of their positions.
    """
    if not current_state().is_foreign:
        return False
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE events_change IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("UPDATE events_change SET transaction = 0")
        cursor.execute(
            "UPDATE events_cursor SET transaction = 0, schemas = '{}', "
            "position = (SELECT coalesce(max(position), 0) FROM events_change)"
        )
    _recount()
    log.warning("The log was that of another database server; its entries count as past, all documents are made anew.")
    return True


def _recount() -> None:
    """Count the entries up to the cursor anew, and bring a cursor that is ahead back to the settled end."""
    with transaction.atomic(), connection.cursor() as cursor:
        reader, _ = Cursor.objects.select_for_update().get_or_create(reader=READER)
        cursor.execute(
            """
            SELECT transaction, position FROM events_change WHERE transaction < %s
            ORDER BY transaction DESC, position DESC LIMIT 1
            """,
            [_settled_end()],
        )
        end = cursor.fetchone() or (0, 0)
        # All documents are compared after this: whatever lies before needs no second look.
        reader.transaction, reader.position = end
        cursor.execute(
            "SELECT count(*), coalesce(sum(position), 0) FROM events_change WHERE (transaction, position) <= (%s, %s)",
            [*end],
        )
        reader.rows, reader.total = cursor.fetchone()
        reader.save()
