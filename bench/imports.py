"""A sheet of 5,000 results imported by the portal's jobs, beside `COPY` and the same checks in SQL (`import_sql`).

Both begin with the file's bytes and end with what they leave in the database: a dry run its findings, the import its
reports, moves and rounds. Each is a transaction that is taken back, in turn within every round. Both must have found
the same rows wrong and the same rows unusual, or nothing is said about their times.
"""

import csv
import io
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from alliance.events import jobs
from alliance.events.models import JobState
from alliance.members.models import Membership, Organisation, Role, User
from bench import import_sql
from kpis.models import DataQuality, Kpi
from reporting.fields import ComparisonDesign, SideEffects, Spread
from reporting.models import Import
from reporting.plausible_units import conversion
from reporting.sheets import importing
from usecases.models import UseCase

ROWS = 5_000
#: Of so many rows one has a mistake in the sheet of the dry run.
_FAULT_EVERY = 50
_FAULTS: tuple[dict[str, str], ...] = (
    {"use_case": "no-such-use-case"},
    {"kpi": "XYZZY-17"},
    {"result_value": "plenty"},
    {"result_on": "2025-02-30"},
    {"baseline_on": "2025-12"},
    {"data_quality": "splendid"},
    {"sample_n": "0"},
    {"spread": "-2"},
    {"baseline_value": "-4"},
    {"source": "https://nowhere"},
)
#: Units in which not every value is possible: of their own range.
_NARROW = ("boolean", "score_1_7", "dimensionless")


class _TakeBackError(Exception):
    """Ends a transaction of which nothing is to stay."""


@dataclass
class Cost:
    """Seconds of each time, by the portal and in SQL."""

    portal: list[float] = field(default_factory=list)
    sql: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(portal / sql for portal, sql in zip(self.portal, self.sql, strict=True))

    def told(self) -> dict[str, float]:
        return {
            "portal_ms": statistics.median(self.portal) * 1_000,
            "sql_ms": statistics.median(self.sql) * 1_000,
        }


@dataclass(frozen=True)
class _Found:
    """Rows with errors, rows with warnings, reports made."""

    wrong: frozenset[int]
    unusual: frozenset[int]
    reports: int


def measure(*, count: int, rows: int = ROWS, say: Callable[[str], None]) -> dict[str, Cost]:
    """Costs of `dry run` and `import`. Raises: LookupError when the two ways do not come to the same."""
    found = {"dry run": Cost(), "import": Cost()}
    with _taken_back():
        actor, organisation = _member()
        _units()
        for what, cost in found.items():
            say(f"{what} of {rows:,} rows")
            content = sheet(rows, with_faults=what == "dry run")
            for number in range(count + 1):
                by_portal, seconds = _by_portal(what, content, actor, organisation)
                in_sql, limit = _in_sql(what, content, actor, organisation)
                if by_portal != in_sql:
                    raise LookupError(f"{what}: {_difference(by_portal, in_sql)}")
                if number:  # the first time fills what is kept from one sheet to the next
                    cost.portal.append(seconds)
                    cost.sql.append(limit)
    return found


