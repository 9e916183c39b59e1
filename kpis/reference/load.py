"""The order of the load: read everything, check everything, then write in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from alliance.core.units_registry import Units, UnitsFileError
from kpis.reference import catalogue, gaps, places, results, standards, use_cases
from kpis.reference.problems import Problem, Problems
from kpis.reference.store import Tally
from kpis.reference.tables import read_table

UNITS_FILE = "units.txt"
#: Two loads at once would both add the same rows; the second one waits on this advisory lock.
LOCK = 4_806_115_977


@dataclass(frozen=True, slots=True)
class Data:
    """Everything that the files say, checked."""

    places: places.Places
    standards: standards.Catalogue
    use_cases: use_cases.UseCases
    kpis: results.Kpis
    headings: dict[str, catalogue.Headings]
    links: list[catalogue.LinkRow]
    results: list[results.ResultRow]
    gap_count: int
    #: What `FURTHER` files say, by the name of who reads them.
    further: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What a load did. With errors it did nothing."""

    errors: list[Problem]
    warnings: list[Problem]
    tallies: list[Tally]
    gap_count: int = 0


@dataclass(frozen=True, slots=True)
class Further:
    """Files of a higher floor, read and stored with the others.

    Attributes:
        read: of the folder, what the other files say, and problems.
        store: of what was read; ids of fields by code, ids of use cases by slug, indicators by code.
        follow: after all is written, brings what is computed of it up to date.
    """

    read: Callable[[Path, Data, Problems], Any]
    store: Callable[..., list[Tally]]
    follow: Callable[[], object]


#: Higher floors add themselves when their app is ready.
FURTHER: dict[str, Further] = {}


class _UndoError(Exception):
    """Leaves the transaction without keeping it."""


def load_reference_data(directory: Path, *, check_only: bool = False) -> Report:
    """Bring the files of `directory` into the database, all or nothing.

    Args:
        check_only: find out what would change, and keep none of it.
    Raises: IntegrityError when somebody else's write got in between.
    """
    problems = Problems()
    if not directory.is_dir():
        problems.error(str(directory), 0, "", "there is no such folder", "give --dir the folder with the CSV files")
        return Report(problems.errors, [], [])
    data = read(directory, problems)
    tallies: list[Tally] = []
    if not problems.errors:
        try:
            with transaction.atomic():
                tallies = store(data, problems)
                if check_only or problems.errors:
                    raise _UndoError
        except _UndoError:
            pass
    errors = sorted(problems.errors)
    return Report(errors, sorted(problems.warnings), [] if errors else tallies, data.gap_count)


def read(directory: Path, problems: Problems) -> Data:
    """Read and check all files, without the database."""
    try:
        units = Units(directory / UNITS_FILE)
    except UnitsFileError as error:
        problems.error(UNITS_FILE, 0, "", str(error), error.hint or "see docs/data.md for how units are defined")
        units = None
    city_table = read_table(directory / places.FILE, places.COLUMNS, problems)
    standard_table = read_table(directory / standards.FILE, standards.COLUMNS, problems)
    use_case_table = read_table(directory / use_cases.FILE, use_cases.COLUMNS, problems)
    kpi_table = read_table(directory / results.KPIS_FILE, results.KPI_COLUMNS, problems)
    headings_table = read_table(directory / catalogue.HEADINGS_FILE, catalogue.HEADINGS_COLUMNS, problems)
    link_table = read_table(directory / catalogue.LINKS_FILE, catalogue.LINKS_COLUMNS, problems)
    result_table = read_table(directory / results.FILE, results.COLUMNS, problems)
    gap_table = read_table(directory / gaps.FILE, gaps.COLUMNS, problems)

    all_places = places.read_places(city_table, problems)
    all_standards = standards.read_standards(standard_table, problems)
    cases = use_cases.read_use_cases(use_case_table, all_places, all_standards, problems)
    kpis = results.read_kpis(kpi_table, units, problems)
    data = Data(
        all_places,
        all_standards,
        cases,
        kpis,
        catalogue.read_headings(headings_table, kpis, problems),
        catalogue.read_links(link_table, kpis, units, problems),
        results.read_results(result_table, cases, kpis, units, problems),
        gaps.check_gaps(gap_table, all_standards, problems),
    )
    for name, one in FURTHER.items():
        data.further[name] = one.read(directory, data, problems)
    return data


def store(data: Data, problems: Problems) -> list[Tally]:
    """Write what differs, lower floors first. Runs inside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    verticals, vertical_tally = places.store_verticals()
    cities, place_tallies = places.store_places(data.places)
    editions, standard_tallies = standards.store_standards(data.standards, problems)
    cases, case_tallies = use_cases.store_use_cases(data.use_cases, cities, verticals, editions)
    headings = {code: data.headings.get(code, catalogue.UNKNOWN).owned() for code in data.kpis.rows}
    kpis, kpi_tally = results.store_kpis(data.kpis, headings, verticals)
    link_tally = catalogue.store_links(data.links, kpis, problems)
    result_tally = results.store_results(data.results, cases, kpis)
    tallies = [vertical_tally, *place_tallies, *standard_tallies, *case_tallies, kpi_tally, link_tally, result_tally]
    for name, one in FURTHER.items():
        tallies += one.store(data.further[name], verticals, cases, kpis)
    return tallies
