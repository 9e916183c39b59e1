"""Indicators, and the results that use cases measured by them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from alliance.core.evidence import Method
from alliance.core.units_registry import UnitError, Units
from alliance.core.verticals import VerticalCode
from kpis.models import Direction, Kpi, KpiKind, KpiSet, Result, ResultState
from kpis.reference.checks import Cells
from kpis.reference.problems import Problems
from kpis.reference.slugs import slugify
from kpis.reference.store import Key, Store, Tally, Wanted
from kpis.reference.tables import Table
from kpis.reference.use_cases import FILE as USE_CASES_FILE
from kpis.reference.use_cases import UseCases
from usecases.models import FIRST_YEAR, LAST_YEAR

KPIS_FILE = "kpis.csv"
KPI_COLUMNS = [
    "code",
    "name",
    "set",
    "dimension",
    "sub_dimension",
    "vertical",
    "unit",
    "direction",
    "kind",
    "definition",
    "source",
]
FILE = "results.csv"
COLUMNS = [
    "usecase_slug",
    "kpi_code",
    "baseline_value",
    "result_value",
    "unit",
    "relative_change_percent",
    "sample_size",
    "measured_year",
    "method",
    "source",
    "note",
]
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class KpiRow:
    name: str
    kpi_set: str
    dimension: str
    sub_dimension: str
    vertical: str
    unit: str
    direction: str
    kind: str
    definition: str
    source: str


@dataclass(frozen=True, slots=True)
class Kpis:
    """What kpis.csv says, by code; `keys` also names rows that have another fault."""

    rows: dict[str, KpiRow]
    keys: dict[str, int]
    complete: bool


@dataclass(frozen=True, slots=True)
class ResultRow:
    use_case: str
    kpi: str
    baseline_value: Decimal | None
    result_value: Decimal | None
    unit: str
    relative_change_percent: Decimal | None
    sample_size: str
    measured_year: int | None
    method: str
    source: str
    note: str

    @property
    def natural_key(self) -> tuple[str, str, int | None, str, str]:
        return self.use_case, self.kpi, self.measured_year, self.sample_size, self.source


def read_kpis(table: Table, units: Units | None, problems: Problems) -> Kpis:
    """Args: units: the portal's units; None when their file is broken, so that units go unchecked."""
    kpis = Kpis({}, {}, table.complete)
    for row in table.rows:
        cells = Cells(row, problems)
        code = cells.text("code", Kpi._meta.get_field("code"))
        kpi = KpiRow(
            name=cells.text("name", Kpi._meta.get_field("name")),
            kpi_set=cells.choice("set", KpiSet.values),
            dimension=cells.text("dimension", Kpi._meta.get_field("dimension")),
            sub_dimension=cells.text("sub_dimension", Kpi._meta.get_field("sub_dimension"), required=False),
            vertical=cells.choice("vertical", VerticalCode.values),
            unit=_unit(cells, units, Kpi, required=True),
            direction=cells.choice("direction", Direction.values),
            kind=cells.choice("kind", KpiKind.values),
            definition=cells.text("definition"),
            source=cells.text("source", Kpi._meta.get_field("source")),
        )
        if code and cells.first_of("code", code, kpis.keys, code) and cells.fine:
            kpis.rows[code] = kpi
    return kpis


def read_results(
    table: Table, use_cases: UseCases, kpis: Kpis, units: Units | None, problems: Problems
) -> list[ResultRow]:
    results: list[ResultRow] = []
    seen: dict[object, int] = {}
    for row in table.rows:
        cells = Cells(row, problems)
        result = ResultRow(
            use_case=cells.text("usecase_slug"),
            kpi=cells.text("kpi_code"),
            baseline_value=cells.decimal("baseline_value", Result._meta.get_field("baseline_value")),
            result_value=cells.decimal("result_value", Result._meta.get_field("result_value")),
            unit=_unit(cells, units, Result, required=False),
            relative_change_percent=cells.decimal(
                "relative_change_percent", Result._meta.get_field("relative_change_percent")
            ),
            sample_size=cells.text("sample_size", Result._meta.get_field("sample_size"), required=False),
            measured_year=cells.integer("measured_year", FIRST_YEAR, LAST_YEAR),
            method=cells.choice("method", Method.values),
            source=cells.text("source", Result._meta.get_field("source")),
            note=cells.text("note", required=False),
        )
        cells.refers("usecase_slug", result.use_case, use_cases.keys, use_cases.complete, USE_CASES_FILE)
        cells.refers("kpi_code", result.kpi, kpis.keys, kpis.complete, KPIS_FILE)
        if cells.fine:
            _check_values(cells, result)
            _check_unit(cells, result, kpis, units)
            shown = f"{result.use_case}, {result.kpi} with this year, sample and source"
            cells.first_of("kpi_code", result.natural_key, seen, shown)
        if cells.fine:
            results.append(result)
    return results


def contradicts(baseline: str, result: str, change: str) -> bool:
    """Whether a reported change in percent cannot come from these two values, all of them rounded as written.

    A change from a baseline below zero has no agreed meaning and is left alone; from zero there is none.
    """
    low_baseline, high_baseline = _rounding(baseline)
    low_result, high_result = _rounding(result)
    low_change, high_change = _rounding(change)
    if Decimal(baseline) == 0:
        return True
    if low_baseline <= 0:
        return False
    quotients = [value / base for value in (low_result, high_result) for base in (low_baseline, high_baseline)]
    lowest, highest = ((quotient - 1) * HUNDRED for quotient in (min(quotients), max(quotients)))
    return high_change < lowest or low_change > highest


