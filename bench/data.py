"""The seeded data set: made once into a database of its own, used again until something that it hangs on changes.

Scale 1 is 100,000 use cases, 300,000 uses of standards, 1,000,000 results and 2,000 cities, beside the real reference
data.
"""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from alliance.events import documents, log, states
from bench import cube, ready, rows, texts
from kpis import aggregating
from practices import upkeep

Say = Callable[[str], None]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Size:
    """How many rows of each kind a scale means."""

    scale: float

    def counts(self) -> dict[str, int]:
        return {
            "use_cases": max(20, round(100_000 * self.scale)),
            "standard_uses": max(40, round(300_000 * self.scale)),
            "results": max(40, round(1_000_000 * self.scale)),
            "cities": round(2_000 * self.scale),
            "technologies": 400,
            "organisations": max(20, round(5_000 * self.scale)),
        }


def ensure(seed: int, scale: float, say: Say) -> None:
    """Make the data set, or what of it is missing. `DATABASES` must name the bench's own database."""
    size = Size(scale)
    wanted = {"data": _data_fingerprint(seed, scale), "documents": _documents_fingerprint()}
    found = _mark()
    if found.get("data") != wanted["data"]:
        _create_database()
        with _told(say, "tables and reference data"):
            call_command("migrate", verbosity=0, interactive=False)
            call_command("load_reference_data", verbosity=0)
        make_rows(seed, size, say)
        connection.close()
        _set_mark({"data": wanted["data"]})
        found = {}
    if found.get("documents") != wanted["documents"] or stale():
        ready.make(say)
        with _told(say, "aggregates and practices"):
            aggregating.follow()
            upkeep.follow()
        with _told(say, "cube of the limit, statistics"):
            cube.make()
            _sweep()
        _set_mark(wanted)


def stale() -> list[str]:
    """Kinds of documents that are not as their records are: what reads them would be measured at something else."""
    state = states.current_state()
    return [name for name, kind in documents.kinds.items() if kind.is_stale(state)]


# --- what was made, and from what ------------------------------------------------------------------------------------
def _data_fingerprint(seed: int, scale: float) -> str:
    sources = [HERE / "rows.py", HERE / "texts.py", *sorted(Path(settings.DATA_DIR).glob("*.csv"))]
    sources += sorted(path for path in settings.BASE_DIR.glob("*/migrations/*.py"))
    sources += sorted(path for path in settings.BASE_DIR.glob("alliance/*/migrations/*.py"))
    return _digest(f"{seed} {scale}", sources)


def _documents_fingerprint() -> str:
    schemas = {name: kind.schema for name, kind in documents.kinds.items()}
    return _digest(json.dumps(schemas, sort_keys=True), [HERE / "cube.py", HERE / "ready.py"])


def _digest(text: str, sources: list[Path]) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=12)
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _server() -> Any:
    """A connection to the server, not to the bench's database, outside of transactions."""
    wanted = connection.settings_dict
    server = psycopg2.connect(
        host=wanted["HOST"], port=wanted["PORT"], user=wanted["USER"], password=wanted["PASSWORD"], dbname="postgres"
    )
    server.autocommit = True
    return server


def _ask(sql: str, parameters: tuple[Any, ...] = ()) -> Any:
    server = _server()
    try:
        with server.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchone() if cursor.description else None
    finally:
        server.close()


def _mark() -> dict[str, str]:
    """What the database was made from; empty when there is none, or one that is only half made."""
    sql = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    found = _ask(sql, (connection.settings_dict["NAME"],))
    try:
        return json.loads(found[0]) if found and found[0] else {}
    except ValueError:
        return {}


def _set_mark(mark: dict[str, str]) -> None:
    _ask(f'COMMENT ON DATABASE "{connection.settings_dict["NAME"]}" IS %s', (json.dumps(mark),))


def _create_database() -> None:
    connection.close()
    name = connection.settings_dict["NAME"]
    _ask(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    _ask(f'CREATE DATABASE "{name}"')


def drop() -> None:
    """Delete the bench's database."""
    connection.close()
    _ask(f'DROP DATABASE IF EXISTS "{connection.settings_dict["NAME"]}" WITH (FORCE)')


# --- rows ------------------------------------------------------------------------------------------------------------
@contextmanager
def _told(say: Say, what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    say(f"  {what}: {time.perf_counter() - started:.1f} s")


@contextmanager
def _unlogged_changes() -> Iterator[None]:
    """No entries of the change log, for who makes rows before anybody reads them."""
    tables = [model._meta.db_table for model in log.logged_models()]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        # Within a transaction, no check may be left for its end: a table that waits for one cannot be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def make_rows(seed: int, size: Size, say: Say) -> None:
    """Add the made-up rows to the reference data, without ready documents and without entries of the log."""
    counts = size.counts()
    with _unlogged_changes(), connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
        cursor.execute(rows.FUNCTIONS.format(seed=int(seed)))
        with _told(say, f"texts of {counts['use_cases']:,} use cases"):
            _copy_texts(seed, counts["use_cases"])
        for step in rows.STEPS:
            with _told(say, step.name), transaction.atomic():
                cursor.execute(step.sql, counts)
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{step.table}', 'id'), (SELECT max(id) FROM {step.table}))"
                )
        cursor.execute("RESET maintenance_work_mem; RESET work_mem; ANALYZE")


def _copy_texts(seed: int, count: int) -> None:
    """Into a table for the time of the load: number, id to be, texts."""
    buffer = io.StringIO()
    for number, one in enumerate(texts.texts(seed, count), start=1):
        buffer.write(f"{number}\t" + "\t".join(one) + "\n")
    buffer.seek(0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE bench_text (n bigint, title text, problem text, solution text, advice text)")
        cursor.copy_from(buffer, "bench_text")
        cursor.execute(
            "ALTER TABLE bench_text ADD id bigint; "
            "UPDATE bench_text SET id = n + (SELECT coalesce(max(id), 0) FROM usecases_usecase); "
            "ALTER TABLE bench_text ADD PRIMARY KEY (n); ANALYZE bench_text"
        )


def _sweep() -> None:
    """As after a night of autovacuum."""
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("VACUUM ANALYZE")
    connection.close()
