"""The REST API: which resources there are, with the filters of every floor, its root, its description, its guide."""

from functools import lru_cache
from typing import Any

from django.urls import path, re_path, reverse
from django.utils import translation
from django.views.generic import TemplateView
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

import kpis.aggregate_api
import kpis.api
import kpis.crosswalk_api
import kpis.formula_api
import kpis.insight.api
import practices.api
import reporting.api
import standards.api
import usecases.api
from alliance.core import api_guide, pagination
from alliance.core import schema as api_schema
from alliance.core.api import AcceptNegotiation, Endpoint, Resource
from alliance.core.errors import PROBLEM_TYPES, BadParameters, ParameterError
from alliance.core.throttling import ClientRateThrottle
from alliance.events.facet_api import FacetCounts
from alliance.members import api as members_api
from kpis.use_case_filters import MeasuredUseCaseFilter
from usecases.filters import ActiveOrganisationFilter
from usecases.standard_filters import UsedStandardFilter

app_name = "api"

#: Filters that higher floors add to a resource of a lower one.
RICHER_FILTERS = {
    "use-cases": MeasuredUseCaseFilter,
    "standards": UsedStandardFilter,
    "organisations": ActiveOrganisationFilter,
}
_ORDER = (
    "use-cases",
    "results",
    "standards",
    "bodies",
    "kpis",
    "aggregates",
    "cities",
    "countries",
    "verticals",
    "technologies",
    "organisations",
)
_ALL = {
    resource.resource: resource
    for resource in (
        *usecases.api.resources,
        *kpis.api.resources,
        *kpis.aggregate_api.resources,
        *standards.api.resources,
        *members_api.resources,
    )
}
#: Lists to which members report, by a door of a higher floor.
for _name, _reporting in reporting.api.DOORS.items():
    _ALL[_name] = type(f"Reporting{_ALL[_name].__name__}", (_reporting, _ALL[_name]), {})
RESOURCES: list[type[Resource]] = [_ALL[name] for name in _ORDER]


def filterset_of(resource: type[Resource]) -> type:
    """The richest filterset of a resource: that of its page."""
    return RICHER_FILTERS.get(resource.resource, resource.filterset_class)


#: What the root names besides the lists: address below the root.
ADDRESSES: dict[str, tuple[str, type[Endpoint]]] = {
    "practices": ("practices/", practices.api.PracticesView),
    "practice-evidence": ("practices/{slug}/evidence/", practices.api.EvidenceView),
    "ranking": ("rankings/{run}/", practices.api.RankingView),
}


class RootView(Endpoint):
    """Where a program starts: every list, its exports and its filters."""

    operation_id, summary = "root", "What there is"
    description = "Every list of the API with its exports and the parameters that it knows."
    answers = {
        200: inline_serializer(
            "Root",
            {
                "title": serializers.CharField(),
                "documentation": serializers.URLField(),
                "schema": serializers.URLField(),
                "resources": serializers.DictField(
                    child=inline_serializer(
                        "ResourceLinks",
                        {
                            "description": serializers.CharField(),
                            "list": serializers.URLField(),
                            "exports": serializers.DictField(child=serializers.URLField()),
                            "facets": serializers.URLField(required=False),
                            "parameters": serializers.ListField(child=serializers.CharField()),
                        },
                    )
                ),
                "addresses": serializers.DictField(
                    child=inline_serializer(
                        "AddressLink", {"description": serializers.CharField(), "address": serializers.CharField()}
                    ),
                    help_text="What is no list: URI templates of RFC 6570.",
                ),
            },
        )
    }

    def get(self, request: Request) -> Response:
        def address(name: str, *args: str) -> str:
            return request.build_absolute_uri(reverse(f"api:{name}", args=args))

        body = {
            "title": "Alliance for Best Practices and Standards in Smart Cities: REST API, version 1",
            "documentation": address("docs"),
            "schema": address("schema"),
            "resources": {
                resource.resource: {
                    "description": resource.summary,
                    "list": address(f"{resource.url_name}-list"),
                    "exports": {
                        ending: address(f"{resource.url_name}-export", ending) for ending in resource.formats()
                    },
                    **({"facets": address(f"{resource.url_name}-facets")} if issubclass(resource, FacetCounts) else {}),
                    "parameters": [*filterset_of(resource).base_filters, "sort"],
                }
                for resource in RESOURCES
            },
            "addresses": {
                name: {
                    "description": view.summary,
                    "address": request.build_absolute_uri(reverse("api:root")) + path,
                }
                for name, (path, view) in ADDRESSES.items()
            },
        }
        links = f'<{body["schema"]}>; rel="service-desc", <{body["documentation"]}>; rel="service-doc"'
        return Response(body, headers={"Link": links})


@lru_cache(maxsize=1)
def openapi() -> dict[str, Any]:
    """The description of this API; it changes with the software only."""
    with translation.override("en"):
        return SchemaGenerator().get_schema(request=None, public=True)


