"""Use cases with their technologies, organisations, standards and lessons."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from alliance.core.verticals import VerticalCode
from alliance.members.models import Organisation
from kpis.reference.checks import UNKNOWN_IS_EMPTY, Cells, Spellings
from kpis.reference.places import FILE as CITIES_FILE
from kpis.reference.places import CityKey, Places, country_names, read_country
from kpis.reference.problems import Problems
from kpis.reference.slugs import slugify
from kpis.reference.standards import FILE as STANDARDS_FILE
from kpis.reference.standards import Catalogue
from kpis.reference.store import Store, Tally, Wanted
from kpis.reference.tables import Table
from standards.models import Edition
from usecases.models import (
    FIRST_YEAR,
    LAST_YEAR,
    CovidRelevance,
    Lesson,
    Participation,
    Stage,
    StandardUse,
    Status,
    Technology,
    UseCase,
    UseState,
)

FILE = "usecases.csv"
COLUMNS = [
    "slug",
    "title",
    "city",
    "country_iso2",
    "latitude",
    "longitude",
    "vertical",
    "stage",
    "started_year",
    "ended_year",
    "problem",
    "solution",
    "technologies",
    "standards",
    "organisations",
    "lessons",
    "covid_relevance",
    "source",
]


@dataclass(frozen=True, slots=True)
class UseCaseRow:
    title: str
    city: CityKey
    latitude: Decimal
    longitude: Decimal
    vertical: str
    stage: str
    started_year: int | None
    ended_year: int | None
    problem: str
    solution: str
    technologies: list[str]
    standards: list[str]
    organisations: list[str]
    lessons: str
    covid_relevance: str
    source: str


@dataclass(frozen=True, slots=True)
class UseCases:
    """What usecases.csv says, by slug; `keys` also names rows that have another fault."""

    rows: dict[str, UseCaseRow]
    keys: dict[str, int]
    complete: bool


def read_use_cases(table: Table, places: Places, catalogue: Catalogue, problems: Problems) -> UseCases:
    use_cases = UseCases({}, {}, table.complete)
    names = country_names()
    technologies, organisations = Spellings(), Spellings()
    for row in table.rows:
        cells = Cells(row, problems)
        slug = cells.slug("slug", UseCase._meta.get_field("slug"))
        use_case = UseCaseRow(
            title=cells.text("title", UseCase._meta.get_field("title")),
            city=(cells.text("city"), read_country(cells, names)),
            latitude=cells.coordinate("latitude", UseCase._meta.get_field("latitude"), 90),
            longitude=cells.coordinate("longitude", UseCase._meta.get_field("longitude"), 180),
            vertical=cells.choice("vertical", VerticalCode.values),
            stage=cells.choice("stage", Stage.values),
            started_year=cells.integer("started_year", FIRST_YEAR, LAST_YEAR),
            ended_year=cells.integer("ended_year", FIRST_YEAR, LAST_YEAR),
            problem=cells.text("problem"),
            solution=cells.text("solution"),
            technologies=cells.items("technologies", Technology._meta.get_field("name")),
            standards=cells.items("standards"),
            organisations=cells.items("organisations", Organisation._meta.get_field("name")),
            lessons=cells.text("lessons", required=False),
            covid_relevance=cells.choice("covid_relevance", CovidRelevance.values),
            source=cells.text("source", UseCase._meta.get_field("source")),
        )
        if use_case.started_year and use_case.ended_year and use_case.ended_year < use_case.started_year:
            what = f"it ended in {use_case.ended_year}, before it started in {use_case.started_year}"
            cells.wrong("ended_year", what, f"correct one of the years; {UNKNOWN_IS_EMPTY}")
        _check_city(cells, use_case.city, places)
        for designation in use_case.standards:
            cells.refers("standards", designation, catalogue.keys, catalogue.complete, STANDARDS_FILE)
        for name in use_case.technologies:
            technologies.check(cells, "technologies", name)
        for name in use_case.organisations:
            organisations.check(cells, "organisations", name)
        if slug and cells.first_of("slug", slug, use_cases.keys, slug) and cells.fine:
            use_cases.rows[slug] = use_case
    return use_cases


def _check_city(cells: Cells, city: CityKey, places: Places) -> None:
    name, code = city
    if not name or not code or city in places.keys or not places.complete:
        return
    abroad = sorted(other for known, other in places.keys if known == name)
    if abroad:
        mend = f"correct the country (there is one in {', '.join(abroad)}), or add the city to {CITIES_FILE}"
        cells.wrong("country_iso2", f"{CITIES_FILE} has no {name} in {code}", mend)
    else:
        known = [known for known, other in places.keys if other == code]
        mend = cells.problems.did_you_mean(name, known, f"add it to {CITIES_FILE}")
        cells.wrong("city", f"{CITIES_FILE} has no {name} in {code}", mend)


def store_use_cases(
    use_cases: UseCases,
    cities: Mapping[CityKey, int],
    verticals: Mapping[str, int],
    editions: Mapping[str, Edition],
) -> tuple[dict[str, int], list[Tally]]:
    """Use cases and all that hangs on them but results. Returns the ids of the use cases by slug."""
    now = timezone.now()
    store = Store(UseCase, "use cases", "slug")
    # A record that a member has corrected since, or that an editor has merged, is no longer the files'.
    taken_over = {
        slug: merged_into or pk
        for slug, pk, merged_into in UseCase.objects.filter(slug__in=use_cases.rows)
        .exclude(reported_by=None, merged_into=None)
        .values_list("slug", "pk", "merged_into")
    }
    rows = store.bring(
        {
            (slug,): Wanted(
                {
                    "title": row.title,
                    "city_id": cities[row.city],
                    "vertical_id": verticals[row.vertical],
                    "latitude": row.latitude,
                    "longitude": row.longitude,
                    "stage": row.stage,
                    "started_year": row.started_year,
                    "ended_year": row.ended_year,
                    "problem": row.problem,
                    "solution": row.solution,
                    "covid_relevance": row.covid_relevance,
                    "source": row.source,
                },
                first={"status": Status.PUBLISHED, "published_at": now},
            )
            for slug, row in use_cases.rows.items()
            if slug not in taken_over
        }
    )
    ids = {slug: row.pk for (slug,), row in rows.items()}
    cases = [(slug, ids[slug], row) for slug, row in use_cases.rows.items() if slug not in taken_over]
    ids |= taken_over
    return ids, [
        store.finish(),
        *_store_technologies(cases),
        *_store_organisations(cases),
        _store_standard_uses(cases, editions),
        _store_lessons(cases),
    ]


Cases = Iterable[tuple[str, int, UseCaseRow]]  # slug and id of the use case, its row


def _store_technologies(cases: Cases) -> list[Tally]:
    technologies = Store(Technology, "technologies", "name")
    links = Store(UseCase.technologies.through, "technologies of use cases", "usecase_id", "technology_id")
    names = dict.fromkeys(name for _slug, _id, row in cases for name in row.technologies)
    rows = technologies.bring({(name,): Wanted({}, wished_slug=slugify(name, "technology")) for name in names})
    links.bring({(use_case, rows[name,].pk): Wanted({}) for _slug, use_case, row in cases for name in row.technologies})
    return [technologies.finish(), links.finish()]


def _store_organisations(cases: Cases) -> list[Tally]:
    organisations = Store(Organisation, "organisations", "name")
    participations = Store(Participation, "participations", "use_case_id", "organisation_id")
    names = dict.fromkeys(name for _slug, _id, row in cases for name in row.organisations)
    rows = organisations.bring({(name,): Wanted({}, wished_slug=slugify(name, "organisation")) for name in names})
    participations.bring(
        {
            (use_case, rows[name,].pk): Wanted({"position": position}, named=f"{slug}, {name}")
            for slug, use_case, row in cases
            for position, name in enumerate(row.organisations)
        }
    )
    return [organisations.finish(), participations.finish()]


def _store_standard_uses(cases: Cases, editions: Mapping[str, Edition]) -> Tally:
    store = Store(StandardUse, "uses of standards", "use_case_id", "standard_id", "edition_id")
    store.bring(
        {
            (use_case, editions[designation].standard_id, editions[designation].pk): Wanted(
                {"source": row.source}, first={"state": UseState.USED}, named=f"{slug}, {designation}"
            )
            for slug, use_case, row in cases
            for designation in row.standards
        }
    )
    return store.finish()


def _store_lessons(cases: Cases) -> Tally:
    store = Store(Lesson, "lessons", "use_case_id", "position")
    # The semicolons in a lesson belong to its sentences.
    store.bring(
        {(use_case, 0): Wanted({"advice": row.lessons}, named=slug) for slug, use_case, row in cases if row.lessons}
    )
    return store.finish()
