"""Pages of the cities."""

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.views.generic import DetailView

from alliance.events.lists import DocumentListView
from usecases.filters import CityFilter
from usecases.kinds import CITIES
from usecases.models import City, SizeBand, UseCase

#: Cities of the same size and region that a city's page names.
MOST_ALIKE = 8


def with_use_case_counts(cities: QuerySet[City], user) -> QuerySet[City]:
    """Cities with `visible_use_cases`: how many use cases of each the reader may see."""
    visible = Q(use_cases__in=UseCase.objects.visible_to(user).order_by().values("pk"))
    return cities.annotate(visible_use_cases=Count("use_cases", filter=visible, distinct=True))


class CityListView(DocumentListView):
    """All cities, with filters."""

    kind = CITIES
    filterset_class = CityFilter
    template_name = "usecases/city_list.html"
    fragment_template_name = "usecases/_city_list.html"
    open_facets = ("active", "region", "size")
    page_size = 50
    page_sizes = (50, 100, 200)
    headline_title = "name"

    def get_queryset(self) -> QuerySet[City]:
        return City.objects.select_related("country__region")

    def rows_to_show(self, rows: QuerySet) -> QuerySet:
        return with_use_case_counts(super().rows_to_show(rows), self.request.user)


class CityDetailView(DetailView):
    """One city: what is known of it, what was tried there, and cities of its size."""

    template_name = "usecases/city_detail.html"
    context_object_name = "city"

    def get_queryset(self) -> QuerySet[City]:
        return City.objects.select_related("country__region")

    def get_context_data(self, **kwargs) -> dict:
        user = self.request.user
        use_cases = list(UseCase.objects.visible_to(user).filter(city=self.object).for_cards())
        return super().get_context_data(
            use_cases=use_cases,
            size=SizeBand(self.object.size_band).label,
            alike=self._alike(),
            structured_data=self._structured_data(),
            **kwargs,
        )

    def _alike(self) -> list[City]:
        """Other cities of the same size band and region with a use case, those with most first."""
        if self.object.size_band == SizeBand.UNKNOWN:
            return []
        rows = City.objects.filter(size_band=self.object.size_band, country__region=self.object.country.region)
        rows = with_use_case_counts(rows.exclude(pk=self.object.pk), self.request.user).filter(visible_use_cases__gt=0)
        return list(rows.select_related("country").order_by("-visible_use_cases", "name", "pk")[:MOST_ALIKE])

    def _structured_data(self) -> dict:
        """The city as a schema.org City."""
        city = self.object
        return {
            "@context": "https://schema.org",
            "@type": "City",
            "@id": f"{settings.PORTAL_ORIGIN}{city.get_absolute_url()}",
            "name": city.name,
            "geo": {
                "@type": "GeoCoordinates",
                "latitude": float(city.latitude),
                "longitude": float(city.longitude),
            },
            "containedInPlace": {"@type": "Country", "name": str(city.country), "identifier": city.country.code},
        }