class SchemaNegotiation(AcceptNegotiation):
    """JSON or YAML by `?format=`, else by the header Accept."""

    def select_renderer(self, request: Request, renderers: list[Any], format_suffix: str | None = None) -> Any:
        wanted = request.query_params.get("format", "")
        chosen = {"json": OpenApiJsonRenderer2, "yaml": OpenApiYamlRenderer}.get(wanted)
        if chosen is not None:
            return chosen(), chosen.media_type
        return super().select_renderer(request, renderers, format_suffix)


class SchemaView(Endpoint):
    """The OpenAPI description."""

    operation_id, summary = "schema", "This description"
    description = "OpenAPI 3.1, as JSON or YAML."
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer]
    content_negotiation_class = SchemaNegotiation
    parameters = ("format",)
    query_parameters = (
        OpenApiParameter("format", str, enum=["json", "yaml"], description="Instead of the header Accept."),
    )
    answers = {200: OpenApiResponse(OpenApiTypes.OBJECT, description="The description.")}

    def get(self, request: Request) -> Response:
        wanted = request.query_params.get("format", "json")
        if wanted not in ("json", "yaml", ""):
            raise BadParameters([ParameterError("format", f"Give json or yaml, not “{wanted[:40]}”.", "invalid")])
        return Response(openapi())


class DocsView(TemplateView):
    """The guide to the API: the description as a page that needs no script and no other server."""

    template_name = "api/docs.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        described = openapi()
        sections = api_guide.sections(described)
        resources = {resource.resource: resource for resource in (*RESOURCES, reporting.api.ReportResource)}
        return super().get_context_data(
            # The address under which the reader has come, so that what is copied from here works there.
            origin=f"{self.request.scheme}://{self.request.get_host()}",
            sections=[(section, resources[section.name]) for section in sections if section.name in resources],
            others=[section for section in sections if section.name not in resources],
            refusals=(api_schema.WRITING_REFUSALS | api_schema.REFUSALS).items(),
            problem_types=PROBLEM_TYPES.items(),
            problem_example=api_guide.problem_example(described, "400"),
            throttle=ClientRateThrottle(),
            largest_page=pagination.LARGEST_PAGE,
            page_size=pagination.PAGE_SIZE,
            **kwargs,
        )


def _writes(resource: type[Resource]) -> dict[str, str]:
    """Method -> action, for lists to which members report."""
    return {"post": "create"} if issubclass(resource, reporting.api.ReportingDoor) else {}


urlpatterns: list[Any] = [
    path("v1/", RootView.as_view(), name="root"),
    path("v1/schema/", SchemaView.as_view(), name="schema"),
    path("v1/docs/", DocsView.as_view(), name="docs"),
    path("v1/practices/", practices.api.PracticesView.as_view(), name="practices"),
    path("v1/practices/<slug:slug>/evidence/", practices.api.EvidenceView.as_view(), name="practice-evidence"),
    path("v1/rankings/<int:run>/", practices.api.RankingView.as_view(), name="ranking"),
]
for _resource in RESOURCES:
    _door: dict[str, Any] = {"filterset_class": filterset_of(_resource)}
    _base, _name = _resource.resource, _resource.url_name
    urlpatterns += [
        path(f"v1/{_base}/", _resource.as_view({"get": "list", **_writes(_resource)}, **_door), name=f"{_name}-list"),
        re_path(
            rf"^v1/{_base}/(?P<{_resource.lookup_field}>{_resource.lookup_value_regex})/$",
            _resource.as_view({"get": "retrieve"}, **_door),
            name=f"{_name}-detail",
        ),
        re_path(
            rf"^v1/{_base}\.(?P<ending>{'|'.join(_resource.formats())})$",
            _resource.as_view({"get": "export"}, **_door),
            name=f"{_name}-export",
        ),
    ]
    if issubclass(_resource, FacetCounts):
        facets = _resource.as_view({"get": "facets"}, **_door)
        urlpatterns.append(path(f"v1/facets/{_base}/", facets, name=f"{_name}-facets"))

urlpatterns += [
    path("v1/kpis/<path:code>/distribution/", kpis.insight.api.DistributionView.as_view(), name="kpi-distribution"),
    path("v1/peers/", kpis.insight.api.PeersView.as_view(), name="peers"),
    path("v1/benchmarks/", kpis.insight.api.BenchmarksView.as_view(), name="benchmarks"),
]

urlpatterns += [
    path("v1/kpis/<path:code>/calculate/", kpis.formula_api.CalculateView.as_view(), name="kpi-calculate"),
    path("v1/kpis/<path:code>/crosswalk/", kpis.crosswalk_api.CrosswalkView.as_view(), name="kpi-crosswalk"),
]

_reports = reporting.api.ReportResource
urlpatterns += [
    path("v1/reports/", _reports.as_view({"get": "list"}), name="report-list"),
    re_path(
        rf"^v1/reports/(?P<key>{_reports.lookup_value_regex})/$",
        _reports.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="report-detail",
    ),
]
