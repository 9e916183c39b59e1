"""Keeping the aggregates as the results are: following the change log, computing anew, proving them right.

Three steps, each right whenever the process dies: entries of the log become inputs and stale cells while the cursor
moves, in one transaction; stale cells are computed anew in batches, a transaction each; nobody else does either
meanwhile. Inputs are always made from the records as they are now, so reading an entry twice changes nothing, and the
cells to touch are those of the inputs before and after.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from alliance.core.postgresql import statement_timeout
from alliance.core.quantiles import t_quantile_975
from alliance.events import ledger
from alliance.events.models import Cursor
from alliance.events.upkeep import Progress, alone, silent
from kpis import aggregate_sql as sql
from kpis.aggregate_models import AggregateInput, SampleSize, StaleCell
from kpis.conversions import conversion_table
from kpis.models import Kpi, Result
from kpis.statistics import median_ranks
from usecases.models import City, Country, UseCase

#: The reader of the change log.
READER = "aggregates"
ENTRIES_AT_ONCE = 20_000
#: Finest cells whose cells are computed in one transaction, and indicators of a rebuild.
LEAVES_AT_ONCE = 500
KPIS_AT_ONCE = 25
_LOCK = 7_301_003

#: Table -> the results that one of its rows may concern, as a condition on them (r) and their use cases (u).
_CONCERNED = {
    Result._meta.db_table: "r.id IN ({ids})",
    UseCase._meta.db_table: "r.use_case_id IN ({ids})",
    City._meta.db_table: "u.city_id IN ({ids})",
    Country._meta.db_table: "u.city_id IN (SELECT id FROM usecases_city WHERE country_id IN ({ids}))",
    Kpi._meta.db_table: "r.kpi_id IN ({ids})",
}


def software() -> str:
    """Names the rule and the definitions of units: others give other numbers."""
    definitions = (settings.DATA_DIR / "units.txt").read_bytes()
    return f"{sql.RULE} {hashlib.sha256(definitions).hexdigest()[:16]}"


# --- following the log -----------------------------------------------------------------------------------------------
def follow(progress: Progress = silent) -> int | None:
    """Make the aggregates what the results are, as far as the log is settled.

    Returns: how many inputs and cells changed; None when somebody else is at it.
    """
    with statement_timeout(0), alone(_LOCK) as is_alone:
        if not is_alone:
            return None
        return _catch_up(progress)


def has_unread() -> bool:
    """Whether the log tells of something that the inputs do not know yet, settled or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM events_cursor c JOIN events_change e ON (e.transaction, e.position) > "
            '(c.transaction, c.position) WHERE c.reader = %s AND e."table" = ANY(%s))',
            [READER, list(_CONCERNED)],
        )
        return bool(cursor.fetchone()[0])


def _catch_up(progress: Progress) -> int:
    changed = 0 if _is_trusted() else _begin_anew()
    return changed + _take_all() + _work_off(progress)


def _take_all() -> int:
    """Take entries until none is left. Returns: how many inputs differed."""
    changed = 0
    while (taken := _take_entries()) is not None:
        changed += taken
    return changed


def _is_trusted() -> bool:
    """Whether the cursor stands at an entry of this log, and this software made the inputs."""
    reader = Cursor.objects.filter(reader=READER).first()
    return reader is not None and reader.schemas.get("software") == software() and ledger.stands_in_log(reader)


@transaction.atomic
def _begin_anew() -> int:
    """Read no entry that is settled now: all inputs are made from the records, which tell as much."""
    reader, _ = Cursor.objects.select_for_update().get_or_create(reader=READER)
    reader.schemas = {"software": software()}
    ledger.put_at_end(reader)
    changed = _follow_inputs("SELECT NULL::bigint", everything=True)
    # Another rule gives other numbers from the same inputs.
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {sql.STALE} (kpi_id, vertical_id, region_id, design) "
            f"SELECT DISTINCT i.kpi_id, i.vertical_id, i.region_id, i.design FROM {sql.INPUT} i "
            f"WHERE EXISTS (SELECT FROM {sql.CELL} c WHERE c.kpi_id = i.kpi_id AND c.rule <> %s) "
            "ON CONFLICT DO NOTHING",
            [sql.RULE],
        )
    return changed


