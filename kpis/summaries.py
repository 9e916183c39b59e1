"""Numbers over all use cases and results that a reader may see: for the home page and the map."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import Count, Max, Q, QuerySet
from django.utils.functional import Promise

from alliance.core.evidence import GRADE_EXPLANATION, Grade
from alliance.core.verticals import VerticalCode
from kpis.goals import GOALS, SETTINGS
from kpis.models import Direction, Kpi, Result
from standards.models import Standard
from usecases.models import City, UseCase, UseCaseDocument

Words = str | Promise

#: A result of this grade or better was compared with something else than its own past.
COMPARED = Grade.TREND


@dataclass(frozen=True)
class GradeCount:
    """How many results are of one grade, with the words for it."""

    grade: Grade
    count: int
    #: When the newest of them was changed; None without any.
    as_of: datetime | None = None

    @property
    def label(self) -> Words:
        return self.grade.label

    @property
    def explanation(self) -> Words:
        return GRADE_EXPLANATION[self.grade]  # type: ignore[return-value]


@dataclass(frozen=True)
class KeyNumbers:
    """What the portal holds, as far as the reader may see it."""

    use_cases: int
    cities: int
    countries: int
    results: int
    compared: int
    standards: int
    indicators: int
    grades: list[GradeCount]
    #: The newest change among the results; None without any.
    as_of: datetime | None = None

    @property
    def controlled(self) -> int:
        return next(row.count for row in self.grades if row.grade == Grade.CONTROL)


def key_numbers(user) -> KeyNumbers:
    """The counts of the home page. Four queries."""
    cases = UseCase.objects.visible_to(user).aggregate(
        use_cases=Count("pk"),
        cities=Count("city", distinct=True),
        countries=Count("city__country", distinct=True),
    )
    by_grade = results_by_grade(Result.objects.visible_to(user))
    return KeyNumbers(
        **cases,
        results=sum(row.count for row in by_grade),
        compared=sum(row.count for row in by_grade if row.grade >= COMPARED),
        standards=Standard.objects.count(),
        indicators=Kpi.objects.count(),
        grades=by_grade,
        as_of=max((row.as_of for row in by_grade if row.as_of), default=None),
    )


def results_by_grade(results: QuerySet[Result]) -> list[GradeCount]:
    """Every grade, the surest first, with how many of the results are of it; zero included."""
    rows = results.order_by().values_list("grade").annotate(n=Count("pk"), newest=Max("updated_at"))
    counts = {grade: (n, newest) for grade, n, newest in rows}
    return [GradeCount(grade, *counts.get(grade.value, (0, None))) for grade in sorted(Grade, reverse=True)]


@dataclass(frozen=True)
class VerticalCount:
    """How many use cases a field has."""

    code: str
    label: Words
    count: int


def use_cases_by_vertical(user) -> list[VerticalCount]:
    """Every field, the one with most use cases first; those without any at the end."""
    rows = UseCase.objects.visible_to(user).order_by().values_list("vertical__code").annotate(n=Count("pk"))
    counts = dict(rows)
    fields = [VerticalCount(code.value, code.label, counts.get(code.value, 0)) for code in VerticalCode]
    return sorted(fields, key=lambda field: -field.count)


@dataclass(frozen=True)
class GoalCount:
    """A goal with what was measured towards it, and the query string of the use cases that did."""

    title: Words
    results: int
    cities: int
    query: str


def goal_counts(user) -> list[GoalCount]:
    """The goals of the home page; one that nobody has measured yet is left out. Two queries."""
    codes = {code for goal in GOALS for code in goal.codes}
    rows = (
        Result.objects.visible_to(user)
        .filter(kpi__code__in=codes)
        .order_by()
        .values_list("kpi__code", "use_case__city_id")
        .annotate(n=Count("pk"))
    )
    results: Counter[str] = Counter()
    cities: defaultdict[str, set[int]] = defaultdict(set)
    for code, city_id, n in rows:
        results[code] += n
        cities[code].add(city_id)
    slugs = dict(Kpi.objects.filter(code__in=codes).values_list("code", "slug"))
    found = [
        GoalCount(
            title=goal.title,
            results=sum(results[code] for code in goal.codes),
            cities=len(set().union(*(cities[code] for code in goal.codes))),
            query=urlencode([("kpi", slugs[code]) for code in goal.codes if results[code]]),
        )
        for goal in GOALS
    ]
    return [goal for goal in found if goal.results]


def _drawable(user) -> QuerySet[Result]:
    """Results to hold up: a known change of which the indicator says whether it is better."""
    return (
        Result.objects.visible_to(user)
        .filter(change_percent__isnull=False)
        .exclude(Q(kpi__direction=Direction.NONE) | Q(change_percent=0) | Q(kpi__code__in=SETTINGS))
        .for_display()
    )


def newest_results(user, *, count: int = 4) -> list[Result]:
    """The last measured results with a known change, one a use case. One query."""
    rows = _drawable(user).filter(measured_year__isnull=False).order_by("-measured_year", "-grade", "pk")
    found: dict[int, Result] = {}
    for result in rows[: count * 8]:
        found.setdefault(result.use_case_id, result)
    return list(found.values())[:count]


def strongest_result(user) -> Result | None:
    """The surest result, as an example of how to read one; among equals the one on record longest, never the largest.

    None while nothing is measured. One query.
    """
    rows = _drawable(user).filter(change_percent__gte=Decimal(-100), change_percent__lte=Decimal(200))
    return rows.order_by("-grade", "pk").first()


def strongest_by_region(user) -> list[Result]:
    """One result for each region: the surest, among equals the one on record longest. One query."""
    region = "use_case__city__country__region_id"
    return list(_drawable(user).order_by(region, "-grade", "pk").distinct(region))


@dataclass(frozen=True)
class CityPlace:
    """A city on the map, with what it has there."""

    city: City
    use_cases: int
    has_result: bool
    #: A line under its name on the map; only labelled cities are named there.
    label: str = ""

    @property
    def name(self) -> str:
        return self.city.name

    @property
    def url(self) -> str:
        return self.city.get_absolute_url()

    @property
    def latitude(self) -> Decimal:
        return self.city.latitude

    @property
    def longitude(self) -> Decimal:
        return self.city.longitude


def city_places(use_cases: QuerySet[UseCaseDocument], *, labels: dict[int, str] | None = None) -> list[CityPlace]:
    """The cities of the given use cases by name, each with its number of them. Two queries.

    Args:
        use_cases: documents, filtered as the reader asked, visible ones only.
        labels: city id -> words under its name on the map.
    """
    rows = (
        use_cases.order_by()
        .values_list("city")
        .annotate(n=Count("pk"), measured=Count("pk", filter=Q(has_results="yes")))
    )
    counts = {slug: (n, measured_n) for slug, n, measured_n in rows}
    cities = City.objects.filter(slug__in=counts).select_related("country__region").order_by("name", "pk")
    return [
        CityPlace(
            city=city,
            use_cases=counts[city.slug][0],
            has_result=counts[city.slug][1] > 0,
            label=(labels or {}).get(city.pk, ""),
        )
        for city in cities
    ]


@dataclass(frozen=True)
class RegionPlaces:
    """The cities of one region, by country."""

    name: str
    slug: str
    countries: list[tuple[str, list[CityPlace]]]

    @property
    def places(self) -> list[CityPlace]:
        return [place for _country, places in self.countries for place in places]

    @property
    def use_cases(self) -> int:
        return sum(place.use_cases for place in self.places)


def by_region(places: Sequence[CityPlace]) -> list[RegionPlaces]:
    """The same places for a list: regions, countries and cities by name. Needs no query."""
    regions: dict[str, dict[str, list[CityPlace]]] = {}
    slugs: dict[str, str] = {}
    for place in places:
        country = place.city.country
        slugs[str(country.region)] = country.region.slug
        regions.setdefault(str(country.region), {}).setdefault(str(country), []).append(place)
    return [RegionPlaces(name, slugs[name], sorted(regions[name].items())) for name in sorted(regions)]
