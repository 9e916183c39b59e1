"""Keeping evidence and ranking as the records are: following the change log, and proving that it missed nothing.

One process at a time follows. The cursor moves in the transaction that notes which practices are touched; their
evidence and a new ranking are made in transactions that take them off that list. A killed process leaves nothing half
done. What is recomputed follows the change; only the order, which compares all practices, is made of all of them.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256

from django.db import connection, transaction
from django.utils import timezone

from alliance.core.postgresql import statement_timeout
from alliance.events import ledger
from alliance.events.models import Cursor
from practices import evidence
from practices.models import Evidence, Practice, RankingRun, Score, TouchedPractice
from practices.ranking import Candidate, Ranked, rank
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
    "usecases_city": (
        "changed record",
        f"SELECT i.practice_id FROM taken t JOIN usecases_usecase u ON u.city_id = t.record_id {_OF_USE_CASE} (u.id)",
    ),
}  # fmt: skip


@dataclass
class Report:
    """What a full check found: `differing` names practices whose kept evidence is not what the records say."""

    compared: int = 0
    differing: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        if not self.differing:
            return [f"{self.compared} practices compared: evidence and ranking are what the records say."]
        return [f"The evidence of “{slug}” differed from its records." for slug in self.differing]


def follow() -> int | None:
    """Make evidence and ranking what the records are, as far as the log is settled.

    Returns: how many practices were made anew; None when somebody else is at it.
    """
    with statement_timeout(0), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return None
        try:
            has_news = False
            while _take_entries():
                has_news = True
            _touch_outdated()
            causes = _work_off(today())
            # Also where no practice is touched: what results of an indicator usually show may be another thing now.
            if has_news or causes:
                make_run(today(), causes)
            return len(causes)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def today() -> date:
    return timezone.now().date()


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
            every = "UNION SELECT id FROM practices_practice" if table in (emptied or ()) else ""
            cursor.execute(
                "WITH taken AS MATERIALIZED (SELECT record_id, before FROM events_change "
                'WHERE "table" = %s AND (transaction, position) > (%s, %s) AND (transaction, position) <= (%s, %s)) '
                "INSERT INTO practices_touchedpractice (practice_id, cause) "
                f"SELECT DISTINCT id, %s FROM ({touched} {every}) AS found(id) WHERE id IS NOT NULL ORDER BY 1 "
                "ON CONFLICT (practice_id) DO NOTHING",
                [table, *begin, *end, cause],
            )
    reader.transaction, reader.position = end
    reader.rows += count
    reader.total += total
    reader.save()
    return count


def _touch_outdated() -> None:
    """Evidence of another rule, or of another year, by which results are older: made anew."""
    for condition, cause in (
        ({"rule_version": NEWEST}, "rule"),
        ({"as_of__year": today().year}, "age"),
    ):
        outdated = Evidence.objects.exclude(**condition).values_list("practice_id", flat=True)
        touched = [TouchedPractice(practice_id=pk, cause=cause) for pk in outdated]
        TouchedPractice.objects.bulk_create(touched, ignore_conflicts=True)


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


def make(keys: Iterable[int], as_of: date, *, used: Rule | None = None) -> list[tuple[str, int]]:
    """Write the evidence of these practices; take away that of practices that are not public any more.

    Returns: slug and key of those whose evidence is another one now.
    """
    used = used or rule()
    keys = list(keys)
    practices = {one.pk: one for one in Practice.objects.public().filter(pk__in=keys).select_related("primary_kpi")}
    before = {one.practice_id: one for one in Evidence.objects.filter(practice__in=keys).select_related("practice")}
    changed = [(one.practice.slug, pk) for pk, one in before.items() if pk not in practices]
    Evidence.objects.filter(practice__in=[pk for _slug, pk in changed]).delete()
    rows = []
    for pk, inputs in evidence.collect(practices.values()).items():
        body = json.loads(json.dumps(evidence.judge(inputs, used, as_of.year)))
        digest = inputs.digest()
        old = before.get(pk)
        if old is None or (old.inputs_hash, old.rule_version, old.body) != (digest, used.version, body):
            changed.append((inputs.slug, pk))
        rows.append(Evidence(practice_id=pk, rule_version=used.version, inputs_hash=digest, as_of=as_of, body=body))
    Evidence.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["practice"],
        update_fields=["rule_version", "inputs_hash", "as_of", "body"],
    )
    return changed


# --- the ranking -----------------------------------------------------------------------------------------------------
def candidates() -> list[Candidate]:
    """Every public practice as it goes into the ranking. Two queries."""
    rows = Evidence.objects.filter(practice__in=Practice.objects.public()).order_by("practice__slug")
    bodies = [one.body for one in rows]
    usual = evidence.usual_effects((body["families"][0]["kpi"] for body in bodies), rule())
    return [candidate(body, usual) for body in bodies]


def candidate(body: dict, usual: dict[str, float]) -> Candidate:
    """Of one practice, from the body of its evidence."""
    primary = body["families"][0]
    pooled = primary["pooled"]
    return Candidate(
        slug=body["slug"],
        grade=body["certainty"]["grade"],
        cities=len(primary["cities"]),
        estimate=pooled and pooled["estimate"],
        low=pooled and pooled["low"],
        high=pooled and pooled["high"],
        usual=usual.get(primary["kpi"], 1.0),
        newest_year=body["newest_year"],
        cost_known=body["cost_known"],
    )


def inputs_hash(rows: Iterable[Candidate], used: Rule) -> str:
    told = json.dumps([used.digest, [asdict(one) for one in rows]], sort_keys=True)
    return sha256(told.encode()).hexdigest()


@transaction.atomic
def make_run(as_of: date, causes: dict[str, str]) -> RankingRun | None:
    """Rank, and keep the run, unless nothing that counts has changed since the last one."""
    used = rule()
    rows = candidates()
    digest = inputs_hash(rows, used)
    last = RankingRun.objects.first()
    if last is not None and last.inputs_hash == digest:
        return None
    before = {} if last is None else dict(last.scores.values_list("practice__slug", "place"))
    run = RankingRun.objects.create(
        as_of=as_of,
        rule_version=used.version,
        inputs_hash=digest,
        inputs=[asdict(one) for one in rows],
        causes=causes,
    )
    keys = dict(Practice.objects.filter(slug__in=[one.slug for one in rows]).values_list("slug", "pk"))
    Score.objects.bulk_create(
        [
            Score(
                run=run,
                practice_id=keys[one.slug],
                place=one.place,
                band=one.band,
                total=one.total,
                lines=[asdict(line) for line in one.lines],
                cause=_cause(one, before, causes, last),
            )
            for one in rank(rows, used.sections["ranking"])
        ],
        batch_size=500,
    )
    return run


def _cause(one: Ranked, before: dict[str, int | None], causes: dict[str, str], last: RankingRun | None) -> str:
    """Why a practice stands elsewhere than before; empty when it does not."""
    if last is None:
        return "first ranking"
    if one.slug not in before:
        return causes.get(one.slug, "new practice")
    if before[one.slug] == one.place:
        return ""
    if last.rule_version != NEWEST:
        return "rule"
    return causes.get(one.slug, "other practices moved")


def rerun(run: RankingRun) -> list[Ranked]:
    """The order of a run, computed again from what it kept."""
    return rank([Candidate(**one) for one in run.inputs], rule(run.rule_version).sections["ranking"])


# --- proving it ------------------------------------------------------------------------------------------------------
def rebuild(*, check: bool = False) -> Report:
    """Compute the evidence of every practice and compare it with what following the log made; repair it unless
    `check`."""
    follow()
    report = Report()
    with transaction.atomic():
        keys = sorted(
            {*Practice.objects.public().values_list("pk", flat=True), *Evidence.objects.values_list("pk", flat=True)}
        )
        report.compared = len(keys)
        for at in range(0, len(keys), PRACTICES_AT_ONCE):
            report.differing += [slug for slug, _pk in make(keys[at : at + PRACTICES_AT_ONCE], today())]
        if check:
            transaction.set_rollback(True)
    if not check:
        make_run(today(), dict.fromkeys(report.differing, "repair"))
    return report
