"""Whether the log is whole, and how to mend it: triggers, entries that are gone, a log of another database server."""

import logging

from django.db import connection, transaction

from alliance.events import log as triggers
from alliance.events.models import Cursor, StaleDocument
from alliance.events.states import READER, current_state

log = logging.getLogger(__name__)


def settled_end() -> int:
    """The oldest transaction that still runs: entries of earlier ones are complete."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return cursor.fetchone()[0]


def is_foreign() -> bool:
    """Whether the log names transactions that are yet to come: it was written by another database server."""
    if current_state().is_foreign:
        return True
    with connection.cursor() as cursor:
        # The own transaction may be as young as what comes next.
        cursor.execute(
            """
            SELECT EXISTS (SELECT FROM events_change WHERE transaction >= greatest(
              pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
              coalesce(pg_current_xact_id_if_assigned()::text::bigint + 1, 0)))
            """
        )
        return cursor.fetchone()[0]


def faults() -> list[str]:
    """What is wrong with the log and its triggers, a sentence each."""
    found = []
    if missing := triggers.missing():
        found.append(f"The log misses changes: these triggers are off or gone: {', '.join(missing)}.")
    if is_foreign():
        found.append("The log is of another database server (a restored copy): its transactions lie in the future.")
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
            found.append("The reader of the log stands ahead of its end: entries between were never read.")
        if rows > counted:
            found.append(f"The log has a hole: {rows} entries were read, {counted} are there up to the same place.")
        elif rows < counted:
            found.append(f"The log holds {counted} entries where {rows} were read: some were never looked at.")
        elif total != summed:
            found.append(f"The log holds other entries than those that were read: {rows} of both, but not the same.")
    return found


@transaction.atomic
def mend_foreign() -> bool:
    """After a database was restored elsewhere its log names transactions that are yet to come: number them as past.

    The order of entries becomes that of their positions. All documents count as made by an unknown software after
    this, so that they are built live until they are made anew.
    """
    if not is_foreign():
        return False
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE events_change IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("UPDATE events_change SET transaction = 0")
    skip_to_end()
    log.warning("The log was that of another database server; its entries count as past, all documents are made anew.")
    return True


@transaction.atomic
def skip_to_end() -> None:
    """Leave what is settled unread. No document is trusted until it is made anew: nothing is lost by it."""
    reader = _locked_reader()
    reader.transaction, reader.position = _last_settled()
    reader.schemas = {}
    _count(reader)
    StaleDocument.objects.all().delete()


@transaction.atomic
def recount() -> None:
    """Count the entries up to the cursor anew. One that is ahead of the log comes back, and no document is trusted
    then: changes that came and went between are unknown."""
    reader = _locked_reader()
    end = _last_settled()
    if (reader.transaction, reader.position) > end:
        reader.transaction, reader.position = end
        reader.schemas = {}
    _count(reader)


def put_at_end(reader: Cursor) -> None:
    """Read no entry that is settled now: whoever makes everything from the records afterwards knows as much.

    Args: reader: locked; it is saved.
    """
    reader.transaction, reader.position = _last_settled()
    _count(reader)


def stands_in_log(reader: Cursor) -> bool:
    """Whether a cursor stands at an entry of this log, or before its first; else nobody knows what it has read."""
    if (reader.transaction, reader.position) == (0, 0):
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM events_change e WHERE e.transaction = %s AND e.position = %s "
            "AND e.transaction < pg_snapshot_xmax(pg_current_snapshot())::text::bigint)",
            [reader.transaction, reader.position],
        )
        return bool(cursor.fetchone()[0])


def _locked_reader() -> Cursor:
    reader, _ = Cursor.objects.select_for_update().get_or_create(reader=READER)
    return reader


def _last_settled() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT transaction, position FROM events_change WHERE transaction < %s "
            "ORDER BY transaction DESC, position DESC LIMIT 1",
            [settled_end()],
        )
        return cursor.fetchone() or (0, 0)


def _count(reader: Cursor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(position), 0) FROM events_change WHERE (transaction, position) <= (%s, %s)",
            [reader.transaction, reader.position],
        )
        reader.rows, reader.total = cursor.fetchone()
    reader.save()
