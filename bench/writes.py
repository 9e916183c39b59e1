"""What the change log costs who writes: results inserted in bulk with its trigger on and off, in turn.

Each insert is a transaction of its own that is taken back: foreign keys are checked within the time, the commit's wait
for the disk is not in it. Dead rows are swept up between the sizes.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from kpis.models import Result

#: Rows -> how often a round.
SIZES = {100: 20, 20_000: 2}
_TABLE = Result._meta.db_table
#: All but the key, which is counted on, and what PostgreSQL computes.
_COLUMNS = [
    one.column for one in Result._meta.concrete_fields if not one.primary_key and not getattr(one, "generated", False)
]

Ways = dict[str, Callable[[int], Callable[[], Any]]]


@dataclass
class Cost:
    """Seconds of each insert, with and without the log."""

    logged: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.logged) / statistics.median(self.bare)

    def told(self) -> dict[str, float]:
        return {
            "logged_ms": statistics.median(self.logged) * 1_000,
            "bare_ms": statistics.median(self.bare) * 1_000,
        }


def _in_sql(rows: int) -> Callable[[], None]:
    chosen = ", ".join(f"'copy-' || id || '-' || {rows}" if name == "slug" else f'"{name}"' for name in _COLUMNS)
    named = ", ".join(f'"{name}"' for name in _COLUMNS)
    sql = f"INSERT INTO {_TABLE} ({named}) SELECT {chosen} FROM {_TABLE} ORDER BY id LIMIT {rows}"

    def insert() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    return insert


def _in_orm(rows: int) -> Callable[[], list[Result]]:
    found = list(Result.objects.order_by("pk")[:rows])
    for one in found:
        one.pk, one.slug = None, f"copy-{one.slug}"[:140]
        one._state.adding = True

    def insert() -> list[Result]:
        for one in found:
            one.pk = None
        return Result.objects.bulk_create(found)

    return insert


WAYS: Ways = {"SQL": _in_sql, "ORM": _in_orm}


def measure(*, count: int, say: Callable[[str], None]) -> dict[tuple[str, int], Cost]:
    """Costs by (way, rows)."""
    found: dict[tuple[str, int], Cost] = {}
    for rows, repeats in SIZES.items():
        for way, make in WAYS.items():
            say(f"change log: {rows:,} rows by {way}")
            cost = found[way, rows] = Cost()
            for number in range(count * repeats + 1):
                for is_logged in (True, False):
                    seconds = _timed(make(rows), is_logged)
                    if number:
                        (cost.logged if is_logged else cost.bare).append(seconds)
        _sweep()
    return found


def _timed(insert: Callable[[], Any], is_logged: bool) -> float:
    with _taken_back(), connection.cursor() as cursor:
        if not is_logged:
            cursor.execute(f"ALTER TABLE {_TABLE} DISABLE TRIGGER USER")
        with _taken_back():
            insert()  # with the trigger switched, PostgreSQL plans anew: not what is to be timed
        started = time.perf_counter()
        insert()
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return time.perf_counter() - started


@contextmanager
def _taken_back() -> Iterator[None]:
    """A transaction, or a part of one, of which nothing stays."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


def _sweep() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {_TABLE}, events_change")