@transaction.atomic
def _take_entries() -> int | None:
    """Turn the next settled entries into inputs and stale cells and move the cursor, in one transaction.

    Returns: how many inputs differed; None without an entry.
    """
    reader = Cursor.objects.select_for_update().get(reader=READER)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH taken AS (
              SELECT transaction, position, "table", record_id FROM events_change
              WHERE (transaction, position) > (%s, %s) AND transaction < %s
              ORDER BY transaction, position LIMIT %s
            )
            SELECT count(*), coalesce(sum(position), 0), coalesce(bool_or(record_id IS NULL), false),
              (SELECT array[transaction, position] FROM taken ORDER BY transaction DESC, position DESC LIMIT 1),
              (SELECT coalesce(json_object_agg("table", ids), '{}') FROM (
                SELECT "table", array_agg(DISTINCT record_id) AS ids FROM taken
                WHERE "table" = ANY(%s) AND record_id IS NOT NULL GROUP BY "table") t)
            FROM taken
            """,
            [reader.transaction, reader.position, ledger.settled_end(), ENTRIES_AT_ONCE, list(_CONCERNED)],
        )
        count, total, is_emptied, end, touched = cursor.fetchone()
    if not count:
        return None
    changed = 0
    if is_emptied or touched:
        changed = _follow_inputs(_concerned(touched), everything=is_emptied)
    reader.transaction, reader.position = end
    reader.rows += count
    reader.total += total
    reader.save()
    return changed


def _concerned(touched: dict[str, list[int]]) -> str:
    """A query of the results that rows may concern, and of those that did: their inputs may have to go."""
    found = ["SELECT NULL::bigint"]
    for table, ids in touched.items():
        listed = f"SELECT unnest(ARRAY[{', '.join(map(str, map(int, ids)))}]::bigint[])"
        condition = _CONCERNED[table].format(ids=listed)
        found.append(
            f"SELECT r.id FROM kpis_result r JOIN usecases_usecase u ON u.id = r.use_case_id WHERE {condition}"
        )
        if table == Result._meta.db_table:
            found.append(listed)
    return " UNION ".join(found)


def _follow_inputs(affected: str, *, everything: bool) -> int:
    among = "true" if everything else f"r.id IN ({affected})"
    statement = sql.follow_inputs(affected, everything=everything)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT r.unit, k.unit FROM kpis_result r JOIN kpis_kpi k ON k.id = r.kpi_id WHERE {among}"
        )
        table = conversion_table(cursor.fetchall())
        cursor.execute(statement, table)
        return int(cursor.fetchone()[0])


# --- computing cells -------------------------------------------------------------------------------------------------
def _work_off(progress: Progress) -> int:
    """Compute every stale cell anew, a batch a transaction. Returns: how many inputs and cells changed.

    What changes meanwhile is taken between two batches, and the newest cells are computed first: who accepts a result
    while thousands are imported sees its number before theirs.
    """
    queued = StaleCell.objects.count()
    if queued:
        progress(0, queued)
    changed = done = 0
    while batch := _one_batch():
        done += batch[0]
        changed += batch[1]
        changed += _take_all()
        progress(done, max(queued, done))
    return changed


@transaction.atomic
def _one_batch() -> tuple[int, int] | None:
    if StaleCell.objects.count() > LEAVES_AT_ONCE:
        return _whole_indicators()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            DELETE FROM {sql.STALE} WHERE id IN (
              SELECT id FROM {sql.STALE} ORDER BY id DESC LIMIT %s FOR UPDATE
            ) RETURNING kpi_id, vertical_id, region_id, design
            """,
            [LEAVES_AT_ONCE],
        )
        leaves = cursor.fetchall()
        if not leaves:
            return None
        columns = [list(column) for column in zip(*leaves, strict=True)]
        _know_sizes_of(columns[0])
        given = "leaf(kpi_id, vertical_id, region_id, design) AS MATERIALIZED (SELECT * FROM unnest("
        given += "%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]))"
        touched = f"{given}, touched AS MATERIALIZED ({sql.touched_by('leaf')}),"
        cursor.execute(
            sql.store_cells(sql.cells_in("touched"), sql.stored_cells_in("touched"), prepared=touched), columns
        )
        return len(leaves), int(cursor.fetchone()[0])


def _whole_indicators() -> tuple[int, int]:
    """All cells of the indicators that were touched last: when so many are stale, one pass over all inputs of an
    indicator is quicker than one over those of each of its cells."""
    newest = StaleCell.objects.values("kpi_id").annotate(newest=Max("id")).order_by("-newest")
    some = [one["kpi_id"] for one in newest[:KPIS_AT_ONCE]]
    stale = StaleCell.objects.filter(kpi_id__in=some).count()
    return stale, _look_at(some, repair=True)[1]


def _know_sizes_of(kpi_ids: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(max(n), 0) FROM "
            f"(SELECT count(*) AS n FROM {sql.INPUT} WHERE kpi_id = ANY(%s) GROUP BY kpi_id) t",
            [sorted(set(kpi_ids))],
        )
        know_sizes(cursor.fetchone()[0])


