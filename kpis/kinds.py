"""How the ready documents of indicators and results are made, and what results add to those of use cases."""

from django.db.models import BooleanField, Case, IntegerField, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce

from alliance.events.cube import Cube
from alliance.events.documents import Kind, listed
from kpis.api import KpiSerializer, ResultSerializer
from kpis.documents import KpiDocument, ResultDocument
from kpis.expressions import design_expression, effect, measured, public_results, result_count, size_of_change
from kpis.filters import KPI_SEARCHABLE, RESULT_SEARCHABLE
from kpis.models import Kpi, Result, ResultState
from usecases.kinds import USE_CASES
from usecases.models import Status

KPIS = Kind(
    name="kpis",
    model=Kpi,
    document=KpiDocument,
    serializer=KpiSerializer,
    columns={
        "slug": "slug",
        "code": "code",
        "name": "name",
        "kpi_set": "kpi_set",
        "dimension": "dimension",
        "vertical": "vertical__code",
        "kind": "kind",
        "direction": "direction",
        "level": "level",
        "measured": measured("kpi"),
        "result_count": result_count("kpi"),
    },
    is_public=Value(True, output_field=BooleanField()),
    searchable=KPI_SEARCHABLE,
    watched={
        "vertical": ("code",),
        "results": ("state", "kpi_id", "use_case_id"),
        "results__use_case": ("status",),
    },
    more_paths=["results", "results__use_case"],
).register()

RESULTS = Kind(
    name="results",
    model=Result,
    document=ResultDocument,
    serializer=ResultSerializer,
    columns={
        "slug": "slug",
        "kpi": "kpi__slug",
        "kpi_code": "kpi__code",
        "kpi_set": "kpi__kpi_set",
        "use_case": "use_case__slug",
        "use_case_title": "use_case__title",
        "vertical": "use_case__vertical__code",
        "region": "use_case__city__country__region__slug",
        "country": "use_case__city__country__code",
        "city": "use_case__city__slug",
        "size": "use_case__city__size_band",
        "design": design_expression(),
        "method": "method",
        "effect": effect(),
        "grade": "grade",
        "measured_year": "measured_year",
        "year": Coalesce("measured_year", 0),
        "size_of_change": size_of_change(),
    },
    is_public=Case(
        When(state=ResultState.ACCEPTED, use_case__status=Status.PUBLISHED, then=True),
        default=False,
        output_field=BooleanField(),
    ),
    searchable=RESULT_SEARCHABLE,
    computed={"effect": effect()},
    watched={
        "kpi": ("slug", "code", "name", "kpi_set", "direction"),
        "use_case": ("slug", "title", "status", "vertical_id", "city_id"),
        "use_case__vertical": ("code",),
        "use_case__city": ("slug", "name", "size_band", "country_id"),
        "use_case__city__country": ("code", "region_id"),
        "use_case__city__country__region": ("slug",),
        "reported_by": (),
        "supersedes": (),
    },
).register()

# --- what results tell of use cases
_OF_CASE = public_results().filter(use_case=OuterRef("pk"))

USE_CASES.extend(
    {
        "has_results": measured("use_case"),
        "designs": listed(_OF_CASE.annotate(design=design_expression()), "design"),
        "kpis": listed(_OF_CASE, "kpi__slug"),
        # 0 without any.
        "strongest_grade": Coalesce(
            Subquery(_OF_CASE.order_by("-grade").values("grade")[:1], output_field=IntegerField()), 0
        ),
        "result_count": result_count("use_case"),
    },
    ["results", "results__kpi"],
    watched={"results": ("state", "kpi_id", "use_case_id", "method"), "results__kpi": ("slug",)},
)
USE_CASES.cube = Cube(
    USE_CASES.name,
    dimensions=("region", "vertical", "stage", "has_results", "size", "covid", "period"),
    listed={
        "country": 1,
        "city": 1,
        "technologies": 1,
        "standards": 1,
        "organisations": 1,
        "designs": 1,
        "kpis": 1,
    },
    arrays=frozenset({"technologies", "standards", "organisations", "designs", "kpis"}),
)
RESULTS.cube = Cube(
    RESULTS.name,
    dimensions=("region", "vertical", "kpi_set", "size", "design", "effect", "method"),
    # A use case has few results: with a choice, a scan is cheaper than so many counts.
    listed={"country": 1, "city": 1, "kpi": 1, "use_case": 0},
)
