"""Making ready documents, and comparing them with their records: plain SQL over spans of records."""

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from alliance.core.search import EXACT
from alliance.events.documents import Kind
from alliance.events.states import current_state


def make(kind: Kind, ids: list[int], *, counting: bool = True) -> None:
    """Store the documents of these records as they are now; those of records that are gone go.

    Args: counting: keep the counts too; else they are to be counted anew afterwards.
    """
    exact = kind.searchable.vector(EXACT)
    public = kind.model._base_manager.order_by().alias(_public=kind.is_public).filter(_public=True, pk__in=ids)
    words, words_parameters = public.values_list(exact).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(*_storing(kind, ids, counting=counting))
        cursor.execute(
            "INSERT INTO events_word (kind, word) SELECT DISTINCT %s, unnest(tsvector_to_array(words)) AS word "
            f"FROM ({words}) AS texts(words) ORDER BY word ON CONFLICT DO NOTHING",
            [kind.name, *words_parameters],
        )


def _storing(kind: Kind, ids: list[int], *, counting: bool) -> tuple[str, list[Any]]:
    """One statement that makes the documents, takes away those without a record, and moves the counts."""
    table, base = kind.document._meta.db_table, kind.model._meta.db_table
    live, live_parameters = kind.live_sql
    fields = {one.attname: one.db_type(connection) for one in kind.document._meta.concrete_fields}
    columns = ", ".join(f'"{name}"' for name in fields)
    others = [name for name in fields if name != "id"]
    assigned = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
    mine = ", ".join(f'd."{name}"' for name in others)
    theirs = ", ".join(f'excluded."{name}"' for name in others)
    parts = [
        f'live({columns}) AS MATERIALIZED ({live} WHERE "{base}".id = ANY(%s))',
        f'gone AS (DELETE FROM "{table}" d WHERE id = ANY(%s) AND NOT EXISTS (SELECT FROM live WHERE live.id = d.id))',
    ]
    storing = (
        f'INSERT INTO "{table}" AS d ({columns}) SELECT * FROM live ORDER BY id '
        f"ON CONFLICT (id) DO UPDATE SET {assigned} WHERE ({mine}) IS DISTINCT FROM ({theirs})"
    )
    if kind.cube is None or not counting:
        return f"WITH {', '.join(parts)} {storing}", [*live_parameters, ids, ids]
    typed = ", ".join(f'"{name}"::{fields[name]}' for name in ("is_public", *kind.cube.columns))
    before = ", ".join(f'"{name}"' for name in ("is_public", *kind.cube.columns))
    changed, moving = kind.cube.moving_sql("made", "before")
    parts += [
        f"made AS (SELECT {typed} FROM live)",
        # As this statement found them: what it stores itself is not seen by it.
        f'before AS (SELECT {before} FROM "{table}" WHERE id = ANY(%s))',
        f"stored AS ({storing})",
        f"changed AS MATERIALIZED ({changed})",
    ]
    return f"WITH {', '.join(parts)} {moving}", [*live_parameters, ids, ids, ids, kind.name]


@transaction.atomic
def make_span(kind: Kind, after: int, until: int) -> None:
    """Store the documents of all records with ids in (after, until]."""
    table, base = kind.document._meta.db_table, kind.model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT id FROM "{base}" WHERE id > %s AND id <= %s UNION '
            f'SELECT id FROM "{table}" WHERE id > %s AND id <= %s',
            [after, until, after, until],
        )
        make(kind, [record_id for (record_id,) in cursor.fetchall()])


def spans(kind: Kind, size: int) -> Iterator[tuple[int, int, int]]:
    """Spans of ids that hold `size` records or documents each: (after, until, how many)."""
    table, base = kind.document._meta.db_table, kind.model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT max(id), count(*) FROM (
              SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS span
              FROM (SELECT id FROM "{base}" UNION SELECT id FROM "{table}") AS every
            ) AS numbered GROUP BY span ORDER BY span
            """,
            [size],
        )
        ends = cursor.fetchall()
    after = 0
    for until, count in ends:
        yield after, until, count
        after = until


def differing(kind: Kind, after: int, until: int) -> list[int]:
    """Records with ids in (after, until] whose stored document differs, beyond those known to be stale."""
    # All tables: a change that comes between the two statements is known to the second one.
    affected, stale_parameters = kind.affected_sql(current_state().tail, kind.tables)
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
