"""Keeping the aggregates as the results are: following the change log, computing anew, proving them right.

Three steps, each right whenever the process dies: entries of the log become inputs while the cursor moves, in one
transaction, which keeps those that differed as they were; cells count the difference in batches, a transaction each;
nobody else does either meanwhile. Inputs are always made from the records as they are now, so reading an entry twice
changes nothing, and what a cell has counted of an input is known until it counts it anew.
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
from kpis import aggregate_running_sql as running
from kpis import aggregate_sql as sql
from kpis.aggregate_models import AggregateInput, SampleSize, UncountedInput
from kpis.conversions import conversion_table
from kpis.models import Kpi, Result
from kpis.statistics import median_ranks
from usecases.models import City, Country, UseCase

#: The reader of the change log.
READER = "aggregates"
ENTRIES_AT_ONCE = 20_000
#: Of one batch: indicators that are computed whole, and inputs of others that differ.
KPIS_AT_ONCE = 25
INPUTS_AT_ONCE = 1_000
#: From one input in so many that differs, all cells of an indicator are computed by one pass over its inputs.
WHOLE_FROM = 50
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
            f"INSERT INTO {sql.UNCOUNTED} (kpi_id, is_counted, design) "
            f"SELECT DISTINCT kpi_id, false, '' FROM {sql.CELL} WHERE rule <> %s ON CONFLICT DO NOTHING",
            [sql.RULE],
        )
    return changed


@transaction.atomic
def _take_entries() -> int | None:
    """Turn the next settled entries into inputs and move the cursor, in one transaction.

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


# --- counting --------------------------------------------------------------------------------------------------------
def _work_off(progress: Progress) -> int:
    """Count every input that differs. Returns: how many inputs and cells changed.

    What changes meanwhile is taken between two batches, and the newest is counted first: who accepts a result while
    thousands are imported sees its number before theirs.
    """
    queued = UncountedInput.objects.count()
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
    """Count what differs of the indicators that changed last.

    Returns: how many inputs were counted; how many cells differed; None when nothing is left.
    """
    waiting = _newest()
    if not waiting:
        return None
    few = [one.kpi_id for one in waiting if not one.is_whole]
    with transaction.atomic():
        changed, astray = _count_difference(few, max((one.most for one in waiting), default=0))
        if astray:
            transaction.set_rollback(True)
    if astray:
        changed, few = 0, []
    many = [one.kpi_id for one in waiting if one.kpi_id not in few]
    if many:
        changed += _look_at(many, repair=True)[1]
    UncountedInput.objects.filter(kpi_id__in=[one.kpi_id for one in waiting]).delete()
    return sum(one.inputs for one in waiting), changed


@dataclass
class _Waiting:
    """An indicator whose cells do not know of some inputs.

    Attributes:
        inputs: how many; is_whole: all of it is to be computed; most: so many inputs a cell can have at most.
    """

    kpi_id: int
    inputs: int
    is_whole: bool
    most: int


def _newest() -> list[_Waiting]:
    """The indicators of the next batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT u.kpi_id, u.inputs, u.is_whole OR u.inputs * %s > coalesce(s.results, 0),
              u.inputs + coalesce(s.results, 0)
            FROM (SELECT kpi_id, count(*) AS inputs, max(id) AS newest, bool_or(result_id IS NULL) AS is_whole
              FROM {sql.UNCOUNTED} GROUP BY kpi_id) u
            LEFT JOIN {sql.SUMS} s ON s.kpi_id = u.kpi_id AND s.vertical_id = 0 AND s.region_id = 0 AND s.design = ''
            ORDER BY u.newest DESC
            """,
            [WHOLE_FROM],
        )
        waiting = [_Waiting(*row) for row in cursor.fetchall()]
    chosen: list[_Waiting] = []
    for one in waiting:
        chosen.append(one)
        whole = sum(each.is_whole for each in chosen)
        if whole >= KPIS_AT_ONCE or sum(each.inputs for each in chosen if not each.is_whole) >= INPUTS_AT_ONCE:
            break
    return chosen


def _count_difference(kpi_ids: list[int], most: int) -> tuple[int, list[int]]:
    """Count what differs among the inputs of some indicators.

    Returns: how many cells changed; the indicators whose values are not what was counted: nothing of this may stay.
    """
    if not kpi_ids:
        return 0, []
    know_sizes(most)
    with connection.cursor() as cursor:
        cursor.execute(running.count_values(), [kpi_ids, kpi_ids])
        astray = cursor.fetchone()[0]
        if astray:
            return 0, astray
        cursor.execute(running.count_sums(), [kpi_ids, kpi_ids])
        cursor.execute(running.count_cells(), [kpi_ids, kpi_ids])
        return int(cursor.fetchone()[0]), []


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
            f"SELECT kpi_id FROM {sql.SUMS} UNION SELECT kpi_id FROM {running.SORTED} UNION "
            f"SELECT kpi_id FROM {sql.UNCOUNTED} ORDER BY 1"
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
    with connection.cursor() as cursor:
        cursor.execute(running.whole_state(chosen, repair=repair))
        cells, differing = cursor.fetchone()
        if repair:
            cursor.execute(f"DELETE FROM {sql.UNCOUNTED} WHERE {chosen}")
    return cells, differing
