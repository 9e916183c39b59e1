"""How PostgreSQL answers the most frequent queries: EXPLAIN (ANALYZE, BUFFERS), and a search for scans that grow.

The queries are those that the portal sends: requests are made of the loaded data set, and what they ask is listened to.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from alliance.events.models import Change
from bench import data
from bench.addresses import API, Addresses
from bench.operations import FACETS
from kpis.models import Result, ResultDocument
from usecases.models import Lesson, Participation, StandardUse, UseCase, UseCaseDocument

#: Tables and their indexes count as so much longer; pages stay as they are.
_TELL_ROWS = """
SELECT pg_restore_relation_stats('schemaname', nspname::text, 'relname', c.relname::text, 'relpages', c.relpages,
  'reltuples', (c.reltuples / %s)::real)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE coalesce(i.indrelid, c.oid) IN (SELECT oid FROM pg_class WHERE relname = ANY(%s)) AND c.reltuples > 0
"""
#: Of columns that name rows of a large table: as many more of them are different as there are more rows.
_TELL_KEYS = """
SELECT pg_clear_attribute_stats('public', k.table, k.column, false),
  pg_restore_attribute_stats('schemaname', 'public', 'relname', k.table, 'attname', k.column, 'inherited', false,
    'null_frac', k.null_frac, 'avg_width', k.avg_width, 'correlation', k.correlation,
    'n_distinct', CASE WHEN k.n_distinct > 0 THEN (k.n_distinct / %s)::real ELSE k.n_distinct END)
FROM (
  SELECT s.tablename::text AS "table", s.attname::text AS "column", s.null_frac, s.avg_width, s.correlation,
    s.n_distinct
  FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
  JOIN pg_stats s ON s.schemaname = 'public' AND s.tablename = c.conrelid::regclass::text AND s.attname = a.attname
  WHERE c.contype = 'f' AND c.confrelid::regclass::text = ANY(%s) AND c.conrelid::regclass::text = ANY(%s)
) k
"""
#: Requests of each kind.
_EACH = 8


@dataclass
class Asked:
    """A query as often as it was sent, with the parameters of the first time."""

    sql: str
    parameters: Any
    times: int = 0
    #: The requests that sent it.
    paths: list[str] = field(default_factory=list)


@contextmanager
def listening(found: dict[str, Asked], path: str) -> Iterator[None]:
    """Note every query that reads."""

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql.lstrip("( \n").upper().startswith(("SELECT", "WITH")):
            one = found.setdefault(sql, Asked(sql, parameters))
            one.times += 1
            one.paths.append(path)
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        yield


def listen(paths: Sequence[str]) -> list[Asked]:
    """The queries of these requests, the most frequent first."""
    found: dict[str, Asked] = {}
    client = Client(headers={"host": "127.0.0.1"})
    for path in paths:
        cache.clear()
        with listening(found, path):
            answer = client.get(path)
            list(answer) if answer.streaming else answer.content
        if answer.status_code >= 400:
            raise LookupError(f"{path} answers {answer.status_code}")
    return sorted(found.values(), key=lambda one: -one.times)


def requests(seed: int, scale: float) -> list[str]:
    """What readers ask most: lists, pages, searches, facets, single records."""
    addresses = Addresses(seed, scale)
    slugs = UseCaseDocument.objects.filter(is_public=True).order_by("pk").values_list("slug", flat=True)[:_EACH]
    supplies = [
        addresses.pages(API),
        addresses.pages("/use-cases/"),
        addresses.searches(API),
        addresses.facets(FACETS),
        addresses.facets_without_text(FACETS),
    ]
    lists = [one.path for supply in supplies for one in supply.take(_EACH)]
    return [*lists, *(f"{API}{slug}/" for slug in slugs), *(f"/use-cases/{slug}/" for slug in slugs)]


# --- plans -----------------------------------------------------------------------------------------------------------
def explain(one: Asked) -> str:
    """The plan with its times."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {one.sql}", one.parameters)
        return "\n".join(row[0] for row in cursor.fetchall())


def large_tables() -> set[str]:
    """Tables that have more than 20,000 rows at scale 1."""
    links = UseCase.technologies.through
    models = (UseCase, UseCaseDocument, StandardUse, Participation, Lesson, links, Result, ResultDocument, Change)
    return {model._meta.db_table for model in models}


def full_scans(plan: dict[str, Any], large: set[str], *, is_limited: bool = False) -> list[str]:
    """The nodes of a plan that read a large table, or an index of it, from end to end.

    An index that is read in its order under a LIMIT stops early, so it does not count.
    """
    found = []
    kind, table = plan["Node Type"], plan.get("Relation Name", "")
    limited = is_limited or kind == "Limit"
    if table in large:
        if kind == "Seq Scan":
            found.append(f"Seq Scan on {table}")
        elif kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in plan and not limited:
            found.append(f"{kind} of all {table} by {plan['Index Name']}")
    # Whatever sorts or aggregates must read all of its input first.
    inherits = limited and kind not in ("Sort", "Aggregate", "Hash", "Materialize", "WindowAgg")
    for part in plan.get("Plans", ()):
        found += full_scans(part, large, is_limited=inherits)
    return found


def findings(asked: Sequence[Asked], scale: float) -> dict[str, list[str]]:
    """SQL -> what it reads from end to end; nothing for queries that do not.

    In a small data set PostgreSQL is told that large tables have as many rows as at scale 1: it plans for those.
    """
    found = {}
    large = large_tables()
    for one in asked:
        with transaction.atomic(), connection.cursor() as cursor:
            if scale < 1:
                cursor.execute(_TELL_ROWS, [scale, list(large)])
                cursor.execute(_TELL_KEYS, [scale, list(large), list(large)])
            cursor.execute(f"EXPLAIN (FORMAT JSON) {one.sql}", one.parameters)
            plan = cursor.fetchone()[0]
            transaction.set_rollback(True)
        if scans := full_scans((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"], large):
            found[one.sql] = scans
    return found


def run(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Plans of the most frequent queries over the data set. Returns: the exit code."""
    data.ensure(options.seed, options.scale, say)
    asked = listen(requests(options.seed, options.scale))
    shown = asked[: options.explain]
    # Those that are sent as often as the last of them are no less frequent.
    asked = [one for one in asked if one.times >= shown[-1].times]
    for number, one in enumerate(shown, start=1):
        say(f"--- {number}. sent {one.times} times, first by {one.paths[0]}\n{one.sql}\n\n{explain(one)}\n")
    found = findings(asked, options.scale)
    for sql, scans in found.items():
        say(f"Read to the end: {', '.join(scans)}\n  {sql[:300]}")
    if not found:
        say(f"No large table is read to its end by these {len(asked)} queries.")
    return 1 if found and options.check else 0
