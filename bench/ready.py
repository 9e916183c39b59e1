"""All ready documents made at once: without indexes, which are made afterwards, and over several connections."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

from django.db import connection, transaction

from alliance.events import cube, documents, making, states
from alliance.events.models import Cell, Change, Cursor, StaleDocument, Word
from kpis.models import Result

#: Records whose documents one statement makes.
_AT_ONCE = 2_000

Say = Callable[[str], None]


def make(say: Say) -> None:
    """Make every document anew, and the log as if its reader had made them."""
    with connection.cursor() as cursor:
        for model in (Change, StaleDocument, Cell, Word):
            cursor.execute(f"TRUNCATE {model._meta.db_table}")
        for kind in documents.kinds.values():
            table = kind.document._meta.db_table
            started = time.perf_counter()
            cursor.execute(f"TRUNCATE {table}")
            indexes = _drop_indexes(table)
            _fill(kind, say)
            cursor.execute("SET maintenance_work_mem = '512MB'")
            for definition in indexes:
                cursor.execute(definition)
            if kind.cube:
                cube.recount(kind.cube, table)
            cursor.execute(f"ANALYZE {table}")
            say(f"  ready documents, {kind.name}: {time.perf_counter() - started:.1f} s")
    _write_log()


def _write_log() -> None:
    """The log as it stands after everything was added one by one and read: an entry for each result."""
    table = Result._meta.db_table
    schemas = {name: kind.schema for name, kind in documents.kinds.items()}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {Change._meta.db_table} ("table", record_id, operation, actor, request) '
            f"SELECT '{table}', id, 'I', 'command bench', '' FROM {table} ORDER BY id"
        )
        cursor.execute(
            "SELECT max(transaction), max(position), count(*), coalesce(sum(position), 0) FROM events_change"
        )
        told = dict(zip(("transaction", "position", "rows", "total"), cursor.fetchone(), strict=True))
        Cursor.objects.update_or_create(reader=states.READER, defaults={**told, "schemas": schemas})


def _drop_indexes(table: str) -> list[str]:
    """Drop all but the primary key's. Returns: how to make them again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname <> tablename || '_pkey'",
            [table],
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f'DROP INDEX "{name}"')
    return [definition for _, definition in found]


def _fill(kind: documents.Kind, say: Say) -> None:
    work: SimpleQueue[list[int]] = SimpleQueue()
    for ids in _pieces(kind):
        work.put(ids)
    failed: list[Exception] = []
    told, made = time.perf_counter(), 0

    def fill() -> None:
        nonlocal told, made
        try:
            while not failed:
                ids = work.get_nowait()
                making.make(kind, ids, counting=False)
                made += len(ids)
                if time.perf_counter() - told > 10:
                    told = time.perf_counter()
                    say(f"  ready documents, {kind.name}: {made:,} so far")
        except Empty:
            pass
        except Exception as error:  # told by the main thread
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=fill) for _ in range(min(4, os.cpu_count() or 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _pieces(kind: documents.Kind) -> Iterator[list[int]]:
    ids = list(kind.model._base_manager.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
