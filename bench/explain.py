"""How PostgreSQL answers the ten most frequent queries: EXPLAIN (ANALYZE, BUFFERS), and a search for scans that grow.

The queries are those that the portal sends: requests are made of the loaded data set, and what they ask is listened to.
`python -m bench.explain` explains; `--check` ends with code 1 when a query reads through a large table from end to end.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.command import say, set_up_django

MOST_FREQUENT = 10
#: What PostgreSQL reckons for a row of a table, a row of an index, a comparison.
_ROW_COSTS = {"cpu_tuple_cost": 0.01, "cpu_index_tuple_cost": 0.005, "cpu_operator_cost": 0.0025}
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
    from django.db import connection

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            one = found.setdefault(sql, Asked(sql, parameters))
            one.times += 1
            one.paths.append(path)
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        yield


def listen(paths: Sequence[str]) -> list[Asked]:
    """The queries of these requests, the most frequent first."""
    from django.core.cache import cache
    from django.test import Client

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
    from bench.addresses import API, Addresses
    from usecases.models import UseCaseDocument

    addresses = Addresses(seed, scale)
    slugs = UseCaseDocument.objects.filter(is_public=True).order_by("pk").values_list("slug", flat=True)[:_EACH]
    supplies = [
        addresses.pages(API),
        addresses.pages("/use-cases/"),
        addresses.searches(API),
    ]
    lists = [one.path for supply in supplies for one in supply.take(_EACH)]
    return [*lists, *(f"{API}{slug}/" for slug in slugs), *(f"/use-cases/{slug}/" for slug in slugs)]


# --- plans -----------------------------------------------------------------------------------------------------------
def explain(one: Asked) -> str:
    """The plan with its times."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {one.sql}", one.parameters)
        return "\n".join(row[0] for row in cursor.fetchall())


def large_tables() -> set[str]:
    """Tables that have more than 20,000 rows at scale 1."""
    from alliance.events.models import Change
    from kpis.models import Result, ResultDocument
    from usecases.models import Lesson, Participation, StandardUse, UseCase, UseCaseDocument

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

    In a small data set each row weighs for PostgreSQL as much as the rows that scale 1 has in its place: the plans are
    those of large tables.
    """
    from django.db import connection, transaction

    found = {}
    large = large_tables()
    for one in asked:
        with transaction.atomic(), connection.cursor() as cursor:
            if scale < 1:
                for name, cost in _ROW_COSTS.items():
                    cursor.execute(f"SET LOCAL {name} = {cost / scale}")
            cursor.execute(f"EXPLAIN (FORMAT JSON) {one.sql}", one.parameters)
            plan = cursor.fetchone()[0]
        if scans := full_scans((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"], large):
            found[one.sql] = scans
    return found


def main(arguments: Sequence[str]) -> int:
    """Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.explain", description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of the loaded data set (default: 1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="bench")
    parser.add_argument("--check", action="store_true", help="end with code 1 when a large table is read to its end")
    parser.add_argument("--all", action="store_true", help="every query, not only the most frequent")
    options = parser.parse_args(arguments)
    os.environ["LOG_LEVEL"] = "WARNING"
    set_up_django(options.database)
    asked = listen(requests(options.seed, options.scale))
    chosen = asked if options.all else asked[:MOST_FREQUENT]
    for number, one in enumerate(chosen, start=1):
        say(f"--- {number}. sent {one.times} times, first by {one.paths[0]}\n{one.sql}\n\n{explain(one)}\n")
    found = findings(chosen, options.scale)
    for sql, scans in found.items():
        say(f"Read to the end: {', '.join(scans)}\n  {sql[:300]}")
    if not found:
        say(f"No large table is read to its end by the {len(chosen)} queries.")
    return 1 if found and options.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