def _rounding(written: str) -> tuple[Decimal, Decimal]:
    """The values that are written so when rounded."""
    value = Decimal(written)
    half = Decimal(1).scaleb(int(value.as_tuple().exponent)) / 2
    return value - half, value + half


def _check_values(cells: Cells, result: ResultRow) -> None:
    if result.baseline_value is not None and result.result_value is None:
        cells.wrong("result_value", "there is a baseline without a result", "add the result, or move it to the note")
    elif result.result_value is None and result.relative_change_percent is None:
        cells.wrong("result_value", "there is neither a result nor a relative change", "fill in one of them")
    elif result.result_value is not None and not result.unit:
        cells.wrong("unit", "a value needs its unit", "write “dimensionless” for a bare number")
    written = [cells.row.cells[name] for name in ("baseline_value", "result_value", "relative_change_percent")]
    if cells.fine and all(written) and contradicts(*written):
        what = f"{written[2]} percent does not follow from {written[0]} before and {written[1]} after"
        cells.wrong("relative_change_percent", what, "correct it, or leave it empty: the portal computes it")


def _unit(cells: Cells, units: Units | None, model: type[Kpi | Result], *, required: bool) -> str:
    text = cells.text("unit", model._meta.get_field("unit"), required=required)
    if text and units is not None:
        try:
            units.parse_unit(text)
        except UnitError as error:
            mend = "; ".join(filter(None, [error.hint, "define new units in units.txt"]))
            cells.wrong("unit", str(error), mend)
    return text


def _check_unit(cells: Cells, result: ResultRow, kpis: Kpis, units: Units | None) -> None:
    kpi = kpis.rows.get(result.kpi)
    if kpi is not None and result.unit and units is not None and not units.compatible(result.unit, kpi.unit):
        what = f"{result.unit} cannot be converted to {kpi.unit}, the unit of {result.kpi}"
        cells.warn("unit", what, "it is kept as reported, and stays apart from other results of this indicator")


def store_kpis(
    kpis: Kpis, headings: Mapping[str, Mapping[str, Any]], verticals: Mapping[str, int]
) -> tuple[dict[str, Kpi], Tally]:
    """Returns code -> indicator. Args: headings: code -> further fields of every indicator."""
    store = Store(Kpi, "indicators", "code")
    rows = store.bring(
        {
            (code,): Wanted(
                {
                    "name": row.name,
                    "kpi_set": row.kpi_set,
                    "dimension": row.dimension,
                    "sub_dimension": row.sub_dimension,
                    "vertical_id": verticals[row.vertical],
                    "unit": row.unit,
                    "direction": row.direction,
                    "kind": row.kind,
                    "definition": row.definition,
                    "source": row.source,
                    **headings[code],
                },
                wished_slug=slugify(code, "indicator"),
            )
            for code, row in kpis.rows.items()
        }
    )
    return {code: row for (code,), row in rows.items()}, store.finish()


class _ResultStore(Store[Result]):
    """Results have no name of their own, so a row whose key was corrected is found by what is left of the key."""

    def __init__(self) -> None:
        super().__init__(Result, "results", "use_case_id", "kpi_id", "measured_year", "sample_size", "source")

    def rows_of_files(self) -> QuerySet[Result]:
        """Without those that members reported, which are their own."""
        return super().rows_of_files().filter(reported_by=None)

    def _existing(self, wanted: Iterable[Key]) -> dict[Key, Result]:
        keys = list(wanted)
        existing = super()._existing(keys)
        by_measure: dict[Key, tuple[list[Key], list[Key]]] = defaultdict(lambda: ([], []))
        for key in keys:
            if key not in existing:
                by_measure[key[:2]][0].append(key)
        for key in existing.keys() - set(keys):
            by_measure[key[:2]][1].append(key)
        for new, old in by_measure.values():
            if len(new) == len(old) == 1 and _is_correction(new[0], old[0]):
                existing[new[0]] = existing.pop(old[0])
        return existing


def _is_correction(new: Key, old: Key) -> bool:
    """Whether two of year, sample and source agree."""
    return sum(one == other for one, other in zip(new[2:], old[2:], strict=True)) >= 2


def store_results(results: Iterable[ResultRow], use_cases: Mapping[str, int], kpis: Mapping[str, Kpi]) -> Tally:
    store = _ResultStore()
    wanted: dict[Key, Wanted] = {}
    for row in results:
        kpi = kpis[row.kpi]
        key = (use_cases[row.use_case], kpi.pk, row.measured_year, row.sample_size, row.source)
        wanted[key] = Wanted(
            {
                "baseline_value": row.baseline_value,
                "result_value": row.result_value,
                "unit": row.unit,
                "relative_change_percent": row.relative_change_percent,
                "measured_year": row.measured_year,
                "sample_size": row.sample_size,
                "source": row.source,
                "method": row.method,
                "note": row.note,
            },
            first={"state": ResultState.ACCEPTED},
            wished_slug=f"{row.use_case}-{kpi.slug}",
            named=f"{row.use_case}, {row.kpi}",
        )
    store.bring(wanted)
    return store.finish()