def sheet(rows: int, *, with_faults: bool) -> bytes:
    """CSV of so many results of public use cases, no two of the same use case and indicator."""
    use_cases = list(UseCase.objects.visible_to(None).order_by("pk").values_list("slug", flat=True)[:rows])
    kpis = list(Kpi.objects.exclude(unit__in=_NARROW).order_by("pk"))
    text = io.StringIO()
    writer = csv.DictWriter(text, import_sql.COLUMNS)
    writer.writeheader()
    for number in range(rows):
        row = _row(number, use_cases[number % len(use_cases)], kpis[(number + number // len(use_cases)) % len(kpis)])
        if with_faults and number % _FAULT_EVERY == 7:
            row |= _FAULTS[number // _FAULT_EVERY % len(_FAULTS)]
        writer.writerow(row)
    return text.getvalue().encode()


def _row(number: int, use_case: str, kpi: Kpi) -> dict[str, str]:
    before = Decimal(number % 400) / 10 + 20
    factor = Decimal("1.2") if kpi.direction == "increase" else Decimal("0.8")
    return {
        "use_case": use_case,
        "kpi": kpi.code,
        "baseline_value": str(before),
        "baseline_on": "2025-01",
        "result_value": str(round(before * factor, 2)),
        "result_on": f"2025-10-{number % 28 + 1:02}",
        "unit": kpi.unit,
        "comparison": ("before-after", "matched-comparison", "randomised")[number % 3],
        "sample_n": str(number % 900 + 20),
        "spread": str(Decimal(number % 70 + 1) / 10),
        "spread_kind": "sd",
        "data_quality": "measured",
        "source": f"https://example.org/measured/{number}",
        "side_effects": "none-found",
        "note": f"Counted at {number % 31 + 2} places, each for a week.",
    }


def _member() -> tuple[User, Organisation]:
    organisation = Organisation.objects.create(name="Importing city", slug="importing-city", member_since="2020-01-01")
    actor = User.objects.create_user(email="importing@example.org", name="Importing")
    Membership.objects.create(user=actor, organisation=organisation, role=Role.CONTRIBUTOR)
    return actor, organisation


def _units() -> None:
    """What a unit is multiplied by to be another one: SQL's table of what the portal keeps in memory."""
    units = sorted({*Kpi.objects.values_list("unit", flat=True)})
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE unit_factor (unit text, wanted text, factor numeric, PRIMARY KEY (unit, wanted)) "
            "ON COMMIT DROP"
        )
        cursor.executemany(
            "INSERT INTO unit_factor VALUES (%s, %s, %s)",
            [(one, two, by) for one in units for two in units if (by := conversion(one, two)) is not None],
        )
        cursor.execute("ANALYZE unit_factor")


# --- the two ways ----------------------------------------------------------------------------------------------------
def _by_portal(what: str, content: bytes, actor: User, organisation: Organisation) -> tuple[_Found, float]:
    with _taken_back():
        one = _uploaded(content, actor, organisation)
        try:
            job = importing.name_columns(one=one, mapping=one.mapping, actor=actor)
            started = time.perf_counter()
            _work(job)
            seconds = time.perf_counter() - started
            if what == "import":
                one.refresh_from_db()
                answers = dict.fromkeys(importing.unanswered(one), "Yes, it is.")
                one = importing.answer_warnings(one=one, answers=answers, actor=actor)
                job = importing.confirm(one=one, actor=actor, as_drafts=False)
                started = time.perf_counter()
                _work(job)
                with connection.cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                seconds = time.perf_counter() - started
            one.refresh_from_db()
            told = [(finding["row"], finding["level"]) for finding in one.outcome["findings"]]
            return _found(told, one), seconds
        finally:
            one.file.delete(save=False)


def _in_sql(what: str, content: bytes, actor: User, organisation: Organisation) -> tuple[_Found, float]:
    with _taken_back(), connection.cursor() as cursor:
        one = Import.objects.create(organisation=organisation, author=actor, kind="result", name="sheet.csv")
        parameters: dict[str, Any] = {"organisation": organisation.pk, "actor": actor.pk, "sheet": one.pk}
        parameters |= {"comparison": list(ComparisonDesign.values), "data_quality": list(DataQuality.values)}
        parameters |= {"side_effects": list(SideEffects.values), "spread_kind": list(Spread.values)}
        started = time.perf_counter()
        cursor.execute(import_sql.TABLE)
        cursor.copy_expert(import_sql.COPY, io.BytesIO(content))
        cursor.execute(import_sql.READ)
        cursor.execute(import_sql.CHECK, parameters)
        cursor.execute(import_sql.KEEP if what == "dry run" else import_sql.REPORT, parameters)
        seconds = time.perf_counter() - started
        cursor.execute("SELECT row, level FROM finding")
        return _found(cursor.fetchall(), one), seconds


def _uploaded(content: bytes, actor: User, organisation: Organisation) -> Import:
    return importing.upload(content=content, name="sheet.csv", kind="result", organisation=organisation, actor=actor)


def _work(job: Any) -> None:
    jobs.run_job(job.pk)
    job.refresh_from_db()
    if job.state != JobState.DONE:
        raise LookupError(f"The job ended as {job.state}: {job.error}")


def _found(told: list[tuple[int, str]], one: Import) -> _Found:
    return _Found(
        frozenset(row for row, level in told if level == "error"),
        frozenset(row for row, level in told if level == "warning"),
        one.reports.count(),
    )


def _difference(one: _Found, other: _Found) -> str:
    wrong, unusual = sorted(one.wrong ^ other.wrong)[:5], sorted(one.unusual ^ other.unusual)[:5]
    return (
        f"portal and SQL find rows {wrong} wrong and {unusual} unusual differently; "
        f"they made {one.reports} and {other.reports} reports"
    )


@contextmanager
def _taken_back() -> Iterator[None]:
    """A transaction, or a part of one, of which nothing stays."""
    try:
        with transaction.atomic():
            yield
            raise _TakeBackError
    except _TakeBackError:
        pass
