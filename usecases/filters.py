"""Query parameters of the use cases, of their places, fields, technologies and organisations, at every door."""

import django_filters
from django.db.models import Case, CharField, Count, Exists, IntegerField, OuterRef, Subquery, TextChoices, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from alliance.core.filters import Facet, PortalFilterSet, SearchFilter, Sort, ThroughFacet
from alliance.core.search import Searchable
from alliance.core.verticals import VerticalCode
from alliance.members.filters import OrganisationFilter
from alliance.members.models import Organisation
from standards.models import Standard
from usecases.models import (
    FIRST_YEAR,
    LAST_YEAR,
    City,
    Country,
    CovidRelevance,
    Participation,
    Region,
    SizeBand,
    Stage,
    StandardUse,
    Status,
    Technology,
    UseCase,
    Vertical,
)
from usecases.search import SEARCHABLE


class Period(TextChoices):
    """When a use case started, in bands that a reader can take in."""

    FROM_2020 = "2020", _("2020 and later")
    FROM_2015 = "2015-2019", _("2015 to 2019")
    FROM_2010 = "2010-2014", _("2010 to 2014")
    EARLIER = "before-2010", _("Before 2010")
    UNKNOWN = "unknown", _("Not stated")


_PERIOD = Case(
    When(started_year__gte=2020, then=Value(Period.FROM_2020.value)),
    When(started_year__gte=2015, then=Value(Period.FROM_2015.value)),
    When(started_year__gte=2010, then=Value(Period.FROM_2010.value)),
    When(started_year__lt=2010, then=Value(Period.EARLIER.value)),
    default=Value(Period.UNKNOWN.value),
    output_field=CharField(),
)


class YesNo(TextChoices):
    """A plain question."""

    YES = "yes", _("Yes")
    NO = "no", _("No")


class YearFilter(django_filters.NumberFilter):
    """A calendar year."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, min_value=FIRST_YEAR, max_value=LAST_YEAR, decimal_places=0, **kwargs)


def published_use_cases(path: str) -> Coalesce:
    """How many published use cases point to the row of the outer query through `path`."""
    count = (
        UseCase.objects.filter(status=Status.PUBLISHED, **{path: OuterRef("pk")})
        .order_by()
        .values(path)
        .annotate(n=Count("pk", distinct=True))
        .values("n")
    )
    return Coalesce(Subquery(count, output_field=IntegerField()), 0)


def active(path: str) -> Case:
    """`yes` when a published use case points to the row of the outer query through `path`, else `no`."""
    published = UseCase.objects.filter(status=Status.PUBLISHED, **{path: OuterRef("pk")})
    return Case(When(Exists(published), then=Value("yes")), default=Value("no"), output_field=CharField())


class UseCaseFilter(PortalFilterSet):
    """Query parameters of the use cases."""

    q = SearchFilter(SEARCHABLE)
    vertical = Facet("vertical__code", label=_("Field"), choices=VerticalCode)
    region = Facet("city__country__region__slug", label=_("Region"), rows=Region.objects.all)
    country = Facet("city__country__code", label=_("Country"), rows=Country.objects.all, key="code")
    city = Facet("city__slug", label=_("City"), rows=City.objects.all)
    size = Facet("city__size_band", label=_("City size"), choices=SizeBand, ordered=True)
    stage = Facet("stage", label=_("Stage"), choices=Stage, ordered=True)
    period = Facet(_PERIOD, label=_("Start"), choices=Period, ordered=True)
    year_min = YearFilter("started_year", "gte", label=_("Started in or after"))
    year_max = YearFilter("started_year", "lte", label=_("Started in or before"))
    technology = ThroughFacet(
        UseCase.technologies.through.objects.all,
        "usecase",
        "technology__slug",
        label=_("Technology"),
        rows=Technology.objects.all,
    )
    standard = ThroughFacet(
        StandardUse.objects.all,
        "use_case",
        "standard__slug",
        label=_("Standard named"),
        rows=Standard.objects.all,
    )
    organisation = ThroughFacet(
        Participation.objects.all,
        "use_case",
        "organisation__slug",
        label=_("Organisation"),
        rows=Organisation.objects.all,
    )
    covid = Facet("covid_relevance", label=_("COVID-19"), choices=CovidRelevance, ordered=True)

    sorts = {
        "title": Sort(_("Title"), ("title",)),
        "newest": Sort(_("Newest"), ("-start",), lambda: {"start": Coalesce("started_year", 0)}),
        "added": Sort(_("Added last"), ("-published_at",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "newest"

    class Meta:
        model = UseCase
        fields: list[str] = []


class RegionFilter(PortalFilterSet):
    """Query parameters of the regions."""

    sorts = {"name": Sort(_("Name"), ("name",))}
    default_sort = "name"

    class Meta:
        model = Region
        fields: list[str] = []


class CountryFilter(PortalFilterSet):
    """Query parameters of the countries."""

    q = SearchFilter(Searchable({"A": ("name",), "B": ("code",)}))
    region = Facet("region__slug", label=_("Region"), rows=Region.objects.all)

    sorts = {
        "name": Sort(_("Name"), ("name",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "name"

    class Meta:
        model = Country
        fields: list[str] = []


class VerticalFilter(PortalFilterSet):
    """Query parameters of the fields."""

    sorts = {"code": Sort(_("Code"), ("code",))}
    default_sort = "code"

    class Meta:
        model = Vertical
        fields: list[str] = []


class TechnologyFilter(PortalFilterSet):
    """Query parameters of the technologies."""

    q = SearchFilter(Searchable({"A": ("name",)}))

    sorts = {
        "name": Sort(_("Name"), ("name",)),
        "cases": Sort(
            _("Most use cases"), ("-use_case_count",), lambda: {"use_case_count": published_use_cases("technologies")}
        ),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "name"

    class Meta:
        model = Technology
        fields: list[str] = []


class CityFilter(PortalFilterSet):
    """Query parameters of the cities."""

    q = SearchFilter(Searchable({"A": ("name",), "B": ("country__name",)}))
    region = Facet("country__region__slug", label=_("Region"), rows=Region.objects.all)
    country = Facet("country__code", label=_("Country"), rows=Country.objects.all, key="code")
    size = Facet("size_band", label=_("City size"), choices=SizeBand, ordered=True)
    active = Facet(active("city"), label=_("With a use case"), choices=YesNo, ordered=True)

    sorts = {
        "name": Sort(_("Name"), ("name",)),
        "population": Sort(
            _("Population"), ("-known_population",), lambda: {"known_population": Coalesce("population", 0)}
        ),
        "cases": Sort(
            _("Most use cases"), ("-use_case_count",), lambda: {"use_case_count": published_use_cases("city")}
        ),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "name"

    class Meta:
        model = City
        fields: list[str] = []


class ActiveOrganisationFilter(OrganisationFilter):
    """The organisations' parameters, and what their use cases are about."""

    vertical = ThroughFacet(
        lambda: Participation.objects.filter(use_case__status=Status.PUBLISHED),
        "organisation",
        "use_case__vertical__code",
        label=_("Field"),
        choices=VerticalCode,
    )
    country = ThroughFacet(
        lambda: Participation.objects.filter(use_case__status=Status.PUBLISHED),
        "organisation",
        "use_case__city__country__code",
        label=_("Country of a use case"),
        rows=Country.objects.all,
        key="code",
    )

    sorts = {
        **OrganisationFilter.sorts,
        "cases": Sort(
            _("Most use cases"), ("-use_case_count",), lambda: {"use_case_count": published_use_cases("organisations")}
        ),
    }

    class Meta(OrganisationFilter.Meta):
        pass
