"""How the ready documents of use cases and cities are made, and what use cases add to those of lower floors."""

from django.db.models import BooleanField, Case, Expression, OuterRef, Value, When
from django.db.models.functions import Coalesce

from alliance.events.documents import Kind, listed
from alliance.members.kinds import ORGANISATIONS
from standards.kinds import STANDARDS
from usecases.api import CitySerializer, UseCaseSerializer
from usecases.documents import CityDocument, UseCaseDocument
from usecases.expressions import PERIOD, active, published_use_cases
from usecases.filters import CITY_SEARCHABLE
from usecases.models import City, Participation, StandardUse, Status, Technology, UseCase
from usecases.search import SEARCHABLE

_CITY, _COUNTRY, _REGION = ("slug", "name", "size_band", "country_id"), ("code", "name", "region_id"), ("slug",)

USE_CASES = Kind(
    name="use-cases",
    model=UseCase,
    document=UseCaseDocument,
    serializer=UseCaseSerializer,
    columns={
        "slug": "slug",
        "title": "title",
        "vertical": "vertical__code",
        "region": "city__country__region__slug",
        "country": "city__country__code",
        "city": "city__slug",
        "size": "city__size_band",
        "stage": "stage",
        "period": PERIOD,
        "covid": "covid_relevance",
        "start": Coalesce("started_year", 0),
        "started_year": "started_year",
        "published_at": "published_at",
        "technologies": listed(Technology.objects.filter(use_cases=OuterRef("pk")), "slug"),
        "standards": listed(StandardUse.objects.filter(use_case=OuterRef("pk")), "standard__slug"),
        "organisations": listed(Participation.objects.filter(use_case=OuterRef("pk")), "organisation__slug"),
    },
    is_public=Case(When(status=Status.PUBLISHED, then=True), default=False, output_field=BooleanField()),
    searchable=SEARCHABLE,
    watched={
        "vertical": ("code",),
        "city": _CITY,
        "city__country": _COUNTRY,
        "city__country__region": _REGION,
        "technologies": ("slug", "name"),
        "standard_uses__standard": ("slug",),
        "standard_uses__edition": (),
        "participations__organisation": ("slug",),
        "reported_by": (),
    },
).register()

CITIES = Kind(
    name="cities",
    model=City,
    document=CityDocument,
    serializer=CitySerializer,
    columns={
        "slug": "slug",
        "name": "name",
        "region": "country__region__slug",
        "country": "country__code",
        "size": "size_band",
        "known_population": Coalesce("population", 0),
        "active": active("city"),
        "use_case_count": published_use_cases("city"),
    },
    is_public=Value(True, output_field=BooleanField()),
    searchable=CITY_SEARCHABLE,
    watched={"country": _COUNTRY, "country__region": _REGION, "use_cases": ("status", "city_id")},
    more_paths=["use_cases"],
).register()

# --- what use cases tell of standards and organisations
STANDARDS.extend(
    {"used": active("standards"), "use_case_count": published_use_cases("standards")},
    ["uses", "uses__use_case"],
    watched={"uses": ("standard_id", "use_case_id"), "uses__use_case": ("status",)},
)

_PUBLISHED = Participation.objects.filter(organisation=OuterRef("pk"), use_case__status=Status.PUBLISHED)


def _about(path: str) -> Expression:
    return listed(_PUBLISHED, path)


ORGANISATIONS.extend(
    {
        "verticals": _about("use_case__vertical__code"),
        "countries": _about("use_case__city__country__code"),
        "use_case_count": published_use_cases("organisations"),
    },
    [
        "participations",
        "participations__use_case",
        "participations__use_case__vertical",
        "participations__use_case__city",
        "participations__use_case__city__country",
    ],
    watched={
        "participations": ("organisation_id", "use_case_id"),
        "participations__use_case": ("status", "vertical_id", "city_id"),
        "participations__use_case__vertical": ("code",),
        "participations__use_case__city": ("country_id",),
        "participations__use_case__city__country": ("code",),
    },
)