def know_sizes(most: int) -> None:
    """Fill the table of sample sizes up to that many values."""
    known = SampleSize.objects.aggregate(most=Max("n"))["most"] or 0
    if most <= known:
        return
    rows = []
    for n in range(known + 1, most + 101):  # some more, so that the next result finds its own
        ranks = median_ranks(n)
        rows.append(SampleSize(n, ranks.low, ranks.high, ranks.coverage, t_quantile_975(n - 1) if n > 1 else None))
    SampleSize.objects.bulk_create(rows, batch_size=1_000, ignore_conflicts=True)


# --- proof and repair ------------------------------------------------------------------------------------------------
@dataclass
class Report:
    """What an examination or a rebuild found.

    Attributes:
        inputs, cells: how many were compared; differing_inputs, differing_cells: of them and of those that should be.
    """

    inputs: int = 0
    cells: int = 0
    differing_inputs: int = 0
    differing_cells: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.differing_inputs or self.differing_cells)

    def sentences(self) -> list[str]:
        """What was found, for people."""
        told = []
        if self.differing_inputs:
            told.append(f"{self.differing_inputs} inputs of aggregates differed from the results.")
        if self.differing_cells:
            told.append(f"{self.differing_cells} aggregates differed from their inputs.")
        return told or [f"{self.inputs} inputs and {self.cells} aggregates compared: none differed."]


def examine(progress: Progress = silent) -> Report:
    """Follow the log, then compare all inputs with the records and all cells with the inputs. Repairs nothing."""
    with statement_timeout(0), alone(_LOCK, wait=True):
        _catch_up(silent)
        report = Report(differing_inputs=_differing_inputs())
        return _look_at_cells(report, progress, repair=False)


def rebuild(progress: Progress = silent) -> Report:
    """Make all inputs and cells anew, whatever the log has told. Waits for whoever follows it just now.

    Returns: what differed; nothing does after a normal run.
    """
    with statement_timeout(0), alone(_LOCK, wait=True):
        _catch_up(silent)
        report = Report(differing_inputs=_differing_inputs())
        with transaction.atomic():
            _follow_inputs("SELECT NULL::bigint", everything=True)
        return _look_at_cells(report, progress, repair=True)


@transaction.atomic
def _differing_inputs() -> int:
    """How many inputs differ without an entry of the log, still unread, that says so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT r.unit, k.unit FROM kpis_result r JOIN kpis_kpi k ON k.id = r.kpi_id")
        table = conversion_table(cursor.fetchall())
        cursor.execute(sql.differing_inputs(), table)
        differing = {result_id for (result_id,) in cursor.fetchall()}
        if not differing:
            return 0
        # Looked at later, so that it tells of all that was seen above.
        cursor.execute(
            """
            SELECT coalesce(e."table", ''), coalesce(bool_or(record_id IS NULL), false), array_agg(DISTINCT record_id)
            FROM events_cursor c JOIN events_change e
              ON (e.transaction, e.position) > (c.transaction, c.position) AND e."table" = ANY(%s)
            WHERE c.reader = %s GROUP BY 1
            """,
            [list(_CONCERNED), READER],
        )
        unread = cursor.fetchall()
        if any(is_emptied for _table, is_emptied, _ids in unread):
            return 0
        cursor.execute(_concerned({table: ids for table, _is_emptied, ids in unread}))
        return len(differing - {result_id for (result_id,) in cursor.fetchall()})


def _look_at_cells(report: Report, progress: Progress, *, repair: bool) -> Report:
    report.inputs = AggregateInput.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT kpi_id FROM {sql.INPUT} UNION SELECT kpi_id FROM {sql.CELL} UNION "
            f"SELECT kpi_id FROM {sql.STALE} ORDER BY 1"
        )
        everyone = [kpi_id for (kpi_id,) in cursor.fetchall()]
    for start in range(0, len(everyone), KPIS_AT_ONCE):
        some = everyone[start : start + KPIS_AT_ONCE]
        cells, differing = _look_at(some, repair=repair)
        report.cells += cells
        report.differing_cells += differing
        progress(start + len(some), len(everyone))
    return report


@transaction.atomic
def _look_at(kpi_ids: list[int], *, repair: bool) -> tuple[int, int]:
    """All cells of some indicators. Returns: how many there should be; how many differed."""
    _know_sizes_of(kpi_ids)
    chosen = f"kpi_id IN ({', '.join(map(str, kpi_ids))})"
    fresh = sql.every_cell(sql.INPUT, f"f.{chosen}")
    stored = f"SELECT * FROM {sql.CELL} WHERE {chosen}"
    savepoint = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute(sql.store_cells(fresh, stored))
        differing = int(cursor.fetchone()[0])
        cursor.execute(f"SELECT count(*) FROM {sql.CELL} WHERE {chosen}")
        cells = int(cursor.fetchone()[0])
        if repair:
            cursor.execute(f"DELETE FROM {sql.STALE} WHERE {chosen}")
            transaction.savepoint_commit(savepoint)
        else:
            transaction.savepoint_rollback(savepoint)
    return cells, differing
