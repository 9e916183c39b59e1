"""Query parameters of the use cases, of their places, fields, technologies and organisations, at every door."""

from typing import Any

import django_filters
from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from alliance.core.facets import ArrayFacet, Facet, Names
from alliance.core.filters import PortalFilterSet, SearchFilter, Sort
from alliance.core.plain import UNSURE
from alliance.core.search import Searchable
from alliance.core.verticals import VerticalCode
from alliance.members.filters import OrganisationFilter
from alliance.members.models import Organisation
from standards.models import Standard
from usecases.expressions import Period, YesNo, published_use_cases
from usecases.models import (
    FIRST_YEAR,
    LAST_YEAR,
    City,
    CityDocument,
    Country,
    CovidRelevance,
    Region,
    SizeBand,
    Stage,
    Technology,
    UseCaseDocument,
    Vertical,
)
from usecases.search import SEARCHABLE

CITY_SEARCHABLE = Searchable({"A": ("name",), "B": ("country__name",)})


class YearInput(forms.NumberInput):
    """The same without Django's three templates, which cost a list page as much as all its facets."""

    def render(self, name, value, attrs=None, renderer=None):
        widget = self.get_context(name, value, attrs)["widget"]
        given = {key: widget[key] for key in ("type", "name", "value") if widget[key] is not None}
        return format_html("<input{}>", flatatt(given | widget["attrs"]))


class YearFilter(django_filters.NumberFilter):
    """A calendar year."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, min_value=FIRST_YEAR, max_value=LAST_YEAR, decimal_places=0, widget=YearInput, **kwargs)

    def plain(self, given: list[str], names: Names | None) -> Any:
        """A year of four digits; else `UNSURE`."""
        (text,) = given if len(given) == 1 else ("",)
        is_year = len(text) == 4 and text.isascii() and text.isdigit() and FIRST_YEAR <= int(text) <= LAST_YEAR
        return int(text) if is_year else UNSURE


class UseCaseFilter(PortalFilterSet):
    """Query parameters of the use cases."""

    q = SearchFilter(SEARCHABLE)
    vertical = Facet("vertical", label=_("Field"), choices=VerticalCode)
    region = Facet("region", label=_("Region"), rows=Region.objects.all)
    country = Facet("country", label=_("Country"), rows=Country.objects.all, key="code")
    city = Facet("city", label=_("City"), rows=City.objects.all)
    size = Facet("size", label=_("City size"), choices=SizeBand, ordered=True)
    stage = Facet("stage", label=_("Stage"), choices=Stage, ordered=True)
    period = Facet("period", label=_("Start"), choices=Period, ordered=True)
    # By `start`, which the indexes hold (0 where the year is not known).
    year_min = YearFilter("start", "gte", label=_("Started in or after"))
    year_max = YearFilter("started_year", "lte", label=_("Started in or before"))
    technology = ArrayFacet("technologies", label=_("Technology"), rows=Technology.objects.all)
    standard = ArrayFacet("standards", label=_("Standard named"), rows=Standard.objects.all)
    organisation = ArrayFacet("organisations", label=_("Organisation"), rows=Organisation.objects.all)
    covid = Facet("covid", label=_("COVID-19"), choices=CovidRelevance, ordered=True)

    sorts = {
        "title": Sort(_("Title"), ("title",)),
        "newest": Sort(_("Newest"), ("-start",)),
        "added": Sort(_("Added last"), ("-published_at",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "newest"

    class Meta:
        model = UseCaseDocument
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

    q = SearchFilter(CITY_SEARCHABLE)
    region = Facet("region", label=_("Region"), rows=Region.objects.all)
    country = Facet("country", label=_("Country"), rows=Country.objects.all, key="code")
    size = Facet("size", label=_("City size"), choices=SizeBand, ordered=True)
    active = Facet("active", label=_("With a use case"), choices=YesNo, ordered=True)

    sorts = {
        "name": Sort(_("Name"), ("name",)),
        "population": Sort(_("Population"), ("-known_population",)),
        "cases": Sort(_("Most use cases"), ("-use_case_count",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "name"

    class Meta:
        model = CityDocument
        fields: list[str] = []


class ActiveOrganisationFilter(OrganisationFilter):
    """The organisations' parameters, and what their use cases are about."""

    vertical = ArrayFacet("verticals", label=_("Field"), choices=VerticalCode)
    country = ArrayFacet("countries", label=_("Country of a use case"), rows=Country.objects.all, key="code")

    sorts = {
        **OrganisationFilter.sorts,
        "cases": Sort(_("Most use cases"), ("-use_case_count",)),
    }

    class Meta(OrganisationFilter.Meta):
        pass
