"""Exports of texts that are written already: all rows of one moment, piece by piece."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import Error, InterfaceError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, QuerySet
from psycopg2.extensions import BYTES, register_type

from alliance.core.pagination import full_order

#: Rows of the first piece, which is to be there at once, and of the others.
FIRST, SIZE = 50, 200
#: Who takes nothing for so long, or has not taken all after so long, loses the export: meanwhile PostgreSQL keeps every
#: row that it may have to show.
LONGEST_PAUSE_SECONDS, LONGEST_SECONDS = 60, 3_600


def pieces(rows: QuerySet, keys: Sequence[str], text: Expression | F) -> Iterator[list[bytes]]:
    """The texts of all rows in the order of `keys`, as PostgreSQL's bytes: no decoding, no encoding.

    PostgreSQL goes on where it stopped for each piece, so the time limit of a statement is one of a piece.
    """
    texts = rows.annotate(ready_text=text).order_by(*full_order(keys)).values_list("ready_text")
    sql, parameters = texts.query.sql_with_params()
    wanted = FIRST
    with _one_moment() as reading, reading.chunked_cursor() as cursor:
        register_type(BYTES, cursor.cursor)
        cursor.execute(sql, parameters)
        while piece := cursor.fetchmany(wanted):
            yield [text for (text,) in piece]
            if len(piece) < wanted:
                return
            wanted = SIZE


#: Connections of exports that are over: the next one need not wait for a new session.
_spare: deque[BaseDatabaseWrapper] = deque(maxlen=2)


@contextmanager
def _one_moment() -> Iterator[BaseDatabaseWrapper]:
    """A connection in a transaction that lasts as long as the reader takes.

    A connection of its own: what else the request writes must not wait for a slow line.
    """
    if connection.in_atomic_block:
        yield connection
        return
    own = _begun()
    is_whole = False
    try:
        yield own
        is_whole = True
    finally:
        _give_back(own, is_whole=is_whole)


def _begun() -> BaseDatabaseWrapper:
    """A connection at the beginning of its transaction."""
    own = _taken()
    if own is not None:
        try:
            return _begin(own)
        except (OperationalError, InterfaceError):  # it has died meanwhile
            own.close()
    own = connection.copy()
    own.inc_thread_sharing()  # whoever exports next may be another thread; one at a time has it
    try:
        return _begin(own)
    except BaseException:
        own.close()
        raise


def _begin(own: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    own.ensure_connection()
    own.close_if_health_check_failed()  # tells the session for whom it works, before the transaction
    own.set_autocommit(False)
    with own.cursor() as cursor:
        cursor.execute(
            "SET TRANSACTION READ ONLY; SELECT set_config('idle_in_transaction_session_timeout', %s, true), "
            "set_config('transaction_timeout', %s, true)",
            [f"{LONGEST_PAUSE_SECONDS}s", f"{LONGEST_SECONDS}s"],
        )
    return own


def _taken() -> BaseDatabaseWrapper | None:
    """A spare connection that is not too old."""
    while True:
        try:
            own = _spare.popleft()
        except IndexError:
            return None
        if own.close_at is None or time.monotonic() < own.close_at:
            return own
        own.close()


def _give_back(own: BaseDatabaseWrapper, *, is_whole: bool) -> None:
    """Keep the connection of an export that came to its end; close any other."""
    if is_whole and len(_spare) < (_spare.maxlen or 0):
        try:
            own.rollback()
            own.set_autocommit(True)
        except Error:
            pass
        else:
            _spare.append(own)
            return
    own.close()


def close_spare() -> None:
    """Close the connections that are kept."""
    while _spare:
        _spare.popleft().close()
