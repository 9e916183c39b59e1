"""Keeping evidence and ranking as the records are: following the change log, and proving that it missed nothing.

One process at a time follows. Settled entries of the log become sums of results (`practices/parts.py`) and a list of
touched practices while the cursor moves, in one transaction; their evidence and a new ranking are made in transactions
that take them off that list. A killed process leaves nothing half done. What is recomputed follows the change: the sums
of the use cases that it touches, and the evidence of their practices out of sums. Only the order, which compares all
practices, is made of all of them.

What computes needs NumPy; it is imported where it is called, so that web servers never load it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from alliance.core.postgresql import statement_timeout
from alliance.events import ledger
from alliance.events.models import Cursor
from alliance.events.upkeep import Progress, alone, silent
from practices import evidence
from practices.candidates import make_run
from practices.models import Evidence, Part, Practice, TouchedPractice, UsualEffect
from practices.rules import NEWEST, Rule, rule

READER = "practices"
ENTRIES_AT_ONCE = 20_000
PRACTICES_AT_ONCE = 200
_LOCK = 7_301_011

#: Which practices an entry of the log touches: table -> (cause, SQL that gives them for the entries in `taken`).
_OF_USE_CASE = "JOIN practices_implementation i ON i.use_case_id IN"
_TOUCHED = {
    "practices_practice": ("changed practice", "SELECT t.record_id FROM taken t"),
    "practices_implementation": (
        "new or changed link",
        "SELECT (t.before->>'practice_id')::bigint FROM taken t "
        "UNION SELECT i.practice_id FROM taken t JOIN practices_implementation i ON i.id = t.record_id",
    ),
    "practices_challenge": (
        "challenge",
        "SELECT (t.before->>'practice_id')::bigint FROM taken t "
        "UNION SELECT c.practice_id FROM taken t JOIN practices_challenge c ON c.id = t.record_id",
    ),
    "kpis_result": (
        "correction or new result",
        f"SELECT i.practice_id FROM taken t LEFT JOIN kpis_result r ON r.id = t.record_id "
        f"{_OF_USE_CASE} (r.use_case_id, (t.before->>'use_case_id')::bigint)",
    ),
    "kpis_kpi": (
        "changed record",
        "SELECT i.practice_id FROM taken t JOIN kpis_result r ON r.kpi_id = t.record_id "
        "JOIN practices_implementation i ON i.use_case_id = r.use_case_id "
        "UNION SELECT p.id FROM taken t JOIN practices_practice p ON p.primary_kpi_id = t.record_id",
    ),
    # From both ends of a link before and after, over all exact ones: whatever is or was the same as one of them.
    "kpis_kpilink": (
        "changed record",
        "WITH RECURSIVE same(id) AS ("
        "SELECT (t.before->>e.name)::bigint FROM taken t, (VALUES ('kpi_id'), ('other_id')) e(name) "
        "UNION SELECT unnest(ARRAY[l.kpi_id, l.other_id]) FROM taken t JOIN kpis_kpilink l ON l.id = t.record_id "
        "UNION SELECT CASE WHEN l.kpi_id = s.id THEN l.other_id ELSE l.kpi_id END FROM same s "
        "JOIN kpis_kpilink l ON l.relation = 'exact' AND s.id IN (l.kpi_id, l.other_id)) "
        "SELECT i.practice_id FROM same s JOIN kpis_result r ON r.kpi_id = s.id "
        "JOIN practices_implementation i ON i.use_case_id = r.use_case_id "
        "UNION SELECT p.id FROM same s JOIN practices_practice p ON p.primary_kpi_id = s.id",
    ),
    "usecases_usecase": ("changed record", f"SELECT i.practice_id FROM taken t {_OF_USE_CASE} (t.record_id)"),
    "usecases_participation": (
        "changed record",
        f"SELECT i.practice_id FROM taken t LEFT JOIN usecases_participation p ON p.id = t.record_id "
        f"{_OF_USE_CASE} (p.use_case_id, (t.before->>'use_case_id')::bigint)",
    ),
    "usecases_country": (
        "changed record",
        "SELECT i.practice_id FROM taken t JOIN usecases_city c ON c.country_id = t.record_id "
        f"JOIN usecases_usecase u ON u.city_id = c.id {_OF_USE_CASE} (u.id)",
    ),
    "members_organisation": (
        "changed record",
        "SELECT i.practice_id FROM taken t JOIN members_organisation o ON o.id = t.record_id "
        "JOIN LATERAL (SELECT use_case_id FROM usecases_participation WHERE organisation_id = o.id "
        "UNION SELECT use_case_id FROM kpis_result WHERE reported_by_id = o.id) u ON true "
        f"{_OF_USE_CASE} (u.use_case_id) "
        "WHERE (t.before->>'slug', t.before->>'kind') IS DISTINCT FROM (o.slug, o.kind)",
    ),
    "usecases_city": (
        "changed record",
        f"SELECT i.practice_id FROM taken t JOIN usecases_usecase u ON u.city_id = t.record_id {_OF_USE_CASE} (u.id)",
    ),
}  # fmt: skip

#: Of which use cases it changes what the results say.
_REMEASURED = {
    "kpis_result": (
        "SELECT (t.before->>'use_case_id')::bigint FROM taken t "
        "UNION SELECT r.use_case_id FROM taken t JOIN kpis_result r ON r.id = t.record_id"
    ),
    "kpis_kpi": (
        "SELECT r.use_case_id FROM taken t JOIN kpis_kpi k ON k.id = t.record_id "
        "JOIN kpis_result r ON r.kpi_id = k.id WHERE t.before->>'direction' IS DISTINCT FROM k.direction"
    ),
    "usecases_usecase": (
        "SELECT t.record_id FROM taken t LEFT JOIN usecases_usecase u ON u.id = t.record_id "
        "WHERE t.before->>'status' IS DISTINCT FROM u.status"
    ),
}


@dataclass
class Report:
    """What a full check found.

    Attributes:
        differing: practices whose kept evidence is not what the records say.
        differing_sums: use cases of whose results the kept sums are not what the records say.
        differing_medians: indicators whose kept median is not that of their results.
    """

    compared: int = 0
    differing: list[str] = field(default_factory=list)
    differing_sums: int = 0
    differing_medians: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.differing or self.differing_sums or self.differing_medians)

    def sentences(self) -> list[str]:
        if self.is_clean:
            return [f"{self.compared} practices compared: evidence and ranking are what the records say."]
        told = [f"The evidence of “{slug}” differed from its records." for slug in self.differing]
        if self.differing_sums:
            told.append(f"The sums of results of {self.differing_sums} use cases differed from the results.")
        if self.differing_medians:
            told.append(f"What results usually show differed from the results for {self.differing_medians} indicators.")
        return told


def follow() -> int | None:
    """Make evidence and ranking what the records are, as far as the log is settled.

    Returns: how many practices were made anew; None when somebody else is at it.
    """
    with statement_timeout(0), alone(_LOCK) as is_alone:
        return _catch_up() if is_alone else None


def _catch_up() -> int:
    _make_first_sums()
    has_news = False
    while _take_entries():
        has_news = True
    _touch_outdated()
    causes = _work_off(today())
    # Also where no practice is touched: what results of an indicator usually show may be another thing now.
    if has_news or causes:
        make_run(today(), causes)
    return len(causes)


def today() -> date:
    return timezone.now().date()


@transaction.atomic
def _make_first_sums() -> None:
    """Where another software, another rule or nobody made the sums, or where the cursor does not stand in this log: all
    of them, from the records as they are now."""
    from practices import parts

    reader, _ = Cursor.objects.select_for_update().get_or_create(reader=READER)
    if reader.schemas.get("sums") == parts.software(rule()) and ledger.stands_in_log(reader):
        return
    reader.schemas = {"sums": parts.software(rule())}
    ledger.put_at_end(reader)
    parts.make(rule())
    UsualEffect.objects.all().delete()
    _touch({*Practice.objects.values_list("pk", flat=True), *Evidence.objects.values_list("pk", flat=True)}, "rule")


def _touch(practices: Iterable[int], cause: str) -> None:
    touched = [TouchedPractice(practice_id=pk, cause=cause) for pk in practices]
    TouchedPractice.objects.bulk_create(touched, ignore_conflicts=True)


@transaction.atomic
def _take_entries() -> int:
    """Note the practices that the next settled entries touch and move the cursor, in one transaction."""
    reader, _ = Cursor.objects.select_for_update().get_or_create(reader=READER)
    begin = [reader.transaction, reader.position]
    with connection.cursor() as cursor:
        # The end is fixed first: what settles while this runs is for the next round.
        cursor.execute(
            """
            WITH taken AS (
              SELECT transaction, position, "table", operation FROM events_change
              WHERE (transaction, position) > (%s, %s) AND transaction < %s
              ORDER BY transaction, position LIMIT %s
            )
            SELECT count(*), coalesce(sum(position), 0), array_agg(DISTINCT "table"),
              array_agg(DISTINCT "table") FILTER (WHERE operation = 'T'),
              (SELECT array[transaction, position] FROM taken ORDER BY transaction DESC, position DESC LIMIT 1)
            FROM taken
            """,
            [*begin, ledger.settled_end(), ENTRIES_AT_ONCE],
        )
        count, total, tables, emptied, end = cursor.fetchone()
        if not count:
            return 0
        for table, (cause, touched) in _TOUCHED.items():
            if table not in tables:
                continue
            cursor.execute(
                f"{_taken()} INSERT INTO practices_touchedpractice (practice_id, cause) "
                f"SELECT DISTINCT id, %s FROM ({touched} {_every(table, emptied, 'practices_practice')}) AS found(id) "
                "WHERE id IS NOT NULL ORDER BY 1 ON CONFLICT (practice_id) DO NOTHING",
                [table, *begin, *end, cause],
            )
        use_cases = _remeasured(cursor, tables, emptied, begin, end)
    if use_cases:
        from practices import parts

        parts.make(rule(), use_cases)
    if "kpis_kpilink" in tables:
        UsualEffect.objects.all().delete()
    reader.transaction, reader.position = end
    reader.rows += count
    reader.total += total
    reader.save()
    return count


def _taken() -> str:
    """Parameters: the table, and transaction and position before the first and of the last entry."""
    return (
        "WITH taken AS MATERIALIZED (SELECT record_id, before FROM events_change "
        'WHERE "table" = %s AND (transaction, position) > (%s, %s) AND (transaction, position) <= (%s, %s))'
    )


def _every(table: str, emptied: Iterable[str] | None, wanted: str) -> str:
    """Of a table that was emptied at once, nobody knows what it held."""
    return f"UNION SELECT id FROM {wanted}" if table in (emptied or ()) else ""


def _remeasured(
    cursor: Any, tables: Iterable[str], emptied: Iterable[str] | None, begin: list[int], end: list[int]
) -> set[int]:
    """The use cases whose results say something else after these entries, as far as one can tell."""
    found: set[int] = set()
    for table, touched in _REMEASURED.items():
        if table in tables:
            every = _every(table, emptied, "usecases_usecase")
            every += f" UNION SELECT use_case_id FROM {Part._meta.db_table}" if every else ""
            cursor.execute(
                f"{_taken()} SELECT id FROM ({touched} {every}) AS found(id) WHERE id IS NOT NULL",
                [table, *begin, *end],
            )
            found.update(pk for (pk,) in cursor.fetchall())
    return found


def _touch_outdated() -> None:
    """Evidence of another rule, or of another year, by which results are older: made anew."""
    for condition, cause in (
        ({"rule_version": NEWEST}, "rule"),
        ({"as_of__year": today().year}, "age"),
    ):
        outdated = Evidence.objects.exclude(**condition).values_list("practice_id", flat=True)
        _touch(outdated, cause)


def _work_off(as_of: date) -> dict[str, str]:
    """Make the evidence of every touched practice anew. Returns: slug -> cause of those whose inputs changed."""
    causes: dict[str, str] = {}
    while True:
        with transaction.atomic():
            batch = dict(
                TouchedPractice.objects.select_for_update(skip_locked=True)
                .order_by("practice_id")
                .values_list("practice_id", "cause")[:PRACTICES_AT_ONCE]
            )
            if not batch:
                return causes
            for slug, pk in make(batch, as_of):
                causes[slug] = batch[pk]
            TouchedPractice.objects.filter(practice_id__in=batch).delete()


#: What of the evidence counts as another one.
_COMPARED = ("rule_version", "inputs_hash", "body", "candidate")


def make(keys: Iterable[int], as_of: date, *, used: Rule | None = None) -> list[tuple[str, int]]:
    """Write the evidence of these practices; take away that of practices that are not public any more.

    Returns: slug and key of those whose evidence is another one now.
    """
    from practices.judging import candidate_of, judge

    used = used or rule()
    keys = list(keys)
    practices = {one.pk: one for one in Practice.objects.public().filter(pk__in=keys).select_related("primary_kpi")}
    before = {one.practice_id: one for one in Evidence.objects.filter(practice__in=keys).select_related("practice")}
    changed = [(one.practice.slug, pk) for pk, one in before.items() if pk not in practices]
    Evidence.objects.filter(practice__in=[pk for _slug, pk in changed]).delete()
    collected = evidence.collect(practices.values())
    rows = []
    for (pk, inputs), body in zip(collected.items(), judge([*collected.values()], used, as_of.year), strict=True):
        made = Evidence(
            practice_id=pk,
            rule_version=used.version,
            inputs_hash=inputs.digest(),
            as_of=as_of,
            body=body,
            candidate=candidate_of(body),
        )
        old = before.get(pk)
        if old is None or any(getattr(old, name) != getattr(made, name) for name in _COMPARED):
            changed.append((inputs.slug, pk))
        rows.append(made)
    Evidence.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["practice"],
        update_fields=["as_of", *_COMPARED],
    )
    return changed


# --- proving it ------------------------------------------------------------------------------------------------------
def rebuild(progress: Progress = silent, *, check: bool = False) -> Report:
    """Compute all sums, the evidence of every practice and what results usually show from the records, and compare
    them with what following the log made; repair them unless `check`.

    What an entry that is still unread has changed is not counted as differing.
    """
    from practices import parts

    with statement_timeout(0), alone(_LOCK, wait=True):
        _catch_up()
        report = Report()
        with transaction.atomic():
            made = parts.make(rule())
            keys = sorted(
                {
                    *Practice.objects.public().values_list("pk", flat=True),
                    *Evidence.objects.values_list("pk", flat=True),
                }
            )
            report.compared = len(keys)
            found: list[tuple[str, int]] = []
            for at in range(0, len(keys), PRACTICES_AT_ONCE):
                found += make(keys[at : at + PRACTICES_AT_ONCE], today())
                progress(min(at + PRACTICES_AT_ONCE, len(keys)), len(keys))
            kept = dict(UsualEffect.objects.values_list("kpi_id", "median"))
            UsualEffect.objects.all().delete()
            fresh = parts.usual(kept)
            medians = {pk for pk, median in kept.items() if median != fresh.get(pk)}
            if found or made.use_cases or medians:
                # Looked at later, so that it tells of all that was seen above.
                practices, use_cases, has_other = _unread()
                report.differing = [slug for slug, pk in found if pk not in practices]
                report.differing_sums = len(made.use_cases - use_cases)
                report.differing_medians = 0 if has_other else len(medians)
            if check:
                transaction.set_rollback(True)
        if not check:
            make_run(today(), dict.fromkeys(report.differing, "repair"))
        return report


def _unread() -> tuple[set[int], set[int], bool]:
    """What entries that are not read yet touch: practices, use cases, and whether there are any at all."""
    reader = Cursor.objects.get(reader=READER)
    begin, end = [reader.transaction, reader.position], [2**62, 2**62]
    practices: set[int] = set()
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT array_agg(DISTINCT "table"), array_agg(DISTINCT "table") FILTER (WHERE operation = \'T\') '
            "FROM events_change WHERE (transaction, position) > (%s, %s)",
            begin,
        )
        tables, emptied = cursor.fetchone()
        for table, (_cause, touched) in _TOUCHED.items():
            if table in (tables or ()):
                every = _every(table, emptied, "practices_practice")
                cursor.execute(f"{_taken()} SELECT id FROM ({touched} {every}) AS found(id)", [table, *begin, *end])
                practices.update(pk for (pk,) in cursor.fetchall())
        use_cases = _remeasured(cursor, tables or (), emptied, begin, end)
    return practices, use_cases, bool(tables)
